"""Random cases for the native kernels' tests, and how a result is compared with float64."""

from __future__ import annotations

import os

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
