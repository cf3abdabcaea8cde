"""What a data set looks like, and what a network is made of."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from nptorch import nn
from nptorch.app import pictures
from nptorch.app.catalog import UsageError
from nptorch.app.data import Data
from nptorch.app.feature_maps import channel_grid, feature_maps, filters
from nptorch.app.reader import Reader
from nptorch.grad_mode import no_grad
from nptorch.ops.create import zeros


def data_grid(path: Path, data: Data, count: int = 16) -> None:
    """The first `count` training images with their labels, in rows of four."""
    images, titles = [], []
    for i in range(min(count, len(data.train))):
        image, label = data.train[i]
        images.append(_pixels(image._array))
        titles.append(data.classes[int(label)])
    pictures.grid(path, images, titles)


def wrong_grid(path: Path, dataset: Any, result: Any, classes: list[str], preparation: Any, count: int = 16) -> int:
    """The surest mistakes, each with what it is and what it was taken for; returns how many there are in all."""
    images, titles = [], []
    for i in result.wrong[:count].tolist():
        image, label = dataset[i]
        array = image._array
        if preparation.mean is not None and preparation.std is not None:
            array = array * np.reshape(preparation.std, (-1, 1, 1)) + np.reshape(preparation.mean, (-1, 1, 1))
        images.append(_pixels(array))
        titles.append(f"{classes[int(label)]} → {classes[int(result.predicted[i])]} ({result.confidence[i]:.0%})")
    if images:
        pictures.grid(path, images, titles)
    return len(result.wrong)


def filter_grid(path: Path, model: nn.Module) -> str:
    """The kernels of the first convolution as one picture; returns what it shows.

    Raises: UsageError for a network without a convolution.
    """
    found = filters(model)
    if found is None:
        raise UsageError("the network has no convolution whose filters could be shown")
    name, kernels = found
    pictures.grid(path, [channel_grid(kernels)], [f"{name}: {len(kernels)} kernels"], columns=1, size=5)
    return f"{len(kernels)} kernels of {name}"


def feature_grid(path: Path, reader: Reader, image: Any, layers: int) -> str:
    """What the first convolutions make of a picture, one grid of channels each; returns what it shows.

    Raises: UsageError where there is nothing to show.
    """
    reading = reader.read(image)
    if reading.input is None:
        raise UsageError(reading.reason or "the picture shows nothing to read")
    maps = feature_maps(reader.model, reading.input, layers)
    if not maps:
        raise UsageError("the network has no convolution whose output could be shown")
    titles = [f"{name}: {'x'.join(map(str, m.shape))}" for name, m in maps]
    pictures.grid(path, [channel_grid(m) for _, m in maps], titles, columns=2, size=5)
    return f"{len(maps)} layers"


def _pixels(array: Any) -> Any:
    """(C, H, W) in [0, 1] as (H, W) or (H, W, 3) in 0..255."""
    pixels = np.clip(np.rint(array * 255), 0, 255).astype(np.uint8)
    return pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)


@no_grad()
def summary(model: nn.Module, shape: tuple[int, ...]) -> str:
    """A line for each layer: name, kind, output shape for one image, parameters; then the totals."""
    rows: list[tuple[str, str, str, str]] = []
    handles = []

    def note(name: str, layer: nn.Module) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            own = sum(math.prod(p.shape) for p in layer.parameters())
            rows.append((name, type(layer).__name__, "x".join(map(str, output.shape[1:])), f"{own:,}"))

        return hook

    for name, layer in model.named_modules():
        if name and not any(True for _ in layer.children()):
            handles.append(layer.register_forward_hook(note(name, layer)))
    training = model.training
    model.eval()
    try:
        model(zeros(1, *shape))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    header = ("layer", "kind", "output", "parameters")
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(4)]
    lines = [
        "  ".join(
            f"{cell:>{w}}" if i == 3 else f"{cell:<{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, *rows]
    ]
    total = sum(math.prod(p.shape) for p in model.parameters())
    return "\n".join(
        [*lines, "", f"input {'x'.join(map(str, shape))}, {total:,} parameters, {total * 4 / 2**20:.2f} MiB in float32"]
    )
