"""The hooks of a Module: how they are registered, and a call that runs them."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nptorch.grad_mode import mode
from nptorch.graph import Hooks, Node, edge_of
from nptorch.tensor import Tensor, from_array

Hook = Callable[..., Any]


class Handle(Hooks.Handle):
    """Removes a hook, and what is noted about it in `marks`."""

    def __init__(self, hooks: dict[int, Any], key: int, marks: tuple[dict[int, bool], ...]) -> None:
        super().__init__(hooks, key)
        self._marks = marks

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        super().remove()
        for mark in self._marks:
            mark.pop(self.id, None)


def add(
    hooks: OrderedDict[int, Any], hook: Hook, *, prepend: bool = False, marks: tuple[dict[int, bool], ...] = ()
) -> Handle:
    """Register `hook` as the last (or first) of `hooks` and enter its key into `marks`."""
    key = Hooks.add(hooks, hook).id
    for mark in marks:
        mark[key] = True
    if prepend:
        hooks.move_to_end(key, last=False)
    return Handle(hooks, key, marks)


class Hooked:
    """The part of Module that registers hooks."""

    _backward_pre_hooks: OrderedDict[int, Hook]
    _backward_hooks: OrderedDict[int, Hook]
    _is_full_backward_hook: bool | None
    _forward_hooks: OrderedDict[int, Hook]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Hook]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]

    def register_forward_pre_hook(self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False) -> Handle:
        """Call `hook(module, args)` before forward(); it may return other arguments."""
        marks = (self._forward_pre_hooks_with_kwargs,) if with_kwargs else ()
        return add(self._forward_pre_hooks, hook, prepend=prepend, marks=marks)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Handle:
        """Call `hook(module, args, output)` after forward(); it may return another output."""
        marks = [self._forward_hooks_with_kwargs] if with_kwargs else []
        if always_call:
            marks.append(self._forward_hooks_always_called)
        return add(self._forward_hooks, hook, prepend=prepend, marks=tuple(marks))

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` before the module's backward pass; it may return another grad_output."""
        return add(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` after the backward pass; it may return another grad_input."""
        self._is_full_backward_hook = True
        return add(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook: Hook) -> Handle:
        """PyTorch's older name; the hook is a full backward hook."""
        return self.register_full_backward_hook(hook)


class _Everywhere(Hooked):
    """The hooks of all modules, kept as each keeps its own, and those that watch what modules are given."""

    def __init__(self) -> None:
        self.used = False
        self._backward_pre_hooks, self._backward_hooks = OrderedDict(), OrderedDict()
        self._forward_hooks, self._forward_hooks_with_kwargs = OrderedDict(), OrderedDict()
        self._forward_hooks_always_called = OrderedDict()
        self._forward_pre_hooks, self._forward_pre_hooks_with_kwargs = OrderedDict(), OrderedDict()
        self.members: dict[str, OrderedDict[int, Hook]] = {k: OrderedDict() for k in ("parameter", "buffer", "module")}


EVERYWHERE = _Everywhere()


def for_all_modules(register: Callable[..., Handle]) -> Callable[..., Handle]:
    """One of Hooked's methods, for hooks that every module calls before its own."""

    @functools.wraps(register)
    def call(hook: Hook, **options: Any) -> Handle:
        EVERYWHERE.used = True  # from now on every call looks for hooks
        return register(EVERYWHERE, hook, **options)

    return call


def on_registration(kind: str) -> Callable[[Hook], Handle]:
    """The function that adds a hook(module, name, value) for each "parameter", "buffer" or "module" given to a module."""
    return lambda hook: add(EVERYWHERE.members[kind], hook)


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered: the value, or what a hook puts in its place."""
    for hook in EVERYWHERE.members[kind].values():
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value


def _each(registry: str, module: Any) -> Iterator[tuple[Any, int, Hook]]:
    """The hooks of a registry with their owner and key: those of all modules, then the module's own."""
    for owner in (EVERYWHERE, module):
        for key, hook in list(getattr(owner, registry).items()):
            yield owner, key, hook


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with the module's hooks around it."""
    done: set[int] = set()
    result: Any = None
    try:
        args, kwargs = _before_forward(module, args, kwargs)
        boundary = None
        if any(True for registry in ("_backward_hooks", "_backward_pre_hooks") for _ in _each(registry, module)):
            boundary = _Boundary(module)
            args = boundary.enter(args)
        result = module.forward(*args, **kwargs)
        for owner, key, hook in _each("_forward_hooks", module):
            done.add(key)
            result = _after_forward(owner, module, key, hook, args, kwargs, result)
        return boundary.leave(result) if boundary is not None else result
    except Exception:
        for owner, key, hook in _each("_forward_hooks", module):
            if key in owner._forward_hooks_always_called and key not in done:
                try:
                    result = _after_forward(owner, module, key, hook, args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        f"a forward hook with always_call=True failed after forward had failed too: {error}",
                        stacklevel=3,
                    )
        raise


def _before_forward(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for owner, key, hook in _each("_forward_pre_hooks", module):
        if key in owner._forward_pre_hooks_with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def _after_forward(owner: Any, module: Any, key: int, hook: Hook, args: Any, kwargs: Any, result: Any) -> Any:
    if key in owner._forward_hooks_with_kwargs:
        changed = hook(module, args, kwargs, result)
    else:
        changed = hook(module, args, result)
    return result if changed is None else changed


class _Boundary:
    """Two identity nodes around a forward pass, which see all gradients of its outputs and of its inputs at once."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.grad_output: tuple[Tensor | None, ...] = ()
        self.inputs = 0
        self.inner: _Gate | None = None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, led through a node that calls the backward hooks."""
        self.inputs = len(args)
        if not (mode.grad and any(isinstance(x, Tensor) and x.requires_grad for x in args)):
            return args
        self.inner = _Gate("BackwardHookFunctionBackward", args, self._on_grad_input)
        return self.inner.passed

    def leave(self, result: Any) -> Any:
        """The output, led through a node that calls the backward pre-hooks."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                f"backward hooks need a module whose output is a Tensor or a tuple of Tensors, this one is {type(result)}; "
                "they are not called",
                stacklevel=4,
            )
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        if not (mode.grad and any(isinstance(x, Tensor) and x.requires_grad for x in outputs)):
            return result
        passed = _Gate("BackwardHookFunctionBackward", outputs, self._on_grad_output).passed
        return passed if isinstance(result, tuple) else passed[0]

    def _on_grad_output(self, grads: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        for _, _, hook in _each("_backward_pre_hooks", self.module):
            grads = _same_length(hook(self.module, grads), grads, "Backward pre hook", "grad_output")
        self.grad_output = grads
        if self.inner is None:
            self._call_hooks((None,) * self.inputs)
        return grads

    def _on_grad_input(self, grads: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return self._call_hooks(grads)

    def _call_hooks(self, grads: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        for _, _, hook in _each("_backward_hooks", self.module):
            grads = _same_length(hook(self.module, grads, self.grad_output), grads, "Backward hook", "grad_input")
        return grads


class _Gate(Node):
    """The identity of several values; `on_grads` sees, and may replace, their gradients."""

    __slots__ = ("label", "on_grads", "passed")

    def __init__(self, label: str, values: tuple[Any, ...], on_grads: Callable[..., Any]) -> None:
        tensors = [x if isinstance(x, Tensor) else None for x in values]
        outputs: list[Any] = [
            (x._array.shape, x._array.dtype) if x is not None and x._array.dtype.kind in "fc" else ((), None)
            for x in tensors
        ]
        super().__init__([None if x is None else edge_of(x) for x in tensors], outputs)
        self.label, self.on_grads = label, on_grads
        self.passed = tuple(self._pass(value, slot) for slot, value in enumerate(values))

    def name(self) -> str:
        return self.label

    def run(self, grads: list[Tensor | None], needed: Sequence[bool] | None = None) -> tuple[Tensor | None, ...]:
        # Hooks get zeros, not None, for a tensor that the loss does not depend on.
        return self.on_grads(
            tuple(
                from_array(np.zeros(shape, dtype)) if g is None and dtype is not None else g
                for g, (shape, dtype) in zip(grads, self.outputs, strict=True)
            )
        )

    def _pass(self, value: Any, slot: int) -> Any:
        if not isinstance(value, Tensor) or not value.requires_grad:
            return value
        made = from_array(value._array)
        made._edge, made._requires_grad, made._version = (self, slot), True, value._version
        # A view, so that an in-place change of what passed moves the graph of the original too.
        made._view, made._seen = value._view or (value, ()), value._view[0]._edge if value._view else value._edge
        return made


def _same_length(result: Any, grads: tuple[Any, ...], who: str, what: str) -> tuple[Any, ...]:
    if result is None:
        return grads
    result = result if isinstance(result, tuple) else (result,)
    if len(result) != len(grads):
        raise RuntimeError(f"{who} returned an invalid number of {what}, got {len(result)}, but expected {len(grads)}")
    return result
