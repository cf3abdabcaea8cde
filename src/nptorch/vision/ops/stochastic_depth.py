"""Branches left out at random.

Source: G. Huang et al., "Deep Networks with Stochastic Depth", arXiv:1603.09382.
"""

from __future__ import annotations

from nptorch import nn
from nptorch.ops.create import empty
from nptorch.tensor import Tensor


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """In training, each row of the batch ("row") or all of it ("batch") set to 0 with probability p, the rest scaled up.

    Raises: ValueError for a p outside [0, 1] or another mode.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0.0:
        return input
    shape = [len(input) if mode == "row" else 1] + [1] * (input.ndim - 1)
    kept = empty(shape, dtype=input.dtype).bernoulli_(1.0 - p)
    return input * (kept / (1.0 - p) if p < 1.0 else kept)


class StochasticDepth(nn.Module):
    """stochastic_depth() as a layer."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        """The input, or what is left of it."""
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
