"""PyTorch's gamma, Poisson and binomial numbers: by rejection, so each takes as many uniform numbers as it happens to need.

Sources: Marsaglia, Tsang, ACM TOMS 26(3), 2000 (gamma); Hormann, Insurance: Math. Econ. 12, 1993 (Poisson, PTRS) and
J. Stat. Comput. Simul. 46, 1993 (binomial, BTRS); Devroye, Non-Uniform Random Variate Generation, 1986, X.4 (small binomials).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from nptorch.mt19937 import Array, Engine

Draw = Callable[[], float]
_AT_ONCE = (16, 1024)  # numbers made at first, and at most


@contextmanager
def _uniforms(engine: Engine) -> Iterator[Draw]:
    """A draw of one uniform number of 53 bits; at the end the engine stands where drawing one by one would leave it."""
    state, taken = engine.get_state(), 0

    def stream() -> Iterator[float]:
        nonlocal taken
        count, most = _AT_ONCE
        while True:
            for u in engine.uniform((count,), np.float64).tolist():
                taken += 1
                yield u
            count = min(2 * count, most)

    yield stream().__next__
    kept = engine._next_normal
    engine.set_state(state)
    engine.random64(taken)
    engine._next_normal = kept


def _normals(engine: Engine, uniform: Draw) -> Draw:
    """A draw of one normal number: they come in pairs, the second is kept by the engine."""

    def normal() -> float:
        if (kept := engine._next_normal) is not None:
            engine._next_normal = None
            return kept
        theta, radius = math.tau * uniform(), math.sqrt(-2.0 * math.log1p(-uniform()))
        engine._next_normal = radius * math.sin(theta)
        return radius * math.cos(theta)

    return normal


def standard_gamma(engine: Engine, concentration: Array) -> Array:
    """Gamma numbers of rate 1, in the dtype of the concentrations."""
    one = concentration.dtype.type(1)
    small = concentration < 1
    with np.errstate(divide="ignore"):
        power = np.where(small, one / concentration, 0)
    # Up to here in the dtype at hand, below in double precision, as PyTorch's.
    d = np.where(small, concentration + one, concentration) - np.float32(1 / 3)
    with _uniforms(engine) as uniform:
        normal = _normals(engine, uniform)
        found = [
            0.0 if p == math.inf else _gamma(d, p, uniform, normal)
            for d, p in zip(d.ravel().tolist(), power.ravel().tolist(), strict=True)
        ]
    made = np.array(found, np.float64).astype(concentration.dtype).reshape(concentration.shape)
    return np.asarray(np.maximum(made, np.finfo(made.dtype).tiny))


def _gamma(d: float, power: float, uniform: Draw, normal: Draw) -> float:
    scale = (1.0 - uniform()) ** power if power else 1.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal()
        y = 1.0 + c * x
        if y <= 0.0:
            continue
        v = y * y * y
        u = 1.0 - uniform()
        xx = x * x
        if u < 1.0 - 0.0331 * xx * xx or math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def poisson(engine: Engine, rate: Array) -> Array:
    """Counts of events at these rates, float64.

    Raises: RuntimeError for a negative rate.
    """
    if not np.all(rate >= 0):
        raise RuntimeError(f"invalid Poisson rate, expected rate to be non-negative, got {np.min(rate)}")
    with _uniforms(engine) as uniform:
        found = [_poisson_large(r, uniform) if r >= 10 else _poisson_small(r, uniform) for r in rate.ravel().tolist()]
    return np.array(found, np.float64).reshape(rate.shape)


def _poisson_small(rate: float, uniform: Draw) -> float:
    if rate == 0:
        return 0
    least, product, count = math.exp(-rate), uniform(), 0
    while product > least:
        count += 1
        product *= uniform()
    return count


def _poisson_large(rate: float, uniform: Draw) -> float:
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    sure = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= sure:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        height = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if height <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def binomial(engine: Engine, count: Array, prob: Array) -> Array:
    """Successes among `count` trials, float64; the arrays have one shape and dtype.

    Raises: RuntimeError for a negative count.
    """
    if not np.all(count >= 0):
        raise RuntimeError(f"binomial expects counts >= 0, got {np.min(count)}")
    one, many = prob.dtype.type(1), prob > 0.5
    p = np.where(many, one - prob, prob)
    # As for gamma numbers: products in the dtype at hand, the rest in double precision.
    with np.errstate(all="ignore"):
        parts = (count, p, count * p, count * p * (one - p), np.floor((count + one) * p), p / (one - p), np.log1p(-p))
    with _uniforms(engine) as uniform:
        found = [
            _binomial(n, p, mean, spread, mode, odds, log_failure, uniform)
            for n, p, mean, spread, mode, odds, log_failure in zip(*(x.ravel().tolist() for x in parts), strict=True)
        ]
    less = np.array(found, np.float64).reshape(count.shape)
    return np.where(many, count - less, less)


def _binomial(
    n: float, p: float, mean: float, variance: float, mode: float, odds: float, log_failure: float, uniform: Draw
) -> float:
    if n <= 0 or p <= 0:
        return 0
    if mean < 10:
        return _binomial_small(n, log_failure, uniform)
    deviation = math.sqrt(variance)
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    sure = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * deviation
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + mean + 0.5)
        if us >= 0.07 and v <= sure:
            return k
        if k < 0 or k > n:
            continue
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + (_tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k))
        )
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


def _binomial_small(n: float, log_failure: float, uniform: Draw) -> float:
    """As many waiting times for a success as fit into n trials."""
    waited, found = 0.0, 0
    while True:
        waited += math.ceil(math.log(uniform()) / log_failure)
        if waited > n:
            return found
        found += 1


def _tail(k: float) -> float:
    """log k! less Stirling's approximation to it."""
    if k < 10:
        return math.lgamma(k + 1) - (0.5 * math.log(math.tau) + (k + 0.5) * math.log(k + 1) - (k + 1))
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
