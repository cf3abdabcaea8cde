"""PyTorch's old name for a tensor in a graph (https://pytorch.org/docs/stable/autograd.html#variable-deprecated)."""

from __future__ import annotations

import warnings
from typing import Any

from nptorch.tensor import Tensor


class _Everything(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.", stacklevel=2
            )
        x = data.detach()
        x.requires_grad = requires_grad
        return x


class Variable(metaclass=_Everything):
    """`Variable(data)` is a tensor of the same numbers, and every tensor is a Variable."""
