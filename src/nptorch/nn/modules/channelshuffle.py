"""Channel shuffle.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html; Zhang et al. 2017.
"""

from __future__ import annotations

from nptorch.nn.module import Module
from nptorch.tensor import Tensor


class ChannelShuffle(Module):
    """Mixes the channels of (N, C, *): those of each group become neighbours of the others' ones.

    Raises: ValueError if groups does not divide C.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        n, channels, *rest = input.shape
        if channels % self.groups:
            raise ValueError(f"the number of channels ({channels}) must be divisible by groups ({self.groups})")
        return input.reshape(n, self.groups, channels // self.groups, *rest).transpose(1, 2).reshape(n, channels, *rest)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
