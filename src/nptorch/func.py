"""Derivatives of functions and batches of calls (https://pytorch.org/docs/stable/func.html).

Arguments and results may be nests of tuples, lists and dictionaries. `vmap` calls the function once for each element and stacks the
results: right, and as slow as the loop that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nptorch.autograd.engine import grad as _gradients
from nptorch.grad_mode import enable_grad, is_grad_enabled
from nptorch.graph import Node, edge_of
from nptorch.nn.module import Module
from nptorch.ops.join import stack
from nptorch.ops.pointwise import zeros_of
from nptorch.random import get_rng_state, set_rng_state
from nptorch.tensor import Tensor


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
        made = [_mapped(f, v) for v in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return value


def _watched(value: Any) -> Any:
    """Inputs to differentiate by: what is part of an outer derivative stays one, the rest become leaves of this one."""
    return _mapped(lambda t: t.view_as(t) if t.requires_grad else t.detach().requires_grad_(), value)


def _is_inner(results: Any, inputs: Any) -> bool:
    """Whether results depend on more than the inputs, such as weights that the function knows: a derivative among others."""
    own = {id(t) for t in _leaves(inputs)}
    seen: set[int] = set()
    ahead = [edge[0] for t in _leaves(results) if (edge := edge_of(t)) is not None]
    while ahead:
        at = ahead.pop()
        if id(at) in seen:
            continue
        seen.add(id(at))
        if isinstance(at, Node):
            ahead.extend(edge[0] for edge in at.edges if edge is not None)
        elif id(at) not in own:
            return True
    return False


class _Call:
    """A function called with inputs that are watched, its result, and the gradients from one to the other."""

    def __init__(self, func: Callable[..., Any], watched: Any, args: Any, kwargs: Any, has_aux: bool) -> None:
        outside = is_grad_enabled()
        with enable_grad():
            result = func(*args, **kwargs)
        self.result: Any
        self.aux: Any
        self.result, self.aux = result if has_aux else (result, None)
        self.targets = list(_leaves(watched))
        self.inner = outside and _is_inner(self.result, watched)

    def seen(self, value: Any) -> Any:
        """A result as the caller gets it."""
        return _mapped(lambda t: t if self.inner else t.detach(), value)

    def pull(self, outputs: list[Tensor], weights: list[Any] | None, create: bool = False) -> list[Tensor]:
        """The gradients of the inputs, for weights of the outputs."""
        if not self.targets or not any(t.requires_grad for t in outputs):
            return [zeros_of(t) for t in self.targets]
        with enable_grad():
            found = _gradients(
                outputs, self.targets, weights, retain_graph=True, create_graph=create or self.inner, allow_unused=True, materialize_grads=True
            )  # fmt: skip
        return list(found)  # type: ignore[arg-type]


def _numbers(argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else argnums


def _chosen(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, argnums: int | tuple[int, ...], has_aux: bool
) -> tuple[Any, _Call]:
    """The call with the arguments of these numbers watched; those arguments."""
    numbers = [n % len(args) for n in _numbers(argnums)]
    all_args = [_watched(a) if i in numbers else a for i, a in enumerate(args)]
    inputs = tuple(all_args[n] for n in numbers)
    shaped = inputs[0] if isinstance(argnums, int) else inputs
    return shaped, _Call(func, inputs, all_args, kwargs, has_aux)


def _filled(shape: Any, values: list[Tensor]) -> Any:
    found = iter(values)
    return _mapped(lambda t: next(found), shape)


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function of the same arguments that gives (gradients, value); `func` returns a scalar, or (scalar, anything) with has_aux."""

    def call(*args: Any, **kwargs: Any) -> Any:
        inputs, done = _chosen(func, args, kwargs, argnums, has_aux)
        value = done.result
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise RuntimeError(f"grad() needs a function that returns one number, not {value!r}")
        gradients = _filled(inputs, done.pull([value], None))
        value = done.seen(value)
        return (gradients, (value, done.seen(done.aux))) if has_aux else (gradients, value)

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
    inputs = tuple(_watched(p) for p in primals)
    done = _Call(func, inputs, inputs, {}, has_aux)

    def back(*cotangents: Any) -> Any:
        return _filled(inputs, done.pull(list(_leaves(done.result)), list(_leaves(cotangents))))

    out = done.seen(done.result)
    return (out, back, done.seen(done.aux)) if has_aux else (out, back)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """(func(*primals), the function that takes tangents of the primals to that of the result)."""
    inputs = tuple(_watched(p) for p in primals)
    done = _Call(func, inputs, inputs, {}, False)
    outputs = list(_leaves(done.result))
    # What is linear in weights of the outputs is differentiated by them: the transposed of a vjp.
    weights = [zeros_of(t).requires_grad_() for t in outputs]
    slopes = done.pull(outputs, weights, create=True)

    def forward(*tangents: Any) -> Any:
        pairs = [(s, t) for s, t in zip(slopes, _leaves(tangents), strict=True) if s.requires_grad]
        if not pairs:
            return _mapped(zeros_of, done.result)
        found = _gradients(
            [s for s, _ in pairs], weights, [t for _, t in pairs], retain_graph=True, allow_unused=True, materialize_grads=True,
            create_graph=done.inner or any(t.requires_grad for _, t in pairs),
        )  # fmt: skip
        return _filled(done.result, list(found))  # type: ignore[arg-type]

    return done.seen(done.result), forward


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> Any:
    """(func(*primals), its derivative along the tangents)."""
    kept: list[Any] = []

    def first(*args: Any) -> Any:
        result = func(*args)
        kept.append(result[1] if has_aux else None)
        return result[0] if has_aux else result

    out, forward = linearize(first, *primals)
    return (out, forward(*tangents), kept[0]) if has_aux else (out, forward(*tangents))


def jacrev(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:  # fmt: skip
    """A function of the same arguments that gives the Jacobian: (shape of the result..., shape of the argument...)."""

    def call(*args: Any, **kwargs: Any) -> Any:
        inputs, done = _chosen(func, args, kwargs, argnums, has_aux)

        def rows(out: Tensor) -> Any:
            with enable_grad():
                flat = out.reshape(-1)
            lines = [done.pull([flat[k]], None) for k in range(flat.numel())]
            columns = [
                stack([line[i] for line in lines]).reshape((*out.shape, *t.shape))
                if lines
                else t.new_zeros((*out.shape, *t.shape))
                for i, t in enumerate(done.targets)
            ]
            return _filled(inputs, columns)

        found = _mapped(rows, done.result)
        return (found, done.seen(done.aux)) if has_aux else found

    return call


def jacfwd(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable[..., Any]:  # fmt: skip
    """jacrev(): the same Jacobian."""
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function of the same arguments that gives the second derivatives."""
    return jacrev(jacrev(func, argnums), argnums)


def _zipped(value: Any, dims: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """The tensors of a nest, each with its mapped dimension or None."""
    if dims is None or isinstance(dims, int):
        yield from ((t, dims) for t in _leaves(value))
        return
    keys = dims.keys() if isinstance(dims, dict) else range(len(dims))
    if not isinstance(value, (dict, list, tuple)) or len(value) != len(dims):
        raise ValueError(
            f"vmap: in_dims is not compatible with the structure of inputs: in_dims{path} has {len(dims)} entries, the argument "
            f"{len(value) if isinstance(value, (dict, list, tuple)) else 'is one tensor'}"
        )
    for k in keys:
        yield from _zipped(value[k], dims[k], f"{path}[{k!r}]")


def _element(value: Any, dims: Any, i: int) -> Any:
    if dims is None:
        return value
    if isinstance(dims, int):
        return _mapped(lambda t: t.select(dims, i), value)
    if isinstance(dims, dict):
        return {k: _element(v, dims[k], i) for k, v in value.items()}
    return type(value)(_element(v, d, i) for v, d in zip(value, dims, strict=True))


def _stacked(results: list[Any], dims: Any) -> Any:
    first = results[0]
    if isinstance(first, Tensor):
        return stack(results, dims)
    if isinstance(first, dict):
        return {k: _stacked([r[k] for r in results], dims[k] if isinstance(dims, dict) else dims) for k in first}
    if isinstance(first, (list, tuple)):
        each = dims if isinstance(dims, (list, tuple)) else [dims] * len(first)
        made = [_stacked([r[k] for r in results], each[k]) for k in range(len(first))]
        return type(first)(*made) if hasattr(first, "_fields") else type(first)(made)
    if first is None:
        return None
    raise ValueError(f"vmap: the function must only return Tensors, got type {type(first)} as a return")


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
        lengths = {t.shape[d] for t, d in _zipped(args, dims, "") if d is not None}
        if len(lengths) != 1:
            raise ValueError(
                f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(lengths)}"
            )
        state = get_rng_state() if randomness == "same" else None
        results = []
        for i in range(lengths.pop()):
            if state is not None:
                set_rng_state(state)
            results.append(func(*(_element(a, d, i) for a, d in zip(args, dims, strict=True)), **kwargs))
        return _stacked(results, out_dims)

    return call


@contextmanager
def _with_parameters(module: Module, values: dict[str, Tensor], tied: bool) -> Iterator[None]:
    """The module with these tensors in the places of its parameters and buffers; tied parameters stay tied."""
    if tied:
        places_of: dict[int, list[str]] = {}
        for name, t in (
            *module.named_parameters(remove_duplicate=False),
            *module.named_buffers(remove_duplicate=False),
        ):
            places_of.setdefault(id(t), []).append(name)
        twins = {name: names for names in places_of.values() if len(names) > 1 for name in names}
        values = {**{twin: v for name, v in values.items() for twin in twins.get(name, ())}, **values}
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
    with _with_parameters(module, merged, tie_weights):
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))


def stack_module_state(models: list[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters and buffers of equal models, each stacked along a new first dimension."""
    parameters = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    stacked = {k: stack([p[k].detach() for p in parameters]).requires_grad_() for k in parameters[0]}
    return stacked, {k: stack([b[k] for b in buffers]) for k in buffers[0]}
