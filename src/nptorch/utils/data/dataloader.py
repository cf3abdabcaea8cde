"""DataLoader: batches of a dataset, in order or shuffled, in this process or through workers.

Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nptorch import random
from nptorch.utils.data.collate import default_collate, default_convert
from nptorch.utils.data.dataset import IterableDataset
from nptorch.utils.data.iterators import SingleProcessIterator
from nptorch.utils.data.sampler import BatchSampler, EndlessSampler, RandomSampler, SequentialSampler
from nptorch.utils.data.worker_info import get_worker_info

if TYPE_CHECKING:
    from nptorch.utils.data.worker_iterator import WorkerIterator

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class DataLoader(Generic[T_co]):
    """An iterable of the batches of `dataset`; len() is their number.

    dataset: a Dataset, anything with __getitem__ and __len__, or an IterableDataset.
    batch_size: samples a batch; None gives the samples themselves.
    shuffle: a new random order each time. sampler, batch_sampler: indices, or lists of them, instead.
    num_workers: processes that fetch ahead, prefetch_factor batches each; 0 fetches in this process.
    collate_fn: makes a batch of a list of samples; default_collate, or default_convert without batches.
    drop_last: leave out a last batch that is shorter.
    timeout: seconds to wait for a worker's batch, 0 for ever. worker_init_fn: called with each worker's number.
    multiprocessing_context: a start method or context. persistent_workers: keep the processes for the next epoch.
    generator: where the order and the workers' seeds come from, instead of the default generator.
    in_order: False gives workers' batches as they come.
    pin_memory, pin_memory_device: accepted; there is no accelerator's memory to pin.

    Raises: ValueError or TypeError for arguments that exclude each other or are no such thing.
    """

    _ready = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_types(num_workers, collate_fn, worker_init_fn, generator)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        stream = isinstance(dataset, IterableDataset)
        if stream:
            _check_stream(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if stream:
                sampler = EndlessSampler()
            else:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if self._batched else default_convert)
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._iterator: WorkerIterator | None = None
        # What len() said of an IterableDataset, for a warning if more comes.
        self._reported_length: int | None = None
        _warn_of_many_workers(num_workers)
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and self._ready:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """The multiprocessing context that makes the workers, or None for the platform's."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: Any) -> None:
        self._context = None if value is None else _context(value, self.num_workers)

    @property
    def _batched(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return SingleProcessIterator(self)
        # Most scripts never need processes, pipes and signals.
        from nptorch.utils.data.worker_iterator import WorkerIterator

        if not self.persistent_workers:
            return WorkerIterator(self)
        if self._iterator is not None and self._iterator.alive:
            self._iterator.restart(self)
        else:
            self._iterator = WorkerIterator(self)
        return self._iterator

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


def _check_types(num_workers: Any, collate_fn: Any, worker_init_fn: Any, generator: Any) -> None:
    if not isinstance(num_workers, int):
        raise TypeError(f"num_workers should be an integer, but got num_workers={num_workers!r}")
    for name, function in (("collate_fn", collate_fn), ("worker_init_fn", worker_init_fn)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} should be a function, but got {name}={function!r}")
    if generator is not None and not isinstance(generator, random.Generator):
        raise TypeError(f"generator should be a Generator, but got generator={generator!r}")


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and timeout:
        raise ValueError(f"timeout is for batches of workers: it needs num_workers > 0, but got timeout={timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(
            f"prefetch_factor option should be non-negative (and not 0), but got prefetch_factor={prefetch_factor}"
        )
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
            )


def _context(value: Any, num_workers: int) -> Any:
    import multiprocessing

    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
            f"but got num_workers={num_workers}"
        )
    if isinstance(value, str):
        methods = multiprocessing.get_all_start_methods()
        if value not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods!r}, "
                f"but got multiprocessing_context={value!r}"
            )
        return multiprocessing.get_context(value)
    if not isinstance(value, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={value}"
        )
    return value


def _warn_of_many_workers(num_workers: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores is not None and num_workers > cores:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total, but this process may use {cores} "
            "cores: that can make loading slow or even freeze; fewer workers are better.",
            stacklevel=3,
        )
