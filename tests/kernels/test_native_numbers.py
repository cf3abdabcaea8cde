"""Native normalisation, losses, pointwise functions and sums against the plainest NumPy in float64, on random shapes, both dtypes, odd layouts."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nptorch.kernels import native

sys.path.insert(0, str(Path(__file__).parent))
import reference
from cases import Source, batches, check, double, dtypes, pairs, random_shapes, seeds, sizes

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
    terms = [(0.75 * double(old), 0.25 * new) for old, new in zip(running, (double(mean), variance), strict=True)]
    assert native.extension.move_statistics(mean, rstd, *running, momentum=0.25, eps=1e-2, count=n_values) is None
    for got, (kept, added) in zip(running, terms, strict=True):
        check(got, kept + added, scale=np.abs(kept) + np.abs(added))  # the two may cancel
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
@given(
    seeds,
    dtypes,
    st.integers(1, 5),
    pairs(1, 6),
    st.sampled_from([(), (1,), (3,), (4, 4), (5, 13), (70,), (9, 170)]),
    st.booleans(),
)
def test_group_norm(seed, dtype, n, channels, spatial, affine):
    make = Source(seed, dtype)
    groups, c = channels[0], math.prod(channels)
    x = make(n, c, *spatial) + dtype(3)
    w, b = (make(c), make(c)) if affine else (None, None)
    y, mean, rstd = native.extension.group_norm(x, w, b, groups=groups, eps=1e-2)
    want, *statistics = reference.group_norm(double(x), double(w), double(b), groups, 1e-2)
    check(y, want, tolerance=1e-5)
    check(mean, statistics[0])
    check(rstd, statistics[1], tolerance=1e-5)
    g = make(*x.shape)
    results = native.extension.group_norm_backward(g, x, w, mean, rstd, groups=groups)
    wanted = reference.group_norm_backward(double(g), double(x), double(w), double(mean), double(rstd), groups)
    for got, want in zip(results, wanted, strict=True):
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
@given(seeds, dtypes, st.sampled_from([(), (1,), (33,), (3, 4)]), st.integers(1, 70), st.integers(0, 2))
def test_softmax(seed, dtype, leading, size, axis):
    make = Source(seed, dtype)
    x = make(*leading, size) * dtype(10)
    axis %= x.ndim
    log_probs = reference.log_softmax(double(x), axis)
    check(native.extension.softmax(x, axis=axis), np.exp(log_probs), scale=1)
    check(native.extension.log_softmax(x, axis=axis), log_probs, scale=1 + np.abs(log_probs))
    g = make(*x.shape)
    probs = np.exp(log_probs)
    want = probs * (double(g) - (double(g) * probs).sum(axis, keepdims=True))
    check(native.extension.softmax_backward(g, probs.astype(dtype), axis=axis), want, scale=4)
    want = double(g) - probs * double(g).sum(axis, keepdims=True)
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


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(x, 0)


def elu(x, slope=False):
    alpha, scale, input_scale = ELU.values()
    low = np.minimum(x, 0) * input_scale
    if slope:
        return np.where(x > 0, scale, alpha * scale * input_scale * np.exp(low))
    return np.where(x > 0, scale * x, alpha * scale * np.expm1(low))


def mish_slope(x):
    t = np.tanh(softplus(x))
    return t + x * (1 - t * t) * sigmoid(x)


ELU = dict(alpha=0.7, scale=1.3, input_scale=0.8)
# name: (parameters, the function, its slope)
ACTIVATIONS = {
    "leaky_relu": (dict(slope=0.1), lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1)),
    "elu": (ELU, elu, lambda x: elu(x, slope=True)),
    "hardtanh": (dict(low=-0.5, high=2.0), lambda x: np.clip(x, -0.5, 2), lambda x: (x > -0.5) & (x < 2)),
    "hardsigmoid": ({}, lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: (np.abs(x) < 3) / 6),
    "hardswish": (
        {}, lambda x: x * np.clip(x + 3, 0, 6) / 6, lambda x: np.where(x < -3, 0, np.where(x < 3, x / 3 + 0.5, 1)),
    ),
    "softplus": (dict(beta=1.5, threshold=30.0), lambda x: softplus(1.5 * x) / 1.5, lambda x: sigmoid(1.5 * x)),
    "log_sigmoid": ({}, lambda x: -softplus(-x), lambda x: sigmoid(-x)),
    "mish": ({}, lambda x: x * np.tanh(softplus(x)), mish_slope),
    "silu": ({}, lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
@random_shapes
@given(seeds, dtypes, st.sampled_from([(1,), (7, 33), (70000,)]), st.sampled_from([1e-4, 1, 20]))
def test_activations_and_their_gradients(name, seed, dtype, shape, spread):
    params, function, slope = ACTIVATIONS[name]
    make = Source(seed, dtype)
    x, g = (make(*shape) * dtype(spread)).astype(dtype), make(*shape)
    # The rounding of 1.5 x alone, which is then the exponent, is worth 4e-6 of the result where x is -80.
    tolerance = dict(rtol=6e-6, atol=1e-30) if dtype == np.float32 else dict(rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(native.kernel(name)(x, **params), function(double(x)), **tolerance)
    tolerance["atol"] = 2e-6 if dtype == np.float32 else 1e-13  # slopes have zeros where two parts cancel
    backward = native.kernel(name + "_backward")
    np.testing.assert_allclose(backward(g, x, **params), double(g) * slope(double(x)), **tolerance)
    one = np.broadcast_to(g.reshape(-1)[:1], shape)  # as a sum or a mean leaves it
    assert np.array_equal(backward(one, x, **params), backward(one.copy(), x, **params))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_special_values(name):
    params, function, _ = ACTIVATIONS[name]
    x = np.array([np.nan, np.inf, 0.0, 88.7, 1e30, 1e-30, -1e-30, -100.0, -87.5], np.float32)
    with np.errstate(all="ignore"):
        want = function(double(x)).astype(np.float32)
    np.testing.assert_allclose(native.kernel(name)(x, **params), want, rtol=2e-6, atol=1e-37)


@random_shapes
@given(seeds, dtypes, st.sampled_from([(1,), (7, 33)]), st.booleans())
def test_gelu(seed, dtype, shape, approximate):
    make = Source(seed, dtype)
    x, g = make(*shape) * dtype(3), make(*shape)
    v, steepness = double(x), math.sqrt(2 / math.pi)
    if approximate:
        t, slope = np.tanh(steepness * (v + 0.044715 * v**3)), steepness * (1 + 3 * 0.044715 * v * v)
        share, density = 0.5 * (1 + t), 0.5 * (1 - t * t) * slope
    else:
        share = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)))(v)
        density = np.exp(-0.5 * v * v) / math.sqrt(2 * math.pi)
    check(native.extension.gelu(x, approximate), v * share, scale=1 + np.abs(v))
    want = double(g) * (share + v * density)
    check(native.extension.gelu_backward(g, x, approximate), want, scale=np.abs(g).max() * (1 + np.abs(v)))


def smooth_l1(x, t):
    size = np.abs(x - t)
    return np.where(size < 0.5, size * size, size - 0.25)


# name: (parameters, the loss, its slope in x)
PAIR_LOSSES = {
    "mse_loss": ({}, lambda x, t: (x - t) ** 2, lambda x, t: 2 * (x - t)),
    "smooth_l1_loss": (dict(beta=0.5), smooth_l1, lambda x, t: np.clip((x - t) / 0.5, -1, 1)),
    "binary_cross_entropy": (
        {}, lambda x, t: -(t * np.log(x) + (1 - t) * np.log1p(-x)), lambda x, t: (x - t) / (x * (1 - x)),
    ),
    "binary_cross_entropy_with_logits": (
        {}, lambda x, t: (1 - t) * x + softplus(-x), lambda x, t: sigmoid(x) - t,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIR_LOSSES)
@random_shapes
@given(seeds, dtypes, st.sampled_from([(1,), (7, 33), (70000,)]))
def test_losses_of_pairs(name, seed, dtype, shape):
    params, loss, slope = PAIR_LOSSES[name]
    make = Source(seed, dtype)
    x, target, g = make(*shape), make(*shape), make(*shape)
    if name == "binary_cross_entropy":
        x, target = (sigmoid(double(v)).astype(dtype) for v in (x, target))
    one = dict(rtol=2e-6, atol=1e-6) if dtype == np.float32 else dict(rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(native.kernel(name)(x, target, **params), loss(double(x), double(target)), **one)
    backward = native.kernel(name + "_backward")
    want = double(g) * slope(double(x), double(target))
    np.testing.assert_allclose(backward(g, x, target, **params), want, rtol=one["rtol"], atol=10 * one["atol"])
    same = np.broadcast_to(g.reshape(-1)[:1], shape)
    assert np.array_equal(backward(same, x, target, **params), backward(same.copy(), x, target, **params))


def test_binary_cross_entropy_at_the_ends():
    p, t = (np.array(v, np.float32) for v in ([0, 0, 1, 1, 1e-30], [0, 1, 0, 1, 1]))
    loss = native.extension.binary_cross_entropy(p, t)
    np.testing.assert_allclose(loss, [0, 100, 100, 0, 69.07755], rtol=1e-6)
    gradient = native.extension.binary_cross_entropy_backward(np.ones(5, np.float32), p, t)
    np.testing.assert_allclose(gradient, [0, -1e12, 1e12, 0, -1e12], rtol=1e-6)


@random_shapes
@given(seeds, dtypes, st.integers(1, 3), sizes, st.integers(0, 300), sizes)
def test_add_rows(seed, dtype, ahead, among, count, size):
    make = Source(seed, dtype)
    out, rows, numbers = (
        make(ahead, among, size).copy("C"),
        make(ahead, count, size),
        make.random.integers(0, among, count),
    )
    want = double(out).copy()
    np.add.at(want, (slice(None), numbers), double(rows))
    assert native.extension.add_rows(out, rows, numbers) is (None if rows.size else NotImplemented)
    check(out, want, scale=1 + np.abs(want), tolerance=1e-5)


def test_relu_in_place():
    x = np.array([-1.0, 2.0], np.float32)
    assert native.extension.relu(x, out=x) is x
    assert x.tolist() == [0, 2]


@random_shapes
@given(seeds, dtypes, sizes, sizes)
def test_gradient_of_relu(seed, dtype, rows, columns):
    make = Source(seed, dtype)
    x, g = make(rows, columns), make(rows, columns)
    assert np.array_equal(native.extension.threshold_backward(g, x), np.where(x > 0, g, 0))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@random_shapes
@given(seeds, dtypes, st.sampled_from([(5,), (7, 33), (3, 200, 200)]), st.sampled_from(["same", "row", "scalar"]))
def test_arithmetic(name, seed, dtype, shape, other):
    make = Source(seed, dtype)
    x, y = make(*shape), make(*{"same": shape, "row": shape[-1:], "scalar": ()}[other])
    numpy_name = {"sub": "subtract", "mul": "multiply", "div": "divide"}.get(name, name)
    want = getattr(np, numpy_name)(x, y)
    assert np.array_equal(native.kernel(name)(x, y), want)
    if other == "scalar":
        assert np.array_equal(native.kernel(name)(y, x), getattr(np, numpy_name)(y, x))
        assert np.array_equal(native.kernel(name)(2.5, np.ascontiguousarray(x)), getattr(np, numpy_name)(dtype(2.5), x))
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
    mean = native.extension.mean(x, axis=axis, keepdims=keepdims)
    check(mean, double(x).mean(axis, keepdims=keepdims), scale=np.abs(double(x)).mean(axis))


@pytest.mark.parametrize(
    ("shape", "axis"), [((3_000_000,), (0,)), ((100_000, 5), (0,)), ((5, 100_000), (1,)), ((64, 3, 4000), (0, 2))]
)
def test_long_sums_stay_accurate(shape, axis):
    x = np.full(shape, 0.1, np.float32)
    check(native.extension.sum(x, axis=axis, keepdims=False), double(x).sum(axis), tolerance=1e-6)


@random_shapes
@given(seeds, dtypes, st.sampled_from([(), (1,), (7,), (2, 3)]), st.integers(1, 400), st.integers(1, 20), st.booleans())
def test_topk(seed, dtype, leading, size, k, largest):
    assume(k <= 8 or k * k <= size)
    make = Source(seed, dtype)
    x = np.round(make(*leading, size) * dtype(4))  # equal numbers among them
    for value, share in ((np.nan, 0.05), (np.inf, 0.02), (-np.inf, 0.02)):
        x[make.random.random(x.shape) < share] = value
    k = min(k, size)
    places = native.extension.topk_places(x, k, largest)
    number = np.where(np.isnan(x), 1e9, np.clip(double(x), -1e8, 1e8))  # NaN above infinity
    want = np.argsort(-number if largest else number, -1, kind="stable")[..., :k]
    np.testing.assert_array_equal(places, want)
