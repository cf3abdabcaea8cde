"""Gamma and its kin. Their samples follow the distributions, but are not PyTorch's numbers, and have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.distributions import constraints
from nptorch.distributions.distribution import ExponentialFamily, together
from nptorch.ops.create import empty, tensor
from nptorch.ops.join import stack
from nptorch.ops.special import digamma, lgamma
from nptorch.random import randint
from nptorch.tensor import Tensor


def numpy_generator() -> np.random.Generator:
    """NumPy's generator, seeded from the library's, so that manual_seed() decides these numbers too."""
    return np.random.default_rng(randint(0, 2**31, (4,)).tolist())


def _drawn(shape: Any, like: Tensor, numbers: Any) -> Tensor:
    made = empty(shape, dtype=like.dtype)
    made._array[...] = np.maximum(numbers, np.finfo(made._array.dtype).tiny)
    return made


class Gamma(ExponentialFamily):
    """Shape concentration, and rate."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """concentration / rate."""
        return self.concentration / self.rate

    @property
    def variance(self) -> Tensor:
        """concentration / rate squared."""
        return self.concentration / self.rate.pow(2)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values without a gradient."""
        shape = self._extended_shape(sample_shape)
        numbers = numpy_generator().standard_gamma(self.concentration.detach()._array, shape)
        return _drawn(shape, self.rate, numbers / self.rate.detach()._array)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density."""
        self._validate_sample(value)
        (value,) = together(value)
        return (
            self.concentration.xlogy(self.rate) + (self.concentration - 1).xlogy(value) - self.rate * value
            - lgamma(self.concentration)
        )  # fmt: skip

    def entropy(self) -> Tensor:
        """The differential entropy."""
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1.0 - a) * digamma(a)


class Chi2(Gamma):
    """The sum of df squared normal numbers."""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (self.df,) = together(df)
        super().__init__(0.5 * self.df, 0.5, validate_args)


class Dirichlet(ExponentialFamily):
    """Shares that sum to one."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The share of each concentration."""
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def variance(self) -> Tensor:
        """The variance of each share."""
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Gamma numbers over their sum."""
        shape = self._extended_shape(sample_shape)
        numbers = numpy_generator().standard_gamma(self.concentration.detach()._array, shape)
        return _drawn(shape, self.concentration, numbers / numbers.sum(-1, keepdims=True))

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density."""
        self._validate_sample(value)
        a = self.concentration
        return (a - 1.0).xlogy(value).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        """The differential entropy."""
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        return lgamma(a).sum(-1) - lgamma(total) - (k - total) * digamma(total) - ((a - 1.0) * digamma(a)).sum(-1)


class Beta(ExponentialFamily):
    """A share of (0, 1)."""

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = together(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def _dirichlet(self) -> Dirichlet:
        return Dirichlet(stack([self.concentration1, self.concentration0], -1), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """concentration1 over the sum."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values without a gradient."""
        return self._dirichlet.sample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density."""
        self._validate_sample(value)
        return self._dirichlet.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        """The differential entropy."""
        return self._dirichlet.entropy()


class StudentT(ExponentialFamily):
    """A normal number over the root of a Chi2 number."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = together(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc, nan for df <= 1."""
        return self.loc.masked_fill(self.df <= 1, float("nan"))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values without a gradient."""
        shape = self._extended_shape(sample_shape)
        numbers = numpy_generator().standard_t(self.df.detach()._array, shape)
        return self.loc.detach() + self.scale.detach() * tensor(np.asarray(numbers), dtype=self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density."""
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        weight = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5723649429247001
            + lgamma(0.5 * self.df)
            - lgamma(0.5 * (self.df + 1.0))
        )
        return -0.5 * (self.df + 1.0) * (y**2.0 / self.df).log1p() - weight
