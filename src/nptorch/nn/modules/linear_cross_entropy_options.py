"""The options of LinearCrossEntropyLoss.

Source: https://docs.pytorch.org/docs/main/generated/torch.nn.LinearCrossEntropyLoss.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch cuts the batch to save memory; kept for scripts that pass it, without effect on the result."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None
