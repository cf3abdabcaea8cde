"""The names of sparse tensors, on dense ones: the same numbers as PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import nptorch

INDICES = [[0, 1, 1, 0], [2, 0, 2, 2]]


def results(torch: Any) -> list[Any]:
    i, v = torch.tensor(INDICES), torch.tensor([3.0, 4.0, 5.0, 1.0], requires_grad=True)
    s = torch.sparse_coo_tensor(i, v, (2, 3), check_invariants=False)
    x = torch.arange(6.0).view(3, 2)
    (torch.sparse.mm(s, x) * torch.tensor([1.0, 2.0])).sum().backward()
    done = s.detach().coalesce()
    old = torch.sparse.FloatTensor(i, v.detach(), torch.Size([2, 4])).to_dense()
    found = [
        done.to_dense(),
        torch.spmm(done, x),
        v.grad,
        done.indices(),
        done.values(),
        old,
        torch.eye(2).to_sparse().to_dense(),
    ]
    return [t.tolist() for t in found] + [done._nnz(), done.shape, done.is_coalesced()]


def test_expected_numbers() -> None:
    dense, product, gradient, indices, values, *_ = results(nptorch)
    assert dense == [[0, 0, 4], [4, 0, 5]] and product == [[16, 20], [20, 29]]
    assert gradient == [14, 2, 14, 14] and indices == [[0, 1, 1], [2, 0, 2]] and values == [4, 4, 5]


@pytest.mark.filterwarnings("ignore")
def test_as_pytorch() -> None:
    torch = pytest.importorskip("torch")
    assert results(nptorch) == results(torch)


def test_size_from_the_indices() -> None:
    assert nptorch.sparse_coo_tensor(INDICES, [1, 2, 3, 4]).shape == (2, 3)
    leaf = nptorch.sparse_coo_tensor(INDICES, [1.0, 2, 3, 4], (3, 3), requires_grad=True)
    assert leaf.is_leaf and leaf.requires_grad


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match=r"got \[2, 4\] and \[3\]"):
        nptorch.sparse_coo_tensor(INDICES, [1.0, 2.0, 3.0], (2, 3))
    with pytest.raises(IndexError, match="out of bounds"):
        nptorch.sparse_coo_tensor(INDICES, [1.0, 2.0, 3.0, 4.0], (2, 2))
