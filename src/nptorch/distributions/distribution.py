"""The base of all distributions: shapes, checks, and what follows from log_prob and rsample."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.autograd import grad
from nptorch.distributions.constraints import is_dependent
from nptorch.distributions.utils import lazy_property
from nptorch.grad_mode import no_grad
from nptorch.size import Size
from nptorch.tensor import Tensor


def _not_here(name: str) -> Any:
    def missing(self: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not implement {name}")

    return property(missing)


class Distribution:
    """Random values of shape batch_shape + event_shape.

    Raises: ValueError for parameters or values outside their constraints.
    """

    arg_constraints: Any = {}
    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    support: Any = _not_here("support")
    mean: Any = _not_here("mean")
    mode: Any = _not_here("mode")
    variance: Any = _not_here("variance")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their parameters unless told otherwise."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args expects True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            if is_dependent(constraint) or (
                name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            ):
                continue  # the other parameters say it all
            value = getattr(self, name)
            if not bool(constraint.check(value.detach()).all()):
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
        """The mean of -log_prob, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy()")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values along a new first dimension."""
        raise NotImplementedError(f"{type(self).__name__} has no enumerate_support(): its values cannot be listed")

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        events = len(self._event_shape)
        values = values.reshape((len(values),) + (1,) * len(self._batch_shape) + tuple(values.shape[1:]))
        return values.expand((-1, *self._batch_shape, *values.shape[values.dim() - events :])) if expand else values

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        root: Tensor = self.variance.sqrt()
        return root

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same with parameters expanded to a larger batch."""
        made = type(self).__new__(type(self)) if _instance is None else _instance
        old, new = len(self._batch_shape), tuple(batch_shape)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor) and name in self.arg_constraints:
                value = value.expand((*new, *value.shape[old:]))
            elif isinstance(value, Distribution):
                value = value.expand((*new, *value.batch_shape[old:]))
            made.__dict__[name] = value
        made._batch_shape = Size(new)
        return made

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        # For the expand() of users' subclasses, written as PyTorch's are.
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also define "
                "a custom .expand() method."
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _validate_sample(self, value: Any) -> None:
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        wanted = (*self._batch_shape, *self._event_shape)
        events = len(self._event_shape)
        if events and value.shape[-events:] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        try:
            np.broadcast_shapes(tuple(value.shape), wanted)
        except ValueError:
            raise ValueError(
                f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {Size(wanted)}."
            ) from None
        if not bool(self.support.check(value.detach()).all()):
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
    """Densities exp(t(x) . natural parameters - log normalizer): the entropy follows from the normalizer's derivative.

    Source: Nielsen, Nock, ICIP 2010, https://www.lix.polytechnique.fr/~nielsen/EntropyEF-ICIP2010.pdf
    """

    _natural_params: Any = _not_here("_natural_params")
    _mean_carrier_measure: Any = _not_here("_mean_carrier_measure")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement _log_normalizer")

    def _normalizer_slopes(self) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...]]:
        """The natural parameters, the log normalizer there, and its derivatives."""
        at = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*at)
        return at, normalizer, grad(normalizer.sum(), at, create_graph=True)  # type: ignore[return-value]

    def entropy(self) -> Tensor:
        at, normalizer, slopes = self._normalizer_slopes()
        found = normalizer - self._mean_carrier_measure
        for parameter, slope in zip(at, slopes, strict=True):
            found = found - (parameter * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return found
