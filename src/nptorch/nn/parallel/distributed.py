"""A model trained by several processes.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html
"""

from __future__ import annotations

from typing import Any

from nptorch.nn.module import Module


class DistributedDataParallel(Module):
    """Raises: RuntimeError, as there are no process groups here."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "Default process group has not been initialized, and there is none here: nptorch trains in one process, "
            "on all cores; use the module itself where distributed.is_available() is False"
        )
