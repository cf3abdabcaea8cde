"""Distributions made of others, and of vectors."""

from __future__ import annotations

import math
from typing import Any

from nptorch.distributions import constraints
from nptorch.distributions.discrete import Categorical
from nptorch.distributions.distribution import Distribution
from nptorch.linalg import cholesky, solve_triangular
from nptorch.ops.create import empty, eye
from nptorch.tensor import Tensor


class Independent(Distribution):
    """The last batch dimensions of a distribution as dimensions of one event."""

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        if reinterpreted_batch_ndims > len(base_distribution.batch_shape):
            raise ValueError(
                f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual {reinterpreted_batch_ndims} vs "
                f"{len(base_distribution.batch_shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        self.has_rsample = base_distribution.has_rsample
        shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        split = len(base_distribution.batch_shape) - reinterpreted_batch_ndims
        super().__init__(shape[:split], shape[split:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mean

    @property
    def variance(self) -> Tensor:
        """That of the base."""
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values of the base."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values of the base, with a gradient."""
        return self.base_dist.rsample(sample_shape)

    def _summed(self, value: Tensor) -> Tensor:
        return value.sum(tuple(range(-self.reinterpreted_batch_ndims, 0))) if self.reinterpreted_batch_ndims else value

    def log_prob(self, value: Tensor) -> Tensor:
        """Summed over the event."""
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        """Summed over the event."""
        return self._summed(self.base_dist.entropy())

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"


class MultivariateNormal(Distribution):
    """Normal vectors of mean loc with a covariance, its inverse, or its Cholesky factor."""

    arg_constraints = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        if loc.dim() < 1 or given[0].dim() < 2:
            raise ValueError("loc must be at least one-dimensional and the matrix at least two-dimensional")
        size = loc.shape[-1]
        batch = (loc[..., 0].detach() + given[0][..., 0, 0].detach()).shape
        self.loc = loc.expand((*batch, size))
        if covariance_matrix is not None:
            self.covariance_matrix = covariance_matrix.expand((*batch, size, size))
            self.scale_tril = cholesky(self.covariance_matrix)
        elif scale_tril is not None:
            self.scale_tril = scale_tril.expand((*batch, size, size))
        else:
            assert precision_matrix is not None
            self.precision_matrix = precision_matrix.expand((*batch, size, size))
            flipped = cholesky(self.precision_matrix.flip((-2, -1)))
            inverse = flipped.flip((-2, -1)).mT
            self.scale_tril = solve_triangular(inverse, eye(size, dtype=loc.dtype), upper=False)
        super().__init__(batch, (size,), validate_args=validate_args)

    def __getattr__(self, name: str) -> Any:
        if name == "covariance_matrix" and "scale_tril" in self.__dict__:
            return self.scale_tril @ self.scale_tril.mT
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _parameters(self) -> set[str]:
        return set(self.arg_constraints)

    @property
    def mean(self) -> Tensor:
        """loc."""
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        return self.scale_tril.pow(2).sum(-1).expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """loc + scale_tril z."""
        z = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).normal_()
        return self.loc + (self.scale_tril @ z.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density."""
        self._validate_sample(value)
        difference = (value - self.loc).unsqueeze(-1)
        tril = self.scale_tril.expand((*difference.shape[:-2], *self.scale_tril.shape[-2:]))
        distance = solve_triangular(tril, difference, upper=False).squeeze(-1).pow(2).sum(-1)
        half_log_det = self.scale_tril.diagonal(0, -2, -1).log().sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_det

    def entropy(self) -> Tensor:
        """The differential entropy."""
        half_log_det = self.scale_tril.diagonal(0, -2, -1).log().sum(-1)
        return 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det


class MixtureSameFamily(Distribution):
    """A Categorical choice among the last batch dimension of a distribution."""

    def __init__(
        self, mixture_distribution: Categorical, component_distribution: Distribution, validate_args: bool | None = None
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(
            component_distribution.batch_shape[:-1], component_distribution.event_shape, validate_args=False
        )

    def _padded(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - len(self._event_shape))

    def _weighted(self, value: Tensor) -> Tensor:
        weights = self.mixture_distribution.probs
        return (weights.reshape((*weights.shape, *(1,) * len(self._event_shape))) * value).sum(
            -1 - len(self._event_shape)
        )

    @property
    def mean(self) -> Tensor:
        """The weighted mean of the components."""
        return self._weighted(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean of the variances and the variance of the means."""
        inside = self._weighted(self.component_distribution.variance)
        return inside + self._weighted((self.component_distribution.mean - self._padded(self.mean)).pow(2.0))

    def log_prob(self, value: Tensor) -> Tensor:
        """The log of the weighted sum."""
        self._validate_sample(value)
        inside = self.component_distribution.log_prob(self._padded(value))
        return (inside + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """A choice, then a value of the chosen component."""
        chosen, events = self.mixture_distribution.sample(sample_shape), len(self._event_shape)
        values = self.component_distribution.sample(sample_shape)
        index = chosen.reshape((*chosen.shape, 1, *(1,) * events))
        index = index.expand((*chosen.shape, 1, *self._event_shape))
        return values.gather(-1 - events, index).squeeze(-1 - events)
