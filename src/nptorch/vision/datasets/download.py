"""Fetching a file over HTTP: mirrors in turn, resumed where it broke off, checked, then renamed into place."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nptorch.errors import DataError

_CHUNK = 1 << 18
REFETCH = "delete it and use download=True to fetch it again"


class _Failed(Exception):
    """One attempt failed; `again` says whether the mirror is worth another one."""

    def __init__(self, reason: str, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def fetch(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    *,
    md5: str | None = None,
    sha256: str | None = None,
    timeout: float = 30.0,
    attempts: int = 5,
    pause: float = 1.0,
    max_bytes: int = 1 << 31,
) -> None:
    """Download one file from the first of `urls` that delivers it; `path` appears complete and checked, or not at all.

    What a broken transfer brought stays in `path`.part and, if there is a checksum to catch a mix-up, is continued.
    md5, sha256: hexadecimal digests, or how they begin.
    timeout: seconds of silence that count as a stall. attempts: rounds through the mirrors that may still deliver.
    pause: seconds after the first round, doubled after each further one.

    Raises: DataError, naming every mirror tried and its fault, if none delivers; or if `path` cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    expected = {name: digest for name, digest in (("md5", md5), ("sha256", sha256)) if digest}
    faults: dict[str, str] = {}
    alive = list(urls)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(attempts):
            if attempt and alive:
                time.sleep(pause * 2 ** (attempt - 1))
            for url in list(alive):
                try:
                    resumed = _transfer(url, part, resume=bool(expected), timeout=timeout, max_bytes=max_bytes)
                    _verify(part, expected, again=resumed)
                    os.replace(part, path)
                    return
                except _Failed as failed:
                    faults[url] = str(failed)
                    if not failed.again:
                        alive.remove(url)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
    tried = ", ".join(f"{url} ({fault})" for url, fault in faults.items())
    raise DataError(
        f"could not download {path.name}; tried {tried}. "
        f"Check the connection and run it again, or put the file into {path.parent} by hand"
    )


def _transfer(url: str, part: Path, *, resume: bool, timeout: float, max_bytes: int) -> bool:
    """Bring `part` to its full length; whether earlier bytes were built on.

    Raises: _Failed, leaving in `part` what came.
    """
    have = part.stat().st_size if resume and part.exists() else 0
    response = _ask(url, have, timeout)
    if response is None:
        return True
    with response:
        start, total = _extent(response)
        if start not in (0, have):
            raise _Failed(f"sent the bytes from {start:,} on, asked for those from {have:,} on", again=False)
        if total is not None and total > max_bytes:
            raise _Failed(f"offers {total:,} bytes, more than the limit of {max_bytes:,}", again=False)
        got = _receive(response, part, start, total, max_bytes)
        if total is not None and got != total:
            raise _Failed(f"broke off after {got:,} of {total:,} bytes", again=True)
    return start > 0


def _ask(url: str, have: int, timeout: float) -> Any:
    """The response to a request for the bytes from `have` on, or None if the server has none from there on."""
    request = urllib.request.Request(url, headers={"User-Agent": "nptorch", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            return None
        raise _Failed(
            f"HTTP {error.code} {error.reason}", again=error.code >= 500 or error.code in (408, 429)
        ) from error
    except urllib.error.URLError as error:  # no connection: asking again at once would be no use
        raise _Failed(_words(error.reason), again=False) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(_words(error), again=True) from error


def _receive(response: Any, part: Path, have: int, total: int | None, max_bytes: int) -> int:
    from tqdm import tqdm

    name = part.name.removesuffix(".part")
    with (
        open(part, "ab" if have else "wb") as out,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name, leave=False, delay=0.5) as bar,
    ):
        while chunk := _read(response):
            out.write(chunk)
            have += len(chunk)
            bar.update(len(chunk))
            if have > max_bytes:
                raise _Failed(f"sent more than the limit of {max_bytes:,} bytes", again=False)
        out.flush()
        os.fsync(out.fileno())
    return have


def _read(response: Any) -> bytes:
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:  # apart from the OSErrors of writing
        raise _Failed(_words(error), again=True) from error


def _extent(response: Any) -> tuple[int, int | None]:
    """Where in the file the body starts, and the length of the whole file if the server says so."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None:
            raise _Failed("answered 206 without a usable Content-Range", again=False)
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _words(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _verify(file: Path, expected: dict[str, str], again: bool) -> None:
    """Raises: _Failed, after deleting the file, if a digest differs."""
    for name, digest in expected.items():
        with open(file, "rb") as stream:
            found = hashlib.file_digest(stream, partial(hashlib.new, name, usedforsecurity=False)).hexdigest()
        if not found.startswith(digest):
            file.unlink()
            raise _Failed(f"its {name} is {found}, not {digest}", again)
