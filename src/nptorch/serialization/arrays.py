"""NumPy's arrays, numbers and dtypes that a file may make of stored bytes, each call checked."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any

import numpy as np

from nptorch.errors import CheckpointError
from nptorch.serialization.names import BUILDS, constructor


@constructor("numpy", "dtype", np.dtype)
def _numpy_dtype(code: str, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    kind, width = code[:1], code[1:]
    if kind not in "biufcSU" or not width.isdecimal():
        raise CheckpointError(f"refused: a NumPy array of dtype {short(code)}; only numbers and text are loaded")
    return np.dtype(code, copy=True)


@constructor("numpy._core.multiarray", "scalar")
def _numpy_scalar(dtype: Any, content: Any = None) -> Any:
    return _numpy_array(dtype, content, ())[()]


constructor("numpy.core.multiarray", "scalar")(_numpy_scalar)


def _numpy_array(dtype: Any, content: Any, shape: Any) -> np.ndarray[Any, Any]:
    if not isinstance(dtype, np.dtype) or not isinstance(content, bytes | bytearray):
        raise CheckpointError(f"refused: NumPy data of dtype {short(dtype)} in a {type(content).__name__}")
    if any(type(n) is not int or n < 0 for n in shape):
        raise CheckpointError(f"a NumPy array of shape {short(shape)}")
    return np.frombuffer(content, dtype).reshape(shape)


@constructor("numpy", "ndarray", np.ndarray)
def _no_array(*arguments: Any) -> None:
    raise CheckpointError("refused: a NumPy array that is not made of stored bytes")


@constructor("numpy._core.multiarray", "_reconstruct")
def _reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    if kind is not np.ndarray:
        raise CheckpointError(f"refused: a NumPy array of the kind {short(kind)}")
    return np.empty(0, np.uint8)


constructor("numpy.core.multiarray", "_reconstruct")(_reconstruct)


@constructor("numpy._core.numeric", "_frombuffer")
def _from_buffer(content: Any, dtype: Any, shape: Any, order: str) -> np.ndarray[Any, Any]:
    return _numpy_array(dtype, content, shape[::-1]).T if order == "F" else _numpy_array(dtype, content, shape)


constructor("numpy.core.numeric", "_frombuffer")(_from_buffer)


def set_array(array: np.ndarray[Any, Any], state: Any) -> None:
    """The second half of a pickled array: (version, shape, dtype, in Fortran order, bytes)."""
    _, shape, dtype, fortran, content = state
    _numpy_array(dtype, content, shape)  # checks what __setstate__ would believe
    array.__setstate__((1, shape, dtype, bool(fortran), bytes(content)))  # type: ignore[arg-type]


def set_dtype(dtype: np.dtype[Any], state: Any) -> None:
    """The second half of a pickled dtype: byte order, and the width of text."""
    _, order, subarray, names, fields, size, _, flags = state
    plain = (subarray, names, fields, flags) == (None, None, None, dtype.flags)
    if order not in ("<", ">", "|", "=") or not plain or size not in (-1, dtype.itemsize):
        raise CheckpointError(f"refused: a NumPy dtype with the state {short(state)}")
    dtype.__setstate__(state)  # type: ignore[attr-defined]


BUILDS[np.ndarray] = set_array
BUILDS.update(dict.fromkeys({type(np.dtype(code)) for code in "?bhilqBHILQefdgFDGSU"}, set_dtype))
