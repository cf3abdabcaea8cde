"""Distributions of normal vectors and of matrices."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.distributions import constraints
from nptorch.distributions.distribution import Distribution, ExponentialFamily
from nptorch.distributions.gamma import Beta, Chi2
from nptorch.distributions.utils import broadcast_all, lazy_property, standard, vec_to_tril_matrix
from nptorch.grad_mode import no_grad
from nptorch.linalg import cholesky, slogdet, solve_triangular
from nptorch.ops.create import arange, eye
from nptorch.ops.diagonals import diag_embed
from nptorch.ops.join import cat
from nptorch.ops.special import digamma, lgamma, mvlgamma
from nptorch.ops.triangular import cholesky_inverse
from nptorch.random import randn
from nptorch.tensor import Tensor


def half_log_det(tril: Tensor) -> Tensor:
    """Half the log determinant of the matrix that this is the Cholesky factor of."""
    return tril.diagonal(0, -2, -1).log().sum(-1)


def squared_distance(tril: Tensor, difference: Tensor) -> Tensor:
    """|L^-1 d|^2."""
    if tril.dim() == 2:  # one factor for all: one solve
        columns = difference.reshape(-1, difference.shape[-1]).mT
        return solve_lower(tril, columns).pow(2).sum(0).reshape(difference.shape[:-1])
    return solve_lower(tril, difference.unsqueeze(-1)).squeeze(-1).pow(2).sum(-1)


def solve_lower(tril: Tensor, right: Tensor) -> Tensor:
    """L^-1 B; batches broadcast."""
    batch = np.broadcast_shapes(tuple(tril.shape[:-2]), tuple(right.shape[:-2]))
    spread = (m.expand((*batch, *m.shape[-2:])) for m in (tril, right))
    found: Tensor = solve_triangular(*spread, upper=False)
    return found


class _WithCovariance(Distribution):
    """One of a matrix, its inverse and its Cholesky factor is given, the others are computed when asked for."""

    def _take(self, batch: Any, matrices: dict[str, Tensor | None]) -> None:
        ((name, matrix),) = ((n, m) for n, m in matrices.items() if m is not None)
        self._matrix = matrix
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))

    @lazy_property
    def _tril(self) -> Tensor:
        # Of the matrix as it was given: a batch of means may share one.
        matrix = self._matrix
        if "covariance_matrix" in self.__dict__:
            return cholesky(matrix)
        if "scale_tril" in self.__dict__:
            return matrix
        reversed_factor = cholesky(matrix.flip((-2, -1))).flip((-2, -1)).mT
        return solve_lower(reversed_factor, eye(matrix.shape[-1], dtype=matrix.dtype))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor."""
        return self._tril.expand((*self._batch_shape, *self._tril.shape[-2:]))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The matrix."""
        return self.scale_tril @ self.scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Its inverse."""
        return cholesky_inverse(self.scale_tril)


_MATRICES = {
    "covariance_matrix": constraints.positive_definite,
    "precision_matrix": constraints.positive_definite,
    "scale_tril": constraints.lower_cholesky,
}
_ONE_OF = "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."


class MultivariateNormal(_WithCovariance):
    """Normal vectors of mean loc with a covariance, its inverse, or its Cholesky factor."""

    arg_constraints = {"loc": constraints.real_vector, **_MATRICES}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = dict(covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril)
        given = [m for m in matrices.values() if m is not None]
        if len(given) != 1:
            raise ValueError(_ONE_OF)
        if given[0].dim() < 2:
            raise ValueError("the matrix must be at least two-dimensional, with optional leading batch dimensions")
        batch = np.broadcast_shapes(tuple(loc.shape[:-1]), tuple(given[0].shape[:-2]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        self._take(batch, matrices)
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        found: Tensor = self.scale_tril.pow(2).sum(-1)
        return found

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        z = standard("normal_", self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._tril @ z.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        distance = squared_distance(self._tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_det(self.scale_tril)

    def entropy(self) -> Tensor:
        return 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det(self.scale_tril)


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with the covariance W W^T + diag(D), W: (..., N, rank), D: (..., N).

    Its inverse and determinant are those of a matrix of the rank's size (Woodbury; the matrix determinant lemma).
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        size = loc.shape[-1]
        if cov_factor.dim() < 2 or cov_factor.shape[-2] != size:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {size} x m")
        if cov_diag.shape[-1:] != loc.shape[-1:]:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {loc.shape[-1:]}")
        shapes = tuple(loc.shape[:-1]), tuple(cov_factor.shape[:-2]), tuple(cov_diag.shape[:-1])
        try:
            batch = np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from None
        self.loc, self.cov_diag = loc.expand((*batch, size)), cov_diag.expand((*batch, size))
        self.cov_factor = cov_factor.expand((*batch, *cov_factor.shape[-2:]))
        super().__init__(batch, (size,), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    @property
    def covariance_matrix(self) -> Tensor:
        """W W^T + diag(D)."""
        return self.cov_factor @ self.cov_factor.mT + diag_embed(self.cov_diag)

    @property
    def scale_tril(self) -> Tensor:
        """Its Cholesky factor, by way of a matrix whose eigenvalues are at least 1."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        return root * cholesky(scaled @ scaled.mT + eye(root.shape[-2], dtype=root.dtype))

    @property
    def precision_matrix(self) -> Tensor:
        """Its inverse."""
        small = self.whitened()
        return diag_embed(self.cov_diag.reciprocal()) - small.mT @ small

    def capacitance_tril(self) -> Tensor:
        """The Cholesky factor of I + W^T D^-1 W."""
        inner = (self.cov_factor.mT / self.cov_diag.unsqueeze(-2)) @ self.cov_factor
        return cholesky(inner + eye(inner.shape[-1], dtype=inner.dtype))

    def whitened(self) -> Tensor:
        """C^-1 W^T D^-1, C that factor: the precision is D^-1 less its square."""
        return solve_lower(self.capacitance_tril(), self.cov_factor.mT / self.cov_diag.unsqueeze(-2))

    def log_det(self) -> Tensor:
        """The log determinant of the covariance."""
        return 2 * half_log_det(self.capacitance_tril()) + self.cov_diag.log().sum(-1)

    def squared_distance(self, difference: Tensor) -> Tensor:
        """d^T covariance^-1 d."""
        inside = (self.whitened() @ difference.unsqueeze(-1)).squeeze(-1)
        return (difference.pow(2) / self.cov_diag).sum(-1) - inside.pow(2).sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        common = standard("normal_", (*shape[:-1], self.cov_factor.shape[-1]), self.loc)
        own = standard("normal_", shape, self.loc)
        return self.loc + (self.cov_factor @ common.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * own

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        distance = self.squared_distance(value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self.log_det() + distance)

    def entropy(self) -> Tensor:
        return 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self.log_det())


class Wishart(_WithCovariance, ExponentialFamily):
    """Sums of df outer products of normal vectors; drawn by Bartlett's decomposition."""

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        matrices = dict(covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril)
        given = [m for m in matrices.values() if m is not None]
        if len(given) != 1:
            raise AssertionError(_ONE_OF)
        matrix = given[0]
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        df_ = df if isinstance(df, Tensor) else matrix.new_full((), df)
        batch = np.broadcast_shapes(tuple(df_.shape), tuple(matrix.shape[:-2]))
        self.df, size = df_.expand(batch), matrix.shape[-1]
        if bool((self.df <= size - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        if bool((self.df < size).any()):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._take(batch, matrices)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - arange(size, dtype=matrix.dtype))
        super().__init__(batch, (size, size), validate_args=validate_args)

    @property
    def arg_constraints(self) -> Any:
        """That of df depends on the size of the matrix."""
        return {**_MATRICES, "df": constraints.greater_than(self._event_shape[-1] - 1)}

    def _scaled(self, factor: Tensor, matrix: Tensor) -> Tensor:
        return factor.reshape((*self._batch_shape, 1, 1)) * matrix

    @property
    def mean(self) -> Tensor:
        return self._scaled(self.df, self.covariance_matrix)

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._scaled(factor.masked_fill(factor <= 0, math.nan), self.covariance_matrix)

    @property
    def variance(self) -> Tensor:
        diagonal = self.covariance_matrix.diagonal(0, -2, -1)
        outer = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self._scaled(self.df, self.covariance_matrix.pow(2) + outer)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        made = self._bartlett(sample_shape)
        # PyTorch 2.13 takes what its check finds sound for singular and draws it again: the same numbers need the same detour.
        again = self.support.check(made.detach())
        if self._batch_shape:
            again = again.flatten(again.dim() - len(self._batch_shape)).any(-1)
        if bool(again.any()):
            made[again] = self._bartlett((int(again.sum()),))
        return made

    def _bartlett(self, sample_shape: Any) -> Tensor:
        size = self._event_shape[-1]
        chi = self._dist_chi2.rsample(sample_shape).sqrt()
        diagonal = chi.clamp(min=dtypes.finfo(chi.dtype).eps)
        below = randn((*chi.shape[:-1], size * (size - 1) // 2), dtype=chi.dtype)
        factor = self._tril @ (diag_embed(diagonal) + vec_to_tril_matrix(below, -1))
        made: Tensor = factor @ factor.mT
        return made

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        p = self._event_shape[-1]
        trace = (self.precision_matrix * value).sum((-2, -1))  # both are symmetric
        return (
            -self.df * (p * math.log(2) / 2 + half_log_det(self.scale_tril)) - mvlgamma(self.df / 2, p)
            + (self.df - p - 1) / 2 * slogdet(value).logabsdet - trace / 2
        )  # fmt: skip

    def entropy(self) -> Tensor:
        p = self._event_shape[-1]
        slope = digamma(self.df.unsqueeze(-1) / 2 - arange(p, dtype=self.df.dtype) / 2).sum(-1)
        scale = (p + 1) * (p * math.log(2) / 2 + half_log_det(self.scale_tril))
        return scale + mvlgamma(self.df / 2, p) - (self.df - p - 1) / 2 * slope + self.df * p / 2

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        p = self._event_shape[-1]
        half_df = y + (p + 1) / 2
        return half_df * (math.log(2) * p - slogdet(-2 * x).logabsdet) + mvlgamma(half_df, p)


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices; concentration 1 takes all matrices alike.

    Source: Lewandowski, Kurowicka, Joe, J. Multivariate Anal. 100(9), 2009 (the onion method).
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        row = arange(dim - 1, dtype=self.concentration.dtype)
        row = cat([row.new_zeros(1), row])
        total = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(row + 0.5, total.unsqueeze(-1) - 0.5 * row)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            length = self._beta.sample(sample_shape).unsqueeze(-1).sqrt()
            below = randn(self._extended_shape(sample_shape), dtype=length.dtype).tril(-1)
            tiny = dtypes.finfo(length.dtype).tiny
            rows = length * (below / below.norm(dim=-1, keepdim=True).clamp(min=tiny))
            return rows + diag_embed((1 - (rows**2).sum(-1)).clamp(min=tiny).sqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        rows = self.dim - 1
        power = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - arange(2, self.dim + 1)
        unnormalised = (power * value.diagonal(0, -2, -1)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * rows
        return unnormalised - (0.5 * rows * math.log(math.pi) + mvlgamma(alpha - 0.5, rows) - rows * lgamma(alpha))
