"""Adam and AdamW.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html;
Kingma and Ba 2014, Loshchilov and Hutter 2017.
"""

from __future__ import annotations

from typing import Any

from nptorch.kernels.optim import adam_step
from nptorch.optim.optimizer import Optimizer, check, check_betas


class Adam(Optimizer):
    """Steps of size lr * mean(gradient) / root(mean(gradient^2)), means by exponential decay with the two betas.

    weight_decay is part of the gradient, or applied to p itself if decoupled.
    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check("learning rate", lr)
        check("epsilon value", eps)
        check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": check_betas(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if group["amsgrad"] else 2]
        beta1, beta2 = group["betas"]
        for step, (params, grads, exp_avgs, exp_avg_sqs, *peaks) in self._batches(group, *names):
            adam_step(
                params,
                grads,
                exp_avgs,
                exp_avg_sqs,
                peaks[0] if peaks else None,
                lr=float(group["lr"]),
                beta1=float(beta1),
                beta2=float(beta2),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                decoupled=group["decoupled_weight_decay"],
                step=step,
                maximize=group["maximize"],
            )


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr * weight_decay before each step.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
