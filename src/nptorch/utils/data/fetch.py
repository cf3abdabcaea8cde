"""From an index, or a batch of indices, to collated data: the same in the main process and in the workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from nptorch.utils.data.collate import Batch, default_collate
from nptorch.utils.data.dataset import IterableDataset, batch_getter


class MapFetcher:
    """Samples by index, of a Dataset."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool) -> None:
        self._dataset, self._collate, self._batched = dataset, collate_fn, batched
        self._gather = batch_getter(dataset) if batched else None

    def __call__(self, index: Any) -> Any:
        try:
            return self._fetch(index)
        except StopIteration as error:
            # It would end the epoch without a word.
            raise RuntimeError("the dataset or collate_fn raised StopIteration") from error

    def _fetch(self, index: Any) -> Any:
        if not self._batched:
            return self._collate(self._dataset[index])
        if self._gather is not None:
            batch = self._gather(index)
            if batch.__class__ is not Batch or self._collate is default_collate:
                return self._collate(batch)
            self._gather = None
        return self._collate([self._dataset[i] for i in index])


class IterableFetcher:
    """The next samples of an IterableDataset, whatever the index; StopIteration at its end."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool, drop_last: bool) -> None:
        self._samples, self._collate = iter(dataset), collate_fn
        self._batched, self._drop_last = batched, drop_last
        self._ended = False

    def __call__(self, index: Any) -> Any:
        if not self._batched:
            return self._collate(next(self._samples))
        # The flag is for iterators that start again after their end.
        batch = [] if self._ended else list(itertools.islice(self._samples, len(index)))
        if len(batch) < len(index):
            self._ended = True
            if not batch or self._drop_last:
                raise StopIteration
        return self._collate(batch)


def fetcher(dataset: Any, collate_fn: Callable[[Any], Any], batched: bool, drop_last: bool) -> Callable[[Any], Any]:
    """What turns an index (or, if `batched`, a list of indices) of `dataset` into data."""
    if isinstance(dataset, IterableDataset):
        return IterableFetcher(dataset, collate_fn, batched, drop_last)
    return MapFetcher(dataset, collate_fn, batched)
