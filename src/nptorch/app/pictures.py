"""Pictures as PNG files, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nptorch.app.catalog import UsageError

ADVICE = "pictures need matplotlib: pip install 'nptorch-core[plot]'"


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError(ADVICE) from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def grid(path: str | Path, images: Sequence[Any], titles: Sequence[str], columns: int = 4, size: float = 1.6) -> None:
    """Images (H, W) or (H, W, 3), uint8, with a title each, in rows; `size` is an image's width in inches."""
    rows = max(1, -(-len(images) // columns))
    figure = _figure(size * columns, (size + 0.3) * rows)
    axes = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for place in axes:
        place.axis("off")
    for place, image, title in zip(axes, images, titles, strict=False):
        place.imshow(image, cmap="gray" if image.ndim == 2 else None, vmin=0, vmax=255)
        place.set_title(title, fontsize=9)
    figure.savefig(path)


def confusion(path: str | Path, counts: Any, classes: Sequence[str]) -> None:
    """A confusion matrix: a row for each true class, a column for each answer."""
    size = max(4.0, 0.55 * len(classes) + 1.5)
    figure = _figure(size, size)
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= 20:
        for i, j in np.ndindex(counts.shape):
            if counts[i, j]:
                axes.text(
                    j,
                    i,
                    str(counts[i, j]),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if share[i, j] > 0.5 else "black",
                )
    axes.set_xticks(range(len(classes)), classes, rotation=90)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    figure.savefig(path)


def curves(path: str | Path, runs: dict[str, Sequence[dict[str, Any]]]) -> None:
    """Loss and accuracy of each epoch for each run: in training (broken lines) and on the test set."""
    figure = _figure(9, 3.6)
    for axes, what in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for i, (name, rows) in enumerate(runs.items()):
            epochs = [row["epoch"] for row in rows]
            for which, style in (("train", "--"), ("test", "-")):
                label = f"{name} {which}".strip()
                values = [row[f"{which}_{what}"] for row in rows]
                axes.plot(epochs, values, style, color=f"C{i}", marker="o", markersize=3, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(what)
        axes.legend()
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path)
