"""Derivatives of functions and batches of calls (https://pytorch.org/docs/stable/func.html).

`vmap` calls the function once for each element and stacks the results: right, and as slow as the loop that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nptorch.autograd import functional
from nptorch.autograd.engine import grad as _gradients
from nptorch.grad_mode import enable_grad
from nptorch.nn.module import Module
from nptorch.ops.join import stack
from nptorch.tensor import Tensor


def _numbers(argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else argnums


def _leaves(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from _leaves(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)


def _mapped(f: Callable[[Tensor], Any], value: Any) -> Any:
    """The same nest of dictionaries, lists and tuples with f of each Tensor."""
    if isinstance(value, Tensor):
        return f(value)
    if isinstance(value, dict):
        return {k: _mapped(f, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_mapped(f, v) for v in value)
    return value


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function of the same arguments that gives (gradients, value); `func` returns a scalar, or (scalar, anything) with has_aux."""
    numbers = _numbers(argnums)

    def call(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            # An input that is part of an outer derivative stays one; others become leaves of this one.
            watched = [
                _mapped(lambda t: t.view_as(t) if t.requires_grad else t.detach().requires_grad_(), a)
                if i in numbers
                else a
                for i, a in enumerate(args)
            ]
            outer = any(t.requires_grad for t in _leaves(args))
            result = func(*watched, **kwargs)
            value, aux = result if has_aux else (result, None)
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise RuntimeError(f"grad() needs a function that returns one number, not {value!r}")
            targets = [t for i in numbers for t in _leaves(watched[i])]
            found = iter(_gradients(value, targets, create_graph=outer, allow_unused=True, materialize_grads=True))
        grads = tuple(_mapped(lambda t: next(found), watched[i]) for i in numbers)
        gradients = grads[0] if isinstance(argnums, int) else grads
        value = value if outer else value.detach()
        return (gradients, (value, aux)) if has_aux else (gradients, value)

    return call


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function of the same arguments that gives the gradients of func's value."""
    both = grad_and_value(func, argnums, has_aux)

    def call(*args: Any, **kwargs: Any) -> Any:
        gradients, value = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return call


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), the function that takes a cotangent of the result to those of the primals)."""
    with enable_grad():
        inputs = [_mapped(lambda t: t.detach().requires_grad_(), p) for p in primals]
        result = func(*inputs)
    out, aux = result if has_aux else (result, None)

    def back(cotangents: Any) -> Any:
        targets = list(_leaves(inputs))
        found = iter(
            _gradients(list(_leaves(out)), targets, list(_leaves(cotangents)), retain_graph=True, allow_unused=True, materialize_grads=True)
        )  # fmt: skip
        return tuple(_mapped(lambda t: next(found), p) for p in inputs)

    detached = _mapped(lambda t: t.detach(), out)
    return (detached, back, aux) if has_aux else (detached, back)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """(func(*primals), its derivative along the tangents)."""
    return functional.jvp(func, primals, tangents)


def jacrev(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function of the same arguments that gives the Jacobian."""

    def call(*args: Any) -> Any:
        def of_one(x: Any) -> Any:
            return func(*args[:argnums], x, *args[argnums + 1 :])

        create = any(t.requires_grad for t in _leaves(args))
        return functional.jacobian(of_one, args[argnums], create_graph=create)

    return call


jacfwd = jacrev


def hessian(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function of the same arguments that gives the second derivatives."""

    def call(*args: Any) -> Any:
        return functional.hessian(lambda x: func(*args[:argnums], x, *args[argnums + 1 :]), args[argnums])

    return call


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable[..., Any]:  # fmt: skip
    """A function that takes an additional dimension in its arguments (in_dims; None for one that is shared) and its results.

    Raises: ValueError where no argument has such a dimension, or their lengths differ.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        dims = in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
        if len(dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments")
        lengths = {t.shape[d] for a, d in zip(args, dims, strict=True) if d is not None for t in _leaves(a)}
        if len(lengths) != 1:
            raise ValueError(
                f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(lengths)}"
            )

        def element(i: int) -> list[Any]:
            def part(a: Any, d: int | None) -> Any:
                return a if d is None else _mapped(lambda t: t.select(d, i), a)

            return [part(a, d) for a, d in zip(args, dims, strict=True)]

        results = [func(*element(i), **kwargs) for i in range(lengths.pop())]
        first = results[0]
        if isinstance(first, tuple):
            outs = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(first)
            return tuple(stack([r[k] for r in results], outs[k]) for k in range(len(first)))
        if isinstance(first, dict):
            return {k: stack([r[k] for r in results], out_dims) for k in first}
        return stack(results, out_dims)

    return call


@contextmanager
def _with_parameters(module: Module, values: dict[str, Tensor]) -> Iterator[None]:
    """The module with these tensors in the places of its parameters and buffers."""
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, value in values.items():
            path, _, last = name.rpartition(".")
            owner = module.get_submodule(path)
            places = owner._parameters if last in owner._parameters else owner._buffers
            if last not in places:
                raise KeyError(f"functional_call: the module has no parameter or buffer {name!r}")
            before.append((places, last, places[last]))
            places[last] = value
        yield
    finally:
        for places, last, value in reversed(before):
            places[last] = value


def functional_call(
    module: Module, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Any = None, *, tie_weights: bool = True, strict: bool = False
) -> Any:  # fmt: skip
    """module(*args, **kwargs) with other tensors in the places of its parameters and buffers.

    Raises: KeyError for a name that the module does not have.
    """
    dicts = (
        parameter_and_buffer_dicts
        if isinstance(parameter_and_buffer_dicts, (tuple, list))
        else [parameter_and_buffer_dicts]
    )
    merged = {name: value for d in dicts for name, value in d.items()}
    with _with_parameters(module, merged):
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))


def stack_module_state(models: list[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and buffers of equal models, each stacked along a new first dimension."""
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    stacked = {k: stack([p[k].detach() for p in parameters]).requires_grad_() for k in parameters[0]}
    return stacked, {k: stack([b[k] for b in buffers]) for k in buffers[0]}
