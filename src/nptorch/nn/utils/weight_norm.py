"""Weights as a length times a direction (Salimans and Kingma, arXiv:1602.07868), by a hook before each call.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.weight_norm.html
"""

from __future__ import annotations

import warnings
from typing import Any

from nptorch.nn.module import M, Module
from nptorch.nn.parameter import Parameter
from nptorch.nn.utils.hooked import find, refuse_second
from nptorch.tensor import Tensor

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Tensor, dim: int = 0) -> Tensor:
    """The Euclidean norm over all dimensions but one, which keep length 1; over all for -1, a scalar."""
    if dim == -1:
        return v.norm()
    return v.norm(dim=[d for d in range(v.ndim) if d != dim], keepdim=True) if v.ndim > 1 else v.abs()


def weighted(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """The tensor of direction v and length g."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that sets a weight from <name>_g, its length, and <name>_v, its direction."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight."""
        return weighted(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Train <name>_g, the weight's norm along `dim` (None: of all), and <name>_v instead of the weight.

    Deprecated as in PyTorch: parametrizations.weight_norm does the same. Raises: RuntimeError if it is done already.
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    refuse_second(module, WeightNorm, name, "weight_norm")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name).detach()
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, hook.dim)))
    module.register_parameter(f"{name}_v", Parameter(weight))
    hook(module, None)
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undo weight_norm(): the weight is a parameter of its present value.

    Raises: ValueError if there is none on it.
    """
    hooks: dict[int, Any] = module._forward_pre_hooks
    hooks.pop(find(module, hooks, WeightNorm, name, "weight_norm")).remove(module)
    return module
