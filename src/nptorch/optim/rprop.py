"""Rprop: only the signs of the gradient count.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html; Riedmiller, Braun, ICNN 1993.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.optim.optimizer import Array, Optimizer, check


class Rprop(Optimizer):
    """A step size for each number, larger while the gradient keeps its sign, smaller when it turns.

    Raises: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2), step_sizes: tuple[float, float] = (1e-6, 50),
        *, capturable: bool = False, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check("learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _initial(self, name: str, array: Array, group: dict[str, Any]) -> Array:
        return np.full_like(array, float(group["lr"])) if name == "step_size" else np.zeros_like(array)

    def _update(self, group: dict[str, Any]) -> None:
        smaller, larger = group["etas"]
        for _, batch in self._batches(group, "prev", "step_size"):
            for p, g, before, size in zip(*batch, strict=True):
                g = np.array(-g if group["maximize"] else g)
                turn = g * before
                size *= np.where(turn > 0, larger, np.where(turn < 0, smaller, 1)).astype(size.dtype)
                np.clip(size, *group["step_sizes"], out=size)
                g[turn < 0] = 0
                p -= np.sign(g) * size
                before[...] = g
