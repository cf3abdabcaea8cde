"""Native recurrent layers against the plainest NumPy in float64: every cell, steps of every size, both directions, with and without biases."""

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
GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(cell, x, own, h, c):
    """The next h and c from the two parts of the gates."""
    if cell == "GRU":
        (xr, xz, xn), (r, z, n) = np.split(x, 3, axis=1), np.split(own, 3, axis=1)
        r, z = sigmoid(xr + r), sigmoid(xz + z)
        return (1 - z) * np.tanh(xn + r * n) + z * h, c
    if cell != "LSTM":
        return (np.tanh(x + own) if cell == "RNN_TANH" else np.maximum(x + own, 0)), c
    i, f, g, o = np.split(x + own, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def layer(cell, x, h, c, w_ih, w_hh, b_ih, b_hh, sizes, reverse):
    """The rows of all steps, and the last states."""
    h, c, out = h.copy(), None if c is None else c.copy(), np.zeros((len(x), h.shape[1]))
    starts = np.cumsum([0, *sizes])
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        n, rows = sizes[t], slice(starts[t], starts[t + 1])
        own, part = h[:n] @ w_hh.T, x[rows] @ w_ih.T
        if b_ih is not None:
            own, part = own + b_hh, part + b_ih
        h[:n], new = step(cell, part, own, h[:n], None if c is None else c[:n])
        if c is not None:
            c[:n] = new
        out[rows] = h[:n]
    return [out, h] if c is None else [out, h, c]


def make_layer(make, cell, sizes, features, hidden, biased):
    """x, h0, c0, w_ih, w_hh, b_ih and b_hh."""
    rows, states = GATES[cell] * hidden, (max(sizes), hidden)
    bias = (make(rows), make(rows)) if biased else (None, None)
    return (
        make(sum(sizes), features), make(*states), make(*states) if cell == "LSTM" else None,
        make(rows, features) / features**0.5, make(rows, hidden) / hidden**0.5, *bias,
    )  # fmt: skip


cells = st.sampled_from(list(GATES))
steps = st.lists(st.one_of(st.integers(1, 9), st.sampled_from([16, 33])), min_size=1, max_size=6)
widths = st.one_of(st.integers(1, 20), st.sampled_from([32, 48, 130]))


@random_shapes
@given(seeds, dtypes, cells, steps, widths, widths, st.booleans(), st.booleans())
def test_a_layer(seed, dtype, cell, sizes, features, hidden, biased, reverse):
    sizes = tuple(sorted(sizes, reverse=True))
    arrays = make_layer(Source(seed, dtype), cell, sizes, features, hidden, biased)
    got = native.extension.recurrent(*arrays, None, cell=cell, sizes=sizes, reverse=reverse)
    wanted = layer(cell, *(double(x) for x in arrays), sizes, reverse)
    for one, want in zip(got, wanted, strict=False):
        check(one, want, scale=1 + np.abs(want), tolerance=5e-6)


@random_shapes
@given(seeds, cells, steps, widths, widths, st.booleans(), st.booleans(), st.booleans())
def test_the_gradient_of_a_layer(seed, cell, sizes, features, hidden, biased, reverse, of_x):
    """In float64 as the slope along a random direction, in float32 as float64."""
    sizes = tuple(sorted(sizes, reverse=True))
    make = Source(seed, np.float64)
    arrays = make_layer(make, cell, sizes, features, hidden, biased)

    def gradients(dtype):
        x, h0, c0, w_ih, w_hh, *biases = (None if v is None else v.astype(dtype) for v in arrays)
        named = dict(cell=cell, sizes=sizes, reverse=reverse)
        *_, before, kept = native.extension.recurrent(x, h0, c0, w_ih, w_hh, *biases, None, **named)
        arriving = [None if v is None else v.astype(dtype) for v in incoming]
        return native.extension.recurrent_backward(x, w_ih, w_hh, before, kept, *arriving, **named, of_x=of_x)

    moved = [None if x is None else make(*x.shape) for x in arrays]
    moved[0] = moved[0] * of_x
    values = [layer(cell, *(None if x is None else x + e * d for x, d in zip(arrays, moved, strict=True)), sizes, reverse) for e in (1e-6, -1e-6)]  # fmt: skip
    incoming = [make(*v.shape) if seed >> i & 3 else None for i, v in enumerate(values[0])] + [None] * (cell != "LSTM")
    found = gradients(np.float64)
    slope = sum(((up - down) * g).sum() for up, down, g in zip(*values, incoming, strict=False) if g is not None) / 2e-6
    parts = [(g * d).sum() for g, d in zip(found, moved, strict=True) if d is not None and g.size]
    if cell != "RNN_RELU":  # whose kinks may lie between the two
        limit = 1 + sum(np.abs(g * d).sum() for g, d in zip(found, moved, strict=True) if d is not None and g.size)
        assert abs(sum(parts) - slope) < 1e-6 * limit
        for single, want in zip(gradients(np.float32), found, strict=True):
            check(single, want, tolerance=1e-4)


def test_threads_take_sequences():
    make = Source(0, np.float32)
    sizes = (9, 9, 7, 2)
    arrays = make_layer(make, "GRU", sizes, 60, 130, True)
    before = native.get_num_threads()
    try:
        results = []
        for count in (1, 3):
            native.set_num_threads(count)
            results.append(native.extension.recurrent(*arrays, None, cell="GRU", sizes=sizes, reverse=True))
    finally:
        native.set_num_threads(before)
    assert all(np.array_equal(one, three) for one, three in zip(*results, strict=True))
