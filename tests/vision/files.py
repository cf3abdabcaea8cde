"""Small files in the formats of MNIST and CIFAR, and a web server that serves files well or badly."""

from __future__ import annotations

import gzip
import http.server
import pickle
import struct
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np


def idx(array: Any) -> bytes:
    """An IDX file of uint8."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(root: Path, count: int = 20, *, name: str = "MNIST", zipped: bool = False) -> None:
    """All four files of MNIST, `count` images each."""
    raw = root / name / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for part, seed in (("train", 0), ("t10k", 1)):
        random = np.random.RandomState(seed)
        files = {
            f"{part}-images-idx3-ubyte": idx(random.randint(0, 256, (count, 28, 28)).astype(np.uint8)),
            f"{part}-labels-idx1-ubyte": idx(random.randint(0, 10, count).astype(np.uint8)),
        }
        for file, content in files.items():
            if zipped:
                (raw / f"{file}.gz").write_bytes(gzip.compress(content))
            else:
                (raw / file).write_bytes(content)


class _Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2's str, as in the published files."""

    dispatch = dict(pickle._Pickler.dispatch)

    def _save_str(self, value: Any) -> None:
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = _save_str


def write_pickle(path: Path, value: Any, protocol: int | None = None) -> None:
    """A pickle, Python 2's unless a protocol is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        if protocol is None:
            _Python2Pickler(stream, protocol=2).dump(value)
        else:
            pickle.dump(value, stream, protocol)


CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def cifar_batch(count: int = 4, seed: int = 0, key: str = "labels") -> dict[str, Any]:
    """What one file of CIFAR holds."""
    random = np.random.RandomState(seed)
    return {
        "batch_label": "a batch",
        key: random.randint(0, 10, count).tolist(),
        "data": random.randint(0, 256, (count, 3072)).astype(np.uint8),
        "filenames": [f"{i}.png" for i in range(count)],
    }


def write_cifar10(root: Path, protocol: int | None = None) -> Path:
    """All files of CIFAR-10, four images each; returns their folder."""
    folder = root / "cifar-10-batches-py"
    for i, name in enumerate(["test_batch", *(f"data_batch_{i}" for i in range(1, 6))]):
        write_pickle(folder / name, cifar_batch(seed=i), protocol)
    write_pickle(folder / "batches.meta", {"label_names": CIFAR_CLASSES, "num_vis": 3072}, protocol)
    return folder


class Server:
    """A web server with one file. `faults`: what is wrong with the answers in turn; after the last all is well.

    Faults: "404", "503", "cut" (half the body), "stall" (silence after half), "drop" (no answer), "long" (claims more than
    it sends), "wrong" (other bytes), "no range" (Range is ignored), "bad range" (bytes from elsewhere), "huge" (claims a
    terabyte), "endless" (no length, and no end for a long while).
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.faults: list[str] = []
        self.requests: list[str | None] = []  # the Range of each
        self.url = ""
        self.released = threading.Event()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """One request."""
        wanted = handler.headers.get("Range")
        self.requests.append(wanted)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "drop":
            return
        if fault in ("404", "503"):
            handler.send_error(int(fault))
            return
        body = self.content[::-1] if fault == "wrong" else self.content
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and fault != "no range" else 0
        if start >= len(body) > 0 and start:
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            shown = start + 1 if fault == "bad range" else start
            handler.send_header("Content-Range", f"bytes {shown}-{len(body) - 1}/{len(body)}")
        claimed = {"long": len(body) + 10 - start, "huge": 1 << 40}.get(fault, len(body) - start)
        if fault != "endless":
            handler.send_header("Content-Length", str(claimed))
        handler.end_headers()
        rest = body[start:]
        handler.wfile.write(rest[: len(rest) // 2] if fault in ("cut", "stall") else rest)
        if fault == "stall":
            handler.wfile.flush()
            self.released.wait(10)
        for _ in range(30 if fault == "endless" else 0):  # enough for every limit; a client without one must not hang
            handler.wfile.write(rest)


@contextmanager
def serving(content: bytes) -> Any:
    """A Server on 127.0.0.1 while the context lasts."""
    served = Server(content)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # the client may give up
                served.answer(self)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/file.gz"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.released.set()
            server.shutdown()
            thread.join()
