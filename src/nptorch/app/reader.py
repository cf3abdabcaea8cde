"""Reads pictures with a trained network: one's own digits with the model of the package, or anything with a run of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from nptorch import nn
from nptorch.app.catalog import UsageError
from nptorch.app.ink import find_ink, main_digit, normalise
from nptorch.app.runs import Config, Run
from nptorch.app.writing import NO_DIGIT
from nptorch.grad_mode import no_grad
from nptorch.nn import functional as F
from nptorch.ops.create import from_numpy
from nptorch.serialization import load
from nptorch.tensor import Tensor

INK_DATA = ("mnist", "digits", "kmnist", "emnist")  # what was trained on these expects MNIST's treatment of ink
# Below this the picture shows no digit: the class for that has taken the rest. Digits that look like two share more between them.
UNSURE = 0.2


@dataclass
class Reading:
    """What a picture was taken for; `label` is None, and `reason` says why, where it shows nothing to read."""

    label: str | None
    confidence: float
    probabilities: list[float]
    picture: Any = None  # what the network saw, (H, W) or (H, W, 3) uint8
    input: Tensor | None = None  # the same as its input, (1, C, H, W)
    reason: str | None = None
    steps: dict[str, Any] | None = None  # pictures of the way there
    box: tuple[int, int, int, int] | None = None  # top, bottom, left, right of the ink in the reduced picture


class Reader:
    """A network with the treatment of pictures that it was trained with.

    `read(image)` takes a PIL image in RGB.
    """

    def __init__(self, model: nn.Module, config: Config, name: str) -> None:
        self.model, self.config, self.name = model.eval(), config, name
        named = [name for name in config.classes if name != NO_DIGIT]
        self.classes = [name.partition(" - ")[0] for name in named]  # MNIST calls them "7 - seven"
        self.reads_ink = config.data in INK_DATA and tuple(config.shape) == (1, 28, 28)

    def read(self, image: Any) -> Reading:
        """The answer for one picture of one thing."""
        if not self.reads_ink:
            shape, pixels = self.config.shape, self._resized(image)
            return self._answer(pixels.reshape(*shape[1:]) if shape[0] == 1 else pixels)
        ink = find_ink(image)
        if ink is None:
            return self._nothing("no ink found: the picture is empty or too faint")
        return self.read_ink(main_digit(ink))

    def read_ink(self, ink: Any) -> Reading:
        """The answer for ink that was found."""
        picture = normalise(ink)
        reading = self._answer(picture)
        reading.steps = {**ink.steps, "digit": ink.mask * ink.strength, "seen": picture.astype(np.float32) / 255}
        reading.box = ink.box()
        return reading

    def read_all(self, image: Any) -> list[Reading]:
        """Every digit of a picture, line by line, from left to right.

        Raises: UsageError if the network reads something else than digits.
        """
        from nptorch.app.ink import separate

        if not self.reads_ink:
            raise UsageError(
                f"--digits needs a network that was trained on digits; {self.name} was trained on {self.config.data}"
            )
        ink = find_ink(image)
        return [] if ink is None else [self.read_ink(one) for one in separate(ink)]

    def _nothing(self, reason: str) -> Reading:
        return Reading(None, 0.0, [0.0] * len(self.classes), reason=reason)

    def _resized(self, image: Any) -> Any:
        """The picture in the network's size: shorter side to fit, then the middle."""
        from PIL import ImageOps

        channels, height, width = self.config.shape
        fitted = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (width, height))
        return np.asarray(fitted)

    def _answer(self, picture: Any) -> Reading:
        channels_first = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        values = channels_first.astype(np.float32) / 255
        if self.config.mean is not None and self.config.std is not None:
            values = (values - np.reshape(self.config.mean, (-1, 1, 1))) / np.reshape(self.config.std, (-1, 1, 1))
        x = from_numpy(np.ascontiguousarray(values[None], np.float32))
        with no_grad():
            # What goes to the class `no digit` is missing from the others.
            scores = F.softmax(self.model(x).double(), 1)[0].tolist()[: len(self.classes)]
        best = int(np.argmax(scores))
        reading = Reading(self.classes[best], scores[best], scores, picture, x)
        if self.reads_ink and scores[best] < UNSURE:
            reading.label = None
            reading.reason = f"this looks like no digit; the nearest is {self.classes[best]} ({scores[best]:.0%})"
        return reading


def open_reader(source: str | Path | None = None) -> Reader:
    """The reader of a run's folder or checkpoint file; without one, the digit network of the package.

    Raises: UsageError for what is neither.
    """
    if source is None:
        with resources.as_file(resources.files("nptorch.app") / "digits.pt") as path:
            return _from_file(path, "the digit network of the package")
    path = Path(source)
    if path.is_dir():
        run = Run(path)
        config = run.config()
        model = config.network()
        model.load_state_dict(run.checkpoint("best.pt")["model"])
        return Reader(model, config, str(path))
    if not path.is_file():
        raise UsageError(f"{path}: there is no such run or checkpoint")
    return _from_file(path, str(path))


def _from_file(path: Path, name: str) -> Reader:
    content: Any = load(path)
    if not isinstance(content, dict) or "config" not in content or "model" not in content:
        raise UsageError(f"{name} does not say which network it is for; name the run's folder, or its best.pt")
    config = Config(**content["config"])
    model = config.network()
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in content["model"].items()})
    return Reader(model, config, name)
