"""einsum() with letters that are shared, summed, alone, broadcast or empty: against NumPy's, with derivatives of both orders."""

from __future__ import annotations

import numpy as np
import pytest

import nptorch
from nptorch.autograd import gradcheck, gradgradcheck

CASES = [
    ("ij", [(2, 3)]),
    ("ba", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("iji->ij", [(2, 3, 2)]),
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]),
    ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
    ("aibj,jcai->bc", [(2, 3, 2, 4), (4, 3, 2, 3)]),
    ("ij,kl->il", [(2, 3), (2, 4)]),
    ("ij,ij->", [(2, 3), (2, 3)]),
    ("bi,bi->b", [(2, 3), (2, 3)]),
    ("i,j->ji", [(2,), (3,)]),
    ("bn,n->bn", [(2, 3), (3,)]),
    ("bi,b->ib", [(2, 3), (2,)]),
    ("...ij,...j->...i", [(2, 1, 3, 4), (5, 4)]),
    ("i...->...", [(2, 3)]),
    ("ij,j->i", [(2, 1), (3,)]),
    ("ij,ij->i", [(2, 3), (2, 1)]),
    ("ij,ij->ij", [(1, 3), (2, 1)]),
    ("ij,j->ij", [(1, 1), (1,)]),
    ("ij,ik->i", [(2, 0), (2, 3)]),
    ("ij,jk->ik", [(0, 3), (3, 4)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("ij,jk,kl->il", [(5, 2), (2, 5), (5, 2)]),
    ("bi,oij,bj->bo", [(2, 3), (2, 3, 4), (2, 4)]),
    ("ab,bc,cd,de->", [(2, 3), (3, 2), (2, 3), (3, 2)]),
]


@pytest.mark.parametrize(("equation", "shapes"), CASES)
def test_values_and_derivatives(equation: str, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    expected = np.einsum(equation, *arrays)
    operands = [nptorch.from_numpy(a).requires_grad_() for a in arrays]
    found = nptorch.einsum(equation, *operands)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    assert gradcheck(lambda *xs: nptorch.einsum(equation, *xs), operands)
    if found.numel():
        assert gradgradcheck(lambda *xs: nptorch.einsum(equation, *xs), operands)


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("ij,jk->ik", "subscript j has size 2 for operand 1 which does not broadcast with previously seen size 3"),
        ("ij,kl->ii", "output subscript i appears more than once"),
        ("ij,kl->im", "output subscript m does not appear"),
        ("ij,k->i", "do not match an operand with 2 dimensions"),
        ("ij->i", "names 1 operands, but 2 were given"),
    ],
)
def test_impossible_equations(equation: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        nptorch.einsum(equation, nptorch.zeros(2, 3), nptorch.zeros(2, 4))
