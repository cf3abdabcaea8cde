"""General systems: LU, inverse, determinant.

The formulas of the derivatives: Giles, An extended collection of matrix derivative results (2008).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.ops.join import cat, tril, triu
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.pointwise import conj, imag, log, where
from nptorch.ops.registry import op
from nptorch.ops.shape import narrow, reshape, transpose_op, unsqueeze_op
from nptorch.ops.signatures import function, result, takes_out
from nptorch.ops.triangular import check_info, matrices, same_kind, solve_right, triangular_op
from nptorch.tensor import Tensor, from_array

# --- LU ---


def _lu_factor(xp: Any, x: Any, *, pivot: bool) -> tuple[Any, Any, Any]:
    *batch, m, n = x.shape
    k = min(m, n)
    lu = x.reshape(-1, m, n).copy()
    every = np.arange(len(lu))
    pivots = np.empty((len(lu), k), np.int32)
    info = np.zeros(len(lu), np.int32)
    for j in range(k):
        if pivot:
            column = lu[:, j:, j]
            # LAPACK measures a complex number by |re| + |im| here.
            size = abs(column.real) + abs(column.imag) if column.dtype.kind == "c" else abs(column)
            best = size.argmax(1) + j
            lu[every, best], lu[:, j] = lu[:, j].copy(), lu[every, best]
        else:
            best = j
        pivots[:, j] = best + 1
        head = lu[:, j, j]
        info[(head == 0) & (info == 0)] = j + 1
        lu[:, j + 1 :, j] /= np.where(head == 0, 1, head)[:, None]
        lu[:, j + 1 :, j + 1 :] -= lu[:, j + 1 :, j, None] * lu[:, j, None, j + 1 :]
    return lu.reshape(x.shape), pivots.reshape(*batch, k), info.reshape(batch)


def _square_lu_vjp(gl: Tensor, gu: Tensor, lu: Tensor) -> Tensor:
    lh, uh = adjoint(_unit_lower(lu)), adjoint(triu(lu))
    inner = tril(matmul(lh, gl), -1) + triu(matmul(gu, uh))
    return solve_right(uh, triangular_op(lh, inner, upper=True, unitriangular=True), upper=False)


def _lu_vjp(g: Tensor, lu: Tensor, pivots: Tensor, x_shape: Any, *, pivot: bool) -> Tensor:
    m, n = x_shape[-2:]
    k = min(m, n)
    # The square part first; the columns or rows beyond it follow from it.
    head, ghead = (narrow(narrow(t, -2, 0, k), -1, 0, k) for t in (lu, g))
    gl, gu = tril(ghead, -1), triu(ghead)
    if n > m:
        tail, gtail = (narrow(t, -1, k, n - k) for t in (lu, g))
        grest = triangular_op(adjoint(head), gtail, upper=True, unitriangular=True)
        ga = cat([_square_lu_vjp(gl - tril(matmul(grest, adjoint(tail)), -1), gu, head), grest], -1)
    elif m > n:
        tail, gtail = (narrow(t, -2, k, m - k) for t in (lu, g))
        grest = solve_right(adjoint(triu(head)), gtail, upper=False)
        ga = cat([_square_lu_vjp(gl, gu - triu(matmul(adjoint(tail), grest)), head), grest], -2)
    else:
        ga = _square_lu_vjp(gl, gu, head)
    return matmul(permutation(pivots, m, lu._array.dtype), ga) if pivot else ga


lu_op = op(
    "linalg_lu_factor", _lu_factor, _lu_vjp, outputs=("lu",), aux=("pivots", "info"), label="LinalgLuFactorExBackward0"
)


def permutation(pivots: Tensor, m: int, dtype: Any) -> Tensor:
    """P of A = P @ L @ U from the row swaps (counted from 1)."""
    swaps = (
        pivots._array.reshape(
            math.prod(pivots._array.shape[:-1]), -1 if pivots._array.size else pivots._array.shape[-1]
        )
        - 1
    )
    order = np.tile(np.arange(m), (len(swaps), 1))
    every = np.arange(len(swaps))
    for i in range(swaps.shape[1]):
        order[every, swaps[:, i]], order[:, i] = order[:, i].copy(), order[every, swaps[:, i]]
    p = np.zeros((len(swaps), m, m), dtype)
    np.put_along_axis(p, order[:, None, :], 1, 1)
    return from_array(p.reshape(*pivots._array.shape[:-1], m, m))


def _unit_lower(lu: Tensor) -> Tensor:
    m, n = lu._array.shape[-2:]
    k = min(m, n)
    return tril(narrow(lu, -1, 0, k), -1) + from_array(np.eye(m, k, dtype=lu._array.dtype))


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """(LU, pivots, info) of A = P @ L @ U, L and U in one matrix; info > 0 where U has a zero on its diagonal."""
    lu, pivots, info = lu_op(matrices("linalg.lu_factor_ex", A, square=False), pivot=pivot)
    if check_errors:
        _check_lu("torch.linalg.lu_factor_ex", info)
    return result("linalg_lu_factor_ex", LU=lu, pivots=pivots, info=info)


def _check_lu(name: str, info: Tensor) -> None:
    check_info(
        name,
        info._array,
        "U[{info},{info}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform "
        "the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
    )


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """(LU, pivots) of A = P @ L @ U.

    Raises: LinAlgError if U has a zero on its diagonal.
    """
    lu, pivots, info = lu_op(matrices("torch.linalg.lu_factor", A, square=False), pivot=pivot)
    _check_lu("torch.linalg.lu_factor", info)
    return result("linalg_lu_factor", LU=lu, pivots=pivots)


def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """(P, L, U) with A = P @ L @ U."""
    factors, pivots, _ = lu_op(matrices("linalg.lu", A, square=False), pivot=pivot)
    p, lower, upper = lu_unpack(factors, pivots, unpack_pivots=pivot)
    return result("linalg_lu", P=p, L=lower, U=upper)


@function("lu_unpack", method=False)
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """(P, L, U) from what lu_factor() gives."""
    name = "torch.lu_unpack"
    if unpack_pivots and LU_pivots._array.dtype != np.int32:
        raise RuntimeError(
            f"{name}: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
            "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    none = from_array(np.empty(0, LU_data._array.dtype))
    m = LU_data._array.shape[-2]
    return result(
        "lu_unpack",
        P=permutation(LU_pivots, m, LU_data._array.dtype) if unpack_pivots else none,
        L=_unit_lower(LU_data) if unpack_data else none,
        U=triu(narrow(LU_data, -2, 0, min(LU_data._array.shape[-2:]))) if unpack_data else none,
    )


@function("lu")
def lu_legacy(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """(LU, pivots[, info]): the old form of linalg.lu_factor()."""
    found = lu_op(matrices("lu", A, square=False), pivot=pivot)
    if not get_infos:
        _check_lu("torch.linalg.lu_factor", found[2])
    return found if get_infos else found[:2]


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with A @ X = B (or X @ A = B, or with A's adjoint), from the LU factors of A."""
    name = "linalg.lu_solve"
    matrices(name, LU)
    same_kind(name, LU, B)
    if pivots._array.dtype != np.int32:
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type torch.int32, got {pivots.dtype!r}")
    if not left:  # X @ A = B is A^H @ X^H = B^H
        return _adjoint(lu_solve(LU, pivots, _adjoint(B), adjoint=not adjoint))
    p = permutation(pivots, LU._array.shape[-1], LU._array.dtype)
    if adjoint:
        y = triangular_op(_adjoint(LU), B, upper=False, unitriangular=False)
        return matmul(p, triangular_op(_adjoint(LU), y, upper=True, unitriangular=True))
    y = triangular_op(LU, matmul(_adjoint(p), B), upper=False, unitriangular=True)
    return triangular_op(LU, y, upper=True, unitriangular=False)


_adjoint = adjoint


@function("lu_solve")
@takes_out
def lu_solve_legacy(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with A @ X = b: the old order of linalg.lu_solve()'s arguments."""
    return lu_solve(LU_data, LU_pivots, b)


# --- inverse and general systems ---


def _or_info(f: Any, a: Any, *b: Any) -> tuple[Any, Any]:
    """f(a, ...) and zeros; for singular matrices NaN and the position of the first zero pivot."""
    batch = a.shape[:-2]
    try:
        y = f(a, *b)
        return y, np.zeros(batch, np.int32)
    except np.linalg.LinAlgError:
        info = _lu_factor(np, a, pivot=True)[2]
        broken = (info > 0)[..., None, None]
        y = f(np.where(broken, np.eye(a.shape[-1], dtype=a.dtype), a), *b)
        return np.where(broken, np.asarray(np.nan, y.dtype), y), info


inverse_op = op(
    "linalg_inv",
    lambda xp, x: _or_info(xp.linalg.inv, x),
    lambda g, inverse: -matmul(matmul(adjoint(inverse), g), adjoint(inverse)),
    outputs=("inverse",),
    aux=("info",),
    label="LinalgInvExBackward0",
)
solve_op = op(
    "linalg_solve",
    lambda xp, a, b: _or_info(xp.linalg.solve, a, b),
    lambda g, a, x: -matmul(solve_op(adjoint(a), g)[0], adjoint(x)),
    lambda g, a: solve_op(adjoint(a), g)[0],
    outputs=("x",),
    aux=("info",),
    label="LinalgSolveExBackward0",
)


def _check_inverse(name: str, info: Tensor) -> None:
    check_info(
        name,
        info._array,
        "The diagonal element {info} is zero, the inversion could not be completed because the input matrix is singular.",
    )


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """(inverse, info): inv() without an error."""
    inverse, info = inverse_op(matrices("linalg.inv_ex", A))
    if check_errors:
        _check_inverse("linalg.inv_ex", info)
    return result("linalg_inv_ex", inverse=inverse, info=info)


@function("inverse")
@takes_out
def inv(A: Tensor) -> Tensor:
    """The inverse of a square matrix, or of each in a batch.

    Raises: LinAlgError for a singular one.
    """
    inverse, info = inverse_op(matrices("linalg.inv", A))
    _check_inverse("linalg.inv", info)
    return inverse


def _solved(name: str, A: Tensor, B: Tensor, left: bool) -> tuple[Tensor, Tensor]:
    matrices(name, A)
    same_kind(name, A, B)
    a, b = A._array.shape, B._array.shape
    # One right-hand side for each matrix, or matrices of them.
    vector = len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])
    if vector and not left:
        raise RuntimeError(f"{name}: Vector broadcasting of the left hand side is not supported for left=False")
    if vector:
        B = unsqueeze_op(B, dim=len(b))
    inner = B._array.shape[-2 if left else -1]
    if inner != a[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({a[-2]}x{a[-1]} and {B._array.shape[-2]}x{B._array.shape[-1]})"
        )
    if left:
        x, info = solve_op(A, B)
    else:
        x, info = solve_op(transpose_op(A, a=-2, b=-1), transpose_op(B, a=-2, b=-1))
        x = transpose_op(x, a=-2, b=-1)
    return (reshape(x, x._array.shape[:-1]) if vector else x), info


def _check_solve(name: str, info: Tensor) -> None:
    check_info(name, info._array, "The solver failed because the input matrix is singular.")


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """(result, info): solve() without an error."""
    x, info = _solved("linalg.solve", A, B, left)
    if check_errors:
        _check_solve("torch.linalg.solve_ex", info)
    return result("linalg_solve_ex", result=x, info=info)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A @ X = B (or X @ A = B); B may be vectors.

    Raises: LinAlgError for a singular A.
    """
    x, info = _solved("linalg.solve", A, B, left)
    _check_solve("torch.linalg.solve", info)
    return x


# --- determinants ---


def _cofactors(xp: Any, x: Any) -> Any:
    """det(x) * inv(x)^T, also for singular x: from the singular values, each left out in turn."""
    u, s, vh = xp.linalg.svd(x)
    n = s.shape[-1]
    others = xp.where(xp.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    unit = (xp.linalg.det(u) * xp.linalg.det(vh))[..., None, None]
    return xp.conj((xp.conj(vh.swapaxes(-1, -2)) * others[..., None, :]) @ xp.conj(u.swapaxes(-1, -2)) * unit).swapaxes(
        -1, -2
    )


def _det_vjp(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    over = unsqueeze_op(unsqueeze_op(g, dim=g._array.ndim), dim=g._array.ndim + 1)
    if (out._array == 0).any() or (abs(out._array) < 1e-14).any():
        return over * from_array(_cofactors(np, x._array))
    inverse = inverse_op(x)[0]
    return over * adjoint(inverse * unsqueeze_op(unsqueeze_op(out, dim=out._array.ndim), dim=out._array.ndim + 1))


det_op = op("linalg_det", lambda xp, x: np.asarray(xp.linalg.det(x)), _det_vjp, label="LinalgDetBackward0")


def _slogdet_vjp(g: Any, x: Tensor, sign: Tensor) -> Tensor:
    gsign, glog = g
    total = glog
    if gsign is not None and sign._array.dtype.kind == "c":
        turn = imag(conj(gsign) * sign) * 1j
        total = -turn if glog is None else glog - turn
    if total is None:
        return from_array(np.zeros_like(x._array))
    n = total._array.ndim
    return unsqueeze_op(unsqueeze_op(total, dim=n), dim=n + 1) * adjoint(inverse_op(x)[0])


def _slogdet(xp: Any, x: Any) -> tuple[Any, Any]:
    sign, logabsdet = xp.linalg.slogdet(x)
    return np.asarray(sign), np.asarray(logabsdet)


slogdet_op = op("linalg_slogdet", _slogdet, _slogdet_vjp, outputs=("sign", "logabsdet"))


@function("det")
@takes_out
def det(A: Tensor) -> Tensor:
    """The determinant."""
    return det_op(matrices("linalg.det", A))


@function("slogdet")
@takes_out
def slogdet(A: Tensor) -> Any:
    """(sign, logabsdet): the determinant's sign (or phase) and the logarithm of its size."""
    sign, logabsdet = slogdet_op(matrices("linalg.slogdet", A))
    return result("linalg_slogdet", sign=sign, logabsdet=logabsdet)


@function()
@takes_out
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN for a negative one of real matrices."""
    sign, logabsdet = slogdet_op(matrices("logdet", input))
    if sign._array.dtype.kind == "c":
        return logabsdet + log(sign)
    return where(sign == -1, from_array(np.asarray(np.nan, logabsdet._array.dtype)), logabsdet)
