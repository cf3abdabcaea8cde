"""Matrix products and what is built from them."""

from __future__ import annotations

import math
from typing import Any

from nptorch.ops.pointwise import conj
from nptorch.ops.promotion import same
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import broadcast_shapes, diagonal, expand, permute_op, reshape, transpose_op, unsqueeze_op
from nptorch.ops.signatures import axis, function, into_out, shown_as, takes_out
from nptorch.tensor import Tensor


@function("adjoint")
def adjoint(x: Tensor) -> Tensor:
    """The conjugate transpose of each matrix."""
    return conj(transpose_op(x, a=-2, b=-1))


def _matmul_x(g: Tensor, x_shape: Any, y: Tensor) -> Tensor:
    if y._array.ndim == 1:
        return unsqueeze_op(g, dim=g._array.ndim) * conj(y) if len(x_shape) > 1 else g * conj(y)
    if len(x_shape) == 1:
        full = matmul(unsqueeze_op(g, dim=g._array.ndim - 1), adjoint(y))
        return reshape(full, (*full._array.shape[:-2], full._array.shape[-1]))
    return matmul(g, adjoint(y))


def _matmul_y(g: Tensor, x: Tensor, y_shape: Any) -> Tensor:
    if x._array.ndim == 1:
        if len(y_shape) == 1:
            return g * conj(x)
        return unsqueeze_op(conj(x), dim=1) * unsqueeze_op(g, dim=g._array.ndim - 1)
    if len(y_shape) == 1:
        full = matmul(adjoint(x), unsqueeze_op(g, dim=g._array.ndim))
        return reshape(full, full._array.shape[:-1])
    return matmul(adjoint(x), g)


def _matmul(xp: Any, x: Any, y: Any) -> Any:
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"matmul(): both arguments need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        if x.ndim <= 2 and y.ndim == 2:
            rows = x.shape[0] if x.ndim == 2 else 1
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows}x{x.shape[-1]} and {y.shape[0]}x{y.shape[1]})"
            )
        raise RuntimeError(
            f"matmul(): the last dimension of {list(x.shape)} must match dimension {-2 if y.ndim > 1 else -1} of {list(y.shape)}"
        )
    try:
        return xp.matmul(x, y)
    except ValueError:
        raise RuntimeError(
            f"matmul(): the batch dimensions of {list(x.shape)} and {list(y.shape)} do not broadcast"
        ) from None


def _product_label(node: Any) -> str:
    """PyTorch has an operation for each rank of the product."""
    return ("Dot", "Mv", "Mm", "UnsafeView")[min(len(node.outputs[0][0]), 3)] + "Backward0"


matmul = op("matmul", _matmul, _matmul_x, _matmul_y, promote=same("matmul"), label=_product_label)


@function("matmul")
def _matmul_function(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The matrix product, batched over leading dimensions; vectors as in NumPy
    (https://pytorch.org/docs/stable/generated/torch.matmul.html)."""
    return matmul(input, other) if out is None else into_out(out, matmul, input, other)


def _of_rank(name: str, ranks: tuple[int, int], x: Tensor, y: Tensor) -> Tensor:
    if (x._array.ndim, y._array.ndim) != ranks:
        raise RuntimeError(
            f"{name}(): expected a {ranks[0]}D and a {ranks[1]}D tensor, got shapes {list(x._array.shape)} and {list(y._array.shape)}"
        )
    return matmul(x, y)


@function()
@takes_out
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    return _of_rank("mm", (2, 2), input, mat2)


@function()
@takes_out
@shown_as("BmmBackward0")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices, of one length."""
    if input._array.ndim == mat2._array.ndim == 3 and input._array.shape[0] != mat2._array.shape[0]:
        raise RuntimeError(f"bmm(): batch sizes differ: {list(input._array.shape)} and {list(mat2._array.shape)}")
    return _of_rank("bmm", (3, 3), input, mat2)


@function()
@takes_out
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    return _of_rank("mv", (2, 1), input, vec)


def _of_vectors(name: str, x: Tensor, y: Tensor) -> Tensor:
    a, b = x._array, y._array
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"{name}(): 1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype != b.dtype:
        raise RuntimeError(f"dot : expected both vectors to have same dtype, but found {x.dtype!r} and {y.dtype!r}")
    if a.size != b.size:
        raise RuntimeError(
            f"{name}(): inconsistent tensor size, expected equal lengths, got {a.size} and {b.size} elements"
        )
    return matmul(x, y)


@function()
@takes_out
def dot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of the products of two vectors."""
    return _of_vectors("dot", input, other)


@function()
@takes_out
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of conj(input) * other of two vectors."""
    return _of_vectors("vdot", conj(input), other)


@function()
@takes_out
def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sums of products over the last dimensions of both."""
    if not input._array.ndim or not other._array.ndim:
        return input * other
    if input._array.shape[-1] != other._array.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@function("outer", "ger")
@takes_out
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of the elements of two vectors."""
    return reshape(input, -1, 1) * reshape(vec2, 1, -1)


def _plus(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * input + alpha * product; a beta of 0 also hides NaN."""
    if product._array.dtype.kind in "biu":
        beta, alpha = int(beta), int(alpha)
    scaled = product if alpha == 1 else product * alpha
    if beta == 0:
        return expand(scaled, broadcast_shapes(input._array.shape, scaled._array.shape))
    return (input if beta == 1 else input * beta) + scaled


@function()
@takes_out
@shown_as("AddmmBackward0")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return _plus(input, mm(mat1, mat2), beta, alpha)


@function()
@takes_out
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return _plus(input, mv(mat, vec), beta, alpha)


@function()
@takes_out
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2); of bools, or and and."""
    y = _plus(input, outer(vec1, vec2), beta, alpha)
    return y.bool() if vec1._array.dtype == vec2._array.dtype == input._array.dtype == bool else y


@function()
@takes_out
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)."""
    return _plus(input, bmm(batch1, batch2), beta, alpha)


@function()
@takes_out
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the batch."""
    return _plus(input, sum_op(bmm(batch1, batch2), axis=(0,), keepdims=False), beta, alpha)


@function(method=False)
@takes_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over pairs of dimensions: the last n of a and first n of b, or two lists."""
    if isinstance(dims, int):
        da, db = list(range(a._array.ndim - dims, a._array.ndim)), list(range(dims))
    else:
        da, db = ([d % t._array.ndim for d in ds] for ds, t in zip(dims, (a, b), strict=True))
        for i, j in zip(da, db, strict=True):  # a dimension of length 1 is summed away against any
            if 1 in (a._array.shape[i], b._array.shape[j]) and a._array.shape[i] != b._array.shape[j]:
                a, b = (
                    sum_op(t, axis=(d,), keepdims=True) if t._array.shape[d] != 1 else t for t, d in ((a, i), (b, j))
                )
    fa = [d for d in range(a._array.ndim) if d not in da]
    fb = [d for d in range(b._array.ndim) if d not in db]
    n = math.prod(a._array.shape[d] for d in da)
    y = matmul(reshape(permute_op(a, dims=(*fa, *da)), -1, n), reshape(permute_op(b, dims=(*db, *fb)), n, -1))
    return reshape(y, tuple(a._array.shape[d] for d in fa) + tuple(b._array.shape[d] for d in fb))


@function()
@shown_as("TraceBackward0")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input._array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input._array.ndim}")
    return sum_op(diagonal(input), axis=(0,), keepdims=False)


@function()
@takes_out
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product."""
    n = max(input._array.ndim, other._array.ndim)
    a, b = ((1,) * (n - x._array.ndim) + x._array.shape for x in (input, other))
    y = reshape(input, tuple(m for k in a for m in (k, 1))) * reshape(other, tuple(m for k in b for m in (1, k)))
    return reshape(y, tuple(p * q for p, q in zip(a, b, strict=True)))


@function("cross")
@takes_out
def cross(input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """The cross product of 3-vectors along `dim`."""
    from nptorch.ops.join import stack
    from nptorch.ops.shape import select

    if input._array.ndim != other._array.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    for x in (input, other):
        if x._array.shape[axis("linalg.cross", dim, x._array.ndim)] != 3:
            raise RuntimeError(
                f"linalg.cross: inputs dimension {dim} must have length 3. Got {input._array.shape[dim]} and {other._array.shape[dim]}"
            )
    (a1, a2, a3), (b1, b2, b3) = ([select(x, dim, i) for i in range(3)] for x in (input, other))
    return stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], dim)
