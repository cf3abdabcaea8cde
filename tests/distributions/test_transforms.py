"""Transforms and constraints against PyTorch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")

X = np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -1.5]])
SQUARE = np.array([[0.3, -1.2], [0.7, 0.1]])
AFFINE = dict(loc=[1.0, 0.5, -1.0], scale=[2.0, -0.5, 1.5])

# name: (how to make it, where to take it)
TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], np.ndarray]] = {
    "Abs": (lambda D, t: D.AbsTransform(), X),
    "Affine": (lambda D, t: D.AffineTransform(t(AFFINE["loc"]), t(AFFINE["scale"])), X),
    "Affine of events": (lambda D, t: D.AffineTransform(1.0, -2.0, event_dim=1), X),
    "Cat": (lambda D, t: D.CatTransform([D.ExpTransform(), D.TanhTransform()], 1, [1, 2]), X),
    "Cat of events": (lambda D, t: D.CatTransform([D.AffineTransform(1.0, 2.0, 1), D.ExpTransform()], -1, [1, 2]), X),
    "Compose": (lambda D, t: D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.TanhTransform(), D.ExpTransform()]), X),
    "Compose with events": (lambda D, t: D.ComposeTransform([D.ExpTransform().inv, D.StickBreakingTransform()]), np.exp(X)),
    "CorrCholesky": (lambda D, t: D.CorrCholeskyTransform(), X),
    "CumulativeDistribution": (lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.3), t(1.5))), X),
    "Exp": (lambda D, t: D.ExpTransform(), X),
    "Exp inverse": (lambda D, t: D.ExpTransform().inv, np.exp(X)),
    "Independent": (lambda D, t: D.IndependentTransform(D.SigmoidTransform(), 1), X),
    "LowerCholesky": (lambda D, t: D.LowerCholeskyTransform(), SQUARE),
    "PositiveDefinite": (lambda D, t: D.PositiveDefiniteTransform(), SQUARE),
    "Power": (lambda D, t: D.PowerTransform(t(-1.5)), np.exp(X)),
    "Reshape": (lambda D, t: D.ReshapeTransform((2, 3), (3, 2)), X),
    "Sigmoid": (lambda D, t: D.SigmoidTransform(), X),
    "Softmax": (lambda D, t: D.SoftmaxTransform(), X),
    "Softplus": (lambda D, t: D.SoftplusTransform(), X),
    "Stack": (lambda D, t: D.StackTransform([D.ExpTransform(), D.TanhTransform(), D.SigmoidTransform()], -1), X),
    "StickBreaking": (lambda D, t: D.StickBreakingTransform(), X),
    "Tanh": (lambda D, t: D.TanhTransform(), X),
    "identity": (lambda D, t: D.identity_transform, X),
}  # fmt: skip


def both(name: str) -> list[tuple[Any, Any, Any]]:
    make, x = TRANSFORMS[name]
    return [
        (T, make(T.distributions, lambda v, T=T: T.tensor(v, dtype=T.float64)), T.tensor(x)) for T in (nptorch, torch)
    ]


def agree(values: list[Any]) -> None:
    a, b = (v.detach().numpy() if hasattr(v, "detach") else v for v in values)
    if isinstance(b, np.ndarray):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    else:
        assert a == b


def tried(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (NotImplementedError, RuntimeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_there_and_back(name: str) -> None:
    for ask in (
        lambda t, x: t(x),
        lambda t, x: t.inv(t(x)),
        lambda t, x: t.log_abs_det_jacobian(x, t(x)),
        lambda t, x: t.inv.log_abs_det_jacobian(t(x), x),
        lambda t, x: t.sign,
        lambda t, x: t.event_dim,
        lambda t, x: (t.domain.event_dim, t.codomain.event_dim, bool(t.bijective)),
        lambda t, x: (repr(t), repr(t.inv)),
        lambda t, x: (tuple(t.forward_shape(x.shape)), tuple(t.inverse_shape(t(x).shape))),
        lambda t, x: t.codomain.check(t(x)),
        lambda t, x: t.with_cache()(x),
    ):
        agree([tried(lambda: ask(t, x)) for _, t, x in both(name)])  # noqa: B023


def test_equality() -> None:
    D, t = nptorch.distributions, nptorch.tensor
    assert D.ExpTransform() == D.ExpTransform() and D.ExpTransform() != D.TanhTransform()
    assert D.AffineTransform(t([1.0]), 2.0) == D.AffineTransform(t([1.0]), 2.0) != D.AffineTransform(t([1.0]), 3.0)
    assert D.ExpTransform().inv == D.ExpTransform().inv and D.ComposeTransform(
        [D.ExpTransform()]
    ) == D.ComposeTransform([D.ExpTransform()])


def test_a_cache_spares_the_inverse() -> None:
    transform, x = nptorch.distributions.TanhTransform(cache_size=1), nptorch.tensor([30.0])
    y = transform(x)
    assert transform.inv(y) is x and transform(x) is y
    assert float(nptorch.distributions.TanhTransform().inv(y)) == float("inf")
    copy = pickle.loads(pickle.dumps(transform))
    assert copy == transform and copy.inv(y) is not x
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        nptorch.distributions.ExpTransform(cache_size=2)


def test_a_users_transform() -> None:
    class Shift(nptorch.distributions.Transform):  # type: ignore[misc]
        domain = codomain = nptorch.distributions.constraints.real
        bijective, sign = True, +1

        def _call(self, x: Any) -> Any:
            return x + 3

        def _inverse(self, y: Any) -> Any:
            return y - 3

        def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
            return x * 0

    D = nptorch.distributions
    shifted = D.TransformedDistribution(D.Normal(0.0, 1.0), [Shift()])
    value = nptorch.tensor([2.5, 4.0])
    np.testing.assert_allclose(shifted.log_prob(value).numpy(), D.Normal(3.0, 1.0).log_prob(value).numpy(), rtol=1e-6)
    assert Shift() == Shift() and Shift().with_cache()._cache_size == 1


CONSTRAINTS: dict[str, Callable[[Any, Any], Any]] = {
    "real": lambda c, t: c.real,
    "real_vector": lambda c, t: c.real_vector,
    "positive": lambda c, t: c.positive,
    "nonnegative": lambda c, t: c.nonnegative,
    "greater_than": lambda c, t: c.greater_than(t(-1.0)),
    "greater_than_eq": lambda c, t: c.greater_than_eq(2.0),
    "less_than": lambda c, t: c.less_than(0.5),
    "unit_interval": lambda c, t: c.unit_interval,
    "interval": lambda c, t: c.interval(-1.0, 3.0),
    "half_open_interval": lambda c, t: c.half_open_interval(t(1.0), t(2.0)),
    "simplex": lambda c, t: c.simplex,
    "corr_cholesky": lambda c, t: c.corr_cholesky,
    "lower_cholesky": lambda c, t: c.lower_cholesky,
    "positive_definite": lambda c, t: c.positive_definite,
    "independent": lambda c, t: c.independent(c.positive, 1),
    "cat": lambda c, t: c.cat([c.positive, c.unit_interval], -1, [1, 2]),
    "stack": lambda c, t: c.stack([c.positive, c.real, c.less_than(0.0)], -1),
    "boolean": lambda c, t: c.boolean,
}


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
def test_real_numbers_are_brought_to_a_constraint(name: str, registry: str) -> None:
    x = SQUARE if name in ("lower_cholesky", "positive_definite") else X
    found = []
    for T in (nptorch, torch):
        constraint = CONSTRAINTS[name](T.distributions.constraints, lambda v, T=T: T.tensor(v, dtype=T.float64))
        found.append(tried(lambda: getattr(T.distributions, registry)(constraint)(T.tensor(x))))  # noqa: B023
        if isinstance(found[-1], T.Tensor):
            assert bool(constraint.check(found[-1]).all())
    agree(found)


def test_a_users_constraint_is_registered() -> None:
    D = nptorch.distributions
    registry = type(D.transform_to)()

    class Even(D.constraints.Constraint):  # type: ignore[misc]
        pass

    @registry.register(Even)
    def to_even(constraint: Any) -> Any:
        return D.AffineTransform(0, 2)

    assert float(registry(Even())(nptorch.tensor(3.0))) == 6
    with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass or instance"):
        registry.register(3, to_even)
