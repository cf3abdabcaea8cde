"""Special functions that torch has at its top: SciPy computes them; Python's math module helps out for erf and the gamma function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.ops.pointwise import exp, log, neg, sgn, where
from nptorch.ops.promotion import to_float
from nptorch.ops.registry import op
from nptorch.ops.signatures import binary, function, method, takes_out, unary
from nptorch.tensor import Tensor

SQRT_PI = math.sqrt(math.pi)


def scipy_special(name: str) -> Any:
    """SciPy's module of special functions.

    Raises: ImportError naming what needs it, if it is not installed.
    """
    try:
        from scipy import special
    except ImportError:
        raise ImportError(f"{name}() needs SciPy: pip install scipy") from None
    return special


def by_scipy(name: str, there: str | None = None, inputs: int = 1) -> Callable[..., Any]:
    """A forward that is SciPy's function `there` (or `name`) of one or two inputs, in their type."""

    def one(xp: Any, x: Any) -> Any:
        return np.asarray(getattr(scipy_special(name), there or name)(x)).astype(x.dtype, copy=False)

    def two(xp: Any, x: Any, y: Any) -> Any:
        dtype = (x if isinstance(x, np.ndarray) else y).dtype
        return np.asarray(getattr(scipy_special(name), there or name)(x, y)).astype(dtype, copy=False)

    return one if inputs == 1 else two


def _with_fallback(name: str, there: str, fallback: Callable[[float], float]) -> Callable[[Any, Any], Any]:
    best = by_scipy(name, there)

    def forward(xp: Any, x: Any) -> Any:
        try:
            return best(xp, x)
        except ImportError:
            values = x.astype(np.float64, copy=False).ravel().tolist()
            return np.array([fallback(v) for v in values], x.dtype).reshape(x.shape)

    return forward


def _lgamma(x: float) -> float:
    if x != x or x == math.inf:
        return x
    return math.inf if x == -math.inf or (x <= 0 and x == math.floor(x)) else math.lgamma(x)


# --- the error function ---

erf_array = _with_fallback("erf", "erf", math.erf)
erf = unary("erf", erf_array, lambda g, x: g * (2 / SQRT_PI * exp(neg(x * x))), promote=to_float)
erfc = unary(
    "erfc",
    _with_fallback("erfc", "erfc", math.erfc),
    lambda g, x: neg(g * (2 / SQRT_PI * exp(neg(x * x)))),
    promote=to_float,
)
erfinv = unary("erfinv", by_scipy("erfinv"), lambda g, out: g * (SQRT_PI / 2 * exp(out * out)), promote=to_float)

# --- the gamma function and its relatives ---

lgamma = unary("lgamma", _with_fallback("lgamma", "gammaln", _lgamma), lambda g, x: g * digamma(x), promote=to_float)


def _digamma(xp: Any, x: Any) -> Any:
    # PyTorch's signed poles at 0: -inf at +0, inf at -0.
    return xp.where(x == 0, xp.copysign(xp.inf, -x), _psi(xp, x)).astype(x.dtype, copy=False)


_psi = by_scipy("digamma", "psi")
digamma = unary("digamma", _digamma, lambda g, x: g * polygamma_op(x, n=1), promote=to_float)
polygamma_op = op(
    "polygamma",
    lambda xp, x, *, n: (
        _digamma(xp, x)
        if n == 0
        else np.asarray(scipy_special("polygamma").polygamma(n, x)).astype(x.dtype, copy=False)
    ),
    lambda g, x, *, n: g * polygamma_op(x, n=n + 1),
    promote=to_float,
)


@function(method=False)
@takes_out
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of digamma()."""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got {n}")
    return polygamma_op(input, n=n)


@method("polygamma")
def _polygamma_method(self: Tensor, n: int) -> Tensor:
    """The n-th derivative of digamma()."""
    return polygamma(n, self)


@method("polygamma_")
def _polygamma_inplace(self: Tensor, n: int) -> Tensor:
    """In-place polygamma()."""
    return polygamma_op.into(self, self, n=n)


@function("mvlgamma")
@takes_out
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the gamma function of p dimensions."""
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    y: Any = p * (p - 1) / 4 * math.log(math.pi)
    for i in range(p):
        y = y + lgamma(input - i / 2)
    return y


def _no_slope(name: str) -> Callable[..., Any]:
    def vjp(g: Tensor) -> Tensor:
        raise NotImplementedError(f"the derivative for '{name}: input' is not implemented")

    return vjp


def _gamma_slope(x: Tensor, y: Tensor) -> Tensor:
    return exp((x - 1) * log(y) - y - lgamma(x))


igamma = binary(
    "igamma",
    by_scipy("igamma", "gammainc", 2),
    _no_slope("igamma"),
    lambda g, x, y: g * _gamma_slope(x, y),
    tensors=2,
    promote=to_float,
)
igammac = binary(
    "igammac",
    by_scipy("igammac", "gammaincc", 2),
    _no_slope("igammac"),
    lambda g, x, y: neg(g * _gamma_slope(x, y)),
    tensors=2,
    promote=to_float,
)

# --- modified Bessel functions ---

i0 = unary("i0", by_scipy("i0"), lambda g, x: g * i1(x), promote=to_float)
i1 = op("special_i1", by_scipy("i1"), lambda g, x, out: g * _i1_slope(i0(x), x, out, 1 / _away(x)), promote=to_float)
i0e = op("special_i0e", by_scipy("i0e"), lambda g, x, out: g * (i1e(x) - sgn(x) * out), promote=to_float)
i1e = op(
    "special_i1e",
    by_scipy("i1e"),
    lambda g, x, out: g * _i1_slope(i0e(x), x, out, sgn(x) + 1 / _away(x)),
    promote=to_float,
)


def _away(x: Tensor) -> Tensor:
    return where(_tiny(x), 1.0, x)


def _tiny(x: Tensor) -> Tensor:
    return abs(x) <= float(np.finfo(x._array.dtype).eps)


def _i1_slope(even: Tensor, x: Tensor, out: Tensor, factor: Tensor) -> Tensor:
    return where(_tiny(x), 0.5, even - out * factor)
