"""PyTorch's table of optimizers (optim_db): ten steps with each of its option sets, float64 and float32, with a state_dict on the way."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

import nptorch
from tests.parity.result import Result

STEPS = 10


def _run(T: Any, name: str, options: dict[str, Any], dtype: str) -> Any:
    """The parameters after ten steps of a small regression; the state goes through a state_dict after five."""
    rng = np.random.default_rng(0)
    weight = T.tensor(rng.normal(size=(4, 3)).astype(dtype), requires_grad=True)
    bias_shape = (1, 4) if name == "Muon" else (4,)  # which takes matrices only
    bias = T.tensor(rng.normal(size=bias_shape).astype(dtype), requires_grad=True)
    x, y = (T.tensor(rng.normal(size=shape).astype(dtype)) for shape in ((8, 3), (8, 4)))
    make = getattr(T.optim, name)
    optimizer = make([weight, bias], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((x @ weight.t() + bias - y) ** 2).mean()
        loss.backward()
        return loss

    for step in range(STEPS):
        if step == STEPS // 2:
            state = optimizer.state_dict()
            optimizer = make([weight, bias], **options)
            optimizer.load_state_dict(state)
        optimizer.step(closure)
    return [weight.detach().numpy(), bias.detach().numpy()]


def _compare(info: Any) -> Result:
    import torch

    name = info.optim_cls.__name__
    if not hasattr(nptorch.optim, name):
        return Result("missing")
    for sample in info.optim_inputs_func(device="cpu"):
        options = {
            k: v for k, v in sample.kwargs.items() if k not in ("foreach", "fused", "capturable", "differentiable")
        }
        if any(isinstance(v, torch.Tensor) for v in options.values()):
            options = {k: float(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()}
        if sample.params is not None and not isinstance(sample.params, list):
            continue
        for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4)):
            try:
                ours, theirs = (_run(T, name, options, dtype) for T in (nptorch, torch))
            except NotImplementedError as error:
                return Result("missing", str(error))
            except Exception as error:
                return Result("wrong", f"{sample.desc}: {type(error).__name__}: {error}")
            for a, b in zip(ours, theirs, strict=True):
                if not np.allclose(a, b, rtol=tolerance, atol=tolerance):
                    return Result("wrong", f"{sample.desc} in {dtype}: off by {np.abs(a - b).max():.1e}")
    return Result("right")


def run(names: Collection[str] | None = None) -> dict[str, Result]:
    """The result for each optimizer."""
    from torch.testing._internal.common_optimizers import optim_db

    return {i.optim_cls.__name__: _compare(i) for i in optim_db if names is None or i.optim_cls.__name__ in names}
