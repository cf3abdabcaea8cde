"""Padding of the last dimensions."""

from __future__ import annotations

from typing import Any

from nptorch.nn.functional.arguments import check_tensors
from nptorch.ops.registry import op
from nptorch.ops.shape import clone_op, narrow, slice_op
from nptorch.tensor import Tensor

Widths = tuple[tuple[int, int], ...]  # before and after, for each dimension


def _inside(shape: Any, widths: Widths) -> tuple[slice, ...]:
    """Where an array of this shape lies in its frame."""
    return tuple([slice(a, a + n) for n, (a, _) in zip(shape, widths, strict=True)])


def _constant_pad(xp: Any, x: Any, *, widths: Widths, value: Any) -> Any:
    out = xp.full([n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)], value, x.dtype)
    out[_inside(x.shape, widths)] = x
    return out


pad_op = op(
    "constant_pad",
    _constant_pad,
    lambda g, x_shape, *, widths: slice_op(g, index=_inside(x_shape, widths)),
    label="ConstantPadNdBackward0",
)


# Where in n elements the element comes from that a frame shows at place k, before 0 or after n - 1.
_ORIGINS: dict[str, Any] = {
    "reflect": lambda k, n: n - 1 - abs(n - 1 - abs(k)),
    "replicate": lambda k, n: min(max(k, 0), n - 1),
    "circular": lambda k, n: k % n,
}


def _frame(xp: Any, x: Any, *, widths: Widths, mode: str) -> Any:
    for axis, (n, (left, right)) in enumerate(zip(x.shape, widths, strict=True)):
        if left or right:
            x = x.take([_ORIGINS[mode](k, n) for k in range(-left, n + right)], axis)
    return x


def _unframe(xp: Any, g: Any, *, shape: Any, widths: Widths, mode: str) -> Any:
    """What lies inside, with each number of the frame added where it comes from."""
    for axis, (n, (left, right)) in enumerate(zip(shape, widths, strict=True)):
        if left or right:
            lines = xp.moveaxis(g, axis, 0)
            g = g[(slice(None),) * axis + (slice(left, left + n),)].copy()
            inside = xp.moveaxis(g, axis, 0)
            for k in (*range(-left, 0), *range(n, n + right)):
                inside[_ORIGINS[mode](k, n)] += lines[left + k]
    return g


frame = op("frame", _frame, lambda g, x_shape, **how: frame_backward(g, shape=x_shape, **how))
frame_backward = op("frame_backward", _unframe, lambda g, *, widths, mode: frame(g, widths=widths, mode=mode))


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Padding as (left, right) of the last dimension, then of the one before, and so on; negative widths crop
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html).

    Raises: RuntimeError for an odd number of widths or a width that the mode cannot fill, NotImplementedError for a mode
    that is unknown or not for inputs of so many dimensions.
    """
    check_tensors("pad", input=input)
    sides = [int(p) for p in pad]
    n = input._array.ndim
    if len(sides) % 2 or (mode == "constant" and len(sides) // 2 > n):
        raise RuntimeError(
            f"Padding length must be divisible by 2 and at most twice the number of dimensions ({n}), got {sides}"
        )
    if mode not in ("constant", *_ORIGINS):
        raise NotImplementedError(
            f"Unrecognised padding mode {mode!r}; expected constant, reflect, replicate or circular"
        )
    if mode != "constant" and n - len(sides) // 2 not in (1, 2):
        raise NotImplementedError(
            f"Padding size {len(sides)} is not supported for {n}D input tensor: {mode} padding of 1, 2 or 3 dimensions takes "
            "an input with channels, and a batch if you like"
        )
    if mode in ("constant", "circular"):  # the others mirror and repeat what is cropped afterwards
        input, sides = _crop(input, sides), [max(p, 0) for p in sides]
    wanted = [max(p, 0) for p in sides]
    widths = ((0, 0),) * (n - len(sides) // 2) + tuple(zip(wanted[::2], wanted[1::2], strict=True))[::-1]
    if mode == "constant":
        return pad_op(input, widths=widths, value=0 if value is None else value) if any(sides) else input
    if not any(wanted):
        return _crop(clone_op(input), sides)
    for d, (left, right) in enumerate(widths):
        limit = input._array.shape[d] - (mode == "reflect")
        if max(left, right) > max(limit, 0) and (mode != "replicate" or not limit):
            raise RuntimeError(
                f"Padding size should be less than the corresponding input dimension: {mode} "
                f"padding ({left}, {right}) at dimension {d} of input {list(input._array.shape)}"
            )
    return _crop(frame(input, widths=widths, mode=mode), sides)


def _crop(x: Tensor, sides: list[int]) -> Tensor:
    """Without what the negative widths take away."""
    for i in range(len(sides) // 2):
        d, (left, right) = x._array.ndim - 1 - i, sides[2 * i : 2 * i + 2]
        length = x._array.shape[d] + min(left, 0) + min(right, 0)
        if length < 0:
            raise RuntimeError(
                f"The input size {x._array.shape[d]}, plus negative padding {left} and {right}, resulted in a negative "
                "output size"
            )
        if left < 0 or right < 0:
            x = narrow(x, d, max(-left, 0), length)
    return x


__all__ = ["pad"]
