"""Native normalisation, losses, pointwise functions and sums against the plainest NumPy in float64, on random shapes, both dtypes, odd layouts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nptorch.kernels import native

sys.path.insert(0, str(Path(__file__).parent))
import reference
from cases import Source, batches, check, double, dtypes, random_shapes, seeds, sizes

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")

# --- normalisation ---


@random_shapes
@given(
    seeds, dtypes, batches, sizes, st.sampled_from([(), (1,), (7,), (5, 6), (3, 2, 4)]), st.booleans(), st.booleans()
)
def test_batch_norm(seed, dtype, n, c, spatial, affine, rectified):
    assume(n * int(np.prod(spatial)) > 1)
    make = Source(seed, dtype)
    x = make(n, c, *spatial) + dtype(3)
    w, b = (make(c), make(c)) if affine else (None, None)
    y, mean, rstd = native.extension.batch_norm(x, w, b, eps=1e-2)
    want, *statistics = reference.batch_norm(double(x), double(w), double(b), 1e-2)
    check(y, want, tolerance=1e-5)
    check(mean, statistics[0])
    check(rstd, statistics[1], tolerance=1e-5)
    running, n_values = [make(c).copy(), np.abs(make(c))], x.size // c
    variance = np.maximum(1 / double(rstd) ** 2 - 1e-2, 0) * (n_values / (n_values - 1))
    moved = [0.75 * double(old) + 0.25 * new for old, new in zip(running, (double(mean), variance), strict=True)]
    assert native.extension.move_statistics(mean, rstd, *running, momentum=0.25, eps=1e-2, count=n_values) is None
    for got, want in zip(running, moved, strict=True):
        check(got, want)
    g = make(*x.shape)
    out = make(*x.shape) if rectified else None
    results = native.extension.batch_norm_backward(g, x, w, mean, rstd, out)
    counted = double(g) if out is None else np.where(out <= 0, 0, double(g))
    wanted = reference.batch_norm_backward(counted, double(x), double(w), double(mean), double(rstd))
    for got, want in zip(results, wanted, strict=True):
        check(got, want, scale=max(np.abs(want).max(), np.abs(g).max() * n**0.5 * rstd.max()), tolerance=3e-5)


@random_shapes
@given(
    seeds,
    dtypes,
    st.sampled_from([(1,), (9,), (3, 4)]),
    st.sampled_from([(1,), (10,), (37,), (3, 5), (64,)]),
    st.booleans(),
)
def test_layer_norm(seed, dtype, leading, normal, affine):
    make = Source(seed, dtype)
    x = make(*leading, *normal) + dtype(3)
    w, b = (make(*normal), make(*normal)) if affine else (None, None)
    ndim = len(normal)
    y, mean, rstd = native.extension.layer_norm(x, w, b, ndim=ndim, eps=1e-2)
    want, *statistics = reference.layer_norm(double(x), double(w), double(b), ndim, 1e-2)
    check(y, want, tolerance=1e-5)
    check(mean, statistics[0])
    check(rstd, statistics[1], tolerance=1e-5)
    g = make(*x.shape)
    results = native.extension.layer_norm_backward(g, x, w, mean, rstd, ndim=ndim)
    for got, want in zip(
        results,
        reference.layer_norm_backward(double(g), double(x), double(w), double(mean), double(rstd), ndim),
        strict=True,
    ):
        check(got, want, scale=max(np.abs(want).max(), np.abs(g).max() * rstd.max() * 4), tolerance=3e-5)


@random_shapes
@given(seeds, dtypes, batches, sizes, st.sampled_from([(), (7,), (5, 6)]))
def test_channel_scale(seed, dtype, n, c, spatial):
    make = Source(seed, dtype)
    x, scale, shift = make(n, c, *spatial), make(c), make(c)
    per_channel = (-1, *[1] * len(spatial))
    check(
        native.extension.channel_scale(x, scale, shift),
        double(x) * double(scale).reshape(per_channel) + double(shift).reshape(per_channel),
        scale=10,
    )


# --- softmax and cross-entropy ---


@random_shapes
@given(seeds, dtypes, st.sampled_from([(), (1,), (33,), (3, 4)]), st.integers(1, 70))
def test_softmax(seed, dtype, leading, size):
    make = Source(seed, dtype)
    x, axis = make(*leading, size) * dtype(10), len(leading)
    log_probs = reference.log_softmax(double(x))
    check(native.extension.softmax(x, axis=axis), np.exp(log_probs), scale=1)
    check(native.extension.log_softmax(x, axis=axis), log_probs, scale=1 + np.abs(log_probs))
    g = make(*x.shape)
    probs = np.exp(log_probs)
    want = probs * (double(g) - (double(g) * probs).sum(-1, keepdims=True))
    check(native.extension.softmax_backward(g, probs.astype(dtype), axis=axis), want, scale=4)
    want = double(g) - probs * double(g).sum(-1, keepdims=True)
    check(native.extension.log_softmax_backward(g, log_probs.astype(dtype), axis=axis), want, scale=40)


@random_shapes
@given(seeds, dtypes, batches, st.integers(2, 40), st.sampled_from(["mean", "sum", "none"]), st.booleans())
def test_cross_entropy(seed, dtype, n, classes, reduction, ignores):
    make = Source(seed, dtype)
    x, target = make(n, classes) * dtype(5), make.random.integers(classes, size=n)
    if ignores and n > 1:
        target[1] = -100
    loss, log_probs = native.extension.cross_entropy(x, target, ignore_index=-100, reduction=reduction)
    want, want_log_probs = reference.cross_entropy(double(x), target, -100, reduction)
    check(loss, want, scale=(n if reduction == "sum" else 1) * (1 + np.abs(want_log_probs)))
    check(log_probs, want_log_probs, scale=1 + np.abs(want_log_probs))
    assert np.array_equal(native.extension.nll_loss(log_probs, target, ignore_index=-100, reduction=reduction), loss)
    g = make(*loss.shape)
    gx = native.extension.nll_loss_backward(g, target, shape=x.shape, ignore_index=-100, reduction=reduction)
    check(gx, reference.nll_loss_backward(double(g), target, x.shape, -100, reduction))
    gx = native.extension.cross_entropy_backward(g, log_probs, target, ignore_index=-100, reduction=reduction)
    check(gx, reference.cross_entropy_backward(double(g), double(log_probs), target, -100, reduction), scale=4)


def test_cross_entropy_of_nothing_but_ignored_targets_is_nan():
    x, target = np.zeros((2, 3), np.float32), np.full(2, -100)
    assert np.isnan(native.extension.cross_entropy(x, target, ignore_index=-100, reduction="mean")[0])


# --- elementwise ---

POINTWISE = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
    "relu": lambda x: np.maximum(x, 0),
}


@pytest.mark.parametrize("name", POINTWISE)
@random_shapes
@given(seeds, dtypes, st.sampled_from([(), (1,), (7, 33), (70000,)]), st.sampled_from([0.01, 1, 20]))
def test_pointwise(name, seed, dtype, shape, spread):
    x = np.multiply(Source(seed, dtype)(*shape), dtype(spread), out=np.empty(shape, dtype))
    got, want = native.kernel(name)(x), POINTWISE[name](double(x))
    with np.errstate(over="ignore"):
        want = want.astype(dtype)
    np.testing.assert_allclose(got, want, rtol=5e-7 if dtype == np.float32 else 1e-14, atol=1e-37)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exp", "relu"])
def test_pointwise_special_values(name):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 88.7, -87.5, -100.0, 1e-30], np.float32)
    with np.errstate(all="ignore"):
        want = POINTWISE[name](double(x)).astype(np.float32)
    np.testing.assert_allclose(native.kernel(name)(x), want, rtol=1e-6, atol=1e-43)


def test_relu_in_place():
    x = np.array([-1.0, 2.0], np.float32)
    assert native.extension.relu(x, out=x) is x
    assert x.tolist() == [0, 2]


@random_shapes
@given(seeds, dtypes, sizes, sizes)
def test_gradients_of_relus(seed, dtype, rows, columns):
    make = Source(seed, dtype)
    x, g = make(rows, columns), make(rows, columns)
    assert np.array_equal(native.extension.threshold_backward(g, x), np.where(x > 0, g, 0))
    assert np.array_equal(native.extension.leaky_relu(x, slope=0.1), np.where(x > 0, x, x * dtype(0.1)))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@random_shapes
@given(seeds, dtypes, st.sampled_from([(5,), (7, 33), (3, 200, 200)]), st.sampled_from(["same", "row", "scalar"]))
def test_arithmetic(name, seed, dtype, shape, other):
    make = Source(seed, dtype)
    x, y = make(*shape), make(*{"same": shape, "row": shape[-1:], "scalar": ()}[other])
    numpy_name = {"sub": "subtract", "mul": "multiply", "div": "divide"}.get(name, name)
    want = getattr(np, numpy_name)(x, y)
    assert np.array_equal(native.kernel(name)(x, y), want)
    total = np.ascontiguousarray(x)
    assert native.kernel(name)(total, y, out=total) is total
    assert np.array_equal(total, want)


@random_shapes
@given(seeds, dtypes, st.lists(st.integers(1, 12), max_size=4), st.integers(0, 15), st.booleans())
def test_sum(seed, dtype, shape, mask, keepdims):
    x = Source(seed, dtype)(*shape)
    axis = tuple(i for i in range(len(shape)) if mask >> i & 1)
    got = native.extension.sum(x, axis=axis, keepdims=keepdims)
    assume(got is not NotImplemented)
    check(got, double(x).sum(axis, keepdims=keepdims), scale=np.abs(double(x)).sum(axis))


@pytest.mark.parametrize(
    ("shape", "axis"), [((3_000_000,), (0,)), ((100_000, 5), (0,)), ((5, 100_000), (1,)), ((64, 3, 4000), (0, 2))]
)
def test_long_sums_stay_accurate(shape, axis):
    x = np.full(shape, 0.1, np.float32)
    check(native.extension.sum(x, axis=axis, keepdims=False), double(x).sum(axis), tolerance=1e-6)
