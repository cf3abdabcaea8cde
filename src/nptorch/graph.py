"""The nodes that recorded operations leave behind, and what they keep for the backward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch.tensor import Edge, Tensor, from_array

next_sequence = itertools.count(0, -1).__next__
_hook_ids = itertools.count()


class Hooks:
    """Functions in calling order, each with a handle that removes it."""

    class Handle:
        """Removes the hook that it was returned for."""

        def __init__(self, hooks: dict[int, Any], key: int) -> None:
            self._hooks, self.id = hooks, key

        def remove(self) -> None:
            """Take the hook away; a second call does nothing."""
            self._hooks.pop(self.id, None)

        def __enter__(self) -> Hooks.Handle:
            return self

        def __exit__(self, *exc: object) -> None:
            self.remove()

    @staticmethod
    def add(hooks: dict[int, Any], function: Any) -> Handle:
        """Put `function` at the end of `hooks`."""
        key = next(_hook_ids)
        hooks[key] = function
        return Hooks.Handle(hooks, key)


class Node:
    """A recorded operation: where its inputs' gradients go, and the shape and dtype of its outputs.

    An edge leads to another node or, for a leaf, to the tensor itself; edges hold no values, so a node keeps alive only what its
    derivative names: `saved`, with the counts of in-place changes that those tensors had then in `checks`. Of its own outputs
    it saves the arrays, since the tensors would make circles with it; `own` says (where in `saved`, which output).
    """

    __slots__ = ("checks", "edges", "hooks", "outputs", "own", "pre_hooks", "saved", "sequence")
    own: tuple[tuple[int, int], ...]

    def __init__(self, edges: Sequence[Edge | None], outputs: list[tuple[tuple[int, ...], np.dtype[Any]]]) -> None:
        self.edges = edges
        self.outputs = outputs
        # Parents are made before their children, so this number, which falls, orders the backward pass.
        self.sequence = next_sequence()
        self.pre_hooks: dict[int, tuple[int, Callable[[Tensor], Any]]] | None = None
        self.hooks: dict[int, Any] | None = None
        self.saved: list[Any] | None = []
        self.checks: list[tuple[list[int], int]] = []
        self.own = ()

    def keep(self, value: Any) -> None:
        """Keep a Tensor, a number or a shape for the derivative."""
        self.saved.append(value)  # type: ignore[union-attr]
        if isinstance(value, Tensor):
            self.checks.append((value._version, value._version[0]))

    def keep_output(self, value: Tensor, slot: int) -> None:
        """Keep an output of this node."""
        assert self.saved is not None
        self.own += ((len(self.saved), slot),)
        self.saved.append(value._array)
        self.checks.append((value._version, value._version[0]))

    def kept(self) -> list[Any]:
        """The values again.

        Raises: RuntimeError if they were released, or changed in place since.
        """
        saved = self.saved
        if saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
                "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
                "after calling backward."
            )
        for version, then in self.checks:
            if version[0] != then:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace operation: a value that "
                    f"{self.title()} saved is at version {version[0]}; expected version {then} instead. Hint: use an operation that "
                    "makes a new tensor, or change the tensor before it is used."
                )
        if self.own:
            saved = saved.copy()
            for k, slot in self.own:
                saved[k] = self._output(saved[k], slot)
        return saved

    def _output(self, array: np.ndarray[Any, Any], slot: int) -> Tensor:
        result = from_array(array)
        if array.dtype.kind in "fc":
            result._edge, result._requires_grad = (self, slot), True
        return result

    def release(self) -> None:
        """Forget the saved values."""
        self.saved = None
        self.checks = []

    def title(self) -> str:
        """What messages call the operation."""
        return self.name()

    def run(self, grads: list[Tensor | None], needed: Sequence[bool] | None = None) -> Sequence[Tensor | None]:
        """The gradient for each edge, from the gradient of each output; those not needed (None: all are) may be left out."""
        raise NotImplementedError

    def name(self) -> str:
        """PyTorch's name of the node, e.g. MulBackward0."""
        raise NotImplementedError

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes of the inputs; a leaf shows as AccumulateGrad."""
        return tuple(
            (None, 0)
            if edge is None
            else ((AccumulateGrad(edge[0]) if isinstance(edge[0], Tensor) else edge[0]), edge[1])
            for edge in self.edges
        )

    def register_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(grad_inputs, grad_outputs)` after the node ran; it may return other grad_inputs."""
        if self.hooks is None:
            self.hooks = {}
        return Hooks.add(self.hooks, hook)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad:
    """How a leaf looks from its consumers in `next_functions`."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    next_functions: tuple[()] = ()

    def name(self) -> str:
        """AccumulateGrad."""
        return "AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return hash(id(self.variable))

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


def edge_of(tensor: Tensor) -> Edge | None:
    """Where a gradient for `tensor` goes: to its node, to the leaf itself, or nowhere."""
    if not tensor._requires_grad:
        return None
    return tensor._edge or (tensor, 0)
