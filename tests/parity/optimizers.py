"""PyTorch's table of optimizers (optim_db): ten steps with each of its option sets, in float64 and float32, with a state_dict
on the way; parameters and the names in the state_dict are compared."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_optimizers import optim_db

import nptorch
from tests.parity.result import Result

ENTRIES: dict[str, Any] = {f"optim.{info.optim_cls.__name__}": info for info in optim_db}
STEPS = 10
# How PyTorch runs its kernels, which is no matter of numbers.
_NO_NUMBERS = ("foreach", "fused", "capturable", "differentiable")
_SCRATCH = ("0.al",)  # LBFGS's working memory, which PyTorch makes anew where a state_dict lacks it


def run(names: Collection[str] | None = None) -> dict[str, Result]:
    """The result for each optimizer (default: all)."""
    return {name: compare(name) for name in ENTRIES if names is None or name in names}


def compare(name: str) -> Result:
    """One optimizer, all its option sets."""
    kind = name.removeprefix("optim.")
    if not hasattr(nptorch.optim, kind):
        return Result("missing", name)
    for sample in ENTRIES[name].optim_inputs_func(device="cpu"):
        if sample.params is not None and not isinstance(sample.params, list):
            continue
        options = {
            k: float(v) if isinstance(v, torch.Tensor) else v for k, v in sample.kwargs.items() if k not in _NO_NUMBERS
        }
        for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
            try:
                (ours, our_state), (theirs, their_state) = (_run(T, kind, options, dtype) for T in (nptorch, torch))
            except NotImplementedError as error:
                return Result("missing", str(error))
            except Exception as error:
                return Result("wrong", f"{sample.desc}: {type(error).__name__}: {error}")
            if our_state != their_state:
                return Result("wrong", f"{sample.desc}: state_dict {our_state}, not {their_state}")
            for a, b in zip(ours, theirs, strict=True):
                if not np.allclose(a, b, rtol=tolerance, atol=tolerance):
                    return Result("wrong", f"{sample.desc} in {dtype}: off by {np.abs(a - b).max():.1e}")
    return Result("right")


def _run(T: Any, kind: str, options: dict[str, Any], dtype: str) -> tuple[list[Any], list[str]]:
    """The parameters after ten steps of a small regression, whose state goes through a state_dict after five, and the names
    in that state_dict."""
    rng = np.random.default_rng(0)
    weight = T.tensor(rng.normal(size=(4, 3)).astype(dtype), requires_grad=True)
    bias_shape = (1, 4) if kind == "Muon" else (4,)  # which takes matrices only
    bias = T.tensor(rng.normal(size=bias_shape).astype(dtype), requires_grad=True)
    x, y = (T.tensor(rng.normal(size=shape).astype(dtype)) for shape in ((8, 3), (8, 4)))
    make = getattr(T.optim, kind)
    optimizer = make([weight, bias], **options)
    names: list[str] = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((x @ weight.t() + bias - y) ** 2).mean()
        loss.backward()
        return loss

    for step in range(STEPS):
        if step == STEPS // 2:
            state = optimizer.state_dict()
            names = [*state["param_groups"][0], *(f"{i}.{k}" for i, own in state["state"].items() for k in own)]
            optimizer = make([weight, bias], **options)
            optimizer.load_state_dict(state)
        optimizer.step(closure)
    return [weight.detach().numpy(), bias.detach().numpy()], sorted(n for n in names if n not in _NO_NUMBERS + _SCRATCH)
