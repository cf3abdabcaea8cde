"""Gives Tensor its methods: those derived from the ops, the operators, conversions, and its part in autograd."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nptorch import devices, dtypes, naming, settings
from nptorch import storage as _storage  # noqa: F401  (it fills METHODS)
from nptorch.autograd import engine
from nptorch.graph import Hooks, Node
from nptorch.ops import (  # noqa: F401  (they fill METHODS)
    activation,
    arithmetic,
    compare,
    complex_numbers,
    copies,
    create,
    decompose,
    diagonals,
    gather,
    histogram,
    index,
    integrate,
    join,
    linalg,
    masks,
    matrix_function,
    matrix_norm,
    parts,
    pointwise,
    running,
    scatter_reduce,
    shape,
    solve,
    sort,
    sparse,
    special,
    stft,
    strides,
    windows,
)
from nptorch.ops.pointwise import cast_op
from nptorch.ops.signatures import METHODS, axis, method, shown_as
from nptorch.size import Size
from nptorch.tensor import Tensor, from_array

# --- what Python asks ---


@method("__len__")
def _len(self: Tensor) -> int:
    if self._array.ndim == 0:
        raise TypeError("len() of a 0-d tensor")
    return self._array.shape[0]


@method("__iter__")
def _iter(self: Tensor) -> Iterator[Tensor]:
    if self._array.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(parts.unbind(self, 0))


@method("__contains__")
def _contains(self: Tensor, element: Any) -> bool:
    return bool((self == element)._array.any())


@method("__repr__")
def _repr(self: Tensor) -> str:
    from nptorch.printing import tensor_text

    return tensor_text(self)


@method("__format__")
def _format(self: Tensor, spec: str) -> str:
    # A 0-dim tensor formats as its number, also without a spec.
    return format(self._array.item(), spec) if self._array.ndim == 0 else object.__format__(self, spec)


@method("__bool__")
def _bool(self: Tensor) -> bool:
    if self._array.size != 1:
        what = "more than one value" if self._array.size else "no values"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous; use .any() or .all()")
    return bool(self._array.item())


@method("item")
def item(self: Tensor) -> Any:
    """The only element as a Python number.

    Raises: RuntimeError if there are more or none.
    """
    if self._array.size != 1:
        raise RuntimeError(
            f"a Tensor with {self._array.size} elements cannot be converted to Scalar; shape {list(self._array.shape)}"
        )
    return self._array.item()


def _to_python(kind: type) -> Callable[[Tensor], Any]:
    def convert(self: Tensor) -> Any:
        if self._array.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars; this one has shape {list(self._array.shape)}"
            )
        return kind(self._array.item())

    return convert


for _kind in (float, int, complex):
    METHODS[f"__{_kind.__name__}__"] = _to_python(_kind)


@method("__index__")
def _index(self: Tensor) -> int:
    if self._array.dtype.kind not in "biu" or self._array.size != 1:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self._array.item())


@method("__array_wrap__")
def _from_array(self: Tensor, array: Any, context: Any = None, return_scalar: bool = False) -> Tensor:
    """What a function of NumPy made of this tensor: a tensor, of bytes for bools."""
    array = np.asarray(array)
    return from_array(array.astype(np.uint8) if array.dtype == bool else array)


@method("__array__")
def _to_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    if self.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    return (
        np.array(self._array, dtype, copy=copy)
        if copy is not None
        else self._array.astype(dtype or self._array.dtype, copy=False)
    )


@method("__deepcopy__")
def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment; use .detach() first"
        )
    if id(self) in memo:
        return memo[id(self)]
    made = from_array(self._array.copy(), type(self))
    made._requires_grad = self._requires_grad
    memo[id(self)] = made
    if self._grad is not None:
        made._grad = copy.deepcopy(self._grad, memo)
    if self.__dict__:
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return made


def _rebuild(cls: type[Tensor], array: Any, requires_grad: bool, attributes: dict[str, Any]) -> Tensor:
    made = from_array(array, cls)
    made._requires_grad = requires_grad
    made.__dict__.update(attributes)
    return made


@method("__reduce_ex__")
def _reduce(self: Tensor, protocol: int) -> Any:
    if not self.is_leaf:
        raise RuntimeError("cannot pickle a tensor that is part of a graph; use .detach() first")
    return _rebuild, (type(self), self._array, self._requires_grad, dict(self.__dict__))


# --- operators ---


def _operator(name: str, f: Callable[[Any, Any], Any], reverse: bool = False) -> None:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, numbers.Number, np.number, np.bool_)):
            if not isinstance(other, np.ndarray):
                return NotImplemented
            other = from_array(other)
        elif isinstance(other, (np.number, np.bool_)):
            other = other.item()
        return f(other, self) if reverse else f(self, other)

    operator.__name__ = operator.__qualname__ = name
    METHODS[name] = operator


def _inplace_operator(name: str, f: Callable[[Tensor, Any], Tensor]) -> None:
    def operator(self: Tensor, other: Any) -> Tensor:
        if not isinstance(other, (Tensor, numbers.Number, np.number, np.bool_)):
            return NotImplemented
        return f(self, other.item() if isinstance(other, (np.number, np.bool_)) else other)

    operator.__name__ = operator.__qualname__ = name
    METHODS[name] = operator


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": pointwise.add, "sub": METHODS["sub"], "mul": pointwise.mul, "truediv": pointwise.div, "floordiv": pointwise.floor_div,
    "mod": pointwise.remainder, "pow": pointwise.pow, "and": compare.bitwise_and, "or": compare.bitwise_or,
    "xor": compare.bitwise_xor, "lshift": compare.bitwise_left_shift, "rshift": compare.bitwise_right_shift,
}  # fmt: skip
_REVERSED = {"sub": "RsubBackward1", "truediv": "MulBackward0", "pow": "PowBackward2"}  # where PyTorch's names differ
for _name, _f in _BINARY.items():
    _operator(f"__{_name}__", _f)
    _operator(f"__r{_name}__", shown_as(_REVERSED[_name])(_f) if _name in _REVERSED else _f, reverse=True)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": compare.eq,
    "ne": compare.ne,
    "lt": compare.lt,
    "le": compare.le,
    "gt": compare.gt,
    "ge": compare.ge,
}
for _name, _f in _COMPARE.items():
    _operator(f"__{_name}__", _f)
for _name, _target in {
    "iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ifloordiv": "floor_divide_", "imod": "remainder_", "ipow": "pow_",
    "iand": "bitwise_and_", "ior": "bitwise_or_", "ixor": "bitwise_xor_",
}.items():  # fmt: skip
    _inplace_operator(f"__{_name}__", METHODS[_target])
METHODS["__rdiv__"] = METHODS["__rtruediv__"]
METHODS["__hash__"] = object.__hash__  # a class with __eq__ has none
METHODS["__matmul__"] = lambda self, other: linalg.matmul(self, other) if isinstance(other, Tensor) else NotImplemented
METHODS["__rmatmul__"] = lambda self, other: linalg.matmul(other, self) if isinstance(other, Tensor) else NotImplemented
METHODS["__neg__"] = lambda self: pointwise.neg(self)
METHODS["__pos__"] = lambda self: self
METHODS["__abs__"] = lambda self: pointwise.absolute(self)
METHODS["__invert__"] = lambda self: compare.bitwise_not(self)


# --- conversions ---


@method()
def numpy(self: Tensor, *, force: bool = False) -> Any:
    """The values as an array that shares memory.

    Raises: RuntimeError if the tensor requires grad (unless force=True).
    """
    if self.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    return self._array


@method()
def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers."""
    return self._array.tolist()


@method()
def to(
    self: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """This tensor in another dtype or on another device; itself if nothing changes
    (https://pytorch.org/docs/stable/generated/torch.Tensor.to.html)."""
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, dtypes.dtype) or (isinstance(a, type) and a in (float, int, bool, complex)):
            dtype = a
        elif not isinstance(a, bool) and a is not None:
            device = a
    if device is not None:
        devices.resolve(device)
    target = self._array.dtype if dtype is None else dtypes.parse(dtype).numpy
    return self if target == self._array.dtype and not copy else cast_op(self, dtype=target)


@method("type")
def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, e.g. torch.FloatTensor; with a dtype, the tensor converted to it."""
    if dtype is None:
        return f"{naming.package()}.{_TYPE_NAMES.get(self.dtype.name, self.dtype.name.capitalize())}Tensor"
    called = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "")  # "torch.FloatTensor", FloatTensor
    if isinstance(dtype, str) or called.endswith("Tensor"):
        name = called.rsplit(".", 1)[-1].removesuffix("Tensor")
        found = next((d for d in dtypes.ALL if _TYPE_NAMES.get(d.name) == name), None)
        if found is None:
            raise ValueError(f"invalid type: {dtype!r}")
        dtype = found
    return to(self, dtype)


_TYPE_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
    "int64": "Long", "bool": "Bool", "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


def _converter(name: str, d: dtypes.dtype) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return self if self._array.dtype == d.numpy else cast_op(self, dtype=d.numpy)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"This tensor as {d.name}."
    METHODS[name] = convert


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "int": dtypes.int32, "long": dtypes.int64,
    "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8, "bool": dtypes.bool_, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
    "bfloat16": dtypes.bfloat16,
}.items():  # fmt: skip
    _converter(_name, _dtype)


@method()
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of another."""
    return to(self, other.dtype)


@method()
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself."""
    return self


@method()
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Raises: RuntimeError, since nptorch computes on the CPU."""
    return to(self, device=devices.device("cuda" if device is None else device))


@method()
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: there is no device to copy to."""
    return self


# --- shape and memory ---


@method()
def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dimension."""
    return Size(self._array.shape) if dim is None else self._array.shape[axis("size", dim, self._array.ndim)]


METHODS["dim"] = METHODS["ndimension"] = lambda self: self._array.ndim
METHODS["numel"] = METHODS["nelement"] = lambda self: self._array.size
METHODS["element_size"] = lambda self: self._array.itemsize
METHODS["data_ptr"] = lambda self: self._array.__array_interface__["data"][0]
METHODS["is_contiguous"] = lambda self, memory_format=None: self._array.flags.c_contiguous
METHODS["is_floating_point"] = lambda self: self._array.dtype.kind == "f"
METHODS["is_complex"] = lambda self: self._array.dtype.kind == "c"
METHODS["is_signed"] = lambda self: self.dtype.is_signed
METHODS["get_device"] = lambda self: -1
METHODS["is_shared"] = lambda self: False
METHODS["is_pinned"] = lambda self, device=None: False
METHODS["share_memory_"] = lambda self: self


@method()
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Steps between neighbours along each dimension, in elements."""
    steps = tuple(s // self._array.itemsize for s in self._array.strides)
    if self._array.flags.c_contiguous:  # NumPy leaves the strides of lengths 0 and 1 open
        steps = tuple(
            int(np.prod([max(n, 1) for n in self._array.shape[i + 1 :]], dtype=int)) for i in range(self._array.ndim)
        )
    return steps if dim is None else steps[axis("stride", dim, self._array.ndim)]


@method()
def resize_(self: Tensor, *sizes: Any) -> Tensor:
    """Another shape in place; elements beyond the old ones are uninitialised."""
    wanted = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    flat = np.empty(int(np.prod(wanted)), self._array.dtype)
    flat[: self._array.size] = self._array.reshape(-1)[: flat.size]
    self._array = flat.reshape(wanted)
    self._version[0] += 1
    return self


# --- autograd ---


@method()
def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Add the gradient of this tensor to the `.grad` of the leaves it was computed from
    (https://pytorch.org/docs/stable/generated/torch.Tensor.backward.html)."""
    engine.backward(self, gradient, retain_graph, create_graph, inputs)


@method()
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set requires_grad, and return the tensor."""
    self.requires_grad = requires_grad
    return self


@method()
def detach_(self: Tensor) -> Tensor:
    """Cut this tensor out of the graph that made it."""
    if self._view is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._edge, self._requires_grad = None, False
    return self


@method()
def register_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> Hooks.Handle:
    """Call `hook(grad)` when this tensor's gradient is computed; what it returns replaces the gradient.

    Raises: RuntimeError if the tensor does not require grad.
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self._edge is None:
        self._hooks = {} if self._hooks is None else self._hooks
        return Hooks.add(self._hooks, hook)
    node, slot = self._edge
    assert isinstance(node, Node)
    node.pre_hooks = {} if node.pre_hooks is None else node.pre_hooks
    return Hooks.add(node.pre_hooks, (slot, hook))


@method()
def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], Any]) -> Hooks.Handle:
    """Call `hook(leaf)` after its `.grad` was updated."""
    if not self.requires_grad or self._edge is not None:
        raise RuntimeError("post accumulate grad hooks can only be registered on leaf tensors that require grad")
    return Hooks.add(self.__dict__.setdefault("_after_accumulate", {}), hook)


@method()
def retain_grad(self: Tensor) -> None:
    """Keep the gradient of this non-leaf in its `.grad` during backward()."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self._edge is None or self.__dict__.get("_retains"):
        return
    import weakref

    me = weakref.ref(self)  # the node must not keep its own output alive

    def keep(g: Tensor) -> None:
        tensor = me()
        if tensor is not None:
            fresh = g if g._requires_grad else from_array(g._array.copy())
            tensor._grad = fresh if tensor._grad is None else tensor._grad + fresh

    self.__dict__["_retains"] = True
    register_hook(self, keep)


METHODS["is_inference"] = lambda self: False


@method()
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element, a Python number, by what `callable` makes of it."""
    values = [callable(value) for value in self._array.reshape(-1).tolist()]
    self._array[...] = np.array(values, self._array.dtype).reshape(self._array.shape)
    self._version[0] += 1
    return self


def bind() -> None:
    """Put every published method onto Tensor; what is a property in PyTorch becomes one."""
    for name, f in METHODS.items():
        setattr(Tensor, name, f)
    for name in ("real", "imag"):
        setattr(Tensor, name, property(METHODS[name]))
    Tensor.T = property(lambda self: shape.permute_op(self, dims=tuple(range(self._array.ndim))[::-1]))  # type: ignore[attr-defined]
    Tensor.mT = property(lambda self: shape.transpose(self, -2, -1))  # type: ignore[attr-defined]
    Tensor.mH = property(lambda self: pointwise.conj(shape.transpose(self, -2, -1)))  # type: ignore[attr-defined]
    Tensor.H = property(lambda self: pointwise.conj(shape.transpose(self, 0, 1)))  # type: ignore[attr-defined]
    Tensor.retains_grad = property(lambda self: bool(self.__dict__.get("_retains")))  # type: ignore[attr-defined]
    Tensor.is_cpu = True  # type: ignore[attr-defined]
    for flag in ("is_cuda", "is_sparse", "is_quantized", "is_mps", "is_meta", "is_nested"):
        setattr(Tensor, flag, False)
    Tensor.layout = settings.strided  # type: ignore[attr-defined]
