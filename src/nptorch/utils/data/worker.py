"""What a DataLoader's worker process does."""

from __future__ import annotations

import contextlib
import os
import queue
import random as python_random
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from nptorch import random
from nptorch.kernels import native
from nptorch.utils.data import worker_info
from nptorch.utils.data.fetch import fetcher
from nptorch.utils.data.transport import Message, pack, send
from nptorch.utils.data.worker_info import WorkerInfo

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


INTERRUPTED = 130  # the exit code of a worker that Ctrl+C ended, as shells have it


class Job(NamedTuple):
    """What a worker needs to know at its start."""

    worker_id: int
    num_workers: int
    base_seed: int
    dataset: Any
    collate_fn: Callable[[Any], Any]
    batched: bool
    drop_last: bool
    init_fn: Callable[[int], Any] | None


class Task(NamedTuple):
    """Fetch `index`; the n-th task of an epoch."""

    epoch: int
    number: int
    index: Any


class Reply(NamedTuple):
    """A task's data, or a Failure, or End."""

    epoch: int
    number: int
    data: Any


class End:
    """Sent in place of data when the worker's share of an IterableDataset is used up."""


class Failure(NamedTuple):
    """An exception of a worker, on its way to the main process."""

    cls: type[Exception]
    message: str

    @classmethod
    def caught(cls, error: Exception, worker_id: int) -> Failure:
        """Describe `error`, inside the handler that caught it."""
        caught = f"Caught {type(error).__name__} in DataLoader worker process {worker_id}."
        text = f"{caught}\nOriginal {traceback.format_exc()}"
        try:
            pack(type(error))
        except Exception:  # a class of some function's own: it has no name to travel by
            return cls(RuntimeError, text)
        return cls(type(error), text)

    def reraise(self) -> NoReturn:
        """Raise the same type with the worker's traceback as message, or RuntimeError if it takes no message."""
        try:
            error = self.cls(_Text(self.message))
        except Exception:
            raise RuntimeError(self.message) from None
        raise error


class _Text(str):
    """A message that KeyError, which shows the repr of its argument, shows line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def work(job: Job, tasks: Connection, replies: Connection, far_ends: tuple[Connection, ...]) -> None:
    """Answer Tasks until None comes; ends at once if the main process is gone.

    far_ends: the main process's ends of both pipes, which a fork inherits.
    """
    # A pipe reads as closed only when nobody holds its other end any more.
    for connection in far_ends:
        connection.close()
    # Handlers that the main process installed are not for its workers.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if (
        signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    ):  # a shell's background job ignores Ctrl+C, its workers too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    inbox: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    # The pipes have threads of their own: the main process never waits to send a task, nor this one for a reader.
    threading.Thread(target=_take_in, args=(tasks, inbox), daemon=True).start()
    threading.Thread(target=_give_out, args=(outbox, replies), daemon=True).start()
    try:
        _answer(job, inbox, outbox)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _take_in(tasks: Connection, inbox: queue.SimpleQueue[Task | None]) -> None:
    try:
        while (task := tasks.recv()) is not None:
            inbox.put(task)
    except (EOFError, OSError):
        os._exit(1)
    with contextlib.suppress(queue.Empty):
        while True:
            inbox.get_nowait()
    inbox.put(None)


def _give_out(outbox: queue.SimpleQueue[Message], replies: Connection) -> None:
    with contextlib.suppress(OSError):
        while True:
            send(replies, outbox.get())


def _answer(job: Job, inbox: queue.SimpleQueue[Task | None], outbox: queue.SimpleQueue[Message]) -> None:
    broken = _prepare(job)
    fetch: Callable[[Any], Any] | None = None
    epoch, ended = -1, False
    while (task := inbox.get()) is not None:
        if task.epoch != epoch:
            epoch, fetch, ended = task.epoch, None, False
        if ended:
            continue
        data: Any = broken
        if broken is None:
            try:
                if fetch is None:
                    fetch = fetcher(job.dataset, job.collate_fn, job.batched, job.drop_last)
                data = fetch(task.index)
            except StopIteration:
                data, ended = End, True
            except Exception as error:
                data = Failure.caught(error, job.worker_id)
        try:
            message = pack(Reply(task.epoch, task.number, data))
        except Exception as error:
            message = pack(Reply(task.epoch, task.number, Failure.caught(error, job.worker_id)))
        outbox.put(message)


def _prepare(job: Job) -> Failure | None:
    """Take one core, seed, tell get_worker_info(), call the user's worker_init_fn."""
    native.set_num_threads(1)
    seed = job.base_seed + job.worker_id
    python_random.seed(seed)
    random.manual_seed(seed)
    low, high = job.base_seed & 0xFFFFFFFF, job.base_seed >> 32
    np.random.seed(np.random.SeedSequence([job.worker_id, low, high]).generate_state(4))
    worker_info.announce(WorkerInfo(job.worker_id, job.num_workers, seed, job.dataset))
    try:
        if job.init_fn is not None:
            job.init_fn(job.worker_id)
    except Exception as error:
        return Failure.caught(error, job.worker_id)
    return None
