"""PyTorch Hub: code from the network is not run here (https://pytorch.org/docs/stable/hub.html)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn


def load(repo_or_dir: str, model: str, *args: Any, **options: Any) -> NoReturn:
    """Not supported.

    Raises: RuntimeError.
    """
    raise RuntimeError(
        f"hub.load({repo_or_dir!r}, {model!r}) would run code from the network, which nptorch does not do"
    )


load_state_dict_from_url = download_url_to_file = list = help = load


def get_dir() -> str:
    """Where PyTorch keeps downloads."""
    return os.environ.get("TORCH_HOME", str(Path.home() / ".cache" / "torch")) + "/hub"
