"""Views as copies (`view_copy`, ...), copies with a part replaced (`select_scatter`, ...), and the split family."""

from __future__ import annotations

from typing import Any

from nptorch.ops import parts, shape, strides
from nptorch.ops.index import copy_
from nptorch.ops.signatures import FUNCTIONS, METHODS, axis, function, named
from nptorch.tensor import Tensor

# --- views as copies ---

_COPIED = {
    "alias": lambda input: input,
    "as_strided": strides.as_strided,
    "diagonal": shape.diagonal,
    "expand": shape.expand,
    "narrow": shape.narrow,
    "permute": shape.permute,
    "squeeze": shape.squeeze,
    "t": shape.t,
    "transpose": shape.transpose,
    "unfold": shape.unfold,
    "unsqueeze": shape.unsqueeze,
    "view": shape.view,
    "unbind": parts.unbind,
    "split_with_sizes": parts.split,
}


def _copying(view: Any) -> Any:
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        found = view(input, *args, **kwargs)
        return shape.clone(found) if isinstance(found, Tensor) else tuple(shape.clone(part) for part in found)

    return call


for _name, _view in _COPIED.items():
    FUNCTIONS[_name + "_copy"] = named(_copying(_view), _name + "_copy", f"{_name}(), as a copy.")
METHODS["narrow_copy"] = FUNCTIONS["narrow_copy"]
for _name, _same in {"unsafe_chunk": parts.chunk, "unsafe_split": parts.split, "split_with_sizes": parts.split}.items():
    FUNCTIONS[_name] = METHODS[_name] = _same


# --- a part replaced ---


def _replaced(input: Tensor, src: Tensor, view: Any, *args: Any) -> Tensor:
    out = shape.clone(input)
    copy_(view(out, *args), src)
    return out


@function()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with `src` in place of one slice of `dim`."""
    return _replaced(input, src, shape.select, dim, index)


@function()
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with `src` on a diagonal."""
    return _replaced(input, src, shape.diagonal, offset, dim1, dim2)


@function()
def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A copy with `src` where as_strided() of these arguments reads."""
    inside = None if storage_offset is None else storage_offset - strides.storage_offset(input)
    return _replaced(input, src, strides.as_strided, size, stride, inside)


@function()
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with `src` in place of input[start:end:step] along `dim`."""
    d = axis("slice_scatter", dim, input._array.ndim)
    return _replaced(input, src, lambda x: x[(slice(None),) * d + (slice(start, end, step),)])


# --- splits along a fixed dimension ---


def _fixed_split(name: str, least: int, dim: int) -> None:
    def call(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input._array.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor with {input._array.ndim} dimensions!"
            )
        d = 0 if input._array.ndim == 1 else dim
        if isinstance(indices_or_sections, int) and (
            indices_or_sections < 1 or input._array.shape[d] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {d}, but the size of the dimension {input._array.shape[d]} "
                f"is not divisible by the split_size {indices_or_sections}!"
            )
        return parts.tensor_split(input, indices_or_sections, d)

    FUNCTIONS[name] = METHODS[name] = named(
        call, name, f"tensor_split() along dimension {dim} (hsplit: of a vector, 0)."
    )


_fixed_split("hsplit", 1, 1)
_fixed_split("vsplit", 2, 0)
_fixed_split("dsplit", 3, 2)
