"""SparseAdam, by name only.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html
"""

from __future__ import annotations

from typing import Any

from nptorch.optim.optimizer import Optimizer


class SparseAdam(Optimizer):
    """Raises: NotImplementedError; it takes sparse gradients only, and every gradient here is dense."""

    def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "SparseAdam takes sparse gradients only, and every gradient here is dense: use Adam, or AdamW with weight_decay=0"
        )
