"""Native linear maps, convolution and pooling against the plainest NumPy in float64, on random shapes, both dtypes, odd layouts."""

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

# --- linear algebra ---


@random_shapes
@given(seeds, dtypes, st.integers(1, 130), st.integers(1, 150), st.integers(1, 1700), st.booleans())
def test_linear(seed, dtype, rows, columns, depth, bias):
    make = Source(seed, dtype)
    x, w, b = make(rows, depth), make(columns, depth), make(columns) if bias else None
    want = double(x) @ double(w).T + (0 if b is None else double(b))
    check(native.extension.linear(x, w, b), want, scale=1 + np.abs(double(x)) @ np.abs(double(w)).T)


@random_shapes
@given(seeds, dtypes, st.integers(1, 130), st.integers(1, 150), st.integers(1, 300))
def test_linear_backward(seed, dtype, rows, columns, depth):
    make = Source(seed, dtype)
    g, x, w = make(rows, columns), make(rows, depth), make(columns, depth)
    gx, gw, gb = native.extension.linear_backward(g, x, w)
    check(gx, double(g) @ double(w), scale=np.abs(double(g)) @ np.abs(double(w)))
    check(gw, double(g).T @ double(x), scale=np.abs(double(g)).T @ np.abs(double(x)))
    check(gb, double(g).sum(0), scale=np.abs(double(g)).sum(0))
    assert np.array_equal(native.extension.linear_weight(g, x), gw)
    if rows % 2 == 0:
        folded = [v.reshape(2, rows // 2, -1) for v in (g, x)]
        again = native.extension.linear_backward(*folded, w)
        assert np.array_equal(again[0].reshape(rows, depth), gx)
        assert np.array_equal(again[1], gw)


def test_linear_keeps_leading_dimensions():
    x, w, b = np.ones((2, 3, 5), np.float32), np.ones((4, 5), np.float32), np.ones(4, np.float32)
    assert np.array_equal(native.extension.linear(x, w, b), np.full((2, 3, 4), 6, np.float32))
    assert np.array_equal(native.extension.linear(x[0, 0], w, None), np.full(4, 5, np.float32))


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
    check(native.extension.matmul(x, y), double(x) @ double(y), scale=np.abs(double(x)) @ np.abs(double(y)))


def test_matmul_leaves_the_rest_to_the_reference():
    x = np.ones((2, 3, 4), np.float32)
    assert native.extension.matmul(x, np.ones((3, 4, 5), np.float32)) is NotImplemented
    assert native.extension.matmul(x, np.ones(4, np.float32)) is NotImplemented
    assert native.extension.matmul(x, np.ones((4, 5))) is NotImplemented
    assert native.extension.matmul(x.astype(np.int64), np.ones((4, 5), np.int64)) is NotImplemented


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
    y = native.extension.conv2d(x, w, b, **options)
    scale = 1 + reference.conv2d(*magnitude, None, **options)
    check(y, reference.conv2d(double(x), double(w), double(b), **options), scale=scale, tolerance=tolerance)
    g = make(*y.shape)
    gx = native.extension.conv2d_input(g, w, shape=x_shape, **options)
    scale = reference.conv2d_input(np.abs(double(g)), magnitude[1], x_shape, **options)
    check(gx, reference.conv2d_input(double(g), double(w), x_shape, **options), scale=scale, tolerance=tolerance)
    gw = native.extension.conv2d_weight(x, g, shape=w_shape, **options)
    scale = reference.conv2d_weight(magnitude[0], np.abs(double(g)), w_shape, **options)
    check(gw, reference.conv2d_weight(double(x), double(g), w_shape, **options), scale=scale, tolerance=tolerance)
    for together, alone in zip(native.extension.conv2d_backward(g, x, w, **options), (gx, gw), strict=True):
        assert np.array_equal(together, alone)


# --- pooling ---


@st.composite
def pools(draw):
    kernel = draw(st.one_of(st.just((2, 2)), pairs(1, 4), st.just((13, 11))))
    stride = draw(st.one_of(st.just(kernel), pairs(1, 4)))
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    shape = (*draw(st.sampled_from([(), (3,), (2, 5), (33, 2)])), *draw(pairs(1, 40)))
    return shape, dict(kernel=kernel, stride=stride, padding=padding, ceil_mode=draw(st.booleans()))


@random_shapes
@given(seeds, dtypes, pools(), st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2)]), st.booleans())
def test_max_pool2d(seed, dtype, case, dilation, rectified):
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
    y, places = native.extension.max_pool2d(x, **options)
    want, indices = reference.max_pool2d(double(x), **options)
    check(y, want, tolerance=0)
    assert places.dtype == (np.uint8 if math.prod(options["kernel"]) <= 128 else np.int32)
    assert np.array_equal(reference.pixels(places >> 1, shape, **options), indices)
    assert np.array_equal(places & 1, y <= 0)
    g = make(*y.shape)
    gx, sums = native.extension.max_pool2d_backward(g, places, shape=shape, rectified=rectified, **options)
    counted = np.where(rectified & (y <= 0), 0, double(g))
    check(gx, reference.max_pool2d_backward(counted, indices, shape))
    check(sums, counted.sum((-1, -2)), scale=abs(counted).sum((-1, -2)))


def test_max_pool2d_passes_nan_on():
    x = np.zeros((1, 6, 70), np.float32)
    x[0, 1, 3] = x[0, 4, 68] = np.nan
    y, places = native.extension.max_pool2d(
        x, kernel=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1), ceil_mode=False
    )
    assert np.isnan(y[0, 0, 1])
    assert np.isnan(y[0, 2, 34])
    assert np.isnan(y).sum() == 2
    assert places[0, 0, 1] == 2 * 3  # the lower right place, and not one that a ReLU would stop


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
    y = native.extension.avg_pool2d(x, **options)
    # What rounding acts on are the terms: their sum may cancel.
    check(y, reference.avg_pool2d(double(x), **options), scale=reference.avg_pool2d(np.abs(double(x)), **options))
    g = make(*y.shape)
    check(
        native.extension.avg_pool2d_backward(g, shape=shape, **options),
        reference.avg_pool2d_backward(double(g), shape, **options),
    )
