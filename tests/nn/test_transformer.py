"""Attention and transformers against PyTorch: weights, values, dropout masks and gradients in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings(
    "ignore:enable_nested_tensor is True", "ignore:The PyTorch API of nested", "ignore:Support for mismatched"
)

ATTENTION = [
    dict(zip(("batch_first", "bias", "add_bias_kv", "add_zero_attn", "separate"), values, strict=True))
    for values in itertools.product((False, True), repeat=5)
]


def agree(ours: list[Any], theirs: list[Any]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) is (b is None)
        if a is not None:
            assert tuple(a.shape) == tuple(b.shape)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)


def attention(
    T: Any, options: dict[str, Any], mask: str | None, padding: bool, single: bool, need_weights: bool
) -> tuple[str, list[Any]]:
    T.manual_seed(3)
    options = dict(options)
    widths = (8, 5, 6) if options.pop("separate") else (8, 8, 8)
    layer = T.nn.MultiheadAttention(8, 2, dropout=0.3, kdim=widths[1], vdim=widths[2], dtype=T.float64, **options)
    rng, n = np.random.default_rng(1), 2

    def input_of(length: int, width: int) -> Any:
        shape = (length, width) if single else (n, length, width) if layer.batch_first else (length, n, width)
        return T.tensor(rng.normal(size=shape), requires_grad=True)

    inputs = [input_of(length, width) for length, width in zip((4, 3, 3), widths, strict=True)]
    masks = {
        "bool": lambda: T.tensor(np.triu(np.ones((4, 3), bool), 2)),
        "float": lambda: T.tensor(rng.normal(size=(4, 3))),
        "heads": lambda: T.tensor(rng.normal(size=((1 if single else n) * 2, 4, 3))),
    }
    hidden = (
        T.tensor([False, False, True] if single else [[False, False, True], [False, True, False]]) if padding else None
    )
    T.manual_seed(9)
    out, weights = layer(
        *inputs, key_padding_mask=hidden, attn_mask=masks[mask]() if mask else None, need_weights=need_weights,
        average_attn_weights=padding,
    )  # fmt: skip
    gradients = T.autograd.grad((out**2).sum(), [*inputs, *layer.parameters()])
    return repr(layer) + str(list(layer.state_dict())), [*layer.state_dict().values(), out, weights, *gradients]


@pytest.mark.parametrize("options", ATTENTION, ids=str)
def test_multihead_attention(options: dict[str, Any]) -> None:
    for i, mask in enumerate((None, "bool", "float", "heads")):
        for padding, single in itertools.product((False, True), repeat=2):
            ours, theirs = (attention(T, options, mask, padding, single, i % 2 == 0) for T in (nptorch, torch))
            assert ours[0] == theirs[0]
            agree(ours[1], theirs[1])


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("training", [False, True])
def test_transformer(norm_first: bool, batch_first: bool, activation: str, training: bool) -> None:
    def run(T: Any) -> tuple[str, list[Any]]:
        T.manual_seed(3)
        model = T.nn.Transformer(
            8, 2, 2, 2, 16, dropout=0.2, activation=activation, batch_first=batch_first, norm_first=norm_first, dtype=T.float64
        )  # fmt: skip
        model.train(training)
        rng = np.random.default_rng(1)
        src, tgt = (
            T.tensor(rng.normal(size=(2, n, 8) if batch_first else (n, 2, 8)), requires_grad=True) for n in (5, 4)
        )
        hidden = T.tensor([[False] * 3 + [True] * 2, [False] * 5])
        T.manual_seed(5)
        mask = model.generate_square_subsequent_mask(4, dtype=T.float64)
        out = model(src, tgt, tgt_mask=mask, src_key_padding_mask=hidden, memory_key_padding_mask=hidden)
        gradients = T.autograd.grad((out**2).sum(), [src, tgt, *model.parameters()])
        return repr(model) + str(list(model.state_dict())), [*model.state_dict().values(), out, *gradients]

    ours, theirs = run(nptorch), run(torch)
    assert ours[0] == theirs[0]
    agree(ours[1], theirs[1])


@pytest.mark.parametrize(
    "options", [{}, {"is_causal": True}, {"scale": 0.0}, {"scale": 0.3}, {"enable_gqa": True}], ids=str
)
def test_scaled_dot_product_attention(options: dict[str, Any]) -> None:
    def run(T: Any) -> list[Any]:
        rng = np.random.default_rng(0)
        heads = 2 if "enable_gqa" in options else 4
        q, k, v = (
            T.tensor(rng.normal(size=(2, h, n, 6)), requires_grad=True) for h, n in ((4, 5), (heads, 5), (heads, 5))
        )
        out = T.nn.functional.scaled_dot_product_attention(q, k, v, **options)
        return [out, *T.autograd.grad((out**2).sum(), [q, k, v])]

    agree(run(nptorch), run(torch))


def test_sizes_that_do_not_fit_are_errors() -> None:
    for T in (nptorch, torch):
        with pytest.raises(AssertionError, match="divisible"):
            T.nn.MultiheadAttention(8, 3)
        with pytest.raises(RuntimeError, match="equal to d_model"):
            T.nn.Transformer(8, 2, 1, 1)(T.zeros(3, 2, 7), T.zeros(3, 2, 7))
        with pytest.raises(RuntimeError, match="shape of the"):
            T.nn.MultiheadAttention(8, 2)(*[T.zeros(4, 1, 8)] * 3, attn_mask=T.zeros(4, 5))
