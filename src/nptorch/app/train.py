"""Training a network on a data set, with checkpoints from which a killed run goes on bit by bit as if unbroken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from nptorch import nn, optim, random
from nptorch.app.catalog import UsageError
from nptorch.app.data import Data, open_data
from nptorch.app.evaluate import evaluate
from nptorch.app.runs import Config, Run
from nptorch.nn import functional as F
from nptorch.optim import lr_scheduler
from nptorch.utils.data import DataLoader

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": lambda p, c: optim.SGD(p, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay),
    "adam": lambda p, c: optim.Adam(p, lr=c.lr, weight_decay=c.weight_decay),
    "adamw": lambda p, c: optim.AdamW(p, lr=c.lr, weight_decay=c.weight_decay or 0.01),
    "rmsprop": lambda p, c: optim.RMSprop(p, lr=c.lr, momentum=c.momentum, weight_decay=c.weight_decay),
    "adagrad": lambda p, c: optim.Adagrad(p, lr=c.lr, weight_decay=c.weight_decay),
}
SCHEDULES: dict[str, Callable[..., Any]] = {
    "none": lambda o, c: lr_scheduler.ConstantLR(o, factor=1.0, total_iters=0),
    "step": lambda o, c: lr_scheduler.StepLR(o, step_size=max(1, c.epochs // 3)),
    "cosine": lambda o, c: lr_scheduler.CosineAnnealingLR(o, T_max=max(1, c.epochs)),
}
LOSSES: dict[str, Callable[..., Any]] = {"cross_entropy": F.cross_entropy, "nll_loss": F.nll_loss}


class Training:
    """The state of a run: network, optimizer, schedule, generator, and the place in the epoch."""

    def __init__(self, run: Run, config: Config, data: Data) -> None:
        self.run, self.config, self.data = run, config, data
        random.manual_seed(config.seed)
        self.model = config.network()
        self.optimizer = OPTIMIZERS[config.optimizer](self.model.parameters(), config)
        self.schedule = SCHEDULES[config.schedule](self.optimizer, config)
        self.loader: DataLoader[Any] = DataLoader(
            data.train, batch_size=config.batch_size, shuffle=True, num_workers=config.workers
        )
        self.loss = LOSSES[config.loss]
        self.history: list[dict[str, Any]] = []
        self.epoch = 0
        self.best = -1.0
        # Within the epoch: batches done, and what they add up to.
        self.step = 0
        self.total_loss = 0.0
        self.correct = 0
        self.seen = 0
        self.seconds = 0.0
        self.epoch_start = random.get_rng_state()

    # --- checkpoints ---

    def state(self) -> dict[str, Any]:
        """All that a continued run needs."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rng": random.get_rng_state(),
            "epoch_start": self.epoch_start,
            "epoch": self.epoch,
            "step": self.step,
            "total_loss": self.total_loss,
            "correct": self.correct,
            "seen": self.seen,
            "seconds": self.seconds,
            "best": self.best,
            "history": self.history,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where a checkpoint was written.

        Raises: UsageError if it is not one of this network.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            for name in ("epoch_start", "epoch", "step", "total_loss", "correct", "seen", "seconds", "best", "history"):
                setattr(self, name, state[name])
            random.set_rng_state(state["rng"])
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise UsageError(f"{self.run.path('last.pt')} does not fit this run: {error}") from None

    # --- the loop ---

    def batches(self) -> Iterator[Any]:
        """The rest of this epoch's batches: those that a checkpoint had behind it are drawn again and dropped."""
        now = random.get_rng_state()
        random.set_rng_state(self.epoch_start)
        iterator = iter(self.loader)
        for _ in range(self.step):
            next(iterator)
        if self.step:
            random.set_rng_state(now)  # as it was after the checkpoint's last batch: its dropout masks are drawn
        return iterator

    def train_epoch(self, progress: Any, checkpoint_every: int) -> None:
        """Train on all remaining batches of the epoch.

        Raises: UsageError if the loss stops being a number.
        """
        self.model.train()
        for images, labels in self.batches():
            began = time.perf_counter()
            scores = self.model(images)
            loss = self.loss(scores, labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            value = loss.item()
            if not math.isfinite(value):
                raise UsageError(
                    f"the loss became {value} in epoch {self.epoch + 1}, step {self.step + 1}; try a smaller --lr than {self.config.lr:g}"
                )
            n = len(labels)
            self.step += 1
            self.seen += n
            self.total_loss += value * n
            self.correct += int((scores.argmax(1) == labels).sum())
            self.seconds += time.perf_counter() - began
            progress.update(1)
            if self.step % 10 == 0 or self.step == len(self.loader):
                progress.set_postfix(
                    loss=f"{self.total_loss / self.seen:.4f}", accuracy=f"{self.correct / self.seen:.2%}"
                )
            if checkpoint_every and self.step % checkpoint_every == 0 and self.step < len(self.loader):
                self.run.save("last.pt", self.state())

    def finish_epoch(self) -> dict[str, Any]:
        """Test, step the schedule, write the checkpoints and the metrics; returns the epoch's row."""
        result = evaluate(self.model, self.data.test, self.loss)
        row = {
            "epoch": self.epoch + 1,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": self.total_loss / max(1, self.seen),
            "train_accuracy": self.correct / max(1, self.seen),
            "test_loss": result.loss,
            "test_accuracy": result.accuracy,
            "seconds": round(self.seconds, 3),
        }
        self.history.append(row)
        if self.config.schedule != "none":
            self.schedule.step()
        self.epoch += 1
        self.step = self.correct = self.seen = 0
        self.total_loss = self.seconds = 0.0
        self.epoch_start = random.get_rng_state()
        better = result.accuracy > self.best
        self.best = max(self.best, result.accuracy)
        self.run.save("last.pt", self.state())
        if better:
            self.run.save(
                "best.pt",
                {
                    "model": self.model.state_dict(),
                    "epoch": self.epoch,
                    "test_accuracy": result.accuracy,
                    # With it the file alone says which network it is for, and how a picture becomes its input.
                    "config": asdict(self.config),
                },
            )
        self.run.write_metrics(self.history)
        return row


def train(
    run: Run, config: Config, *, resume: bool, download: bool = True, checkpoint_every: int = 0, quiet: bool = False
) -> Training:
    """Train to the config's last epoch and return the finished training.

    Raises: UsageError for settings that do not fit the data, DataError for data that cannot be read.
    """
    from tqdm import tqdm

    data = open_data(
        config.data,
        config.root,
        config.preparation,
        augment=config.augment,
        reject=config.reject,
        download=download,
        seed=config.seed,
    )
    if len(data.train) == 0:
        raise UsageError(f"{config.data}: the training set is empty")
    config.classes = config.classes or data.classes
    training = Training(run, config, data)
    if resume:
        training.restore(run.checkpoint("last.pt"))
    else:
        _check_fit(training)
        run.create(config)
    while training.epoch < config.epochs:
        label = f"epoch {training.epoch + 1}/{config.epochs}"
        with tqdm(
            total=len(training.loader), initial=training.step, desc=label, unit="batch", disable=quiet
        ) as progress:
            training.train_epoch(progress, checkpoint_every)
        row = training.finish_epoch()
        if not quiet:
            print(
                f"{label}  loss {row['train_loss']:.4f}  accuracy {row['train_accuracy']:.2%}  test accuracy {row['test_accuracy']:.2%}"
            )
    return training


def _check_fit(training: Training) -> None:
    """Try one image before anything is written: a network of other sizes than the data says so at once."""
    image, _ = training.data.train[0]
    shape = tuple(image.shape)
    state = random.get_rng_state()
    training.model.eval()
    try:
        scores: nn.Module | Any = training.model(image.unsqueeze(0))
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"{training.config.model} does not take images of shape {shape} from {training.config.data}: {error}"
        ) from None
    if scores.ndim != 2 or scores.shape[1] < len(training.config.classes):
        raise UsageError(
            f"{training.config.model} gives scores of shape {tuple(scores.shape)} for one image; {training.config.data} needs "
            f"(1, {len(training.config.classes)})"
        )
    random.set_rng_state(state)
