"""Adadelta.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html; Zeiler 2012.
"""

from __future__ import annotations

from typing import Any

from nptorch.kernels.optim import adadelta_step
from nptorch.optim.optimizer import Optimizer, check


class Adadelta(Optimizer):
    """Scales the gradient by the ratio of the root mean squares of past updates and past gradients.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("learning rate", lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}; it must be between 0 and 1")
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        for _, (params, grads, square_avgs, acc_deltas) in self._batches(group, "square_avg", "acc_delta"):
            adadelta_step(
                params,
                grads,
                square_avgs,
                acc_deltas,
                lr=float(group["lr"]),
                rho=float(group["rho"]),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                maximize=group["maximize"],
            )
