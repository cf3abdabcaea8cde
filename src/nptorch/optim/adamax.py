"""Adamax.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html; Kingma and Ba 2014.
"""

from __future__ import annotations

from typing import Any

from nptorch.kernels.optim import adamax_step
from nptorch.optim.optimizer import Optimizer, check, check_betas


class Adamax(Optimizer):
    """Adam with the decayed largest gradient in place of the root mean square.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check("learning rate", lr)
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": check_betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for step, (params, grads, exp_avgs, exp_infs) in self._batches(group, "exp_avg", "exp_inf"):
            adamax_step(
                params,
                grads,
                exp_avgs,
                exp_infs,
                lr=float(group["lr"]),
                beta1=float(beta1),
                beta2=float(beta2),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                step=step,
                maximize=group["maximize"],
            )
