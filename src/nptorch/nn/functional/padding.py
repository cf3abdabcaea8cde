"""Padding of the last dimensions."""

from __future__ import annotations

from typing import Any

from nptorch.nn.functional.arguments import check_tensors
from nptorch.ops.join import cat, flip
from nptorch.ops.registry import op
from nptorch.ops.shape import narrow, slice_op
from nptorch.tensor import Tensor

pad_op = op(
    "constant_pad",
    lambda xp, x, *, widths, value: xp.pad(x, widths, constant_values=value),
    lambda g, x_shape, *, widths: slice_op(
        g, index=tuple(slice(a, a + n) for (a, _), n in zip(widths, x_shape, strict=True))
    ),
    label="ConstantPadNdBackward0",
)


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Padding as (left, right) of the last dimension, then of the one before, and so on; negative widths crop
    (https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html).

    Raises: RuntimeError for an odd number of widths or a width that the mode cannot fill.
    """
    check_tensors("pad", input=input)
    sides = [int(p) for p in pad]
    n = input._array.ndim
    if len(sides) % 2 or len(sides) // 2 > n:
        raise RuntimeError(
            f"Padding length must be divisible by 2 and at most twice the number of dimensions ({n}), got {sides}"
        )
    if mode not in ("constant", *_EDGES):
        raise NotImplementedError(
            f"Unrecognised padding mode {mode!r}; expected constant, reflect, replicate or circular"
        )
    if mode in ("constant", "circular"):  # the others mirror and repeat what is cropped afterwards
        input, sides = _crop(input, sides), [max(p, 0) for p in sides]
    if mode == "constant":
        widths = (
            tuple((0, 0) for _ in range(n - len(sides) // 2)) + tuple(zip(sides[::2], sides[1::2], strict=True))[::-1]
        )
        return pad_op(input, widths=widths, value=0 if value is None else value) if any(sides) else input
    for i in range(len(sides) // 2):
        d, (left, right) = n - 1 - i, (max(sides[2 * i], 0), max(sides[2 * i + 1], 0))
        limit = input._array.shape[d] - (mode == "reflect")
        if mode != "replicate" and max(left, right) > limit:
            raise RuntimeError(
                f"Padding size should be less than the corresponding input dimension: {mode} "
                f"padding ({left}, {right}) at dimension {d} of input {list(input._array.shape)}"
            )
        before, after = _EDGES[mode](input, d, left, right)
        input = cat([*before, input, *after], d)
    return _crop(input, sides)


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


def _reflect(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [flip(narrow(x, d, 1, left), d)] * (left > 0), [flip(narrow(x, d, n - 1 - right, right), d)] * (right > 0)


def _replicate(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [narrow(x, d, 0, 1)] * left, [narrow(x, d, n - 1, 1)] * right


def _circular(x: Tensor, d: int, left: int, right: int) -> Any:
    n = x._array.shape[d]
    return [narrow(x, d, n - left, left)] * (left > 0), [narrow(x, d, 0, right)] * (right > 0)


_EDGES = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


__all__ = ["pad"]
