"""How well a network does on a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nptorch import nn
from nptorch.grad_mode import no_grad
from nptorch.utils.data import DataLoader


@dataclass
class Result:
    """Loss, accuracy, and what was said of each image: confusion[true, predicted] counts."""

    loss: float
    accuracy: float
    confusion: Any
    labels: Any
    predicted: Any
    confidence: Any

    @property
    def wrong(self) -> Any:
        """The numbers of the images that were answered wrongly, the surest mistakes first."""
        at = np.flatnonzero(self.labels != self.predicted)
        return at[np.argsort(-self.confidence[at], kind="stable")]

    def table(self, classes: list[str]) -> str:
        """Precision and recall of each class, as text."""
        width = max(5, *(len(c) for c in classes))
        lines = [f"{'class':<{width}}  images  correct  recall  precision"]
        for i, name in enumerate(classes):
            n, right, said = int(self.confusion[i].sum()), int(self.confusion[i, i]), int(self.confusion[:, i].sum())
            recall, precision = (f"{right / m:.2%}" if m else "-" for m in (n, said))
            lines.append(f"{name:<{width}}  {n:>6}  {right:>7}  {recall:>6}  {precision:>9}")
        return "\n".join(lines)


@no_grad()
def evaluate(model: nn.Module, dataset: Any, loss: Callable[..., Any], batch_size: int = 1000) -> Result:
    """The network's answers on all images, in evaluation mode; the mode is put back afterwards.

    Raises: ValueError for an empty data set.
    """
    if len(dataset) == 0:
        raise ValueError("the test set is empty")
    training = model.training
    model.eval()
    total, labels, predicted, confidence, classes = 0.0, [], [], [], 0
    for images, targets in DataLoader(dataset, batch_size=batch_size):
        scores = model(images)
        classes = scores.shape[1]
        total += loss(scores, targets, reduction="sum").item()
        probabilities = scores.softmax(1).numpy()
        labels.append(targets.numpy())
        predicted.append(probabilities.argmax(1))
        confidence.append(probabilities.max(1))
    model.train(training)
    true, said = np.concatenate(labels).astype(np.int64), np.concatenate(predicted)
    confusion = np.bincount(true * classes + said, minlength=classes * classes).reshape(classes, classes)
    return Result(total / len(true), float((true == said).mean()), confusion, true, said, np.concatenate(confidence))
