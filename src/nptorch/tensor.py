"""Tensor: an array, and its place in the autograd graph. Its methods are bound from the operations (see `methods.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.size import Size

# Where a gradient goes: a graph.Node, or for a leaf the tensor itself, and which of its outputs.
Edge = tuple[Any, int]


class Tensor:
    """An n-dimensional array of one dtype that autograd can follow.

    `Tensor(data)` makes a float32 tensor from nested lists, an array or a tensor, `Tensor(2, 3)` an uninitialised one of that shape;
    prefer `tensor(data)`, which takes the dtype from the data.
    """

    # Private state; an operation reads it directly because a property costs as much as a small kernel.
    #   _array          the values, a NumPy array (views share memory)
    #   _requires_grad  whether a gradient flows to or through this tensor
    #   _edge           (node that made it, which of its outputs), or None for a leaf
    #   _version        [count of in-place changes], one list for all views of the same memory
    #   _view           (root tensor, the view operations that lead from it), or None
    #   _seen           the root's edge when this view's edge was made: another one means that the root changed since
    #   _grad, _hooks   the accumulated gradient; a leaf's hooks
    __slots__ = (
        "__dict__", "__weakref__", "_array", "_edge", "_grad", "_hooks", "_requires_grad", "_seen", "_version", "_view",
    )  # fmt: skip
    __array_priority__ = 1000  # `array * tensor` asks the tensor

    _array: np.ndarray[Any, Any]
    _edge: Edge | None
    _grad: Tensor | None
    _hooks: dict[int, Any] | None
    _requires_grad: bool
    _seen: Edge | None
    _version: list[int]
    _view: tuple[Tensor, tuple[Any, ...]] | None

    def __new__(cls, *data: Any, device: Any = None, **unknown: Any) -> Tensor:
        devices.resolve(device)
        return from_array(_legacy_array(data), cls)

    def __init__(self, *data: Any, device: Any = None) -> None:
        pass

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __len__(self) -> int: ...
        def __float__(self) -> float: ...
        def __int__(self) -> int: ...
        def __bool__(self) -> bool: ...
        def __index__(self) -> int: ...

    # --- what it is ---

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self._array.shape)

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of the elements."""
        return dtypes.of(self._array.dtype)

    @property
    def device(self) -> devices.device:
        """Where the values live."""
        return devices.CPU

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._array.nbytes

    # --- its place in the graph ---

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is computed for this tensor."""
        if self._view is not None:
            refresh(self)
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._array.dtype.kind not in "fc":
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, this one is {self.dtype!r}; convert it with .float()"
            )
        if not value and not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph "
                "that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = bool(value)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        if self._view is not None:
            refresh(self)
        return self._edge is None

    @property
    def grad_fn(self) -> Any:
        """The graph node that made it, or None for a leaf."""
        if self._view is not None:
            refresh(self)
        return None if self._edge is None else self._edge[0]

    @property
    def output_nr(self) -> int:
        """Which output of its grad_fn this tensor is."""
        return 0 if self._edge is None else self._edge[1]

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() accumulated here, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value._array.shape != self._array.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: expected {list(self._array.shape)}, got {list(value._array.shape)}"
                )
            if value._array.dtype != self._array.dtype:
                raise RuntimeError(
                    f"assigned grad has data of a different type: expected {self.dtype!r}, got {value.dtype!r}"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same values outside the graph, sharing memory; changes to it are not seen by the version check."""
        return from_array(self._array, type(self) if type(self)._keep_class else Tensor)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self._array = value._array
        self._version[0] += 1

    _keep_class = False

    def detach(self) -> Tensor:
        """The same values outside the graph, sharing memory and the count of in-place changes."""
        result = from_array(self._array)
        result._version = self._version
        return result

    @property
    def _is_view(self) -> bool:
        return self._view is not None


def from_array(array: np.ndarray[Any, Any], cls: type[Tensor] = Tensor) -> Tensor:
    """A leaf tensor around `array`, sharing its memory; `array` must be an ndarray of a supported dtype."""
    result = object.__new__(cls)
    result._array = array
    result._requires_grad = False
    result._edge = None
    result._grad = None
    result._hooks = None
    result._version = [0]
    result._view = None
    return result


def refresh(view: Tensor) -> None:
    """Give a view the edge that it has now: an in-place change of its root, or of another view of it, moved the graph."""
    root, chain = view._view  # type: ignore[misc]
    if root._edge is view._seen:
        return
    again = root
    for op, params in chain:
        again = op(again, **params)
    view._edge, view._requires_grad, view._seen = again._edge, again._requires_grad, root._edge


def _legacy_array(data: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    default = dtypes.get_default_dtype().numpy
    if len(data) == 1 and not isinstance(data[0], int):
        if isinstance(data[0], Size):
            return np.empty(data[0], default)
        values = data[0]._array if isinstance(data[0], Tensor) else np.asarray(data[0])
        return values.astype(default)
    if not all(isinstance(n, int) for n in data):
        raise TypeError(f"Tensor() takes a shape of integers or one sequence of values, got {data!r}; see tensor(data)")
    return np.empty(data if data else (0,), default)


def typename(obj: Any, /) -> str:
    """The type of a tensor with its dtype, such as torch.FloatTensor; of anything else its full name."""
    if isinstance(obj, Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = named.__module__
    return named.__qualname__ if module in (None, "", "builtins") else f"{module}.{named.__qualname__}"
