"""Pseudo-inverses and the least squares problems they solve."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.ops.derive import constant
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.pointwise import conj, real
from nptorch.ops.registry import op
from nptorch.ops.shape import reshape, unsqueeze_op
from nptorch.ops.signatures import function, result, takes_out
from nptorch.ops.triangular import matrices, same_kind
from nptorch.tensor import Tensor, from_array


def _pinv(xp: Any, x: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    if hermitian:  # one triangle is read
        low = xp.tril(x, -1)
        x = low + xp.conj(low.swapaxes(-1, -2)) + xp.tril(xp.triu(x)).real
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    if not s.size:
        return xp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    limit = xp.maximum(atol, rtol * s[..., 0])[..., None]
    s = xp.where(s > limit, 1 / xp.where(s > limit, s, 1), 0)
    return (xp.conj(vh.swapaxes(-1, -2)) * s[..., None, :]) @ xp.conj(u.swapaxes(-1, -2))


def _pinv_vjp(g: Tensor, x: Tensor, out: Tensor) -> Tensor:
    gh, oh = adjoint(g), adjoint(out)
    m, n = x._array.shape[-2:]
    if m <= n:
        k = matmul(gh, out)
        ko = matmul(k, oh)
        ga = ko - adjoint(matmul(out, k)) - matmul(matmul(x, out), ko)
        return ga + matmul(matmul(oh, out), gh - matmul(k, x))
    k = matmul(out, gh)
    ok = matmul(oh, k)
    ga = ok - adjoint(matmul(k, out)) + matmul(matmul(gh - matmul(x, k), out), oh)
    return ga - matmul(matmul(ok, out), x)


# Without the singular vectors' derivatives, which equal singular values would spoil (Golub and Pereyra 1973).
pinv_op = op("linalg_pinv", lambda xp, x, *, atol, rtol, hermitian: _pinv(xp, x, atol, rtol, hermitian), _pinv_vjp)


def tolerances(x: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Absolute and relative tolerance as arrays; rtol is eps * max(m, n) unless one of them is given."""
    a, r = (t._array if isinstance(t, Tensor) else t for t in (atol, rtol))
    if r is None:
        given = a is not None and np.any(np.asarray(a) > 0)
        eps = np.finfo(x._array.dtype).eps * max(x._array.shape[-2:])
        r = np.where(np.asarray(a) > 0, 0.0, eps) if given else eps
    return np.asarray(0.0 if a is None else a), np.asarray(r)


def pinv(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """The Moore-Penrose pseudo-inverse; singular values below max(atol, rtol * largest) count as 0."""
    x = matrices("linalg.pinv", A, square=hermitian)
    atol, rtol = tolerances(x, atol, rtol)
    return pinv_op(x, atol=atol, rtol=rtol, hermitian=hermitian)


@function("pinverse")
@takes_out
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The old form of linalg.pinv()."""
    return pinv(input, rtol=rcond)


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values) of the least squares problem min |A @ X - B|."""
    name = "torch.linalg.lstsq"
    a, b = A._array.shape, B._array.shape
    if len(a) < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if not b:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    same_kind(name, A, B)
    matrices(name, A, square=False)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}")
    vector = len(a) - 1 == len(b) and b == a[:-1]
    rhs = unsqueeze_op(B, dim=len(b)) if vector else B
    if rhs._array.shape[-2:-1] != a[-2:-1]:
        raise RuntimeError(
            f"{name}: input.size(-2) should match other.size({-1 if len(b) < len(a) else -2}), got {list(a)} and {list(b)}"
        )
    eps = np.finfo(A._array.dtype).eps * max(a[-2:]) if rcond is None else rcond
    x = matmul(pinv_op(A, atol=np.asarray(0.0), rtol=np.asarray(eps), hermitian=False), rhs)
    m, n = a[-2:]
    values = np.linalg.svd(A._array, compute_uv=False)
    empty = np.empty(0, values.dtype)
    ranked = (values > eps * values[..., :1]).sum(-1)
    rank = from_array(np.empty(0, np.int64) if driver == "gels" else np.asarray(ranked, np.int64))
    full = m > n and (driver == "gels" or bool((ranked == n).all())) and driver != "gelsy"
    residuals = constant(from_array(empty), A, B, label="LinalgLstsqBackward0")
    if full:
        gap = matmul(A, x) - rhs
        residuals = real(gap * conj(gap)).sum(-2)
    if vector:
        x = reshape(x, x._array.shape[:-1])
    singular = from_array(np.ascontiguousarray(values)) if driver in ("gelsd", "gelss") else from_array(empty)
    return result("linalg_lstsq", solution=x, residuals=residuals, rank=rank, singular_values=singular)
