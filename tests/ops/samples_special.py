"""Samples of special functions; SciPy computes most of them."""

from __future__ import annotations

import numpy as np

from tests.ops.sampling import P, R, U, sample

_VALUES_ONLY = (
    *("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "airy_ai", "modified_bessel_i0", "modified_bessel_i1"),
    *("modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1"),
)
# PyTorch computes these two in less than double precision.
_ROUGH = ("bessel_j0", "bessel_y1")
for _name in _VALUES_ONLY:
    if _name in _ROUGH:
        sample(
            f"special_{_name}",
            lambda T, x, f=_name: getattr(T.special, f)(x).float(),
            P(3, 4),
            smooth=False,
            special=True,
        )
    else:
        sample(f"special_{_name}", lambda T, x, f=_name: getattr(T.special, f)(x), P(3, 4), smooth=False, special=True)
sample("special_spherical_bessel_j0", lambda T, x: T.special.spherical_bessel_j0(x), R(3, 4), smooth=False)
for _name in ("erfcx", "log_ndtr", "ndtr", "i0", "i0e", "i1", "i1e"):
    sample(
        "i0" if _name == "i0" else f"special_{_name}",
        lambda T, x, f=_name: getattr(T.special, f)(x),
        R(3, 4),
        special=True,
    )
for _name in ("entr", "gammaln", "digamma"):
    _op = {"entr": "special_entr", "gammaln": "lgamma"}.get(_name, _name)
    sample(_op, lambda T, x, f=_name: getattr(T.special, f)(x), P(3, 4), special=_name != "entr")
sample("special_ndtri", lambda T, x: T.special.ndtri(x), U(3, 4), special=True)
sample("special_xlog1py", lambda T, x, y: T.special.xlog1py(x, y), R(3, 1), P(4))
sample("special_xlog1py", lambda T, x: T.special.xlog1py(x, 2), R(3))
sample("special_zeta", lambda T, x, y: T.special.zeta(x + 2, y), P(3, 1), P(4), constant=frozenset({0}), special=True)
for _name in ("igamma", "igammac"):
    sample(_name, lambda T, x, y, f=_name: getattr(T, f)(x, y), P(3, 1), P(4), constant=frozenset({0}), special=True)
for _n in (0, 1, 3):
    sample("polygamma", lambda T, x, n=_n: T.polygamma(n, x), P(3, 4), special=True)
sample("lgamma", lambda T, x: T.mvlgamma(x + 2, p=3), P(3, 4), special=True)
_POLYNOMIALS = (
    *(f"{shift}chebyshev_polynomial_{kind}" for shift in ("", "shifted_") for kind in "tuvw"),
    *("hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p"),
)
for _name in _POLYNOMIALS:
    sample(
        f"special_{_name}",
        lambda T, x, n, f=_name: getattr(T.special, f)(x, n),
        R(4, 1),
        np.arange(-1.0, 6.0),
        smooth=False,
    )
