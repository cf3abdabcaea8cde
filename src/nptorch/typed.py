"""PyTorch's tensor types of one dtype: `FloatTensor([1, 2])`, `LongTensor(2, 3)`, `isinstance(x, FloatTensor)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor, from_array


class _Typed(type):
    """The tensors of a dtype are the instances of its type."""

    dtype: dtypes.dtype

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.dtype

    def __call__(cls, *values: Any) -> Tensor:
        """A tensor of given sizes (its numbers are not set), or of the values of a sequence, array or tensor."""
        kind = cls.dtype.numpy
        if len(values) == 1 and not isinstance(values[0], (int, np.integer)):
            value = values[0]
            if isinstance(value, Tensor):
                if value.dtype is not cls.dtype:
                    raise TypeError(f"expected {cls.__name__} (got {value.type()})")
                return value.view_as(value)
            if isinstance(value, tuple) and type(value) is not tuple:  # a Size
                return from_array(np.empty(value, kind))
            return from_array(np.array(value, kind))
        return from_array(np.empty([int(n) for n in values] if values else 0, kind))


NAMES: dict[str, type] = {
    name: _Typed(name, (), {"dtype": dtype, "__module__": "torch", "__doc__": f"Tensors of dtype {dtype.name}."})
    for name, dtype in {
        "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
        "ByteTensor": dtypes.uint8, "CharTensor": dtypes.int8, "ShortTensor": dtypes.int16,
        "IntTensor": dtypes.int32, "LongTensor": dtypes.int64, "BoolTensor": dtypes.bool_,
    }.items()
}  # fmt: skip
