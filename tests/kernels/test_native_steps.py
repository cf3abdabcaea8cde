"""Native optimizer steps and image batches against the plainest NumPy in float64, on random shapes, both dtypes, odd layouts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nptorch.kernels import native
from nptorch.kernels.images import image_batch

sys.path.insert(0, str(Path(__file__).parent))
import reference
from cases import check, double, dtypes, random_shapes, seeds

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")

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
    native.extension.sgd_step(params, grads, buffers if has_momentum else None, *options)
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
    native.extension.adam_step(params, grads, m, v, most if amsgrad else None, *options)
    for row, want in zip(zip(params, m, v, most, strict=True), wanted, strict=True):
        for got, expected in zip(row, want, strict=True):
            assert got is None or check(got, expected, scale=1 + np.abs(expected).max(), tolerance=2e-6) is None


@random_shapes
@given(seeds, st.booleans(), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_image_batch(seed, gray, h, w, normalize):
    random = np.random.default_rng(seed)
    images = random.integers(256, size=(30, h, w) if gray else (30, h, w, 3), dtype=np.uint8)
    indices, channels = random.integers(30, size=17), 1 if gray else 3
    mean, std = ([0.1307, 0.4, 0.2][:channels], [0.3081, 0.2, 0.5][:channels]) if normalize else (None, None)
    got = image_batch(images, indices, mean=mean, std=std)
    want = images[indices][:, None] if gray else images[indices].transpose(0, 3, 1, 2)
    want = want.astype(np.float32) / np.float32(255)
    if normalize:
        per_channel = (-1, 1, 1)
        want = (want - np.float32(mean).reshape(per_channel)) / np.float32(std).reshape(per_channel)
    assert np.array_equal(got, want)
