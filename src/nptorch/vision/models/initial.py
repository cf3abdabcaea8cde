"""The first weights of networks, drawn in the order of their layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nptorch import nn

fan_out = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
narrow = partial(nn.init.normal_, mean=0.0, std=0.01)
Draw = Callable[[Any], Any]


def draw_weights(network: nn.Module, conv: Draw, linear: Draw | None = None) -> None:
    """Draw the weights of every convolution, and of every linear layer if `linear` is given; their biases become 0."""
    for layer in network.modules():
        draw = conv if isinstance(layer, nn.Conv2d) else linear if isinstance(layer, nn.Linear) else None
        if draw is not None:
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
