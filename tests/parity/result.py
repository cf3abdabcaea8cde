"""What a comparison with PyTorch found for one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Result:
    """right: every sample agrees; wrong: some sample does not, the first of them as the reason; missing: no such name."""

    status: Literal["right", "wrong", "missing"]
    reason: str = ""
    errors: int = 0  # wrong inputs tried
    taken: tuple[str, ...] = ()  # those that were not refused as PyTorch refuses them
