"""Worker processes: what they bring, how they fail, that they end. Real processes, real signals."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.kernels import native
from nptorch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info, worker_iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and fork")
PROMPT = 2.0  # seconds: what is "at once" on a loaded machine


class Computed(Dataset[Any]):
    """Sample i is function(i)."""

    def __init__(self, function: Callable[[int], Any], n: int = 8) -> None:
        self.function, self.n = function, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Any:
        return self.function(index)


class Squares(Dataset[int]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        return index * index


class TwoParts(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one, two)


def open_files() -> int:
    return len(os.listdir(f"/proc/{os.getpid()}/fd")) if os.path.exists("/proc") else 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )  # an orphan awaiting its reaper
    except FileNotFoundError:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    multiprocessing.resource_tracker.ensure_running()  # spawn starts it, for good
    files = open_files()
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    assert open_files() <= files


def raising(error: Any) -> Callable[[int], int]:
    def function(index: int) -> int:
        if index == 2:
            raise error
        return index

    return function


# --- what they bring ---


def test_arrays_larger_than_the_pipe_arrive_whole_and_writable() -> None:
    big = np.arange(3_000_000, dtype=np.float32).reshape(1000, 3000)
    sample = {"big": big, "f": np.asfortranarray(big[:50]), "step": big[::7, ::3], "small": big[0, :5], "none": big[:0]}
    loader = DataLoader(Computed(lambda i: sample, 3), None, num_workers=2)
    for got in loader:
        for name, array in sample.items():
            assert np.array_equal(got[name].numpy(), array)
            got[name] += 1
            assert got[name].numpy().flags.writeable


def test_batches_of_requires_grad_leaves_and_strings() -> None:
    leaf = nptorch.ones(2, requires_grad=True)
    loader = DataLoader(Computed(lambda i: (leaf, f"n{i}"), 3), None, num_workers=1)
    for i, (tensor, text) in enumerate(loader):
        assert tensor.requires_grad
        assert tensor.is_leaf
        assert text == f"n{i}"


def test_get_worker_info_and_init_fn() -> None:
    started: list[int] = []
    loader = DataLoader(
        Computed(lambda i: (get_worker_info().id, *started, native.get_num_threads())),
        2,
        num_workers=2,
        worker_init_fn=started.append,
    )
    assert [[t.tolist() for t in batch] for batch in loader] == [[[w, w], [w, w], [1, 1]] for w in (0, 1, 0, 1)]
    assert started == []
    assert get_worker_info() is None


def test_spawn() -> None:
    loader = DataLoader(Squares(), 4, num_workers=1, multiprocessing_context="spawn")
    assert loader.multiprocessing_context.get_start_method() == "spawn"
    assert [b.tolist() for b in loader] == [[0, 1, 4, 9], [16, 25, 36, 49]]


def test_spawn_of_what_cannot_be_pickled_leaves_no_process() -> None:
    loader = DataLoader(Computed(lambda i: i), 4, num_workers=2, multiprocessing_context="spawn")
    with pytest.raises((AttributeError, TypeError, Exception), match="pickle"):
        iter(loader)


def test_batches_out_of_order_come_as_they_are_ready() -> None:
    slow = Computed(lambda i: time.sleep(0.5 * (i == 0)) or i)
    got = [b.item() for b in DataLoader(slow, 1, num_workers=2, in_order=False)]
    assert sorted(got) == list(range(8))
    assert got[-2:] == [0, 2]  # worker 0 had two tasks from the beginning; worker 1 did the rest
    assert [b.item() for b in DataLoader(slow, 1, num_workers=2)] == list(range(8))


def test_only_so_many_batches_are_fetched_ahead() -> None:
    drawn: list[int] = []

    def indices() -> Iterator[int]:
        for i in range(50):
            drawn.append(i)
            yield i

    class Order:
        def __iter__(self) -> Iterator[int]:
            return indices()

    iterator = iter(DataLoader(Computed(lambda i: i, 50), 1, sampler=Order(), num_workers=2, prefetch_factor=3))
    assert len(drawn) == 6
    next(iterator)
    assert len(drawn) == 7


def test_two_loaders_at_once_and_a_loader_in_a_forked_process() -> None:
    first = DataLoader(Squares(), 2, num_workers=1, persistent_workers=True)
    one = iter(first)
    for _ in range(2):
        assert len(list(DataLoader(Squares(), 2, num_workers=2))) == 4
    child = os.fork()
    if child == 0:
        first._iterator = None
        del one
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert [b.tolist() for b in one] == [[0, 1], [4, 9], [16, 25], [36, 49]]


def test_a_loader_in_a_thread_of_a_program_with_handlers() -> None:
    def stay(*arguments: Any) -> None:
        raise AssertionError("this handler is not for workers")

    before = signal.signal(signal.SIGTERM, stay)
    got: list[Any] = []

    def train() -> None:
        loader = DataLoader(Computed(lambda i: signal.getsignal(signal.SIGTERM) is stay), 8, num_workers=1)
        got.extend(batch.tolist() for batch in loader)

    try:
        thread = threading.Thread(target=train)
        thread.start()
        thread.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [[False] * 8]


# --- exceptions ---


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("no such thing"), ValueError),
        (KeyError("no such thing"), KeyError),
        (TwoParts("no such", "thing"), RuntimeError),
        (type("Local", (Exception,), {})("no such thing"), RuntimeError),
        (StopIteration("no such thing"), RuntimeError),
    ],
    ids=["ValueError", "KeyError", "unusual arguments", "local class", "StopIteration"],
)
def test_an_exception_comes_with_its_type_and_traceback_and_the_loader_goes_on(error: Exception, kind: type) -> None:
    iterator = iter(DataLoader(Computed(raising(error)), 2, num_workers=2))
    assert next(iterator).tolist() == [0, 1]
    with pytest.raises(kind) as caught:
        next(iterator)
    text = str(caught.value)
    assert text.startswith("Caught ")
    assert "in DataLoader worker process 1.\nOriginal Traceback (most recent call last):\n" in text
    assert "in function" in text
    assert "no such" in text
    assert [b.tolist() for b in iterator] == [[4, 5], [6, 7]]


def test_an_exception_in_init_fn() -> None:
    def fail(worker_id: int) -> None:
        raise PermissionError(f"worker {worker_id} may not")

    with pytest.raises(PermissionError, match="worker 0 may not"):
        next(iter(DataLoader(Squares(), 2, num_workers=1, worker_init_fn=fail)))


def test_an_exception_at_the_start_of_a_stream() -> None:
    class Broken(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            raise OSError("no stream")

    with pytest.raises(OSError, match="no stream"):
        next(iter(DataLoader(Broken(), 2, num_workers=1)))


def test_data_that_cannot_be_sent_is_an_error_and_no_hang() -> None:
    loader = DataLoader(Computed(lambda i: lambda: i), None, num_workers=1, timeout=20)
    with pytest.raises((AttributeError, RuntimeError, TypeError), match="worker process 0"):
        next(iter(loader))


class Unloadable:
    def __reduce__(self) -> Any:
        return int, ("not a number",)


def test_data_that_cannot_be_received_is_an_error_and_no_hang() -> None:
    iterator = iter(DataLoader(Computed(lambda i: Unloadable()), None, num_workers=1))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"cannot be unpickled.*invalid literal"):
            next(iterator)


# --- death ---


def segmentation_fault() -> None:
    faulthandler.disable()  # pytest's: it would write over the report
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (lambda: os._exit(3), "exited unexpectedly with exit code 3"),
        (lambda: os._exit(0), "exited unexpectedly with exit code 0"),
        (lambda: sys.exit(4), "exited unexpectedly with exit code 4"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), r"exited unexpectedly with signal 9 \(SIGKILL\)"),
        (segmentation_fault, r"exited unexpectedly with signal 11 \(SIGSEGV\)"),
    ],
    ids=["exit 3", "exit 0", "sys.exit", "kill -9", "segmentation fault"],
)
def test_a_dead_worker_is_reported_at_once(end: Callable[[], Any], text: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(worker_iterator, "_GRACE", 0.2)

    def function(index: int) -> int:
        if index == 0:
            time.sleep(30)  # the batch that is waited for; the other worker dies meanwhile
        if index == 1:
            end()
        return index

    iterator = iter(DataLoader(Computed(function), 1, num_workers=2))
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid \d+\) {text}"):
        next(iterator)
    assert time.monotonic() - start < PROMPT
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(iterator)


def test_a_worker_killed_between_batches_is_reported() -> None:
    iterator = iter(DataLoader(Computed(lambda i: i, 100), 1, num_workers=2))
    next(iterator)
    os.kill(iterator._workers[1].process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(iterator)


def test_a_child_of_the_worker_that_holds_its_pipes_does_not_hide_its_death(monkeypatch: Any) -> None:
    monkeypatch.setattr(worker_iterator, "_LOOK", 0.1)
    pid_file, other = os.pipe()

    def function(index: int) -> int:
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        os.write(other, b"%d" % child)
        os._exit(5)

    start = time.monotonic()
    try:
        with pytest.raises(RuntimeError, match="exit code 5"):
            next(iter(DataLoader(Computed(function), 1, num_workers=1)))
        assert time.monotonic() - start < PROMPT
    finally:
        os.kill(int(os.read(pid_file, 20)), signal.SIGKILL)
        os.close(pid_file)
        os.close(other)


def test_persistent_workers_are_kept_and_replaced_when_dead() -> None:
    loader = DataLoader(Squares(), 4, num_workers=2, persistent_workers=True)
    list(loader)
    pids = [w.process.pid for w in loader._iterator._workers]
    list(loader)
    assert [w.process.pid for w in loader._iterator._workers] == pids
    os.kill(pids[0], signal.SIGKILL)
    assert eventually(lambda: not loader._iterator.alive)
    assert [b.tolist() for b in loader] == [[0, 1, 4, 9], [16, 25, 36, 49]]
    assert not set(pids) & {w.process.pid for w in loader._iterator._workers}


def test_timeout() -> None:
    iterator = iter(DataLoader(Computed(lambda i: time.sleep(1.0 * (i == 1)) or i), 1, num_workers=1, timeout=0.3))
    assert next(iterator).item() == 0
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.3 seconds"):
        next(iterator)


# --- the end ---


def test_workers_end_with_the_epoch_and_with_the_iterator() -> None:
    loader = DataLoader(Squares(), 1, num_workers=2)
    for leave in ("finish", "break", "drop"):
        iterator = iter(loader)
        pids = [w.process.pid for w in iterator._workers]
        start = time.monotonic()
        if leave == "finish":
            files = open_files()
            list(iterator)
            assert open_files() < files
        elif leave == "break":
            for _ in iterator:
                break
        del iterator
        assert all(map(gone, pids)), leave
        assert time.monotonic() - start < PROMPT


def test_a_persistent_loader_ends_its_workers_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        loader = DataLoader(Squares(), 1, num_workers=1, persistent_workers=True)
        list(loader)
        pid = loader._iterator._workers[0].process.pid
        del loader
        assert gone(pid)
    finally:
        gc.enable()


def test_a_worker_that_does_not_listen_is_ended(monkeypatch: Any) -> None:
    monkeypatch.setattr(worker_iterator, "_GRACE", 0.2)

    def deaf(worker_id: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    loader = DataLoader(Computed(lambda i: time.sleep(60)), 1, num_workers=1, worker_init_fn=deaf)
    iterator = iter(loader)
    time.sleep(0.2)
    pid, start = iterator._workers[0].process.pid, time.monotonic()
    del iterator
    assert gone(pid)
    assert time.monotonic() - start < 2 * PROMPT


def test_no_file_stays_open_after_many_epochs() -> None:
    loader = DataLoader(TensorDataset(nptorch.zeros(8, 3000)), 2, num_workers=2)
    before = open_files()
    for _ in range(10):
        for _batch in loader:
            break
    assert open_files() <= before


SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run as a background job, which ignores it
from nptorch.utils.data import DataLoader, Dataset

class D(Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        time.sleep({pause} if index > 3 else 0)
        return index

if __name__ == "__main__":
    loader = DataLoader(D(), 2, num_workers=2, persistent_workers={persistent})
    iterator = iter(loader)
    next(iterator)
    print("pids", *[w.process.pid for w in iterator._workers], flush=True)
    {then}
"""


def script(then: str, pause: float = 0.0, persistent: bool = False) -> tuple[subprocess.Popen[str], list[int]]:
    """The script up to `then`, and its workers."""
    code = textwrap.dedent(SCRIPT).format(then=then, pause=pause, persistent=persistent)
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-W", "ignore:This DataLoader will create", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    line = ""
    while not line.startswith("pids"):
        line = program.stdout.readline()  # type: ignore[union-attr]
        assert line, program.stderr.read()  # type: ignore[union-attr]
    return program, [int(pid) for pid in line.split()[1:]]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("then", ["pass", "sys.exit(0)", "import threading; threading.Timer(0.1, int).start()"])
def test_the_interpreter_ends_with_an_iterator_alive(then: str, persistent: bool) -> None:
    program, pids = script(then, persistent=persistent)
    start = time.monotonic()
    output, errors = program.communicate(timeout=30)
    assert (program.returncode, output, errors) == (0, "", "")
    assert time.monotonic() - start < 2 * PROMPT
    assert all(map(gone, pids))


def test_workers_ignore_ctrl_c_where_the_program_does() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        loader = DataLoader(Computed(lambda i: signal.getsignal(signal.SIGINT) is signal.SIG_IGN), 8, num_workers=1)
        assert all(bool(batch.all()) for batch in loader)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_all_at_once() -> None:
    program, pids = script("list(iterator)", pause=30)
    time.sleep(0.5)
    start = time.monotonic()
    os.killpg(program.pid, signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert time.monotonic() - start < PROMPT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1
    assert all(map(gone, pids))


def test_ctrl_c_that_reaches_a_worker_first_is_an_interrupt_all_the_same() -> None:
    program, pids = script("list(iterator)", pause=30)
    time.sleep(0.5)
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    time.sleep(0.2)
    os.kill(program.pid, signal.SIGINT)
    _, errors = program.communicate(timeout=30)
    assert errors.rstrip().endswith("KeyboardInterrupt") and errors.count("Traceback") == 1
    assert all(map(gone, pids))


def test_an_interrupt_in_a_message_ends_the_iteration_but_not_the_loader(monkeypatch: Any) -> None:
    def interrupted(connection: Any) -> Any:
        raise KeyboardInterrupt

    loader = DataLoader(Squares(), 4, num_workers=1, persistent_workers=True)
    iterator = iter(loader)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(worker_iterator, "receive", interrupted)
        next(iterator)
    with pytest.raises(RuntimeError, match="was interrupted"):
        next(iterator)
    assert [b.tolist() for b in loader] == [[0, 1, 4, 9], [16, 25, 36, 49]]


@pytest.mark.parametrize("pause", [0, 30], ids=["idle", "busy"])
def test_workers_do_not_outlive_a_killed_main_process(pause: float) -> None:
    program, pids = script("time.sleep(60)", pause=pause)
    os.kill(program.pid, signal.SIGKILL)
    program.communicate(timeout=30)
    assert eventually(lambda: all(map(gone, pids)))
