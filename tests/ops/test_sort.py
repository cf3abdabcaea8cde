"""sort() and what selects, on lines long enough for integer keys: against stable sorts by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch

KINDS = ["float32", "float16", "float64", "int64", "int32", "uint8", "int8", "bool", "middling", "wide", "special"]


def _numbers(kind: str) -> Any:
    rng = np.random.default_rng(0)
    if kind in ("middling", "wide"):
        end = 2**30 if kind == "middling" else 2**62
        return rng.integers(-end, end, (3, 1100, 2))
    if kind == "special":
        x = rng.integers(-9, 9, (3, 1100, 2)).astype(np.float32)
        for value, share in ((-np.inf, 0.02), (np.nan, 0.02), (-np.nan, 0.02), (np.inf, 0.02), (-0.0, 0.05)):
            x[rng.random(x.shape) < share] = value
        return x
    low = -99 if kind.startswith(("float", "int")) else 0
    return rng.integers(low, 2 if kind == "bool" else 99, (3, 1100, 2)).astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [0, 1, 2])
def test_sort_is_stable_both_ways(kind: str, d: int) -> None:
    a = _numbers(kind)
    x = nptorch.from_numpy(a)
    order = np.argsort(a, d, kind="stable")
    for descending in (False, True):
        values, indices = x.sort(d, descending)
        if descending:
            n = a.shape[d]
            order = np.flip(n - 1 - np.argsort(np.flip(a, d), d, kind="stable"), d)
        np.testing.assert_array_equal(indices.numpy(), order)
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, order, d))


@pytest.mark.parametrize("kind", KINDS)
def test_selected_elements_are_those_of_a_stable_sort(kind: str) -> None:
    a = _numbers(kind)
    x = nptorch.from_numpy(a)
    order = np.argsort(a, 1, kind="stable")
    ordered = np.take_along_axis(a, order, 1)
    np.testing.assert_array_equal(x.kthvalue(277, 1).values.numpy(), ordered[:, 276])
    if kind != "special":
        for values, indices in (x.median(1), x.nanmedian(1)):
            np.testing.assert_array_equal(indices.numpy(), order[:, 549])
            np.testing.assert_array_equal(values.numpy(), ordered[:, 549])
    else:
        assert x.median(1).values.isnan().all()
        np.testing.assert_array_equal(x.median(1).indices.numpy(), np.isnan(a).argmax(1))
        present = (~np.isnan(a)).sum(1, keepdims=True)
        wanted = np.take_along_axis(order, (present - 1) // 2, 1)[:, 0]
        np.testing.assert_array_equal(x.nanmedian(1).indices.numpy(), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_mode_is_the_last_of_the_smallest_of_the_most_frequent(kind: str) -> None:
    a = _numbers(kind)
    values, indices = nptorch.from_numpy(a).mode(1)
    for i, k in np.ndindex(3, 2):
        found, counts = np.unique(a[i, :, k], return_counts=True)
        wanted = found[counts.argmax()]
        np.testing.assert_array_equal(values[i, k].numpy(), wanted)
        line = a[i, :, k]
        same = np.isnan(line) if wanted != wanted else line == wanted
        assert indices[i, k] == np.flatnonzero(same)[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_unique_gives_the_input_back(kind: str) -> None:
    a = _numbers(kind)
    x = nptorch.from_numpy(a)
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values[inverse].numpy(), a)
    assert inverse.shape == x.shape
    assert counts.sum() == a.size
    np.testing.assert_array_equal(x.unique().numpy(), values.numpy())
    known = ~np.isnan(a) if kind == "special" else np.ones(a.shape, bool)
    np.testing.assert_array_equal(values[: len(np.unique(a[known]))].numpy(), np.unique(a[known]))
    assert len(values) == len(np.unique(a[known])) + (~known).sum()  # every NaN is another


def test_unique_of_little() -> None:
    assert nptorch.zeros(0).unique().shape == (0,)
    values, inverse, counts = nptorch.tensor(3.0).unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([3.0], 0, [1])
