"""Every distribution against PyTorch, method by method; what PyTorch does not have, we do not have either."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nptorch
from tests.distributions.examples import ALL, make

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parametrize(("name", "number"), ALL, ids=lambda x: str(x))

# PyTorch takes polynomials for the Bessel functions, float32 for factorials, and series for the derivatives of gamma numbers.
ROUGH = {"VonMises": 1e-6, "Multinomial": 1e-6}
ROUGH_RSAMPLE = 5e-3
ONLY = {"GeneralizedPareto": "float32"}  # PyTorch's compares with float32


def answer(T: Any, ask: Callable[[], Any]) -> Any:
    """What a method says, or the kind of error it raises."""
    try:
        found = ask()
    except (NotImplementedError, ValueError) as error:
        return type(error)
    return found.detach().numpy() if isinstance(found, T.Tensor) else found


def quiet(f: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Singular sample detected")  # PyTorch's, of every Wishart sample
        return f()


def same(name: str, ask: Callable[[Any, Any, list[Any]], Any], number: int, rtol: float, dtype: str = "float64") -> Any:
    found = []
    dtype = ONLY.get(name, dtype)
    for T in (nptorch, torch):
        T.manual_seed(5)
        distribution, parameters = make(T, name, number, dtype)
        found.append(quiet(lambda: answer(T, lambda: ask(T, distribution, parameters))))  # noqa: B023
    ours, theirs = found
    if isinstance(theirs, np.ndarray):
        assert isinstance(ours, np.ndarray) and ours.shape == theirs.shape and ours.dtype == theirs.dtype
        if theirs.dtype == np.float32 and rtol:  # numbers make float32 parameters
            rtol = max(rtol, 2e-5)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)
    else:
        assert ours == theirs
    return theirs


def test_moments(name: str, number: int) -> None:
    rtol = ROUGH.get(name, 1e-9)
    for what in ("mean", "mode", "variance", "stddev"):
        same(name, lambda T, d, _: getattr(d, what), number, rtol)  # noqa: B023
    for what in ("entropy", "perplexity"):
        same(name, lambda T, d, _: getattr(d, what)(), number, rtol)  # noqa: B023


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_of_a_seed(name: str, number: int, dtype: str) -> None:
    for shape in ((), (4,), (2, 3)):
        same(name, lambda T, d, _: d.sample(shape), number, 1e-9 if dtype == "float64" else 2e-5, dtype)  # noqa: B023
    same(name, lambda T, d, _: (d.sample((5,)), T.get_rng_state())[1], number, 0, dtype)


def test_densities(name: str, number: int) -> None:
    rtol = ROUGH.get(name, 1e-9)
    distribution, _ = make(torch, name, number, ONLY.get(name, "float64"))
    value = quiet(lambda: distribution.sample((3,)).numpy())
    same(name, lambda T, d, _: d.log_prob(T.tensor(value)), number, rtol)
    same(name, lambda T, d, _: d.cdf(T.tensor(value)), number, rtol)
    same(name, lambda T, d, _: d.support.check(T.tensor(value)), number, 0)
    share = np.full((3, *distribution.batch_shape), 0.3, value.dtype)
    same(name, lambda T, d, _: d.icdf(T.tensor(share)), number, rtol)

    def gradient(T: Any, d: Any, parameters: list[Any]) -> Any:
        total = d.log_prob(T.tensor(value)).sum()
        found = T.autograd.grad(total, parameters) if parameters else [total]
        return T.cat([g.reshape(-1) for g in found])

    same(name, gradient, number, 10 * rtol)


def test_values_pass_the_gradient_on(name: str, number: int) -> None:
    def ask(T: Any, d: Any, parameters: list[Any]) -> Any:
        if not d.has_rsample or not parameters:
            return bool(d.has_rsample)
        drawn = d.rsample((4,))
        if not drawn.requires_grad:
            return False
        found = T.autograd.grad((drawn * drawn.detach().cos()).sum(), parameters, allow_unused=True)
        return T.cat([g.reshape(-1) for g in found if g is not None])

    if name == "Wishart":  # PyTorch's own is overwritten in place before backward() comes
        distribution, parameters = make(nptorch, name, number)
        assert all(bool(g.isfinite().all()) for g in nptorch.autograd.grad(distribution.rsample().sum(), parameters))
        return
    exact = name not in ("Gamma", "Beta", "Chi2", "Dirichlet", "FisherSnedecor", "InverseGamma", "StudentT")
    same(name, ask, number, 1e-9 if exact else ROUGH_RSAMPLE)


def test_shapes_and_texts(name: str, number: int) -> None:
    same(name, lambda T, d, _: (tuple(d.batch_shape), tuple(d.event_shape)), number, 0)
    same(name, lambda T, d, _: repr(d).replace("nptorch.", "torch."), number, 0)
    same(
        name,
        lambda T, d, _: (bool(d.has_enumerate_support), d.support.event_dim, bool(d.support.is_discrete)),
        number,
        0,
    )
    for expand in (True, False):
        same(name, lambda T, d, _: d.enumerate_support(expand), number, 0)  # noqa: B023


def test_expanded(name: str, number: int) -> None:
    def ask(T: Any, d: Any, parameters: list[Any]) -> Any:
        larger = d.expand((2, *d.batch_shape))
        assert type(larger) is type(d)
        value = larger.sample()
        assert value.shape == (2, *d.batch_shape, *d.event_shape)
        return larger.log_prob(value)

    same(name, ask, number, 1e-6)
