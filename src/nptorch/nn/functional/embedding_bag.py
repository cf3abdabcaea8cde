"""Embeddings of bags of integers: the sum, mean or maximum of their rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.embedding import check_index, check_table, embedding, limit_rows
from nptorch.ops.index import index_add_at
from nptorch.ops.shape import reshape, unsqueeze_op
from nptorch.tensor import Tensor, from_array


def _bags(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> tuple[Any, Any]:
    """The numbers of all bags in a row, and where each bag begins and the last one ends.

    Raises: ValueError if input and offsets do not say which number is in which bag.
    """
    index = input._array
    if index.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of shape {list(offsets._array.shape)}"
            )
        bags, length = index.shape
        return index.reshape(-1), np.arange(bags + 1) * length
    if index.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {index.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None; it says where each bag of a 1D input begins")
    starts = offsets._array
    if starts.ndim != 1:
        raise ValueError(f"offsets has to be a 1D Tensor, got one of shape {list(starts.shape)}")
    if starts.size and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
            f"However, got {starts[0]}"
        )
    if starts.size and starts[-1] > index.size:
        raise RuntimeError(f"offsets[-1] can not be greater than input's length {index.size} but got {starts[-1]}")
    return index, starts if include_last_offset else np.append(starts, index.size)


def _maxima(index: Any, counts: Any, weight: Tensor) -> Tensor:
    """The maximum of each bag of counts[b] rows; zeros where it is 0."""
    # Bags of one length, by the first number again and again: the first of equal rows has the gradient.
    place = np.arange(counts.max())
    starts = np.minimum(np.cumsum(counts) - counts, index.size - 1)[:, None]
    found = embedding(from_array(index[starts + place * (place < counts[:, None])]), weight).max(1)[0]
    return found if counts.all() else found.masked_fill(from_array((counts == 0)[:, None]), 0)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of embedding() over bags of integers: (B, length), or (total) with the offsets (B) at
    which bags begin -> (B, d); padding_idx does not count
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html).

    Raises: ValueError or RuntimeError for bags, weights, numbers or a mode that do not fit.
    """
    check_tensors("embedding_bag", input=input, weight=weight)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        what = "scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"
        raise ValueError(f"max mode does not support {what}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights is only supported for mode='sum' (got mode={mode!r})"
        )
    if per_sample_weights is not None and per_sample_weights._array.shape != input._array.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights._array.shape)}) is not None, then it must "
            f"have the same shape as the input ({list(input._array.shape)})"
        )
    check_table("embedding_bag", weight)
    n, d = weight._array.shape
    check_index("embedding_bag", input, n, RuntimeError)
    index, ends = _bags(input, offsets, include_last_offset)
    limit_rows(weight, index, max_norm, norm_type)
    bags, bag = len(ends) - 1, np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    index = index[: len(bag)]
    kept = np.arange(len(bag)) if padding_idx is None else np.flatnonzero(index != padding_idx % n)
    index, bag = index[kept], bag[kept]
    counts = np.bincount(bag, minlength=bags)
    if mode == "max" and index.size:
        return _maxima(index, counts, weight)
    rows = embedding(from_array(index), weight, scale_grad_by_freq=scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * unsqueeze_op(reshape(per_sample_weights, -1)[from_array(kept)], dim=1)
    total = index_add_at(rows, shape=(bags, d), index=(bag,))
    return total / from_array(np.maximum(counts, 1)[:, None]) if mode == "mean" else total


__all__ = ["embedding_bag"]
