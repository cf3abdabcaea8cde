"""Data sets: a map from an index to a sample, or a stream of samples, and what is made out of others.

Source: https://pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

import bisect
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from nptorch import random
from nptorch.tensor import Tensor, from_array
from nptorch.utils.data.collate import Batch

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from an index to a sample: subclasses define __getitem__(index), and __len__() for the samplers.

    `__getitems__(indices)`, where it is defined, gives a batch at once: a list of samples, or a collated Batch.
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples: subclasses define __iter__().

    Every worker process iterates over its own copy; get_worker_info() tells a copy which share is its own.
    """

    def __add__(self, other: Dataset[T_co]) -> ChainDataset[T_co]:  # type: ignore[override]
        return ChainDataset([self, other])


def batch_getter(dataset: Any) -> Callable[[Sequence[Any]], Any] | None:
    """The dataset's `__getitems__`, if that speaks for its `__getitem__`."""
    for cls in type(dataset).__mro__:
        if "__getitems__" in vars(cls):
            return dataset.__getitems__
        if "__getitem__" in vars(cls):
            # A subclass that redefines only __getitem__ decides what a sample is; an inherited gather would miss that.
            return None
    return None


def samples_at(dataset: Any, indices: Sequence[Any]) -> Any:
    """The samples at `indices`: a list, or a Batch if the dataset can gather them."""
    gather = batch_getter(dataset)
    return [dataset[i] for i in indices] if gather is None else gather(indices)


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample i is the tuple of every tensor's row i.

    Raises: AssertionError if the tensors differ in their first dimension, TypeError if one is no tensor.
    """

    def __init__(self, *tensors: Tensor) -> None:
        for i, t in enumerate(tensors):
            if not isinstance(t, Tensor) or t.ndim == 0:
                found = "a 0-dim tensor" if isinstance(t, Tensor) else f"{type(t).__name__}; convert it with tensor()"
                raise TypeError(f"TensorDataset needs tensors with at least one dimension, but argument {i} is {found}")
        if not tensors:
            raise ValueError("TensorDataset needs at least one tensor")
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: their first dimensions are {lengths}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([tensor[index] for tensor in self.tensors])

    def __getitems__(self, indices: Sequence[Any]) -> Batch:
        """The rows at `indices` of every tensor, gathered: (len(indices), *row)."""
        rows = np.fromiter(map(operator.index, indices), np.intp, len(indices))
        length = len(self)
        for i in rows[(rows < -length) | (rows >= length)].tolist():
            raise IndexError(f"index {i} is out of range for a TensorDataset of {length} samples")
        return Batch(
            *(t[from_array(rows)] if t.requires_grad else from_array(t._array.take(rows, 0)) for t in self.tensors)
        )

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset[Any]):
    """Sample i is the tuple (or, from keyword arguments, the dict) of every dataset's sample i.

    Raises: ValueError without datasets, with both kinds, or if the lengths differ.
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("StackDataset takes datasets as arguments (a tuple) or as keywords (a dict), not both")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = [len(d) for d in (args or kwargs.values())]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: their lengths are {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple([dataset[index] for dataset in self.datasets])

    def __getitems__(self, indices: Sequence[Any]) -> Any:
        """The samples at `indices`: a Batch if every dataset gives one, else a list."""
        parts = self.datasets.values() if isinstance(self.datasets, dict) else self.datasets
        columns = [samples_at(dataset, indices) for dataset in parts]
        if isinstance(self.datasets, tuple) and all(isinstance(column, Batch) for column in columns):
            return Batch(*map(list, columns))
        if any(isinstance(column, Batch) for column in columns):
            return [self[i] for i in indices]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        rows = list(zip(*columns, strict=True))
        return [dict(zip(self.datasets, row, strict=True)) for row in rows] if isinstance(self.datasets, dict) else rows

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other.

    Raises: AssertionError for none, or for an IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: Any) -> T_co:
        length = len(self)
        if idx < 0:
            if -idx > length:
                raise ValueError(f"absolute value of index should not exceed dataset length ({length}), got {idx}")
            idx += length
        if idx >= length:
            raise IndexError(f"index {idx} is out of range for a ConcatDataset of {length} samples")
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        return self.datasets[which][idx - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset[T_co]):
    """Streams one after the other.

    Raises: AssertionError, when it comes to it, for what is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}")
            yield dataset

    def __iter__(self) -> Iterator[T_co]:
        return itertools.chain.from_iterable(self._streams())

    def __len__(self) -> int:
        return sum(map(len, self._streams()))


class Subset(Dataset[T_co]):
    """The samples of `dataset` at `indices`."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> Any:
        return self.dataset[[self.indices[i] for i in idx] if isinstance(idx, list) else self.indices[idx]]

    def __getitems__(self, indices: Sequence[Any]) -> Any:
        """The samples at `indices` of the subset, as the whole dataset gives them."""
        return samples_at(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: random.Generator | None = None
) -> list[Subset[Any]]:
    """Split into Subsets at random, by lengths or by fractions of 1; what rounding leaves over goes to the first ones.

    Raises: ValueError if the lengths do not sum to len(dataset), or for a negative fraction.
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(lengths, total)
    if sum(lengths) != total:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"{list(lengths)} sum to {sum(lengths)}, the dataset has {total} samples"
        )
    order = random.randperm(total, generator=generator).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - n : end]) for end, n in zip(ends, lengths, strict=True)]


def _lengths_of_fractions(fractions: Sequence[float], total: int) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1: {fraction}")
    lengths = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            message = f"Length of split at index {i} is 0. This might result in an empty dataset."
            warnings.warn(message, stacklevel=3)
    return lengths
