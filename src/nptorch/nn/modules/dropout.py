"""Dropout layers.

Source: https://docs.pytorch.org/docs/stable/nn.html#dropout-layers; Hinton et al. 2012.
"""

from __future__ import annotations

from nptorch.nn import functional as F
from nptorch.nn.module import Module
from nptorch.tensor import Tensor


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, zeroes each element with probability p and scales the rest by 1/(1-p).

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """In training, zeroes whole channels of (N, C, L) or (C, L) with probability p.

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """In training, zeroes whole channels of (N, C, H, W) with probability p.

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """In training, zeroes whole channels of (N, C, D, H, W) with probability p.

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance of SELU networks (Klambauer et al. 2017).

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels.

    Raises: ValueError unless 0 <= p <= 1.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
