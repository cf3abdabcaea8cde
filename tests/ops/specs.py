"""The table of operation samples: what each op is tried on, against PyTorch, against finite differences and on every kernel.

Families with many names have a table of their own, `samples_<family>.py`, imported at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.sampling import SAMPLES as SAMPLES
from tests.ops.sampling import B, D, I, P, R, U, sample

# --- pointwise ---

for _name in ("exp", "exp2", "expm1", "sin", "cos", "tanh", "sinh", "cosh", "asinh", "atan", "sigmoid", "square", "neg", "abs", "frac",
              "deg2rad", "rad2deg", "erf", "erfc", "positive", "sinc"):  # fmt: skip
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x), D(3, 4))
for _name in ("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "acosh", "lgamma", "digamma"):
    _special = _name in ("lgamma", "digamma")
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x + 1.1), P(3, 4), special=_special)
for _name in ("asin", "acos", "atanh", "erfinv", "tan", "logit"):
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x), U(3, 4), special=_name == "erfinv")
for _name in ("floor", "ceil", "trunc", "round", "sign", "sgn"):
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x), R(3, 4))
sample("round", lambda T, x: T.round(x, decimals=1), R(3, 4))
for _name in (
    "add",
    "sub",
    "mul",
    "div",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "atan2",
    "hypot",
    "copysign",
    "logaddexp",
):
    sample(_name, lambda T, x, y, f=_name: getattr(T, f)(x, y), D(3, 4), R(1, 4))
sample("add", lambda T, x, y: T.add(x, y, alpha=2), R(3, 4), R(3, 1))
sample("add", lambda T, x: 2 + x + 1.5, I(3, 4), smooth=False)
sample("sub", lambda T, x: 2 - x, R(3))
sample("div", lambda T, x: x / 2, I(3, 4), smooth=False)
sample("div", lambda T, x: 1 / x, P(3, 4))
sample("floor_div", lambda T, x, y: x // y, R(3, 4), P(4), smooth=False)
sample("floor_div", lambda T, x: x // 3, I(3, 4, low=-7, high=7), smooth=False)
sample("trunc_div", lambda T, x, y: T.div(x, y, rounding_mode="trunc"), R(3, 4), P(4))
sample("remainder", lambda T, x, y: T.remainder(x, y), R(3, 4), P(4))
sample("remainder", lambda T, x: x % 3, I(3, 4, low=-7, high=7), smooth=False)
sample("fmod", lambda T, x, y: T.fmod(x, y), R(3, 4), P(4))
sample("pow", lambda T, x, y: T.pow(x, y), P(3, 4), R(4))
for _power in (2, 3, 0.5, -1.5, 0, 1):
    sample("pow", lambda T, x, p=_power: x**p, P(3, 4))
sample("pow", lambda T, x: 2**x, R(3, 4))
sample("float_power", lambda T, x, y: T.float_power(x, y), P(3), R(3))
sample("xlogy", lambda T, x, y: T.xlogy(x, y), P(3, 4), P(4))
sample("where", lambda T, c, x, y: T.where(c, x, y), B(3, 4), R(3, 1), R(4))
sample("clamp", lambda T, x: T.clamp(x, -0.53, 0.66), D(3, 4))
sample("clamp", lambda T, x: T.clamp(x, min=0.1), D(3, 4))
sample("clamp", lambda T, x, a, b: T.clamp(x, a, b), D(3, 4), R(4), P(4))
sample("nan_to_num", lambda T, x: T.nan_to_num(x), R(3, 4))
sample("nan_to_num", lambda T, x: T.nan_to_num(x / 0, nan=1.0, posinf=2.0, neginf=3.0), R(3), smooth=False)
sample("lerp", lambda T, x, y, w: T.lerp(x, y, w), R(3, 4), R(3, 4), R(3, 4))
sample("lerp", lambda T, x, y: T.lerp(x, y, 0.3), R(3, 4), R(3, 4))
sample("addcmul", lambda T, x, y, z: T.addcmul(x, y, z, value=0.5), R(3, 4), R(3, 4), R(4))
sample("addcdiv", lambda T, x, y, z: T.addcdiv(x, y, z, value=0.5), R(3, 4), R(3, 4), P(4))
sample("polygamma", lambda T, x: T.digamma(x), P(4), special=True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"):
    sample(_name, lambda T, x, y, f=_name: getattr(T, f)(x, y), I(3, 4, high=3), I(4, high=3), smooth=False)
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"):
    sample(_name, lambda T, x, y, f=_name: getattr(T, f)(x, y), I(3, 4), I(4, high=3), smooth=False)
for _name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "logical_not"):
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x / x.sign().clamp(min=0)), R(3, 4), smooth=False)
sample("bitwise_not", lambda T, x: ~x, B(3, 4), smooth=False)
sample("bitwise_not", lambda T, x: ~x, I(3, 4), smooth=False)
sample("to_copy", lambda T, x: x.to(T.float32) * 1.5, I(3, 4), smooth=False)
sample("to_copy", lambda T, x: x.double() * x.float().double().detach(), R(3, 4), smooth=False)
sample("complex", lambda T, x, y: T.imag(T.complex(x, y) * T.complex(y, x)), R(3), R(3), smooth=False)
sample("real", lambda T, x, y: T.real((x + y * 1j) * (y - x * 1j)), R(3), R(3))
sample("imag", lambda T, x, y: T.imag((x + y * 1j) * T.conj(y - x * 2j)), R(3), R(3))

for _name in ("tanh", "sigmoid"):  # their gradients are ops
    sample(f"{_name}_backward", lambda T, x, f=_name: getattr(T, f)(x) ** 2, R(3, 4))
for _name in ("gelu", "silu"):
    sample(f"{_name}_backward", lambda T, x, f=_name: getattr(T.nn.functional, f)(x) ** 2, R(3, 4))

# --- shape ---

sample("view", lambda T, x: x.view(2, -1), R(3, 4))
sample("reshape", lambda T, x: T.reshape(x.t(), (2, 6)) * 2, R(3, 4))
sample("permute", lambda T, x: x.permute(2, 0, 1) ** 2, R(2, 3, 4))
sample("transpose", lambda T, x: x.transpose(0, -1) ** 2, R(2, 3, 4))
sample("expand", lambda T, x: x.expand(2, 3, 4) ** 2, R(3, 1))
sample("unsqueeze", lambda T, x: x.unsqueeze(1) ** 2, R(3, 4))
sample("squeeze", lambda T, x: x.squeeze() ** 2, R(3, 1, 4, 1))
sample("as_strided", lambda T, x: T.as_strided(x, (3, 2), (2, 1), 1) ** 2, R(3, 4))
sample("diagonal", lambda T, x: T.diagonal(x, 1) ** 2, R(4, 4))
sample("diag_embed", lambda T, x: T.diag_embed(x, 1) ** 2, R(2, 3))
sample("unfold", lambda T, x: x.unfold(1, 3, 2) ** 2, R(2, 7))
sample("clone", lambda T, x: x.clone() ** 2, R(3))
sample("cat", lambda T, x, y: T.cat([x, y], 1) ** 2, R(3, 4), R(3, 2))
sample("cat", lambda T, x, y: T.cat([x, y]), I(3), R(2), smooth=False)
sample("stack", lambda T, x, y: T.stack([x, y], 1) ** 2, R(3, 4), R(3, 4))
sample("slice", lambda T, x: x[1:, ::2] ** 2, R(3, 4))
sample("split", lambda T, x: T.split(x, 2, 1)[1] ** 2, R(3, 5))
sample("chunk", lambda T, x: T.chunk(x, 3)[0] ** 2, R(5, 2))
sample("unbind", lambda T, x: x.unbind(1)[2] ** 2, R(3, 4))
sample("flip", lambda T, x: T.flip(x, (0, 1)) ** 2, R(3, 4))
sample("roll", lambda T, x: T.roll(x, (1, -2), (0, 1)) ** 2, R(3, 4))
sample("roll", lambda T, x: T.roll(x, 3) ** 2, R(3, 4))
sample("tril", lambda T, x: T.tril(x, 1) ** 2, R(3, 4))
sample("triu", lambda T, x: T.triu(x, -1) ** 2, R(3, 4))
sample("repeat", lambda T, x: x.repeat(2, 3, 1) ** 2, R(2, 3))
sample("repeat_interleave", lambda T, x: x.repeat_interleave(2, 1) ** 2, R(2, 3))
sample("rot90", lambda T, x: T.rot90(x, 3, (0, 1)) ** 2, R(2, 3))
sample("meshgrid", lambda T, x, y: T.meshgrid(x, y, indexing="xy")[0] ** 2, R(3), R(2))
sample("movedim", lambda T, x: T.movedim(x, (0, 1), (-1, 0)) ** 2, R(2, 3, 4))
sample("copy_slices", lambda T, x, y: _write_into_view(x, y), R(3, 4), R(2))
sample("copy", lambda T, x, y: x.clone().copy_(y) * x, R(3, 4), R(4))


def _write_into_view(x: Any, y: Any) -> Any:
    z = x * 2
    z[1:, 2].mul_(y)
    z.view(-1)[::5].add_(1)
    return z * z


# --- reductions ---

for _name in ("sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp", "norm"):
    if _name != "logsumexp":
        sample(_name, lambda T, x, f=_name: getattr(T, f)(x), D(3, 4))
    _kw = {"dim": 1} if _name != "norm" else {"dim": 1, "p": 2}
    sample(_name, lambda T, x, f=_name, kw=_kw: getattr(T, f)(x, **kw), D(3, 4))
    sample(_name, lambda T, x, f=_name, kw=_kw: getattr(T, f)(x, keepdim=True, **kw) ** 2, D(3, 4))
sample("sum", lambda T, x: x.sum((0, 2)), R(2, 3, 4))
sample("sum", lambda T, x: x.sum(), I(3, 4), smooth=False)
sample("sum", lambda T, x: x.sum(1), B(3, 4), smooth=False)
sample(
    "prod", lambda T, x, y: T.prod(x * y.round().sign(), 1), R(3, 4), np.array([0.0, 1, 1, 1]), constant=frozenset({1})
)
sample("norm", lambda T, x: T.norm(x, 3), D(3, 4))
sample("norm", lambda T, x: x.norm(1, 0), D(3, 4))
sample("var", lambda T, x: x.var(1, unbiased=False), R(3, 4))
for _name in ("max", "min", "median", "sort", "cummax", "cummin", "mode"):
    _kw = {"dim": 1}
    sample(_name, lambda T, x, f=_name, kw=_kw: getattr(T, f)(x, **kw)[0] ** 2, D(3, 5))
    sample(_name, lambda T, x, f=_name, kw=_kw: getattr(T, f)(x, **kw)[1], D(3, 5), smooth=False)
sample("max", lambda T, x: x.max() ** 2, D(3, 4))
sample("topk", lambda T, x: T.topk(x, 2)[0] ** 2, D(3, 5))
sample("topk", lambda T, x: T.topk(x, 2, largest=False)[1], D(3, 5), smooth=False)
sample("kthvalue", lambda T, x: T.kthvalue(x, 2)[0], D(3, 5))
sample("sort", lambda T, x: T.sort(x, 0, descending=True)[0] ** 2, D(3, 5))
for _name in ("argmax", "argmin"):
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x), D(3, 4), smooth=False)
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x, 1, keepdim=True), D(3, 4), smooth=False)
for _name in ("any", "all"):
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x), B(3, 4), smooth=False)
    sample(_name, lambda T, x, f=_name: getattr(T, f)(x, 1), B(3, 4), smooth=False)
sample("count_nonzero", lambda T, x: T.count_nonzero(x, 1), I(3, 4, high=2), smooth=False)
sample("cumsum", lambda T, x: T.cumsum(x, 1) ** 2, R(3, 4))
sample("cumsum", lambda T, x: T.cumsum(x, 0), I(3, 4), smooth=False)
sample("logcumsumexp", lambda T, x: T.logcumsumexp(x, 1), R(3, 4))
sample("cumprod", lambda T, x: T.cumprod(x, 1), R(3, 4))
sample("cumprod", lambda T, x: T.cumprod(x, 0) ** 2, R(1, 3))
sample("cumprod", lambda T, x, y: T.cumprod(x * y, 0), R(4, 2), np.array([1.0, 0]), constant=frozenset({1}))
sample("quantile", lambda T, x: T.quantile(x, 0.4, 1), D(3, 5))
sample("unique", lambda T, x: T.unique(x, return_counts=True)[1], I(12), smooth=False)
sample("bincount", lambda T, x: T.bincount(x, minlength=7), I(12), smooth=False)
sample("diff", lambda T, x: T.diff(x) ** 2, R(3, 4))

# --- indexing ---

sample("index", lambda T, x: x[T.tensor([0, 2, 0])] ** 2, R(3, 4))
sample("index", lambda T, x: x[:, T.tensor([[0, 3], [1, 1]])] ** 2, R(3, 4))
sample("index", lambda T, x: x[T.tensor([0, 1]), 1:, T.tensor([2, 0])] ** 2, R(3, 4, 3))
sample("index", lambda T, x: x[0, :, T.tensor([2, 0])] ** 2, R(3, 4, 3))
sample("index", lambda T, x, m: x[m] ** 2, R(3, 4), B(3, 4))
sample("index", lambda T, x: x[..., None, -1] ** 2, R(3, 4))
sample("index_put", lambda T, x, v: _put(x, T.tensor([0, 2]), v), R(3, 4), R(4))
sample("index_put", lambda T, x, m: _put(x, m, 2.0), R(3, 4), B(3, 4))
sample("index_put", lambda T, x, v: T.index_put(x, (T.tensor([1, 1]),), v, accumulate=True) ** 2, R(3, 4), R(2, 4))
sample("gather", lambda T, x, i: T.gather(x, 1, i) ** 2, R(3, 5), I(3, 2))
sample("scatter", lambda T, x, i, s: T.scatter(x, 1, i, s) ** 2, R(3, 5), np.array([[0, 3], [1, 2], [4, 0]]), R(3, 2))
sample("scatter", lambda T, x, i: x.clone().scatter_(0, i, 3.0) ** 2, R(3, 5), np.array([[0, 2, 1]]))
sample(
    "scatter",
    lambda T, x, i, s: T.scatter(x, 0, i, s) ** 2,
    R(3, 5),
    np.array([[0, 2, 1]]),
    R(2, 4),
    constant=frozenset({2}),
)
sample("scatter_add", lambda T, x, i, s: T.scatter_add(x, 1, i, s) ** 2, R(3, 5), I(3, 4), R(3, 4))
sample("index_select", lambda T, x, i: T.index_select(x, 1, i) ** 2, R(3, 5), I(4))
sample("index_add", lambda T, x, i, s: T.index_add(x, 0, i, s, alpha=2) ** 2, R(3, 4), I(5, high=3), R(5, 4))
sample("index_fill", lambda T, x: T.index_fill(x, 1, T.tensor([0, 2]), 3.0) ** 2, R(3, 4))
sample("index_copy", lambda T, x, s: T.index_copy(x, 1, T.tensor([0, 2]), s) ** 2, R(3, 4), R(3, 2))
sample("masked_fill", lambda T, x, m: T.masked_fill(x, m, 0.5) ** 2, R(3, 4), B(4))
sample("masked_select", lambda T, x, m: T.masked_select(x, m) ** 2, R(3, 4), B(3, 4))
sample("take", lambda T, x, i: T.take(x, i) ** 2, R(3, 4), I(5, high=12))
sample("nonzero", lambda T, x: T.nonzero(x), I(3, 4, high=2), smooth=False)


def _put(x: Any, index: Any, value: Any) -> Any:
    y = x * 1.0
    y[index] = value
    return y * y


# --- matrices ---

sample("matmul", lambda T, x, y: x @ y, R(3, 4), R(4, 2))
sample("matmul", lambda T, x, y: x @ y, R(4), R(4))
sample("matmul", lambda T, x, y: x @ y, R(2, 3, 4), R(4))
sample("matmul", lambda T, x, y: x @ y, R(4), R(2, 4, 3))
sample("matmul", lambda T, x, y: x @ y, R(2, 1, 3, 4), R(5, 4, 2))
sample("bmm", lambda T, x, y: T.bmm(x, y), R(2, 3, 4), R(2, 4, 2))
sample("addmm", lambda T, b, x, y: T.addmm(b, x, y, beta=0.5, alpha=2), R(2), R(3, 4), R(4, 2))
sample("outer", lambda T, x, y: T.outer(x, y), R(3), R(4))
sample("einsum", lambda T, x, y: T.einsum("bij,bjk->bik", x, y), R(2, 3, 4), R(2, 4, 2))
sample("einsum", lambda T, x, y: T.einsum("...i,oi->...o", x, y), R(2, 3, 4), R(5, 4))
sample("einsum", lambda T, x: T.einsum("ii->i", x) ** 2, R(4, 4))
sample("einsum", lambda T, x, y, z: T.einsum("ij,jk,k", x, y, z), R(2, 3), R(3, 4), R(4))
sample("tensordot", lambda T, x, y: T.tensordot(x, y, 2), R(2, 3, 4), R(3, 4, 2))
sample("kron", lambda T, x, y: T.kron(x, y), R(2, 3), R(2, 2))
sample("linalg_inv", lambda T, x: T.inverse(x + 3 * T.eye(3, dtype=x.dtype)), R(3, 3))
sample("linalg_det", lambda T, x: T.det(x + 3 * T.eye(3, dtype=x.dtype)), R(3, 3))
sample("linalg_solve", lambda T, x, b: T.linalg.solve(x + 3 * T.eye(3, dtype=x.dtype), b), R(3, 3), R(3, 2))
sample("trace", lambda T, x: T.trace(x) ** 2, R(3, 3))

# --- networks ---

sample("linear", lambda T, x, w, b: T.nn.functional.linear(x, w, b), R(3, 5), R(4, 5), R(4))
sample("linear", lambda T, x, w: T.nn.functional.linear(x, w), R(2, 3, 5), R(4, 5))
sample("linear_weight", lambda T, x, w: T.nn.functional.linear(x, w) ** 2, R(3, 5), R(4, 5))
for _kw in (
    {},
    {"stride": 2, "padding": 1},
    {"padding": (2, 1), "stride": (2, 1), "dilation": (1, 2)},
    {"padding": "same"},
):
    sample(
        "conv2d", lambda T, x, w, b, kw=_kw: T.nn.functional.conv2d(x, w, b, **kw), R(2, 2, 6, 5), R(4, 2, 3, 2), R(4)
    )
sample("conv2d", lambda T, x, w: T.nn.functional.conv2d(x, w, groups=2), R(1, 4, 5, 5), R(4, 2, 3, 3))
sample(
    "conv2d_input",
    lambda T, x, w, b: T.nn.functional.conv_transpose2d(x, w, b, stride=2, padding=1),
    R(1, 3, 3, 3),
    R(3, 2, 3, 3),
    R(2),
)
sample("conv2d_weight", lambda T, x, w: T.nn.functional.conv2d(x, w, stride=2), R(2, 1, 5, 6), R(2, 1, 2, 3))
sample("conv1d", lambda T, x, w, b: T.nn.functional.conv1d(x, w, b, stride=2, padding=1), R(2, 3, 9), R(4, 3, 3), R(4))
for _kw in ({}, {"stride": 1, "padding": 1}, {"stride": 3, "ceil_mode": True}, {"dilation": 2}):
    sample("max_pool2d", lambda T, x, kw=_kw: T.nn.functional.max_pool2d(x, 2, **kw) ** 2, D(1, 2, 7, 6))
for _kw in (
    {},
    {"stride": 1, "padding": 1},
    {"stride": 3, "padding": 1, "ceil_mode": True, "count_include_pad": False},
):
    sample("avg_pool2d", lambda T, x, kw=_kw: T.nn.functional.avg_pool2d(x, 2, **kw) ** 2, R(1, 2, 7, 6))
sample("adaptive_max_pool2d", lambda T, x: T.nn.functional.adaptive_max_pool2d(x, (3, 2)) ** 2, D(1, 2, 5, 6))
for _size in ((5, 6), (6, 4)):  # windows of different sizes, and all alike
    sample("adaptive_avg_pool2d", lambda T, x: T.nn.functional.adaptive_avg_pool2d(x, (3, 2)) ** 2, R(1, 2, *_size))
sample(
    "batch_norm", lambda T, x, w, b: T.nn.functional.batch_norm(x, None, None, w, b, True), R(3, 2, 2, 2), R(2), R(2)
)
sample("batch_norm", lambda T, x: T.nn.functional.batch_norm(x, None, None, training=True), R(5, 3))
sample("layer_norm", lambda T, x, w, b: T.nn.functional.layer_norm(x, (3, 2), w, b), R(4, 3, 2), R(3, 2), R(3, 2))
sample(
    "channel_scale",
    lambda T, x, w, b: T.nn.functional.batch_norm(x, T.ones(4, dtype=x.dtype), T.full((4,), 2.0, dtype=x.dtype), w, b),
    R(2, 4, 3),
    R(4),
    R(4),
)
sample("instance_norm", lambda T, x, w: T.nn.functional.instance_norm(x, weight=w), R(2, 3, 4), R(3))
sample("group_norm", lambda T, x, w: T.nn.functional.group_norm(x, 2, w), R(2, 4, 3), R(4))
sample("group_norm", lambda T, x, w, b: T.nn.functional.group_norm(x, 2, w, b), R(2, 4, 3), R(4), R(4))
for _name in (
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "softplus",
    "gelu",
    "silu",
    "mish",
    "hardtanh",
    "logsigmoid",
    "softsign",
    "hardswish",
    "celu",
):
    sample(_name, lambda T, x, f=_name: getattr(T.nn.functional, f)(x) ** 2, D(3, 4))
sample("elu", lambda T, x: T.nn.functional.elu(x, alpha=0.3), D(3, 4))
sample("celu", lambda T, x: T.nn.functional.celu(x, alpha=0.7), D(3, 4))
sample("softplus", lambda T, x: T.nn.functional.softplus(x, beta=2.5, threshold=3), D(3, 4))
sample("hardswish", lambda T, x: T.nn.functional.hardswish(x * 4), D(3, 4))
# PyTorch has no second derivative of hardsigmoid; the composition has.
sample(
    "hardsigmoid",
    lambda T, x: (T.nn.functional.relu6(x + 3) / 6 if T.__name__ == "torch" else T.nn.functional.hardsigmoid(x)) ** 2,
    D(3, 4),
)
sample("gelu", lambda T, x: T.nn.functional.gelu(x, approximate="tanh"), R(3, 4))
sample("threshold_backward", lambda T, x: T.relu(x) * x, D(3, 4))
sample("log_sigmoid", lambda T, x: T.nn.functional.logsigmoid(x * 50), R(4))
sample("softmax", lambda T, x: T.softmax(x, 1), R(3, 4))
sample("log_softmax", lambda T, x: T.log_softmax(x, 0), R(3, 4))
for _reduction in ("mean", "sum", "none"):
    sample(
        "cross_entropy",
        lambda T, x, t, r=_reduction: T.nn.functional.cross_entropy(x, t, reduction=r),
        R(5, 4),
        I(5, high=4),
    )
    sample(
        "nll_loss", lambda T, x, t, r=_reduction: T.nn.functional.nll_loss(x**2, t, reduction=r), R(5, 4), I(5, high=4)
    )
sample(
    "cross_entropy",
    lambda T, x, t: T.nn.functional.cross_entropy(x, t, label_smoothing=0.1, ignore_index=1),
    R(5, 4),
    I(5, high=4),
)
sample("cross_entropy", lambda T, x, t: T.nn.functional.cross_entropy(x, t), R(2, 4, 3), I(2, 3, high=4))
for _name in ("mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits"):
    sample(_name, lambda T, x, t, f=_name: getattr(T.nn.functional, f)(x, t), R(3, 4), R(3, 4))
sample("mse_loss", lambda T, x, t: T.nn.functional.mse_loss(x.expand(3, 4), t, reduction="sum"), R(4), R(3, 4))
sample("smooth_l1_loss", lambda T, x, t: T.nn.functional.smooth_l1_loss(x, t, reduction="none", beta=0.4), R(9), R(9))
sample("binary_cross_entropy", lambda T, x, t: T.nn.functional.binary_cross_entropy(x, t) ** 2, U(3, 4), U(3, 4))
sample("embedding", lambda T, i, w: T.nn.functional.embedding(i, w, padding_idx=1) ** 2, I(2, 3), R(5, 4))
sample("constant_pad", lambda T, x: T.nn.functional.pad(x, (1, 2, 0, 1), value=0.5) ** 2, R(2, 3, 4))
sample("reflect_pad", lambda T, x: T.nn.functional.pad(x, (1, 2), mode="reflect") ** 2, R(2, 3, 4))

from tests.ops import samples_breadth as samples_breadth  # noqa: E402
from tests.ops import samples_complex as samples_complex  # noqa: E402
from tests.ops import samples_ctc as samples_ctc  # noqa: E402
from tests.ops import samples_fft as samples_fft  # noqa: E402
from tests.ops import samples_linalg as samples_linalg  # noqa: E402
from tests.ops import samples_memory as samples_memory  # noqa: E402
from tests.ops import samples_recurrent as samples_recurrent  # noqa: E402
from tests.ops import samples_special as samples_special  # noqa: E402
