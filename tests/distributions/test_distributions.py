"""Distributions where PyTorch is not: its numbers on file, errors, and how users' own classes are written."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from tests.distributions.examples import ALL, summary

D = nptorch.distributions
GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "distributions.json").read_text())


@pytest.mark.parametrize(("name", "number"), ALL, ids=lambda x: str(x))
def test_recorded_samples_and_densities(name: str, number: int) -> None:
    found, kept = summary(nptorch, name, number), GOLDEN[f"{name} {number}"]
    assert len(found) == len(kept)
    for mine, theirs in zip(found, kept, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_all_examples_are_on_file() -> None:
    assert set(GOLDEN) == {f"{name} {number}" for name, number in ALL}


ERRORS: list[Callable[[Any], Any]] = [
    lambda T: T.distributions.Normal(T.tensor(0.0), T.tensor(-1.0)),
    lambda T: T.distributions.Normal("zero", 1.0),
    lambda T: T.distributions.Normal(0.0, 1.0).log_prob(3),
    lambda T: T.distributions.Bernoulli(T.tensor(1.5)),
    lambda T: T.distributions.Bernoulli(),
    lambda T: T.distributions.Geometric(T.tensor(0.0)),
    lambda T: T.distributions.Categorical(T.tensor(0.5)),
    lambda T: T.distributions.Normal(0.0, 1.0).log_prob(T.tensor(float("nan"))),
    lambda T: T.distributions.Categorical(T.tensor([0.5, 0.5])).log_prob(T.tensor(2)),
    lambda T: T.distributions.Uniform(T.tensor(1.0), T.tensor(0.0)),
    lambda T: T.distributions.Categorical(T.tensor([0.5, 0.5])).rsample(),
    lambda T: T.distributions.Cauchy(0.0, 1.0).enumerate_support(),
    lambda T: T.distributions.Dirichlet(T.tensor(1.0)),
    lambda T: T.distributions.Dirichlet(T.tensor([1.0, 1.0])).log_prob(T.tensor([0.5, 0.6])),
    lambda T: T.distributions.Dirichlet(T.tensor([1.0, 1.0])).log_prob(T.tensor([0.5, 0.3, 0.2])),
    lambda T: T.distributions.Normal(T.zeros(2), 1.0).log_prob(T.zeros(3)),
    lambda T: T.distributions.MultivariateNormal(T.zeros(2), T.tensor([[1.0, 2.0], [2.0, 1.0]])),
    lambda T: T.distributions.MultivariateNormal(T.zeros(2)),
    lambda T: T.distributions.LowRankMultivariateNormal(T.zeros(2), T.zeros(3, 1), T.ones(2)),
    lambda T: T.distributions.Wishart(0.5, T.eye(2)),
    lambda T: T.distributions.Multinomial(T.tensor([1, 2]), T.tensor([0.5, 0.5])),
    lambda T: T.distributions.Binomial(T.tensor([1.0, 2.0]), T.tensor(0.5)).entropy(),
    lambda T: T.distributions.LKJCholesky(1),
    lambda T: T.distributions.Independent(T.distributions.Normal(0.0, 1.0), 1),
    lambda T: T.distributions.TransformedDistribution(T.distributions.Normal(0.0, 1.0), "tanh"),
    lambda T: T.distributions.MixtureSameFamily(
        T.distributions.Categorical(T.ones(3)), T.distributions.Normal(T.zeros(2), 1.0)
    ),
]


@pytest.mark.parametrize("call", ERRORS)
def test_errors_are_of_pytorchs_kind(call: Any) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises((ValueError, NotImplementedError)) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(nptorch)


def test_a_parameter_out_of_bounds_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"Expected parameter scale .* of distribution Normal\(.*GreaterThan\(lower_bound=0.0\)"
    ):
        D.Normal(0.0, nptorch.tensor([1.0, -1.0]))
    unchecked = D.Normal(0.0, nptorch.tensor([1.0, -1.0]), validate_args=False)
    assert unchecked.log_prob(nptorch.tensor(float("nan"))).isnan().all()


def test_checks_can_be_switched_off() -> None:
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(__debug__)


def test_a_users_distribution() -> None:
    """Written as PyTorch's are: expand() by way of _get_checked_instance()."""

    class Shifted(D.Normal):  # type: ignore[misc]
        def __init__(self, loc: Any, scale: Any, shift: Any, validate_args: Any = None) -> None:
            self.shift = shift
            super().__init__(loc, scale, validate_args)

        def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
            new = self._get_checked_instance(Shifted, _instance)
            new.shift, new.loc, new.scale = self.shift, self.loc.expand(batch_shape), self.scale.expand(batch_shape)
            super(D.Normal, new).__init__(new.loc, new.scale, validate_args=False)
            return new

        def log_prob(self, value: Any) -> Any:
            return super().log_prob(value - self.shift)

    larger = Shifted(nptorch.zeros(2), 1.0, 3.0).expand((4, 2))
    assert larger.batch_shape == (4, 2) and float(larger.log_prob(nptorch.tensor(3.0)).sum()) == pytest.approx(
        -8 * 0.9189385
    )
    with pytest.raises(NotImplementedError, match="must also define a custom .expand"):
        type("Sub", (Shifted,), {"__init__": lambda self: None}).__new__(Shifted)._get_checked_instance(D.Normal)


@pytest.mark.parametrize("name", ["Normal", "Gamma", "LogNormal", "MultivariateNormal"])
def test_pickled(name: str) -> None:
    scale = nptorch.eye(2) if name == "MultivariateNormal" else nptorch.ones(2)
    distribution = getattr(D, name)(nptorch.ones(2), scale)
    value = distribution.sample()
    again = pickle.loads(pickle.dumps(distribution))
    assert repr(again) == repr(distribution) and again.log_prob(value).tolist() == distribution.log_prob(value).tolist()
