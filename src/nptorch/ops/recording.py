"""What recording an operation means: the node that it leaves, what the node keeps, and which derivatives run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from nptorch.graph import Node, next_sequence
from nptorch.ops.later import Later
from nptorch.tensor import Tensor, refresh


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the positional parameters after the first, read cheaply: every import of the library asks for all of them."""
    code = function.__code__
    return code.co_varnames[1 : code.co_argcount]


class Vjp:
    """A derivative and what its parameter names ask for."""

    def __init__(self, op: Any, function: Callable[..., Any]) -> None:
        self.function = function
        code = function.__code__
        self.wants = positional(function)
        self.takes_later = code.co_varnames[:1] == ("later",)
        self.takes_all = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        self.keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        self.takes_params = self.takes_all or bool(self.keywords)
        self.takes_needs = "needs" in self.keywords
        known = {"inputs", *op.outputs, *op.aux, *op.inputs, *(n + "_shape" for n in op.inputs)} | (
            {"shapes"} if op.variadic else set()
        )
        if not known.issuperset(self.wants):
            raise TypeError(
                f"op {op.name}: a VJP names {set(self.wants) - known}, which is no input, output or shape of it"
            )

    def parameters(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.takes_all:
            return params
        return {name: params[name] for name in self.keywords if name in params}


class Plan:
    """What to keep, and which VJPs to run, when a given set of inputs needs a gradient; made once per set.

    bits: one for each input that needs a gradient, and one after the last input.
    """

    def __init__(self, op: Any, bits: int) -> None:
        names: list[str] = []
        self.op, self.variadic = op, op.variadic
        self.vjps: list[tuple[int, Vjp, tuple[int, ...] | None]] = []  # None: all values that are kept
        self.mask = mask = tuple([bool(bits >> i & 1) for i in range(bits.bit_length() - 1)])
        self.wanted = [i for i, needed in enumerate(mask) if needed]
        self.no_edges: list[Any] = [None] * len(mask)

        def places(vjp: Vjp) -> tuple[int, ...]:
            names.extend(name for name in vjp.wants if name not in names)
            return tuple(names.index(name) for name in vjp.wants)

        self.whole = op.joint  # the function that gives all gradients
        if op.together is not None and all(mask[op.inputs.index(name)] for name in op.together.wants):
            self.whole = op.together
        if self.whole is not None:
            places(self.whole)
        else:
            for i, needed in enumerate(mask):
                vjp = op.vjps[0 if op.variadic else i] if i < len(op.vjps) or op.variadic else None
                if needed and vjp is not None:
                    self.vjps.append((i, vjp, places(vjp)))
        self.fetches = [_fetch(op, name) for name in names]
        own = len(op.outputs)
        self.own = tuple([(k, i) for k, (kind, i) in enumerate(self.fetches) if kind == "output" and i < own])
        self.derives = self.whole is not None or bool(self.vjps)
        # Nearly always a derivative asks for all that is kept.
        every = tuple(range(len(names)))
        self.vjps = [(i, vjp, None if wanted == every else wanted) for i, vjp, wanted in self.vjps]

    def keeps(self, target: Tensor, inputs: Sequence[Any]) -> bool:
        """Whether the values of `target` are among what is kept."""
        for kind, i in self.fetches:
            if kind == "inputs" or (kind == "input" and inputs[i] is target):
                return True
        return False


def _fetch(op: Any, name: str) -> tuple[str, int]:
    if name in ("inputs", "shapes"):
        return name, 0
    if name in (results := op.outputs + op.aux):
        return "output", results.index(name)
    if name in op.inputs:
        return "input", op.inputs.index(name)
    return "shape", op.inputs.index(name.removesuffix("_shape"))


class OpNode(Node):
    """The node of a recorded Op."""

    __slots__ = ("params", "plan", "shown")
    __init__ = object.__init__  # record sets everything: a call of __init__ would take as long
    params: dict[str, Any]
    plan: Plan
    shown: str  # set by signatures.shown_as

    def name(self) -> str:
        label = getattr(self, "shown", self.plan.op.label)
        return label if isinstance(label, str) else label(self)

    def title(self) -> str:
        return self.plan.op.name

    def run(self, grads: list[Tensor | None], needed: Sequence[bool] | None = None) -> Sequence[Tensor | None]:
        plan, params = self.plan, self.params
        g: Any = grads[0] if len(grads) == 1 else tuple(grads)
        waits = g.__class__ is not Tensor and isinstance(g, Later)
        values = self.kept()
        if (whole := plan.whole) is not None:
            arriving = g.now() if waits and not whole.takes_later else g
            if whole.takes_needs:
                return whole.function(arriving, *values, needs=needed or plan.mask, **whole.parameters(params))
            return whole.function(arriving, *values, **whole.parameters(params))
        result: list[Tensor | None] = [None] * len(self.edges)
        for i, vjp, wanted in plan.vjps:
            if needed is not None and not needed[i]:
                continue
            given = values if wanted is None else [values[k] for k in wanted]
            arriving = g.now() if waits and not vjp.takes_later else g
            if plan.variadic:
                result[i] = vjp.function(arriving, *given, **vjp.parameters(params), i=i)
            elif vjp.takes_params:
                result[i] = vjp.function(arriving, *given, **vjp.parameters(params))
            else:
                result[i] = vjp.function(arriving, *given)
        return result


def mask_of(inputs: Sequence[Any]) -> int:
    """The bits of a Plan."""
    mask, bit = 0, 1
    for x in inputs:
        if isinstance(x, Tensor):
            if x._view is not None:
                refresh(x)
            if x._requires_grad:
                mask |= bit
        bit <<= 1
    return mask | bit


def record(op: Any, bits: int, inputs: tuple[Any, ...], params: dict[str, Any], results: tuple[Tensor, ...]) -> None:
    """Leave a node: where the gradients of `inputs` go, and what the derivatives need."""
    plan = op._plans.get(bits) or op._plan(bits)
    if not plan.derives:
        return
    edges = plan.no_edges.copy()
    for i in plan.wanted:
        x = inputs[i]
        edges[i] = x._edge or (x, 0)
    saved: list[Any] = []
    checks: list[tuple[list[int], int]] = []
    for kind, i in plan.fetches:
        value: Any
        if kind == "input":
            value = inputs[i] if i < len(inputs) else None
            if isinstance(value, Tensor):
                checks.append((value._version, value._version[0]))
        elif kind == "shape":
            value = inputs[i]
            value = value._array.shape if isinstance(value, Tensor) else ()
        elif kind == "output":
            value = results[i]
            checks.append((value._version, value._version[0]))
            if i < len(op.outputs):
                value = value._array  # the tensor itself would make a circle with the node
        elif kind == "inputs":
            value = inputs
        else:
            value = tuple([x._array.shape for x in inputs])
        saved.append(value)
    outputs: list[Any] = []
    node = OpNode()
    node.edges, node.outputs, node.sequence = edges, outputs, next_sequence()
    node.saved, node.checks, node.own = saved, checks, plan.own
    node.hooks = node.pre_hooks = None
    node.plan, node.params = plan, params
    for slot, result in zip(op.slots, results):  # noqa: B905  (the first results carry gradients)
        array = result._array
        dtype = array.dtype
        outputs.append((array.shape, dtype))
        if dtype.kind in "fc":
            result._edge = (node, slot)
            result._requires_grad = True
