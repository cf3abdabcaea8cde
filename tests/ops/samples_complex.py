"""Samples of complex numbers: their parts, and the derivatives of functions of them."""

from __future__ import annotations

from typing import Any

from tests.ops.sampling import D, R, U, sample


def parts(T: Any, y: Any) -> Any:
    return T.view_as_real(y.resolve_conj()) if y.is_complex() else y


sample("complex", lambda T, a, b: T.view_as_real(T.complex(a, b)) ** 2, R(3, 4), R(3, 4))
sample("complex", lambda T, r, t: T.view_as_real(T.polar(r, t)), U(3, 4), R(3, 4))
sample("view_as_real", lambda T, a, b: T.view_as_real(T.complex(a, b)).sum(-1), R(3), R(3))
sample("view_as_complex", lambda T, x: T.view_as_complex(x).abs(), R(3, 2))
sample("angle", lambda T, x: T.angle(x), D(3, 4))
sample("angle", lambda T, a, b: T.angle(T.complex(a, b)), D(3, 4), R(3, 4))
sample("conj_physical", lambda T, a, b: parts(T, T.conj_physical(T.complex(a, b)) * a), R(3), R(3))

_ONE = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "sgn", "abs"),
    *(
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "sigmoid",
        "sinc",
    ),
)
for _name in _ONE:
    sample(_name, lambda T, a, b, f=_name: parts(T, getattr(T, f)(T.complex(a, b))), U(3, 4), D(3, 4))
for _name in ("mul", "div", "pow", "logaddexp"):
    sample(
        _name,
        lambda T, a, b, c, d, f=_name: parts(T, getattr(T, f)(T.complex(a, b), T.complex(c, d))),
        *(U(3, 1), R(3, 1), U(4), R(4)),
    )
for _name, _keywords in (
    ("prod", {}),
    ("cumprod", {"dim": 1}),
    ("logsumexp", {"dim": 0}),
    ("var", {}),
    ("std", {"dim": 1}),
):
    sample(_name, lambda T, a, b, f=_name, k=_keywords: parts(T, getattr(T, f)(T.complex(a, b), **k)), R(3, 4), R(3, 4))
sample("lerp", lambda T, a, b, c: parts(T, T.lerp(T.complex(a, b), T.complex(b, c), T.complex(c, a))), R(3), R(3), R(3))
sample("matmul", lambda T, a, b: parts(T, T.vdot(T.complex(a, b), T.complex(b, a * a))), R(3), R(3))
