"""Transforms from all real numbers to a constraint: biject_to (one to one) and transform_to (whatever optimises best)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nptorch.distributions import constraints as c
from nptorch.distributions import transforms as t

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Called with a constraint, gives its transform."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], t.Transform]] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Let factory(constraint) serve constraints of this class; without a factory, a decorator.

        Raises: TypeError for what is no constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, c.Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, c.Constraint)):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> t.Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _above(constraint: Any) -> t.Transform:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(constraint.lower_bound, 1)])


def _between(constraint: Any) -> t.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return t.SigmoidTransform()
    return t.ComposeTransform([t.SigmoidTransform(), t.AffineTransform(low, high - low)])


for _kind, _factory in {
    c.real: lambda constraint: t.identity_transform,
    c.greater_than: _above,
    c.greater_than_eq: _above,
    c.less_than: lambda con: t.ComposeTransform([t.ExpTransform(), t.AffineTransform(con.upper_bound, -1)]),
    c.interval: _between,
    c.half_open_interval: _between,
    c.corr_cholesky: lambda constraint: t.CorrCholeskyTransform(),
}.items():
    biject_to.register(_kind, _factory)
    transform_to.register(_kind, _factory)

biject_to.register(c.simplex, lambda constraint: t.StickBreakingTransform())
transform_to.register(c.simplex, lambda constraint: t.SoftmaxTransform())
transform_to.register(c.lower_cholesky, lambda constraint: t.LowerCholeskyTransform())
for _kind in (c.positive_definite, c.positive_semidefinite):
    transform_to.register(_kind, lambda constraint: t.PositiveDefiniteTransform())


def _register_composite(to: ConstraintRegistry) -> None:
    to.register(
        c.independent, lambda con: t.IndependentTransform(to(con.base_constraint), con.reinterpreted_batch_ndims)
    )
    to.register(c.cat, lambda con: t.CatTransform([to(part) for part in con.cseq], con.dim, con.lengths))
    to.register(c.stack, lambda con: t.StackTransform([to(part) for part in con.cseq], con.dim))


_register_composite(biject_to)
_register_composite(transform_to)
