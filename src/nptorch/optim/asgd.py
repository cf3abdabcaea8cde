"""Averaged stochastic gradient descent.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html; Polyak, Juditsky, SIAM J. Control Optim. 30, 1992.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.optim.optimizer import Array, Optimizer, check, step_dtype


class ASGD(Optimizer):
    """SGD with a falling rate; the state's `ax` is the average of the parameters from step t0 on.

    Raises: ValueError for a negative option.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6, weight_decay: float = 0,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check("learning rate", lr)
        check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _initial(self, name: str, array: Array, group: dict[str, Any]) -> Array:
        if name == "ax":
            return np.zeros_like(array)
        return np.array(float(group["lr"]) if name == "eta" else 1.0, step_dtype())

    def _update(self, group: dict[str, Any]) -> None:
        lr, lambd = float(group["lr"]), group["lambd"]
        for step, batch in self._batches(group, "eta", "mu", "ax"):
            for p, g, eta, mu, ax in zip(*batch, strict=True):
                g = -g if group["maximize"] else g
                if group["weight_decay"]:
                    g = g + group["weight_decay"] * p
                p *= 1 - lambd * float(eta)
                p -= g * p.dtype.type(eta)
                if mu != 1:
                    ax += (p - ax) * ax.dtype.type(mu)
                else:
                    ax[...] = p
                # Of the default type on the way, as in PyTorch, also where a loaded state holds wider ones.
                eta[...] = step_dtype()(lr / (1 + lambd * lr * step) ** group["alpha"])
                mu[...] = step_dtype()(1 / max(1, step - group["t0"]))
