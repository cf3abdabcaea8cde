"""Linear maps and convolutions."""

from __future__ import annotations

import math
from typing import Any

from nptorch.nn.functional.arguments import check_tensors, ntuple, remembered
from nptorch.nn.functional.padding import pad
from nptorch.ops.conv import conv2d as conv2d_op
from nptorch.ops.conv import conv2d_input, out_length
from nptorch.ops.create import eye
from nptorch.ops.einsum import einsum
from nptorch.ops.join import stack
from nptorch.ops.linear import linear as linear_op
from nptorch.ops.shape import permute_op, reshape, squeeze_op, unsqueeze_op
from nptorch.ops.signatures import function, shown_as
from nptorch.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias: (..., in) with a weight (out, in) -> (..., out); a weight (in) gives (...).

    Raises: RuntimeError if the features do not match the weight, or the bias its outputs.
    """
    check_tensors("linear", input=input, weight=weight)
    shape, wanted = input._array.shape, weight._array.shape
    if len(wanted) == 1:
        y = squeeze_op(linear(input, unsqueeze_op(weight, dim=0)), dims=(max(len(shape) - 1, 0),))
        return y if bias is None else y + bias
    if not shape or shape[-1] != wanted[-1]:
        rows = input._array.size // shape[-1] if shape and shape[-1] else 0
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{shape[-1] if shape else 0} and "
            f"{wanted[-1]}x{wanted[0]}): linear() got an input of shape {list(shape)} for a weight of shape "
            f"{list(wanted)}, which takes {wanted[-1]} features"
        )
    if bias is not None and bias._array.shape != wanted[:1]:
        raise RuntimeError(
            f"linear(): a weight of shape {list(wanted)} needs a bias of shape {list(wanted[:1])}, "
            f"got {list(bias._array.shape)}"
        )
    return linear_op(input, weight, bias)


@function(method=False)
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1 weight x2 + bias for each output: (..., in1), (..., in2) with a weight (out, in1, in2) -> (..., out).

    Raises: RuntimeError if the features do not match the weight.
    """
    for name, x, n in (("input1", input1, weight._array.shape[1]), ("input2", input2, weight._array.shape[2])):
        if x._array.shape[-1] != n:
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {x._array.shape[-1]} but expected {n}"
            )
    y = einsum("...i,oij,...j->...o", input1, weight, input2)
    return y if bias is None else y + bias


def geometry(
    name: str, n: int, input: Tensor, weight: Tensor, stride: Any, padding: Any, dilation: Any
) -> tuple[Tensor, tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]:
    """(batched input, stride, padding, dilation, whether a batch dimension was added), checked, for n dimensions."""
    check_tensors(name, input=input, weight=weight)
    s, p, d, sides, single = _settings(name, n, input._array.shape, weight._array.shape, stride, padding, dilation)
    x = unsqueeze_op(input, dim=0) if single else input
    return pad(x, sides) if sides else x, s, p, d, single


@remembered
def _settings(
    name: str, n: int, shape: tuple[int, ...], w: tuple[int, ...], stride: Any, padding: Any, dilation: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]:
    """(stride, padding, dilation, what to pad the input with beforehand, whether it has no batch dimension)."""
    if len(shape) not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: {list(shape)}"
        )
    if len(w) != n + 2:
        raise RuntimeError(
            f"{name}(): expected a {n + 2}D weight for {n} dimensions of space, got a weight of size {list(w)}"
        )
    strides, dilations = ntuple(stride, n, f"{name}() stride"), ntuple(dilation, n, f"{name}() dilation")
    for label, values in (("stride", strides), ("dilation", dilations)):
        if any(v <= 0 for v in values):
            raise RuntimeError(f"{name}(): {label} should be greater than zero, got {list(values)}")
    sides: tuple[int, ...] = ()
    if isinstance(padding, str):
        pads, sides = _named_padding(name, w[2:], strides, padding, dilations)
    else:
        pads = ntuple(padding, n, f"{name}() padding")
        if any(v < 0 for v in pads):
            raise RuntimeError(f"negative padding is not supported: {list(pads)}")
    return strides, pads, dilations, sides, len(shape) == n + 1


def _named_padding(
    name: str, kernel: Any, stride: tuple[int, ...], padding: str, dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(padding, what to pad the input with beforehand)."""
    if padding == "valid":
        return (0,) * len(kernel), ()
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: {padding!r}; expected 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise RuntimeError(
            f"padding='same' is not supported for strided convolutions; {name}() got stride {list(stride)}"
        )
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if all(t % 2 == 0 for t in total):
        return tuple(t // 2 for t in total), ()
    # An odd total puts the one more at the end.
    return (0,) * len(kernel), tuple(side for t in reversed(total) for side in (t // 2, t - t // 2))


def out_lengths(
    name: str, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, s: Any, p: Any, d: Any
) -> tuple[int, ...]:
    """The lengths of what a convolution gives; Raises: RuntimeError if channels, groups, bias or sizes do not fit."""
    b = None if bias is None else bias._array.shape
    return _out_lengths(name, x._array.shape, weight._array.shape, b, groups, s, p, d)


@remembered
def _out_lengths(
    name: str,
    shape: tuple[int, ...],
    w: tuple[int, ...],
    bias: tuple[int, ...] | None,
    groups: int,
    s: Any,
    p: Any,
    d: Any,
) -> tuple[int, ...]:
    if groups <= 0:
        raise RuntimeError(f"{name}(): groups should be greater than zero, got {groups}")
    if shape[1] != w[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(w)}, expected input{list(shape)} to have "
            f"{w[1] * groups} channels, but got {shape[1]} channels instead"
        )
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got a weight of "
            f"size {list(w)}"
        )
    if bias is not None and bias != (w[0],):
        raise RuntimeError(
            f"Given weight of size {list(w)}, expected bias to be 1-dimensional with {w[0]} elements, but got bias of "
            f"size {list(bias)} instead"
        )
    lengths = tuple(out_length(*of_one) for of_one in zip(shape[2:], w[2:], s, p, d, strict=True))
    if any(n <= 0 for n in lengths):
        padded = " x ".join(str(n + 2 * a) for n, a in zip(shape[2:], p, strict=True))
        kernel = " x ".join(map(str, w[2:]))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({padded}). Kernel size: ({kernel}). Kernel size can't be "
            "greater than actual input size"
        )
    return lengths


@function(method=False)
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution: (N, C, H, W) with a weight (O, C/groups, kH, kW) -> (N, O, oH, oW); padding is a number, a pair,
    'valid' or 'same'
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html).

    Raises: RuntimeError if channels, groups or sizes do not fit.
    """
    x, s, p, d, single = geometry("conv2d", 2, input, weight, stride, padding, dilation)
    out_lengths("conv2d", x, weight, bias, groups, s, p, d)
    y = conv2d_op(x, weight, bias, stride=s, padding=p, dilation=d, groups=groups)
    return squeeze_op(y, dims=(0,)) if single else y


@function(method=False)
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution along one dimension: (N, C, L) with a weight (O, C/groups, k) -> (N, O, oL).

    Raises: RuntimeError if channels, groups or sizes do not fit.
    """
    x, s, p, d, single = geometry("conv1d", 1, input, weight, stride, padding, dilation)
    out_lengths("conv1d", x, weight, bias, groups, s, p, d)
    x, w = unsqueeze_op(x, dim=2), unsqueeze_op(weight, dim=2)
    y = squeeze_op(conv2d_op(x, w, bias, stride=(1, *s), padding=(0, *p), dilation=(1, *d), groups=groups), dims=(2,))
    return squeeze_op(y, dims=(0,)) if single else y


@function(method=False)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d() of (T, N, C) with a weight (k, C, O) -> (oT, N, O)."""
    x, w = permute_op(input, dims=(1, 2, 0)), permute_op(weight, dims=(2, 1, 0))
    return permute_op(conv1d(x, w, bias, padding=pad), dims=(2, 0, 1))


def check_transposed(
    name: str, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, extra: Any, s: Any, d: Any
) -> None:
    """Raises: RuntimeError if channels, groups, bias or output padding `extra` of an adjoint convolution do not fit."""
    c, w = x._array.shape[1], weight._array.shape
    if c != w[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(w)}, expected input{list(x._array.shape)} to have {w[0]} "
            f"channels, but got {c} channels instead"
        )
    if groups <= 0 or c % groups:
        raise RuntimeError(f"{name}(): the {c} input channels must be divisible by groups, got {groups}")
    if bias is not None and bias._array.shape != (w[1] * groups,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(w)}, expected bias to be 1-dimensional with {w[1] * groups} "
            f"elements, but got bias of size {list(bias._array.shape)} instead"
        )
    if any(e >= max(a, b) for e, a, b in zip(extra, s, d, strict=True)):
        raise RuntimeError(
            "output padding must be smaller than either stride or dilation, but got output_padding "
            f"{list(extra)}, stride {list(s)}, dilation {list(d)}"
        )


@function(method=False)
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of conv2d: (N, C, H, W) with a weight (C, O/groups, kH, kW) -> (N, O, oH, oW).

    Raises: RuntimeError if channels or output_padding do not fit.
    """
    x, s, p, d, single = geometry("conv_transpose2d", 2, input, weight, stride, padding, dilation)
    extra = ntuple(output_padding, 2, "conv_transpose2d() output_padding")
    check_transposed("conv_transpose2d", x, weight, bias, groups, extra, s, d)
    (n, _, *lengths), w = x._array.shape, weight._array.shape
    size = [(m - 1) * s[i] - 2 * p[i] + d[i] * (w[2 + i] - 1) + extra[i] + 1 for i, m in enumerate(lengths)]
    if any(more := [e // step for e, step in zip(extra, s, strict=True)]):  # with dilation: whole windows of zeros
        x = pad(x, (0, more[1], 0, more[0]))
    y = conv2d_input(x, weight, shape=(n, w[1] * groups, *size), stride=s, padding=p, dilation=d, groups=groups)
    y = y if bias is None else y + reshape(bias, 1, -1, 1, 1)
    return squeeze_op(y, dims=(0,)) if single else y


@function(method=False)
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of conv1d: (N, C, L) with a weight (C, O/groups, k) -> (N, O, oL)."""
    s, p, e, d = (ntuple(v, 1, "conv_transpose1d")[0] for v in (stride, padding, output_padding, dilation))
    y = conv_transpose2d(
        unsqueeze_op(input, dim=input._array.ndim - 1),
        unsqueeze_op(weight, dim=2),
        bias,
        (1, s),
        (0, p),
        (0, e),
        groups,
        (1, d),
    )
    return squeeze_op(y, dims=(y._array.ndim - 2,))


def _sliding(
    name: str, size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[tuple[int, ...], ...]:
    """(kernel, dilation, padding, stride, windows along each dimension) over an image of `size`, checked."""
    kernel, d, p, s = (ntuple(v, 2, f"{name}()") for v in (kernel_size, dilation, padding, stride))
    out = tuple(out_length(*hp) for hp in zip(size, kernel, s, p, d, strict=True))
    if min(out) <= 0:
        raise RuntimeError(
            f"{name}(): a kernel of {kernel} with dilation {d} does not fit into the size {tuple(size)} with padding "
            f"{p}: calculated shape of the array of sliding blocks as {out}"
        )
    return kernel, d, p, s, out


@shown_as("Im2ColBackward0")
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Sliding windows as columns: (N, C, H, W) -> (N, C * kH * kW, windows)
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html).

    Raises: RuntimeError if no window fits.
    """
    check_tensors("unfold", input=input)
    if input._array.ndim not in (3, 4):
        raise RuntimeError(f"unfold(): expected a 3D or 4D input, got one of size {list(input._array.shape)}")
    *lead, c, h, w = input._array.shape
    kernel, d, p, s, (oh, ow) = _sliding("unfold", (h, w), kernel_size, dilation, padding, stride)
    x = pad(input, (p[1], p[1], p[0], p[0])) if any(p) else input
    rows = [slice(i * d[0], i * d[0] + s[0] * (oh - 1) + 1, s[0]) for i in range(kernel[0])]
    columns = [slice(j * d[1], j * d[1] + s[1] * (ow - 1) + 1, s[1]) for j in range(kernel[1])]
    taps = stack([x[..., i, j] for i in rows for j in columns], -3)
    return reshape(taps, *lead, c * kernel[0] * kernel[1], oh * ow)


@shown_as("Col2ImBackward0")
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The adjoint of unfold(): columns added back into images, (N, C * kH * kW, windows) -> (N, C, H, W).

    Raises: RuntimeError if the columns are not those of such images.
    """
    check_tensors("fold", input=input)
    size = ntuple(output_size, 2, "fold() output_size")
    kernel, d, p, s, (oh, ow) = _sliding("fold", size, kernel_size, dilation, padding, stride)
    if input._array.ndim not in (2, 3):
        raise RuntimeError(f"fold(): expected a 2D or 3D input, got one of size {list(input._array.shape)}")
    *lead, rows, count = input._array.shape
    taps = kernel[0] * kernel[1]
    if rows % taps:
        raise RuntimeError(
            f"fold(): expected the {rows} rows of the input to be divisible by the product of kernel_size {kernel}"
        )
    if count != oh * ow:
        raise RuntimeError(f"fold(): expected {oh} * {ow} = {oh * ow} sliding blocks, got an input with {count}")
    # One-hot kernels put each row of the columns at its tap.
    weight = reshape(eye(taps, dtype=input.dtype), taps, 1, *kernel)
    n, c = math.prod(lead), rows // taps
    g = reshape(input, n * c, taps, oh, ow)
    y = conv2d_input(g, weight, shape=(n * c, 1, *size), stride=s, padding=p, dilation=d, groups=1)
    return reshape(y, *lead, c, *size)


__all__ = [
    "bilinear", "conv1d", "conv2d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "fold",
    "linear", "unfold",
]  # fmt: skip
