"""Samples of linear algebra. What is unique only up to a sign or phase is compared by what the sign leaves alone."""

from __future__ import annotations

from typing import Any

from tests.ops.sampling import I, R, sample


def definite(T: Any, x: Any) -> Any:
    """A positive definite matrix from any."""
    return x @ x.mH + 2 * T.eye(x.shape[-1], dtype=x.dtype)


def parts(T: Any, y: Any) -> Any:
    """A complex result as real numbers."""
    return T.view_as_real(y.resolve_conj()) if y.is_complex() else y


# name of the op: functions of one square matrix A and a second matrix B, tried on real and on complex batches
_OF_TWO: dict[str, list[Any]] = {
    "linalg_cholesky": [
        lambda T, A, B: T.linalg.cholesky(definite(T, A)),
        lambda T, A, B: T.linalg.cholesky(definite(T, A), upper=True),
    ],
    "cholesky_solve": [
        lambda T, A, B: T.cholesky_solve(B, T.linalg.cholesky(definite(T, A))),
        lambda T, A, B: T.cholesky_inverse(T.linalg.cholesky(definite(T, A), upper=True), upper=True),
    ],
    "linalg_inv": [lambda T, A, B: T.linalg.inv(A), lambda T, A, B: T.linalg.inv_ex(A).inverse],
    "linalg_det": [lambda T, A, B: T.linalg.det(A)],
    "linalg_slogdet": [lambda T, A, B: T.linalg.slogdet(A).logabsdet, lambda T, A, B: T.linalg.slogdet(A).sign + 0],
    "linalg_solve": [
        lambda T, A, B: T.linalg.solve(A, B),
        lambda T, A, B: T.linalg.solve(A, B.mT, left=False),
        lambda T, A, B: T.linalg.solve_ex(A, B[..., 0])[0],
    ],
    "linalg_solve_triangular": [
        lambda T, A, B: T.linalg.solve_triangular(A, B, upper=True),
        lambda T, A, B: T.linalg.solve_triangular(A, B.mT, upper=False, left=False, unitriangular=True),
    ],
    "linalg_lu_factor": [
        lambda T, A, B: T.linalg.lu_factor(A)[0],
        lambda T, A, B: T.linalg.lu(B)[1] @ T.linalg.lu(B)[2] ** 2,
        lambda T, A, B: T.linalg.lu(B.mT)[2],
        lambda T, A, B: T.linalg.lu_solve(*T.linalg.lu_factor(A), B),
        lambda T, A, B: T.linalg.lu_solve(*T.linalg.lu_factor(A), B.mT, left=False, adjoint=True),
    ],
    "linalg_qr": [
        lambda T, A, B: T.linalg.qr(A).R.abs(),
        lambda T, A, B: T.linalg.qr(B).Q.abs(),
        lambda T, A, B: T.linalg.qr(B.mT).R.abs(),
    ],
    "linalg_eigh": [
        lambda T, A, B: T.linalg.eigh(definite(T, A))[0],
        lambda T, A, B: T.linalg.eigh(definite(T, A))[1].abs(),
        lambda T, A, B: T.linalg.eigvalsh(definite(T, A), UPLO="U"),
    ],
    "linalg_svdvals": [lambda T, A, B: T.linalg.svdvals(B)],
    "linalg_svd": [
        lambda T, A, B: T.linalg.svd(B, full_matrices=False)[0].abs(),
        lambda T, A, B: T.linalg.svd(B.mT, full_matrices=False)[2].abs(),
        lambda T, A, B: (lambda u, s, v: u @ v.mH)(*T.svd(B)),
        lambda T, A, B: T.linalg.matrix_norm(B, "nuc") + T.linalg.matrix_norm(B, 2),
        lambda T, A, B: T.linalg.cond(A),
    ],
    "linalg_pinv": [
        lambda T, A, B: T.linalg.pinv(B),
        lambda T, A, B: T.linalg.pinv(B.mT),
        lambda T, A, B: T.linalg.pinv(definite(T, A), hermitian=True),
        lambda T, A, B: T.linalg.lstsq(B, A).solution,
    ],
    "matrix_exp": [lambda T, A, B: T.matrix_exp(A * 3), lambda T, A, B: T.linalg.matrix_power(A, -3)],
}
for _name, _calls in _OF_TWO.items():
    for _call in _calls:
        sample(_name, lambda T, A, B, f=_call: parts(T, f(T, A, B)), R(2, 3, 3), R(2, 3, 2))
        sample(
            _name,
            lambda T, a, b, c, d, f=_call: parts(T, f(T, T.complex(a, b), T.complex(c, d))),
            R(3, 3),
            R(3, 3),
            R(3, 2),
            R(3, 2),
        )

sample("linalg_eig", lambda T, A: T.linalg.eigvals(A).abs().sum(-1), R(4, 4))
sample("linalg_eig", lambda T, A: T.linalg.eig(A @ A + 1)[1].abs().sum(-1), R(3, 3))
sample("linalg_det", lambda T, A: T.linalg.det(A), [[1.0, 2.0], [2.0, 4.0]], smooth=False)
sample("geqrf", lambda T, A: T.geqrf(A)[0], R(4, 3), smooth=False)
sample("geqrf", lambda T, A: T.linalg.householder_product(A, A[0, :2] * 0.3), R(4, 3))
sample("geqrf", lambda T, A, b: T.ormqr(A, A[0] * 0.3, b, left=False, transpose=True), R(4, 3), R(2, 4))
for _hermitian in (False, True):
    sample(
        "linalg_ldl_factor",
        lambda T, A, h=_hermitian: T.linalg.ldl_factor(A + A.mT, hermitian=h)[0],
        R(2, 4, 4),
        smooth=False,
        special=True,
    )
    sample(
        "linalg_ldl_solve",
        lambda T, A, B, h=_hermitian: T.linalg.ldl_solve(*T.linalg.ldl_factor(A + A.mT, hermitian=h), B, hermitian=h),
        R(2, 4, 4),
        R(4, 2),
        smooth=False,
        special=True,
    )
for _ord in (None, "fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")):
    sample("norm2", lambda T, A, o=_ord: T.linalg.norm(A, o, dim=(0, 2), keepdim=True), R(3, 2, 4))
for _ord in (0, 0.5, 1, 2, 3, -1.5, float("inf")):
    sample({0: "norm0", 2: "norm2"}.get(_ord, "normp"), lambda T, x, o=_ord: T.linalg.vector_norm(x, o, dim=1), R(3, 4))
sample("matmul", lambda T, a, b, c: T.linalg.multi_dot([a, b, c]), R(3), R(3, 4), R(4, 2))
sample("matmul", lambda T, a, b: T.linalg.tensorsolve(a, b), R(2, 3, 6), R(2, 3))
sample("matmul", lambda T, a: T.linalg.tensorinv(a), R(2, 3, 6))
sample("matmul", lambda T, x: T.linalg.vander(x, N=4), R(2, 3))
sample("matmul", lambda T, a, b: T.linalg.vecdot(a, b, dim=0), R(3, 2), R(3, 2))
for _name in ("addmm", "addmv", "addr", "baddbmm", "addbmm"):
    _shapes = {
        "addmm": ((2, 3), (2, 4), (4, 3)),
        "addmv": ((2,), (2, 4), (4,)),
        "addr": ((2, 3), (2,), (3,)),
        "baddbmm": ((5, 2, 3), (5, 2, 4), (5, 4, 3)),
        "addbmm": ((2, 3), (5, 2, 4), (5, 4, 3)),
    }[_name]
    sample("matmul", lambda T, x, a, b, f=_name: getattr(T, f)(x, a, b, beta=0.5, alpha=2), *(R(*s) for s in _shapes))
sample(
    "matmul",
    lambda T, x, w, v: T.cov(x, fweights=w, aweights=v, correction=0),
    R(3, 4),
    I(4, low=1),
    [0.2, 0.9, 0.4, 1.3],
)
sample("matmul", lambda T, x: T.corrcoef(x), R(3, 5))
sample("linalg_slogdet", lambda T, x: T.logdet(definite(T, x)), R(2, 3, 3))
