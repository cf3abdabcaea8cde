"""Dtype rules of the operations: a rule takes the inputs' arrays and returns them in the type to compute in. And shapes that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch import dtypes

Array = np.ndarray[Any, Any]
Rule = Callable[[Sequence[Any]], Sequence[Any]]


def common(inputs: Sequence[Any]) -> Sequence[Any]:
    """PyTorch's promotion: tensors with dimensions decide, then 0-dim tensors, then Python numbers."""
    first = inputs[0]
    if first.__class__ is np.ndarray:
        kind = first.dtype.kind
        for other in inputs[1:]:
            if other.__class__ is np.ndarray:
                if other.dtype is not first.dtype:
                    break
            elif other.__class__ not in _WEAK[kind] and not (
                kind == "i" and other.__class__ is int and -128 <= other < 128
            ):
                break
        else:
            return inputs  # NumPy treats a bare number as weak too
    return cast(inputs, result_type(inputs))


def result_type(inputs: Sequence[Any]) -> dtypes.dtype:
    """The type that `common` converts to."""
    dimensioned: list[dtypes.dtype] = []
    zero_dim: list[dtypes.dtype] = []
    numbers: list[dtypes.dtype] = []
    for x in inputs:
        if isinstance(x, np.ndarray):
            (dimensioned if x.ndim else zero_dim).append(dtypes.of(x.dtype))
        elif x is not None:
            numbers.append(dtypes.scalar_dtype(x))
    return dtypes.result_dtype(dimensioned, zero_dim, numbers)


# Numbers that NumPy may combine with an array of a kind without changing the type; integers can overflow unless every
# type holds them, so others are cast.
_WEAK: dict[str, tuple[type, ...]] = {
    "f": (float, int, bool, type(None)),
    "c": (complex, float, int, bool, type(None)),
    "i": (),
    "u": (),
    "b": (),
}


def cast(inputs: Sequence[Any], to: dtypes.dtype) -> list[Any]:
    """The inputs as arrays of one dtype; None stays None."""
    target = to.numpy
    result: list[Any] = []
    for x in inputs:
        if isinstance(x, np.ndarray):
            result.append(x if x.dtype == target else x.astype(target))
        elif x is None:
            result.append(None)
        else:
            result.append(number(x, target))
    return result


def number(x: Any, target: np.dtype[Any]) -> Array:
    """A Python number as a 0-dim array; integers wrap around as in C."""
    if isinstance(x, int) and target.kind in "iu":
        bits = 8 * target.itemsize
        x &= (1 << bits) - 1
        if target.kind == "i" and x >> (bits - 1):
            x -= 1 << bits
    return (
        np.asarray(x, target) if not (isinstance(x, complex) and target.kind != "c") else np.asarray(x).astype(target)
    )


def to_float(inputs: Sequence[Any]) -> Sequence[Any]:
    """As `common`; integers and bools become the default floating type (exp, /, mean)."""
    inputs = common(inputs)
    first = inputs[0]
    if isinstance(first, np.ndarray) and first.dtype.kind in "fc":
        return inputs
    return cast(inputs, dtypes.get_default_dtype())


def same(name: str) -> Rule:
    """All inputs of one dtype, of any kind, as layers and matrix products want them: nothing is converted."""

    def rule(inputs: Sequence[Any]) -> Sequence[Any]:
        first = inputs[0].dtype
        for x in inputs[1:]:
            if x is not None and x.dtype is not first and x.dtype != first:
                found = ", ".join(repr(dtypes.of(i.dtype)) for i in inputs if i is not None)
                raise RuntimeError(
                    f"{name}(): expected all inputs to have the same dtype, but got {found}; convert with .to(dtype)"
                )
        return inputs

    return rule


def float_only(name: str) -> Rule:
    """All inputs of one floating type: nothing is converted, a mixture is an error."""
    check = same(name)

    def rule(inputs: Sequence[Any]) -> Sequence[Any]:
        first = inputs[0].dtype
        if first.kind not in "fc":
            raise RuntimeError(
                f"{name}(): expected a floating-point input, got {dtypes.of(first)!r}; convert it with .float()"
            )
        return check(inputs)

    return rule


# --- shapes ---


def broadcast_error(arrays: Sequence[Any]) -> Exception:
    """PyTorch's words for shapes that do not broadcast: the last dimension at which two of them differ."""
    shapes = [x.shape for x in arrays if isinstance(x, np.ndarray)]
    for back in range(1, max(map(len, shapes)) + 1):
        lengths = [s[-back] for s in shapes if len(s) >= back and s[-back] != 1]
        for other in lengths[1:]:
            if other != lengths[0]:
                return RuntimeError(
                    f"The size of tensor a ({lengths[0]}) must match the size of tensor b ({other}) at non-singleton dimension "
                    f"{max(map(len, shapes)) - back}; the shapes are {' and '.join(str(list(s)) for s in shapes)}"
                )
    return RuntimeError(f"the shapes {' and '.join(str(list(s)) for s in shapes)} do not broadcast")
