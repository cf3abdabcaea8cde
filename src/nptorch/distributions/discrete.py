"""Distributions of counts and choices, drawn as PyTorch draws them."""

from __future__ import annotations

import math
from typing import Any

from nptorch import dtypes
from nptorch.distributions import constraints
from nptorch.distributions.distribution import Distribution, ExponentialFamily, together
from nptorch.nn import functional as F
from nptorch.ops.create import arange, empty
from nptorch.ops.special import lgamma
from nptorch.random import bernoulli, multinomial, rand
from nptorch.size import Size
from nptorch.tensor import Tensor


def _clamped(probs: Tensor) -> Tensor:
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of log odds, or of log weights along the last dimension."""
    return logits.sigmoid() if is_binary else F.softmax(logits, -1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The opposite; probabilities of 0 and 1 are moved by the smallest step."""
    safe = _clamped(probs)
    return safe.log() - (-safe).log1p() if is_binary else safe.log()


class _ByProbability(Distribution):
    """One of probs and logits is given, the other is computed when asked for."""

    binary = True

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        given = "probs" if logits is None else "logits"
        (value,) = together(probs if logits is None else logits)
        if not self.binary:
            if value.dim() < 1:
                raise ValueError(f"`{given}` parameter must be at least one-dimensional.")
            value = (
                value / value.sum(-1, keepdim=True) if given == "probs" else value - value.logsumexp(-1, keepdim=True)
            )
        self.__dict__[given] = value
        self._given = given
        shape = value.shape if self.binary else value.shape[:-1]
        super().__init__(shape, self._events(value), validate_args=validate_args)

    def _events(self, value: Tensor) -> Any:
        return ()

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            return logits_to_probs(self.__dict__["logits"], self.binary)
        if name == "logits" and "probs" in self.__dict__:
            return probs_to_logits(self.__dict__["probs"], self.binary)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def param_shape(self) -> Size:
        """The shape of probs."""
        return getattr(self, self._given).shape


class Bernoulli(_ByProbability, ExponentialFamily):
    """1 with probability probs, else 0."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        """probs."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The likelier value, nan where both are alike."""
        found = (self.probs >= 0.5).to(self.probs.dtype)
        return found.masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Zeros and ones."""
        return bernoulli(self.probs.detach().expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The log probability."""
        self._validate_sample(value)
        logits = self.logits + value * 0
        return -F.binary_cross_entropy_with_logits(logits, value.expand(logits.shape), reduction="none")

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1 along a new first dimension."""
        values = arange(2, dtype=self.probs.dtype).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values


class Geometric(_ByProbability):
    """How many failures come before the first success."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / p - 1."""
        return 1.0 / self.probs - 1.0

    @property
    def variance(self) -> Tensor:
        """(1 / p - 1) / p."""
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By the quantile of uniform numbers."""
        u = rand(self._extended_shape(sample_shape), dtype=self.probs.dtype).clamp(
            min=dtypes.finfo(self.probs.dtype).tiny
        )
        return (u.log() / (-self.probs.detach()).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        """The log probability."""
        self._validate_sample(value)
        probs = self.probs + value * 0
        probs = probs.masked_fill((probs == 1) & (value == 0), 0.0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class Categorical(_ByProbability):
    """A number of 0 ... K - 1 by the weights along the last dimension."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    binary = False

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def _num_events(self) -> int:
        return self.param_shape[-1]

    @property
    def support(self) -> Any:
        """0 ... K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """nan: choices have no mean."""
        return self.probs[..., 0] * math.nan

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The likeliest choice."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Choices, int64."""
        count = math.prod(sample_shape)
        chosen = multinomial(self.probs.detach().reshape(-1, self._num_events), count, True).t()
        return chosen.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The log probability."""
        self._validate_sample(value)
        logits, index = self.logits, value.long()
        shape = (index + logits[..., 0].detach().long() * 0).shape
        return logits.expand((*shape, self._num_events)).gather(-1, index.expand(shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        logits = self.logits.clamp(min=dtypes.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All choices along a new first dimension."""
        values = arange(self._num_events).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values


class OneHotCategorical(_ByProbability):
    """A choice as a row with a single one."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    binary = False

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)

    def _events(self, value: Tensor) -> Any:
        return value.shape[-1:]

    @property
    def _categorical(self) -> Categorical:
        return Categorical(**{self._given: self.__dict__[self._given]}, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """probs."""
        return self.probs

    @property
    def variance(self) -> Tensor:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Rows of zeros with a one."""
        chosen = self._categorical.sample(sample_shape)
        return F.one_hot(chosen, self._event_shape[-1]).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log probability."""
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self._categorical.entropy()


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """The same, with the gradient of probs (Bengio et al., arXiv:1308.3432)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """A sample that passes the gradient on to probs."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Poisson(ExponentialFamily):
    """How many events a rate gives in a unit of time."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """rate."""
        return self.rate

    variance = mean

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Counts; they follow the distribution, but are not PyTorch's numbers."""
        from nptorch.distributions.gamma import numpy_generator

        rate = self.rate.detach().expand(self._extended_shape(sample_shape))
        made = empty(rate.shape, dtype=rate.dtype)
        made._array[...] = numpy_generator().poisson(rate._array)
        return made

    def log_prob(self, value: Tensor) -> Tensor:
        """The log probability."""
        self._validate_sample(value)
        return value.xlogy(self.rate) - self.rate - lgamma(value + 1)
