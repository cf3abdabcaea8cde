"""Derivatives that no formula beside an op gives: of hand-fused backward passes, and of results that stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.grad_mode import enable_grad, mode
from nptorch.ops.registry import op
from nptorch.ops.shape import view_op
from nptorch.tensor import Tensor, from_array

# Values whose slope in every input is 0, but which are part of the graph: random numbers, a matrix to the power of 0.
constant = op(
    "constant",
    lambda xp, values, *inputs, label: values,
    lambda g, shapes, *, i: from_array(np.zeros(shapes[i], g._array.dtype)),
    label=lambda node: node.params["label"],
)


def through(composition: Callable[..., Any]) -> Callable[..., Any]:
    """A joint VJP that differentiates `composition`, the same function of the same inputs written in Tensor operations.

    A fused backward is an op of its own; its second derivative is rarely wanted, so clarity goes before speed there.
    """

    def joint(g: Any, inputs: tuple[Any, ...], **params: Any) -> tuple[Tensor | None, ...]:
        from nptorch.autograd.engine import grad  # a higher floor: the engine walks what the ops record

        create = mode.grad
        with enable_grad():
            # Fresh names for the inputs: one of them may itself have been computed from another.
            own = tuple(
                view_op(x, shape=x._array.shape) if isinstance(x, Tensor) and x.requires_grad else x for x in inputs
            )
            outputs = composition(*own, **params)
        wanted = [x for x in own if isinstance(x, Tensor) and x.requires_grad]
        pairs = [
            (y, gy)
            for y, gy in zip(_tuple(outputs), _tuple(g), strict=True)
            if isinstance(y, Tensor) and y.requires_grad and gy is not None
        ]
        found = iter(
            grad([y for y, _ in pairs], wanted, [gy for _, gy in pairs], create_graph=create, allow_unused=True)
            if pairs
            else [None] * len(wanted)
        )
        return tuple(next(found) if isinstance(x, Tensor) and x.requires_grad else None for x in inputs)

    return joint


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
