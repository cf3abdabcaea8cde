"""Samples of scattered reductions and of arithmetic on integers and formats."""

from __future__ import annotations

from tests.ops.sampling import D, I, P, sample

for _how in ("amax", "amin", "prod"):
    sample(
        f"scatter_{_how}",
        lambda T, x, i, s, how=_how: T.scatter_reduce(x, 0, i, s, how) ** 2,
        P(4, 3) if _how == "prod" else D(4, 3),
        I(5, 3, high=4),
        P(5, 3) if _how == "prod" else D(5, 3),
    )
sample("gcd", lambda T, a, b: T.gcd(a, b), I(3, 4, low=-9, high=30), I(4, high=30), smooth=False)
sample("lcm", lambda T, a, b: T.lcm(a, b), I(3, 4, low=-9, high=30), I(4, high=30), smooth=False)
sample("nextafter", lambda T, a, b: T.nextafter(a, b), D(3, 4), D(4), smooth=False)
