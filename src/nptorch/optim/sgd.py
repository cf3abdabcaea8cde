"""Stochastic gradient descent with momentum.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html; Sutskever et al. 2013.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.kernels.optim import sgd_step
from nptorch.optim.optimizer import Array, Optimizer, check
from nptorch.tensor import from_array


class SGD(Optimizer):
    """p -= lr * buffer, buffer = momentum * buffer + (1 - dampening) * (gradient + weight_decay * p).

    Raises: ValueError for a negative or NaN option, or Nesterov momentum without momentum or with dampening.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check("learning rate", lr)
        check("momentum value", momentum)
        check("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"Nesterov momentum requires a momentum and zero dampening, got momentum={momentum}, dampening={dampening}"
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        # Parameters whose buffer starts in this step, and those that have one (or need none).
        batches: dict[bool, list[list[Array]]] = {}
        states, momentum = self.state, group["momentum"]
        for p in group["params"]:
            gradient = p._grad
            if gradient is None:
                continue
            new = False
            buffer: Any = None
            if momentum:
                state = states[p]
                buffer = state.get("momentum_buffer")
                if new := buffer is None:
                    buffer = state["momentum_buffer"] = from_array(np.empty_like(p._array))
            if new not in batches:
                batches[new] = [[], [], []]
            params, grads, buffers = batches[new]
            params.append(p._array)
            grads.append(gradient._array)
            if buffer is not None:
                buffers.append(buffer._array)
            p._version[0] += 1
        for first, (params, grads, buffers) in batches.items():
            sgd_step(
                params,
                grads,
                buffers or None,
                lr=float(group["lr"]),
                momentum=float(momentum),
                dampening=float(group["dampening"]),
                weight_decay=float(group["weight_decay"]),
                nesterov=group["nesterov"],
                maximize=group["maximize"],
                first=first,
            )
