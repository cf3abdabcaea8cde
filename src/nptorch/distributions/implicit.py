"""Gamma and Dirichlet numbers as PyTorch draws them, with their derivatives with respect to their parameters, at a fixed quantile.

A number x of density p and distribution function P moves with a parameter a by dx/da = -(dP/da) / p(x), and dP/da is the integral
of p times its score up to x. Source: Figurnov, Mohamed, Mnih, arXiv:1805.08498.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch import random, rejection
from nptorch.autograd import Function
from nptorch.ops.special import digamma
from nptorch.tensor import Tensor, from_array

Array = np.ndarray[Any, Any]

_AT_ONCE = 4096
# Nodes and weights of the double exponential rule on (0, inf) for what falls like exp(-s):
# Takahasi, Mori, Publ. RIMS 9, 1974.
_U = np.arange(-4.0, 5.0, 0.0625)
_NODES = np.exp(_U - np.exp(-_U))
_WEIGHTS = 0.0625 * _NODES * (1 + np.exp(-_U))


def _softplus(y: Array) -> Array:
    return np.logaddexp(0, y)


def _digamma(x: Array) -> Array:
    return digamma(from_array(x))._array


def _integral(
    y: Array, slope: Array, least: Array, log_density: Callable[[Array], Array], score: Callable[[Array], Array]
) -> Array:
    """-(integral of density * score up to y) / density(y): taken over the side of y where the density falls.

    slope is that of the log density at y; least is the slope it falls with at some distance. The score's mean is 0, so the two sides
    have opposite integrals.
    """
    side = np.where(slope >= 0, -1.0, 1.0)[:, None]
    scale = 1 / np.maximum(np.abs(slope), least)[:, None]
    at = y[:, None] + side * scale * _NODES
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        values = np.exp(log_density(at) - log_density(y[:, None])) * score(at)
    found: Array = (side * scale * np.nan_to_num(values)) @ _WEIGHTS
    return found


def _in_parts(f: Callable[..., Array], *arrays: Array) -> Array:
    wide = [a.astype(np.float64).ravel() for a in np.broadcast_arrays(*arrays)]
    parts = [f(*(w[i : i + _AT_ONCE] for w in wide)) for i in range(0, wide[0].size, _AT_ONCE)]
    made = np.concatenate(parts) if parts else np.zeros(0)
    return made.reshape(np.broadcast_shapes(*(a.shape for a in arrays))).astype(arrays[0].dtype)


def gamma_slope(x: Array, concentration: Array) -> Array:
    """dx / d concentration of a gamma number of rate 1."""

    def part(x: Array, a: Array) -> Array:
        y, a_, mean = np.log(x), a[:, None], _digamma(a)[:, None]
        least = np.minimum(a, np.sqrt(a))
        least = np.where(x > a, np.sqrt(np.maximum(x, 1)), least)
        return x * _integral(y, a - x, least, lambda t: a_ * t - np.exp(t), lambda t: t - mean)

    return _in_parts(part, x, concentration)


def dirichlet_slope(x: Array, concentration: Array, total: Array) -> Array:
    """dx / d concentration of a share x, over 1 - x; total is the sum of all concentrations."""

    def part(x: Array, a: Array, total: Array) -> Array:
        b = np.maximum(total - a, np.finfo(np.float64).tiny)
        y, a_, total_ = np.log(x) - np.log1p(-x), a[:, None], total[:, None]
        mean = (_digamma(a) - _digamma(total))[:, None]
        slope = a - total * x
        least = np.minimum(np.where(slope >= 0, a, b), np.sqrt(a * b / total))
        found = _integral(y, slope, least, lambda t: a_ * t - total_ * _softplus(t), lambda t: -_softplus(-t) - mean)
        return x * found

    return _in_parts(part, x, concentration, total)


class StandardGamma(Function):
    """Gamma numbers of rate 1 in the shape of the concentrations."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        made = from_array(rejection.standard_gamma(random.engine(None), concentration._array))
        ctx.save_for_backward(made, concentration)
        return made

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        x, concentration = ctx.saved_tensors
        return g * from_array(gamma_slope(x._array, concentration._array))


class DirichletShares(Function):
    """Shares along the last dimension, (..., K) -> (..., K)."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        drawn = rejection.standard_gamma(random.engine(None), concentration._array.astype(np.float64))
        dtype = concentration._array.dtype.type
        shares = (drawn / drawn.sum(-1, keepdims=True)).astype(dtype)
        made = from_array(np.asarray(np.clip(shares, np.finfo(dtype).tiny, np.nextafter(dtype(1), dtype(0)))))
        ctx.save_for_backward(made, concentration)
        return made

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        x, concentration = ctx.saved_tensors
        a = concentration._array
        slope = from_array(dirichlet_slope(x._array, a, np.broadcast_to(a.sum(-1, keepdims=True), a.shape)))
        return slope * (g - (x * g).sum(-1, keepdim=True))
