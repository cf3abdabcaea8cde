"""Triangular systems, the Cholesky factors that lead to them, and what all of linalg checks of its matrices.

The formulas of the derivatives: Giles, An extended collection of matrix derivative results (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.errors import LinAlgError
from nptorch.ops.join import tril, triu
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.registry import op
from nptorch.ops.shape import expand, transpose_op
from nptorch.ops.signatures import function, result, takes_out
from nptorch.tensor import Tensor, from_array


def matrices(name: str, x: Tensor, square: bool = True) -> Tensor:
    """`x`, checked to be a batch of (square) matrices of a floating or complex type.

    Raises: RuntimeError for another shape or type.
    """
    shape = x._array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, but it has shape {list(shape)}"
        )
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} matrices"
        )
    if x._array.dtype.kind not in "fc":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype!r}")
    if x._array.dtype == np.float16:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half")
    return x


def same_kind(name: str, a: Tensor, b: Tensor) -> None:
    """Raises: RuntimeError if the two differ in dtype."""
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {a.dtype!r} and B of type {b.dtype!r}"
        )


def check_info(name: str, info: Any, message: str) -> None:
    """Raises: LinAlgError naming the first matrix of a batch whose `info` is not 0."""
    if not info.any():
        return
    at = int(np.flatnonzero(info)[0])
    where_ = f"(Batch element {at}): " if info.ndim else ""
    raise LinAlgError(f"{name}: {where_}{message.format(info=int(info.ravel()[at]))}")


# --- triangular systems ---


def _triangle(xp: Any, a: Any, upper: bool, unitriangular: bool) -> Any:
    a = xp.triu(a, 1 if unitriangular else 0) if upper else xp.tril(a, -1 if unitriangular else 0)
    return a + xp.eye(a.shape[-1], dtype=a.dtype) if unitriangular else a


def _solve_triangular(xp: Any, a: Any, b: Any, *, upper: bool, unitriangular: bool) -> Any:
    a = _triangle(xp, a, upper, unitriangular)
    broken = (xp.diagonal(a, 0, -2, -1) == 0).any(-1)
    if not broken.any():
        return xp.linalg.solve(a, b)
    x = xp.linalg.solve(xp.where(broken[..., None, None], xp.eye(a.shape[-1], dtype=a.dtype), a), b)
    return xp.where(broken[..., None, None], xp.asarray(xp.nan, a.dtype), x)


def _triangular_vjp(g: Tensor, a: Tensor, out: Tensor, *, upper: bool, unitriangular: bool) -> Tensor:
    gb = triangular_op(adjoint(a), g, upper=not upper, unitriangular=unitriangular)
    ga = -matmul(gb, adjoint(out))
    return triu(ga, 1 if unitriangular else 0) if upper else tril(ga, -1 if unitriangular else 0)


triangular_op = op(
    "linalg_solve_triangular",
    _solve_triangular,
    _triangular_vjp,
    lambda g, a, *, upper, unitriangular: triangular_op(adjoint(a), g, upper=not upper, unitriangular=unitriangular),
)


def solve_right(a: Tensor, b: Tensor, upper: bool, unitriangular: bool = False) -> Tensor:
    """X with X @ a = b."""
    x = triangular_op(
        transpose_op(a, a=-2, b=-1), transpose_op(b, a=-2, b=-1), upper=not upper, unitriangular=unitriangular
    )
    return transpose_op(x, a=-2, b=-1)


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A @ X = B (or X @ A = B) for a triangular A; the other triangle is not read."""
    name = "linalg.solve_triangular"
    matrices(name, A)
    same_kind(name, A, B)
    if B._array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions, got shape {list(B.shape)}")
    inner = B._array.shape[-2 if left else -1]
    if A._array.shape[-1] != inner:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A._array.shape[-2]}x{A._array.shape[-1]} and {B._array.shape[-2]}x{B._array.shape[-1]})"
        )
    return (
        triangular_op(A, B, upper=upper, unitriangular=unitriangular)
        if left
        else solve_right(A, B, upper, unitriangular)
    )


@function()
@takes_out
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """(solution, cloned_coefficient) of A @ X = input, or A.T @ X = input (the old form of linalg.solve_triangular)."""
    a = transpose_op(A, a=-2, b=-1) if transpose else A
    x = triangular_op(a, input, upper=upper != transpose, unitriangular=unitriangular)
    shape = x._array.shape[:-2]
    return result("triangular_solve", solution=x, cloned_coefficient=expand(A, (*shape, *A._array.shape[-2:])).clone())


# --- Cholesky ---


def _cholesky_vjp(g: Tensor, L: Tensor) -> Tensor:
    lh = adjoint(L)
    phi = tril(matmul(lh, g))
    phi = (tril(phi) + adjoint(tril(phi, -1))) * 0.5
    return solve_right(L, triangular_op(lh, phi, upper=True, unitriangular=False), upper=False)


def _cholesky(xp: Any, x: Any, *, upper: bool) -> tuple[Any, Any]:
    if upper:
        x = xp.conj(x.swapaxes(-1, -2))
    try:
        return xp.linalg.cholesky(x), np.zeros(x.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        return _cholesky_by_columns(x)


def _cholesky_by_columns(x: Any) -> tuple[Any, Any]:
    """The factors as far as they exist, and the order of the first leading minor that is not positive."""
    n = x.shape[-1]
    lower = np.tril(x).reshape(-1, n, n)
    info = np.zeros(len(lower), np.int32)
    for j in range(n):
        head = lower[:, j, j].real
        info[(info == 0) & ~(head > 0)] = j + 1
        going = info == 0
        root = np.sqrt(np.where(going, head, 1))
        lower[going, j:, j] /= root[going, None]
        step = lower[:, j + 1 :, j, None] * lower[:, None, j + 1 :, j].conj()
        lower[going, j + 1 :, j + 1 :] -= np.tril(step)[going]
    return lower.reshape(x.shape), info.reshape(x.shape[:-2])


cholesky_op = op(
    "linalg_cholesky", _cholesky, _cholesky_vjp, outputs=("L",), aux=("info",), label="LinalgCholeskyExBackward0"
)


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """(L, info): cholesky() without an error; info > 0 is the order of the first minor that is not positive."""
    factor, info = _factor("linalg.cholesky_ex", A, upper)
    if check_errors:
        _check_cholesky("linalg.cholesky_ex", info)
    return result("linalg_cholesky_ex", L=factor, info=info)


def _factor(name: str, A: Tensor, upper: bool) -> tuple[Tensor, Tensor]:
    factor, info = cholesky_op(matrices(name, A), upper=upper)
    return (adjoint(factor) if upper else factor), info


def _check_cholesky(name: str, info: Tensor) -> None:
    check_info(
        name,
        info._array,
        "The factorization could not be completed because the input is not positive-definite "
        "(the leading minor of order {info} is not positive-definite).",
    )


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower (upper) triangular L with A = L @ L^H (U^H @ U).

    Raises: LinAlgError if A is not positive-definite.
    """
    factor, info = _factor("linalg.cholesky", A, upper)
    _check_cholesky("linalg.cholesky", info)
    return factor


@function("cholesky")
@takes_out
def cholesky_legacy(input: Tensor, upper: bool = False) -> Tensor:
    """The old form of linalg.cholesky()."""
    factor, info = _factor("cholesky", input, upper)
    _check_cholesky("cholesky", info)
    return factor


def _cholesky_solve(xp: Any, b: Any, L: Any, *, upper: bool) -> Any:
    if upper:
        L = xp.conj(L.swapaxes(-1, -2))
    y = _solve_triangular(xp, L, b, upper=False, unitriangular=False)
    return _solve_triangular(xp, xp.conj(L.swapaxes(-1, -2)), y, upper=True, unitriangular=False)


def _cholesky_solve_vjp(g: Tensor, L: Tensor, out: Tensor, *, upper: bool) -> Tensor:
    # The full matrix, as PyTorch gives it, not only the triangle that was read.
    half = matmul(cholesky_solve_op(g, L, upper=upper), adjoint(out))
    both = half + adjoint(half)
    return -matmul(L, both) if upper else -matmul(both, L)


cholesky_solve_op = op(
    "cholesky_solve",
    _cholesky_solve,
    lambda g, L, *, upper: cholesky_solve_op(g, L, upper=upper),
    _cholesky_solve_vjp,
)


@function()
@takes_out
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with A @ X = input, from the Cholesky factor of A."""
    for x, what in ((input, "b"), (L, "u")):
        if x._array.ndim < 2:
            raise RuntimeError(f"{what} should have at least 2 dimensions, but has {x._array.ndim} dimensions instead")
    matrices("cholesky_solve", L)
    same_kind("cholesky_solve", L, input)
    return cholesky_solve_op(input, L, upper=upper)


@function()
@takes_out
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A from its Cholesky factor."""
    n = matrices("cholesky_inverse", input)._array.shape[-1]
    return cholesky_solve(from_array(np.eye(n, dtype=input._array.dtype)), input, upper)
