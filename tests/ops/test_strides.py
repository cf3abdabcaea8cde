"""as_strided() and tensors laid out in a wanted order; what PyTorch gives stands beside it."""

from __future__ import annotations

import pytest

import nptorch


def test_as_strided_sees_the_shared_memory() -> None:
    base = nptorch.arange(20.0)
    part = base[5:15]
    assert part.storage_offset() == 5
    assert part.as_strided((2, 2), (1, 2)).tolist() == [[5, 7], [6, 8]]
    assert part.as_strided((2, 2), (1, 2), 0).tolist() == [[0, 2], [1, 3]]
    assert part.as_strided((2,), (1,), 18).as_strided((3,), (2,), 1).tolist() == [1, 3, 5]
    part.as_strided((2,), (1,), 0).fill_(-1)
    assert base[:3].tolist() == [-1, -1, 2]
    with pytest.raises(RuntimeError, match="out of bounds for storage of 20"):
        part.as_strided((5,), (5,), 3)
    with pytest.raises(RuntimeError, match="Negative strides"):
        part.as_strided((2,), (-1,))
    with pytest.raises(RuntimeError, match="mismatch in length"):
        part.as_strided((2,), (1, 1))


def test_gradients_reach_only_what_the_tensor_covers() -> None:
    part = nptorch.arange(20.0)[5:15].detach().requires_grad_()
    (part.as_strided((2, 3), (2, 1), 4) ** 3).sum().backward()
    assert part.grad is not None
    assert part.grad.tolist() == [75, 216, 147, 192, 0, 0, 0, 0, 0, 0]


def test_writing_through_a_transposed_view_reaches_the_root() -> None:
    x = nptorch.arange(12.0).reshape(3, 4).requires_grad_()
    y = x * 1
    y.t().as_strided((2, 2), (1, 4), 1).mul_(3)
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0, 18, 36, 6], [8, 90, 108, 14], [16, 18, 20, 22]]


def test_empty_tensors_in_a_wanted_layout() -> None:
    made = nptorch.empty_strided((2, 3), (1, 4), dtype=nptorch.float64, requires_grad=True)
    assert (made.stride(), made.dtype, made.requires_grad, made.is_leaf) == ((1, 4), nptorch.float64, True, True)
    assert nptorch.empty_permuted((2, 3, 5), (0, 2, 1)).stride() == (15, 1, 3)
    assert nptorch.ones(2, dtype=nptorch.int64).new_empty_strided((2, 2), (2, 1)).dtype is nptorch.int64
    with pytest.raises(RuntimeError, match="Duplicate dim"):
        nptorch.empty_permuted((2, 3), (0, 0))
    with pytest.raises(RuntimeError, match="must match dimensionality of strides"):
        nptorch.empty_strided((2, 3), (1,))


def test_an_expanded_tensor_is_not_written() -> None:
    with pytest.raises(RuntimeError, match="single memory location"):
        nptorch.zeros(1).as_strided((3,), (0,)).add_(1)


def test_memory_in_any_order() -> None:
    x = (nptorch.arange(24.0).reshape(2, 3, 4).permute(1, 2, 0) + 0).as_strided((3,), (5,), 1)
    assert x.tolist() == [1, 6, 11]
