"""Samplers: in which order a DataLoader asks for samples; same seed, same order as PyTorch.

Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.Sampler
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

from nptorch import dtypes, random
from nptorch.ops import create

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """An iterable of indices, or of lists of indices: subclasses define __iter__() and, if they can, __len__()."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order, without replacement unless asked for.

    num_samples: how many; the length of the data if None, and more than that makes several rounds.
    generator: where they come from; if None, one seeded anew from the default generator for each iteration.

    Raises: ValueError if num_samples is no positive integer, TypeError if replacement is no bool.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: random.Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an iteration gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        return itertools.chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[list[int]]:
        n, wanted = len(self.data_source), self.num_samples
        if n == 0:
            raise ValueError("RandomSampler cannot draw from a data source of length 0")
        generator = self.generator
        if generator is None:
            generator = random.Generator().manual_seed(random.random_int64())
        if self.replacement:
            for start in range(0, wanted, 32):
                yield random.randint(n, (min(32, wanted - start),), generator=generator).tolist()
            return
        for _ in range(wanted // n):
            yield random.randperm(n, generator=generator).tolist()
        # PyTorch draws a last permutation even for no indices; it shows only in a generator that lives on.
        if wanted % n or self.generator is not None:
            yield random.randperm(n, generator=generator).tolist()[: wanted % n]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[Any]):
    """The given indices in random order."""

    def __init__(self, indices: Sequence[Any], generator: random.Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        for i in random.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with probabilities in proportion to `weights`, one number a sample.

    Raises: ValueError for weights of more than one dimension, or a num_samples that is no positive integer.
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: random.Generator | None = None
    ) -> None:
        _check_positive("num_samples", num_samples)
        _check_bool("replacement", replacement)
        self.weights = create.as_tensor(weights, dtype=dtypes.float64)
        if self.weights.ndim != 1:
            size = tuple(self.weights.shape)
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {size}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from random.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        ).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """The indices of another sampler in lists of `batch_size`; the last, shorter one is left out if `drop_last`.

    Raises: ValueError if batch_size is no positive integer or drop_last no bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        _check_bool("drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        indices, size = iter(self.sampler), self.batch_size
        while batch := list(itertools.islice(indices, size)):
            if self.drop_last and len(batch) < size:
                return
            yield batch

    def __len__(self) -> int:
        samples = len(self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


class EndlessSampler(Sampler[None]):
    """None for ever: what stands for the indices of an IterableDataset."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} should be a boolean value, but got {name}={value}")
