"""Parameter and Buffer: the tensors that a Module registers when they are assigned to it.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from nptorch import dtypes
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
