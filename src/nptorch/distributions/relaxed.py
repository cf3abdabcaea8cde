"""Continuous stand-ins for choices, with derivatives.

Sources: Maddison, Mnih, Teh, arXiv:1611.00712; Jang, Gu, Poole, arXiv:1611.01144; Loaiza-Ganem, Cunningham, arXiv:1907.06845.
"""

from __future__ import annotations

import math
from typing import Any

from nptorch.distributions import constraints
from nptorch.distributions.compound import TransformedDistribution
from nptorch.distributions.discrete import ByProbability, Categorical
from nptorch.distributions.distribution import Distribution, ExponentialFamily
from nptorch.distributions.transforms import ExpTransform, SigmoidTransform
from nptorch.distributions.utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs
from nptorch.nn import functional as F
from nptorch.ops.pointwise import where
from nptorch.random import rand
from nptorch.size import Size
from nptorch.tensor import Tensor


class LogitRelaxedBernoulli(ByProbability):
    """The log odds of a RelaxedBernoulli."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(
        self, temperature: Tensor, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(rand(shape, dtype=probs.dtype))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        difference = logits - value * self.temperature
        return self.temperature.log() + difference - 2 * difference.exp().log1p()


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a RelaxedOneHotCategorical."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, temperature: Tensor, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    @property
    def param_shape(self) -> Size:
        """The shape of probs."""
        return self._categorical.param_shape

    @property
    def probs(self) -> Tensor:
        """Probabilities."""
        found: Tensor = self._categorical.probs
        return found

    @property
    def logits(self) -> Tensor:
        """Log probabilities."""
        found: Tensor = self._categorical.logits
        return found

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        return F.log_softmax((self.logits - (-u.log()).log()) / self.temperature, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        count = self._event_shape[0]
        logits, value = broadcast_all(self.logits, value)
        score = F.log_softmax(logits - value * self.temperature, -1).sum(-1)
        return score + math.lgamma(count) + (count - 1) * self.temperature.log()


class _Relaxed(TransformedDistribution):
    """A base with temperature, probs and logits."""

    has_rsample = True
    _base: Any
    _transform: Any

    def __init__(
        self, temperature: Tensor, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._base(temperature, probs, logits), self._transform(), validate_args=validate_args)

    @property
    def temperature(self) -> Tensor:
        """The lower, the nearer to a choice."""
        found: Tensor = self.base_dist.temperature
        return found

    @property
    def probs(self) -> Tensor:
        """Probabilities."""
        found: Tensor = self.base_dist.probs
        return found

    @property
    def logits(self) -> Tensor:
        """Log odds, or log probabilities."""
        found: Tensor = self.base_dist.logits
        return found


class RelaxedBernoulli(_Relaxed):
    """A number of (0, 1) instead of 0 or 1."""

    arg_constraints = LogitRelaxedBernoulli.arg_constraints
    support = constraints.unit_interval
    _base, _transform = LogitRelaxedBernoulli, SigmoidTransform


class RelaxedOneHotCategorical(_Relaxed):
    """Shares instead of a row with a single one."""

    arg_constraints = ExpRelaxedCategorical.arg_constraints
    support = constraints.simplex
    _base, _transform = ExpRelaxedCategorical, ExpTransform


class ContinuousBernoulli(ByProbability, ExponentialFamily):
    """Numbers of [0, 1] whose density is that of Bernoulli in between; `lims`: where series replace what cancels."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims = lims
        super().__init__(probs, logits, validate_args)
        if probs is not None:
            self.__dict__["probs"] = clamp_probs(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return clamp_probs(logits_to_probs(self.logits, True))

    def _unstable(self) -> Tensor:
        return (self.probs > self._lims[0]) & (self.probs <= self._lims[1])

    def _pieces(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where to take a series around 1/2; probabilities kept away from it; and their log odds."""
        unstable = self._unstable()
        p = self.probs.masked_fill(unstable, self._lims[0])
        return unstable, p, p.log() - (-p).log1p()

    def _cont_bern_log_norm(self) -> Tensor:
        unstable, p, log_odds = self._pieces()
        square = (self.probs - 0.5).pow(2)
        series = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * square) * square
        return where(unstable, series, log_odds.abs().log() - (1 - 2 * p).abs().log())

    @property
    def mean(self) -> Tensor:
        unstable, p, log_odds = self._pieces()
        x = self.probs - 0.5
        series = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x
        return where(unstable, series, p / (2.0 * p - 1.0) - 1.0 / log_odds)

    @property
    def variance(self) -> Tensor:
        unstable, p, log_odds = self._pieces()
        square = (self.probs - 0.5).pow(2)
        series = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * square) * square
        return where(unstable, series, p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / log_odds.pow(2))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return self._cont_bern_log_norm() - F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        unstable, p, _ = self._pieces()
        share = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, where(unstable, value, share)))

    def icdf(self, value: Tensor) -> Tensor:
        unstable, p, log_odds = self._pieces()
        return where(unstable, value, ((-p + value * (2.0 * p - 1.0)).log1p() - (-p).log1p()) / log_odds)

    def entropy(self) -> Tensor:
        log_failure = (-self.probs).log1p()
        return self.mean * (log_failure - self.probs.log()) - self._cont_bern_log_norm() - log_failure
