"""PyTorch's test inputs and functions, as nptorch's: tensors, dtypes, and lambdas whose `torch` is nptorch."""

from __future__ import annotations

import contextlib
import functools
import io
import types
from typing import Any

import torch

import nptorch

_HOME = "torch.testing."


class Missing(AttributeError):
    """nptorch has no such name."""


def value(x: Any) -> Any:
    """An argument for nptorch, sharing nothing with PyTorch's."""
    if isinstance(x, torch.Tensor):
        return tensor(x)
    if isinstance(x, torch.nn.Module):
        return module(x)
    if isinstance(x, torch.Size):
        return nptorch.Size(x)
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(nptorch, str(x).removeprefix("torch."))
    if isinstance(x, torch.device):
        return nptorch.device(str(x))
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(value, x))
    if isinstance(x, (list, tuple)):
        return type(x)(map(value, x))
    if isinstance(x, dict):
        return {k: value(v) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(value(x.start), value(x.stop), value(x.step))
    return function(x) if callable(x) and not isinstance(x, type) else x


def tensor(x: torch.Tensor) -> Any:
    """A copy with the same values, strides and requires_grad; of part of a memory, the same part of a copy of all of it."""
    with torch.no_grad():
        whole = x.untyped_storage().nbytes() // max(x.element_size(), 1)
        if x.is_contiguous() and x.numel() < whole and not x.is_conj() and not x.is_neg():
            memory = x.as_strided((whole,), (1,), 0).clone().numpy()
            part = nptorch.from_numpy(memory).as_strided(tuple(x.shape), x.stride(), x.storage_offset()).detach()
            return part.requires_grad_() if x.requires_grad else part
        copy = torch.empty_strided(x.size(), x.stride(), dtype=x.dtype).copy_(x) if 0 not in x.stride() else x.clone()
    made = nptorch.from_numpy(copy.resolve_conj().resolve_neg().numpy())
    return made.requires_grad_() if x.requires_grad else made


def module(x: torch.nn.Module) -> Any:
    """The same layers with the same weights, by way of a file: what a user with a checkpoint does."""
    file = io.BytesIO()
    torch.save(x, file)
    return nptorch.load(io.BytesIO(file.getvalue()), weights_only=False)


def named(path: str) -> Any:
    """nptorch's function (or method) of a dotted name.

    Raises: Missing.
    """
    at: Any = nptorch
    for part in path.split("."):
        try:
            at = getattr(at, part)
            if "." not in path and not callable(at):  # a dtype, where PyTorch's table means the method
                at = getattr(nptorch.Tensor, path)
        except AttributeError:
            if "." not in path and hasattr(nptorch.Tensor, path):
                return getattr(nptorch.Tensor, path)
            raise Missing(path) from None
    return at


def is_a_tests(f: Any) -> bool:
    """Whether a function is Python code of PyTorch's tests."""
    return isinstance(f, types.FunctionType) and (f.__module__ or "").startswith(_HOME)


@functools.cache
def _paths() -> dict[int, str]:
    """Where PyTorch publishes a function, by identity: the built-in ones have other names than their modules give them."""
    spaces = ("", "nn.functional", "linalg", "fft", "special", "signal.windows", "Tensor")
    found: dict[int, str] = {}
    for space in spaces:
        home = functools.reduce(getattr, space.split("."), torch) if space else torch
        for name, f in vars(home).items():
            if callable(f) and not isinstance(f, type):
                found.setdefault(id(f), f"{space}.{name}".lstrip("."))
    return found


def function(f: Any) -> Any:
    """nptorch's counterpart of a function of PyTorch, or a test's own function working on nptorch."""
    if isinstance(f, functools.partial):
        return functools.partial(function(f.func), *map(value, f.args), **{k: value(v) for k, v in f.keywords.items()})
    if getattr(f, "__name__", "") == "freeze_rng_state":
        return contextlib.nullcontext  # it restores PyTorch's generator; every sample seeds anew
    if is_a_tests(f):
        return _rebound(f)
    path = _paths().get(id(f))
    return named(path) if path else f


def _rebound(f: types.FunctionType) -> Any:
    names = _names(f.__code__)
    known = {k: _global(f.__globals__[k]) for k in names if k in f.__globals__}
    known["__builtins__"] = f.__globals__["__builtins__"]
    cells = tuple(types.CellType(value(c.cell_contents)) for c in f.__closure__ or ())
    defaults = tuple(map(value, f.__defaults__)) if f.__defaults__ else None
    made = types.FunctionType(f.__code__, known, f.__name__, defaults, cells)
    made.__kwdefaults__ = value(f.__kwdefaults__) if f.__kwdefaults__ else None
    return made


def _names(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _global(x: Any) -> Any:
    if x is torch:
        return nptorch
    if isinstance(x, types.ModuleType) and x.__name__.startswith("torch."):
        try:
            return named(x.__name__.removeprefix("torch."))
        except Missing:
            return x
    return function(x) if callable(x) and not isinstance(x, type) else x
