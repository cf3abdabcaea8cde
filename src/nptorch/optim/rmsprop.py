"""RMSprop.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html; Hinton's lecture 6e, Graves 2013.
"""

from __future__ import annotations

from typing import Any

from nptorch.kernels.optim import rmsprop_step
from nptorch.optim.optimizer import Optimizer, check


class RMSprop(Optimizer):
    """Divides the gradient by a running root mean square (centered: by a running standard deviation).

    Raises: ValueError for a negative or NaN option.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("learning rate", lr)
        check("epsilon value", eps)
        check("momentum value", momentum)
        check("weight_decay value", weight_decay)
        check("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        names = ["square_avg"]
        if group["momentum"] > 0:
            names.append("momentum_buffer")
        if group["centered"]:
            names.append("grad_avg")
        for _, (params, grads, *state) in self._batches(group, *names):
            values = dict(zip(names, state, strict=True))
            rmsprop_step(
                params,
                grads,
                values["square_avg"],
                values.get("momentum_buffer"),
                values.get("grad_avg"),
                lr=float(group["lr"]),
                alpha=float(group["alpha"]),
                eps=float(group["eps"]),
                weight_decay=float(group["weight_decay"]),
                momentum=float(group["momentum"]),
                maximize=group["maximize"],
            )
