"""Kullback-Leibler divergences in closed form, for the pairs that PyTorch has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from nptorch.distributions.compound import Independent, TransformedDistribution
from nptorch.distributions.continuous import Cauchy, Exponential, Laplace, Normal, Uniform
from nptorch.distributions.counts import Binomial, Poisson
from nptorch.distributions.discrete import Bernoulli, Categorical, Geometric, OneHotCategorical
from nptorch.distributions.distribution import Distribution, ExponentialFamily
from nptorch.distributions.gamma import Beta, Dirichlet, Gamma
from nptorch.distributions.matrices import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    half_log_det,
    solve_lower,
    squared_distance,
)
from nptorch.distributions.relaxed import ContinuousBernoulli
from nptorch.distributions.transformed import Gumbel, HalfNormal, Pareto
from nptorch.distributions.utils import euler_constant, sum_rightmost
from nptorch.nn import functional as F
from nptorch.ops.diagonals import diag_embed
from nptorch.ops.pointwise import where, zeros_of
from nptorch.ops.special import digamma, erf, lgamma
from nptorch.tensor import Tensor

__all__ = ["kl_divergence", "register_kl"]

F_ = TypeVar("F_", bound=Callable[..., Any])
_TABLE: dict[tuple[type, type], Callable[..., Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[F_], F_]:
    """Let the decorated function of (p, q) serve these types and their subclasses."""

    def publish(f: F_) -> F_:
        _TABLE[type_p, type_q] = f
        return f

    return publish


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """How much is lost by taking q for p.

    Raises: NotImplementedError for a pair without a closed form here.
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in _TABLE:
                return _TABLE[a, b](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


# --- of one kind ---


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _of_bases(p: Any, q: Any) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    """Chyzak, Nielsen, arXiv:1905.10965."""
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return (lgamma(1 + ratio) - distance).exp() + distance - ratio.log() + ratio * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return where(p.scale < q.scale, math.inf, found)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    def part(chance: Tensor, other: Tensor, logits: Tensor, other_logits: Tensor) -> Tensor:
        found = where(other == 0, math.inf, chance * (F.softplus(-other_logits) - F.softplus(-logits)))
        return where(chance == 0, 0.0, found)

    return part(p.probs, q.probs, p.logits, q.logits) + part(1 - p.probs, 1 - q.probs, -p.logits, -q.logits)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    normalizers = p._cont_bern_log_norm() - q._cont_bern_log_norm()
    return p.mean * (p.logits - q.logits) + normalizers + (-p.probs).log1p() - (-q.probs).log1p()


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return where(p.total_count > q.total_count, math.inf, p.total_count * one)


@register_kl(Categorical, Categorical)
@register_kl(OneHotCategorical, OneHotCategorical)
def _categorical(p: Any, q: Any) -> Tensor:
    t = where(q.probs == 0, math.inf, p.probs * (p.logits - q.logits))
    return where(p.probs == 0, 0.0, t).sum(-1)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return b * (p.rate / q.rate).log() + lgamma(b) - lgamma(a) + (a - b) * digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    t = lgamma(total) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return t + ((a - b) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(ExponentialFamily, ExponentialFamily)
def _bregman(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    if type(p) is not type(q):
        raise NotImplementedError(
            f"The KL divergence of {type(p).__name__} from {type(q).__name__}, two different exponential families, has no closed form"
        )
    at, normalizer, slopes = p._normalizer_slopes()
    found = q._log_normalizer(*q._natural_params) - normalizer
    for mine, theirs, slope in zip(at, q._natural_params, slopes, strict=True):
        change = (theirs - mine) * slope
        found = found - sum_rightmost(change, change.dim() - found.dim())
    return found


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL of transformed distributions needs the same transforms and event_shape")
    return _of_bases(p, q)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL of Independent distributions needs the same reinterpreted_batch_ndims")
    return sum_rightmost(_of_bases(p, q), p.reinterpreted_batch_ndims)


# --- normal vectors ---


def _same_events(p: Distribution, q: Distribution) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two Multivariate Normals with different event shapes ({p.event_shape}, {q.event_shape}) "
            "cannot be computed"
        )


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _to_multivariate(p: Any, q: MultivariateNormal) -> Tensor:
    _same_events(p, q)
    low_rank = isinstance(p, LowRankMultivariateNormal)
    half = half_log_det(q.scale_tril) - (0.5 * p.log_det() if low_rank else half_log_det(p.scale_tril))
    roots = (p.cov_factor, diag_embed(p.cov_diag.sqrt())) if low_rank else (p.scale_tril,)
    spread = sum(solve_lower(q.scale_tril, root).pow(2).sum((-2, -1)) for root in roots)
    return half + 0.5 * (spread + squared_distance(q.scale_tril, q.loc - p.loc) - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _to_low_rank(p: Any, q: LowRankMultivariateNormal) -> Tensor:
    _same_events(p, q)
    low_rank = isinstance(p, LowRankMultivariateNormal)
    log_dets = q.log_det() - (p.log_det() if low_rank else 2 * half_log_det(p.scale_tril))
    spread: Any = (p.variance / q.cov_diag).sum(-1)
    roots = (p.cov_factor, diag_embed(p.cov_diag.sqrt())) if low_rank else (p.scale_tril,)
    for root in roots:
        spread = spread - (q.whitened() @ root).pow(2).sum((-2, -1))
    return 0.5 * (log_dets + spread + q.squared_distance(q.loc - p.loc) - p.event_shape[0])


# --- of two kinds: less the entropy of p, and less the mean of log q ---


def _x_log_x(x: Tensor) -> Tensor:
    return x.xlogy(x)


def _mean_log_uniform(low: Tensor, high: Tensor) -> Tensor:
    return (_x_log_x(high) - _x_log_x(low)) / (high - low) - 1


_MEAN_LOG: dict[type, Callable[[Any], Tensor]] = {
    Beta: lambda p: digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0),
    Exponential: lambda p: -p.rate.log() - euler_constant,
    Gamma: lambda p: digamma(p.concentration) - p.rate.log(),
    Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
    Uniform: lambda p: _mean_log_uniform(p.low, p.high),
}
# of exp(-t x), given t
_MEAN_EXP: dict[type, Callable[[Any, Tensor], Tensor]] = {
    Exponential: lambda p, t: p.rate / (p.rate + t),
    Gamma: lambda p, t: (1 + t / p.rate).pow(-p.concentration),
    Normal: lambda p, t: (0.5 * (p.scale * t).pow(2) - p.loc * t).exp(),
    Uniform: lambda p, t: ((-t * p.low).exp() - (-t * p.high).exp()) / (t * (p.high - p.low)),
}


def _of(table: dict[type, Callable[..., Tensor]], p: Distribution, *args: Tensor) -> Tensor:
    return next(table[kind] for kind in type(p).__mro__ if kind in table)(p, *args)


def _beyond(p: Distribution, low: Any = -math.inf, high: Any = math.inf, moment: int = 1) -> Tensor:
    """Where q has not all values of p, or p not the moments that are asked of it."""
    if isinstance(p, Uniform):
        return (p.low < low) | (p.high > high)
    return p.alpha <= moment if isinstance(p, Pareto) else zeros_of(p.mean).bool()


def _moments(p: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(p, Pareto):
        return p.mean, p.variance
    a = p.alpha  # finite everywhere, for the derivatives' sake
    return a * p.scale / (a - 1), p.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))


def _to_normal(p: Any, q: Normal) -> Tensor:
    mean, variance = _moments(p)
    found = 0.5 * (2 * math.pi * q.scale.pow(2)).log() + (variance + (mean - q.loc).pow(2)) / (2 * q.scale.pow(2))
    return where(_beyond(p, moment=2), math.inf, found)


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return where(_beyond(p, 0), math.inf, q.rate * _moments(p)[0] - q.rate.log())


def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    found = lgamma(a) - a * q.rate.log() + (1 - a) * _of(_MEAN_LOG, p) + q.rate * _moments(p)[0]
    return where(_beyond(p, 0), math.inf, found)


def _to_gumbel(p: Any, q: Gumbel) -> Tensor:
    shift = q.loc / q.scale
    return q.scale.log() + p.mean / q.scale - shift + shift.exp() * _of(_MEAN_EXP, p, 1 / q.scale)


def _to_pareto(p: Uniform, q: Pareto) -> Tensor:
    found = (q.alpha + 1) * _of(_MEAN_LOG, p) - q.alpha.log() - q.alpha * q.scale.log()
    return where(_beyond(p, q.scale), math.inf, found)


def _to_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    found = (1 - a) * _of(_MEAN_LOG, p) + (1 - b) * _mean_log_uniform(1 - p.high, 1 - p.low)
    return where(_beyond(p, 0, 1), math.inf, found + lgamma(a) + lgamma(b) - lgamma(a + b))


def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    found = -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()
    # The ends count as outside, as PyTorch has it.
    outside = (p.high >= 1) | (p.low <= 0) if isinstance(p, Uniform) else _beyond(p, 0)
    return where(outside, math.inf, found)


def _to_uniform(p: Any, q: Uniform) -> Tensor:
    # The same.
    outside = (q.low >= 0) | (q.high <= 1) if isinstance(p, ContinuousBernoulli) else (q.low > 0) | (q.high < 1)
    return where(outside, math.inf, (q.high - q.low).log())


def _to_laplace(p: Normal, q: Laplace) -> Tensor:
    z = (p.loc - q.loc) / p.scale
    distance = p.scale * (math.sqrt(2 / math.pi) * (-0.5 * z.pow(2)).exp() + z * erf(math.sqrt(0.5) * z))
    return (2 * q.scale).log() + distance / q.scale


def _to_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log()


def _infinite(p: Any, q: Any) -> Tensor:
    return zeros_of(p.mean) + math.inf


def _less_entropy(cross_entropy: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda p, q: cross_entropy(p, q) - p.entropy()


for _kind, _cross_entropy, _kinds in (
    (Normal, _to_normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform)),
    (Exponential, _to_exponential, (Beta, ContinuousBernoulli, Gamma, Pareto, Uniform)),
    (Gamma, _to_gamma, (Beta, Exponential, Pareto, Uniform)),
    (Gumbel, _to_gumbel, (Exponential, Gamma, Normal, Uniform)),
    (Pareto, _to_pareto, (Uniform,)),
    (Beta, _to_beta, (Uniform,)),
    (ContinuousBernoulli, _to_continuous_bernoulli, (Beta, Uniform)),
    (Uniform, _to_uniform, (Beta, ContinuousBernoulli)),
    (Laplace, _to_laplace, (Normal,)),
    (Poisson, _to_poisson, (Bernoulli,)),
):
    for _p in _kinds:
        register_kl(_p, _kind)(_less_entropy(_cross_entropy))

# p has values where q has none.
_BOUNDED = (Beta, ContinuousBernoulli, Pareto, Uniform)
for _infinitely_far, _qs in {
    Beta: (Pareto,), ContinuousBernoulli: (Pareto,), Exponential: _BOUNDED, Gamma: _BOUNDED,
    Gumbel: (*_BOUNDED, Exponential, Gamma), Laplace: (*_BOUNDED, Exponential, Gamma),
    Normal: (*_BOUNDED, Exponential, Gamma), Pareto: (Beta, ContinuousBernoulli, Uniform), Poisson: (Bernoulli, Binomial),
}.items():  # fmt: skip
    for _q in _qs:
        register_kl(_infinitely_far, _q)(_infinite)
