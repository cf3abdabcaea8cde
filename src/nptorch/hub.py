"""PyTorch Hub: trained weights are fetched, code from the network is not run (https://pytorch.org/docs/stable/hub.html)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlparse

_dir: str | None = None


def load(repo_or_dir: str, model: str, *args: Any, **options: Any) -> NoReturn:
    """Not supported.

    Raises: RuntimeError.
    """
    raise RuntimeError(
        f"hub.load({repo_or_dir!r}, {model!r}) would run code from the network, which nptorch does not do"
    )


list = help = load


def get_dir() -> str:
    """Where PyTorch keeps downloads."""
    return _dir or os.environ.get("TORCH_HOME", str(Path.home() / ".cache" / "torch")) + "/hub"


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep downloads in this folder."""
    global _dir
    _dir = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """The file at `url` as `dst`; hash_prefix: how its SHA-256 must begin.

    Raises: DataError if it cannot be fetched, or is another file.
    """
    from nptorch.vision.datasets.download import fetch

    fetch([url], dst, sha256=hash_prefix)


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """What load() reads from the file at `url`, which is fetched once, into model_dir or get_dir()/checkpoints.

    check_hash: the name ends in -<beginning of the SHA-256>.<ending>, and that is checked.
    Raises: DataError if the file is neither there nor can be fetched.
    """
    from nptorch.serialization import load as read

    name = file_name or Path(urlparse(url).path).name
    path = Path(model_dir or Path(get_dir(), "checkpoints"), name)
    if not path.exists():
        digest = re.search(r"-([0-9a-f]+)\.", name) if check_hash else None
        download_url_to_file(url, path, digest and digest[1], progress)
    return read(path, map_location=map_location, weights_only=weights_only)
