"""cumsum() along every dimension, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import nptorch


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int8", "bool"])
@pytest.mark.parametrize("shape", [(40, 7, 32), (3, 50, 20), (0, 7, 2000), (40, 0, 32), (5, 1100)])
def test_every_dimension(shape: tuple[int, ...], dtype: str) -> None:
    a = np.random.default_rng(0).integers(0, 3, shape).astype(dtype)
    turned = np.asfortranarray(a)
    for d in range(len(shape)):
        expected = a.cumsum(d, dtype=np.int64 if dtype in ("int8", "bool") else dtype)
        for x in (a, turned):
            found = nptorch.from_numpy(x).cumsum(d).numpy()
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_gradient_runs_backwards() -> None:
    x = nptorch.zeros(3, 4, 500).requires_grad_()
    x.cumsum(1).sum().backward()
    assert x.grad is not None
    assert x.grad[0, :, 0].tolist() == [4, 3, 2, 1]
    assert nptorch.equal(x.grad, x.grad[:1, :, :1].expand_as(x))
