"""Random tensors with PyTorch's numbers: same seed, same values (the recipes are in `mt19937.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.grad_mode import no_grad
from nptorch.mt19937 import Engine
from nptorch.ops.derive import constant
from nptorch.ops.registry import check_writable
from nptorch.ops.signatures import function, method, takes_out
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor, from_array


class Generator:
    """A stream of random numbers (https://pytorch.org/docs/stable/generated/torch.Generator.html)."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = devices.resolve(device)
        self.engine = Engine()

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream again from `seed`."""
        self.engine.manual_seed(seed)
        return self

    def seed(self) -> int:
        """Start again from a seed of the operating system, and return it."""
        return self.engine.seed()

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self.engine.initial_seed()

    def get_state(self) -> Tensor:
        """The state as a uint8 tensor in PyTorch's layout."""
        return from_array(self.engine.get_state())

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on from a state that get_state() gave, here or in PyTorch."""
        self.engine.set_state(new_state._array)
        return self

    def clone_state(self) -> Generator:
        """Another generator in this state."""
        return Generator().set_state(self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return _generator_from, (self.engine.get_state(),)


def _generator_from(state: Any) -> Generator:
    return Generator().set_state(from_array(state))


default_generator = Generator()


def engine(generator: Generator | None) -> Engine:
    """The engine of a generator argument."""
    return (default_generator if generator is None else generator).engine


def manual_seed(seed: int) -> Generator:
    """Start the default generator again from `seed`."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the default generator from a seed of the operating system, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator into a state that get_rng_state() gave."""
    default_generator.set_state(new_state)


class fork_rng:
    """Puts the default generator back afterwards; a context manager."""

    def __init__(self, devices: Any = None, enabled: bool = True, **unused: Any) -> None:
        self._enabled = enabled

    def __enter__(self) -> None:
        self._state = get_rng_state()

    def __exit__(self, *exc: object) -> None:
        if self._enabled:
            set_rng_state(self._state)


def random_int64(generator: Generator | None = None) -> int:
    """What `torch.empty((), dtype=torch.int64).random_()` draws: the seed of a sampler or of the workers."""
    return int(engine(generator).random((), np.dtype(np.int64)))


# --- new tensors ---


def _made(array: Any, requires_grad: bool) -> Tensor:
    result = from_array(array)
    if requires_grad:
        result.requires_grad = True
    return result


def _dtype(dtype: Any, device: Any, default: dtypes.dtype | None = None) -> np.dtype[Any]:
    devices.resolve(device)
    return (default or dtypes.get_default_dtype()).numpy if dtype is None else dtypes.parse(dtype).numpy


@function(method=False)
@takes_out
def rand(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Uniform numbers of [0, 1)."""
    return _made(engine(generator).uniform(parse_shape("rand", sizes or (size,)), _dtype(dtype, device)), requires_grad)


@function(method=False)
@takes_out
def randn(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Normal numbers of mean 0 and variance 1."""
    return _made(engine(generator).normal(parse_shape("randn", sizes or (size,)), _dtype(dtype, device)), requires_grad)


@function(method=False)
def randint(
    low: Any,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers of [low, high); called as randint(high, size) or randint(low, high, size).

    Raises: RuntimeError if the interval is empty.
    """
    if size is None:
        low, high, size = 0, low, high
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}")
    return _made(
        engine(generator).randint(int(low), int(high), tuple(size), _dtype(dtype, device, dtypes.int64)), requires_grad
    )


@function(method=False)
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The numbers 0..n-1 in random order."""
    return _made(engine(generator).randperm(n, _dtype(dtype, device, dtypes.int64)), requires_grad)


@function(method=False)
def rand_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """rand() in the shape and dtype of `input`."""
    return rand(input._array.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


@function(method=False)
def randn_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """randn() in the shape and dtype of `input`."""
    return randn(input._array.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


@function(method=False)
def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None, device: Any = None) -> Tensor:
    """randint() in the shape and dtype of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, tuple(input._array.shape), dtype=dtype or input.dtype, device=device)


@function(method=False)
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
) -> Tensor:
    """Normal numbers with the given means and standard deviations (numbers or tensors)."""
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        return from_array(engine(generator).normal(tuple(size or ()), _dtype(dtype, device), mean, std))
    tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
    shape = np.broadcast_shapes(*[x._array.shape for x in tensors])
    with no_grad():
        drawn = from_array(engine(generator).normal(shape, tensors[0]._array.dtype)) * std + mean
    return constant(drawn, *tensors, label="NormalBackward0")


@function()
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability in each element (or `p`), else 0.

    Raises: RuntimeError for a probability outside [0, 1].
    """
    chance: Any = input._array if p is None else p
    drawn = from_array(engine(generator).bernoulli(chance, input._array.shape, input._array.dtype))
    return constant(drawn, input, label="BernoulliBackward0")


@function(method=False)
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts of events that happen at these rates, in the dtype of the rates.

    Raises: RuntimeError for a negative rate.
    """
    from nptorch import rejection

    return from_array(rejection.poisson(engine(generator), input._array).astype(input._array.dtype))


@function(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with probability `prob`; the tensors broadcast.

    Raises: RuntimeError for a negative count.
    """
    from nptorch import rejection

    n, p = np.broadcast_arrays(count._array, prob._array)
    return from_array(rejection.binomial(engine(generator), n, p).astype(p.dtype))


@function()
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities in proportion to each row's weights."""
    return from_array(engine(generator).multinomial(input._array, num_samples, replacement))


# --- in place ---


def _inplace(name: str, draw: Callable[..., Any], doc: str) -> None:
    def fill(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        check_writable(self, name)
        self._array[...] = draw(engine(generator), self._array, *args, **kwargs)
        self._version[0] += 1
        return self

    fill.__name__ = fill.__qualname__ = name
    fill.__doc__ = doc
    method(name)(fill)


def _random(e: Engine, x: Any, *bounds: int) -> Any:
    if not bounds:
        return e.random(x.shape, x.dtype)
    low, high = (0, bounds[0]) if len(bounds) == 1 else bounds
    return e.randint(low, high, x.shape, x.dtype)


_inplace(
    "uniform_",
    lambda e, x, low=0.0, high=1.0, **old: e.uniform(
        x.shape, x.dtype, old.get("from", old.get("a", low)), old.get("to", old.get("b", high))
    ),
    "Fill with uniform numbers of [low, high).",
)
_inplace("normal_", lambda e, x, mean=0.0, std=1.0: e.normal(x.shape, x.dtype, mean, std), "Fill with normal numbers.")
_inplace("random_", _random, "Fill with integers of [low, high), or of all that the dtype holds.")
_inplace(
    "bernoulli_",
    lambda e, x, p=0.5: e.bernoulli(p._array if isinstance(p, Tensor) else p, x.shape, x.dtype),
    "Fill with 1 with probability p, else 0.",
)
_inplace(
    "exponential_",
    lambda e, x, lambd=1.0: e.exponential(x.shape, x.dtype, lambd),
    "Fill with exponentially distributed numbers.",
)
_inplace(
    "log_normal_",
    lambda e, x, mean=1.0, std=2.0: e.log_normal(x.shape, x.dtype, mean, std),
    "Fill with exp of normal numbers.",
)
_inplace(
    "cauchy_",
    lambda e, x, median=0.0, sigma=1.0: e.cauchy(x.shape, x.dtype, median, sigma),
    "Fill with Cauchy distributed numbers.",
)
_inplace("geometric_", lambda e, x, p: e.geometric(x.shape, x.dtype, p), "Fill with geometrically distributed numbers.")
