"""Probability distributions (https://pytorch.org/docs/stable/distributions.html).

Normal, uniform, exponential, Cauchy and Laplace numbers and categorical and Bernoulli choices are PyTorch's for the same seed; Gamma, Beta,
Dirichlet, StudentT and Poisson follow their distributions with numbers of their own.
"""

from nptorch.distributions import constraints as constraints
from nptorch.distributions.compound import Independent, MixtureSameFamily, MultivariateNormal
from nptorch.distributions.continuous import Cauchy, Exponential, Gumbel, Laplace, Normal, Uniform
from nptorch.distributions.discrete import (
    Bernoulli,
    Categorical,
    Geometric,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from nptorch.distributions.distribution import Distribution, ExponentialFamily
from nptorch.distributions.gamma import Beta, Chi2, Dirichlet, Gamma, StudentT
from nptorch.distributions.kl import kl_divergence, register_kl

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Cauchy",
    "Chi2",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "ExponentialFamily",
    "Gamma",
    "Geometric",
    "Gumbel",
    "Independent",
    "Laplace",
    "MixtureSameFamily",
    "MultivariateNormal",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Poisson",
    "StudentT",
    "Uniform",
    "kl_divergence",
    "register_kl",
]
