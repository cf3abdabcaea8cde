"""New tensors: from data, filled, in sequence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.ops.join import stack
from nptorch.ops.promotion import number
from nptorch.ops.shape import reshape
from nptorch.ops.signatures import function, method, takes_out
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor, from_array


def _filled(size: tuple[int, ...], value: Any, d: np.dtype[Any]) -> Any:
    array = np.empty(size, d)
    array.fill(value)  # np.full and np.ones take twice as long
    return array


def _finish(array: Any, requires_grad: bool) -> Tensor:
    result = from_array(array)
    if requires_grad:
        result.requires_grad = True
    return result


def _options(dtype: Any, device: Any, default: dtypes.dtype | None = None) -> np.dtype[Any]:
    devices.resolve(device)
    return (default or dtypes.get_default_dtype()).numpy if dtype is None else dtypes.parse(dtype).numpy


# --- from data ---


def array_of(data: Any, dtype: Any = None) -> Any:
    """Numbers, nested sequences, arrays and tensors as a new array of the dtype that PyTorch gives them.

    Raises: ValueError for ragged sequences, TypeError for what is no number.
    """
    wanted = None if dtype is None else dtypes.parse(dtype).numpy
    if isinstance(data, Tensor):
        return data._array.astype(wanted or data._array.dtype)
    if isinstance(data, (np.ndarray, np.generic)):
        dtypes.of(data.dtype)
        return np.array(data, dtype=wanted or data.dtype.newbyteorder("="), order="C")
    if isinstance(data, (list, tuple)) and _holds_tensors(data):
        data = _without_tensors(data)
    try:
        found = np.array(data)
    except ValueError:
        raise ValueError(
            f"expected sequences of one length at each depth, got a ragged {type(data).__name__}: {_shorten(data)}"
        ) from None
    except OverflowError:
        raise RuntimeError(f"value cannot be converted to type int64_t without overflow: {_shorten(data)}") from None
    if found.dtype.kind not in "biufc" or found.dtype == np.uint64:
        if found.dtype.kind in "Oui":
            _explain_objects(data, found)
        raise TypeError(f"new(): invalid data type '{_culprit(data)}': tensors hold numbers and bools")
    if wanted is None and not _has_arrays(data):
        kind = found.dtype.kind
        wanted = {
            "f": dtypes.get_default_dtype().numpy,
            "c": dtypes.get_default_dtype().to_complex().numpy,
            "b": np.dtype(bool),
        }.get(kind)
        wanted = wanted or (dtypes.get_default_dtype().numpy if found.size == 0 else np.dtype(np.int64))
    return found if wanted is None else found.astype(wanted, copy=False)


def _explain_objects(data: Any, found: Any) -> None:
    if found.dtype.kind in "ui" or any(isinstance(x, int) and not -(2**63) <= x < 2**63 for x in np.ravel(found)):
        raise RuntimeError(f"value cannot be converted to type int64_t without overflow: {_shorten(data)}")


def _holds_tensors(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, Tensor)


def _has_arrays(data: Any) -> bool:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic))


def _without_tensors(data: Any) -> Any:
    if isinstance(data, Tensor):
        if data._array.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars, got shape {list(data._array.shape)}; join tensors with stack() or cat()"
            )
        return data._array.item()
    return [_without_tensors(x) for x in data] if isinstance(data, (list, tuple)) else data


def _culprit(data: Any) -> str:
    while isinstance(data, (list, tuple)) and data:
        data = next((x for x in data if not isinstance(x, (int, float, complex, bool))), data[0])
    return type(data).__name__


def _shorten(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 80 else text[:77] + "..."


@function(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested sequences, an array or a tensor
    (https://pytorch.org/docs/stable/generated/torch.tensor.html).

    Raises: ValueError for ragged sequences, TypeError for what is no number.
    """
    devices.resolve(device)
    return _finish(array_of(data, dtype), requires_grad)


@function("as_tensor", "asarray", method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing memory with an array or tensor of that dtype."""
    devices.resolve(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype is dtypes.parse(dtype) else data.to(dtype)
    if hasattr(data, "__array__"):  # storages, pandas: what lies in an array already
        data = np.asarray(data)
    if (
        isinstance(data, np.ndarray)
        and (dtype is None or data.dtype == dtypes.parse(dtype).numpy)
        and data.dtype.isnative
    ):
        return from_numpy(data)
    return from_array(array_of(data, dtype))


@function(method=False)
def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the array's memory.

    Raises: TypeError if it is no array or of a dtype that tensors do not have.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )
    if not ndarray.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is currently not supported."
        )
    return from_array(np.asarray(ndarray))


@function(method=False)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of an array of any library that speaks DLPack.

    Raises: TypeError if it does not, ValueError for memory that may only be read (copy=True takes a copy).
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack() needs an object with __dlpack__, got {type(ext_tensor).__name__}")
    devices.resolve(device)
    array = np.from_dlpack(ext_tensor)
    if copy:
        array = array.copy()
    elif not array.flags.writeable:
        raise ValueError("from_dlpack() got memory that may only be read; use copy=True")
    return from_numpy(array)


@method("__dlpack__")
def _dlpack(self: Tensor, **options: Any) -> Any:
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    return self._array.__dlpack__(**options)


@method("__dlpack_device__")
def _dlpack_device(self: Tensor) -> Any:
    return self._array.__dlpack_device__()


@function(method=False)
def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0) -> Tensor:
    """A vector that shares the memory of a bytes-like object."""
    return from_array(np.frombuffer(buffer, dtypes.parse(dtype).numpy, count, offset))


# --- filled ---


def _size(name: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    found = parse_shape(name, size)
    for n in found:
        if n < 0:
            raise RuntimeError(f"{name}(): Trying to create tensor with negative dimension {n}: {list(found)}")
    return found


@function(method=False)
def empty(
    *sizes: Any,
    size: Any = (),
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of the given size whose values are whatever the memory held."""
    return _finish(np.empty(_size("empty", sizes or (size,)), _options(dtype, device)), requires_grad)


@function(method=False)
@takes_out
def zeros(*sizes: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros."""
    return _finish(np.zeros(_size("zeros", sizes or (size,)), _options(dtype, device)), requires_grad)


@function(method=False)
@takes_out
def ones(*sizes: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return _finish(_filled(_size("ones", sizes or (size,)), 1, _options(dtype, device)), requires_grad)


@function(method=False)
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of one value, whose type gives the dtype."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value._array.item()
    d = _options(dtype, device, dtypes.scalar_dtype(fill_value))
    return _finish(_filled(_size("full", (size,)), number(fill_value, d), d), requires_grad)


@function(method=False)
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a 0-dim tensor of the default dtype."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), device=device, requires_grad=requires_grad)


def _like(name: str, make: Any) -> None:
    def like(
        input: Tensor,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        return make(input._array.shape, *args, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)

    def new(
        self: Tensor, *sizes: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **size: Any
    ) -> Tensor:
        return make(*sizes, **size, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)

    like.__name__, like.__doc__ = f"{name}_like", f"{name}() in the shape and dtype of `input`."
    new.__name__, new.__doc__ = f"new_{name}", f"{name}() in the dtype of this tensor."
    function(like.__name__, method=False)(like)
    method(new.__name__)(new)


for _name, _make in (("empty", empty), ("zeros", zeros), ("ones", ones), ("full", full)):
    _like(_name, _make)


@method()
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """tensor(data) in the dtype of this tensor."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@method()
def new(self: Tensor, *args: Any) -> Tensor:
    """A tensor of this dtype from a size or from data (the old way)."""
    if len(args) == 1 and not isinstance(args[0], int):
        return tensor(args[0], dtype=self.dtype)
    return empty(*args, dtype=self.dtype) if args else empty(0, dtype=self.dtype)


@function(method=False)
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A matrix with ones on the diagonal and zeros elsewhere."""
    for name, length in (("n", n), ("m", m)):
        if length is not None and length < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {length}")
    return _finish(np.eye(n, m, dtype=_options(dtype, device)), requires_grad)


# --- in sequence ---


_INTEGER = (int, np.integer)


def _number(x: Any) -> Any:
    return x._array.item() if isinstance(x, Tensor) else x


@function(method=False)
def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... below `end`; int64 if all three are integers
    (https://pytorch.org/docs/stable/generated/torch.arange.html).

    Raises: RuntimeError if the step is 0 or leads away from the end.
    """
    start, end, step = _number(start), _number(end), _number(step)
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, {step})")
    whole = isinstance(start, _INTEGER) and isinstance(end, _INTEGER) and isinstance(step, _INTEGER)
    d = _options(dtype, device, dtypes.int64 if whole else None)
    count = math.ceil((end - start) / step) if not whole else max(0, -((start - end) // step))
    if (
        d.kind in "iu" and not whole
    ):  # each is cut to an integer first; what int64 cuts before it counts, the others cut after
        start, end, step, whole = int(start), int(end), int(step), True
        if step == 0:
            raise ValueError("step must be nonzero after it is cut to an integer; ask for a floating-point dtype")
        count = max(0, -((start - end) // step)) if d == np.int64 else count
    values = np.arange(count) if whole else np.arange(count, dtype=np.float64)
    if step != 1:
        values *= step
    if start != 0:
        values += start
    return _finish(values.astype(d, copy=False), requires_grad)


def _ends(name: str, start: Any, end: Any, steps: Any) -> tuple[Any, Any]:
    for x in (start, end):
        if isinstance(x, Tensor) and x._array.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, got shape {list(x._array.shape)}"
            )
    if isinstance(steps, float):
        raise TypeError(f"{name}(): argument 'steps' (position 3) must be int, not float")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    return _number(start), _number(end)


@function(method=False)
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances from start to end, both included."""
    d = _options(dtype, device)
    start, end = _ends("linspace", start, end, steps)
    return _finish(spaced(start, end, steps, d).astype(d), requires_grad)


def spaced(start: Any, end: Any, steps: int, d: np.dtype[Any]) -> Any:
    """As PyTorch: in the type itself (ends of integers are cut first), each half counted from its own end."""
    kind: Any = d.type if d.kind in "fc" else np.float64
    if d.kind not in "fc":
        start, end = int(start), int(end)
    if steps == 1:
        return np.array([start])
    width = kind((kind(end) - kind(start)) / kind(max(steps - 1, 1)))
    offsets = width * np.arange(steps - steps // 2, dtype=kind)
    return np.concatenate([kind(start) + offsets[: steps // 2], kind(end) - offsets[::-1]])


@function(method=False)
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Powers of `base` with exponents at equal distances."""
    d = _options(dtype, device)
    start, end = _ends("logspace", start, end, steps)
    exponents = spaced(start, end, steps, d if d.kind in "iu" else np.dtype(np.result_type(d, np.float64)))
    return _finish(np.power(base, exponents).astype(d), requires_grad)


@function(method=False)
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (row, column) indices of a lower triangle."""
    return from_array(np.stack(np.tril_indices(row, offset, col)).astype(_options(dtype or dtypes.int64, device)))


@function(method=False)
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The (row, column) indices of an upper triangle."""
    return from_array(np.stack(np.triu_indices(row, offset, col)).astype(_options(dtype or dtypes.int64, device)))


@function(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of vectors, a row each."""
    from nptorch.ops.join import meshgrid

    return tensors[0] if len(tensors) == 1 else stack([reshape(t, -1) for t in meshgrid(*tensors)], 1)


@function()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, a row each."""
    import itertools

    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(pick(range(input._array.size), r)), np.int64).reshape(-1, r)
    return input[from_array(rows)]


@function(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of a vector's elements as columns."""
    n = x._array.size if N is None else N
    powers = np.arange(n) if increasing else np.arange(n)[::-1]
    return reshape(x, -1, 1) ** from_array(powers.astype(x._array.dtype))
