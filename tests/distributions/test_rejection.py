"""Gamma, Poisson and binomial numbers are PyTorch's, and leave the generator where PyTorch's would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.distributions.implicit import StandardGamma, dirichlet_slope, gamma_slope

SHAPES = [(), (1,), (7,), (3, 5), (0,), (2000,)]


def numbers(T: Any, name: str, dtype: str, shape: tuple[int, ...], low: float, high: float) -> Any:
    made = np.random.default_rng(1).uniform(low, high, (2, *shape)).astype(dtype)
    T.manual_seed(4)
    T.randn(3)  # one normal number is kept
    if name == "gamma":
        a = T.tensor(made[0])
        return StandardGamma.apply(a) if T is nptorch else T._standard_gamma(a)
    if name == "poisson":
        return T.poisson(T.tensor(made[0]))
    chance = ((made[1] - low) / (high - low)).astype(dtype)
    return T.binomial(T.tensor(made[0].round()), T.tensor(chance))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("gamma", 0.001, 1), ("gamma", 0.5, 30), ("poisson", 0, 3), ("poisson", 5, 2000), ("binomial", 0, 20), ("binomial", 0, 1e5)],
)  # fmt: skip
def test_numbers_and_state(name: str, dtype: str, low: float, high: float) -> None:
    torch = pytest.importorskip("torch")
    for shape in SHAPES:
        ours, theirs = (numbers(T, name, dtype, shape, low, high).numpy() for T in (nptorch, torch))
        assert ours.shape == shape and ours.dtype == dtype
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(nptorch.get_rng_state().numpy(), torch.get_rng_state().numpy())
        np.testing.assert_array_equal(nptorch.randn(3).numpy(), torch.randn(3).numpy())


def test_numbers_of_a_generator() -> None:
    rate = nptorch.tensor([1.0, 30.0])
    before = nptorch.get_rng_state()
    first, again = (nptorch.poisson(rate, generator=nptorch.Generator().manual_seed(8)) for _ in range(2))
    assert first.tolist() == again.tolist() and nptorch.get_rng_state().tolist() == before.tolist()


def test_limits() -> None:
    t = nptorch.tensor
    assert nptorch.poisson(t([0.0])).tolist() == [0.0]
    assert nptorch.binomial(t([5.0, 5.0, 0.0]), t([0.0, 1.0, 0.5])).tolist() == [0.0, 5.0, 0.0]
    with pytest.raises(RuntimeError, match="invalid Poisson rate, expected rate to be non-negative"):
        nptorch.poisson(t([1.0, -1.0]))
    with pytest.raises(RuntimeError, match="binomial expects counts >= 0"):
        nptorch.binomial(t([-1.0]), t([0.5]))


@pytest.mark.parametrize("u", [1e-6, 0.1, 0.5, 0.99, 1 - 1e-7])
def test_derivatives_at_a_fixed_quantile(u: float) -> None:
    special = pytest.importorskip("scipy.special")
    a = np.array([0.05, 0.3, 1.0, 2.5, 40.0, 1000.0])
    h = 1e-5 * a
    x = special.gammaincinv(a, u)
    slope = (special.gammaincinv(a + h, u) - special.gammaincinv(a - h, u)) / (2 * h)
    kept = x > 1e-200
    np.testing.assert_allclose(gamma_slope(x, a)[kept], slope[kept], rtol=1e-5)
    b = a[::-1] / 3
    x = special.betaincinv(a, b, u)
    slope = (special.betaincinv(a + h, b, u) - special.betaincinv(a - h, b, u)) / (2 * h)
    x, a, b, slope = (v[(x > 1e-200) & (x < 1 - 1e-6)] for v in (x, a, b, slope))  # else 1 - x says nothing
    # The concentration of the others is held: the total moves along.
    np.testing.assert_allclose(dirichlet_slope(x, a, a + b) * (1 - x), slope, rtol=1e-5)
