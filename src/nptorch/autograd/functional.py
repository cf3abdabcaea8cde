"""Jacobians and Hessians of functions (https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api).

Inputs and results are a Tensor or a tuple of Tensors. With create_graph the results can be differentiated again; with strict an output
that does not depend on an input is an error instead of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch.autograd.engine import grad
from nptorch.grad_mode import enable_grad
from nptorch.ops.join import stack
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor, from_array

Tensors = tuple[Tensor, ...]


def _as_tuple(value: Any, what: str, where: str) -> Tensors:
    values = value if isinstance(value, tuple) else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Tensor):
            raise TypeError(
                f"The {what} given to {where} must be either a Tensor or a tuple of Tensors but the value at index {i} has type {type(v)}."
            )
    return values


def _like(value: Any, found: Tensors) -> Any:
    return found if isinstance(value, tuple) else found[0]


def _zeros(x: Tensor) -> Tensor:
    return from_array(np.zeros_like(x._array))


def _start(func: Callable[..., Any], inputs: Any, where: str, create: bool) -> tuple[Tensors, Any, Tensors]:
    """The inputs as they are differentiated by, the result, and the result as a tuple."""
    xs = tuple(
        x.view_as(x) if create and x.requires_grad else x.detach().requires_grad_()
        for x in _as_tuple(inputs, "inputs", where)
    )
    result = func(*xs)
    return xs, result, _as_tuple(result, f"outputs of the user-provided function to {where}", where)


def _slopes(outputs: Tensors, xs: Sequence[Tensor], v: Any, create: bool, strict: bool) -> Tensors:
    """v times the Jacobian; zeros where nothing depends on x, unless strict."""
    live = [i for i, out in enumerate(outputs) if out.requires_grad]
    if strict and len(live) < len(outputs):
        lost = min(set(range(len(outputs))) - set(live))
        raise RuntimeError(
            f"Output {lost} of the user-provided function does not require gradients. The outputs must be computed in a "
            "differentiable manner from the input when running in strict mode."
        )
    if not live:
        return tuple(_zeros(x) for x in xs)
    weights = None if v is None else [v[i] for i in live]
    found = grad([outputs[i] for i in live], xs, weights, retain_graph=True, create_graph=create, allow_unused=True)
    for i, g in enumerate(found):
        if strict and g is None:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}, which strict mode forbids."
            )
    return tuple(_zeros(x) if g is None else g for x, g in zip(xs, found, strict=True))


def _finished(value: Any, create: bool) -> Any:
    if create:
        return value
    return tuple(_finished(v, create) for v in value) if isinstance(value, tuple) else value.detach()


def _one_number(outputs: Tensors, where: str) -> None:
    if len(outputs) != 1 or outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {where} should contain a single element")


def _vector(v: Any, like: Tensors, what: str, where: str) -> Tensors | None:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {what} of {where} is a single Tensor with a single element."
            )
        return None
    given = _as_tuple(v, "vector", where)
    if [t.shape for t in given] != [t.shape for t in like]:
        raise RuntimeError(
            f"v has the shapes {[tuple(t.shape) for t in given]}: expected those of the {what}, {[tuple(t.shape) for t in like]}"
        )
    return given


@enable_grad()
def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), v times its Jacobian)."""
    xs, result, outputs = _start(func, inputs, "vjp", create_graph)
    weights = _vector(v, outputs, "output", "vjp")
    found = _slopes(outputs, xs, weights, create_graph, strict)
    return _finished(result, create_graph), _finished(_like(inputs, found), create_graph)


@enable_grad()
def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), its Jacobian times v), by differentiating the vjp."""
    xs, result, outputs = _start(func, inputs, "jvp", create_graph)
    tangents = _vector(v, xs, "input", "jvp")
    weights = tuple(_zeros(out).requires_grad_() for out in outputs)
    found = _slopes(_slopes(outputs, xs, weights, True, strict), weights, tangents, create_graph, False)
    return _finished(result, create_graph), _finished(_like(result, found), create_graph)


@enable_grad()
def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: shape (output shape..., input shape...); nested tuples for several outputs or inputs."""
    xs, result, outputs = _start(func, inputs, "jacobian", create_graph)
    rows = []
    for out in outputs:
        flat = reshape(out, -1)
        lines = [_slopes((flat[k],), xs, None, create_graph, strict) for k in range(flat._array.size)]
        columns = zip(*lines, strict=True) if lines else ((_zeros(x)[:0],) for x in xs)
        shaped = (reshape(stack(c), (*out.shape, *x.shape)) for c, x in zip(columns, xs, strict=True))
        rows.append(_like(inputs, tuple(shaped)))
    return _finished(_like(result, tuple(rows)), create_graph)


@enable_grad()
def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The matrix of second derivatives of a scalar function."""

    def first(*xs: Tensor) -> Any:
        outputs = _as_tuple(func(*xs), "outputs of the user-provided function", "hessian")
        _one_number(outputs, "hessian")
        return _like(inputs, _slopes(outputs, xs, None, True, strict))

    return jacobian(first, inputs, create_graph, strict)


def _second(func: Callable[..., Any], inputs: Any, v: Any, create: bool, strict: bool, where: str) -> tuple[Any, Any]:
    xs, result, outputs = _start(func, inputs, where, create)
    _one_number(outputs, where)
    weights = _vector(v, xs, "input", where)
    found = _slopes(_slopes(outputs, xs, None, True, strict), xs, weights, create, strict)
    return _finished(result, create), _finished(_like(inputs, found), create)


@enable_grad()
def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), v times its Hessian)."""
    return _second(func, inputs, v, create_graph, strict, "vhp")


@enable_grad()
def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), its Hessian times v): the same, as the Hessian is symmetric."""
    return _second(func, inputs, v, create_graph, strict, "hvp")
