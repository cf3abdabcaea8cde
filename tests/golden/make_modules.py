"""Write modules.json: PyTorch's first weights, optimizer runs and schedules, for tests on machines without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

SEED = 1234
LAYERS = [
    "nn.Linear(784, 200)",
    "nn.Linear(3, 2)",
    "nn.Conv2d(1, 6, 5)",
    "nn.Conv2d(6, 16, 5, groups=2)",
    "nn.Conv1d(3, 4, 3)",
    "nn.BatchNorm2d(3)",
    "nn.Embedding(5, 4)",
    "nn.Bilinear(2, 3, 4)",
    "nn.PReLU(2)",
]
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.5, "centered": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ("Adadelta", {}),
    ("Adamax", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1}),
]
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 4, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [3, 9], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.5}),
    ("LinearLR", {"start_factor": 0.25}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 10, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 6}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 16}),
]


def weights(text: str) -> dict[str, list[float]]:
    """The first 40 values of each parameter of a new layer."""
    torch.manual_seed(SEED)
    return {name: p.detach().flatten()[:40].tolist() for name, p in eval(text).named_parameters()}


def trained(name: str, options: dict[str, Any]) -> list[float]:
    """Where 30 steps lead on sum(cos(x) + 0.1 x^2)."""
    x = nn.Parameter(torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64))
    optimizer = getattr(torch.optim, name)([x], **options)
    for _ in range(30):
        optimizer.zero_grad()
        (x.cos() + 0.1 * x * x).sum().backward()
        optimizer.step()
    return x.tolist()


def rates(name: str, options: dict[str, Any]) -> list[float]:
    """The learning rates of 15 epochs."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    result = []
    for _ in range(15):
        optimizer.step()
        scheduler.step()
        result.append(scheduler.get_last_lr()[0])
    return result


def main() -> None:
    """Write the file beside this script."""
    golden = {
        "torch": torch.__version__,
        "seed": SEED,
        "weights": {text: weights(text) for text in LAYERS},
        "optimizers": [{"name": n, "options": o, "result": trained(n, o)} for n, o in OPTIMIZERS],
        "schedules": [{"name": n, "options": o, "result": rates(n, o)} for n, o in SCHEDULES],
    }
    Path(__file__).with_name("modules.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
