"""How a result of nptorch differs from PyTorch's: values, shapes, dtypes, and derivatives of both orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import nptorch

# Which of equal elements an index names is free: the place of `dim` among the arguments, and PyTorch's words for it.
FREE_AMONG_EQUALS = {
    "argsort": (0, "If False, the relative order of values which compare equal is not guaranteed."),
    "sort": (
        0,
        "stable: makes the sorting routine stable, which guarantees that the order of equivalent elements is preserved.",
    ),
    "topk": (
        1,
        "the indices of tied elements are not guaranteed to be stable and may vary across different invocations.",
    ),
    "mode": (0, "indices is the index location of each mode value found."),
}


def tensors(x: Any, kind: type) -> list[Any]:
    """All tensors inside nested results."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, dict):
        x = list(x.values())
    return [t for y in x for t in tensors(y, kind)] if isinstance(x, (list, tuple)) else []


def array(x: Any) -> Any:
    """The values of a tensor of either library."""
    if isinstance(x, torch.Tensor):
        x = x.detach().resolve_conj().resolve_neg()
        return (x.float() if x.dtype is torch.bfloat16 else x).numpy(force=True)  # PyTorch keeps some zeros unwritten
    return np.asarray(x.detach())


def differs(theirs: Any, ours: Any, single: bool, values: bool = True) -> str:
    """How a result of nptorch differs from PyTorch's; empty if it does not. `single`: as far as float32 numbers can agree."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, nptorch.Tensor):
            return f"a {type(ours).__name__} for a tensor"
        if tuple(theirs.shape) != tuple(ours.shape):
            return f"shape {list(ours.shape)}, not {list(theirs.shape)}"
        if str(theirs.dtype).removeprefix("torch.") != ours.dtype.name:
            return f"dtype {ours.dtype.name}, not {theirs.dtype}"
        if not values or theirs.dtype in (torch.bfloat16, torch.float16):
            return ""
        a, b = array(theirs), array(ours)
        single = single or theirs.dtype in (torch.float32, torch.complex64)
        rtol, atol = (2e-4, 2e-5) if single else (1e-7, 1e-8)
        if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            gap = np.abs(np.subtract(a, b, dtype=np.result_type(a, np.float64)))
            return f"values off by {np.nanmax(gap):.2g} of {np.nanmax(np.abs(a)):.2g}"
        return ""
    if isinstance(theirs, (list, tuple)):
        if not isinstance(ours, (list, tuple)) or len(theirs) != len(ours):
            return f"{type(ours).__name__} for {type(theirs).__name__} of {len(theirs)}"
        return next((f for a, b in zip(theirs, ours, strict=True) if (f := differs(a, b, single, values))), "")
    if isinstance(theirs, (bool, int, float, complex)):
        return "" if np.isclose(theirs, ours, equal_nan=True) else f"{ours}, not {theirs}"
    if isinstance(theirs, torch.dtype):
        return "" if str(theirs).removeprefix("torch.") == getattr(ours, "name", "") else f"{ours}, not {theirs}"
    return ""


def elements(name: str, sample: Any, result: Any) -> Any:
    """The elements that the indices of such a result name.

    Raises: AssertionError if an order names one twice.
    """
    place = FREE_AMONG_EQUALS[name][0]
    dim = sample.kwargs.get("dim", sample.args[place] if len(sample.args) > place else -1)
    x, at = array(sample.input), array(result[-1] if isinstance(result, (tuple, list)) else result)
    if not x.ndim:
        return at
    if at.ndim < x.ndim:
        at = np.expand_dims(at, dim)
    assert name == "mode" or (np.diff(np.sort(at, dim), axis=dim) > 0).all(), "an index twice"
    return np.take_along_axis(x, at, dim)


def nearer(exact: list[Any] | None, theirs: Any, ours: Any) -> bool:
    """Whether there are exact numbers, and nptorch's are at least as near to them as PyTorch's."""
    if exact is None:
        return False
    for e, a, b in zip(exact, tensors(theirs, torch.Tensor), tensors(ours, nptorch.Tensor), strict=True):
        a, b = array(a), array(b)
        nowhere = np.isnan(e)
        if (np.isnan(b) != nowhere).any():
            return False
        if not np.abs(b - e)[~nowhere].max(initial=0) <= np.abs(a - e)[~nowhere].max(initial=0):
            return False
    return True


def derivatives(orders: int, theirs: Any, ours: Any) -> str:
    """How the derivatives of (result, inputs) differ, up to some order."""
    (expected, their_in), (found, our_in) = theirs, ours
    y, x = _differentiable(expected, torch.Tensor), _differentiable(their_in, torch.Tensor)
    v, u = _differentiable(found, nptorch.Tensor), _differentiable(our_in, nptorch.Tensor)
    single = any(t.dtype is torch.float32 for t in x)
    for order in range(1, orders + 1):
        if not y or not x:
            return ""
        seeds = [np.random.default_rng(order).normal(size=t.shape) * (1 + 0.5j if t.is_complex() else 1) for t in y]
        try:
            expected = torch.autograd.grad(
                y,
                x,
                [torch.tensor(s).to(t.dtype) for s, t in zip(seeds, y, strict=True)],
                create_graph=True,
                allow_unused=True,
            )
        except RuntimeError:
            return ""  # PyTorch has no derivative of this order here
        if len(y) != len(v):
            return f"order {order}: {len(v)} results carry a gradient, not {len(y)}"
        seeds = [nptorch.tensor(s).to(t.dtype) for s, t in zip(seeds, v, strict=True)]
        found = nptorch.autograd.grad(v, u, seeds, create_graph=True, allow_unused=True)
        for a, b in zip(expected, found, strict=True):
            # no gradient and a gradient of zeros are the same
            if a is None or b is None:
                rest = a if b is None else b
                if rest is not None and bool((rest != 0).any()):
                    return f"order {order}: {'no gradient' if b is None else 'a gradient where PyTorch has none'}"
            elif fault := differs(a, b, single):
                return f"order {order}: {fault}"
        pairs = [(a, b) for a, b in zip(expected, found, strict=True) if a is not None and b is not None]
        pairs = [(a, b) for a, b in pairs if a.requires_grad and b.requires_grad]
        y, v = [a for a, _ in pairs], [b for _, b in pairs]
    return ""


def _differentiable(x: Any, kind: type) -> list[Any]:
    return [t for t in tensors(x, kind) if t.requires_grad]
