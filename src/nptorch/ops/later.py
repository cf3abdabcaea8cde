"""Gradients that wait for the next derivative, so that two neighbours can be one pass over memory.

Where nothing is recorded, a derivative may return a Later instead of a Tensor. The engine carries it to the next node of one
output; a VJP there whose first parameter is called `later` takes it as it is and may use what it knows, all others and
everybody outside get the Tensor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.tensor import Tensor


class Later:
    """A gradient of this shape and dtype that is computed when its values are asked for."""

    __slots__ = ("_value", "dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self._value: Tensor | None = None

    def now(self) -> Tensor:
        """The gradient, computed at most once."""
        if self._value is None:
            self._value = self.compute()
        return self._value

    def compute(self) -> Tensor:
        """The gradient."""
        raise NotImplementedError

    def through_relu(self) -> Later | None:
        """The gradient of a ReLU's input, if this one of its output knows it without seeing the output."""
        return None

    def channel_sums(self) -> Tensor | None:
        """The sums over all axes but 1, if they are known without another pass."""
        return None


def now(g: Any) -> Any:
    """The gradient as a Tensor (or None)."""
    return g.now() if isinstance(g, Later) else g
