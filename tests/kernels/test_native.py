"""Every native kernel against the plainest NumPy in float64, on random shapes, both dtypes, odd layouts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nptorch.kernels import native

sys.path.insert(0, str(Path(__file__).parent))
import reference

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")
EXAMPLES = int(os.environ.get("NPTORCH_TEST_EXAMPLES", "40"))
random_shapes = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

dtypes = st.sampled_from([np.float32, np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 40)
batches = st.one_of(st.integers(1, 5), st.sampled_from([15, 16, 17, 32, 33, 64, 100]))


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


class Source:
    """Random arrays of one dtype, now and then lying in memory otherwise than in C order."""

    def __init__(self, seed, dtype):
        self.random, self.dtype = np.random.default_rng(seed), dtype

    def __call__(self, *shape):
        x = self.random.normal(size=shape)
        x = np.asarray(x, self.dtype)
        layout = self.random.integers(4) if x.ndim else 0
        if layout == 1:
            x = np.asfortranarray(x)
        elif layout == 2:
            x = np.repeat(x, 2, axis=0)[::2]
        elif layout == 3:
            x = x[..., ::-1]
        return x


def double(x):
    return None if x is None else np.asarray(x, np.float64)


def check(got, want, *, scale=None, tolerance=2e-6):
    """got = want within a share of the largest number that rounding could act on."""
    want = np.asarray(want)
    assert got.shape == want.shape
    limit = (tolerance if got.dtype == np.float32 else tolerance * 1e-8) * (
        np.abs(want if scale is None else scale).max(initial=0) + 1e-30
    )
    np.testing.assert_allclose(double(got), want, rtol=0, atol=limit)


# --- linear algebra ---


@random_shapes
@given(seeds, dtypes, st.integers(1, 130), st.integers(1, 150), st.integers(1, 1700), st.booleans())
def test_linear(seed, dtype, rows, columns, depth, bias):
    make = Source(seed, dtype)
    x, w, b = make(rows, depth), make(columns, depth), make(columns) if bias else None
    want = double(x) @ double(w).T + (0 if b is None else double(b))
    check(native.linear(x, w, b), want, scale=1 + np.abs(double(x)) @ np.abs(double(w)).T)


def test_linear_keeps_leading_dimensions():
    x, w, b = np.ones((2, 3, 5), np.float32), np.ones((4, 5), np.float32), np.ones(4, np.float32)
    assert np.array_equal(native.linear(x, w, b), np.full((2, 3, 4), 6, np.float32))
    assert np.array_equal(native.linear(x[0, 0], w, None), np.full(4, 5, np.float32))


@random_shapes
@given(
    seeds,
    dtypes,
    st.sampled_from([(), (1,), (3,), (2, 5)]),
    st.sampled_from(["both", "left", "right"]),
    sizes,
    sizes,
    st.integers(1, 90),
)
def test_matmul(seed, dtype, leading, side, rows, columns, depth):
    make = Source(seed, dtype)
    x = make(*(leading if side != "right" else ()), rows, depth)
    y = make(*(leading if side != "left" else ()), depth, columns)
    if make.random.random() < 0.5:
        y = np.swapaxes(np.ascontiguousarray(np.swapaxes(y, -1, -2)), -1, -2)
    check(native.matmul(x, y), double(x) @ double(y), scale=np.abs(double(x)) @ np.abs(double(y)))


def test_matmul_leaves_the_rest_to_the_reference():
    x = np.ones((2, 3, 4), np.float32)
    assert native.matmul(x, np.ones((3, 4, 5), np.float32)) is NotImplemented
    assert native.matmul(x, np.ones(4, np.float32)) is NotImplemented
    assert native.matmul(x, np.ones((4, 5))) is NotImplemented
    assert native.matmul(x.astype(np.int64), np.ones((4, 5), np.int64)) is NotImplemented


# --- convolution ---


@st.composite
def convolutions(draw):
    """The shapes of x and w, and the options: small ones of all kinds, many channels, kernels as large as the image."""
    n, groups = draw(batches), draw(st.sampled_from([1, 1, 1, 2, 3]))
    c, o = groups * draw(st.integers(1, 7)), groups * draw(st.integers(1, 9))
    kernel, stride, padding = (
        draw(pairs(1, 5)),
        draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (2, 1), (1, 3)])),
        draw(pairs(0, 3)),
    )
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3)]))
    size = draw(pairs(1, 24))
    kind = draw(st.sampled_from(["any", "any", "many channels", "winograd", "winograd lanes", "whole image"]))
    if kind in ("many channels", "winograd"):
        n, groups, c, o = draw(st.integers(1, 4)), 1, draw(st.integers(30, 50)), draw(st.integers(30, 50))
    if kind == "winograd lanes":
        n, groups, c, o = draw(st.integers(9, 70)), 1, draw(st.integers(2, 18)), draw(st.integers(2, 18))
    if kind.startswith("winograd"):
        side = draw(st.sampled_from([3, 5]))
        kernel, stride, dilation = (side, side), (1, 1), (1, 1)
    if kind == "whole image":
        groups, stride, padding, dilation, kernel = 1, (1, 1), (0, 0), (1, 1), size
    assume(all(n > 0 for n in reference.output_size(size, kernel, stride, padding, dilation)))
    return (
        (n, c, *size),
        (o, c // groups, *kernel),
        dict(stride=stride, padding=padding, dilation=dilation, groups=groups),
    )


@random_shapes
@given(seeds, dtypes, convolutions(), st.booleans())
def test_conv2d(seed, dtype, case, bias):
    x_shape, w_shape, options = case
    make = Source(seed, dtype)
    x, w, b = make(*x_shape), make(*w_shape), make(w_shape[0]) if bias else None
    # Winograd's transforms multiply by up to 8 and cancel again.
    winograd = w_shape[2:] in ((3, 3), (5, 5)) and options["stride"] == options["dilation"] == (1, 1)
    winograd = winograd and options["groups"] == 1
    tolerance = 1e-5 if winograd else 2e-6
    magnitude = np.abs(double(x)), np.abs(double(w))
    y = native.conv2d(x, w, b, **options)
    scale = 1 + reference.conv2d(*magnitude, None, **options)
    check(y, reference.conv2d(double(x), double(w), double(b), **options), scale=scale, tolerance=tolerance)
    g = make(*y.shape)
    gx = native.conv2d_input(g, w, shape=x_shape, **options)
    scale = reference.conv2d_input(np.abs(double(g)), magnitude[1], x_shape, **options)
    check(gx, reference.conv2d_input(double(g), double(w), x_shape, **options), scale=scale, tolerance=tolerance)
    gw = native.conv2d_weight(x, g, shape=w_shape, **options)
    scale = reference.conv2d_weight(magnitude[0], np.abs(double(g)), w_shape, **options)
    check(gw, reference.conv2d_weight(double(x), double(g), w_shape, **options), scale=scale, tolerance=tolerance)


# --- pooling ---


@st.composite
def pools(draw):
    kernel = draw(st.one_of(st.just((2, 2)), pairs(1, 4)))
    stride = draw(st.one_of(st.just(kernel), pairs(1, 4)))
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    shape = (*draw(st.sampled_from([(), (3,), (2, 5), (33, 2)])), *draw(pairs(1, 40)))
    return shape, dict(kernel=kernel, stride=stride, padding=padding, ceil_mode=draw(st.booleans()))


@random_shapes
@given(seeds, dtypes, pools(), st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2)]))
def test_max_pool2d(seed, dtype, case, dilation):
    shape, options = case
    options = {**options, "dilation": dilation}
    assume(all(n > 0 for n in reference.pooled_size(shape[-2:], **options)))
    # Half the sizes have no place inside the image at all.
    assume(
        all(
            d * (k - 1) < n + p
            for n, d, k, p in zip(shape[-2:], dilation, options["kernel"], options["padding"], strict=True)
        )
    )
    make = Source(seed, dtype)
    x = np.round(make(*shape) * 2)  # ties: the first place counts
    y, indices = native.max_pool2d(x, **options)
    want, places = reference.max_pool2d(double(x), **options)
    check(y, want, tolerance=0)
    assert indices.dtype == np.int64
    assert np.array_equal(indices, places)
    g = make(*y.shape)
    check(native.max_pool2d_backward(g, indices, shape=shape), reference.max_pool2d_backward(double(g), places, shape))


def test_max_pool2d_passes_nan_on():
    x = np.zeros((1, 6, 70), np.float32)
    x[0, 1, 3] = x[0, 4, 68] = np.nan
    y, indices = native.max_pool2d(x, kernel=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1), ceil_mode=False)
    assert np.isnan(y[0, 0, 1])
    assert np.isnan(y[0, 2, 34])
    assert np.isnan(y).sum() == 2
    assert indices[0, 0, 1] == 73


@random_shapes
@given(seeds, dtypes, pools(), st.booleans(), st.sampled_from([None, None, 3]))
def test_avg_pool2d(seed, dtype, case, count_include_pad, divisor):
    shape, options = case
    options = {**options, "count_include_pad": count_include_pad, "divisor": divisor}
    assume(
        all(
            n > 0
            for n in reference.pooled_size(
                shape[-2:], options["kernel"], options["stride"], options["padding"], (1, 1), options["ceil_mode"]
            )
        )
    )
    make = Source(seed, dtype)
    x = make(*shape)
    y = native.avg_pool2d(x, **options)
    check(y, reference.avg_pool2d(double(x), **options))
    g = make(*y.shape)
    check(
        native.avg_pool2d_backward(g, shape=shape, **options),
        reference.avg_pool2d_backward(double(g), shape, **options),
    )


# --- normalisation ---


@random_shapes
@given(seeds, dtypes, batches, sizes, st.sampled_from([(), (1,), (7,), (5, 6), (3, 2, 4)]), st.booleans())
def test_batch_norm(seed, dtype, n, c, spatial, affine):
    assume(n * int(np.prod(spatial)) > 1)
    make = Source(seed, dtype)
    x = make(n, c, *spatial) + dtype(3)
    w, b = (make(c), make(c)) if affine else (None, None)
    y, mean, rstd = native.batch_norm(x, w, b, eps=1e-2)
    want, *statistics = reference.batch_norm(double(x), double(w), double(b), 1e-2)
    check(y, want, tolerance=1e-5)
    check(mean, statistics[0])
    check(rstd, statistics[1], tolerance=1e-5)
    running, n_values = [make(c).copy(), np.abs(make(c))], x.size // c
    variance = np.maximum(1 / double(rstd) ** 2 - 1e-2, 0) * (n_values / (n_values - 1))
    moved = [0.75 * double(old) + 0.25 * new for old, new in zip(running, (double(mean), variance), strict=True)]
    assert native.move_statistics(mean, rstd, *running, momentum=0.25, eps=1e-2, count=n_values) is None
    for got, want in zip(running, moved, strict=True):
        check(got, want)
    g = make(*x.shape)
    results = native.batch_norm_backward(g, x, w, mean, rstd)
    wanted = reference.batch_norm_backward(double(g), double(x), double(w), double(mean), double(rstd))
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
    y, mean, rstd = native.layer_norm(x, w, b, ndim=ndim, eps=1e-2)
    want, *statistics = reference.layer_norm(double(x), double(w), double(b), ndim, 1e-2)
    check(y, want, tolerance=1e-5)
    check(mean, statistics[0])
    check(rstd, statistics[1], tolerance=1e-5)
    g = make(*x.shape)
    results = native.layer_norm_backward(g, x, w, mean, rstd, ndim=ndim)
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
        native.channel_scale(x, scale, shift),
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
    check(native.softmax(x, axis=axis), np.exp(log_probs), scale=1)
    check(native.log_softmax(x, axis=axis), log_probs, scale=1 + np.abs(log_probs))
    g = make(*x.shape)
    probs = np.exp(log_probs)
    want = probs * (double(g) - (double(g) * probs).sum(-1, keepdims=True))
    check(native.softmax_backward(g, probs.astype(dtype), axis=axis), want, scale=4)
    want = double(g) - probs * double(g).sum(-1, keepdims=True)
    check(native.log_softmax_backward(g, log_probs.astype(dtype), axis=axis), want, scale=40)


@random_shapes
@given(seeds, dtypes, batches, st.integers(2, 40), st.sampled_from(["mean", "sum", "none"]), st.booleans())
def test_cross_entropy(seed, dtype, n, classes, reduction, ignores):
    make = Source(seed, dtype)
    x, target = make(n, classes) * dtype(5), make.random.integers(classes, size=n)
    if ignores and n > 1:
        target[1] = -100
    loss, log_probs = native.cross_entropy(x, target, ignore_index=-100, reduction=reduction)
    want, want_log_probs = reference.cross_entropy(double(x), target, -100, reduction)
    check(loss, want, scale=(n if reduction == "sum" else 1) * (1 + np.abs(want_log_probs)))
    check(log_probs, want_log_probs, scale=1 + np.abs(want_log_probs))
    assert np.array_equal(native.nll_loss(log_probs, target, ignore_index=-100, reduction=reduction), loss)
    g = make(*loss.shape)
    gx = native.nll_loss_backward(g, target, shape=x.shape, ignore_index=-100, reduction=reduction)
    check(gx, reference.nll_loss_backward(double(g), target, x.shape, -100, reduction))
    gx = native.cross_entropy_backward(g, log_probs, target, ignore_index=-100, reduction=reduction)
    check(gx, reference.cross_entropy_backward(double(g), double(log_probs), target, -100, reduction), scale=4)


def test_cross_entropy_of_nothing_but_ignored_targets_is_nan():
    x, target = np.zeros((2, 3), np.float32), np.full(2, -100)
    assert np.isnan(native.cross_entropy(x, target, ignore_index=-100, reduction="mean")[0])


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
    got, want = native.KERNELS[name](x), POINTWISE[name](double(x))
    with np.errstate(over="ignore"):
        want = want.astype(dtype)
    np.testing.assert_allclose(got, want, rtol=5e-7 if dtype == np.float32 else 1e-14, atol=1e-37)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exp", "relu"])
def test_pointwise_special_values(name):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 88.7, -87.5, -100.0, 1e-30], np.float32)
    with np.errstate(all="ignore"):
        want = POINTWISE[name](double(x)).astype(np.float32)
    np.testing.assert_allclose(native.KERNELS[name](x), want, rtol=1e-6, atol=1e-43)


def test_relu_in_place():
    x = np.array([-1.0, 2.0], np.float32)
    assert native.relu(x, out=x) is x
    assert x.tolist() == [0, 2]


@random_shapes
@given(seeds, dtypes, sizes, sizes)
def test_gradients_of_relus(seed, dtype, rows, columns):
    make = Source(seed, dtype)
    x, g = make(rows, columns), make(rows, columns)
    assert np.array_equal(native.threshold_backward(g, x), np.where(x > 0, g, 0))
    assert np.array_equal(native.leaky_relu(x, slope=0.1), np.where(x > 0, x, x * dtype(0.1)))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@random_shapes
@given(seeds, dtypes, st.sampled_from([(5,), (7, 33), (3, 200, 200)]), st.sampled_from(["same", "row", "scalar"]))
def test_arithmetic(name, seed, dtype, shape, other):
    make = Source(seed, dtype)
    x, y = make(*shape), make(*{"same": shape, "row": shape[-1:], "scalar": ()}[other])
    numpy_name = {"sub": "subtract", "mul": "multiply", "div": "divide"}.get(name, name)
    want = getattr(np, numpy_name)(x, y)
    assert np.array_equal(native.KERNELS[name](x, y), want)
    total = np.ascontiguousarray(x)
    assert native.KERNELS[name](total, y, out=total) is total
    assert np.array_equal(total, want)


@random_shapes
@given(seeds, dtypes, st.lists(st.integers(1, 12), max_size=4), st.integers(0, 15), st.booleans())
def test_sum(seed, dtype, shape, mask, keepdims):
    x = Source(seed, dtype)(*shape)
    axis = tuple(i for i in range(len(shape)) if mask >> i & 1)
    got = native.sum(x, axis=axis, keepdims=keepdims)
    assume(got is not NotImplemented)
    check(got, double(x).sum(axis, keepdims=keepdims), scale=np.abs(double(x)).sum(axis))


@pytest.mark.parametrize(
    ("shape", "axis"), [((3_000_000,), (0,)), ((100_000, 5), (0,)), ((5, 100_000), (1,)), ((64, 3, 4000), (0, 2))]
)
def test_long_sums_stay_accurate(shape, axis):
    x = np.full(shape, 0.1, np.float32)
    check(native.sum(x, axis=axis, keepdims=False), double(x).sum(axis), tolerance=1e-6)


# --- optimizers and images ---


@random_shapes
@given(
    seeds,
    dtypes,
    st.lists(st.integers(1, 40000), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_sgd_step(seed, dtype, lengths, has_momentum, nesterov, maximize, first):
    random = np.random.default_rng(seed)
    params, grads, buffers = ([random.normal(size=n).astype(dtype) for n in lengths] for _ in range(3))
    options = (
        0.1,
        0.9 if has_momentum else 0.0,
        0.3 * (not nesterov),
        0.01,
        nesterov and has_momentum,
        maximize,
        first,
    )
    state = buffers if has_momentum else [None] * len(params)
    wanted = [
        reference.sgd_step(double(p), double(g), double(b), *options)
        for p, g, b in zip(params, grads, state, strict=True)
    ]
    native.sgd_step(params, grads, buffers if has_momentum else None, *options)
    for p, b, (want_p, want_b) in zip(params, state, wanted, strict=True):
        check(p, want_p, scale=4, tolerance=1e-6)
        assert b is None or check(b, want_b, scale=4, tolerance=1e-6) is None


@random_shapes
@given(
    seeds,
    dtypes,
    st.lists(st.integers(1, 40000), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2000),
)
def test_adam_step(seed, dtype, lengths, amsgrad, decoupled, maximize, step):
    random = np.random.default_rng(seed)
    params, grads, m, v, most = ([random.normal(size=n).astype(dtype) for n in lengths] for _ in range(5))
    v, most = [np.abs(x) for x in v], [np.abs(x) for x in most] if amsgrad else [None] * len(params)
    options = (1e-2, 0.9, 0.99, 1e-6, 0.1, decoupled, step, maximize)
    wanted = [reference.adam_step(*map(double, row), *options) for row in zip(params, grads, m, v, most, strict=True)]
    native.adam_step(params, grads, m, v, most if amsgrad else None, *options)
    for row, want in zip(zip(params, m, v, most, strict=True), wanted, strict=True):
        for got, expected in zip(row, want, strict=True):
            assert got is None or check(got, expected, scale=1 + np.abs(expected).max(), tolerance=2e-6) is None


@random_shapes
@given(seeds, st.sampled_from(["gray", "last", "first"]), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_image_batch(seed, layout, h, w, normalize):
    random = np.random.default_rng(seed)
    shape = {"gray": (30, h, w), "last": (30, h, w, 3), "first": (30, 3, h, w)}[layout]
    images, indices = random.integers(256, size=shape, dtype=np.uint8), random.integers(30, size=17)
    channels = 1 if layout == "gray" else 3
    mean, std = ([0.1307, 0.4, 0.2][:channels], [0.3081, 0.2, 0.5][:channels]) if normalize else (None, None)
    got = native.image_batch(images, indices, mean=mean, std=std, channels_first=layout == "first")
    want = images[indices]
    want = {"gray": lambda x: x[:, None], "last": lambda x: x.transpose(0, 3, 1, 2), "first": lambda x: x}[layout](want)
    want = want.astype(np.float32) / np.float32(255)
    if normalize:
        per_channel = (-1, 1, 1)
        want = (want - np.float32(mean).reshape(per_channel)) / np.float32(std).reshape(per_channel)
    assert np.array_equal(got, want)


# --- instruction sets ---


@pytest.mark.slow
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_instruction_set(isa, threads):
    """This file again on another instruction set; one that the processor lacks refuses to load."""
    environment = {**os.environ, "NPTORCH_ISA": isa, "NPTORCH_NUM_THREADS": str(threads), "NPTORCH_TEST_EXAMPLES": "15"}
    probe = subprocess.run(
        [sys.executable, "-c", "import nptorch.kernels.native"], env=environment, capture_output=True, text=True
    )
    if probe.returncode:
        assert "this processor does not have it" in probe.stderr or "unknown here" in probe.stderr
        pytest.skip(f"no {isa} here")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-k",
        "not instruction_set",
        "-p",
        "no:cacheprovider",
        __file__,
    ]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:]
