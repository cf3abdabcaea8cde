"""Attention (Vaswani et al., arXiv:1706.03762)."""

from __future__ import annotations

import math

import numpy as np

from nptorch.nn.functional.activation import softmax
from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.normalization import dropout
from nptorch.ops.index import masked_fill
from nptorch.ops.linalg import matmul
from nptorch.ops.shape import transpose
from nptorch.tensor import Tensor, from_array


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query key^T scale + mask) value: (..., L, E), (..., S, E), (..., S, V) -> (..., L, V). A boolean mask is
    True where a key may be looked at; scale is 1 / sqrt(E) unless given.

    Raises: RuntimeError if is_causal is asked for beside a mask.
    """
    check_tensors("scaled_dot_product_attention", query=query, key=key, value=value)
    scores = matmul(query, transpose(key, -2, -1)) * (scale or 1 / math.sqrt(query._array.shape[-1]))
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention(): give attn_mask or is_causal=True, not both")
        attn_mask = from_array(np.tril(np.ones(scores._array.shape[-2:], bool)))
    if attn_mask is None:
        weights = softmax(scores, -1)
    elif attn_mask._array.dtype.kind == "b":
        # A query that may look at nothing gets zeros; the softmax of -inf alone would be nan.
        blind = from_array(np.asarray(~attn_mask._array.any(-1, keepdims=True)))
        weights = softmax(masked_fill(scores, from_array(~(attn_mask._array | blind._array)), -math.inf), -1)
        weights = masked_fill(weights, blind, 0.0)
    else:
        weights = softmax(scores + attn_mask, -1)
    return matmul(dropout(weights, dropout_p), value)


__all__ = ["scaled_dot_product_attention"]
