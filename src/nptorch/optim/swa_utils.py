"""Averages of a model's weights over training: equal ones (SWA) and exponential ones (EMA).

Source: https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema; Izmailov et al., arXiv:1803.05407.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from nptorch import dtypes
from nptorch.grad_mode import no_grad
from nptorch.nn.module import Module
from nptorch.nn.modules.batchnorm import _BatchNorm
from nptorch.ops.create import tensor
from nptorch.optim.lr_scheduler import LRScheduler
from nptorch.optim.lr_scheduler.base import per_group
from nptorch.optim.optimizer import Optimizer
from nptorch.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

One = Callable[[Tensor, Tensor, Any], Tensor]
Many = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_avg_fn(decay: float = 0.999) -> One:
    """The function (average, current, count) -> decay * average + (1 - decay) * current.

    Raises: ValueError unless 0 <= decay <= 1.
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(average: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return decay * average + (1 - decay) * current

    return ema_update


def get_swa_avg_fn() -> One:
    """The function (average, current, count) -> the mean of count + 1 models."""

    @no_grad()
    def swa_update(average: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return average + (current - average) / (num_averaged + 1)

    return swa_update


def _multiple(weight: Callable[[Any], float], one: One) -> Many:
    """In place and for all parameters of one dtype: towards the current ones by a weight; whole numbers as `one` says."""

    @no_grad()
    def update(averages: Sequence[Tensor], currents: Sequence[Tensor], num_averaged: Any) -> None:
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, weight(num_averaged))
            else:
                average.copy_(one(average, current, num_averaged))

    return update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Many:
    """As get_ema_avg_fn, in place for lists of parameters.

    Raises: ValueError unless 0 <= decay <= 1.
    """
    return _multiple(lambda count: 1 - decay, get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Many:
    """As get_swa_avg_fn, in place for lists of parameters."""
    return _multiple(lambda count: float(1 / (count + 1)), get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of those at each update_parameters(model); equal weights by default.

    avg_fn(average, current, count) gives the new average of one parameter; multi_avg_fn changes lists of them in place.
    use_buffers: average the buffers too, not copy them. Raises: AssertionError if both functions are given.
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: One | None = None, multi_avg_fn: Many | None = None,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dtypes.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's result."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters into the average; the first ones are copied."""
        averages, currents = _tensors(self.module, self.use_buffers), _tensors(model, self.use_buffers)
        if self.n_averaged == 0:
            _copy(averages, currents)
        elif self.multi_avg_fn is None:
            mean = self.avg_fn or get_swa_avg_fn()
            _copy(averages, [mean(a, c, self.n_averaged) for a, c in zip(averages, currents, strict=True)])
        else:
            kinds: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
            for average, current in zip(averages, currents, strict=True):
                same = kinds.setdefault(average.dtype, ([], []))
                same[0].append(average)
                same[1].append(current)
            for kind in kinds.values():
                self.multi_avg_fn(*kind, self.n_averaged)
        if not self.use_buffers:
            _copy(list(self.module.buffers()), list(model.buffers()))
        self.n_averaged += 1


def _tensors(model: Module, use_buffers: bool) -> list[Tensor]:
    return [t.detach() for t in chain(model.parameters(), model.buffers() if use_buffers else ())]


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute anew the running statistics of all batch norms, by one pass over the loader in training mode.

    A batch is a Tensor, or a list or tuple whose first entry is the model's input.
    """
    momenta = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not momenta:
        return
    was_training = model.training
    model.train()
    for norm in momenta:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    for batch in loader:
        inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(inputs if device is None else inputs.to(device))
    for norm, momentum in momenta.items():
        norm.momentum = momentum
    model.train(was_training)


def _linear(t: float) -> float:
    return t


def _cosine(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2


_ANNEAL = {"cos": _cosine, "linear": _linear}


class SWALR(LRScheduler):
    """From the rates at hand to swa_lr (one, or one for each parameter group) within anneal_epochs, then constant.

    anneal_strategy: "cos" or "linear". Raises: ValueError for another, or for anneal_epochs that are no count.
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1
    ) -> None:  # fmt: skip
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in _ANNEAL:
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """How far the rates have come after so many steps, from 0 to 1."""
        return _ANNEAL[self._anneal_strategy](max(0, min(1, step / max(1, self.anneal_epochs))))

    def get_lr(self) -> list[Any]:
        """The learning rates after this step."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            lr, goal = group["lr"], group["swa_lr"]
            start = goal if before == 1 else (lr - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates
