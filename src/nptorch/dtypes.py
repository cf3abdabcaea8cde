"""Element types and the one promotion rule.

Source: https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nptorch import naming

BOOL, INT, FLOAT, COMPLEX = range(4)


class dtype:
    """The type of a tensor's elements; one object per type, compared by identity."""

    __slots__ = ("category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy")

    def __init__(self, name: str, numpy: Any, category: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.category = category
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX
        self.is_signed = category > BOOL and self.numpy.kind != "u"
        self.itemsize = self.numpy.itemsize

    def __repr__(self) -> str:
        return f"{naming.package()}.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _by_name, (self.name,)

    @property
    def to_real(self) -> dtype:
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex type whose parts are of this type."""
        return {"float64": complex128, "complex128": complex128}.get(self.name, complex64)


class _Bfloat16(dtype):
    """The upper half of a float32: scripts name it, but NumPy has no such type, so no tensor is of it."""

    __slots__ = ()

    def __init__(self) -> None:
        self.name, self.category, self.itemsize = "bfloat16", FLOAT, 2
        self.is_floating_point, self.is_complex, self.is_signed = True, False, True

    @property
    def numpy(self) -> Any:
        """There is none.

        Raises: TypeError that says what to use instead.
        """
        raise TypeError("bfloat16 tensors are not supported here, since NumPy has no such type; use float32 or float16")


bool_ = dtype("bool", np.bool_, BOOL)
uint8 = dtype("uint8", np.uint8, INT)
uint16 = dtype("uint16", np.uint16, INT)
uint32 = dtype("uint32", np.uint32, INT)
uint64 = dtype("uint64", np.uint64, INT)
int8 = dtype("int8", np.int8, INT)
int16 = dtype("int16", np.int16, INT)
int32 = dtype("int32", np.int32, INT)
int64 = dtype("int64", np.int64, INT)
float16 = dtype("float16", np.float16, FLOAT)
float32 = dtype("float32", np.float32, FLOAT)
float64 = dtype("float64", np.float64, FLOAT)
complex64 = dtype("complex64", np.complex64, COMPLEX)
complex128 = dtype("complex128", np.complex128, COMPLEX)
bfloat16 = _Bfloat16()

ALL = (
    bool_,
    uint8,
    uint16,
    uint32,
    uint64,
    int8,
    int16,
    int32,
    int64,
    float16,
    float32,
    float64,
    complex64,
    complex128,
)
ALIASES = {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
_FROM_NUMPY = {d.numpy: d for d in ALL}
_NAMES = {d.name: d for d in (*ALL, bfloat16)}
_FROM_PYTHON: dict[type, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}


def _by_name(name: str) -> dtype:
    return _NAMES[name]


def of(numpy_dtype: Any) -> dtype:
    """The dtype of a NumPy dtype.

    Raises: TypeError for a type that tensors do not have (strings, objects, dates).
    """
    found = _FROM_NUMPY.get(numpy_dtype)
    if found is None:
        native = np.dtype(numpy_dtype).newbyteorder("=")
        found = _FROM_NUMPY.get(native)
    if found is None:
        raise TypeError(
            f"can't convert a NumPy array of dtype {np.dtype(numpy_dtype)} to a tensor; "
            f"the supported types are {', '.join(d.name for d in ALL)}"
        )
    return found


def parse(value: Any) -> dtype:
    """The dtype that an argument means: a dtype, a NumPy dtype, or Python's bool, int, float, complex."""
    if isinstance(value, dtype):
        return value
    if isinstance(value, type) and value in _FROM_PYTHON:
        return _FROM_PYTHON[value]
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return of(np.dtype(value))
    raise TypeError(f"dtype must be a {naming.package()}.dtype such as {float32!r}, not {value!r}")


_default = float32


def get_default_dtype() -> dtype:
    """The floating type of tensors made from Python floats."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Make `d` the type of tensors made from Python floats.

    Raises: TypeError if `d` is not a floating type.
    """
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = of(d.numpy)  # refuses what NumPy lacks


def promote_types(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that both convert to, as PyTorch's table has it."""
    if a is b:
        return a
    if a.category == b.category == INT:
        unsigned = [d for d in (a, b) if d.numpy.kind == "u" and d is not uint8]
        if unsigned:
            raise TypeError(f"promotion of {a.name} and {b.name} is not supported; convert one of them first")
        return of(np.promote_types(a.numpy, b.numpy))
    if a.category < b.category:
        a, b = b, a
    if a.category == FLOAT or b.category < FLOAT:
        return a if a.category != b.category else of(np.promote_types(a.numpy, b.numpy))
    return of(np.promote_types(a.numpy, b.to_complex().numpy if b.is_floating_point else b.numpy))


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether values of one dtype may be put into another without losing their kind: floats are no integers."""
    return from_.category <= to.category


def scalar_dtype(value: bool | int | float | complex) -> dtype:
    """The type that a bare Python number has in a promotion."""
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    return _default if isinstance(value, float) else _default.to_complex()


def result_dtype(dimensioned: Iterable[dtype], zero_dim: Iterable[dtype], numbers: Iterable[dtype]) -> dtype:
    """The type of an operation's result.

    Tensors with dimensions decide; 0-dim tensors, then Python numbers, count only if their category
    (bool < integer < float < complex) is higher.
    """
    result: dtype | None = None
    for group in (dimensioned, zero_dim, numbers):
        best: dtype | None = None
        for d in group:
            best = d if best is None else promote_types(best, d)
        if best is not None and (result is None or best.category > result.category):
            if result is not None and best.is_complex and result.is_floating_point:
                best = result.to_complex()  # of the tensors' own precision
            result = best
    if result is None:
        raise TypeError("no operand to take a dtype from")
    return result


class finfo:
    """Limits of a floating type: bits, eps, max, min, tiny, resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        d = type or _default
        if not (d.is_floating_point or d.is_complex):
            raise TypeError(f"finfo() needs a floating-point dtype, got {d!r}; use iinfo() for integers")
        info: Any = np.finfo(d.numpy)
        self.dtype, self.bits = d.name, info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer type: bits, max, min."""

    def __init__(self, type: dtype) -> None:
        if type.category != INT:
            raise TypeError(f"iinfo() needs an integer dtype, got {type!r}; use finfo() for floats")
        info: Any = np.iinfo(type.numpy)
        self.dtype, self.bits, self.max, self.min = type.name, info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
