"""Calls of nn.functional as text: F is the functional of either library, T the library itself.

Inputs are named as in the text. A tuple is the shape of normal numbers; other kinds come from the operations' table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.ops.sampling import I, P, R, Sample, U

CASES: list[Sample] = []


@dataclass
class Fixed:
    """An input that no gradient is asked for."""

    values: Any


def case(text: str, smooth: bool = True, **inputs: Any) -> None:
    """Enter a call; smooth=False where PyTorch has no second derivative."""
    code = compile(text, text, "eval")

    def call(T: Any, *tensors: Any) -> Any:
        return eval(code, {"F": T.nn.functional, "T": T}, dict(zip(inputs, tensors, strict=True)))

    values = [v.values if isinstance(v, Fixed) else v for v in inputs.values()]
    fixed = frozenset(i for i, v in enumerate(inputs.values()) if isinstance(v, Fixed))
    shapes = ", ".join(f"{name}{list(v)}" for name, v in inputs.items() if isinstance(v, tuple))
    makers = tuple(R(*v) if isinstance(v, tuple) else v for v in values)
    CASES.append(Sample(f"{text} {shapes}", call, makers, fixed, smooth))


# --- activations ---

for text in (
    "relu(x)", "leaky_relu(x, 0.2)", "leaky_relu(x, -0.3)", "elu(x, 0.7)", "selu(x)", "celu(x, 2.0)", "gelu(x)",
    "gelu(x, approximate='tanh')",
    "silu(x)", "mish(x)", "softplus(x, 2.0, 1.5)", "softplus(x)", "hardtanh(x, -0.5, 0.8)", "relu6(x * 5)",
    "hardswish(x * 3)", "logsigmoid(x)", "softsign(x)", "tanhshrink(x)", "softshrink(x, 0.3)", "hardshrink(x, 0.3)",
    "threshold(x, 0.1, -2.0)",
    "rrelu(x, 0.1, 0.3)", "sigmoid(x)", "tanh(x)", "softmax(x, 0)", "softmax(x, dim=-1)", "log_softmax(x, 1)",
    "softmin(x, 1)",
    "relu(x, inplace=False)",
):  # fmt: skip
    case(f"F.{text}", x=(4, 5))
case("F.hardsigmoid(x * 3)", smooth=False, x=(4, 5))
case("F.softmax(x, -1, dtype=T.float64)", x=(2, 3, 4))
case("F.softmax(x, 1)", x=(2, 3, 4, 2))
case("F.log_softmax(x, 2)", x=(2, 3, 4, 2))
case("F.softmax(x, 0)", x=())
case("F.log_softmax(x, 1)", x=(0, 3))
case("F.relu(x)", x=())
case("F.gelu(x)", x=(0,))
case("F.glu(x)", x=(3, 4))
case("F.glu(x, 1)", x=(2, 6, 3))
case("F.prelu(x, w)", x=(2, 3, 4), w=(3,))
case("F.prelu(x, w)", x=(4, 3), w=(1,))
case("F.prelu(x, w)", x=(5,), w=(1,))
case("F.prelu(x, w)", x=(4, 3), w=(3,))
case("T.relu(x) + T.sigmoid(x) * T.tanh(x) + T.selu(x)", x=(3, 4))
case("x.softmax(0) * x.log_softmax(1)", x=(3, 4))

# --- linear maps ---

case("F.linear(x, w, b)", x=(4, 3), w=(5, 3), b=(5,))
case("F.linear(x, w)", x=(4, 3), w=(5, 3))
case("F.linear(x, w, b)", x=(2, 4, 3), w=(5, 3), b=(5,))
case("F.linear(x, w, b)", x=(3,), w=(5, 3), b=(5,))
case("F.linear(x, w)", x=(3,), w=(3,))
case("F.linear(x, w, b)", x=(0, 3), w=(5, 3), b=(5,))
case("F.linear(x, w, b)", x=(1, 3), w=(1, 3), b=(1,))
case("F.bilinear(x, y, w, b)", x=(4, 3), y=(4, 2), w=(5, 3, 2), b=(5,))
case("F.bilinear(x, y, w)", x=(2, 4, 3), y=(2, 4, 2), w=(5, 3, 2))

# --- convolution ---

_x, _w = (2, 3, 7, 6), (4, 3, 3, 2)
for options in (
    "",
    ", stride=2",
    ", padding=1",
    ", stride=(2, 1), padding=(0, 2), dilation=(1, 2)",
    ", dilation=2",
    ", padding='valid'",
):
    case(f"F.conv2d(x, w, b{options})", x=_x, w=_w, b=(4,))
case("F.conv2d(x, w)", x=_x, w=_w)
case("F.conv2d(x, w, padding='same')", x=_x, w=_w)
case("F.conv2d(x, w, padding='same', dilation=2)", x=_x, w=(4, 3, 3, 3))
case("F.conv2d(x, w, b, padding=1, groups=2)", x=(2, 4, 5, 5), w=(6, 2, 3, 3), b=(6,))
case("F.conv2d(x, w, b, stride=2, groups=4)", x=(2, 4, 6, 5), w=(8, 1, 3, 3), b=(8,))
case("F.conv2d(x, w, b)", x=(3, 7, 6), w=_w, b=(4,))
case("F.conv2d(x, w, b)", x=(0, 3, 7, 6), w=_w, b=(4,))
case("F.conv2d(x, w, b)", x=(2, 3, 3, 2), w=_w, b=(4,))
case("F.conv2d(x, w, b)", x=(2, 3, 4, 4), w=(4, 3, 1, 1), b=(4,))
case("F.conv2d(x, w, b, stride=3)", x=(1, 1, 8, 8), w=(2, 1, 2, 2), b=(2,))
case("F.conv2d(x.transpose(2, 3), w.transpose(2, 3), b)", x=_x, w=_w, b=(4,))
case("F.conv1d(x, w, b, stride=2, padding=1, dilation=2)", x=(2, 3, 9), w=(4, 3, 3), b=(4,))
case("F.conv1d(x, w, padding='same')", x=(2, 3, 9), w=(4, 3, 4))
case("F.conv1d(x, w, b, groups=3)", x=(3, 9), w=(3, 1, 4), b=(3,))
case("F.conv3d(x, w, b, padding=1)", x=(2, 2, 4, 3, 4), w=(3, 2, 2, 3, 2), b=(3,))
case("F.conv3d(x, w, stride=2, dilation=(1, 2, 1), groups=2)", x=(1, 2, 5, 5, 4), w=(4, 1, 2, 2, 2))
case("F.conv3d(x, w)", x=(2, 4, 3, 4), w=(3, 2, 2, 2, 2))
case("F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)", x=(2, 3, 4, 3), w=(3, 4, 3, 2), b=(4,))
case("F.conv_transpose2d(x, w, groups=2, dilation=2)", x=(2, 4, 4, 3), w=(4, 3, 2, 2))
case("F.conv_transpose2d(x, w, b)", x=(3, 4, 3), w=(3, 4, 3, 2), b=(4,))
case("F.conv_transpose1d(x, w, b, stride=3, output_padding=2)", x=(2, 3, 4), w=(3, 2, 4), b=(2,))
case("F.conv_transpose3d(x, w, b, 2, 1, 1)", x=(2, 3, 2, 3, 4), w=(3, 2, 3, 2, 3), b=(2,))
case("F.conv_transpose3d(x, w, groups=2, dilation=2)", x=(4, 2, 3, 2), w=(4, 1, 2, 2, 2))
case("F.unfold(x, (2, 3), stride=2, padding=1)", x=(2, 3, 5, 6))
case("F.unfold(x, 2, dilation=2)", x=(2, 3, 5, 6))
case("F.unfold(x, 2)", x=(3, 5, 6))
case("F.fold(x, (4, 5), 2, stride=1)", x=(2, 12, 12))
case("F.fold(x, (5, 6), (2, 3), padding=1, stride=2)", x=(2, 12, 9))
case("F.fold(x, (4, 5), 2)", x=(12, 12))

case("F.conv_tbc(x, w, b, 1)", x=(5, 2, 3), w=(3, 3, 4), b=(4,))

# --- pooling ---

for options in (
    "2", "3, 2", "3, 1, 1", "(3, 2), stride=(2, 1), padding=(1, 0)", "2, 3", "3, 2, 1, ceil_mode=True",
    "2, dilation=2", "2, 2, ceil_mode=True",
):  # fmt: skip
    case(f"F.max_pool2d(x, {options})", x=(2, 3, 7, 8))
case("F.max_pool2d(x, 2)", x=(3, 5, 5))
case("F.max_pool2d(x, 2)", x=(0, 3, 4, 4))
case("F.max_pool2d(x, 4)", x=(2, 3, 4, 4))
case("F.max_pool2d(x, 3, 2, 1, return_indices=True)[1].double() + 0 * x.sum()", x=(2, 3, 7, 8))
case("F.max_pool1d(x, 3, 2, padding=1)", x=(2, 3, 9))
case("F.max_pool1d(x, 2)", x=(3, 9))
case("F.max_pool1d(x, 3, 2, ceil_mode=True, return_indices=True)[0]", x=(2, 3, 8))
for options in (
    "2", "3, 2", "3, 1, 1", "(3, 2), (2, 1), (1, 0), count_include_pad=False", "3, 2, 1, True", "3, 2, 1, True, False",
    "2, divisor_override=3",
):  # fmt: skip
    case(f"F.avg_pool2d(x, {options})", x=(2, 3, 7, 8))
case("F.avg_pool2d(x, 7)", x=(2, 3, 7, 7))
case("F.avg_pool2d(x, 2)", x=(3, 5, 5))
case("F.avg_pool2d(x, 2)", x=(0, 3, 4, 4))
case("F.avg_pool1d(x, 3, 2, 1, True, False)", x=(2, 3, 8))
case("F.avg_pool1d(x, 2)", x=(3, 8))
case("F.adaptive_avg_pool2d(x, 1)", x=(2, 3, 7, 5))
case("F.adaptive_avg_pool2d(x, (3, 2))", x=(2, 3, 7, 5))
case("F.adaptive_avg_pool2d(x, (None, 4))", x=(3, 6, 8))
case("F.adaptive_avg_pool2d(x, (9, 3))", x=(2, 3, 7, 5))
case("F.adaptive_avg_pool1d(x, 3)", x=(2, 3, 7))
case("F.adaptive_avg_pool1d(x, 4)", x=(3, 8))
case("F.adaptive_max_pool2d(x, (3, 2))", x=(2, 3, 7, 5))
case("F.adaptive_max_pool2d(x, 1)", x=(3, 7, 5))
case("F.adaptive_max_pool2d(x, (9, 5), return_indices=True)[0]", x=(2, 3, 7, 5))
case("F.adaptive_max_pool2d(x, (2, 3))", x=(2, 3, 4, 6))
case("F.adaptive_max_pool2d(x, (2, 3), True)[1].double() + 0 * x.sum()", x=(3, 4, 6))
case("F.adaptive_max_pool1d(x, 3)", x=(2, 3, 7))
for options in ("2", "(2, 3, 2), (1, 2, 2), (1, 1, 0)", "3, 2, 1, ceil_mode=True"):
    case(f"F.max_pool3d(x, {options})", x=(2, 2, 5, 6, 4))
    case(f"F.avg_pool3d(x, {options})", x=(2, 2, 5, 6, 4))
case("F.max_pool3d(x, 2, dilation=(2, 1, 2))", x=(2, 5, 4, 6))
case("F.max_pool3d(x, 3, 2, 1, return_indices=True)[1].double() + 0 * x.sum()", x=(1, 2, 4, 5, 6))
case("F.avg_pool3d(x, 2, padding=1, count_include_pad=False)", x=(1, 2, 4, 3, 5))
case("F.avg_pool3d(x, 2, divisor_override=3)", x=(2, 4, 3, 5))
case("F.adaptive_avg_pool3d(x, (2, None, 3))", x=(2, 4, 3, 5))
case("F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)", x=(2, 3, 4, 6))
case("F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(5, 7))", x=(3, 5, 7))
case("F.lp_pool2d(x, 2.0, 2)", x=(2, 3, 6, 5))
case("F.lp_pool2d(x, 3.0, (2, 3), stride=1)", x=U(2, 3, 6, 5))
case("F.lp_pool1d(x, 2.0, 3, 2)", x=(2, 3, 9))
case("F.lp_pool3d(x, 2.0, 2)", x=(2, 2, 4, 6, 5))
case("F.max_unpool1d(*F.max_pool1d(x, 3, 2, return_indices=True), 3, 2)", x=(2, 3, 9))
case("F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2)", x=(2, 2, 4, 6, 2))
case("F.adaptive_max_pool3d(x, (2, 1, 3))", x=(2, 2, 5, 4, 7))
case("F.adaptive_max_pool3d(x, 2, return_indices=True)[1].double() + 0 * x.sum()", x=(2, 5, 4, 6))

for n, shape in ((1, (2, 3, 9)), (2, (2, 3, 5, 6)), (3, (2, 2, 4, 5, 6))):
    case(f"F.max_pool{n}d_with_indices(x, 2)[0]", x=shape)
    case(f"F.adaptive_max_pool{n}d_with_indices(x, 2)[0]", x=shape)
_samples = Fixed(U(2, 3, 3))
for options in ("3, 2", "(2, 3), output_ratio=(0.5, 0.7)", "2, (4, 1)"):
    case(f"F.fractional_max_pool2d(x, {options}, _random_samples=s)", x=(2, 3, 7, 8), s=Fixed(U(2, 3, 2)))
case("F.fractional_max_pool2d_with_indices(x, 2, 3, _random_samples=s)[0]", x=(3, 7, 8), s=Fixed(U(1, 3, 2)))
case("F.fractional_max_pool3d(x, (1, 2, 3), (3, 2, 4), _random_samples=s)", x=(2, 3, 4, 5, 7), s=_samples)
case("F.fractional_max_pool3d_with_indices(x, 2, 2, _random_samples=s)[0]", x=(2, 3, 4, 5, 7), s=_samples)

# --- normalisation ---

for shape in ((4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)):
    case("F.batch_norm(x, None, None, w, b, training=True)", x=shape, w=(3,), b=(3,))
    case(
        "F.batch_norm(x, m, v, w, b)",
        x=shape,
        m=Fixed(U(3)),
        v=Fixed(U(3)),
        w=(3,),
        b=(3,),
    )
case("F.batch_norm(x, None, None, training=True, eps=0.1)", x=(4, 3, 5))
case("F.batch_norm(x, None, None, w, training=True)", x=(4, 3, 5), w=(3,))
case("F.batch_norm(x, m, v)", x=(4, 3, 5), m=Fixed(U(3)), v=Fixed(U(3)))
case("F.layer_norm(x, (5,), w, b)", x=(4, 3, 5), w=(5,), b=(5,))
case("F.layer_norm(x, (3, 5), w, b, 0.1)", x=(4, 3, 5), w=(3, 5), b=(3, 5))
case("F.layer_norm(x, [5])", x=(4, 3, 5))
case("F.layer_norm(x, x.shape, w)", x=(3, 5), w=(3, 5))
case("F.layer_norm(x, (5,), w, b)", x=(0, 5), w=(5,), b=(5,))
case("F.rms_norm(x, (5,), w)", x=(4, 3, 5), w=(5,))
case("F.rms_norm(x, (3, 5), eps=0.1)", x=(4, 3, 5))
case("F.group_norm(x, 2, w, b)", x=(3, 4, 5), w=(4,), b=(4,))
case("F.group_norm(x, 4)", x=(3, 4, 2, 3))
case("F.instance_norm(x, weight=w, bias=b)", x=(3, 4, 5), w=(4,), b=(4,))
case(
    "F.instance_norm(x, m, v, use_input_stats=False)",
    x=(3, 4, 5),
    m=Fixed(U(4)),
    v=Fixed(U(4)),
)
case("F.local_response_norm(x, 3)", x=(2, 5, 4))
case("F.local_response_norm(x, 2, 0.1, 0.5, 2.0)", x=(2, 5, 4, 3))
case("F.normalize(x)", x=(3, 4))
case("F.normalize(x, p=1.0, dim=-1)", x=(3, 4))
case("F.normalize(x, 3.0, 0)", x=(5,))
case("F.normalize(x, 2.0, (1, 2))", x=(2, 3, 4))

# --- rows, vectors ---

case("F.embedding(i, w)", i=I(3, 4, high=5), w=(5, 2))
case("F.embedding(i, w, padding_idx=1)", i=I(7, high=3), w=(3, 2))
case("F.embedding(i, w, padding_idx=-1)", i=I(high=3), w=(3, 2))
case(
    "T.autograd.grad((F.embedding(i, w.requires_grad_(), scale_grad_by_freq=True) ** 2).sum(), w)[0]",
    i=I(7, high=3),
    w=Fixed(R(3, 2)),
)
case("F.embedding(i, w, sparse=False, max_norm=0.5) * 2", i=I(3, high=4), w=Fixed(R(4, 2)))
for options in ("", ", mode='max'", ", mode='sum', padding_idx=1", ", padding_idx=-4"):
    case(f"F.embedding_bag(i, w{options})", i=I(3, 4, high=5), w=(5, 2), smooth=False)
for options in ("mode='max'", "mode='max', padding_idx=2", "padding_idx=0"):  # the second bag is empty
    case(f"F.embedding_bag(i, w, o, {options})", i=I(9, high=5), w=(5, 2), o=np.array([0, 4, 4, 5]), smooth=False)
case("F.embedding_bag(i, w, o)", i=I(7, high=5), w=(5, 2), o=np.array([0, 3, 3]), smooth=False)
case(
    "F.embedding_bag(i, w, o, mode='sum', per_sample_weights=s, include_last_offset=True)",
    i=I(7, high=5),
    w=(5, 2),
    o=np.array([0, 3, 7]),
    s=(7,),
    smooth=False,
)
case("F.one_hot(i, 5).double() * w", i=I(3, 4, high=5), w=(5,))
case("F.one_hot(i).sum(0) * w", i=np.array([0, 2, 1, 2]), w=(3,))
case("F.cosine_similarity(x, y)", x=(3, 4), y=(3, 4))
case("F.cosine_similarity(x, y, dim=0)", x=(3, 4), y=(3, 1))
case("F.cosine_similarity(x, y, -1, 0.5)", x=(2, 3, 4), y=(4,))
case("F.pairwise_distance(x, y)", x=(3, 4), y=(3, 4))
case("F.pairwise_distance(x, y, 1.0, keepdim=True)", x=(3, 4), y=(4,))
case("F.pairwise_distance(x, y, 3.0, 0.1)", x=(4,), y=(4,))
case("T.cdist(x, y)", smooth=False, x=(2, 3, 4), y=(2, 5, 4))
case("T.cdist(x, y, 1.0)", x=(3, 4), y=(5, 4), smooth=False)

for norm in ("2.0", "1.0", "3.0", "0.0", "T.inf"):
    case(f"F.pdist(x, {norm})", x=(5, 3), smooth=False)

# --- attention ---

_heads = {"q": (2, 3, 4), "k": (2, 5, 4), "v": (2, 5, 3)}
case("F.scaled_dot_product_attention(q, k, v)", **_heads)
case(
    "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
    smooth=False,
    q=(2, 2, 4, 3),
    k=(2, 2, 4, 3),
    v=(2, 2, 4, 3),
)
case(
    "F.multi_head_attention_forward(x, x, x, 4, 2, w, b, None, None, False, 0.0, o, c)[0]",
    x=R(3, 2, 4), w=R(12, 4), b=R(12), o=R(4, 4), c=R(4),
)  # fmt: skip
case("F.scaled_dot_product_attention(q, k, v, m, scale=0.3)", **_heads, m=Fixed(R(3, 5)))
case("F.scaled_dot_product_attention(q, k, v, m)", **_heads, m=np.arange(15).reshape(3, 5) % 4 > 1)
case("F.scaled_dot_product_attention(q, k, v, m)", **_heads, m=np.arange(15).reshape(3, 5) > 4)

# --- padding and resampling ---

for mode in ("'reflect'", "'replicate'", "'circular'", "'constant', 1.5"):
    case(f"F.pad(x, (2, 1), {mode})", x=(2, 3, 5))
    case(f"F.pad(x, (2, 1, 0, 3), {mode})", x=(2, 3, 4, 5))
    case(f"F.pad(x, (1, 0, 1, 2, 0, 1), {mode})", x=(2, 2, 3, 4, 3))
case("F.pad(x, (1, 2))", x=(4,))
case("F.pad(x, (-1, 2, 1, -2))", x=(4, 5))
case("F.pad(x, (0, 0))", x=(4, 5))
case("F.pad(x, (1, 1), 'reflect')", x=(3, 5))
case("F.pixel_shuffle(x, 2)", x=(2, 8, 3, 2))
case("F.pixel_shuffle(x, 3)", x=(9, 2, 2))
case("F.channel_shuffle(x, 3)", x=(2, 6, 2))
case("F.native_channel_shuffle(x, 2)", x=(2, 6, 2), smooth=False)
case("F.pad(x, (-6, 7), 'replicate')", x=(2, 3, 5))
case("F.pad(x, (2, -1, -1, 2), 'reflect')", x=(2, 3, 4, 5))
case("F.pad(x, (-1, 3), 'circular')", x=(2, 3, 5))
case("F.upsample(x, scale_factor=2)", x=(1, 2, 3, 3))
case("F.upsample_nearest(x, 5)", x=(1, 2, 3, 3))
case("F.upsample_bilinear(x, scale_factor=2)", x=(1, 2, 3, 3))
case("F.pixel_unshuffle(x, 2)", x=(2, 3, 4, 6))
for text in (
    "scale_factor=2", "size=(7, 3)", "scale_factor=(1.7, 0.6)", "size=(7, 9), mode='bilinear'",
    "scale_factor=1.7, mode='bilinear'",
    "size=(2, 9), mode='bilinear', align_corners=True", "scale_factor=2, mode='bicubic'",
    "size=(3, 9), mode='bicubic', align_corners=True",
    "size=(3, 2), mode='area'", "scale_factor=0.5, mode='bilinear', recompute_scale_factor=True",
    "size=1, mode='bilinear', align_corners=True",
    "size=(7, 3), mode='nearest-exact'", "scale_factor=(2, 3)", "size=(4, 5)", "scale_factor=(3, 1), mode='nearest-exact'",
):  # fmt: skip
    case(f"F.interpolate(x, {text})", x=(2, 3, 4, 5))
for text in ("size=(3, 9)", "scale_factor=0.4", "size=(3, 4), align_corners=True", "scale_factor=(0.35, 1.5)"):
    for mode in ("bilinear", "bicubic"):
        case(f"F.interpolate(x, {text}, mode='{mode}', antialias=True)", x=(2, 3, 8, 7))
case("F.interpolate(x, scale_factor=3, mode='linear')", x=(2, 3, 4))
case("F.interpolate(x, 7)", x=(2, 3, 4))
case("F.interpolate(x, size=(3, 4, 5), mode='trilinear')", x=(1, 2, 2, 3, 4))

for align in ("True", "False"):
    for mode in ("bilinear", "nearest", "bicubic"):
        for edge in ("zeros", "border", "reflection"):
            text = f"F.grid_sample(x, g * 2, '{mode}', '{edge}', {align})"
            case(text, x=(2, 2, 4, 3), g=(2, 3, 2, 2), smooth=False)
    case(f"F.grid_sample(x, g, align_corners={align})", x=(1, 2, 3, 4, 3), g=(1, 2, 2, 3, 3), smooth=False)
    case(f"F.affine_grid(x, (2, 3, 4, 5), {align})", x=(2, 2, 3))
    case(f"F.affine_grid(x, [1, 2, 3, 2, 4], {align})", x=(1, 3, 4))

# --- losses ---

for reduction in ("mean", "sum", "none"):
    how = f"reduction='{reduction}'"
    for text in (
        "mse_loss(x, y, ",
        "l1_loss(x, y, ",
        "smooth_l1_loss(x, y, beta=0.7, ",
        "huber_loss(x, y, delta=0.7, ",
    ):
        case(f"F.{text}{how})", x=(4, 3), y=(4, 3))
    case(f"F.cross_entropy(x, y, {how})", x=(4, 3), y=I(4, high=3))
    case(f"F.cross_entropy(x, y, {how}, ignore_index=1)", x=(6, 3), y=I(6, high=3))
    case(f"F.cross_entropy(x, y, w, {how})", x=(5, 3), y=I(5, high=3), w=Fixed(U(3)))
    case(
        f"F.cross_entropy(x, y, w, {how}, ignore_index=2, label_smoothing=0.2)",
        x=(6, 3),
        y=I(6, high=3),
        w=Fixed(U(3)),
    )
    case(f"F.cross_entropy(x, y, {how}, label_smoothing=0.3)", x=(4, 3), y=I(4, high=3))
    case(f"F.cross_entropy(x, y, {how})", x=(2, 3, 4), y=I(2, 4, high=3))
    case(f"F.cross_entropy(x, y, w, {how})", x=(2, 3, 2, 4), y=I(2, 2, 4, high=3), w=Fixed(U(3)))
    case(f"F.cross_entropy(x, y, {how})", x=(3,), y=I(high=3))
    case(f"F.cross_entropy(x, y.softmax(1), {how})", x=(4, 3), y=(4, 3))
    case(
        f"F.cross_entropy(x, y, w, {how}, label_smoothing=0.2)",
        x=(2, 3, 4),
        y=U(2, 3, 4),
        w=Fixed(U(3)),
    )
    case(f"F.cross_entropy(x, y, {how})", x=(3,), y=U(3))
    case(f"F.nll_loss(x, y, {how})", x=(4, 3), y=I(4, high=3))
    case(f"F.nll_loss(x, y, w, ignore_index=1, {how})", x=(6, 3), y=I(6, high=3), w=Fixed(U(3)))
    case(f"F.nll_loss(x, y, {how})", x=(2, 3, 2, 4), y=I(2, 2, 4, high=3))
    case(f"F.nll_loss(x, y, {how})", x=(3,), y=I(high=3))
    case(f"F.binary_cross_entropy(x, y, {how})", x=U(4, 3), y=Fixed(U(4, 3)))
    case(f"F.binary_cross_entropy(x, y, w, {how})", x=U(4), y=Fixed(U(4)), w=Fixed(U(4)))
    case(f"F.binary_cross_entropy_with_logits(x, y, {how})", x=(4, 3), y=U(4, 3))
    case(
        f"F.binary_cross_entropy_with_logits(x, y, w, {how}, pos_weight=p)",
        x=(4, 3),
        y=U(4, 3),
        w=Fixed(U(4, 3)),
        p=Fixed(U(3)),
    )
    case(f"F.kl_div(x, y, {how})", x=(4, 3), y=U(4, 3))
    case(f"F.kl_div(x, y, {how}, log_target=True)", x=(4, 3), y=(4, 3))
    case(f"F.poisson_nll_loss(x, y, {how})", x=(4, 3), y=P(4, 3))
    case(f"F.poisson_nll_loss(x, y, False, True, {how})", x=U(4, 3), y=Fixed(P(4, 3)))
    case(f"F.gaussian_nll_loss(x, y, v, {how})", x=(4, 3), y=(4, 3), v=U(4, 3))
    case(f"F.gaussian_nll_loss(x, y, v, full=True, eps=0.4, {how})", x=(4, 3), y=(4, 3), v=U(4, 1))
    case(
        f"F.hinge_embedding_loss(x, y, 0.7, {how})",
        x=(4, 3),
        y=np.array([[1, -1, 1]] * 4),
    )
    case(f"F.margin_ranking_loss(x, z, y, 0.2, {how})", x=(5,), z=(5,), y=np.array([1, -1, 1, 1, -1]))
    case(f"F.cosine_embedding_loss(x, z, y, 0.1, {how})", x=(4, 3), z=(4, 3), y=np.array([1, -1, 1, -1]))
    case(f"F.soft_margin_loss(x, y, {how})", x=(4, 3), y=Fixed(np.array([[1.0, -1, 1]] * 4)))
    case(f"F.triplet_margin_loss(x, y, z, {how})", x=(4, 3), y=(4, 3), z=(4, 3))
    case(f"F.triplet_margin_loss(x, y, z, 0.5, p=1.5, swap=True, {how})", x=(4, 3), y=(4, 3), z=(4, 3))
    case(f"F.triplet_margin_with_distance_loss(x, y, z, {how})", x=(4, 3), y=(4, 3), z=(4, 3))
    case(f"F.multi_margin_loss(x, y, {how})", x=(4, 3), y=I(4, high=3), smooth=False)
    case(
        f"F.multi_margin_loss(x, y, 2, 0.7, w, {how})",
        x=(4, 3),
        y=I(4, high=3),
        w=Fixed(U(3)),
        smooth=False,
    )
    case(
        f"F.multilabel_margin_loss(x, y, {how})",
        x=(3, 4),
        y=np.array([[3, 0, -1, 1], [-1, 2, 0, 1], [0, 1, 2, 3]]),
        smooth=False,
    )
    case(f"F.multilabel_soft_margin_loss(x, y, {how})", x=(4, 3), y=I(4, 3, high=2))
    case(f"F.multilabel_soft_margin_loss(x, y, w, {how})", x=(4, 3), y=I(4, 3, high=2), w=Fixed(U(3)))
    ctc = f"F.ctc_loss(x.log_softmax(-1), y, T.tensor([4, 6]), l, reduction='{reduction}')"
    case(ctc, x=(6, 2, 4), y=I(2, 3, low=1, high=4), l=np.array([2, 3]), smooth=False)
    case(ctc, x=(6, 2, 4), y=np.array([1, 1, 2]), l=np.array([3, 0]), smooth=False)
case("F.ctc_loss(x.log_softmax(-1), y, (5,), (2,), blank=3)", x=(5, 4), y=np.array([0, 0]), smooth=False)
case(
    "F.ctc_loss(x.log_softmax(-1), y, T.tensor([4, 2]), T.tensor([2, 2]), zero_infinity=True)",
    x=(4, 2, 3),
    y=np.array([[1, 1], [2, 2]]),
    smooth=False,
)
case("F.kl_div(x, y, reduction='batchmean')", x=(4, 3), y=U(4, 3))
case("F.cross_entropy(x, y)", x=(0, 3), y=I(0, high=3))
case("F.cross_entropy(x, y)", x=(3, 4), y=np.array([-100, -100, -100]))
case("F.cross_entropy(x * 100, y)", x=(4, 3), y=I(4, high=3))
case("F.mse_loss(x, y, size_average=False)", x=(4, 3), y=(4, 3))
case("F.l1_loss(x, y, reduce=False)", x=(4, 3), y=(4, 3))
case("F.mse_loss(x, y)", x=(), y=())
case("F.mse_loss(x, y, weight=w)", x=(4, 3), y=(4, 3), w=Fixed(U(4, 3)))
case("F.smooth_l1_loss(x, y, beta=0.0)", x=(4, 3), y=(4, 3))
case("F.multi_margin_loss(x, y)", x=(3,), y=I(high=3), smooth=False)
case("F.gaussian_nll_loss(x, y, v)", x=(4, 3), y=(4, 3), v=U(4))

# --- where a formula alone would break: saturation, extremes, ties ---

_finite = np.array([-1e4, -88.0, -20.5, 20.5, 88.0, 1e4])
for text in ("sigmoid", "logsigmoid", "softplus", "elu", "selu", "gelu", "silu", "hardtanh", "relu", "tanh"):
    case(f"F.{text}(x)", x=_finite)
for text in ("sigmoid", "logsigmoid", "softplus", "elu", "selu", "hardtanh", "relu", "leaky_relu", "relu6", "tanh"):
    case(f"F.{text}(x)", x=Fixed(np.array([-np.inf, -0.0, np.inf, np.nan])))
case("F.log_softmax(x * 1e4, 0)", x=(5,))
case("F.softmax(x, 0)", x=Fixed(np.array([-np.inf, 0.0, 1.0, -np.inf])))
case("F.relu(x)", x=Fixed(np.array([np.nan, -0.0, -3.0])))
case("F.binary_cross_entropy(T.sigmoid(x * 1e3), y)", x=(4,), y=Fixed(np.array([0.0, 1.0, 0.0, 1.0])))
case("F.binary_cross_entropy_with_logits(x * 1e3, y)", x=(4,), y=Fixed(np.array([0.0, 1.0, 0.0, 1.0])))
case("F.max_pool2d(x, 3, 2, 1, return_indices=True)[1]", x=Fixed(np.full((1, 1, 5, 5), -np.inf)))
case("F.max_pool2d(x, 3, 2, 1, return_indices=True)[1]", x=Fixed(np.zeros((1, 1, 5, 5))))
case("F.max_pool2d(x, 2)", x=Fixed(np.array([[[np.nan, 1.0, 2.0, 3.0], [0.0, 5.0, np.nan, 9.0]]])))
case("F.max_pool2d(x, 2, return_indices=True)[1]", x=Fixed(np.arange(16).reshape(1, 4, 4) % 7))
case("F.cosine_similarity(x, y)", x=Fixed(np.zeros((2, 3))), y=(2, 3))
case("F.normalize(x)", x=Fixed(np.zeros((2, 3))))
case("F.batch_norm(x, None, None, w, training=True)", x=Fixed(np.full((3, 2), 7.0)), w=(2,))
case("F.layer_norm(x, (3,), w)", x=Fixed(np.full((2, 3), 7.0)), w=(3,))
case(
    "F.linear_cross_entropy(x, w, y, linear_bias=b, label_smoothing=0.1)",
    x=(5, 4),
    w=(3, 4),
    b=(3,),
    y=np.arange(5) % 3,
)
