"""Objects through a pipe between processes: arrays travel as raw bytes beside the pickle, copied only by the pipe.

No shared memory, no names, no locks: whatever process dies, nothing is left behind and nobody waits for it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext

_SMALL = 4096  # bytes; below, one more system call costs more than one more copy
_PIPE_BYTES = 2**20  # 16 times the default of Linux, for a third of the time of a 200 kB batch
_RAW = hasattr(os, "readv")  # not on Windows


class Message(NamedTuple):
    """A pickled object, and the array memory that it refers to."""

    body: bytes
    buffers: list[Any]


def wide_pipe(context: BaseContext) -> tuple[Connection, Connection]:
    """A one-way pipe for batches: its receiving and its sending end."""
    receiver, sender = context.Pipe(duplex=False)
    # Elsewhere than on Linux, or over the user's limit, the default size does too.
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return receiver, sender


def pack(value: Any) -> Message:
    """Pickle `value`, leaving the memory of its larger contiguous arrays where it is."""
    buffers: list[Any] = []

    def goes_inside(buffer: pickle.PickleBuffer) -> bool:
        memory = buffer.raw()
        if memory.nbytes < _SMALL:
            return True
        buffers.append(memory)
        return False

    return Message(pickle.dumps(value, protocol=5, buffer_callback=goes_inside), buffers)


def unpack(message: Message) -> Any:
    """The object again, its arrays on the buffers that came with it."""
    return pickle.loads(message.body, buffers=message.buffers)


def send(connection: Connection, message: Message) -> None:
    """Write a message; waits while the pipe is full."""
    connection.send((message.body, [memory.nbytes for memory in message.buffers]))
    for memory in message.buffers:
        if _RAW:
            _write(connection.fileno(), memory)
        else:
            connection.send_bytes(memory)


def receive(connection: Connection) -> Message:
    """Read a message.

    Raises: EOFError or OSError if the other side is gone.
    """
    body, sizes = connection.recv()
    buffers = [np.empty(size, np.uint8) for size in sizes]
    for memory in buffers:
        if _RAW:
            _read(connection.fileno(), memory.data)
        else:
            connection.recv_bytes_into(memory)
    return Message(body, buffers)


# Connection.send_bytes and recv_bytes_into do the same with three copies more.


def _write(descriptor: int, memory: memoryview) -> None:
    while memory:
        memory = memory[os.write(descriptor, memory) :]


def _read(descriptor: int, memory: memoryview) -> None:
    while memory:
        count = os.readv(descriptor, [memory])
        if count == 0:
            raise EOFError
        memory = memory[count:]
