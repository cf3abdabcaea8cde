"""PyTorch's signatures above the ops: which function and method names exist, `out=` and the in-place forms, each derived from its op."""

from __future__ import annotations

import functools
import inspect
from collections import namedtuple
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from nptorch import dtypes, naming
from nptorch.grad_mode import mode
from nptorch.ops.promotion import Rule
from nptorch.ops.recording import OpNode
from nptorch.ops.registry import Op, check_writable, op, write
from nptorch.tensor import Tensor, from_array

FUNCTIONS: dict[str, Callable[..., Any]] = {}
METHODS: dict[str, Callable[..., Any]] = {}
F = TypeVar("F", bound=Callable[..., Any])
_DOCS = "https://pytorch.org/docs/stable/generated/torch."


def function(*names: str, method: bool = True, inplace: Op | None = None) -> Callable[[F], F]:
    """Publish a function under its own name or `names`, also as a method unless told otherwise."""

    def publish(f: F) -> F:
        public = _with_numpy_names(f)
        for name in names or (f.__name__,):
            FUNCTIONS[name] = public
            if method:
                METHODS[name] = public
        return f

    return publish


def method(*names: str) -> Callable[[F], F]:
    """Publish a method of Tensor that is no function."""

    def publish(f: F) -> F:
        for name in names or (f.__name__,):
            METHODS[name] = _with_numpy_names(f)
        return f

    return publish


def _with_numpy_names(f: F) -> F:
    """`f`, which also takes NumPy's `axis` and `keepdims` for `dim` and `keepdim`, as PyTorch does."""
    code = inspect.unwrap(f).__code__
    if "dim" not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return f

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            if "axis" in kwargs:
                kwargs["dim"] = kwargs.pop("axis")
            if "keepdims" in kwargs:
                kwargs["keepdim"] = kwargs.pop("keepdims")
        return f(*args, **kwargs)

    return call  # type: ignore[return-value]


def unary(
    name: str,
    forward: Callable[..., Any],
    vjp: Callable[..., Any] | None = None,
    *,
    promote: Rule | None = None,
    aliases: tuple[str, ...] = (),
    inplace: bool = True,
    label: str | None = None,
) -> Op:
    """An op of one tensor with its function, method and in-place method."""
    made = op(name, forward, vjp, promote=promote, label=label)

    def call(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if not isinstance(input, Tensor):
            raise not_a_tensor(name, "input", 1, input)
        return made(input) if out is None else into_out(out, made, input)

    def call_inplace(self: Tensor) -> Tensor:
        return made.into(self, self)

    for n in (name, *aliases):
        FUNCTIONS[n] = METHODS[n] = named(call, n, f"{name} of every element, in the input's shape ({_DOCS}{n}.html).")
        if inplace:
            METHODS[n + "_"] = named(call_inplace, n + "_", f"In-place {n}().")
    return made


def binary(
    name: str,
    forward: Callable[..., Any],
    *vjps: Callable[..., Any] | None,
    promote: Rule,
    aliases: tuple[str, ...] = (),
    inplace: bool = True,
    label: str | None = None,
    tensors: int = 0,
) -> Op:
    """An op of two tensors, broadcast against each other, with its function, method and in-place method.

    tensors: how many of the two, from the first, must be tensors (where PyTorch takes no number); of 0, one must.
    """
    made = op(name, forward, *vjps, promote=promote, label=label)

    def call(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
        if not isinstance(input, Tensor) and (tensors or not isinstance(other, Tensor)):
            raise not_a_tensor(name, "input", 1, input)
        if tensors > 1 and not isinstance(other, Tensor):
            raise not_a_tensor(name, "other", 2, other)
        return made(input, other) if out is None else into_out(out, made, input, other)

    def call_inplace(self: Tensor, other: Any) -> Tensor:
        if tensors > 1 and not isinstance(other, Tensor):
            raise not_a_tensor(name + "_", "other", 1, other)
        return made.into(self, self, other)

    for n in (name, *aliases):
        FUNCTIONS[n] = METHODS[n] = named(call, n, f"{name} of two broadcast tensors ({_DOCS}{n}.html).")
        if inplace:
            METHODS[n + "_"] = named(call_inplace, n + "_", f"In-place {n}().")
    return made


def named(f: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    """A function of its own with another name and docstring."""
    import types

    made = types.FunctionType(f.__code__, f.__globals__, name, f.__defaults__, f.__closure__)
    made.__kwdefaults__, made.__doc__, made.__qualname__, made.__module__ = f.__kwdefaults__, doc, name, "nptorch"
    return made


def into_out(out: Tensor, f: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """Write what `f` gives into `out`, which takes its shape if it is empty.

    Raises: RuntimeError if a gradient would be lost, or if the shape or dtype does not fit.
    """
    if mode.grad and (out._requires_grad or any(isinstance(a, Tensor) and a._requires_grad for a in args)):
        raise RuntimeError(
            f"{getattr(f, 'name', f)}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad."
        )
    result = f(*args, **kwargs)
    if out._array.size == 0 and result._array.size:
        out._array = np.empty(result._array.shape, out._array.dtype)
    check_writable(out, "out=")
    write(out, result._array, "out=")
    return out


def check_apart(out: Tensor, inputs: Any) -> None:
    """Raises: RuntimeError if `out` shares memory with an input."""
    if any(isinstance(x, Tensor) and np.may_share_memory(x._array, out._array) for x in inputs):
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
            "Please clone() the tensor before performing the operation."
        )


def shown_as(label: str) -> Callable[[F], F]:
    """A function of several operations whose result prints `grad_fn=<label>`, as PyTorch's single operation does."""

    def decorate(f: F) -> F:
        @functools.wraps(f)
        def call(*args: Any, **kwargs: Any) -> Any:
            found = f(*args, **kwargs)
            if found.__class__ is Tensor and found._edge is None:  # nothing was recorded
                return found
            for a in args:
                if a is found:
                    return found
            return show(found, label)

        return call  # type: ignore[return-value]

    return decorate


def show(found: Any, label: str) -> Any:
    """A result, or a tuple of results, that prints `grad_fn=<label>`."""
    for x in found if isinstance(found, tuple) else (found,):
        if x._edge is not None and isinstance(x._edge[0], OpNode):
            x._edge[0].shown = label
    return found


def takes_out(f: Any = None, *, apart: bool = False) -> Any:
    """`f` with PyTorch's out=: a tensor, or as many as there are results.

    apart: the results are no elementwise function of the inputs, so that PyTorch wants `out` to be of their dtype and to share
    no memory with an input.
    """
    if f is None:
        return functools.partial(takes_out, apart=apart)

    def put(out: Tensor, found: Tensor, inputs: Any) -> Tensor:
        if apart:
            if out._array.dtype != found._array.dtype:
                raise RuntimeError(f"Expected out tensor to have dtype {found.dtype!r}, but got {out.dtype!r} instead")
            check_apart(out, inputs)
        return into_out(out, lambda *_: found, *inputs)

    @functools.wraps(f)
    def call(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return f(*args, **kwargs)
        if not isinstance(out, (tuple, list)) and not apart:
            return into_out(out, f, *args, **kwargs)
        found = f(*args, **kwargs)
        if not isinstance(out, (tuple, list)):
            return put(out, found, args)
        put_in = (put(o, y, args) for o, y in zip(out, found, strict=True))
        return type(found)(*put_in) if hasattr(found, "_fields") else tuple(put_in)

    return call


def not_a_tensor(function: str, argument: str, position: int, found: Any) -> TypeError:
    """The error for an argument that should be a tensor."""
    return TypeError(
        f"{function}(): argument '{argument}' (position {position}) must be Tensor, not {type(found).__name__}"
    )


def check_tensors(function: str, **arguments: Any) -> None:
    """Raises: TypeError naming the first argument that is no Tensor."""
    for value in arguments.values():
        if not isinstance(value, Tensor):
            position, name = next((i, name) for i, (name, v) in enumerate(arguments.items(), 1) if v is value)
            raise not_a_tensor(function, name, position, value)


# --- arguments ---


def axis(function: str, dim: Any, ndim: int) -> int:
    """A dimension counted from the front.

    Raises: IndexError if the tensor does not have it.
    """
    if not isinstance(dim, int):
        if isinstance(dim, (Tensor, np.integer)):
            dim = int(dim)
        else:
            raise TypeError(f"{function}(): argument 'dim' must be int, not {type(dim).__name__}")
    span = ndim or 1  # a 0-dim tensor accepts -1 and 0
    if not -span <= dim < span:
        raise IndexError(
            f"{function}(): Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
        )
    return dim + span if dim < 0 else dim


def axes(function: str, dim: Any, ndim: int) -> tuple[int, ...]:
    """The dimensions to reduce, counted from the front; None and () mean all.

    Raises: IndexError for one that is not there, RuntimeError for one named twice.
    """
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    if isinstance(dim, (tuple, list)):
        found = tuple(axis(function, d, ndim) for d in dim)
        if len(set(found)) != len(found):
            raise RuntimeError(f"{function}(): dim {tuple(dim)} appears multiple times in the list of dims")
        return found if ndim else ()
    one = axis(function, dim, ndim)
    return (one,) if ndim else ()


def shape(function: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as f(2, 3), f((2, 3)) or f(Size).

    Raises: TypeError if a length is not an integer.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if n.__class__ is not int:
            break
    else:
        return sizes
    try:
        return tuple([_length(n) for n in sizes])
    except TypeError:
        raise TypeError(f"{function}(): argument 'size' must be a sequence of ints, got {sizes!r}") from None


def _length(n: Any) -> int:
    if isinstance(n, (bool, float)):
        raise TypeError
    return n.__index__()


_results: dict[tuple[str, tuple[str, ...]], Any] = {}


def result(function: str, **fields: Any) -> Any:
    """Several results with names, printed as PyTorch's return types."""
    key = (function, tuple(fields))
    made = _results.get(key)
    if made is None:

        def text(self: Any) -> str:
            lines = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{naming.package()}.return_types.{function}(\n{lines})"

        made = _results[key] = type(
            function, (namedtuple(function, list(fields)),), {"__repr__": text, "__slots__": ()}
        )
    return made(**fields)


def as_tensor_like(value: Any, like: Tensor) -> Tensor:
    """A number as a 0-dim tensor of the dtype of `like`; a tensor as it is."""
    return value if isinstance(value, Tensor) else from_array(np.asarray(value, like._array.dtype))


def no_grad_dtype(d: Any) -> dtypes.dtype | None:
    """An optional dtype argument."""
    return None if d is None else dtypes.parse(d)
