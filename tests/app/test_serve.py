"""The page: a real server on loopback, a real browser that draws, and requests that a page would not send."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.app.browser import Browser

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of the digit network; it has to stop cleanly at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nptorch", "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    yield process.stdout.readline().split()[0]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode in (0, -signal.SIGINT, 130) and "Traceback" not in errors, errors


def seven() -> bytes:
    """A drawing of a seven, dark on light."""
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(70, 60), (210, 60), (120, 230)], fill=0, width=20, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def post(address: str, body: Any, query: str = "") -> tuple[int, Any]:
    """Status and JSON of a prediction."""
    request = urllib.request.Request(f"{address}api/predict{query}", data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_answers_a_drawing(address: str) -> None:
    status, answer = post(address, seven(), "?features=1")
    assert status == 200
    assert answer["label"] == "7" and answer["confidence"] > 0.8 and answer["reason"] is None
    assert answer["classes"] == [str(i) for i in range(10)] and abs(sum(answer["probabilities"]) - 1) < 1e-4
    assert answer["picture"].startswith("data:image/png;base64,")
    assert [f["shape"][1:] for f in answer["features"]] == [[28, 28], [28, 28]]


def test_empty_paper_says_so(address: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(file, "JPEG")
    status, answer = post(address, file.getvalue())
    assert status == 200 and answer["label"] is None and "no ink" in answer["reason"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "no picture"),
        (b"GIF89a nonsense", 400, "picture"),
        (seven()[:300], 400, "cut off"),
        (b"\x00" * (10 * 2**20 + 1), 413, "larger than 10 MB"),
    ],
)
def test_bad_bodies_get_one_clear_error(address: str, body: bytes, status: int, text: str) -> None:
    found, answer = post(address, body)
    assert found == status and text in answer["error"]


def test_other_paths_and_headers(address: str) -> None:
    for path in ("nothing", "../../etc/passwd", "api/predict", "page.js/../server.py"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address + path)
        error.value.close()
        assert error.value.code in (404, 405)
    with urllib.request.urlopen(address) as reply:
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "server" not in reply.headers


def test_many_clients_at_once(address: str) -> None:
    body, found = seven(), []

    def client() -> None:
        found.extend(post(address, body)[0] for _ in range(5))

    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 100


def test_drawing_in_a_browser(address: str, tmp_path: Path) -> None:
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(address)
        browser.wait("document.getElementById('label').textContent === '–'")
        left, top = browser.run("(b => [b.left, b.top])(document.getElementById('paper').getBoundingClientRect())")
        steps = np.linspace(0, 1, 12)
        browser.stroke(
            [(left + 70 + 140 * t, top + 60) for t in steps]
            + [(left + 210 - 90 * t, top + 60 + 170 * t) for t in steps]
        )
        browser.wait("document.getElementById('label').textContent === '7'")
        assert browser.run("document.querySelectorAll('#bars meter').length") == 10
        browser.wait(
            "document.querySelectorAll('#features img').length === 2 && document.getElementById('seen').naturalWidth === 28"
        )
        browser.key("z", modifiers=2)
        browser.wait("document.getElementById('label').textContent === '–'")
        browser.stroke([(left + 140, top + 50 + 180 * t) for t in steps])
        browser.wait("document.getElementById('label').textContent === '1'")
        browser.key("Delete")
        browser.wait("document.getElementById('label').textContent === '–'")
        assert browser.run("document.getElementById('undo').textContent") == "Undo"
        browser.run("document.getElementById('language').click()")
        assert browser.run("document.documentElement.lang + document.getElementById('undo').textContent") == "zh撤销"
        browser.run(
            "new Promise(done => { const c = document.createElement('canvas'); c.width = c.height = 60;"
            "const p = c.getContext('2d'); p.fillStyle = 'white'; p.fillRect(0, 0, 60, 60); p.fillStyle = 'black'; p.fillRect(28, 8, 5, 44);"
            "c.toBlob(b => { const d = new DataTransfer(); d.items.add(new File([b], 'one.png', {type: 'image/png'}));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true})); done(1); }); })"
        )
        browser.wait("document.getElementById('label').textContent === '1'")
        assert not browser.messages, "the console is silent: no error, nothing that the page's policy forbids"
    finally:
        browser.close()


def test_phone_width_needs_no_sideways_scrolling(address: str, tmp_path: Path) -> None:
    browser = Browser(tmp_path / "profile")
    try:
        browser.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
        browser.open(address)
        assert browser.run("document.documentElement.scrollWidth") <= 360
        assert browser.run("document.getElementById('paper').getBoundingClientRect().width") >= 280
    finally:
        browser.close()


def test_a_port_in_use_is_one_line(address: str) -> None:
    port = address.rstrip("/").rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "nptorch", "serve", "--port", port], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1 and "choose another with --port" in done.stderr and "Traceback" not in done.stderr


def test_a_slow_client_holds_nobody_up(address: str) -> None:
    import socket

    port = int(address.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /api/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        began = time.monotonic()
        assert post(address, seven())[0] == 200
        assert time.monotonic() - began < 5
