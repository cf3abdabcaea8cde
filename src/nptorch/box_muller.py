"""Normal numbers of uniform ones, and the arithmetic that rounds as PyTorch's does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.kernels.native import kernel

Array = np.ndarray[Any, Any]

BLOCK = 16  # normals are made 16 at a time: 8 radii, 8 angles
_ROWS = 2048  # blocks whose intermediate values stay in the cache

_native, _native_pairs = kernel("box_muller"), kernel("normal_pairs")


def libm(name: str, x: Array, dtype: Any) -> Array:
    """A function of `math` by element, for a result of this dtype; x: float64."""
    if dtype == np.float64:
        # NumPy's own kernels differ by an ulp from the C library that PyTorch calls; in float32 nobody can tell.
        return np.fromiter(map(getattr(math, name), x.ravel().tolist()), np.float64, x.size).reshape(x.shape)
    return getattr(np, name)(x)


def fma(a: Array, b: Any, c: Any) -> Array:
    """a * b + c, rounded once; all float32 or all float64."""
    if a.dtype == np.float32:
        wide = a.astype(np.float64)
        wide *= b
        wide += c
        return wide.astype(np.float32)
    # The exact errors of the product (Dekker, 1971) and of the sum (Knuth, TAOCP 2, 4.2.2) are added at the end.
    product, total = a * b, a * b + c
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    product_error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    part = total - product
    total_error = (product - (total - part)) + (c - part)
    return total + (total_error + product_error)


def _halves(x: Any) -> tuple[Any, Any]:
    """A float64 as the sum of two of 26 bits (Veltkamp)."""
    scaled = x * (2.0**27 + 1)
    high = scaled - (scaled - x)
    return high, x - high


def box_muller(numbers: Array, mean: Any, std: Any) -> None:
    """Every 16 uniforms become 16 normals, in place: 8 radii, then 8 angles; cosines, then sines."""
    if _native(numbers, mean, std) is not NotImplemented:
        return
    single = numbers.dtype == np.float32
    rows = numbers.reshape(-1, BLOCK)
    for start in range(0, len(rows), _ROWS):
        u = rows[start : start + _ROWS]
        u1, theta = 1 - u[:, :8], math.tau * u[:, 8:]
        log = _log_single(u1) if single else libm("log", u1, np.float64)
        sin, cos = _sincos_single(theta) if single else (np.sin(theta), np.cos(theta))
        radius = np.sqrt(-2 * log)
        u[:, :8] = fma(radius * cos, std, mean)
        u[:, 8:] = fma(radius * sin, std, mean)


def normal_pairs(numbers: Array) -> None:
    """Every two uniforms, float64, become two normals, in place: an angle and a radius; cosine, then sine."""
    if _native_pairs(numbers) is not NotImplemented:
        return
    pairs = numbers.reshape(-1, 2)
    radius, theta = np.sqrt(-2.0 * libm("log1p", -pairs[:, 1], np.float64)), math.tau * pairs[:, 0]
    pairs[:, 0], pairs[:, 1] = radius * np.cos(theta), radius * np.sin(theta)


# The polynomials of Cephes' logf and sinf/cosf (S. L. Moshier, https://netlib.org/cephes), that PyTorch evaluates.
_LOG = np.array(
    [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
     -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1], np.float32,
)  # fmt: skip
_LN2 = np.array([0.693359375, -2.12194440e-4], np.float32)  # in two parts, the first exact
_SIN = np.array([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1], np.float32)
_COS = np.array([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2], np.float32)
_MINUS_QUARTER_PI = np.array([-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8], np.float32)


def _horner(coefficients: Array, x: Array) -> Array:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = fma(value, x, coefficient)
    return value


def _log_single(x: Array) -> Array:
    """log x of normal float32, with Cephes' roundings."""
    bits = x.view(np.int32)
    exponent = (bits >> 23) - 126
    mantissa = (bits & 0x007FFFFF | 0x3F000000).view(np.float32)  # of [1/2, 1)
    small = mantissa < np.float32(math.sqrt(0.5))
    e = (exponent - small).astype(np.float32)
    m = mantissa - 1 + np.where(small, mantissa, np.float32(0))
    square = m * m
    y = fma(_horner(_LOG, m) * m, square, e * _LN2[1])
    y = fma(square, np.float32(-0.5), y)
    return fma(e, _LN2[0], m + y)


def _sincos_single(x: Array) -> tuple[Array, Array]:
    """sin x and cos x of float32 x >= 0, with Cephes' roundings."""
    octant = ((x * np.float32(4 / math.pi)).astype(np.int32) + 1) & ~1
    eighths = octant.astype(np.float32)
    for part in _MINUS_QUARTER_PI:
        x = fma(eighths, part, x)
    square = x * x
    cos = fma(_horner(_COS, square) * square, square, square * np.float32(-0.5)) + 1
    sin = fma(_horner(_SIN, square) * square, x, x)
    swapped = octant & 2 != 0
    return (
        np.where(swapped, cos, sin) * (1 - ((octant & 4) >> 1)).astype(np.float32),
        np.where(swapped, sin, cos) * ((((octant - 2) & 4) >> 1) - 1).astype(np.float32),
    )
