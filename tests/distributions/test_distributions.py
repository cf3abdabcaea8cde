"""Distributions against PyTorch: samples of a seed, densities, moments, entropies, divergences, gradients, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")

V = np.array([[0.3, 1.2, 2.0], [0.7, 0.1, 1.5]])
PROBS = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
COVARIANCE = np.array([[2.0, 0.3], [0.3, 1.0]])

# name: (how to make it from a parameter array, the array, whether samples are PyTorch's)
CASES: dict[str, tuple[Any, Any, bool]] = {
    "Normal": (lambda D, x: D.Normal(x - 1, x), V, True),
    "Laplace": (lambda D, x: D.Laplace(x - 1, x), V, True),
    "Cauchy": (lambda D, x: D.Cauchy(x - 1, x), V, True),
    "Gumbel": (lambda D, x: D.Gumbel(x - 1, x), V, True),
    "Uniform": (lambda D, x: D.Uniform(-x, x * 2), V, True),
    "Exponential": (lambda D, x: D.Exponential(x), V, True),
    "Bernoulli": (lambda D, x: D.Bernoulli(x), PROBS, True),
    "Bernoulli logits": (lambda D, x: D.Bernoulli(logits=x), V, True),
    "Geometric": (lambda D, x: D.Geometric(x), PROBS, True),
    "Categorical": (lambda D, x: D.Categorical(x), PROBS, True),
    "Categorical logits": (lambda D, x: D.Categorical(logits=x), V, True),
    "OneHotCategorical": (lambda D, x: D.OneHotCategorical(x), PROBS, True),
    "Poisson": (lambda D, x: D.Poisson(x), V, False),
    "Gamma": (lambda D, x: D.Gamma(x, x + 1), V, False),
    "Chi2": (lambda D, x: D.Chi2(x), V, False),
    "Beta": (lambda D, x: D.Beta(x, x + 1), V, False),
    "Dirichlet": (lambda D, x: D.Dirichlet(x), V, False),
    "StudentT": (lambda D, x: D.StudentT(x + 2, x, x), V, False),
    "MultivariateNormal": (lambda D, x: D.MultivariateNormal(x[0, :2], x[:1, :1] * 0 + _tensor(D, COVARIANCE)), V, True),
    "MultivariateNormal tril": (lambda D, x: D.MultivariateNormal(x[0, :2], scale_tril=_tensor(D, np.linalg.cholesky(COVARIANCE))), V, True),
    "MultivariateNormal precision": (lambda D, x: D.MultivariateNormal(x[0, :2], precision_matrix=_tensor(D, COVARIANCE)), V, True),
    "Independent": (lambda D, x: D.Independent(D.Normal(x, x), 1), V, True),
    "MixtureSameFamily": (lambda D, x: D.MixtureSameFamily(D.Categorical(x), D.Normal(x, x + 1)), V, True),
}  # fmt: skip


def _tensor(D: Any, array: Any) -> Any:
    return (torch if D is torch.distributions else nptorch).tensor(array)


def both(name: str) -> list[tuple[Any, Any, Any]]:
    """(library, parameter, distribution) for nptorch and PyTorch."""
    make, values, _ = CASES[name]
    made = []
    for T in (nptorch, torch):
        x = T.tensor(values, requires_grad=True)
        made.append((T, x, make(T.distributions, x)))
    return made


def agree(ours: Any, theirs: Any) -> None:
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_samples_densities_and_gradients(name: str) -> None:
    (T, x, ours), (_, y, theirs) = both(name)
    assert ours.batch_shape == tuple(theirs.batch_shape) and ours.event_shape == tuple(theirs.event_shape)
    drawn = []
    for library, distribution in ((T, ours), (torch, theirs)):
        library.manual_seed(3)
        drawn.append(distribution.sample((4,)))
    if CASES[name][2]:
        agree(*drawn)
    value = drawn[1]
    densities = ours.log_prob(T.tensor(value.numpy())), theirs.log_prob(value)
    agree(*densities)
    (g,) = T.autograd.grad(densities[0].sum(), x)
    (h,) = torch.autograd.grad(densities[1].sum(), y)
    agree(g, h)


@pytest.mark.parametrize("name", CASES)
def test_moments_and_entropy(name: str) -> None:
    (_, _, ours), (_, _, theirs) = both(name)
    for what in ("mean", "variance", "stddev", "entropy", "mode"):
        try:
            expected = getattr(theirs, what)
            expected = expected() if what == "entropy" else expected
        except NotImplementedError:
            continue
        if what == "mode" and not hasattr(type(ours), "mode"):
            continue
        if name == "StudentT" and what != "mean":
            continue
        found = getattr(ours, what)
        agree(found() if what == "entropy" else found, expected)


DISCRETE = ("Bernoulli", "Bernoulli logits", "Geometric", "Categorical", "Categorical logits", "OneHotCategorical")


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c[2] and n not in (*DISCRETE, "MixtureSameFamily")])
def test_rsample_passes_the_gradient_on(name: str) -> None:
    found = []
    for T, x, distribution in both(name):
        T.manual_seed(1)
        found.append(T.autograd.grad((distribution.rsample((5,)) ** 2).sum(), x)[0])
    agree(*found)


@pytest.mark.parametrize("name", ["Normal", "Laplace", "Cauchy", "Uniform", "Exponential"])
def test_cdf_and_icdf_undo_each_other(name: str) -> None:
    (T, _, ours), (_, _, theirs) = both(name)
    share = np.full((2, 3), 0.3)
    agree(ours.icdf(T.tensor(share)), theirs.icdf(torch.tensor(share)))
    np.testing.assert_allclose(ours.cdf(ours.icdf(T.tensor(share))).detach().numpy(), share)


@pytest.mark.parametrize("name", ["Normal", "Laplace", "Exponential", "Bernoulli", "Categorical", "OneHotCategorical", "Geometric", "Poisson",
                                  "Gamma", "Beta", "Dirichlet", "MultivariateNormal", "Independent", "Uniform"])  # fmt: skip
def test_divergences(name: str) -> None:
    make, values, _ = CASES[name]
    found = []
    for T in (nptorch, torch):
        p, q = (make(T.distributions, T.tensor(v)) for v in (values, values[::-1].copy()))
        found.append(T.distributions.kl_divergence(p, q))
    agree(*found)


@pytest.mark.parametrize(
    "name", ["Normal", "Categorical", "Bernoulli", "MultivariateNormal", "Independent", "Dirichlet"]
)
def test_expand(name: str) -> None:
    (T, _, ours), (_, _, theirs) = both(name)
    shape = (3, *ours.batch_shape)
    a, b = ours.expand(shape), theirs.expand(shape)
    T.manual_seed(0)
    torch.manual_seed(0)
    assert a.sample().shape == tuple(b.sample().shape)
    agree(a.mean, b.mean)


def test_gamma_numbers_follow_the_distribution() -> None:
    nptorch.manual_seed(0)
    sample = nptorch.distributions.Gamma(nptorch.tensor(3.0), nptorch.tensor(2.0)).sample((20000,))
    assert abs(float(sample.mean()) - 1.5) < 0.03 and abs(float(sample.var()) - 0.75) < 0.05


@pytest.mark.parametrize(
    "call",
    [
        lambda T: T.distributions.Normal(T.tensor(0.0), T.tensor(-1.0)),
        lambda T: T.distributions.Bernoulli(T.tensor(1.5)),
        lambda T: T.distributions.Bernoulli(),
        lambda T: T.distributions.Categorical(T.tensor(0.5)),
        lambda T: T.distributions.Normal(0.0, 1.0).log_prob(T.tensor(float("nan"))),
        lambda T: T.distributions.Categorical(T.tensor([0.5, 0.5])).log_prob(T.tensor(2)),
        lambda T: T.distributions.Uniform(T.tensor(1.0), T.tensor(0.0)),
        lambda T: T.distributions.Categorical(T.tensor([0.5, 0.5])).rsample(),
        lambda T: T.distributions.kl_divergence(
            T.distributions.Cauchy(0.0, 1.0), T.distributions.Bernoulli(T.tensor(0.5))
        ),
    ],
)
def test_errors_are_of_pytorchs_kind(call: Any) -> None:
    with pytest.raises((ValueError, NotImplementedError)) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(nptorch)
