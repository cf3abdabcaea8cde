"""Attention (Vaswani et al., arXiv:1706.03762)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.nn.functional.activation import softmax
from nptorch.nn.functional.arguments import check_tensors
from nptorch.nn.functional.convolution import linear
from nptorch.nn.functional.normalization import dropout
from nptorch.nn.functional.padding import pad
from nptorch.ops.create import zeros
from nptorch.ops.gather import repeat_interleave
from nptorch.ops.join import cat
from nptorch.ops.linalg import matmul
from nptorch.ops.masks import masked_fill
from nptorch.ops.shape import transpose
from nptorch.tensor import Tensor, from_array


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(query key^T scale + mask) value: (..., L, E), (..., S, E), (..., S, V) -> (..., L, V). A boolean mask is
    True where a key may be looked at; scale is 1 / sqrt(E) unless given; with enable_gqa several query heads share a key's.

    Raises: RuntimeError if is_causal is asked for beside a mask.
    """
    check_tensors("scaled_dot_product_attention", query=query, key=key, value=value)
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention(): give attn_mask or is_causal=True, not both")
        attn_mask = from_array(np.tril(np.ones((query._array.shape[-2], key._array.shape[-2]), bool)))
    if enable_gqa:
        shared = query._array.shape[-3] // key._array.shape[-3]
        key, value = (repeat_interleave(x, shared, -3) for x in (key, value))
    weights = attention_weights(query, key, attn_mask, scale)
    return matmul(dropout(weights, dropout_p), value)


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None = None) -> Tensor:
    """How much each query (..., L, E) looks at each key (..., S, E): (..., L, S), rows that sum to one."""
    factor = 1 / math.sqrt(query._array.shape[-1]) if scale is None else scale
    scores = matmul(query * factor, transpose(key, -2, -1))
    if mask is None:
        return softmax(scores, -1)
    if mask._array.dtype.kind != "b":
        return softmax(scores + mask, -1)
    # A query that may look at nothing gets zeros; the softmax of -inf alone would be nan.
    blind = np.asarray(~mask._array.any(-1, keepdims=True))
    hidden = np.where(mask._array | blind, 0, -math.inf).astype(scores._array.dtype)
    weights = softmax(scores + from_array(hidden), -1)
    return masked_fill(weights, from_array(blind), 0.0) if blind.any() else weights


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool,
    dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True,
    key_padding_mask: Tensor | None = None, need_weights: bool = True, attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention in several heads: query (L, N, E), key and value (S, N, ...) -> ((L, N, E), weights (N, L, S) or None).

    Masks are True, or -inf, where a key may not be looked at: attn_mask (L, S) or (N heads, L, S), key_padding_mask (N, S).
    Without N where the query has two dimensions. Raises: AssertionError or RuntimeError for sizes that do not fit.
    """
    single = query.dim() == 2
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    if single:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    (length, batch, width), head = query.shape, embed_dim_to_check // num_heads
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    q, k, v = _projected(
        (query, key, value), in_proj_weight, in_proj_bias,
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None,
    )  # fmt: skip
    mask = _merged_mask(attn_mask, key_padding_mask, batch, num_heads, length, key.shape[0], q.dtype)
    extra = 0
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, b.expand(1, batch, b.shape[-1])]) for x, b in ((k, bias_k), (v, bias_v)))
        extra += 1
    q, k, v = (
        x.reshape(x.shape[0], batch, num_heads, -1).permute(1, 2, 0, 3) for x in (q, k, v)
    )  # (N, heads, L, head)
    k, v = k if static_k is None else static_k.view(k.shape), v if static_v is None else static_v.view(v.shape)
    if add_zero_attn:
        k, v = (cat([x, zeros(batch, num_heads, 1, head, dtype=x.dtype)], 2) for x in (k, v))
        extra += 1
    if extra and mask is not None:
        mask = pad(mask, (0, extra))
    weights = dropout(attention_weights(q, k, mask), dropout_p, training)
    out = matmul(weights, v).permute(2, 0, 1, 3).reshape(length, batch, width)
    out = linear(out, out_proj_weight, out_proj_bias)
    shown = None
    if need_weights:
        shown = weights.mean(1) if average_attn_weights else weights
    if single:
        return out.squeeze(1), None if shown is None else shown.squeeze(0)
    return out, shown


def _projected(
    inputs: tuple[Tensor, ...], weight: Tensor | None, bias: Tensor | None, separate: tuple[Tensor | None, ...] | None
) -> list[Tensor]:
    """Query, key and value through their parts of the input projection; one product where they are one tensor."""
    if separate is None and weight is not None and inputs[0] is inputs[1] and inputs[1] is inputs[2]:
        return list(linear(inputs[0], weight, bias).chunk(3, -1))
    weights: Any = separate if separate is not None or weight is None else weight.chunk(3)
    biases: Any = (None,) * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]


def _merged_mask(
    attention: Tensor | None, padding: Tensor | None, batch: int, heads: int, length: int, keys: int, dtype: Any
) -> Tensor | None:
    """Both masks as one that is added to the scores, (N or 1, heads or 1, L or 1, S)."""
    merged = None
    for mask, shape in ((attention, None), (padding, (batch, 1, 1, keys))):
        if mask is None:
            continue
        if mask._array.dtype.kind == "b":
            mask = masked_fill(zeros(*mask.shape, dtype=dtype), mask, -math.inf)
        if shape is None:
            if tuple(mask.shape) not in ((length, keys), (batch * heads, length, keys)):
                raise RuntimeError(
                    f"The shape of the attn_mask is {tuple(mask.shape)}, but should be {(length, keys)} or {(batch * heads, length, keys)}."
                )
            shape = (1, 1, length, keys) if mask.dim() == 2 else (batch, heads, length, keys)
        elif tuple(mask.shape) != (batch, keys):
            raise AssertionError(f"expecting key_padding_mask shape of {(batch, keys)}, but got {tuple(mask.shape)}")
        mask = mask.reshape(shape)
        merged = mask if merged is None else merged + mask
    return merged


__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]
