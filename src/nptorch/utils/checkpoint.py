"""Activation checkpointing as scripts write it; nothing is computed twice here.

PyTorch drops what a part of a model keeps for its gradient and computes it again in the backward pass. Here it is kept: results,
gradients and random numbers are the same, the time is that of one forward pass, the memory is not saved.
Source: https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, context_fn: Any = None,
    determinism_check: str = "default", debug: bool = False, early_stop: bool = True, preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """function(*args, **kwargs); the options are accepted."""
    return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Iterable[Callable[[Any], Any]], segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:  # fmt: skip
    """The input led through the functions, or the modules of a Sequential; the options are accepted."""
    for function in functions:
        input = function(input)
    return input
