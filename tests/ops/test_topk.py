"""topk() on lines long enough that it looks at a part of them only: against a full sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch


def _numbers(kind: str) -> Any:
    rng = np.random.default_rng(0)
    if kind == "ties":
        return rng.integers(0, 9, (3, 700, 2))
    x = rng.standard_normal((3, 700, 2)).astype(kind)
    for value, share in ((-np.inf, 0.99), (np.nan, 0.01), (np.inf, 0.005)):
        x[rng.random(x.shape) < share] = value
    return x


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "ties"])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 2, 7, 43, 44, 300, 699, 700])
def test_topk_is_the_beginning_of_a_sort(kind: str, largest: bool, k: int) -> None:
    x = nptorch.from_numpy(_numbers(kind))
    values, indices = x.topk(k, 1, largest)
    np.testing.assert_array_equal(values.numpy(), x.sort(1, descending=largest).values[:, :k].numpy())
    np.testing.assert_array_equal(x.gather(1, indices).numpy(), values.numpy())
    assert all(len(set(line.tolist())) == k for line in indices.transpose(1, 2).reshape(-1, k))


def test_topk_of_nothing() -> None:
    assert nptorch.zeros(2, 50).topk(0).values.shape == (2, 0)
    values, indices = nptorch.zeros(0, 50).topk(3)
    assert values.shape == indices.shape == (0, 3)


def test_gradient_goes_to_the_chosen() -> None:
    x = nptorch.arange(1000.0).requires_grad_()
    (x.topk(2).values ** 2).sum().backward()
    assert x.grad is not None
    assert x.grad.nonzero().flatten().tolist() == [998, 999]
    assert x.grad[-2:].tolist() == [1996, 1998]
