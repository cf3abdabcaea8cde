"""Recurrent layers against PyTorch: weights, values, states, dropout masks, gradients of first and second order, packed sequences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")

KINDS = ("RNN", "LSTM", "GRU")
OPTIONS = [
    dict(zip(("num_layers", "bidirectional", "batch_first", "bias", "dropout"), values, strict=True))
    for values in itertools.product((1, 2), (False, True), (False, True), (True, False), (0.0, 0.4))
    if not (values[0] == 1 and values[4])
]


def close(ours: Any, theirs: Any, tolerance: float = 1e-10) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def make(T: Any, kind: str, options: dict[str, Any]) -> Any:
    T.manual_seed(1)
    return getattr(T.nn, kind)(4, 5, dtype=T.float64, **options)


def results(T: Any, layer: Any, kind: str, packed: bool, given: bool, single: bool, second: bool) -> list[Any]:
    """Outputs, last states, and gradients of everything."""
    T.manual_seed(5)
    rng = np.random.default_rng(0)
    first, other = (3, 6) if layer.batch_first else (6, 3)
    x = T.tensor(rng.normal(size=(6, 4) if single else (first, other, 4)), requires_grad=True)
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    states = [T.tensor(rng.normal(size=(count, w) if single else (count, 3, w)), requires_grad=True)
              for w in (layer.proj_size or 5, 5)][: 2 if kind == "LSTM" else 1]  # fmt: skip
    hx = (tuple(states) if kind == "LSTM" else states[0]) if given else None
    utils = T.nn.utils.rnn
    into = utils.pack_padded_sequence(x, T.tensor([4, 6, 2]), layer.batch_first, enforce_sorted=False) if packed else x
    out, last = layer(into, hx)
    if packed:
        out, lengths = utils.pad_packed_sequence(out, layer.batch_first, padding_value=-1.0)
        assert lengths.tolist() == [4, 6, 2]
    last = last if isinstance(last, tuple) else (last,)
    loss = (out**2).sum() + sum((s**3).sum() for s in last)
    wanted = [x, *layer.parameters(), *(states if given else [])]
    gradients = T.autograd.grad(loss, wanted, create_graph=second)
    found = [out, *last, *gradients]
    if second:
        found += T.autograd.grad(sum((g**2).sum() for g in gradients), [x, *layer.parameters()])
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind: str, options: dict[str, Any]) -> None:
    ours, theirs = make(nptorch, kind, options), make(torch, kind, options)
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in ours.state_dict().items():
        close(value, theirs.state_dict()[name], 1e-15)
    for packed, given, single in (
        (False, False, False),
        (False, True, False),
        (True, True, False),
        (False, True, True),
    ):
        cases = [
            results(T, layer, kind, packed, given, single, second=False)
            for T, layer in ((nptorch, ours), (torch, theirs))
        ]
        for a, b in zip(*cases, strict=True):
            close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_second_order(kind: str) -> None:
    options = {"num_layers": 2, "bidirectional": True}
    cases = [results(T, make(T, kind, options), kind, False, True, False, second=True) for T in (nptorch, torch)]
    for a, b in zip(*cases, strict=True):
        close(a, b, 1e-8)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_projections() -> None:
    options = {"num_layers": 2, "proj_size": 3, "bidirectional": True}
    cases = [results(T, make(T, "LSTM", options), "LSTM", packed, True, False, second=False) for packed in (False, True) for T in (nptorch, torch)]  # fmt: skip
    for ours, theirs in (cases[:2], cases[2:]):
        for a, b in zip(ours, theirs, strict=True):
            close(a, b)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_no_sequences(kind: str) -> None:
    layer = getattr(nptorch.nn, kind)(3, 4)
    out, _ = layer(nptorch.ones(5, 0, 3))
    out.sum().backward()
    assert out.shape == (5, 0, 4)
    assert all(p.grad is not None and not p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("single", [False, True])
def test_cells(kind: str, single: bool) -> None:
    found = []
    for T in (nptorch, torch):
        T.manual_seed(2)
        cell = getattr(T.nn, kind)(4, 5, dtype=T.float64)
        rng = np.random.default_rng(0)
        x = T.tensor(rng.normal(size=4 if single else (3, 4)))
        h = T.tensor(rng.normal(size=5 if single else (3, 5)))
        state = (h, h * 2) if kind == "LSTMCell" else h
        out, empty = cell(x, state), cell(x)
        found.append([*(out if isinstance(out, tuple) else (out,)), *(empty if isinstance(empty, tuple) else (empty,))])
    for a, b in zip(*found, strict=True):
        close(a, b)


@pytest.mark.parametrize(
    "call",
    [
        lambda T: T.nn.LSTM(4, 5)(T.zeros(3, 2, 7)),
        lambda T: T.nn.LSTM(4, 5)(T.zeros(3, 2, 4, 1)),
        lambda T: T.nn.GRU(4, 5)(T.zeros(3, 2, 4), T.zeros(1, 3, 5)),
        lambda T: T.nn.GRU(4, 5)(T.zeros(3, 2, 4), T.zeros(1, 5)),
        lambda T: T.nn.RNN(4, 5, nonlinearity="elu"),
        lambda T: T.nn.GRU(4, 5, proj_size=2),
        lambda T: T.nn.LSTM(4, 0),
        lambda T: T.nn.LSTM(4, 5, dropout=2),
        lambda T: T.nn.utils.rnn.pack_padded_sequence(T.zeros(4, 2, 1), [2, 3]),
        lambda T: T.nn.utils.rnn.pack_padded_sequence(T.zeros(4, 2, 1), [2, 0]),
        lambda T: T.nn.utils.rnn.pack_padded_sequence(T.zeros(4, 2, 1), [2]),
        lambda T: T.nn.LSTMCell(4, 5)(T.zeros(2, 3)),
    ],
)
def test_errors_are_of_pytorchs_kind(call: Any) -> None:
    with pytest.raises(Exception) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(nptorch)


def test_sequences_pad_and_pack() -> None:
    rows = [np.arange(n * 2.0).reshape(n, 2) for n in (2, 4, 1)]
    for T in (nptorch, torch):
        utils, listed = T.nn.utils.rnn, [T.tensor(r) for r in rows]
        padded = utils.pad_sequence(listed, batch_first=True, padding_value=9.0)
        assert tuple(padded.shape) == (3, 4, 2) and float(padded[2, 1, 0]) == 9.0
        packed = utils.pack_sequence(listed, enforce_sorted=False)
        assert packed.batch_sizes.tolist() == [3, 2, 1, 1] and packed.sorted_indices.tolist() == [1, 0, 2]
        assert [u.tolist() for u in utils.unpack_sequence(packed)] == [r.tolist() for r in rows]
        left = utils.pad_sequence(listed, padding_side="left")
        assert left[:, 2, 1].tolist() == [0, 0, 0, 1]
