"""Samples of connectionist temporal classification: the loss and its gradient, which PyTorch does not differentiate."""

from __future__ import annotations

from typing import Any

from tests.ops.sampling import I, R, sample


def _loss(T: Any, x: Any, labels: Any) -> Any:
    return T.nn.functional.ctc_loss(x.log_softmax(2), labels, (5, 4), (3, 1), reduction="none")


def _gradient(T: Any, x: Any, labels: Any) -> Any:
    x = x.detach().requires_grad_()
    return T.autograd.grad(_loss(T, x, labels).sum(), x)[0]


sample("ctc_loss", _loss, R(5, 2, 3), I(2, 3, low=1, high=3), smooth=False)
sample("ctc_loss_backward", _gradient, R(5, 2, 3), I(2, 3, low=1, high=3), smooth=False)
