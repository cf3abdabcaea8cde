"""Divergences: every pair that PyTorch has, and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from tests.distributions.examples import make

torch = pytest.importorskip("torch")
from torch.distributions import kl as theirs  # noqa: E402

from nptorch.distributions import kl as ours  # noqa: E402

PAIRS = sorted((p.__name__, q.__name__) for p, q in theirs._KL_REGISTRY)
# Where the first example and itself would say too little: parameters that differ, and one support inside the other.
DIFFERENT: dict[str, Any] = {
    "Uniform": lambda D, t: (D.Uniform(t([0.2, 0.5, 1.5]), t([0.9, 0.7, 3.0])), D.Uniform(t([0.1, -0.5, 0.0]), t([1.0, 1.5, 1.0]))),
    "Pareto": lambda D, t: (D.Pareto(t([0.3, 0.8, 2.0]), t([0.5, 1.5, 4.0])), D.Pareto(t([0.1, 0.6, 3.0]), t([1.2, 0.7, 2.0]))),
    "Bernoulli": lambda D, t: (D.Bernoulli(t([0.2, 1.0, 0.0])), D.Bernoulli(t([0.7, 0.4, 0.3]))),
    "Binomial": lambda D, t: (D.Binomial(t([10.0, 5.0, 4.0]), t([0.2, 0.6, 0.9])), D.Binomial(t([10.0, 4.0, 4.0]), t([0.7, 0.4, 0.3]))),
    "Categorical": lambda D, t: (D.Categorical(t([0.2, 0.8, 0.0])), D.Categorical(t([[0.7, 0.1, 0.2], [1.0, 0.0, 1.0]]))),
    "OneHotCategorical": lambda D, t: (D.OneHotCategorical(t([0.2, 0.8])), D.OneHotCategorical(t([0.7, 0.3]))),
    "ContinuousBernoulli": lambda D, t: (D.ContinuousBernoulli(t([0.2, 0.4995, 0.7])), D.ContinuousBernoulli(t([0.7, 0.5, 0.1]))),
    "Normal": lambda D, t: (D.Normal(t([0.2, -0.8, 3.0]), t([0.5, 1.5, 4.0])), D.Normal(t([0.1, 0.6, -3.0]), t([1.2, 0.7, 2.0]))),
    "Gumbel": lambda D, t: (D.Gumbel(t([0.2, -0.8, 3.0]), t([0.5, 1.5, 4.0])), D.Gumbel(t([0.1, 0.6, -3.0]), t([1.2, 0.7, 2.0]))),
    "Laplace": lambda D, t: (D.Laplace(t([0.2, -0.8, 3.0]), t([0.5, 1.5, 4.0])), D.Laplace(t([0.1, 0.6, -3.0]), t([1.2, 0.7, 2.0]))),
    "Gamma": lambda D, t: (D.Gamma(t([0.2, 0.8, 3.0]), t([0.5, 1.5, 4.0])), D.Gamma(t([0.1, 0.6, 5.0]), t([1.2, 0.7, 2.0]))),
    "Beta": lambda D, t: (D.Beta(t([0.2, 0.8, 3.0]), t([0.5, 1.5, 4.0])), D.Beta(t([0.1, 0.6, 5.0]), t([1.2, 0.7, 2.0]))),
    "Exponential": lambda D, t: (D.Exponential(t([0.2, 0.8, 3.0])), D.Exponential(t([0.5, 1.5, 4.0]))),
    "Poisson": lambda D, t: (D.Poisson(t([0.2, 0.8, 3.0])), D.Poisson(t([0.5, 1.5, 4.0]))),
    "Geometric": lambda D, t: (D.Geometric(t([0.2, 0.8, 0.3])), D.Geometric(t([0.5, 0.1, 0.4]))),
    "Dirichlet": lambda D, t: (D.Dirichlet(t([0.2, 0.8, 3.0])), D.Dirichlet(t([0.5, 1.5, 4.0]))),
    "HalfNormal": lambda D, t: (D.HalfNormal(t([0.2, 0.8])), D.HalfNormal(t([0.5, 1.5]))),
    "Cauchy": lambda D, t: (D.Cauchy(t([0.2, -0.8]), t([0.5, 1.5])), D.Cauchy(t([0.1, 0.6]), t([1.2, 0.7]))),
    "ExponentialFamily": lambda D, t: (
        D.Wishart(t(4.0), t([[2.0, 0.3], [0.3, 1.0]])),
        D.Wishart(t(5.0), scale_tril=t([[1.2, 0.0], [0.4, 0.8]])),
    ),
    "TransformedDistribution": lambda D, t: (D.LogNormal(t([0.2, -0.8]), t([0.5, 1.5])), D.LogNormal(t([0.1, 0.6]), t([1.2, 0.7]))),
    "Independent": lambda D, t: (D.Independent(D.Normal(t([0.2, -0.8]), 1.0), 1), D.Independent(D.Normal(t([[0.1, 0.6]]), 2.0), 1)),
    "MultivariateNormal": lambda D, t: (
        D.MultivariateNormal(t([0.2, -0.8]), t([[2.0, 0.3], [0.3, 1.0]])),
        D.MultivariateNormal(t([[0.1, 0.6], [1.0, 2.0]]), scale_tril=t([[1.2, 0.0], [0.4, 0.8]]))
    ),
    "LowRankMultivariateNormal": lambda D, t: (
        D.LowRankMultivariateNormal(t([0.2, -0.8]), t([[2.0], [0.3]]), t([0.3, 1.0])),
        D.LowRankMultivariateNormal(t([[0.1, 0.6], [1.0, 2.0]]), t([[1.2, 0.0], [0.4, 0.8]]), t([0.5, 0.2])),
    ),
}  # fmt: skip


def test_the_same_pairs() -> None:
    assert sorted((p.__name__, q.__name__) for p, q in ours._TABLE) == PAIRS


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergences_and_their_gradients(p: str, q: str) -> None:
    found = []
    for T in (nptorch, torch):
        kept: list[Any] = []

        def t(values: Any, T: Any = T, kept: list[Any] = kept) -> Any:
            kept.append(T.tensor(np.array(values), requires_grad=True))
            return kept[-1]

        a, b = DIFFERENT[p](T.distributions, t)[0], DIFFERENT[q](T.distributions, t)[1]
        divergence = T.distributions.kl_divergence(a, b)
        total = divergence[divergence.isfinite()].sum()
        grads = T.autograd.grad(total, kept, allow_unused=True) if total.requires_grad else []
        found.append([divergence, *(T.zeros(1) if g is None else g for g in grads)])
    for mine, their in zip(*found, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), their.detach().numpy(), rtol=1e-9, atol=1e-9)


def test_other_pairs_say_so() -> None:
    p, q = make(nptorch, "Cauchy", 0)[0], make(nptorch, "Poisson", 0)[0]
    with pytest.raises(NotImplementedError, match="p type Cauchy and q type Poisson"):
        nptorch.distributions.kl_divergence(p, q)


def test_a_registered_pair_serves_subclasses() -> None:
    D = nptorch.distributions

    class Mine(D.Cauchy):  # type: ignore[misc]
        pass

    @D.register_kl(Mine, D.Poisson)
    def constant(p: Any, q: Any) -> str:
        return "mine"

    try:
        assert D.kl_divergence(type("Sub", (Mine,), {})(0.0, 1.0), D.Poisson(1.0)) == "mine"
    finally:
        del ours._TABLE[Mine, D.Poisson]
