"""Matrices with something on their diagonals."""

from __future__ import annotations

import numpy as np

from nptorch.ops.join import cat
from nptorch.ops.shape import diagonal_scatter, expand, reshape
from nptorch.ops.signatures import axis, function, not_a_tensor
from nptorch.tensor import Tensor, from_array


@function()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with the vector on its diagonal, or the diagonal of a matrix."""
    if input._array.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input._array.ndim}D")
    return diag_embed(input, diagonal) if input._array.ndim == 1 else input.diagonal(diagonal)


@function()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices, in the dimensions dim1 and dim2, with the last dimension on their diagonals."""
    n = input._array.shape[-1] + abs(offset)
    rows, columns = (axis("diag_embed", d, input._array.ndim + 1) for d in (dim1, dim2))
    if rows == columns:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rest = iter(input._array.shape[:-1])
    shape = tuple(n if d in (rows, columns) else next(rest) for d in range(input._array.ndim + 1))
    return diagonal_scatter(input, shape=shape, offset=offset, dim1=rows, dim2=columns)


@function()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on its diagonal."""
    return diag_embed(reshape(input, -1), offset)


@function(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given matrices along its diagonal; vectors count as rows
    (https://pytorch.org/docs/stable/generated/torch.block_diag.html).

    Raises: RuntimeError for a tensor of more than two dimensions.
    """
    blocks = []
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise not_a_tensor("block_diag", "tensors", i + 1, t)
        if t._array.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t._array.ndim} dimensions"
            )
        blocks.append(reshape(t, t._array.shape if t._array.ndim == 2 else (1, -1)))
    width, left, rows = sum(b._array.shape[1] for b in blocks), 0, []
    for block in blocks:
        n, m = block._array.shape
        zero = from_array(np.zeros((), block._array.dtype))
        rows.append(cat([expand(zero, n, left), block, expand(zero, n, width - left - m)], 1))
        left += m
    return cat(rows, 0)
