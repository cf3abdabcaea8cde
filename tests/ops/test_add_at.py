"""add_at() against np.add.at: every way it goes, with places that repeat and places that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.ops.add_at import add_at

ALL = slice(None)


def _cases() -> list[tuple[str, tuple[int, ...], tuple[Any, ...]]]:
    rng = np.random.default_rng(0)

    def some(n: int, *shape: int) -> Any:
        return rng.integers(-n, n, shape)

    mask = rng.random((40, 100)) < 0.5
    return [
        ("numbers", (50,), (some(50, 3000),)),
        ("pairs of numbers", (50, 20), (some(50, 3000), some(20, 3000))),
        ("broadcast pairs", (50, 40), (some(50, 60, 1), some(40, 1, 30))),
        ("rows", (50, 64), (some(50, 8, 10),)),
        ("odd rows", (50, 63), (some(50, 8, 10),)),
        ("wide rows", (50, 100), (some(50, 30),)),
        ("distinct rows", (50, 100), (rng.permutation(50)[:30] - 50,)),
        ("a row that has two names", (50, 100), (np.arange(-50, 50),)),
        ("columns", (30, 50), (ALL, some(50, 80))),
        ("distinct columns of rows", (4, 50, 70), (ALL, rng.permutation(50))),
        ("between", (4, 50, 6, 8), (ALL, some(50, 80), some(6, 80))),
        ("apart", (20, 5, 30), (some(20, 300), ALL, some(30, 300))),
        ("mask", (40, 100), (mask,)),
        ("mask of rows", (40, 100, 3), (mask,)),
        ("few", (50, 4), (some(50, 3),)),
        ("none", (50, 4), (some(50, 0),)),
        ("none of none", (0, 4), (np.zeros(0, np.int64),)),
    ]


@pytest.mark.parametrize(("name", "shape", "index"), _cases(), ids=[name for name, *_ in _cases()])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "complex64", "int64", "bool"])
def test_adds_as_numpy_does(name: str, shape: tuple[int, ...], index: tuple[Any, ...], dtype: str) -> None:
    rng = np.random.default_rng(1)

    def numbers(shape: tuple[int, ...]) -> Any:  # small integers, whose sums are exact
        return rng.integers(0, 3, shape).astype(dtype)

    start = numbers(shape)
    picked = start[index].shape
    for values in (
        numbers(picked),
        numbers(picked[::-1]).T,
        np.broadcast_to(numbers(picked[-1:]), picked),
        numbers(picked[1:]),
    ):
        for found in (start.copy(), np.asfortranarray(start)):
            expected = start.copy()
            np.add.at(expected, index, values)
            add_at(found, index, values)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rows", [[3, 1, 2, 0], [3, 1, 3, -1]])
def test_gradient_of_picked_rows(rows: list[int]) -> None:
    x = nptorch.arange(2000.0).reshape(4, 500).requires_grad_()
    (x[nptorch.tensor(rows)] ** 2).sum().backward()
    assert x.grad is not None
    times = nptorch.tensor([float(sum(r % 4 == k for r in rows)) for k in range(4)])
    assert nptorch.equal(x.grad, 2 * x.detach() * times[:, None])
