"""torch.special's names (https://pytorch.org/docs/stable/special.html): a table of operations, most of them computed by SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.ops.pointwise import exp, log, log1p, neg, where
from nptorch.ops.promotion import to_float
from nptorch.ops.registry import Op, op
from nptorch.ops.signatures import FUNCTIONS, as_tensor_like, into_out, named, not_a_tensor
from nptorch.ops.special import SQRT_PI, by_scipy, i0e, i1, i1e, scipy_special
from nptorch.tensor import Tensor

_DOCS = "https://pytorch.org/docs/stable/special.html#torch.special."


def _publish(name: str, made: Op, inputs: int) -> None:
    def one(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if not isinstance(input, Tensor):
            raise not_a_tensor(f"special_{name}", "input", 1, input)
        return made(input) if out is None else into_out(out, made, input)

    def two(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        if not isinstance(input, Tensor) and not isinstance(other, Tensor):
            raise not_a_tensor(f"special_{name}", "input", 1, input)
        return made(input, other) if out is None else into_out(out, made, input, other)

    globals()[name] = named(one if inputs == 1 else two, name, f"{name} of every element ({_DOCS}{name}).")


# --- what torch has at its top as well, some under another name ---

for _name, _there in {
    **{
        n: n
        for n in ("digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "i0", "log1p", "logit", "logsumexp", "polygamma")
    },
    **{n: n for n in ("round", "sinc", "xlogy")},
    "expit": "sigmoid",
    "gammainc": "igamma",
    "gammaincc": "igammac",
    "gammaln": "lgamma",
    "psi": "digamma",
}.items():
    globals()[_name] = FUNCTIONS[_there]
for _made in (i0e, i1, i1e):
    _publish(_made.name.removeprefix("special_"), _made, 1)

# --- of one number: SciPy's name and the derivative, None where PyTorch has none ---


def _airy(xp: Any, x: Any) -> Any:
    return scipy_special("airy_ai").airy(x)[0].astype(x.dtype, copy=False)


def _entr(xp: Any, x: Any) -> Any:
    y = xp.where(x > 0, -x * xp.log(x), xp.where(x == 0, 0, -xp.inf))
    return xp.where(xp.isnan(x), x, y).astype(x.dtype)


def _spherical_j0(xp: Any, x: Any) -> Any:
    return xp.where(xp.isinf(x), 0, xp.where(x == 0, 1, xp.sin(x) / x)).astype(x.dtype)


_ONE: dict[str, tuple[Any, Callable[..., Any] | None]] = {
    "airy_ai": (_airy, None),
    "bessel_j0": ("j0", None),
    "bessel_j1": ("j1", None),
    "bessel_y0": ("y0", None),
    "bessel_y1": ("y1", None),
    "entr": (_entr, lambda g, x: neg(g * (1 + log(x)))),
    "erfcx": ("erfcx", lambda g, x, out: g * (2 * x * out - 2 / SQRT_PI)),
    "log_ndtr": ("log_ndtr", lambda g, x: g / _OPS["erfcx"](x * -math.sqrt(0.5)) * math.sqrt(2 / math.pi)),
    "modified_bessel_i0": ("i0", None),
    "modified_bessel_i1": ("i1", None),
    "modified_bessel_k0": ("k0", None),
    "modified_bessel_k1": ("k1", None),
    "ndtr": ("ndtr", lambda g, x: g * (exp(x * x * -0.5) / math.sqrt(2 * math.pi))),
    "ndtri": ("ndtri", lambda g, out: g * (exp(out * out * 0.5) * math.sqrt(2 * math.pi))),
    "scaled_modified_bessel_k0": ("k0e", None),
    "scaled_modified_bessel_k1": ("k1e", None),
    "spherical_bessel_j0": (_spherical_j0, None),
}
_OPS: dict[str, Op] = {}
for _name, (_forward, _vjp) in _ONE.items():
    _forward = by_scipy(_name, _forward) if isinstance(_forward, str) else _forward
    _OPS[_name] = op(f"special_{_name}", _forward, _vjp, promote=to_float)
    _publish(_name, _OPS[_name], 1)

# --- of two numbers ---


def _zeta_no_slope(g: Tensor) -> Tensor:
    raise NotImplementedError("the derivative for 'special_zeta: input' is not implemented")


_TWO: dict[str, tuple[Callable[..., Any], ...]] = {
    "xlog1py": (
        lambda xp, x, y: xp.where(xp.isnan(y), y, xp.where(x == 0, 0, x * xp.log1p(y))).astype(x.dtype),
        lambda g, x, y: g * where((x == 0) & (y <= -1), 0.0, log1p(as_tensor_like(y, g))),
        lambda g, x, y: g * (x / (y + 1)),
    ),
    "zeta": (by_scipy("zeta", inputs=2), _zeta_no_slope, lambda g, x, y: g * (neg(x) * _OPS["zeta"](x + 1, y))),
}
for _name, _parts in _TWO.items():
    _OPS[_name] = op(f"special_{_name}", *_parts, promote=to_float)
    _publish(_name, _OPS[_name], 2)

# --- orthogonal polynomials p_n(x), by their recurrences (Abramowitz and Stegun, 22.7) ---

# name: p_1, and p_{k+1} from x, k, p_k, p_{k-1}; p_0 is 1
_chebyshev = lambda x, k, p, q: 2 * x * p - q
_POLYNOMIALS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, int, Any, Any], Any]]] = {
    "chebyshev_polynomial_t": (lambda x: x, _chebyshev),
    "chebyshev_polynomial_u": (lambda x: 2 * x, _chebyshev),
    "chebyshev_polynomial_v": (lambda x: 2 * x - 1, _chebyshev),
    "chebyshev_polynomial_w": (lambda x: 2 * x + 1, _chebyshev),
    "hermite_polynomial_h": (lambda x: 2 * x, lambda x, k, p, q: 2 * x * p - 2 * k * q),
    "hermite_polynomial_he": (lambda x: x, lambda x, k, p, q: x * p - k * q),
    "laguerre_polynomial_l": (lambda x: 1 - x, lambda x, k, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
    "legendre_polynomial_p": (lambda x: x, lambda x, k, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}


def _polynomial(first: Any, step: Any, shifted: bool) -> Callable[..., Any]:
    def forward(xp: Any, x: Any, n: Any) -> Any:
        x, n = np.broadcast_arrays(2 * x - 1 if shifted else x, np.trunc(n))
        older, p = xp.ones_like(x), first(x)
        y = xp.where(n < 0, 0, xp.where(n == 0, older, p)).astype(x.dtype)
        for k in range(1, int(n.max(initial=0))):
            older, p = p, step(x, k, p, older)
            y = xp.where(n == k + 1, p, y)
        return y.astype(x.dtype, copy=False)

    return forward


for _name, _rule in _POLYNOMIALS.items():
    for _shifted in (False, True) if _name.startswith("chebyshev") else (False,):
        _full = "shifted_" + _name if _shifted else _name
        _publish(_full, op(f"special_{_full}", _polynomial(*_rule, _shifted), promote=to_float), 2)
