"""Adafactor: Adam's second moment in two vectors a matrix.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html; Shazeer, Stern, arXiv:1804.04235.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.optim.optimizer import Array, Optimizer, check, step_dtype
from nptorch.tensor import from_array


class Adafactor(Optimizer):
    """Steps relative to the parameter's own size, by the means of the squared gradient over rows and columns.

    Raises: ValueError for an option out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0,
        weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        check("learning rate", lr)
        check("weight_decay value", weight_decay)
        if beta2_decay > 0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if (eps[0] is not None and eps[0] < 0) or eps[1] < 0:
            raise ValueError(f"epsilon1 and epsilon2 should be >= 0 but are: {eps}")
        if d < 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _update(self, group: dict[str, Any]) -> None:
        for p in group["params"]:
            if p._grad is None:
                continue
            state, array = self.state[p], p._array
            if not state:
                state["step"] = from_array(np.zeros((), step_dtype()))
                shapes = {"variance": array.shape}
                if array.ndim > 1:
                    rows, columns = (*array.shape[:-1], 1), (*array.shape[:-2], 1, array.shape[-1])
                    shapes = {"row_var": rows, "col_var": columns}
                state.update({name: from_array(np.zeros(shape, array.dtype)) for name, shape in shapes.items()})
            state["step"]._array += 1
            g = -p._grad._array if group["maximize"] else p._grad._array
            self._step(array, g, {name: value._array for name, value in state.items()}, group)
            p._version[0] += 1

    def _step(self, p: Array, g: Array, state: dict[str, Array], group: dict[str, Any]) -> None:
        step, lr = float(state["step"]), float(group["lr"])
        least = float(np.finfo(p.dtype).eps) if group["eps"][0] is None else group["eps"][0]
        weight = step ** group["beta2_decay"]
        size = math.sqrt(p.size)
        alpha = max(group["eps"][1], float(np.linalg.norm(p)) / size) * min(lr, 1 / math.sqrt(step))
        if group["weight_decay"]:
            p *= 1 - lr * group["weight_decay"]
        if g.ndim > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows += p.dtype.type(weight) * (np.mean(g * g, -1, keepdims=True) - rows)
            columns += p.dtype.type(weight) * (np.mean(g * g, -2, keepdims=True) - columns)
            estimate = rows @ columns / np.maximum(rows.mean(-2, keepdims=True), least)
        else:
            variance = state["variance"]
            variance += p.dtype.type(weight) * (g * g - variance)
            estimate = variance
        update = g / np.sqrt(np.maximum(estimate, least * least))
        bound = max(1.0, float(np.linalg.norm(update)) / (size * group["d"]))
        p -= p.dtype.type(alpha / bound) * update
