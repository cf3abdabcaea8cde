"""The backward pass: one walk over the recorded graph, for every operation and every order of derivative."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from nptorch.autograd import anomaly
from nptorch.grad_mode import mode
from nptorch.graph import Node
from nptorch.kernels.native import accumulate as add_into
from nptorch.ops.later import Later, now
from nptorch.ops.pointwise import add, cast_op
from nptorch.ops.recording import OpNode
from nptorch.ops.reduce import sum_op
from nptorch.ops.shape import view_op
from nptorch.tensor import Tensor, from_array


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of `tensors` to the `.grad` of the leaves they were computed from (or of `inputs` only).

    Raises: RuntimeError if a tensor does not require grad, or is no scalar and has no gradient given.
    Source: https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
    """
    roots = _sequence(tensors)
    targets = None if inputs is None else _sequence(inputs)
    if targets is not None and not targets:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    run(
        roots,
        _sequence(grad_tensors, len(roots)),
        keep=_keep(retain_graph, create_graph),
        create=create_graph,
        targets=targets,
        into_grad=True,
    )


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Raises: RuntimeError if an input was not used and allow_unused is not set.
    Source: https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
    """
    roots, targets = _sequence(outputs), _sequence(inputs)
    if is_grads_batched:
        raise NotImplementedError("grad(is_grads_batched=True) is not supported; call grad() once per vector")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    for t in targets:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = run(
        roots,
        _sequence(grad_outputs, len(roots)),
        keep=_keep(retain_graph, create_graph),
        create=create_graph,
        targets=targets,
        into_grad=False,
    )
    if materialize_grads:
        return tuple(
            from_array(np.zeros_like(t._array)) if g is None else g for t, g in zip(targets, found, strict=True)
        )
    if not allow_unused and any(g is None for g in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _keep(retain_graph: bool | None, create_graph: bool) -> bool:
    return create_graph if retain_graph is None else retain_graph


def _sequence(value: Any, length: int = 0) -> list[Any]:
    if value is None:
        return [None] * length
    return [value] if isinstance(value, Tensor) else list(value)


def run(
    roots: Sequence[Tensor],
    grads: Sequence[Any],
    *,
    keep: bool,
    create: bool,
    targets: Sequence[Tensor] | None,
    into_grad: bool,
) -> list[Tensor | None]:
    """Walk from `roots` to the leaves (or only to `targets`) and return the targets' gradients, or add them to `.grad`."""
    if len(roots) != len(grads):
        raise RuntimeError(f"Mismatch in length: got {len(roots)} tensors and {len(grads)} gradients for them")
    walk = _Walk(create)
    look_for_nan = anomaly.checks()
    before = mode.grad
    mode.grad = create
    try:
        for i, (root, g) in enumerate(zip(roots, grads, strict=True)):
            walk.arrive(_root_edge(root, i), _first_gradient(root, g, i))
        wanted = None if targets is None else _Targets(targets, _reachable(walk.arrived))
        ready, waiting = walk.ready, walk.arrived
        while ready:
            node = heappop(ready)[1]
            arrived = waiting.pop(node)
            if node.pre_hooks or node.hooks or wanted is not None:
                arrived = [now(g) for g in arrived]
            if node.pre_hooks:
                _run_pre_hooks(node, arrived)
            if wanted is not None:
                wanted.take(node, arrived)
                if node not in wanted.nodes:
                    continue
            results = node.run(arrived, None if wanted is None else wanted.needed(node))
            if node.hooks or look_for_nan:
                results = [now(g) for g in results]
            if look_for_nan:
                anomaly.refuse_nan(node, results)
            if node.hooks:
                results = _run_hooks(node, results, arrived)
            # strict= would cost as much as the loop.
            for edge, g in zip(node.edges, results):  # noqa: B905
                if g is not None and edge is not None:
                    walk.arrive(edge, g)
            # Freeing as the walk goes keeps the peak low: gradients take the place of saved values.
            del arrived, results
            if not keep:
                node.release()
        g = None
        if wanted is not None:
            found = wanted.finish(walk.leaves)
            if into_grad:
                for target, gradient in zip(targets or (), found, strict=True):
                    if gradient is not None:
                        accumulate(target, gradient, create)
            return found
        for leaf, g, _ in walk.leaves.values():
            accumulate(leaf, _leaf_hooks(leaf, g) if leaf._hooks else g, create)
        return []
    finally:
        mode.grad = before


def _root_edge(root: Tensor, i: int) -> Any:
    if not isinstance(root, Tensor):
        raise TypeError(f"backward() needs Tensors, element {i} is {type(root).__name__}")
    if not root.requires_grad:
        raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
    return root._edge or (root, 0)


def _first_gradient(root: Tensor, g: Any, i: int) -> Tensor:
    if g is None:
        if root._array.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs; this one has shape {list(root._array.shape)}: pass gradient="
            )
        return from_array(np.array(1, root._array.dtype).reshape(root._array.shape))
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g._array.shape != root._array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape!r} and output[{i}] has a shape of {root.shape!r}."
        )
    return g


def _reachable(start: Iterable[Node]) -> list[Node]:
    """All nodes that gradients come to from `start`, parents before children."""
    seen = set(start)
    stack = list(seen)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and isinstance(edge[0], Node) and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return sorted(seen, key=lambda node: -node.sequence)


class _Walk:
    """Where a backward pass is: what arrived so far, and the nodes that it arrived at, the newest first."""

    __slots__ = ("arrived", "create", "leaves", "ready")

    def __init__(self, create: bool) -> None:
        self.create = create
        self.ready: list[tuple[int, Node]] = []  # a heap
        self.arrived: dict[Node, list[Any]] = {}  # a place for each output
        self.leaves: dict[int, tuple[Tensor, Tensor, bool]] = {}  # by id: the gradient and whether it is a sum

    def arrive(self, edge: Any, g: Any) -> None:
        """Bring a gradient to an edge's end: in its shape and dtype, added to what arrived there before."""
        end, slot = edge
        inner = end.__class__ is OpNode or isinstance(end, Node)
        if g.__class__ is not Tensor and isinstance(g, Later):
            if end.__class__ is OpNode and end not in self.arrived and end.outputs == [(g.shape, g.dtype)]:
                self.arrived[end] = [g]
                heappush(self.ready, (end.sequence, end))
                return
            g = g.now()
        shape, dtype = end.outputs[slot] if inner else (end._array.shape, end._array.dtype)
        array = g._array
        if array.shape != shape or array.dtype is not dtype:
            g = fit(g, shape, dtype, end)
        if inner:
            places = self.arrived.get(end)
            if places is None:
                places = self.arrived[end] = [None] * len(end.outputs)
                heappush(self.ready, (end.sequence, end))
            earlier = places[slot]
            places[slot] = g if earlier is None else add(now(earlier), g)
            return
        leaves = self.leaves
        known = leaves.get(id(end))
        if known is None:
            leaves[id(end)] = (end, g, False)
        elif self.create or not known[2]:
            leaves[id(end)] = (end, add(known[1], g), True)
        else:  # a sum that was made here and that nothing else holds
            add_into(known[1]._array, g._array)


def fit(g: Tensor, shape: tuple[int, ...], dtype: np.dtype[Any], end: Any = None) -> Tensor:
    """Sum a gradient over what was broadcast, and cast it to the dtype of the value it belongs to.

    Raises: RuntimeError if a derivative gave an impossible shape.
    """
    have = g._array.shape
    if have != shape:
        lead = len(have) - len(shape)
        if lead < 0 or any(n not in (1, m) for n, m in zip(shape, have[lead:], strict=True)):
            raise RuntimeError(
                f"{end!r} returned an invalid gradient: got {list(have)} but expected shape compatible with {list(shape)}"
            )
        axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(shape) if n == 1 and have[lead + i] != 1)
        if axes:
            g = sum_op(g, axis=axes, keepdims=True)
        if g._array.shape != shape:
            g = view_op(g, shape=shape)
    if g._array.dtype != dtype:
        if g._array.dtype.kind == "c" and dtype.kind == "f":
            g = from_array(g._array.real) if not g._requires_grad else _real(g)
        if g._array.dtype != dtype:
            g = cast_op(g, dtype=dtype)
    return g


def _real(g: Tensor) -> Tensor:
    from nptorch.ops.pointwise import real

    return real(g)


class _Targets:
    """The tensors whose gradients were asked for, and the nodes that lie on the way to them."""

    def __init__(self, targets: Sequence[Tensor], nodes: Sequence[Node]) -> None:
        self.targets = targets
        self.found: dict[int, Tensor | None] = {}
        self.at: dict[Node, list[tuple[int, int]]] = {}
        self.ends: set[int] = set()
        for i, t in enumerate(targets):
            if t.requires_grad and t._edge is not None:
                self.at.setdefault(t._edge[0], []).append((t._edge[1], i))
            else:
                self.ends.add(id(t))
        self.nodes: set[Node] = set()
        for node in nodes:
            if any(map(self._leads, node.edges)):
                self.nodes.add(node)

    def _leads(self, edge: Any) -> bool:
        """Whether a gradient along this edge comes to a target."""
        if edge is None:
            return False
        end = edge[0]
        return (end in self.nodes or end in self.at) if isinstance(end, Node) else id(end) in self.ends

    def needed(self, node: Node) -> list[bool]:
        """Which of a node's gradients come to a target."""
        return [self._leads(edge) for edge in node.edges]

    def take(self, node: Node, arrived: list[Tensor | None]) -> None:
        for slot, i in self.at.get(node, ()):
            self.found[i] = arrived[slot]

    def finish(self, leaves: dict[int, tuple[Tensor, Tensor, bool]]) -> list[Tensor | None]:
        for i, t in enumerate(self.targets):
            if t._edge is None and id(t) in leaves:
                self.found[i] = _leaf_hooks(t, leaves[id(t)][1])
        return [self.found.get(i) for i in range(len(self.targets))]


# --- arriving at a leaf ---


def accumulate(leaf: Tensor, g: Tensor, create: bool) -> None:
    """Add `g` to the leaf's `.grad`; the first gradient is taken over without a copy if nothing else holds it."""
    old = leaf._grad
    if old is None:
        array = g._array
        # `g` is held by this frame, the caller's name and its collection, and getrefcount's argument; more is another leaf or a user.
        mine = array.base is None and array.flags.writeable and sys.getrefcount(g) <= 4 and sys.getrefcount(array) <= 3
        if create:
            leaf._grad = g
        elif mine:
            g._edge, g._requires_grad, g._view = None, False, None
            leaf._grad = g
        else:
            leaf._grad = from_array(array.copy())
    elif create:
        leaf._grad = add(old, g)
    else:
        if old._array.flags.writeable and old._edge is None:
            add_into(old._array, g._array)
            old._version[0] += 1
        else:
            leaf._grad = from_array(old._array + g._array)
    hooks = getattr(leaf, "_after_accumulate", None)
    if hooks:
        for hook in list(hooks.values()):
            hook(leaf)


def _leaf_hooks(leaf: Tensor, g: Tensor) -> Tensor:
    for hook in list((leaf._hooks or {}).values()):
        g = _replaced(hook(g), g)
    return g


def _run_pre_hooks(node: Node, arrived: list[Tensor | None]) -> None:
    for slot, hook in list((node.pre_hooks or {}).values()):
        g = arrived[slot]
        if g is not None:
            arrived[slot] = _replaced(hook(g), g)


def _replaced(result: Any, g: Tensor) -> Tensor:
    if result is None:
        return g
    if not isinstance(result, Tensor):
        raise TypeError(f"hook for a tensor should return a Tensor or None, got {type(result).__name__}")
    if result._array.shape != g._array.shape:
        raise RuntimeError(
            f"hook has changed the size of value: from {list(g._array.shape)} to {list(result._array.shape)}"
        )
    return result


def _run_hooks(node: Node, results: Sequence[Tensor | None], arrived: list[Tensor | None]) -> Sequence[Tensor | None]:
    for hook in list((node.hooks or {}).values()):
        changed = hook(tuple(results), tuple(arrived))
        if changed is not None:
            results = changed if isinstance(changed, (tuple, list)) else (changed,)
    return results
