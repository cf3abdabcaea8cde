"""Where parameters and values may lie; `constraint.check(value)` says so for each element (https://pytorch.org/docs/stable/distributions.html)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nptorch.linalg import cholesky_ex
from nptorch.tensor import Tensor


class Constraint:
    """A test of values; `event_dim` is how many of the last dimensions it looks at together."""

    def __init__(
        self, name: str, check: Callable[[Any], Tensor], event_dim: int = 0, is_discrete: bool = False
    ) -> None:
        self.name, self.check, self.event_dim, self.is_discrete = name, check, event_dim, is_discrete

    def __repr__(self) -> str:
        return self.name


def _positive_definite(value: Tensor) -> Tensor:
    symmetric = (value - value.mT).abs().amax((-2, -1)) <= 1e-6
    return symmetric & (cholesky_ex(value)[1] == 0)


real = Constraint("Real()", lambda v: v == v)
boolean = Constraint("Boolean()", lambda v: (v == 0) | (v == 1), is_discrete=True)
positive = Constraint("GreaterThan(lower_bound=0.0)", lambda v: v > 0)
nonnegative = Constraint("GreaterThanEq(lower_bound=0.0)", lambda v: v >= 0)
unit_interval = Constraint("Interval(lower_bound=0.0, upper_bound=1.0)", lambda v: (v >= 0) & (v <= 1))
nonnegative_integer = Constraint(
    "IntegerGreaterThan(lower_bound=0)", lambda v: (v % 1 == 0) & (v >= 0), is_discrete=True
)
simplex = Constraint("Simplex()", lambda v: (v >= 0).all(-1) & ((v.sum(-1) - 1).abs() < 1e-6), event_dim=1)
one_hot = Constraint(
    "OneHot()", lambda v: ((v == 0) | (v == 1)).all(-1) & (v.sum(-1) == 1), event_dim=1, is_discrete=True
)
real_vector = Constraint("IndependentConstraint(Real(), 1)", lambda v: (v == v).all(-1), event_dim=1)
lower_cholesky = Constraint(
    "LowerCholesky()", lambda v: (v.tril() == v).all(-1).all(-1) & (v.diagonal(0, -2, -1) > 0).all(-1), event_dim=2
)
positive_definite = Constraint("PositiveDefinite()", _positive_definite, event_dim=2)
dependent = Constraint("Dependent()", lambda v: v == v)


def interval(low: Any, high: Any) -> Constraint:
    """Between two bounds, both included."""
    return Constraint(f"Interval(lower_bound={low}, upper_bound={high})", lambda v: (v >= low) & (v <= high))


def integer_interval(low: Any, high: Any) -> Constraint:
    """Whole numbers between two bounds, both included."""
    return Constraint(
        f"IntegerInterval(lower_bound={low}, upper_bound={high})", lambda v: (v % 1 == 0) & (v >= low) & (v <= high), is_discrete=True
    )  # fmt: skip


def independent(base: Constraint, dims: int) -> Constraint:
    """A constraint on events of more dimensions."""

    def check(value: Any) -> Tensor:
        found = base.check(value)
        for _ in range(dims):
            found = found.all(-1)
        return found

    return Constraint(f"IndependentConstraint({base!r}, {dims})", check, base.event_dim + dims, base.is_discrete)
