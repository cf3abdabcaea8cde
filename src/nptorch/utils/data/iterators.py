"""One pass over a DataLoader: what every pass shares, and the one in this process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from nptorch import random
from nptorch.utils.data.fetch import fetcher


class LoaderIterator(Iterator[Any]):
    """What both kinds share: the order of the draws, the length, the check of an IterableDataset's length."""

    def __init__(self, loader: Any) -> None:
        self._dataset, self._sampler, self._num_workers = loader.dataset, loader._index_sampler, loader.num_workers
        self._start_epoch(loader)
        # PyTorch draws the workers' seed here, with workers or without, after iter(sampler), which may draw too.
        self._base_seed = random.random_int64(loader.generator)
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=4,
            )

    def _start_epoch(self, loader: Any) -> None:
        self._indices = iter(self._sampler)
        self._yielded = 0
        self._reported = loader._reported_length

    def _next(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        data = self._next()
        if self._reported is not None:
            self._yielded += 1
            if self._yielded > self._reported:
                self._warn_of_length()
        return data

    def _warn_of_length(self) -> None:
        workers = "; does every worker iterate over its own share?" if self._num_workers else ""
        warnings.warn(
            f"Length of IterableDataset {self._dataset} was reported to be {self._reported} "
            f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched{workers}",
            stacklevel=3,
        )

    def __len__(self) -> int:
        return len(self._sampler)


class SingleProcessIterator(LoaderIterator):
    """Fetches in this process."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._fetch = fetcher(loader.dataset, loader.collate_fn, loader._batched, loader.drop_last)

    def _next(self) -> Any:
        return self._fetch(next(self._indices))
