"""One pass over a DataLoader through worker processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from nptorch.utils.data.iterators import LoaderIterator
from nptorch.utils.data.transport import Message, receive, unpack, wide_pipe
from nptorch.utils.data.worker import INTERRUPTED, End, Failure, Job, Reply, Task, work

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

_BEHIND = 0.5  # seconds that Ctrl+C, which all processes get, may reach this one after a worker
_GRACE = 5.0  # seconds that workers have to finish what they are at
_LOOK = 5.0  # seconds between two looks whether the workers live, in case that their pipes do not tell


class Worker:
    """A worker process and this side of its pipes."""

    def __init__(self, context: BaseContext, job: Job) -> None:
        tasks, self.tasks = context.Pipe(duplex=False)
        self.replies, replies = wide_pipe(context)
        arguments = job, tasks, replies, (self.tasks, self.replies)
        self.process = context.Process(target=work, args=arguments, daemon=True)  # type: ignore[attr-defined]
        self.active = True
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of a fork beside threads; those of the kernels start again after one.
                warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)
                self.process.start()
        finally:
            # As in work(): what is held here as well would not read as closed when the worker is gone.
            tasks.close()
            replies.close()

    def cause_of_death(self) -> str:
        """How the process ended."""
        self.process.join(_GRACE)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}; run with num_workers=0 to see the error itself"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "unknown"
        hint = "; was the machine out of memory?" if name == "SIGKILL" else ""
        return f"signal {-code} ({name}){hint}"


class WorkerIterator(LoaderIterator):
    """Hands indices to worker processes in turn and their data out in order (or, not in_order, as it comes)."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._prefetch, self._in_order = loader.prefetch_factor or 0, loader.in_order
        self._timeout, self._persistent = loader.timeout, loader.persistent_workers
        self._epoch = -1
        self._workers: list[Worker] = []
        self._failure: str | None = None
        # Runs when this iterator is deleted or the interpreter ends, whichever comes first.
        self._stop = weakref.finalize(self, _stop, self._workers, os.getpid())
        context = loader.multiprocessing_context or _default_context()
        try:
            for i in range(loader.num_workers):
                self._workers.append(Worker(context, self._job(loader, i)))
        except BaseException:
            self._stop()
            raise
        self._owners = {w.replies: w for w in self._workers}
        self.restart(loader)

    def _job(self, loader: Any, worker_id: int) -> Job:
        return Job(
            worker_id,
            loader.num_workers,
            self._base_seed,
            loader.dataset,
            loader.collate_fn,
            loader._batched,
            loader.drop_last,
            loader.worker_init_fn,
        )

    @property
    def alive(self) -> bool:
        """Whether all workers still run, so that restart() can use them."""
        return self._stop.alive and all(w.process.is_alive() for w in self._workers)

    def restart(self, loader: Any) -> None:
        """Begin an epoch; what the last one left in the pipes is told by its number and dropped."""
        self._start_epoch(loader)
        self._epoch += 1
        self._numbers = itertools.count()
        self._turns = itertools.cycle(self._workers)
        self._pending: dict[int, Worker] = {}  # tasks that are out, oldest first
        self._arrived: dict[int, Any] = {}
        for worker in self._workers:
            worker.active = True
        self._hand_out()

    def _hand_out(self) -> None:
        """Send tasks while there are indices and the active workers have room for them."""
        room = self._prefetch * sum(w.active for w in self._workers)
        for index in itertools.islice(self._indices, max(0, room - len(self._pending))):
            worker = next(w for w in self._turns if w.active and (self._in_order or self._has_room(w)))
            number = next(self._numbers)
            self._pending[number] = worker
            try:
                worker.tasks.send(Task(self._epoch, number, index))
            except OSError:
                self._fail(worker)

    def _has_room(self, worker: Worker) -> bool:
        return list(self._pending.values()).count(worker) < self._prefetch

    def _next(self) -> Any:
        if self._failure is not None:
            raise RuntimeError(self._failure)
        started = time.monotonic()
        while self._pending:
            number = next(iter(self._pending if self._in_order else self._arrived), -1)
            if number in self._arrived:
                del self._pending[number]
                data = self._arrived.pop(number)
                self._hand_out()
                if isinstance(data, Failure):
                    data.reraise()
                return data
            self._collect(started)
        if not self._persistent:
            self._stop()
        raise StopIteration

    def _collect(self, started: float) -> None:
        """Wait until a worker sends something, and take it in."""
        from multiprocessing.connection import wait

        rest = max(0.0, started + self._timeout - time.monotonic()) if self._timeout else _LOOK
        ready: list[Any] = wait(list(self._owners), min(rest, _LOOK))
        for replies in ready:
            worker = self._owners[replies]
            try:
                message = receive(replies)
            except (EOFError, OSError):  # a dead worker's pipe is closed
                message = None
            except KeyboardInterrupt:
                # What is left of a message in the pipe would be taken for the next one.
                self._failure = "the DataLoader was interrupted; begin a new iteration"
                self._stop()
                raise
            if message is None:
                self._fail(worker)
            self._take(worker, self._unpacked(message))
        if not ready:
            # A process that a worker started may hold its pipe open.
            for worker in self._workers:
                if not worker.process.is_alive():
                    self._fail(worker)
            if self._timeout and time.monotonic() >= started + self._timeout:
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")

    def _take(self, worker: Worker, reply: Reply) -> None:
        if reply.epoch != self._epoch:
            return
        if reply.data is not End:
            self._arrived[reply.number] = reply.data
            return
        worker.active = False
        for number in [n for n, owner in self._pending.items() if owner is worker and n not in self._arrived]:
            del self._pending[number]
        self._hand_out()

    def _unpacked(self, message: Message) -> Reply:
        try:
            return unpack(message)
        except Exception as error:
            # Whose turn it was is in the message too: there is no way to go on.
            self._give_up(f"the data of a DataLoader worker cannot be unpickled: {error}")

    def _fail(self, worker: Worker) -> NoReturn:
        failure = f"DataLoader worker (pid {worker.process.pid}) exited unexpectedly with {worker.cause_of_death()}"
        if worker.process.exitcode == INTERRUPTED:
            time.sleep(_BEHIND)  # ends in KeyboardInterrupt
        self._give_up(failure)

    def _give_up(self, failure: str) -> NoReturn:
        self._failure = failure
        self._stop()
        raise RuntimeError(failure)

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled: it holds processes")


def _default_context() -> BaseContext:
    import multiprocessing

    # Fork needs nothing picklable, but only Linux can do it safely; a method that the user set comes first.
    chosen = multiprocessing.get_start_method(allow_none=True)
    return multiprocessing.get_context(chosen or ("fork" if sys.platform == "linux" else None))


def _stop(workers: list[Worker], owner: int) -> None:
    """End the worker processes: ask, wait, then insist."""
    if os.getpid() != owner:
        return  # a forked process: these are its parent's workers
    for worker in workers:
        with contextlib.suppress(OSError):  # it is gone already
            worker.tasks.send(None)
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
    for insist in (lambda w: w.process.terminate(), lambda w: w.process.kill()):
        for worker in workers:
            if worker.process.is_alive():
                insist(worker)
                worker.process.join(1.0)
    for worker in workers:
        worker.tasks.close()
        worker.replies.close()
