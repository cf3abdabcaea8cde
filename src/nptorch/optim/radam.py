"""RAdam.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html; Liu et al. 2019.
"""

from __future__ import annotations

from typing import Any

from nptorch.kernels.optim import radam_step
from nptorch.optim.optimizer import Optimizer, check, check_betas


class RAdam(Optimizer):
    """Adam whose adaptive rate is rectified for its variance in the first steps.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        defaults = {
            "lr": lr,
            "betas": check_betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for step, (params, grads, exp_avgs, exp_avg_sqs) in self._batches(group, "exp_avg", "exp_avg_sq"):
            radam_step(
                params,
                grads,
                exp_avgs,
                exp_avg_sqs,
                lr=float(group["lr"]),
                beta1=float(beta1),
                beta2=float(beta2),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                decoupled=group["decoupled_weight_decay"],
                step=step,
                maximize=group["maximize"],
            )
