"""The base of all distributions: shapes, checks, and what follows from log_prob and rsample."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from nptorch import dtypes
from nptorch.distributions.constraints import Constraint, is_dependent
from nptorch.grad_mode import no_grad
from nptorch.ops.create import tensor
from nptorch.ops.shape import broadcast_tensors
from nptorch.size import Size
from nptorch.tensor import Tensor


def together(*values: Any) -> list[Tensor]:
    """Numbers and tensors in one shape, numbers in the dtype of the tensors."""
    known = [v for v in values if isinstance(v, Tensor)]
    dtype = known[0].dtype if known else dtypes.get_default_dtype()
    return list(broadcast_tensors(*[v if isinstance(v, Tensor) else tensor(v, dtype=dtype) for v in values]))


class Distribution:
    """Random values of shape batch_shape + event_shape.

    Raises: ValueError for parameters or values outside their constraints.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    support: Any = None
    has_rsample = False
    has_enumerate_support = False
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their parameters unless told otherwise."""
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                value = self.__dict__.get(name)  # what is computed from another parameter needs no check
                if (
                    isinstance(value, Tensor)
                    and not is_dependent(constraint)
                    and not bool(constraint.check(value.detach()).all())
                ):
                    raise ValueError(
                        f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                        f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                    )

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values of shape sample_shape + batch_shape + event_shape, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The same with a gradient to the parameters.

        Raises: NotImplementedError where there is none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rsample(): its values have no gradient; use sample()")

    def sample_n(self, n: int) -> Tensor:
        """n values."""
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density or probability of values."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob()")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value or less."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf()")

    def icdf(self, value: Tensor) -> Tensor:
        """The value below which this share lies."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf()")

    def entropy(self) -> Tensor:
        """The mean of -log_prob."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy()")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    mean: Any
    variance: Any

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same with parameters expanded to a larger batch."""
        made = type(self).__new__(type(self))
        shape = tuple(batch_shape)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor) and name in self._parameters():
                kept = value.shape[len(self._batch_shape) :]
                made.__dict__[name] = value.expand((*shape, *kept))
            elif isinstance(value, Distribution):
                made.__dict__[name] = value.expand((*shape, *value.batch_shape[len(self._batch_shape) :]))
            else:
                made.__dict__[name] = value
        made._batch_shape = Size(shape)
        return made

    def _parameters(self) -> set[str]:
        return set(self.arg_constraints)

    def _validate_sample(self, value: Any) -> None:
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        wanted = (*self._batch_shape, *self._event_shape)
        events = len(self._event_shape)
        if events and value.shape[-events:] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {tuple(value.shape)} vs {tuple(self._event_shape)}."
            )
        try:
            np.broadcast_shapes(tuple(value.shape), wanted)
        except ValueError:
            raise ValueError(
                f"Value is not broadcastable with batch_shape+event_shape: {tuple(value.shape)} vs {wanted}."
            ) from None
        if self.support is not None and not bool(self.support.check(value.detach()).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({self.support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        shown = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                shown.append(f"{name}: {value if value.numel() == 1 else value.size()}")
        return f"{type(self).__name__}({', '.join(shown)})"


class ExponentialFamily(Distribution):
    """Distributions whose density is an exponential of their statistics."""
