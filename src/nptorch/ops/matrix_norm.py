"""Norms of vectors and matrices, condition and rank."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.decompose import eigh_op, svdvals
from nptorch.ops.extremes import amax_op, amin_op
from nptorch.ops.least_squares import tolerances
from nptorch.ops.pointwise import absolute, cast_op, where
from nptorch.ops.reduce import sum_op
from nptorch.ops.shape import movedim, reshape, unsqueeze_op
from nptorch.ops.signatures import axes as parse_axes
from nptorch.ops.signatures import axis as parse_axis
from nptorch.ops.signatures import function, takes_out
from nptorch.ops.solve import inverse_op
from nptorch.ops.triangular import matrices
from nptorch.ops.vector_norm import vector_norm
from nptorch.tensor import Tensor, from_array


def _converted(name: str, x: Tensor, dtype: Any) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'A' must be Tensor, not {type(x).__name__}")
    if x._array.dtype.kind not in "fc":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype!r}")
    if dtype is None:
        return x
    wanted = dtypes.parse(dtype)
    if wanted.category < dtypes.FLOAT:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {wanted!r}")
    if x._array.dtype.kind == "c" and not wanted.is_complex:
        raise RuntimeError(f"{name}: dtype should be complex for complex inputs, but got {wanted!r}")
    if x._array.dtype.kind == "f" and wanted.is_complex:
        raise RuntimeError(f"{name}: dtype should be real for real inputs, but got {wanted!r}")
    if dtypes.promote_types(wanted, x.dtype) is not wanted:
        raise RuntimeError(
            f"{name}: the dtype of the input {x.dtype!r} should be convertible without narrowing to the specified dtype {wanted!r}"
        )
    return cast_op(x, dtype=wanted.numpy)


def vector_norm_of(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The ord-norm over `dim`, of all elements by default."""
    name = "linalg.vector_norm"
    if isinstance(ord, (str, type(None))):
        raise TypeError(f"{name}(): argument 'ord' must be Number, not {type(ord).__name__}")
    x = _converted(name, x, dtype)
    dims = parse_axes(name, dim, x._array.ndim)
    if (ord < 0 or ord == math.inf) and any(x._array.shape[d] == 0 for d in dims):
        raise RuntimeError(
            f"{name} cannot compute the {float(ord):g} norm on an empty tensor because the operation does not have an identity"
        )
    return vector_norm(x, float(ord), dims, keepdim)


def _restore(y: Tensor, dims: tuple[int, int], keepdim: bool) -> Tensor:
    if keepdim:
        for d in sorted(dims):
            y = unsqueeze_op(y, dim=d)
    return y


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices: "fro", "nuc", inf, 1, 2 or their negatives."""
    name = "linalg.matrix_norm"
    x = _converted(name, A, dtype)
    if x._array.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {dim}")
    rows, columns = (parse_axis(name, d, x._array.ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    if not isinstance(ord, str) and abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    if ord == "fro":
        return vector_norm(x, 2.0, (rows, columns), keepdim)
    if ord == "nuc" or abs(ord) == 2:
        s = svdvals(movedim(x, (rows, columns), (-2, -1)))
        last = (s._array.ndim - 1,)
        y = sum_op(s, axis=last, keepdims=False) if ord == "nuc" else _extreme(s, ord > 0, last)
        return _restore(y, (rows, columns), keepdim)
    if abs(ord) == 1:
        rows, columns = columns, rows
    sums = sum_op(absolute(x), axis=(columns,), keepdims=True)
    y = _extreme(sums, ord > 0, (rows,))
    return _restore(
        reshape(y, tuple(n for d, n in enumerate(x._array.shape) if d not in (rows, columns))), (rows, columns), keepdim
    )


def _extreme(x: Tensor, largest: bool, axis: tuple[int, ...]) -> Tensor:
    if largest and not all(x._array.shape[d] for d in axis):  # the largest of nothing, for what is never negative
        return sum_op(x, axis=axis, keepdims=False)
    return (amax_op if largest else amin_op)(x, axis=axis, keepdims=False)


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A vector or matrix norm, by the number of dimensions; of all elements by default."""
    name = "linalg.norm"
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if isinstance(dim, (tuple, list)) and len(dim) not in (1, 2) and ord is not None:
        raise RuntimeError(f"{name}: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    if ord is None:
        return vector_norm_of(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A._array.ndim not in (1, 2):
        raise RuntimeError(
            f"{name}: If dim is not specified but ord is, the input must be 1D or 2D. Got {A._array.ndim}D."
        )
    if pair or (dim is None and A._array.ndim == 2):
        return matrix_norm(A, ord, dim if pair else (-2, -1), keepdim, dtype=dtype)
    return vector_norm_of(A, ord, dim, keepdim, dtype=dtype)


@function("norm")
@takes_out
def norm_legacy(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm ("fro": 2, "nuc": of matrices) over `dim`, or of all elements
    (https://pytorch.org/docs/stable/generated/torch.norm.html)."""
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    x = _converted("norm", input, dtype)
    return vector_norm(x, 2.0 if p in ("fro", None) else float(p), parse_axes("norm", dim, x._array.ndim), keepdim)


@function("nuclear_norm", method=False)
def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The sum of the singular values."""
    return matrix_norm(input, "nuc", dim, keepdim)


@function()
@takes_out
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Every slice of `dim` scaled down to the p-norm `maxnorm` where its own is larger
    (https://pytorch.org/docs/stable/generated/torch.renorm.html).

    Raises: RuntimeError for a p that is not positive, a negative maxnorm, or fewer than two dimensions.
    """
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive norm not supported, got p={p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input._array.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input._array.ndim} dimensions")
    d = parse_axis("renorm", dim, input._array.ndim)
    length = vector_norm(input, float(p), tuple(i for i in range(input._array.ndim) if i != d), True)
    return input * where(length > maxnorm, maxnorm / (length + 1e-7), 1.0)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number for inversion in the norm p (2 by default); inf for singular matrices."""
    name = "linalg.cond"
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        s = svdvals(A)
        last = (s._array.ndim - 1,)
        if not s._array.shape[-1]:
            return from_array(np.zeros(s._array.shape[:-1], s._array.dtype))
        largest, smallest = _extreme(s, True, last), _extreme(s, False, last)
        return smallest / largest if p == -2 else largest / smallest
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"{name} got an invalid norm type: {p}")
    inverse, info = inverse_op(matrices(name, A))
    if not A._array.shape[-1]:
        return matrix_norm(A, "fro")
    y = matrix_norm(A, p) * matrix_norm(inverse, p)
    return where(info == 0, y, math.inf) if info._array.any() else y


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values (eigenvalues) exceed max(atol, rtol * the largest)."""
    x = matrices("linalg.matrix_rank", A, square=hermitian).detach()
    if tol is not None:
        atol, rtol = tol, 0.0
    atol, rtol = tolerances(x, atol, rtol)
    s = np.abs(eigh_op(x, uplo="L")[0]._array) if hermitian else svdvals(x)._array
    if not s.shape[-1]:
        return from_array(np.zeros(s.shape[:-1], np.int64))
    limit = np.maximum(atol, rtol * s.max(-1))
    return from_array(np.asarray((s > limit[..., None]).sum(-1), np.int64))
