"""Files that attack: a value or one CheckpointError, no code, little memory, little time."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import tracemalloc
from typing import Any

import pytest

from nptorch import serialization
from nptorch.errors import CheckpointError
from nptorch.serialization import budget
from nptorch.serialization.standin import outline
from tests.serialization import corpus
from tests.serialization.files import archive, error_or_value, refused

# Counts what happens while files are loaded: Python tells hooks of imports, commands, files, sockets, compiled code, ...
WATCHED = """
import io, resource, sys, warnings
import nptorch
from nptorch import serialization
from nptorch.serialization.standin import outline
from tests.serialization import corpus
from tests.serialization.files import archive
files = [archive(pickled).getvalue() for _, pickled in corpus.instructions()]
files += [archive(pickled).getvalue() for pickled in corpus.bombs(3000).values()]
files += list(corpus.zips().values())
events, watching = [], False
def hook(event, arguments):
    if watching and event.partition(".")[0] not in ("pickle", "object", "sys", "array", "mmap", "builtins"):
        events.append((event, str(arguments)[:100]))
sys.addaudithook(hook)
warnings.simplefilter("ignore")
"".encode("raw-unicode-escape")  # texts of protocol 0 are in it, and Python imports it for the first one
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
watching = True
for content in files:
    for weights_only in (None, True, False):
        for look in (lambda f: serialization.load(f, weights_only=weights_only), outline):
            try:
                look(io.BytesIO(content))
            except serialization.CheckpointError:
                pass
watching = False
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(len(files), "files;", f"{grown:.0f} MiB;", events)
assert not events and grown < 100
"""


def test_nothing_is_run_and_nothing_is_opened() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_the_watcher_would_see_code_run() -> None:
    hostile = WATCHED.replace("watching = True\n", "watching = True\neval('1')\n")
    done = subprocess.run([sys.executable, "-c", hostile], capture_output=True, text=True, timeout=300)
    assert done.returncode and "compile" in done.stdout


@pytest.mark.parametrize("stack", corpus.STACKS)
def test_every_instruction_out_of_place(stack: str) -> None:
    files = [pickled for name, pickled in corpus.instructions() if name.endswith(f"after {stack}")]
    assert len(files) > 68
    head = b"".join(corpus.PICKLED_HEAD)
    for pickled in files:
        error_or_value(archive(pickled, bytes(16)))
        error_or_value(io.BytesIO(head + pickled))


@pytest.mark.parametrize("name", corpus.bombs(0))
def test_bombs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 1 << 20
    monkeypatch.setattr(budget, "FREE", free)
    content = archive(corpus.bombs(200_000)[name]).getvalue()
    started = time.perf_counter()
    tracemalloc.start()
    error_or_value(io.BytesIO(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * len(content) + 2 * free
    assert time.perf_counter() - started < 10


def test_lists_of_integers_load_in_their_budget() -> None:
    """A budget that refuses what people save would be worse than none."""
    words = {f"word{i}": i for i in range(20_000)}
    file = io.BytesIO()
    serialization.save({"vocabulary": words, "tokens": list(range(50_000))}, file)
    file.seek(0)
    assert serialization.load(file)["vocabulary"] == words


def test_a_trusted_file_may_take_what_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FREE", 1000)
    file = archive(b"](" + b"M\0\x02" * 10_000 + b"e.")
    refused(file, r"take more than .* MiB.*load\(weights_only=False\)")
    file.seek(0)
    assert len(serialization.load(file, weights_only=False)) == 10_000


@pytest.mark.parametrize("name", corpus.zips())
def test_zip_files_that_lie(name: str) -> None:
    refused(corpus.zips()[name])
    with pytest.raises(CheckpointError):
        outline_and_load(corpus.zips()[name])


def outline_and_load(content: bytes) -> Any:
    outline(io.BytesIO(content))
    return serialization.load(io.BytesIO(content))
