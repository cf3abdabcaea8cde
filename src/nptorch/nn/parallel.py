"""Wrappers that spread a batch over GPUs: with none, DataParallel passes it on, as PyTorch's does.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html
"""

from __future__ import annotations

from typing import Any

from nptorch.nn.module import Module

__all__ = ["DataParallel", "DistributedDataParallel"]


class DataParallel(Module):
    """`module` in one process; the wrapped model is `.module`, and the state_dict's names begin with it."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Raises: RuntimeError, as there are no process groups here."""

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "Default process group has not been initialized, and there is none here: nptorch trains in one process, "
            "on all cores; use the module itself where distributed.is_available() is False"
        )
