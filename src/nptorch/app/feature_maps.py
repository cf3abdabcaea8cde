"""What the convolutions of a network compute, as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import nn
from nptorch.grad_mode import no_grad


def feature_maps(model: nn.Module, x: Any, layers: int) -> list[tuple[str, Any]]:
    """Name and output (C, H, W) of the first convolutions, for one image x (1, C, H, W)."""
    found: list[tuple[str, Any]] = []

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if len(found) < layers:
                found.append((name, output._array[0].copy()))

        return hook

    handles = [
        layer.register_forward_hook(keep(name)) for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)
    ]
    try:
        with no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def channel_grid(maps: Any, columns: int = 8) -> Any:
    """Channels (C, H, W) side by side with a line between, each from its own darkest to its own brightest, as uint8."""
    count, height, width = maps.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    scaled = (255 * (maps - low) / np.maximum(high - low, 1e-12)).astype(np.uint8)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 40, np.uint8)
    for i, one in enumerate(scaled):
        y, x = i // columns * (height + 1), i % columns * (width + 1)
        grid[y : y + height, x : x + width] = one
    return grid


def filters(model: nn.Module) -> tuple[str, Any] | None:
    """Name and weights (O * C, kH, kW) of the first convolution; None for a network without one."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach()._array
            return name, weight.reshape(-1, *weight.shape[2:])
    return None
