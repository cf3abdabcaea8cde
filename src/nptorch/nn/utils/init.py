"""Layers without the cost of drawing weights that are loaded anyway.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html
"""

from __future__ import annotations

import inspect
from typing import Any

from nptorch.nn.module import Module
from nptorch.random import fork_rng


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters hold arbitrary numbers; the default generator does not move.

    Raises: RuntimeError for a class that is no Module or whose constructor takes no `device`.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    with fork_rng():
        return module_cls(*args, **kwargs)
