"""Muon: momentum made orthogonal, for the matrices of hidden layers.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html; Jordan, https://kellerjordan.github.io/posts/muon/;
Liu et al., arXiv:2502.16982.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.optim.optimizer import Array, Optimizer, check
from nptorch.tensor import from_array

_SCALES = {
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


def _bfloat16(x: Any) -> Array:
    """float32 numbers rounded, half to even, to the 8 bits of a bfloat16's fraction: the type PyTorch iterates in."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + (0x7FFF + (bits >> 16 & 1))) & 0xFFFF0000).view(np.float32)


def _orthogonal(x: Array, coefficients: tuple[float, float, float], steps: int, eps: float) -> Array:
    """Nearly U V^T of x = U S V^T, by the Newton-Schulz iteration a x + b (x x^T) x + c (x x^T)^2 x."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = (np.float32(k) for k in coefficients)
    tall = x.shape[0] > x.shape[1]
    y = _bfloat16(x.T if tall else x)
    y = _bfloat16(y / np.maximum(_bfloat16(np.linalg.norm(y)), _bfloat16(np.float32(eps))))
    for _ in range(steps):
        gram = _bfloat16(y @ y.T)
        y = _bfloat16(a * y + _bfloat16(b * gram + c * (gram @ gram)) @ y)
    return y.T if tall else y


class Muon(Optimizer):
    """Steps along the orthogonal factor of the mean gradient; every parameter must be a matrix.

    adjust_lr_fn: "original" scales lr by root(max(1, rows / columns)), "match_rms_adamw" by 0.2 root(max(rows, columns)).
    Raises: ValueError for an option out of range or a parameter that is no matrix; RuntimeError for a complex one.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        check("learning rate", lr)
        check("momentum value", momentum)
        check("weight_decay value", weight_decay)
        if adjust_lr_fn is not None and adjust_lr_fn not in _SCALES:
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported; there are {list(_SCALES)}"
            )
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _check_params(self, params: list[Any], named: bool) -> None:
        super()._check_params(params, named)
        for p in params:
            if p.ndim != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}; "
                    "give biases, embeddings and filters to AdamW"
                )

    def _update(self, group: dict[str, Any]) -> None:
        lr, momentum = float(group["lr"]), group["momentum"]
        scale = _SCALES[group["adjust_lr_fn"] or "original"]
        for p in group["params"]:
            if p._grad is None:
                continue
            array, g, state = p._array, p._grad._array, self.state[p]
            if array.dtype.kind == "c":
                raise RuntimeError("Muon does not support complex parameters")
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = from_array(np.zeros_like(array))
            mean = state["momentum_buffer"]._array
            mean += (g - mean) * (1 - momentum)
            direction = g + (mean - g) * momentum if group["nesterov"] else mean
            step = _orthogonal(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
            array *= 1 - lr * group["weight_decay"]
            array -= array.dtype.type(lr * scale(*array.shape)) * step
            p._version[0] += 1
