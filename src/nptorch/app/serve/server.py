"""The page and its one endpoint, on Starlette.

    POST /api/predict     the bytes of a picture (PNG, JPEG, ...), at most 10 MB
        ?features=1       with pictures of what the first layers compute
        -> 200 {"label": "7", "confidence": 0.98, "probabilities": [...], "classes": [...], "reason": null,
                "picture": "data:image/png;base64,...", "features": [{"name", "shape", "picture"}]}
           label is null where the picture shows nothing to read, and reason says why
        -> 400, 413, 503, 504 {"error": "..."}
    GET /api/model        {"name", "classes"}

No part of a request reaches the disk, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
from pathlib import Path
from typing import Any, Protocol

from nptorch import nn
from nptorch.app.catalog import UsageError
from nptorch.app.feature_maps import channel_grid, feature_maps
from nptorch.app.picture_file import open_picture
from nptorch.errors import DataError

MOST_BYTES = 10 * 2**20
MOST_WAITING = 64  # requests beyond these are turned away
MOST_SECONDS = 10.0
FEATURE_LAYERS = 2
_PAGES = Path(__file__).parent
_FILES = {"/": ("index.html", "text/html"), "/style.css": ("style.css", "text/css"),
          "/page.js": ("page.js", "text/javascript"), "/words.js": ("words.js", "text/javascript")}  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Reader(Protocol):
    """What answers: a network and the treatment of its pictures."""

    name: str
    classes: list[str]
    model: nn.Module

    def read(self, image: Any) -> Any:
        """A Reading of a PIL image: label, confidence, probabilities, picture, reason."""


def data_url(pixels: Any) -> str:
    """An array (H, W) of uint8 as a PNG in a data URL."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class Service:
    """Answers requests one network pass at a time; what waits too long or is too much gets a clear no."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.waiting = 0
        self.turn = asyncio.Lock()  # hooks on the model and its arithmetic are for one request at a time

    def answer(self, body: bytes, features: bool) -> dict[str, Any]:
        """The JSON for a picture.

        Raises: DataError or UsageError if it is none.
        """
        reading = self.reader.read(open_picture(io.BytesIO(body), "the picture"))
        found = {
            "label": reading.label,
            "confidence": reading.confidence,
            "probabilities": [round(float(p), 6) for p in reading.probabilities],
            "classes": self.reader.classes,
            "reason": reading.reason,
            "picture": None if reading.picture is None else data_url(reading.picture),
            "features": [],
        }
        if features and reading.input is not None:
            found["features"] = [
                {"name": name, "shape": list(maps.shape), "picture": data_url(channel_grid(maps))}
                for name, maps in feature_maps(self.reader.model, reading.input, FEATURE_LAYERS)
            ]
        return found

    async def predict(self, request: Any) -> Any:
        """POST /api/predict."""
        from starlette.concurrency import run_in_threadpool
        from starlette.requests import ClientDisconnect

        if self.waiting >= MOST_WAITING:
            return _error(503, "too many requests at once; try again in a moment")
        body = bytearray()
        self.waiting += 1
        try:
            async with asyncio.timeout(MOST_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        return _error(413, f"the picture is larger than {MOST_BYTES >> 20} MB")
                if not body:
                    return _error(400, "the request has no picture in its body")
                async with self.turn:
                    features = request.query_params.get("features") == "1"
                    return _json(200, await run_in_threadpool(self.answer, bytes(body), features))
        except ClientDisconnect:
            return _error(400, "the connection ended before the picture did")
        except TimeoutError:
            return _error(504, f"no answer within {MOST_SECONDS:.0f} s")
        except (DataError, UsageError) as error:
            return _error(400, str(error))
        finally:
            self.waiting -= 1

    async def about(self, request: Any) -> Any:
        """GET /api/model."""
        return _json(200, {"name": self.reader.name, "classes": self.reader.classes})


def _json(status: int, content: Any) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse(content, status, headers=_HEADERS)


def _error(status: int, text: str) -> Any:
    return _json(status, {"error": text})


def application(reader: Reader) -> Any:
    """The ASGI application.

    Raises: UsageError if Starlette is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError:
        raise UsageError("the page needs Starlette and uvicorn: pip install 'nptorch-core[serve]'") from None
    service = Service(reader)

    def page(file: str, kind: str) -> Any:
        content = (_PAGES / file).read_bytes()

        async def send(request: Any) -> Any:
            return Response(content, media_type=kind, headers=_HEADERS)

        return send

    async def missing(request: Any, error: Any) -> Any:
        return _error(error.status_code, str(error.detail))

    return Starlette(
        routes=[
            *(Route(path, page(file, kind)) for path, (file, kind) in _FILES.items()),
            Route("/api/predict", service.predict, methods=["POST"]),
            Route("/api/model", service.about),
        ],
        exception_handlers={404: missing, 405: missing},
    )


def serve(reader: Reader, host: str, port: int) -> None:
    """Run until interrupted; requests under way are finished first.

    Raises: UsageError if uvicorn is not installed or the address cannot be used.
    """
    import socket

    app = application(reader)
    try:
        import uvicorn
    except ImportError:
        raise UsageError("the page needs Starlette and uvicorn: pip install 'nptorch-core[serve]'") from None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only where it is.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen on {host} port {port}: {error}; choose another with --port") from None
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{listening.getsockname()[1]}/  (Ctrl+C stops)", flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5, server_header=False, h11_max_incomplete_event_size=65536)  # fmt: skip
    with contextlib.suppress(KeyboardInterrupt):  # raised again after the server has stopped
        uvicorn.Server(config).run(sockets=[listening])
