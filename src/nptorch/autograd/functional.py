"""Jacobians and Hessians of functions (https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.autograd.engine import grad
from nptorch.ops.join import stack
from nptorch.ops.shape import reshape
from nptorch.tensor import Tensor, from_array


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _leaves(inputs: Any) -> tuple[Tensor, ...]:
    made = tuple(x.detach().clone() for x in _as_tuple(inputs))
    for x in made:
        x.requires_grad = True
    return made


def _like(value: Any, found: tuple[Any, ...]) -> Any:
    return found if isinstance(value, (tuple, list)) else found[0]


def _values(y: Any, create_graph: bool = False) -> Any:
    """What a function gave, outside the graph unless that is wanted."""
    return y if create_graph else _like(y, tuple(o.detach() for o in _as_tuple(y)))


def _zeros(x: Tensor) -> Tensor:
    return from_array(np.zeros_like(x._array))


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> tuple[Any, Any]:
    """(func(inputs), v times its Jacobian)."""
    xs = _leaves(inputs)
    y = func(*xs)
    found = grad(y, xs, v, create_graph=create_graph, allow_unused=True)
    return _values(y, create_graph), _like(
        inputs, tuple(_zeros(x) if g is None else g for x, g in zip(xs, found, strict=True))
    )


def jvp(func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """(func(inputs), its Jacobian times v), by differentiating the vjp."""
    xs = _leaves(inputs)
    y = func(*xs)
    w = tuple(_zeros(o) for o in _as_tuple(y))
    for o in w:
        o.requires_grad = True
    gs = grad(y, xs, list(w), create_graph=True, allow_unused=True)
    pairs = [(g, t) for g, t in zip(gs, _as_tuple(v), strict=True) if g is not None]
    found = grad([g for g, _ in pairs], w, [t for _, t in pairs], create_graph=create_graph, allow_unused=True)
    return _values(y, create_graph), _like(
        y, tuple(_zeros(o) if g is None else g for o, g in zip(w, found, strict=True))
    )


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False
) -> Any:
    """The Jacobian: shape (output shape..., input shape...); nested tuples for several outputs or inputs."""
    xs = _leaves(inputs) if not create_graph else _as_tuple(inputs)
    y = func(*xs)
    rows = []
    for out in _as_tuple(y):
        flat = reshape(out, -1)
        lines = [
            grad(flat[k], xs, retain_graph=True, create_graph=create_graph, allow_unused=True)
            for k in range(flat._array.size)
        ]
        rows.append(
            tuple(
                reshape(
                    stack([_zeros(x) if line[i] is None else line[i] for line in lines]),
                    (*out._array.shape, *x._array.shape),
                )
                for i, x in enumerate(xs)
            )
        )
    return _like(y, tuple(_like(inputs, row) for row in rows))


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False
) -> Any:
    """The matrix of second derivatives of a scalar function."""

    def first(*xs: Tensor) -> Any:
        found = grad(func(*xs), xs, create_graph=True, allow_unused=True)
        return _like(inputs, tuple(_zeros(x) if g is None else g for x, g in zip(xs, found, strict=True)))

    return jacobian(first, inputs, create_graph=create_graph)


def vhp(func: Callable[..., Any], inputs: Any, v: Any) -> tuple[Any, Any]:
    """(func(inputs), v times its Hessian)."""
    xs = _leaves(inputs)
    y = func(*xs)
    gs = grad(y, xs, create_graph=True, allow_unused=True)
    pairs = [(g, t) for g, t in zip(gs, _as_tuple(v), strict=True) if g is not None]
    found = grad([g for g, _ in pairs], xs, [t for _, t in pairs], allow_unused=True)
    return _values(y), _like(inputs, tuple(_zeros(x) if g is None else g for x, g in zip(xs, found, strict=True)))


hvp = vhp
