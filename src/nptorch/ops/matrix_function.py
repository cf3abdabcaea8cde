"""Functions of whole matrices: powers, exponentials, chains of products, tensor equations, covariances."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from nptorch.ops.derive import constant
from nptorch.ops.join import cat
from nptorch.ops.linalg import adjoint, matmul
from nptorch.ops.pointwise import cast_op, conj, real
from nptorch.ops.reduce import mean, sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import diagonal, expand, narrow, reshape, transpose_op, unsqueeze_op
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, result, takes_out
from nptorch.ops.solve import inv, solve
from nptorch.ops.triangular import matrices, same_kind
from nptorch.tensor import Tensor, from_array


@function("matrix_power")
@takes_out
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A @ A @ ... n times; the inverse's power for a negative n."""
    name = "linalg.matrix_power"
    if A._array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if A._array.shape[-1] != A._array.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A._array.shape[-2]} by {A._array.shape[-1]} matrices"
        )
    if n == 0:
        one = np.broadcast_to(np.eye(A._array.shape[-1], dtype=A._array.dtype), A._array.shape)
        return constant(from_array(one.copy()), A, label="LinalgMatrixPowerBackward0")
    power, n = (inv(A), -n) if n < 0 else (A, n)
    out: Tensor | None = None
    while n:
        if n & 1:
            out = power if out is None else matmul(out, power)
        n >>= 1
        if n:
            power = matmul(power, power)
    return power if out is None else out


# --- the exponential: scaling, a Pade approximant, squaring (Higham 2005) ---

_PADE = [math.comb(13, i) * math.factorial(26 - i) / math.factorial(26) for i in range(14)]
_PADE_BOUND = 5.371920351148152  # up to this 1-norm the approximant is good to double precision


def _matrix_exp(xp: Any, x: Any) -> Any:
    n = x.shape[-1]
    if not x.size:
        return x.copy()
    size = float(abs(x).sum(-2).max())
    if not math.isfinite(size):
        return xp.full_like(x, xp.nan)
    halvings = max(0, math.ceil(math.log2(size / _PADE_BOUND))) if size else 0
    a = x.astype(np.result_type(x.dtype, np.float64)) / 2.0**halvings  # squaring would lose single precision's digits
    unit = xp.eye(n, dtype=a.dtype)
    c = _PADE
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    u = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * unit)
    v = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * unit
    y = xp.linalg.solve(v - u, v + u)
    for _ in range(halvings):
        y = y @ y
    return y.astype(x.dtype, copy=False)


def _matrix_exp_vjp(g: Tensor, x: Tensor) -> Tensor:
    # The upper right block of exp([[A, G], [0, A]]) is the derivative at A along G (Mathias 1996).
    n = x._array.shape[-1]
    a = adjoint(x)
    zero = from_array(np.zeros_like(x._array))
    both = cat([cat([a, g], -1), cat([zero, a], -1)], -2)
    return narrow(narrow(matrix_exp_op(both), -2, 0, n), -1, n, n)


matrix_exp_op = op("matrix_exp", _matrix_exp, _matrix_exp_vjp, label="LinalgMatrixExpBackward0")


@function("matrix_exp")
def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices."""
    return matrix_exp_op(matrices("linalg.matrix_exp", A))


# --- products of several matrices ---


def _cheapest(lengths: list[int]) -> list[list[int]]:
    """Where to split each run of a chain of products for the fewest multiplications."""
    n = len(lengths) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + lengths[i] * lengths[k + 1] * lengths[j + 1], k) for k in range(i, j)
            )
    return split


def multi_dot(tensors: Any) -> Tensor:
    """The product of several matrices in the cheapest order; the first and last may be vectors."""
    name = "multi_dot"
    xs = list(tensors)
    if len(xs) < 2:
        raise RuntimeError(f"{name}(): expected at least 2 tensors but got {len(xs)}")
    ends = [x._array.ndim for x in (xs[0], xs[-1])]
    for i, x in enumerate(xs):
        ranks = (1, 2) if i in (0, len(xs) - 1) else (2,)
        if x._array.ndim not in ranks:
            raise RuntimeError(
                f"{name}(): tensor {i} must be {'1D or 2D' if 1 in ranks else '2D'} but got {x._array.ndim}D"
            )
        if x._array.dtype != xs[0]._array.dtype:
            raise RuntimeError(
                f"{name}(): expected all tensors to have the same dtype but tensor 0 is {xs[0].dtype!r} and tensor {i} {x.dtype!r}"
            )
    if ends[0] == 1:
        xs[0] = unsqueeze_op(xs[0], dim=0)
    if ends[1] == 1:
        xs[-1] = unsqueeze_op(xs[-1], dim=1)
    for i, (a, b) in enumerate(itertools.pairwise(xs)):
        if a._array.shape[1] != b._array.shape[0]:
            raise RuntimeError(
                f"{name}(): tensors {i} and {i + 1} with shapes {list(a._array.shape)} and {list(b._array.shape)} cannot be multiplied"
            )
    split = _cheapest([x._array.shape[0] for x in xs] + [xs[-1]._array.shape[1]])

    def product(i: int, j: int) -> Tensor:
        return xs[i] if i == j else matmul(product(i, split[i][j]), product(split[i][j] + 1, j))

    y = product(0, len(xs) - 1)
    shape = (y._array.shape[:1] if ends[0] == 2 else ()) + (y._array.shape[1:] if ends[1] == 2 else ())
    return y if len(shape) == 2 else reshape(y, shape)


@function("chain_matmul", method=False)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """The old form of linalg.multi_dot()."""
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of conj(x) * y along `dim`."""
    same_kind("linalg.vecdot", x, y)
    product = conj(x) * y
    return sum_op(product, axis=(parse_axis("linalg.vecdot", dim, product._array.ndim),), keepdims=False)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers 0 ... N - 1 of each element as a row."""
    x = x if x._array.ndim else reshape(x, 1)
    n = x._array.shape[-1] if N is None else N
    if n < 2:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {N}")
    base = expand(unsqueeze_op(x, dim=x._array.ndim), (*x._array.shape, max(n - 1, 0)))
    one = from_array(np.ones((*x._array.shape, 1), x._array.dtype if x._array.dtype.kind != "b" else np.int64))
    return cat([one, base.cumprod(-1)], -1)


# --- tensor equations ---


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of tensordot(A, ., ind)."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    shape = A._array.shape
    first, rest = math.prod(shape[:ind]), math.prod(shape[ind:])
    if first != rest:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {rest} != {first}"
        )
    return reshape(inv(reshape(A, first, rest)), (*shape[ind:], *shape[:ind]))


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with tensordot(A, X) = B."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A._array.ndim - len(dims), A._array.ndim)))
    shape = A._array.shape[B._array.ndim :]
    n = math.prod(shape)
    if n != math.prod(A._array.shape[: B._array.ndim]):
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got {n} != "
            f"{math.prod(A._array.shape[: B._array.ndim])}"
        )
    return reshape(solve(reshape(A, -1, n), reshape(B, -1)), shape)


# --- indefinite systems, by LAPACK's Bunch-Kaufman routines ---


def _lapack(name: str, routine: str, x: Any) -> Any:
    try:
        from scipy.linalg import get_lapack_funcs
    except ImportError:
        raise ImportError(f"{name}() needs SciPy: pip install scipy") from None
    return get_lapack_funcs((routine,), (x,))[0]


def _ldl(xp: Any, x: Any, *, hermitian: bool) -> tuple[Any, Any, Any]:
    factor = _lapack("linalg.ldl_factor", "hetrf" if hermitian and x.dtype.kind == "c" else "sytrf", x)
    ld, pivots, info = np.tril(x), np.zeros(x.shape[:-1], np.int32), np.zeros(x.shape[:-2], np.int32)
    for i in np.ndindex(*x.shape[:-2]) if x.size else ():
        found, swaps, info[i] = factor(x[i], lower=1)
        ld[i], pivots[i] = np.tril(found), swaps
    return ld, pivots, info


ldl_op = op("linalg_ldl_factor", _ldl)


def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """(LD, pivots, info) of A = L @ D @ L^T (L^H if hermitian), of which the lower triangle is read."""
    ld, pivots, info = ldl_op(matrices("torch.linalg.ldl_factor_ex", A), hermitian=hermitian)
    return result("linalg_ldl_factor_ex", LD=ld, pivots=pivots, info=info)


def _ldl_solve(xp: Any, ld: Any, pivots: Any, b: Any, *, hermitian: bool) -> Any:
    solver = _lapack("linalg.ldl_solve", "hetrs" if hermitian and ld.dtype.kind == "c" else "sytrs", ld)
    batch = np.broadcast_shapes(ld.shape[:-2], b.shape[:-2])
    ld, pivots, b = (np.broadcast_to(x, (*batch, *x.shape[-n:])) for x, n in ((ld, 2), (pivots, 1), (b, 2)))
    x = b.copy()
    for i in np.ndindex(*batch) if x.size else ():
        x[i], _ = solver(ld[i], pivots[i], b[i], lower=1)
    return x


ldl_solve_op = op("linalg_ldl_solve", _ldl_solve)


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X with A @ X = B, from ldl_factor()'s factors of A."""
    name = "torch.linalg.ldl_solve"
    matrices(name, LD)
    if B._array.ndim < 2:
        raise RuntimeError(
            f"{name}: Expected B to have at least 2 dimensions, but it has {B._array.ndim} dimensions instead"
        )
    if pivots._array.shape != LD._array.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape {list(pivots.shape)} instead"
        )
    if pivots._array.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype!r}")
    if LD._array.dtype != B._array.dtype:
        raise RuntimeError(f"{name}: LD dtype {LD.dtype!r} does not match b dtype {B.dtype!r}")
    return ldl_solve_op(LD, pivots, B, hermitian=hermitian)


def ldl_factor(A: Tensor, *, hermitian: bool = False) -> Any:
    """(LD, pivots) of A = L @ D @ L^T (L^H if hermitian)."""
    ld, pivots, _ = ldl_factor_ex(A, hermitian=hermitian)
    return result("linalg_ldl_factor", LD=ld, pivots=pivots)


# --- statistics ---


@function()
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of the rows, a column an observation; fweights count, aweights weigh observations."""
    x = input
    if x._array.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {x._array.ndim} dimensions"
        )
    if x._array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    for what, weights in (("fweights", fweights), ("aweights", aweights)):
        _check_weights(what, weights, x)
    if x._array.ndim < 2:
        x = reshape(x, 1, -1)
    n = x._array.shape[1]
    if x._array.dtype.kind not in "fc":
        x = cast_op(x, dtype=np.dtype(np.float32))
    w: Any = fweights
    if aweights is not None:
        w = aweights if fweights is None else fweights * aweights
    if w is None:
        total: Any = n
        centred = x - mean(x, 1, True)
        weighted, norm = centred, max(n - correction, 0)
    else:
        w = cast_op(w, dtype=np.zeros(0, x._array.dtype).real.dtype) if w._array.dtype.kind != "f" else w
        total = w.sum()
        centred = x - (x * w).sum(1, keepdim=True) / total
        share = correction if aweights is None else correction * (w * aweights).sum() / total
        weighted, norm = centred * w, total - share
        norm = norm.clamp(min=0)
    y = matmul(weighted, conj(transpose_op(centred, a=0, b=1))) / (norm if isinstance(norm, Tensor) or norm else 0.0)
    return reshape(y, ()) if y._array.size == 1 else y


def _check_weights(what: str, weights: Tensor | None, x: Tensor) -> None:
    if weights is None:
        return
    kind = "iu" if what == "fweights" else "f"
    if weights._array.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {what} to have one or fewer dimensions but got {what} with {weights._array.ndim} dimensions"
        )
    if weights._array.dtype.kind not in kind:
        raise RuntimeError(
            f"cov(): expected {what} to have {'integral' if kind == 'iu' else 'floating point'} dtype but got {what} with {weights.dtype!r} dtype"
        )
    n = x._array.shape[1] if x._array.ndim == 2 else x._array.size
    if weights._array.size != n:
        raise RuntimeError(
            f"cov(): expected {what} to have the same numel as there are observations in the input but got {weights._array.size} != {n}"
        )
    if weights._array.size and weights._array.min() < 0:
        raise RuntimeError(f"cov(): {what} cannot be negative")


@function()
def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients of the rows."""
    if input._array.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input._array.ndim} dimensions"
        )
    c = cov(input)
    if c._array.ndim == 0:
        return c / c
    spread = real(diagonal(c)).sqrt()
    c = c / unsqueeze_op(spread, dim=1) / unsqueeze_op(spread, dim=0)
    return real(c).clamp(-1, 1) + 1j * c.imag.clamp(-1, 1) if c._array.dtype.kind == "c" else c.clamp(-1, 1)
