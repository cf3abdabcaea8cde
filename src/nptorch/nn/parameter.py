"""Parameter and Buffer: the tensors that a Module registers when they are assigned to it.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.tensor import Tensor, from_array


class Parameter(Tensor):
    """A tensor that a Module lists in parameters(); it shares the memory of `data`.

    Raises: TypeError if data is no Tensor, RuntimeError if an integer one should require grad.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = from_array(np.empty(0, dtypes.get_default_dtype().numpy))
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter data must be a Tensor, got {type(data).__name__}; use Parameter(tensor(data))")
        made: Any = from_array(data._array, cls)
        made._version = data._version
        made.requires_grad = requires_grad
        return made

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(from_array(self._array.copy(order="K")), self._requires_grad)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return rebuild_parameter, (self.detach(), self._requires_grad, OrderedDict())


def rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Parameter:
    """A Parameter from its pickle."""
    return Parameter(data, requires_grad)


class _BufferType(type):
    # A buffer is a plain Tensor with a mark, so that code that looks at type(x) sees no difference.
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(metaclass=_BufferType):
    """A tensor that a Module registers as buffer when it is assigned to it; it shares the memory of `data`."""

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = from_array(np.empty(0, dtypes.get_default_dtype().numpy))
        made: Any = data.detach()
        made.requires_grad = data.requires_grad
        made.persistent = persistent
        made._is_buffer = True
        return made


_VALUES: Any = Tensor.__dict__["_array"]  # the slot that an uninitialised tensor keeps from sight


class _Uninitialized:
    """A tensor of a module that has not seen its first input: a dtype, but no shape and no values yet."""

    __slots__ = ()
    cls_to_become: type[Tensor]

    @property
    def _array(self) -> Any:
        raise ValueError(
            "Attempted to use an uninitialized parameter or buffer. Call the lazy module with a first input, of the "
            "right shape, to initialize it."
        )

    @_array.setter
    def _array(self, values: Any) -> None:
        _VALUES.__set__(self, values)

    @property
    def shape(self) -> Any:
        """Raises: RuntimeError, since there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer; an initialized module cannot load one. Call "
            "`forward` to initialize the parameters before accessing their attributes."
        )

    @property
    def data(self) -> Tensor:
        """An empty tensor of the dtype that the values will have."""
        return from_array(_VALUES.__get__(self))

    @data.setter
    def data(self, value: Tensor) -> None:
        self._array = value._array

    def detach(self) -> Any:
        """Itself: there is nothing to detach."""
        return self

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of this shape, with any values."""
        like = self.data._array
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self._array = np.empty(tuple(shape), like.dtype if dtype is None else dtypes.parse(dtype).numpy)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self._requires_grad, dtype=self.data.dtype)
        return memo[id(self)]

    def __reduce_ex__(self: Any, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self._requires_grad,)


def _nothing_yet(cls: type, requires_grad: bool, device: Any, dtype: Any) -> Any:
    devices.resolve(device)
    wanted = dtypes.get_default_dtype() if dtype is None else dtypes.parse(dtype)
    made = from_array(np.empty(0, wanted.numpy), cls)
    made._requires_grad = requires_grad
    return made


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter whose shape its module will know from the first input."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return _nothing_yet(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape its module will know from the first input."""

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> UninitializedBuffer:
        made = _nothing_yet(cls, requires_grad, device, dtype)
        made.persistent, made._is_buffer = persistent, True
        return made

    def __init__(
        self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> None:
        pass


def is_lazy(param: Any) -> bool:
    """Whether it is an uninitialised parameter or buffer."""
    return isinstance(param, _Uninitialized)


def clear_grad(parameter: Tensor, set_to_none: bool) -> None:
    """Drop a gradient, or cut it from its graph and fill it with zeros."""
    gradient = parameter._grad
    if gradient is None:
        return
    if set_to_none:
        parameter._grad = None
    elif gradient._edge is None:
        gradient._array[...] = 0
        gradient._version[0] += 1
    else:
        parameter._grad = from_array(np.zeros_like(gradient._array))
