"""Weights divided by their largest singular value (Miyato et al., arXiv:1802.05957), by a hook before each call.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
"""

from __future__ import annotations

from typing import Any

from nptorch.grad_mode import no_grad
from nptorch.nn import functional as F
from nptorch.nn.module import M, Module
from nptorch.nn.modules.conv import ConvTranspose1d, ConvTranspose2d
from nptorch.nn.parameter import Parameter
from nptorch.nn.utils.hooked import find, refuse_second
from nptorch.tensor import Tensor

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


def output_dim(module: Module, dim: int | None) -> int:
    """The dimension of a layer's weight that counts outputs, if none is given."""
    if dim is not None:
        return dim
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with `dim` in front and all other dimensions made one."""
    return (weight.movedim(dim, 0) if dim else weight).flatten(1)


def random_unit(weight: Tensor, length: int, eps: float) -> Tensor:
    """A random direction of the weight's dtype."""
    return F.normalize(weight.new_empty(length).normal_(0, 1), dim=0, eps=eps)


def check_iterations(count: int) -> None:
    """Raise ValueError unless there is at least one."""
    if count <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={count}")


class SpectralNorm:
    """The hook that sets a weight from <name>_orig; <name>_u and <name>_v follow its largest singular vectors."""

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        check_iterations(n_power_iterations)
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight over its norm, after power iterations if wanted."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
            u, v = u.clone(), v.clone()  # the graph keeps them, the next call changes the buffers
        return weight / u.dot(matrix.mv(v))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for name in (self.name, *(f"{self.name}_{part}" for part in ("u", "v", "orig"))):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide the weight by its largest singular value before each call; training mode refines the estimate.

    dim: the weight's dimension that counts outputs. Raises: RuntimeError if it is done already, ValueError if there is
    nothing to divide.
    """
    refuse_second(module, SpectralNorm, name, "spectral_norm")
    hook = SpectralNorm(name, n_power_iterations, output_dim(module, dim), eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    with no_grad():
        h, w = as_matrix(weight, hook.dim).shape
        u, v = random_unit(weight, h, eps), random_unit(weight, w, eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Undo spectral_norm(): the weight is a parameter of its present value.

    Raises: ValueError if there is none on it.
    """
    hooks: dict[int, Any] = module._forward_pre_hooks
    hooks.pop(find(module, hooks, SpectralNorm, name, "spectral_norm")).remove(module)
    return module
