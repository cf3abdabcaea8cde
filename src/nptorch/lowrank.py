"""Singular values of nearly low-rank matrices from random samples of their range (Halko, Martinsson and Tropp 2011)."""

from __future__ import annotations

from nptorch.ops.decompose import qr, svd
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.reduce import mean
from nptorch.random import randn
from nptorch.tensor import Tensor


def _range(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Orthonormal columns that span nearly what A - M does."""

    def times(x: Tensor) -> Tensor:
        return matmul(A, x) if M is None else matmul(A, x) - matmul(M, x)

    def adjoint_times(x: Tensor) -> Tensor:
        return matmul(adjoint(A), x) if M is None else matmul(adjoint(A), x) - matmul(adjoint(M), x)

    Q = qr(times(randn(A._array.shape[-1], q, dtype=A.dtype)))[0]
    for _ in range(niter):
        Q = qr(adjoint_times(Q))[0]
        Q = qr(times(Q))[0]
    return Q


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V) of the q largest singular values of A - M, nearly."""
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    m, n = A._array.shape[-2:]
    M = None if M is None else M.broadcast_to(A._array.shape)
    wide = m < n  # the smaller side is sampled
    if wide:
        A, M = adjoint(A), None if M is None else adjoint(M)
    Q = _range(A, q, niter, M)
    B = matmul(adjoint(Q), A) if M is None else matmul(adjoint(Q), A - M)
    u, s, vh = svd(B, full_matrices=False)
    u, v = matmul(Q, u), adjoint(vh)
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V): the q principal components of the rows of A, nearly.

    Raises: ValueError if q or niter is out of range.
    """
    m, n = A._array.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - mean(A, -2, True) if center else A, q, niter)
