"""Rows by number: embeddings and one-hot vectors; distances between vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors
from nptorch.ops.add_at import add_at
from nptorch.ops.create import triu_indices
from nptorch.ops.reduce import sum_op
from nptorch.ops.registry import op
from nptorch.ops.shape import broadcast_tensors
from nptorch.ops.signatures import axes, function
from nptorch.ops.vector_norm import vector_norm
from nptorch.tensor import Tensor, from_array


def _add_rows(xp: Any, g: Any, index: Any, *, shape: Any, padding: int | None) -> Any:
    out = xp.zeros(shape, g.dtype)
    add_at(out, (index,), g if padding is None else g * (index != padding)[..., None])
    return out


embedding_op = op(
    "embedding",
    lambda xp, weight, index, *, padding: xp.take(weight, index, axis=0),  # half the time of weight[index]
    lambda g, weight_shape, index, *, padding: embedding_backward(g, index, shape=weight_shape, padding=padding),
    None,
)
embedding_backward = op(
    "embedding_backward",
    _add_rows,
    lambda g, index, *, padding: _without_padding(embedding_op(g, index, padding=None), index, padding),
    None,
)


def _without_padding(rows: Tensor, index: Tensor, padding: int | None) -> Tensor:
    return (
        rows if padding is None else rows * from_array((index._array != padding)[..., None].astype(rows._array.dtype))
    )


def check_table(name: str, weight: Tensor) -> None:
    """Raises: RuntimeError unless the weight is a table of rows."""
    if weight._array.ndim != 2:
        raise RuntimeError(f"{name}(): 'weight' must be 2-D, got one of shape {list(weight._array.shape)}")


def check_index(name: str, index: Tensor, rows: int, error: type[Exception] = IndexError) -> None:
    """Raises: RuntimeError unless the index holds integers, `error` for one that names none of the rows."""
    numbers = index._array
    if numbers.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}(): Expected tensor for argument #1 'indices' to have integers, but got {index.dtype!r}"
        )
    if numbers.size and (numbers.min() < 0 or numbers.max() >= rows):
        wrong = numbers[(numbers < 0) | (numbers >= rows)].flat[0]
        raise error(f"{name}(): index out of range in self: {wrong} is not within [0, {rows})")


def limit_rows(weight: Tensor, index: Any, max_norm: float | None, norm_type: float) -> None:
    """Shorten, in place, the named rows that are longer than max_norm."""
    if max_norm is not None:
        used = np.unique(index)
        lengths = np.linalg.norm(weight._array[used], norm_type, axis=1, keepdims=True)
        weight._array[used] *= np.where(lengths > max_norm, max_norm / (lengths + 1e-7), 1).astype(weight._array.dtype)
        weight._version[0] += 1


def _by_frequency(rows: Tensor, index: Any) -> Tensor:
    """The same rows; the gradient of each is divided by how often the index names it."""
    share = 1 / np.bincount(index.reshape(-1))[index]
    fixed = rows.detach()
    return fixed + (rows - fixed) * from_array(share.astype(rows._array.dtype)[..., None])


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` (n, d) that the integers of `input` name: (...) -> (..., d); row padding_idx gets no
    gradient. `sparse` changes nothing: every gradient here is dense.

    Raises: IndexError for a number that has no row.
    """
    check_tensors("embedding", input=input, weight=weight)
    check_table("embedding", weight)
    rows = weight._array.shape[0]
    check_index("embedding", input, rows)
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise IndexError(f"Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows")
    limit_rows(weight, input._array, max_norm, norm_type)
    out = embedding_op(weight, input, padding=None if padding_idx is None else padding_idx % rows)
    return _by_frequency(out, input._array) if scale_grad_by_freq and input._array.size else out


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A vector with a 1 at each integer: (...) -> (..., num_classes), int64.

    Raises: RuntimeError for a negative number or one beyond num_classes.
    """
    check_tensors("one_hot", tensor=tensor)
    index = tensor._array
    if index.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype!r}")
    if num_classes == -1:
        if not index.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor; give num_classes")
        num_classes = int(index.max()) + 1
    if index.size and index.min() < 0:
        raise RuntimeError(f"Class values must be non-negative, got {index.min()}")
    if index.size and index.max() >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes, got {index.max()} for {num_classes} classes"
        )
    return from_array((index[..., None] == np.arange(num_classes)).astype(np.int64))


@function(method=False)
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    difference = x1 - x2 + eps
    return vector_norm(difference, p, (difference._array.ndim - 1,), keepdim)


@function(method=False)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 over the product of their lengths (at least eps each) along `dim`."""
    x1, x2 = broadcast_tensors(x1, x2)
    d = axes("cosine_similarity", dim, x1._array.ndim)
    a, b = (x / vector_norm(x, 2.0, d, True).clamp(min=eps) for x in (x1, x2))
    return sum_op(a * b, axis=d, keepdims=False)


@function(method=False)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """All p-norms between rows, whatever the compute_mode: (..., n, d), (..., m, d) -> (..., n, m)."""
    difference = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    return vector_norm(difference, p, (difference._array.ndim - 1,), False)


@function(method=False)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norms between all pairs of rows: (n, d) -> (n (n - 1) / 2), row 0 with 1, 2, ..., then row 1 with 2, ...

    Raises: RuntimeError unless the input has 2 dimensions and p is not negative.
    """
    if input._array.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input._array.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    pairs = triu_indices(input._array.shape[0], input._array.shape[0], 1)
    return vector_norm(input[pairs[0]] - input[pairs[1]], p, (1,), False)


__all__ = ["cosine_similarity", "embedding", "one_hot", "pairwise_distance", "pdist"]
