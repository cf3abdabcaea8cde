"""Parametrizations: weight norm, spectral norm, orthogonal matrices.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

from typing import Any

from nptorch import dtypes
from nptorch.grad_mode import no_grad
from nptorch.nn import functional as F
from nptorch.nn.module import M, Module
from nptorch.nn.utils.parametrize import register_parametrization
from nptorch.nn.utils.spectral_norm import as_matrix, check_iterations, output_dim, random_unit
from nptorch.nn.utils.weight_norm import norm_except_dim, weighted
from nptorch.ops.create import eye
from nptorch.ops.decompose import geqrf, householder_product
from nptorch.ops.join import cat
from nptorch.ops.matrix_function import matrix_exp
from nptorch.ops.solve import solve
from nptorch.random import randn
from nptorch.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weighted(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Train the weight's norm along `dim` (original0; None: of all) and its direction (original1).

    Source: Salimans and Kingma, arXiv:1602.07868.
    """
    _tensor_of(module, name)
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(module: Module, state_dict: Any, prefix: str, *others: Any) -> None:
        """Read what the older nn.utils.weight_norm saved."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module.register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        check_iterations(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            self.register_buffer("_u", random_unit(matrix, matrix.shape[0], eps))
            self.register_buffer("_v", random_unit(matrix, matrix.shape[1], eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.mH.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the graph keeps them, the next call changes the buffers
        return weight / u.vdot(matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide the weight by its largest singular value; each use in training mode refines the estimate.

    dim: the weight's dimension that counts outputs. Source: Miyato et al., arXiv:1802.05957.
    """
    weight = _tensor_of(module, name)
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, output_dim(module, dim), eps)
    )


def _tall(x: Tensor) -> tuple[Tensor, bool]:
    """The matrix, or its transpose if that has more rows than columns, and which."""
    wide = x.shape[-2] < x.shape[-1]
    return (x.mT if wide else x), wide


def _nearby_orthogonal(x: Tensor) -> Tensor:
    """Q of the QR decomposition of a tall matrix whose R has a positive diagonal."""
    packed, tau = geqrf(x)
    return householder_product(packed, tau) * packed.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _skew_to_orthogonal(x: Tensor, how: str) -> Tensor:
    """The first columns of an orthogonal matrix made from the lower triangle of a tall one."""
    n, k = x.shape[-2:]
    x = x.tril()
    if n != k:
        x = cat([x, x.new_zeros(*x.shape[:-1], n - k)], dim=-1)
    a = x - x.mH
    if how == "matrix_exp":
        q = matrix_exp(a)
    else:
        identity = eye(n, dtype=a.dtype)
        q = solve(identity - a * 0.5, identity + a * 0.5)
    return q[..., :k]


def _reflections_to_orthogonal(x: Tensor) -> Tensor:
    """The product of the reflections below the diagonal of a tall matrix, the signs on it."""
    a = x.tril(-1)
    q = householder_product(a, 2.0 / (1.0 + (a * a).sum(dim=-2)))
    return q * x.diagonal(dim1=-2, dim2=-1).detach().to(dtypes.int32).unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        x, wide = _tall(x)
        if self.orthogonal_map == "householder":
            q = _reflections_to_orthogonal(x)
        else:
            q = _skew_to_orthogonal(x, self.orthogonal_map)
        base = self._buffers.get("base")
        if base is not None:
            q = base @ q
        return q.mT if wide else q

    @no_grad()
    def right_inverse(self, value: Tensor) -> Tensor:
        if value.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {value.shape}."
            )
        q, wide = _tall(value)
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            packed, tau = geqrf(q)
            signs = packed.diagonal(dim1=-2, dim2=-1)
            # LAPACK gives tau = 0 for a column that needs no reflection, whose sign is then the other one.
            signs.copy_(signs.sign() * (1 - 2 * (tau == 0.0).to(signs.dtype)))
            return packed.mT if wide else packed
        n, k = q.shape[-2:]
        if n != k:  # completed to a square matrix
            q = cat([q, randn(*q.shape[:-1], n - k, dtype=q.dtype)], dim=-1)
        tolerance = 10.0 * n * dtypes.finfo(q.dtype).eps
        self.base = (
            q.clone()
            if n == k and (q.mH @ q).allclose(eye(k, dtype=q.dtype), atol=tolerance)
            else _nearby_orthogonal(q)
        )
        # The maps take -1 on the diagonal to the identity.
        start = value.new_zeros(value.shape)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start


def orthogonal(
    module: M, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> M:
    """Keep a matrix, or a batch of them, orthogonal or unitary: its columns, or if they are more its rows.

    orthogonal_map: "matrix_exp" (default for square and complex ones), "cayley" or "householder".
    use_trivialization: multiply a fixed matrix, so that training starts at the weight's own value (Lezcano-Casado,
    arXiv:1909.09501). Raises: ValueError for another map, or a tensor of fewer than 2 dimensions.
    """
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization), unsafe=True)
