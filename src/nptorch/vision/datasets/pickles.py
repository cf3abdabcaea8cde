"""Reading the pickles that data sets come in without running anything they name."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from nptorch.errors import DataError
from nptorch.vision.datasets.download import REFETCH

_NUMBERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f4", "f8", "b1"}


def load_plain(path: str | os.PathLike[str]) -> Any:
    """Read a pickle of lists, tuples, numbers, text and bytes, or a dictionary of these and numeric NumPy arrays.

    Pickles of Python 2 are read, too: their strings become str by Latin-1.

    Nothing that the file names is imported or called: stand-ins collect what an array is made of.

    Raises: DataError if the file cannot be read, is damaged or names anything else.
    """
    try:
        with open(path, "rb") as stream:
            return _arrays(_Unpickler(stream, encoding="latin1").load())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except _Refused as error:
        raise DataError(f"{path} was not loaded: {error}") from error
    # A damaged pickle can stumble over anything.
    except (pickle.UnpicklingError, EOFError, ArithmeticError, AttributeError, LookupError, MemoryError, TypeError,
            ValueError, RecursionError) as error:  # fmt: skip
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error}); {REFETCH}") from error


class _Refused(Exception):
    pass


class _DType:
    """Stands in for a dtype while unpickling."""

    def __init__(self, code: str, align: Any = False, copy: Any = False) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        if self.code not in _NUMBERS or self.order not in ("<", ">", "=", "|"):
            raise _Refused(f"it holds an array of dtype {self.code!r}, and only numbers are read")
        return np.dtype(self.order + self.code)


class _Array:
    """Stands in for an array while unpickling."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.fortran, self.raw = state

    def numpy(self) -> np.ndarray[Any, Any]:
        raw = self.raw.encode("latin1") if isinstance(self.raw, str) else self.raw
        return np.frombuffer(raw, self.dtype.numpy()).reshape(self.shape, order="F" if self.fortran else "C")


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", raw))
    return array


def _encode(text: str, encoding: str) -> bytes:
    return text.encode(encoding) if encoding in ("latin1", "latin-1") else b""


# The names under which Python 2 and 3, NumPy 1 and 2 write an array.
_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _Refused(
                f"it asks for {module}.{name}, which no data set needs; do not trust where it came from"
            ) from None


def _arrays(value: Any) -> Any:
    """The stand-ins replaced by arrays; no deeper than a dictionary's values, since nesting can be made endless."""
    if isinstance(value, dict):
        return {key: item.numpy() if isinstance(item, _Array) else item for key, item in value.items()}
    return value.numpy() if isinstance(value, _Array) else value
