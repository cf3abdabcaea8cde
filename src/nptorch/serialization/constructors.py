"""What a checkpoint may call, each call checked: nothing here allocates more than the file holds or reaches other code."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial
from reprlib import repr as short
from typing import Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.errors import CheckpointError
from nptorch.nn.module import Module
from nptorch.nn.parameter import Parameter
from nptorch.ops.signatures import FUNCTIONS
from nptorch.serialization.names import CALLS, NAMES, constructor
from nptorch.serialization.storage import Storage, view
from nptorch.size import Size
from nptorch.tensor import Tensor, from_array

MAX_KEY = 10_000


def check_key(key: Any) -> None:
    """Raises: CheckpointError for a key that would take too long to hash."""
    # Hashing a tuple walks every path to its leaves: sixty nested pairs that share their halves would take years.
    todo, steps = [key], 0
    while todo:
        item = todo.pop()
        steps += 1
        if steps > MAX_KEY:
            raise CheckpointError(f"a dictionary key or set element has more than {MAX_KEY} parts")
        if isinstance(item, tuple | frozenset):
            todo.extend(item)


# --- tensors ---


@constructor("torch._utils", "_rebuild_tensor")
def rebuild_tensor(storage: Storage, offset: int, size: Any, stride: Any) -> Tensor:
    """A tensor of PyTorch before 0.4."""
    return rebuild_tensor_v2(storage, offset, size, stride, False, None)


@constructor("torch._utils", "_rebuild_tensor_v2")
def rebuild_tensor_v2(
    storage: Storage,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor that looks at the elements of a typed storage."""
    made = from_array(view(storage.values(storage.kind.stored), offset, size, stride))
    made.requires_grad = requires_grad
    return made


@constructor("torch._utils", "_rebuild_tensor_v3")
def rebuild_tensor_v3(
    storage: Storage,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor that looks at the elements of an untyped storage as `dtype`."""
    made = from_array(view(storage.values(dtypes.parse(dtype).numpy), offset, size, stride))
    made.requires_grad = requires_grad
    return made


@constructor("torch._utils", "_rebuild_parameter")
def rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Parameter:
    """A Parameter around a tensor."""
    return Parameter(data, bool(requires_grad))


@constructor("torch._utils", "_rebuild_parameter_with_state")
def rebuild_parameter_with_state(data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Parameter:
    """A Parameter with attributes of its own."""
    return _with_attributes(Parameter(data, bool(requires_grad)), state)


@constructor("torch._tensor", "_rebuild_from_type_v2")
def rebuild_from_type_v2(function: Any, kind: Any, arguments: Any, state: Any) -> Tensor:
    """A tensor with attributes of its own, or of a subclass."""
    if not callable(function) or function not in CALLS or not isinstance(kind, type) or not issubclass(kind, Tensor):
        raise CheckpointError(f"refused: a tensor is to be made by {short(function)} as {short(kind)}")
    made = CALLS[function](*arguments)
    if kind is not Tensor and type(made) is Tensor:
        made = from_array(made._array, kind)
    return _with_attributes(made, state)


def _with_attributes(made: Any, state: Any) -> Any:
    if not isinstance(made, Tensor) or not isinstance(state, dict):
        raise CheckpointError(f"a tensor's attributes are no dictionary but {type(state).__name__}")
    made.__dict__.update(state)
    return made


@constructor("torch", "Size", Size)
def _size(lengths: Any) -> Size:
    if not all(type(n) is int for n in lengths):
        raise CheckpointError(f"a Size of {short(lengths)}")
    return Size(lengths)


@constructor("torch", "device", devices.device)
def _device(kind: str, index: int | None = None) -> devices.device:
    return devices.device(kind, index)


class _Functions:
    """Stands for the class whose methods torch.relu and its like are."""


NAMES["torch._C", "_VariableFunctionsClass"] = _Functions


@constructor("builtins", "getattr")
def _torch_function(owner: Any, name: str) -> Any:
    if owner is not _Functions or name not in FUNCTIONS:
        raise CheckpointError(
            f"refused: the file asks for attribute {short(name)} of {short(owner)}, which could run anything"
        )
    return FUNCTIONS[name]


# --- containers and numbers ---


def _collection(kind: Any, hashes: bool) -> None:
    def make(values: Any = (), *rest: Any) -> Any:
        # A range would be a few bytes that grow without limit.
        if not isinstance(values, list | tuple | set | frozenset | dict):
            raise CheckpointError(f"a {kind.__name__} is to be made of a {type(values).__name__}")
        for value in values if hashes else ():
            check_key(value)
        return kind(values, *rest)

    CALLS[kind] = make


for _kind in (set, frozenset, Counter, list, tuple, deque):
    _collection(_kind, hashes=_kind in (set, frozenset, Counter))


@constructor("collections", "OrderedDict", OrderedDict)
def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    made: OrderedDict[Any, Any] = OrderedDict()
    for key, value in pairs if isinstance(pairs, list) else ():
        check_key(key)
        made[key] = value
    return made


@constructor("collections", "defaultdict", defaultdict)
def _defaultdict(factory: Any = None, *rest: Any) -> defaultdict[Any, Any]:
    if rest or factory not in (None, bool, int, float, complex, str, list, tuple, dict, set):
        raise CheckpointError(f"a defaultdict of {short(factory)}")
    return defaultdict(factory)


@constructor("builtins", "complex", complex)
def _complex(real: float, imag: float) -> complex:
    return complex(real, imag)


@constructor("builtins", "slice", slice)
def _slice(start: Any, stop: Any, step: Any) -> slice:
    return slice(start, stop, step)


@constructor("builtins", "range", range)
def _range(start: int, stop: int, step: int) -> range:
    return range(start, stop, step)


@constructor("builtins", "bytearray", bytearray)
def _bytearray(content: Any = b"", encoding: str = "latin-1") -> bytearray:
    if not isinstance(content, str | bytes):
        raise CheckpointError(f"a bytearray is to be made of a {type(content).__name__}")
    return bytearray(_encode(content, encoding) if isinstance(content, str) else content)


@constructor("builtins", "bytes", bytes)
def _bytes() -> bytes:
    return b""


@constructor("_codecs", "encode")
def _encode(text: str, encoding: str) -> bytes:
    # Any other name would make Python import the module of that codec.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise CheckpointError(f"text is to be encoded as {short(encoding)}; bytes are stored as latin1")
    return text.encode("latin1")


# --- NumPy ---


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


def set_attributes(value: Any, state: Any) -> None:
    """Attributes of a dictionary, such as `_metadata` of a state_dict."""
    if not isinstance(state, dict):
        raise CheckpointError(f"the attributes of a {type(value).__name__} are a {type(state).__name__}")
    vars(value).update(state)


# --- layers that are still to be made, as a network's norm_layer ---


@constructor("functools", "partial", partial)
def _partial(layer: Any) -> partial[Any]:
    if not isinstance(layer, type) or not issubclass(layer, Module):
        raise CheckpointError(f"refused: the file wants functools.partial of {short(layer)}, which is no Module")
    return partial(layer)


def set_partial(made: partial[Any], state: Any) -> None:
    """Give the partial its arguments; nothing is called.

    Raises: CheckpointError unless they are for the same layer.
    """
    layer, arguments, keywords, attributes = state if isinstance(state, tuple) and len(state) == 4 else (None,) * 4
    if layer is not made.func or type(arguments) is not tuple or type(keywords) is not dict or attributes:
        raise CheckpointError(f"refused: the file wants functools.partial in the state {short(state)}")
    made.__setstate__((layer, arguments, keywords, None))  # type: ignore[attr-defined]


# What may follow the making of an object, by its type.
BUILDS: dict[type, Any] = {
    np.ndarray: set_array,
    OrderedDict: set_attributes,
    partial: set_partial,
    Counter: set_attributes,
    **dict.fromkeys({type(np.dtype(code)) for code in "?bhilqBHILQefdgFDGSU"}, set_dtype),
}
