"""Samples of operations: calls of the public API on fixed inputs, for the tables in `specs.py` and beside it.

A sample is a call of the public API on fixed inputs. `call(T, *tensors)` gets the library as T, so that the same lambda runs on nptorch
and on PyTorch; floating inputs require grad unless the sample says which do not (`constant`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Sample:
    """One call on fixed inputs."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    constant: frozenset[int] = frozenset()
    smooth: bool = True  # False: has jumps or no gradient, so only values are compared
    special: bool = False  # needs SciPy

    def arrays(self, dtype: Any = np.float64) -> list[Any]:
        """The inputs as arrays, the floating ones of the given dtype."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        made = [make(rng) if callable(make) else np.asarray(make) for make in self.inputs]
        return [a.astype(dtype) if a.dtype.kind == "f" else a for a in made]

    def tensors(self, T: Any, dtype: Any = np.float64, grad: bool = True) -> list[Any]:
        """The inputs as tensors of library T."""
        found = [T.tensor(a) for a in self.arrays(dtype)]
        for i, t in enumerate(found):
            if grad and self.smooth and t.is_floating_point() and i not in self.constant:
                t.requires_grad_()
        return found


def R(*shape: int) -> Any:
    """Normal numbers."""
    return lambda rng: rng.normal(size=shape)


def P(*shape: int) -> Any:
    """Numbers of [0.5, 2]."""
    return lambda rng: rng.uniform(0.5, 2.0, shape)


def U(*shape: int) -> Any:
    """Numbers of [0.1, 0.9]."""
    return lambda rng: rng.uniform(0.1, 0.9, shape)


def D(*shape: int) -> Any:
    """Distinct numbers, 0.1 or more apart, in random order: no ties for max, sort and pooling."""

    def make(rng: Any) -> Any:
        n = int(np.prod(shape))
        return ((rng.permutation(n) - n / 2) * 0.13 + 0.05).reshape(shape)

    return make


def I(*shape: int, high: int = 5, low: int = 0) -> Any:  # noqa: E743
    """Integers of [low, high)."""
    return lambda rng: rng.integers(low, high, shape)


def B(*shape: int) -> Any:
    """Booleans."""
    return lambda rng: rng.random(shape) < 0.5


SAMPLES: list[Sample] = []


def sample(name: str, call: Callable[..., Any], *inputs: Any, **flags: Any) -> None:
    """Enter a sample; further ones of a name are numbered."""
    count = sum(s.name == name or s.name.startswith(name + "#") for s in SAMPLES)
    SAMPLES.append(Sample(f"{name}#{count + 1}" if count else name, call, inputs, **flags))
