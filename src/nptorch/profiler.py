"""PyTorch's profiler as scripts write it: nothing is recorded (https://pytorch.org/docs/stable/profiler.html)."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from nptorch.autograd.profiler import profile as profile
from nptorch.autograd.profiler import record_function as record_function

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What to record."""

    CPU = 0
    XPU = 1
    CUDA = 2


class ProfilerAction(enum.Enum):
    """What a schedule says about a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(**options: Any) -> Callable[[int], ProfilerAction]:
    """A schedule that never records."""
    return lambda step: ProfilerAction.NONE


def tensorboard_trace_handler(dir_name: str, *args: Any, **options: Any) -> Callable[[Any], None]:
    """A handler that is never called, since nothing is recorded."""
    return lambda prof: None
