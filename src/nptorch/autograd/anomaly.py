"""Finding the derivative that gives nan (https://pytorch.org/docs/stable/autograd.html#anomaly-detection)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch.graph import Node
from nptorch.tensor import Tensor

_state = {"checks": False}


def checks() -> bool:
    """Whether the backward pass looks for nan."""
    return _state["checks"]


class set_detect_anomaly:
    """Let backward passes raise at the first derivative that is nan; as a `with` block, only inside it."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = _state["checks"]
        _state["checks"] = bool(mode and check_nan)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        _state["checks"] = self.before


class detect_anomaly(set_detect_anomaly):
    """set_detect_anomaly(True) inside a `with` block."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self.check_nan)


def refuse_nan(node: Node, results: Sequence[Tensor | None] | Any) -> None:
    """Raise RuntimeError if a derivative of this node is nan."""
    for i, g in enumerate(results):
        if g is not None and g._array.dtype.kind in "fc" and np.isnan(g._array).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
