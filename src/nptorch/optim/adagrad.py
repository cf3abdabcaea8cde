"""Adagrad.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html; Duchi et al. 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.kernels.optim import adagrad_step
from nptorch.optim.optimizer import Array, Optimizer, check, step_dtype
from nptorch.tensor import from_array


class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all squared gradients so far.

    Raises: ValueError for a negative or NaN option.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check("learning rate", lr)
        check("lr_decay value", lr_decay)
        check("weight_decay value", weight_decay)
        check("initial_accumulator_value value", initial_accumulator_value)
        check("epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        # As PyTorch has it, a fresh Adagrad already has state.
        for group in self.param_groups:
            for p in group["params"]:
                total = from_array(self._initial("sum", p._array, group))
                self.state[p].update(step=from_array(np.zeros((), step_dtype())), sum=total)

    def _initial(self, name: str, array: Array, group: dict[str, Any]) -> Array:
        value = group["initial_accumulator_value"]
        return np.full_like(array, complex(value, value) if array.dtype.kind == "c" else value)

    def _update(self, group: dict[str, Any]) -> None:
        for step, (params, grads, sums) in self._batches(group, "sum"):
            adagrad_step(
                params,
                grads,
                sums,
                lr=float(group["lr"]) / (1 + (step - 1) * float(group["lr_decay"])),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                maximize=group["maximize"],
            )
