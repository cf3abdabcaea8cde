"""NAdam.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html; Dozat 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.kernels.optim import nadam_step
from nptorch.optim.optimizer import Array, Optimizer, check, check_betas, step_dtype


class NAdam(Optimizer):
    """Adam with Nesterov momentum, whose strength grows over the steps at the rate momentum_decay.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("learning rate", lr)
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        check("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": check_betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _initial(self, name: str, array: Array, group: dict[str, Any]) -> Array:
        return np.ones((), step_dtype()) if name == "mu_product" else super()._initial(name, array, group)

    def _update(self, group: dict[str, Any]) -> None:
        lr, beta1, beta2 = float(group["lr"]), *map(float, group["betas"])
        decay = float(group["momentum_decay"])
        for step, (params, grads, products, exp_avgs, exp_avg_sqs) in self._batches(
            group, "mu_product", "exp_avg", "exp_avg_sq"
        ):
            mu, mu_next = (beta1 * (1.0 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
            for array in products:
                array *= mu
            product = float(products[0])  # one for all: those of a batch have taken the same steps
            nadam_step(
                params,
                grads,
                exp_avgs,
                exp_avg_sqs,
                grad_scale=-lr * (1.0 - mu) / (1.0 - product),
                average_scale=-lr * mu_next / (1.0 - product * mu_next),
                lr=lr,
                beta1=beta1,
                beta2=beta2,
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                decoupled=group["decoupled_weight_decay"],
                step=step,
                maximize=group["maximize"],
            )
