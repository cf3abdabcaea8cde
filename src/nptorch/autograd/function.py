"""Operations written by the user: Function with a forward and a backward of its own.

Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch.grad_mode import mode
from nptorch.graph import Node, edge_of
from nptorch.tensor import Tensor, from_array


class FunctionCtx:
    """What forward() leaves for backward()."""

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Tensor | None, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._not_differentiable: set[int] = set()
        self._materialize = True
        self._node: FunctionNode | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs for backward(), where they are `ctx.saved_tensors`."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_dirty(self, *args: Tensor) -> None:
        """Say that forward() changed these inputs in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say that these outputs carry no gradient."""
        self._not_differentiable = {id(t) for t in args}

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward() gets zeros (the default) or None for outputs that were not used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What save_for_backward() kept.

        Raises: RuntimeError if it was released, or changed in place since.
        """
        assert self._node is not None
        return tuple(self._node.kept())


class FunctionNode(Node):
    """The graph node of an applied Function."""

    __slots__ = ("ctx", "function", "inputs")

    def __init__(self, function: type[Function], ctx: FunctionCtx, edges: Sequence[Any], outputs: list[Any]) -> None:
        super().__init__(edges, outputs)
        self.function, self.ctx, self.inputs = function, ctx, len(edges)

    def name(self) -> str:
        return self.function.__name__ + "Backward"

    def run(self, grads: list[Tensor | None], needed: Sequence[bool] | None = None) -> Sequence[Tensor | None]:
        if self.ctx._materialize:
            grads = [from_array(np.zeros(*self.outputs[i])) if g is None else g for i, g in enumerate(grads)]
        found = self.function.backward(self.ctx, *grads)
        if not isinstance(found, tuple):
            found = (found,)
        while len(found) > self.inputs and found[-1] is None:
            found = found[:-1]
        if len(found) != self.inputs:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {self.inputs}, got {len(found)})"
            )
        for i, g in enumerate(found):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(
                    f"function {self.name()} returned {type(g).__name__} as gradient {i}: expected a Tensor or None"
                )
        return found


class Function:
    """Subclass with static `forward(ctx, *args)` and `backward(ctx, *grads)` (or `setup_context`), then call `apply`."""

    def __call__(self, *args: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function "
            f"with static forward method: {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute; to be overridden."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The gradient of each argument of forward(), from that of each output; to be overridden."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD."
        )

    setup_context: Callable[..., None] | None = None

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward() without recording its inside, and record the whole as one node."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        record = mode.grad and any(ctx.needs_input_grad)
        edges = [edge_of(a) if isinstance(a, Tensor) else None for a in args]
        before, mode.grad = mode.grad, False
        try:
            if cls.setup_context is None:
                outputs = cls.forward(ctx, *args, **kwargs)
            else:
                outputs = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, outputs)
        finally:
            mode.grad = before
        single = not isinstance(outputs, (tuple, list))
        results = [outputs] if single else list(outputs)
        inputs = {id(a) for a in args if isinstance(a, Tensor)}
        dirty = {id(t) for t in ctx._dirty}
        # An input returned as it is becomes a view of itself, so that it can carry the new node.
        results = [
            r.detach() if isinstance(r, Tensor) and id(r) in inputs and id(r) not in dirty else r for r in results
        ]
        tensors = [r for r in results if isinstance(r, Tensor)]
        if record:
            node = FunctionNode(cls, ctx, edges, [(t._array.shape, t._array.dtype) for t in tensors])
            ctx._node = node
            for slot, t in enumerate(tensors):
                if id(t) not in ctx._not_differentiable and t._array.dtype.kind in "fc":
                    t._edge, t._requires_grad = (node, slot), True
            for value in ctx._to_save:
                own = next((i for i, t in enumerate(tensors) if t is value), None)
                if value is None or own is None:
                    node.keep(value)
                else:
                    node.keep_output(value, own)
        return results[0] if single else tuple(results)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a backward() that cannot itself be differentiated: its results carry no graph."""

    def wrapper(ctx: Any, *grads: Any) -> Any:
        before, mode.grad = mode.grad, False
        try:
            return backward(ctx, *grads)
        finally:
            mode.grad = before

    return wrapper
