"""Layers with a way of their own: lazy ones, adaptive softmax, bags, cross-map normalisation, converted batch norms."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import nn

# A layer, and its inputs: a tuple is the shape of normal numbers, a list holds integers.
CALLS: dict[str, list[Any]] = {
    "nn.LazyLinear(4)": [(3, 5)],
    "nn.LazyLinear(4, bias=False)": [(5,)],
    "nn.LazyConv1d(4, 3)": [(2, 3, 6)],
    "nn.LazyConv2d(4, 3, groups=2, padding='same', padding_mode='reflect')": [(2, 6, 5, 4)],
    "nn.LazyConv3d(4, 2, bias=False)": [(3, 3, 4, 3)],
    "nn.LazyConvTranspose1d(4, 3, groups=2)": [(2, 4, 5)],
    "nn.LazyConvTranspose2d(4, 3, stride=2)": [(2, 3, 4, 4)],
    "nn.LazyConvTranspose3d(2, 2)": [(1, 3, 2, 3, 2)],
    "nn.LazyBatchNorm1d()": [(4, 3)],
    "nn.LazyBatchNorm2d(1e-3, None)": [(2, 3, 2, 4)],
    "nn.LazyBatchNorm3d(track_running_stats=False)": [(2, 3, 2, 2, 2)],
    "nn.LazyInstanceNorm1d()": [(2, 3, 5)],
    "nn.LazyInstanceNorm2d(affine=False)": [(2, 3, 2, 4)],
    "nn.LazyInstanceNorm3d(bias=False)": [(2, 3, 2, 2, 2)],
    "nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))": [(2, 3, 5, 4)],
    "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 9], div_value=2.0, head_bias=True)": [(6, 8), [0, 3, 4, 19, 9, 2]],
    "nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 9])": [(16,), 11],
    "nn.EmbeddingBag(7, 3, padding_idx=-1, mode='max')": [[[1, 2], [6, 3]]],
    "nn.EmbeddingBag(7, 3, max_norm=1.0, norm_type=1.0, include_last_offset=True)": [[1, 2, 6], [0, 1, 3]],
    "nn.EmbeddingBag.from_pretrained(T.arange(6.0).reshape(3, 2), True, None, 2.0, False, 'sum')": [[[2, 1]]],
    "nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))": [(5, 3)],
    "nn.DataParallel(nn.Linear(3, 4))": [(5, 3)],
    "nn.CTCLoss(1)": [(5, 2, 4), [[0, 2], [3, 0]], [5, 4], [2, 1]],
}


def _run(T: Any, text: str) -> tuple[list[str], list[Any]]:
    """What a layer shows, and gives: the results, its gradients, its state."""
    T.manual_seed(0)
    layer = eval(text, {"nn": T.nn, "T": T})
    shown = [repr(layer), str(list(layer.state_dict()))]
    rng = np.random.default_rng(0)
    inputs = [T.tensor(rng.normal(size=x)).float() if isinstance(x, tuple) else T.tensor(x) for x in CALLS[text]]
    T.manual_seed(1)
    out = layer(*inputs)
    results = list(out) if isinstance(out, tuple) else [out]
    if results[-1].requires_grad:
        (results[-1] * T.arange(results[-1].numel()).reshape(results[-1].shape)).sum().backward()
    grads = [p.grad if p.grad is not None else T.zeros(p.shape) for p in layer.parameters()]
    return [*shown, repr(layer)], [*results, *grads, *layer.state_dict().values()]


@pytest.mark.parametrize("text", CALLS)
def test_runs_as_pytorchs(text: str) -> None:
    torch = pytest.importorskip("torch")
    (ours, found), (theirs, expected) = _run(nptorch, text), _run(torch, text)
    assert ours == theirs
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("size", "channels"), [(3, 5), (4, 6), (5, 3)])
def test_cross_map_normalisation(size: int, channels: int) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=(2, channels, 3, 2))
    ours, theirs = (T.nn.CrossMapLRN2d(size, 0.7, 0.6, 1.5)(T.tensor(values)) for T in (nptorch, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())
    x = nptorch.tensor(values, requires_grad=True)
    assert nptorch.autograd.gradcheck(nn.CrossMapLRN2d(size, 0.7), (x,))


def test_adaptive_softmax_predicts_and_sums_to_one() -> None:
    nptorch.manual_seed(0)
    layer = nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 9], head_bias=True)
    x = nptorch.randn(50, 16) * 5
    log_probs = layer.log_prob(x)
    assert nptorch.allclose(log_probs.exp().sum(1), nptorch.ones(50))
    labels = layer.predict(x)
    assert (labels >= 4).any()
    assert (labels < 4).any()
    np.testing.assert_allclose(
        layer(x, labels).output.tolist(), log_probs.gather(1, labels[:, None])[:, 0].tolist(), rtol=1e-5
    )


def test_a_lazy_module_before_its_first_input() -> None:
    layer = nn.LazyLinear(4)
    assert layer.has_uninitialized_params()
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        layer.weight + 1
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        _ = layer.weight.shape
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        nn.Linear(3, 4).load_state_dict(layer.state_dict())
    assert copy.deepcopy(layer.weight).data.dtype is nptorch.float32


def test_a_lazy_module_keeps_its_dtype_and_its_parameters() -> None:
    layer = nn.LazyBatchNorm1d().double()
    weight = layer.weight
    optimizer = nptorch.optim.SGD(layer.parameters(), lr=0.1)
    layer(nptorch.randn(4, 3, dtype=nptorch.float64)).pow(3).sum().backward()
    optimizer.step()
    assert type(layer) is nn.BatchNorm1d
    assert layer.weight is weight
    assert weight.dtype is nptorch.float64
    assert layer.running_mean is not None
    assert layer.running_mean.dtype is nptorch.float64
    assert not (weight == 1).all()


@pytest.mark.parametrize("used", [False, True])
def test_a_lazy_module_loads(used: bool) -> None:
    source, target = nn.LazyLinear(2), copy.deepcopy(nn.LazyLinear(2))
    if used:
        source(nptorch.ones(1, 3))
    assert not target.load_state_dict(source.state_dict()).missing_keys
    assert target.has_uninitialized_params() is not used
    y = target(nptorch.ones(1, 3))
    assert type(target) is nn.Linear
    assert target.in_features == 3
    assert not used or (y == source(nptorch.ones(1, 3))).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.LazyConv2d(4, 3)(nptorch.ones(3, 3)), r"Expected 3D \(unbatched\) or 4D \(batched\) input"),
        (
            lambda: nn.LazyConv2d(4, 3, groups=2)(nptorch.ones(1, 3, 5, 5)),
            r"in_channels \(3\) must be divisible by groups",
        ),
        (lambda: nn.FractionalMaxPool2d(2), "specifying either an output size, or a pooling ratio"),
        (lambda: nn.FractionalMaxPool2d(2, 3, 0.5), "only one of them"),
        (lambda: nn.FractionalMaxPool3d(2, output_ratio=1.5), "output_ratio must be between 0 and 1"),
        (lambda: nn.FractionalMaxPool3d(0, 2), "kernel_size must be greater than 0"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [5, 3]), "sorted in an increasing order"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, []), "length larger than 0"),
        (lambda: nn.CrossMapLRN2d(3)(nptorch.ones(3, 3)), "Expected input to be 4D"),
        (lambda: nn.SyncBatchNorm(3)(nptorch.ones(3)), "expected at least 2D input"),
        (lambda: nn.EmbeddingBag(3, 2, padding_idx=3), "Padding_idx must be within"),
    ],
)
def test_what_is_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises((ValueError, RuntimeError), match=words):
        make()
