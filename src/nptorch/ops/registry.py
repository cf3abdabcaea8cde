"""One way to define an operation: `op(name, forward, one VJP per input, promote=rule)`.

- `forward(xp, *inputs, **params)` computes with an array module: the reference, for every dtype.
- A VJP `(g, ...)` gives one input's gradient from the output's. Its parameter names say what is kept for it: an input (`x`), that
  input's shape (`x_shape`), the output (`out`), an auxiliary output, or a parameter. VJPs are written in Tensor operations, so they can be
  differentiated again.
- `joint` gives all inputs' gradients at once, where they share work; `together` does so where the inputs that it names all need
  theirs, and else each has its own VJP. `needs` tells them which gradients are asked for.
- A VJP whose first parameter is called `later` also takes a gradient that is not computed yet (see later.py).
- `native`, set by `kernels`, is a faster forward that may return NotImplemented.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.grad_mode import mode
from nptorch.kernels.native import use_cached_memory
from nptorch.ops.promotion import Rule, broadcast_error
from nptorch.ops.recording import Plan, Vjp, mask_of, positional, record
from nptorch.tensor import Tensor, from_array, refresh

TABLE: dict[str, Op] = {}
_new = object.__new__
ndarray = np.ndarray


class _Quiet(threading.local):
    """Runs NumPy with floating-point warnings off: entering a prepared context costs 0.04 us, np.errstate 1 us."""

    def __init__(self) -> None:
        context = Context()
        context.run(np.seterr, all="ignore")
        context.run(use_cached_memory)  # NumPy's allocator is a context's, too
        self.run = context.run


quiet = _Quiet()


class Op:
    """A differentiable operation on tensors; calling it computes and, if a gradient is wanted, records."""

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjps: tuple[Callable[..., Any] | None, ...],
        *,
        joint: Callable[..., Any] | None,
        together: Callable[..., Any] | None,
        promote: Rule | None,
        outputs: tuple[str, ...] | None,
        aux: tuple[str, ...],
        label: str | Callable[..., str] | None,
    ) -> None:
        self.name, self.forward, self.promote = name, forward, promote
        self.label = label or "".join(part.capitalize() for part in name.split("_")) + "Backward0"
        self.native: Callable[..., Any] | None = None
        self.native_takes_out = False
        self.outputs, self.aux = outputs or (), aux
        self.slots = range(sys.maxsize if outputs is None else len(outputs))
        self.inputs = positional(forward)
        if clash := set(self.inputs) & set(self.outputs + aux):
            raise TypeError(f"op {name}: {clash} names an input and a result; a VJP could not say which it means")
        self.variadic = bool(forward.__code__.co_flags & inspect.CO_VARARGS)
        self.vjps = (Vjp(self, joint),) if joint else tuple(Vjp(self, f) if f else None for f in vjps)
        self.joint = self.vjps[0] if joint else None
        self.together = Vjp(self, together) if together else None
        self.differentiable = bool(joint) or any(vjps)
        self._plans: dict[Any, Plan] = {}

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        arrays: Any = []
        mask, bit = 0, 1  # the inputs that require a gradient
        for x in inputs:
            if isinstance(x, Tensor):
                if x._view is not None:
                    refresh(x)
                if x._requires_grad:
                    mask |= bit
                arrays.append(x._array)
            else:
                arrays.append(x)
            bit <<= 1
        native = self.native
        out = NotImplemented if native is None else native(*arrays, **params) if params else native(*arrays)
        if out is NotImplemented:
            out = self.reference(arrays, params)
        if out.__class__ is tuple:
            results = tuple(map(from_array, out))
            if mask and self.differentiable and mode.grad:
                record(self, mask | bit, inputs, params, results)
            return results
        # What from_array does, written out: these are the hottest lines of the library.
        result = _new(Tensor)
        result._array = out
        result._requires_grad = False
        result._edge = result._grad = result._hooks = result._view = None
        result._version = [0]
        if mask and self.differentiable and mode.grad:
            record(self, mask | bit, inputs, params, (result,))
        return result

    def reference(self, arrays: Any, params: dict[str, Any]) -> Any:
        """The dtype rule and the forward. A native kernel needs no rule: it takes arrays of one floating type only."""
        if self.promote is not None:
            arrays = self.promote(arrays)
        try:
            out = quiet.run(self.forward, np, *arrays, **params)
        except ValueError as error:
            if "broadcast" in str(error):
                raise broadcast_error(arrays) from None
            raise
        if out.__class__ is ndarray:
            return out
        return tuple(map(np.asarray, out)) if out.__class__ is tuple else np.asarray(out)

    def into(self, target: Tensor, *inputs: Any, **params: Any) -> Tensor:
        """The in-place form: compute, write into `target` (usually the first input), and move its place in the graph.

        Raises: RuntimeError for a leaf that requires grad, a result that does not fit, or overlapping memory.
        """
        mask = mask_of(inputs)
        recorded = mode.grad and self.differentiable and mask.bit_count() > 1
        check_writable(target, self.name + "_")
        if recorded:
            # Operations that need the value they overwrite keep a copy of it.
            wanted = self._plan(mask).keeps(target, inputs)
            inputs = tuple([_before(x, copy=wanted) if x is target else x for x in inputs])
        arrays = [x._array if isinstance(x, Tensor) else x for x in inputs]
        place = target._array
        values = NotImplemented
        if self.native is not None:
            direct = self.native_takes_out and not _overlap(arrays, place)
            values = self.native(*arrays, out=place, **params) if direct else self.native(*arrays, **params)
        if values is NotImplemented:
            values = self.reference(arrays, params)
        if values is place:
            target._version[0] += 1
        else:
            write(target, values, self.name + "_")
        if recorded:
            made = target if target._view is None else from_array(target._array)
            made._version = target._version
            made._edge, made._requires_grad = None, False
            record(self, mask, inputs, params, (made,))
            if made is not target:
                rebase(target, made._edge)
        return target

    def _plan(self, mask: int) -> Plan:
        plan = self._plans.get(mask)
        if plan is None:
            plan = self._plans[mask] = Plan(self, mask)
        return plan


class ViewOp(Op):
    """An operation that computes nothing: its result shares the memory of its only input."""

    def __call__(self, x: Tensor, **params: Any) -> Tensor:
        if x._view is not None:
            refresh(x)
        # What from_array and mark_view do, written out.
        result = _new(Tensor)
        result._array = self.forward(np, x._array, **params)
        result._requires_grad = False
        result._edge = result._grad = result._hooks = None
        result._version = x._version
        root, chain = x._view or (x, ())
        result._view = root, chain + ((self, params),)
        result._seen = root._edge
        if x._requires_grad and mode.grad:
            record(self, _ONLY, (x,), params, (result,))
        return result


_ONLY = 0b11  # the bits of a Plan where the only input needs a gradient


def _overlap(arrays: Sequence[Any], place: Any) -> bool:
    """Whether an array other than `place` itself may share its memory."""
    for x in arrays:
        if x is not place and isinstance(x, np.ndarray) and np.may_share_memory(x, place):
            return True
    return False


# --- views and in-place changes ---


def mark_view(op: Op, source: Tensor, result: Tensor, params: dict[str, Any]) -> None:
    """Note that `result` is the view of `source` that `op` gives, so that changes of either reach the other."""
    result._version = source._version
    root, chain = source._view or (source, ())
    result._view = root, chain + ((op, params),)  # half the time of unpacking
    result._seen = root._edge


def _before(tensor: Tensor, copy: bool) -> Tensor:
    """What `tensor` was before an in-place change: its old place in the graph and, if a derivative needs them, its old values."""
    old = from_array(tensor._array.copy() if copy else tensor._array)
    old._edge, old._requires_grad = tensor._edge, tensor._requires_grad
    return old


def _overlaps(array: Any) -> bool:
    """Whether elements share their memory, as an expanded tensor's do."""
    return array.size > 1 and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True))


def check_writable(target: Tensor, name: str) -> None:
    """Raises: RuntimeError if an in-place change of `target` is not allowed."""
    root = target._view[0] if target._view is not None else target
    if mode.grad and root._requires_grad and root._edge is None:
        what = (
            "a leaf Variable that requires grad" if root is target else "a view of a leaf Variable that requires grad"
        )
        raise RuntimeError(
            f"{what} is being used in an in-place operation ({name}); wrap it in no_grad(), or use the form without _"
        )
    array = target._array
    if not array.flags.writeable or (0 in array.strides and _overlaps(array)):
        raise RuntimeError(
            f"{name}: more than one element of the written-to tensor refers to a single memory location, or its memory is "
            "read-only. Please clone() the tensor before performing the operation."
        )


_KIND_RANK = {"b": dtypes.BOOL, "u": dtypes.INT, "i": dtypes.INT, "f": dtypes.FLOAT, "c": dtypes.COMPLEX}


def check_category(target: Tensor, found: Any, name: str) -> None:
    """Raises: RuntimeError if `target` holds integers and a floating-point result is to go there, and the like."""
    if _KIND_RANK[found.kind] > _KIND_RANK[target._array.dtype.kind]:
        raise RuntimeError(
            f"{name}: result type {dtypes.of(found)!r} can't be cast to the desired output type {target.dtype!r}"
        )


def write(target: Tensor, values: Any, name: str) -> None:
    """Write an operation's result into `target` and count the change.

    Raises: RuntimeError if the shape would grow or the category of the dtype would fall.
    """
    values = np.asarray(values)
    check_category(target, values.dtype, name)
    if values.shape != target._array.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(target._array.shape)} doesn't match the broadcast shape {list(values.shape)}"
        )
    np.copyto(target._array, values, casting="unsafe")
    target._version[0] += 1


def rebase(target: Tensor, edge: Any) -> None:
    """Give a view a new place in the graph after an in-place change, and its root with it."""
    root, chain = target._view  # type: ignore[misc]
    new_part = from_array(target._array)
    new_part._edge, new_part._requires_grad = edge, True
    made = from_array(root._array)
    made._version = root._version
    parts = (_before(root, copy=False), new_part)
    record(copy_slices, mask_of(parts), parts, {"chain": chain}, (made,))
    root._edge, root._requires_grad = made._edge, True
    refresh(target)


def replay(tensor: Tensor, chain: tuple[Any, ...]) -> Tensor:
    """Lead a tensor through recorded view operations."""
    for view, params in chain:
        tensor = view(tensor, **params)
    return tensor


def op(
    name: str,
    forward: Callable[..., Any],
    *vjps: Callable[..., Any] | None,
    joint: Callable[..., Any] | None = None,
    together: Callable[..., Any] | None = None,
    promote: Rule | None = None,
    outputs: tuple[str, ...] | None = ("out",),
    aux: tuple[str, ...] = (),
    view: bool = False,
    label: str | Callable[..., str] | None = None,
) -> Op:
    """Define an operation and enter it into TABLE.

    outputs: names of the results that carry gradients; of several, a VJP gets a tuple, None where no gradient came. None: all results
    do, however many, and no derivative asks for them.
    aux: names of further results that carry none.
    view: the result shares the first input's memory. label: the graph node's name where PyTorch's differs, or a
    function of the node that gives it.
    """
    if name in TABLE:
        raise ValueError(f"op {name!r} is defined twice")
    made = (ViewOp if view else Op)(
        name, forward, vjps, joint=joint, together=together, promote=promote, outputs=outputs, aux=aux, label=label
    )
    TABLE[name] = made
    return made


def _copy_slices(xp: Any, x: Any, part: Any, *, chain: tuple[Any, ...]) -> Any:
    out = place = x.copy("K")
    for view, params in chain:
        place = view.forward(xp, place, **params)
    place[...] = part
    return out


# What a root became after a view of it was written: the part's gradient is the view of g, the rest passes on.
copy_slices = op(
    "copy_slices",
    _copy_slices,
    # real zeros: the view may have been of a complex tensor's parts
    lambda g, part_shape, *, chain: copy_slices(g, from_array(np.zeros(part_shape, g._array.real.dtype)), chain=chain),
    lambda g, *, chain: replay(g, chain),
    label="CopySlices",
)
