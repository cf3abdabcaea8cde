"""Each distribution with parameters of several shapes: name, then keyword arguments as PyTorch names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

POSITIVE = [[0.3, 1.2, 2.0], [0.7, 4.5, 11.0]]
REAL = [[-1.3, 0.0, 0.4], [2.5, -0.2, 1.0]]
SHARES = [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
COVARIANCE = [[2.0, 0.3], [0.3, 1.0]]
TRIL = [[1.2, 0.0], [0.4, 0.8]]

# A list is a tensor that wants a gradient; a tuple is one that wants none; numbers stay numbers.
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "Bernoulli": [dict(probs=SHARES), dict(logits=REAL), dict(probs=0.3), dict(probs=[0.0, 1.0, 0.5])],
    "Beta": [dict(concentration1=POSITIVE, concentration0=POSITIVE[::-1]), dict(concentration1=2.0, concentration0=3.0)],
    "Binomial": [dict(total_count=10, probs=SHARES), dict(total_count=(3.0, 20.0, 100.0), logits=REAL), dict(total_count=4, probs=[0.0, 1.0])],
    "Categorical": [dict(probs=SHARES), dict(logits=REAL), dict(probs=[1.0, 3.0, 0.0])],
    "Cauchy": [dict(loc=REAL, scale=POSITIVE), dict(loc=0.0, scale=1.0)],
    "Chi2": [dict(df=POSITIVE), dict(df=3.0)],
    "ContinuousBernoulli": [dict(probs=SHARES), dict(logits=REAL), dict(probs=[0.4995, 0.3])],
    "Dirichlet": [dict(concentration=POSITIVE), dict(concentration=[0.5, 0.2, 0.9])],
    "Exponential": [dict(rate=POSITIVE), dict(rate=1.0)],
    "FisherSnedecor": [dict(df1=POSITIVE, df2=[[5.0, 3.0, 9.0], [1.0, 12.0, 4.5]]), dict(df1=[1.0], df2=3.0)],
    "Gamma": [dict(concentration=POSITIVE, rate=POSITIVE[::-1]), dict(concentration=1.0, rate=2.0)],
    "GeneralizedPareto": [dict(loc=REAL, scale=POSITIVE, concentration=[[-0.4, 0.3, 0.0], [1.5, 0.2, -0.7]])],
    "Geometric": [dict(probs=SHARES), dict(logits=REAL), dict(probs=0.5)],
    "Gumbel": [dict(loc=REAL, scale=POSITIVE), dict(loc=0.0, scale=1.0)],
    "HalfCauchy": [dict(scale=POSITIVE), dict(scale=1.0)],
    "HalfNormal": [dict(scale=POSITIVE), dict(scale=1.0)],
    "InverseGamma": [dict(concentration=POSITIVE, rate=POSITIVE[::-1]), dict(concentration=3.0, rate=2.0)],
    "Kumaraswamy": [dict(concentration1=POSITIVE, concentration0=POSITIVE[::-1])],
    "LKJCholesky": [dict(dim=2, concentration=0.5), dict(dim=4, concentration=[1.0, 2.5])],
    "Laplace": [dict(loc=REAL, scale=POSITIVE), dict(loc=0.0, scale=1.0)],
    "LogNormal": [dict(loc=REAL, scale=POSITIVE), dict(loc=0.0, scale=1.0)],
    "LogisticNormal": [dict(loc=REAL, scale=POSITIVE), dict(loc=[0.0, 0.5], scale=1.0)],
    "LowRankMultivariateNormal": [
        dict(loc=[1.0, -1.0], cov_factor=[[1.0], [0.5]], cov_diag=[0.7, 0.4]),
        dict(loc=REAL, cov_factor=[[1.0, 0.2], [0.5, -0.3], [0.1, 0.9]], cov_diag=POSITIVE),
    ],
    "Multinomial": [dict(total_count=10, probs=SHARES), dict(total_count=5, logits=REAL)],
    "MultivariateNormal": [
        dict(loc=[1.0, -1.0], covariance_matrix=COVARIANCE),
        dict(loc=[[1.0, -1.0], [0.0, 2.0], [3.0, 1.0]], scale_tril=TRIL),
        dict(loc=[0.5, 0.1], precision_matrix=[COVARIANCE, [[1.0, 0.0], [0.0, 3.0]]]),
    ],
    "NegativeBinomial": [dict(total_count=(3.0, 20.0, 1.0), probs=SHARES), dict(total_count=4, logits=REAL)],
    "Normal": [dict(loc=REAL, scale=POSITIVE), dict(loc=0.0, scale=1.0), dict(loc=[1.0, 2.0], scale=0.3)],
    "OneHotCategorical": [dict(probs=SHARES), dict(logits=REAL)],
    "OneHotCategoricalStraightThrough": [dict(probs=SHARES), dict(logits=REAL)],
    "Pareto": [dict(scale=POSITIVE, alpha=POSITIVE[::-1]), dict(scale=1.0, alpha=3.0)],
    "Poisson": [dict(rate=POSITIVE), dict(rate=30.0), dict(rate=[0.0, 12.0])],
    "RelaxedBernoulli": [dict(temperature=(0.7,), probs=SHARES), dict(temperature=(2.0,), logits=REAL)],
    "RelaxedOneHotCategorical": [dict(temperature=(0.7,), probs=SHARES), dict(temperature=(2.0,), logits=REAL)],
    "StudentT": [dict(df=[[0.5, 1.5, 3.0], [7.0, 2.0, 30.0]], loc=REAL, scale=POSITIVE), dict(df=3.0)],
    "Uniform": [dict(low=REAL, high=[[2.0, 0.5, 1.0], [3.0, 0.0, 1.5]]), dict(low=0.0, high=1.0)],
    "VonMises": [dict(loc=REAL, concentration=POSITIVE), dict(loc=0.5, concentration=1.0)],
    "Weibull": [dict(scale=POSITIVE, concentration=POSITIVE[::-1]), dict(scale=1.0, concentration=2.0)],
    "Wishart": [dict(df=4.0, covariance_matrix=COVARIANCE), dict(df=[3.0, 5.5], scale_tril=TRIL), dict(df=5.0, precision_matrix=COVARIANCE)],
}  # fmt: skip

# What is made of other distributions.
MADE: dict[str, Callable[[Any, Callable[..., Any]], Any]] = {
    "Independent": lambda D, t: D.Independent(D.Normal(t(REAL), t(POSITIVE)), 1),
    "Independent of none": lambda D, t: D.Independent(D.Bernoulli(t(SHARES)), 0),
    "MixtureSameFamily": lambda D, t: D.MixtureSameFamily(D.Categorical(t(SHARES)), D.Normal(t(REAL), t(POSITIVE))),
    "MixtureSameFamily of vectors": lambda D, t: D.MixtureSameFamily(
        D.Categorical(t([0.3, 0.7])), D.Independent(D.Normal(t(REAL), t(POSITIVE)), 1)
    ),
    "squashed": lambda D, t: D.TransformedDistribution(
        D.Normal(t(REAL), t(POSITIVE)), [D.TanhTransform(cache_size=1), D.AffineTransform(1.0, -2.0)]
    ),
    "logistic": lambda D, t: D.TransformedDistribution(
        D.Uniform(t(0.0), t(1.0)), [D.SigmoidTransform().inv, D.AffineTransform(t(REAL), t(POSITIVE))]
    ),
    "flow of a vector": lambda D, t: D.TransformedDistribution(
        D.MultivariateNormal(t([0.1, -0.2]), t(COVARIANCE)),
        [D.ExpTransform(), D.AffineTransform(t([1.0, 2.0]), 2.0, 1)],
    ),
}


def make(T: Any, name: str, number: int, dtype: str = "float64") -> tuple[Any, list[Any]]:
    """A distribution of library T and its parameters."""
    kept: list[Any] = []

    def parameter(value: Any) -> Any:
        made = T.tensor(np.array(value), dtype=getattr(T, dtype)).requires_grad_()
        kept.append(made)
        return made

    if name in MADE:
        return MADE[name](T.distributions, parameter), kept
    given = {}
    for key, value in EXAMPLES[name][number].items():
        if isinstance(value, list):
            given[key] = parameter(value)
        elif isinstance(value, tuple):
            given[key] = T.tensor(np.array(value), dtype=getattr(T, dtype))
        else:
            given[key] = value
    return getattr(T.distributions, name)(**given), kept


ALL = [(name, i) for name, examples in EXAMPLES.items() for i in range(len(examples))] + [(name, 0) for name in MADE]


def summary(T: Any, name: str, number: int) -> list[list[float]]:
    """A sample of a seed, its log densities and the mean, to six digits; for golden data."""
    distribution, _ = make(T, name, number, "float32")
    T.manual_seed(5)
    value = distribution.sample((2,))
    found = [value, distribution.log_prob(value)]
    try:
        found.append(distribution.mean)
    except NotImplementedError:
        pass
    return [[float(f"{x:.6g}") for x in tensor.detach().flatten().tolist()] for tensor in found]
