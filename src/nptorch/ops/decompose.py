"""Decompositions into orthogonal factors: QR, eigenvalues, singular values.

The derivatives: Walter and Lehmann (2018) for QR, Giles (2008) for eigenvectors, Wan and Zhang (2019) for complex singular vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.errors import LinAlgError
from nptorch.ops.derive import constant
from nptorch.ops.diagonals import diag_embed
from nptorch.ops.join import cat, tril, triu
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.pointwise import conj, real
from nptorch.ops.registry import op
from nptorch.ops.shape import diagonal, narrow, unsqueeze_op
from nptorch.ops.signatures import function, result, takes_out
from nptorch.ops.solve import solve_op
from nptorch.ops.triangular import matrices, triangular_op
from nptorch.tensor import Tensor, from_array


def _columns(x: Tensor) -> Tensor:
    """One number for each column, to multiply a matrix by."""
    return unsqueeze_op(x, dim=x._array.ndim - 1)


def _rows(x: Tensor) -> Tensor:
    return unsqueeze_op(x, dim=x._array.ndim)


def _differences(x: Tensor) -> Tensor:
    """E[i, j] = x[j] - x[i], with ones on the diagonal."""
    n = x._array.shape[-1]
    return _columns(x) - _rows(x) + from_array(np.eye(n, dtype=x._array.dtype))


def _converged(name: str, what: str, f: Any) -> Any:
    try:
        return f()
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated {what}."
        ) from None


# --- QR ---


def _qr_vjp(g: Any, Q: Tensor, R: Tensor, *, mode: str) -> Tensor:
    gq, gr = g
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to require gradients."
        )
    m, n = Q._array.shape[-2], R._array.shape[-1]
    if mode == "complete" and m > n:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols; use mode='reduced'"
        )
    if n <= m:
        return _tall_qr_vjp(gq, gr, Q, R)
    # A = [X, Y] with X = Q U square, Y = Q V: what V receives passes to Y, and through Q to X.
    rest = None if gr is None else narrow(gr, -1, m, n - m)
    head = None if gr is None else narrow(gr, -1, 0, m)
    if rest is None:
        gx = _tall_qr_vjp(gq, None, Q, narrow(R, -1, 0, m))
        return cat([gx, from_array(np.zeros((*gx._array.shape[:-1], n - m), gx._array.dtype))], -1)
    through = matmul(Q, matmul(narrow(R, -1, m, n - m), adjoint(rest)))
    gx = _tall_qr_vjp(through if gq is None else gq + through, head, Q, narrow(R, -1, 0, m))
    return cat([gx, matmul(Q, rest)], -1)


def _tall_qr_vjp(gq: Tensor | None, gr: Tensor | None, Q: Tensor, R: Tensor) -> Tensor:
    inner: Any = 0
    if gr is not None:
        inner = matmul(gr, adjoint(R))
    if gq is not None:
        inner = inner - matmul(adjoint(Q), gq)
    upper = triu(inner)
    hermitian = (
        upper + adjoint(triu(inner, 1)) - diag_embed(diagonal(inner, 0, -2, -1) - real(diagonal(inner, 0, -2, -1)))
    )
    ga = matmul(Q, hermitian)
    if gq is not None:
        ga = ga + gq
    # X @ R^H = ga
    return adjoint(triangular_op(R, adjoint(ga), upper=True, unitriangular=False))


qr_op = op("linalg_qr", lambda xp, x, *, mode: _qr(xp, x, mode), _qr_vjp, outputs=("Q", "R"))


def _qr(xp: Any, x: Any, mode: str) -> tuple[Any, Any]:
    if mode == "r":
        return xp.empty(0, x.dtype), xp.linalg.qr(x, "r")
    if not x.size:  # LAPACK takes no empty matrices
        *batch, m, n = x.shape
        k = m if mode == "complete" else min(m, n)
        return xp.broadcast_to(xp.eye(m, k, dtype=x.dtype), (*batch, m, k)).copy(), xp.zeros((*batch, k, n), x.dtype)
    return tuple(xp.linalg.qr(x, mode))


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """(Q, R) with A = Q @ R, Q with orthonormal columns and R upper triangular."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    q, r = qr_op(matrices("linalg.qr", A, square=False), mode=mode)
    return result("linalg_qr", Q=q, R=r)


@function("qr")
@takes_out
def qr_legacy(input: Tensor, some: bool = True) -> Any:
    """(Q, R): the old form of linalg.qr()."""
    q, r = qr(input, "reduced" if some else "complete")
    return result("qr", Q=q, R=r)


geqrf_op = op("geqrf", lambda xp, x: _reflectors(xp, x))


def _reflectors(xp: Any, x: Any) -> tuple[Any, Any]:
    h, tau = xp.linalg.qr(x, "raw")
    return np.ascontiguousarray(h.swapaxes(-1, -2)), tau


@function()
@takes_out
def geqrf(input: Tensor) -> Any:
    """(a, tau): QR as LAPACK leaves it, R above the reflectors that make up Q."""
    a, tau = geqrf_op(matrices("geqrf", input, square=False))
    return result("geqrf", a=a, tau=tau)


def _reflect(A: Tensor, tau: Tensor, other: Tensor, adjoint_: bool) -> Tensor:
    """Q @ other (or Q^H @ other), a reflector at a time."""
    m, k = A._array.shape[-2], tau._array.shape[-1]
    vectors = tril(narrow(A, -1, 0, k), -1) + from_array(np.eye(m, k, dtype=A._array.dtype))
    for i in range(k) if adjoint_ else reversed(range(k)):
        v = narrow(vectors, -1, i, 1)
        t = _rows(narrow(tau, -1, i, 1))
        other = other - (conj(t) if adjoint_ else t) * matmul(v, matmul(adjoint(v), other))
    return other


@function("orgqr")
@takes_out
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of Householder reflectors, as geqrf() gives them."""
    name = "torch.linalg.householder_product"
    m, n = A._array.shape[-2:] if A._array.ndim > 1 else (0, 0)
    if A._array.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau._array.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if A._array.ndim - tau._array.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau._array.ndim} "
            f"and input.ndim is equal to {A._array.ndim}"
        )
    if A._array.shape[:-2] != tau._array.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    if A._array.dtype != tau._array.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype!r} does not match input dtype {A.dtype!r}")
    start = from_array(np.broadcast_to(np.eye(m, n, dtype=A._array.dtype), A._array.shape).copy())
    return _reflect(A, tau, constant(start, A, tau, label="LinalgHouseholderProductBackward0"), False)


@function()
@takes_out
def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Q @ other (other @ Q; with Q^H if transpose), Q given by its Householder reflectors."""
    name = "torch.ormqr"
    if input._array.ndim < 2 or other._array.ndim < 2:
        raise RuntimeError(f"{name}: {'input' if input._array.ndim < 2 else 'other'} must have at least 2 dimensions.")
    side = -2 if left else -1
    if tau._array.shape[-1] > other._array.shape[side]:
        raise RuntimeError(
            f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1], got {other._array.shape[side]} and "
            f"{tau._array.shape[-1]}"
        )
    if tau._array.shape[-1] != min(other._array.shape[side], input._array.shape[-1]):
        raise RuntimeError(
            f"{name}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1]), got {tau._array.shape[-1]}"
        )
    if input._array.shape[-2] != other._array.shape[side]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be equal to other.shape[{side}], got {input._array.shape[-2]} and {other._array.shape[side]}"
        )
    if left:
        return _reflect(input, tau, other, transpose)
    return adjoint(_reflect(input, tau, adjoint(other), not transpose))


# --- eigenvalues ---


def _eig_vjp(g: Any, L: Tensor, V: Tensor) -> Tensor:
    gl, gv = g
    vh = adjoint(V)
    if gv is None:
        return solve_op(vh, _rows(gl) * vh)[0]
    inner = matmul(vh, gv)
    inner = inner - matmul(vh, V) * _columns(real(diagonal(inner, 0, -2, -1)))
    return solve_op(vh, matmul(_turned(inner, gl, L), vh))[0]


def _turned(inner: Tensor, gl: Tensor | None, L: Tensor) -> Tensor:
    inner = inner / conj(_differences(L))
    inner = inner - diag_embed(diagonal(inner, 0, -2, -1))
    return inner if gl is None else inner + diag_embed(gl)


def _eigh_vjp(g: Any, L: Tensor, V: Tensor) -> Tensor:
    gl, gv = g
    vh = adjoint(V)
    if gv is None:
        return matmul(V, _rows(gl) * vh)
    ga = matmul(V, matmul(_turned(matmul(vh, gv), gl, L), vh))
    return (ga + adjoint(ga)) * 0.5


def _eig(xp: Any, x: Any) -> tuple[Any, Any]:
    if not np.isfinite(x).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    kind = np.result_type(x.dtype, np.complex64)
    values, vectors = _converged("linalg.eig", "eigenvalues", lambda: xp.linalg.eig(x))
    return values.astype(kind, copy=False), vectors.astype(kind, copy=False)


eig_op = op("linalg_eig", _eig, _eig_vjp, outputs=("L", "V"))
eigh_op = op(
    "linalg_eigh",
    lambda xp, x, *, uplo: tuple(_converged("linalg.eigh", "eigenvalues", lambda: xp.linalg.eigh(x, uplo))),
    _eigh_vjp,
    outputs=("L", "V"),
)


def eig(A: Tensor) -> Any:
    """(eigenvalues, eigenvectors) of square matrices, complex."""
    values, vectors = eig_op(matrices("linalg.eig", A))
    return result("linalg_eig", eigenvalues=values, eigenvectors=vectors)


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of square matrices, complex."""
    return eig_op(matrices("linalg.eigvals", A))[0]


def _uplo(name: str, A: Tensor, UPLO: str) -> dict[str, str]:
    matrices(name, A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return {"uplo": UPLO.upper()}


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """(eigenvalues, eigenvectors) of Hermitian matrices, of which one triangle is read; ascending."""
    values, vectors = eigh_op(A, **_uplo("linalg.eigh", A, UPLO))
    return result("linalg_eigh", eigenvalues=values, eigenvectors=vectors)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, ascending."""
    return eigh_op(A, **_uplo("linalg.eigvalsh", A, UPLO))[0]


# --- singular values ---


def _skew(x: Tensor) -> Tensor:
    return x - adjoint(x)


def _svd_vjp(g: Any, U: Tensor, S: Tensor, Vh: Tensor, *, full: bool) -> Tensor:
    gu, gs, gvh = g
    m, n, k = U._array.shape[-2], Vh._array.shape[-1], S._array.shape[-1]
    if full and m != n:  # only the first k vectors can carry gradients
        U, Vh = narrow(U, -1, 0, k), narrow(Vh, -2, 0, k)
        gu, gvh = (None if gu is None else narrow(gu, -1, 0, k)), (None if gvh is None else narrow(gvh, -2, 0, k))
    if gu is None and gvh is None:
        return matmul(U, _rows(gs) * Vh)
    squares = _differences(S * S)
    inner: Any = 0
    turn = None
    if gu is not None:
        turn = _skew(matmul(adjoint(U), gu))
        inner = turn / squares * _columns(S)
    if gvh is not None:
        inner = inner + _rows(S) * (_skew(matmul(Vh, adjoint(gvh))) / squares)
    if gs is not None:
        inner = inner + diag_embed(gs)
    if turn is not None and gvh is not None and U._array.dtype.kind == "c":
        inner = inner + diag_embed(diagonal(turn, 0, -2, -1) / (2 * S))
    ga = matmul(U, inner)
    if gu is not None and m > k:
        beyond = gu / _columns(S)
        ga = ga + beyond - matmul(U, matmul(adjoint(U), beyond))
    ga = matmul(ga, Vh)
    if gvh is not None and n > k:
        beyond = gvh / _rows(S)
        ga = ga + matmul(U, beyond - matmul(matmul(beyond, adjoint(Vh)), Vh))
    return ga


svd_op = op(
    "linalg_svd",
    lambda xp, x, *, full: tuple(
        _converged("linalg.svd", "singular values", lambda: xp.linalg.svd(x, full_matrices=full))
    ),
    _svd_vjp,
    outputs=("U", "S", "Vh"),
)


def _svdvals_vjp(g: Tensor, x: Tensor) -> Tensor:
    u, _, vh = svd_op(x, full=False)
    return matmul(u, _rows(g) * vh)


# Half the work of the vectors, which only a derivative asks for.
svdvals_op = op(
    "linalg_svdvals",
    lambda xp, x: _converged("linalg.svdvals", "singular values", lambda: xp.linalg.svd(x, compute_uv=False)),
    _svdvals_vjp,
    label="LinalgSvdBackward0",
)


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """(U, S, Vh) with A = U @ diag(S) @ Vh, S descending."""
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    u, s, vh = svd_op(matrices("linalg.svd", A, square=False), full=full_matrices)
    return result("linalg_svd", U=u, S=s, Vh=vh)


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, descending."""
    return svdvals_op(matrices("linalg.svdvals", A, square=False))


@function("svd")
@takes_out
def svd_legacy(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V) with input = U @ diag(S) @ V^H: the old form of linalg.svd()."""
    u, s, vh = svd_op(matrices("linalg.svd", input, square=False), full=not some)
    if not compute_uv:
        m, n = input._array.shape[-2:]
        batch = input._array.shape[:-2]
        u, v = (from_array(np.zeros((*batch, d, d), input._array.dtype)) for d in (m, n))
        return result("svd", U=u, S=s, V=v)
    return result("svd", U=u, S=s, V=adjoint(vh))
