"""A run's folder: config.json, last.pt, best.pt, metrics.csv, curves.png."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nptorch import nn
from nptorch.app import catalog
from nptorch.app.catalog import UsageError
from nptorch.app.data import Preparation
from nptorch.serialization import load, save

COLUMNS = ("epoch", "lr", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds")


@dataclass
class Config:
    """Everything that decides how a run goes; two runs with equal configs give equal weights."""

    model: str
    data: str
    root: str = "data"
    epochs: int = 5
    batch_size: int = 64
    lr: float = 1e-3
    optimizer: str = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "none"
    seed: int = 0
    augment: bool = False
    reject: bool = False
    workers: int = 0
    loss: str = "cross_entropy"
    classes: list[str] = field(default_factory=list)
    shape: tuple[int, int, int] = (1, 28, 28)
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def preparation(self) -> Preparation:
        """How this run's images become tensors."""
        return Preparation(tuple(self.shape), self.mean, self.std)  # type: ignore[arg-type]

    def network(self) -> nn.Module:
        """This run's network, with new weights."""
        return catalog.build(self.model, len(self.classes), tuple(self.shape))  # type: ignore[arg-type]


class Run:
    """A folder that a training writes and that testing reads."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.folder / name

    def create(self, config: Config) -> None:
        """Make the folder and write its config.

        Raises: UsageError if another run is there already.
        """
        if self.path("last.pt").exists():
            raise UsageError(
                f"{self.folder} already holds a run; continue it with --resume {self.folder}, or choose another --run-dir"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.path("config.json"), json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n")

    def config(self) -> Config:
        """The config it was started with.

        Raises: UsageError if there is none, or one that cannot be read.
        """
        path = self.path("config.json")
        if not path.is_file():
            raise UsageError(
                f"{self.folder} is no run: it has no config.json; start one with `nptorch train MODEL --run-dir {self.folder}`"
            )
        try:
            return Config(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UsageError(f"{path} cannot be read ({error}); it must be the file that training wrote") from None

    def checkpoint(self, name: str) -> dict[str, Any]:
        """The contents of last.pt or best.pt.

        Raises: UsageError if it is not there.
        """
        path = self.path(name)
        if not path.is_file():
            raise UsageError(f"{path} does not exist: the run has not reached its first checkpoint")
        found: dict[str, Any] = load(path)
        return found

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write last.pt or best.pt; a crash leaves the old one in place."""
        save(state, self.path(name))

    def metrics(self) -> list[dict[str, float]]:
        """The rows of metrics.csv.

        Raises: UsageError if it is not there or cannot be read.
        """
        path = self.path("metrics.csv")
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"{path} cannot be read ({error}); name the folder of a run that has finished an epoch"
            ) from None

    def write_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Write metrics.csv, a row for each epoch."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path("metrics.csv"), text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
