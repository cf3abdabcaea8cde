"""Native running totals against NumPy's in float64, rounded once: on random shapes, both dtypes, odd layouts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nptorch.kernels import native

sys.path.insert(0, str(Path(__file__).parent))
from cases import Source, check, double, dtypes, random_shapes, seeds

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")

lines = st.sampled_from([(1,), (9,), (3, 700), (6, 5), (700, 3), (2, 31, 300), (4, 1, 7), (5, 40, 1, 2)])


def turned(x, axis, reverse):
    """The lines along the axis as the first axis, from where they are followed."""
    x = np.moveaxis(x, axis, 0)
    return x[::-1] if reverse else x


@random_shapes
@given(seeds, dtypes, lines, st.integers(0, 3), st.booleans())
def test_cumsum(seed, dtype, shape, axis, reverse):
    axis %= len(shape)
    x = Source(seed, dtype)(*shape)
    y = native.extension.cumsum(x, axis=axis, reverse=reverse)
    want = turned(double(x), axis, reverse).cumsum(0).astype(dtype)
    np.testing.assert_array_equal(turned(y, axis, reverse), want)


@random_shapes
@given(seeds, dtypes, lines, st.integers(0, 3))
def test_cumprod(seed, dtype, shape, axis):
    axis %= len(shape)
    x = Source(seed, dtype)(*shape)
    want = double(x).cumprod(axis).astype(dtype)
    np.testing.assert_array_equal(native.extension.cumprod(x, axis=axis), want)


@random_shapes
@given(seeds, dtypes, lines, st.integers(0, 3), st.booleans())
def test_recurrence(seed, dtype, shape, axis, reverse):
    axis %= len(shape)
    make = Source(seed, dtype)
    x, a = make(*shape), make(*shape)
    given_x, slope = (turned(double(v), axis, reverse) for v in (x, a))
    want, size = np.zeros_like(given_x), np.zeros_like(given_x)
    for i in range(len(want)):
        step = slope[i - 1] if reverse else slope[i]  # along the line as it is followed
        before, size_before = (want[i - 1], size[i - 1]) if i else (0, 0)
        want[i] = given_x[i] + step * before
        size[i] = abs(given_x[i]) + abs(step) * size_before
    y = native.extension.recurrence(x, a, axis=axis, reverse=reverse)
    check(np.ascontiguousarray(turned(y, axis, reverse)), want, scale=size)


def test_a_long_sum_is_rounded_once():
    x = np.random.default_rng(0).random(1_000_000, np.float32)
    y = native.extension.cumsum(x, axis=0, reverse=False)
    np.testing.assert_array_equal(y, x.cumsum(dtype=np.float64).astype(np.float32))
