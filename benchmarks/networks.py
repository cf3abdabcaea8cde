"""The training steps that are timed: the networks of five published programs, a ResNet-18-shaped step and an LSTM-sized chain of products.

Everything is written once, for both libraries: `T` is torch or nptorch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np


def sequential(nn: Any, text: str) -> list[Any]:
    """Layers from a line such as `conv 1 6 5 p2, relu, pool 2, flat, linear 400 120`."""
    made = []
    for word, *arguments in (part.split() for part in text.split(",")):
        numbers = [int(a) for a in arguments if a.isdigit()]
        padding = next((int(a[1:]) for a in arguments if a.startswith("p")), 0)
        made.append(
            {
                "conv": lambda n=numbers, p=padding: nn.Conv2d(*n, padding=p),
                "pool": lambda n=numbers: nn.MaxPool2d(*n),
                "bn2": lambda n=numbers: nn.BatchNorm2d(*n),
                "bn1": lambda n=numbers: nn.BatchNorm1d(*n),
                "relu": lambda: nn.ReLU(),
                "relu_": lambda: nn.ReLU(inplace=True),
                "flat": lambda: nn.Flatten(),
                "linear": lambda n=numbers: nn.Linear(*n),
                "log_softmax": lambda: nn.LogSoftmax(1),
            }[word]()
        )
    return made


# name: (layers, shape of a batch, loss, optimizer, its arguments)
PROGRAMS: dict[str, tuple[str, tuple[int, ...], str, str, dict[str, float]]] = {
    "000 LeNet-BN": (
        ("conv 1 16 3, pool 2, bn2 16, relu_, conv 16 32 3, pool 2, bn2 32, relu_, flat, "
         "linear 800 128, bn1 128, relu_, linear 128 64, bn1 64, relu_, linear 64 10"),
        (64, 1, 28, 28), "CrossEntropyLoss", "SGD", {"lr": 0.1, "momentum": 0.7},
    ),
    "001 LeNet-5": (
        "conv 1 6 5 p2, relu, pool 2, conv 6 16 5, relu, pool 2, flat, linear 400 120, linear 120 84, linear 84 10",
        (100, 1, 28, 28), "CrossEntropyLoss", "Adam", {"lr": 1e-3},
    ),
    "002 MLP": (
        "linear 784 200, relu, linear 200 60, relu, linear 60 10, log_softmax",
        (256, 784), "NLLLoss", "SGD", {"lr": 1e-3},
    ),
    "003 LeNet": (
        "conv 1 6 5 p2, relu, pool 2, conv 6 16 5, relu, pool 2, conv 16 120 5, relu, flat, linear 120 84, relu, linear 84 10",
        (64, 1, 28, 28), "CrossEntropyLoss", "Adam", {"lr": 1e-3},
    ),
    "004 MLP": (
        "linear 3072 1000, relu, linear 1000 500, relu, linear 500 10",
        (16, 3072), "CrossEntropyLoss", "Adam", {"lr": 1e-4},
    ),
}  # fmt: skip


def program_step(T: Any, name: str) -> Callable[[], float]:
    """One training step of a program's network: forward, loss, backward, optimizer step, loss.item()."""
    nn = importlib.import_module(T.__name__ + ".nn")
    layers, shape, loss, optimizer, arguments = PROGRAMS[name]
    T.manual_seed(0)
    return train_step(T, nn.Sequential(*sequential(nn, layers)), shape, 10, loss, optimizer, arguments)


def train_step(
    T: Any, model: Any, shape: tuple[int, ...], classes: int, loss: str, optimizer: str, arguments: dict[str, float]
) -> Callable[[], float]:
    """A training step on a fixed batch of random numbers."""
    rng = np.random.default_rng(0)
    x = T.tensor(rng.random(shape, dtype=np.float32))
    y = T.tensor(rng.integers(0, classes, shape[0]))
    criterion = getattr(T.nn, loss)()
    update = getattr(T.optim, optimizer)(model.parameters(), **arguments)

    def step() -> float:
        update.zero_grad()
        value = criterion(model(x), y)
        value.backward()
        update.step()
        return value.item()

    return step


def conv64(T: Any) -> Callable[[], float]:
    """Convolution 64 -> 64, 3x3, on 32x32, batch 64: forward and both gradients."""
    T.manual_seed(0)
    layer = T.nn.Conv2d(64, 64, 3, padding=1)
    x = T.rand(64, 64, 32, 32, requires_grad=True)
    g = T.rand(64, 64, 32, 32)

    def step() -> float:
        x.grad = None
        layer.zero_grad()
        out = layer(x)
        out.backward(g)
        return 0.0

    return step


def resnet18(T: Any) -> Callable[[], float]:
    """A training step of ResNet-18 as used on CIFAR-10 (3x3 stem, no first pooling), batch 16."""
    nn = T.nn

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, planes_in: int, planes: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(planes_in, planes, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.short: Any = None
            if stride != 1:
                self.short = nn.Sequential(nn.Conv2d(planes_in, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

        def forward(self, x: Any) -> Any:
            out = T.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out)) + (x if self.short is None else self.short(x))
            return T.relu(out)

    T.manual_seed(0)
    widths = [64, 64, 128, 256, 512]
    blocks = [
        Block(widths[i] if j == 0 else widths[i + 1], widths[i + 1], 2 if j == 0 and i else 1)
        for i in range(4)
        for j in range(2)
    ]
    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return train_step(T, model, (16, 3, 32, 32), 10, "CrossEntropyLoss", "SGD", {"lr": 0.1, "momentum": 0.9})


def lstm_chain(T: Any) -> Callable[[], float]:
    """The products and gates of a two-layer LSTM (batch 32, 35 steps, hidden 200), written out in tensor operations, with gradients."""
    T.manual_seed(0)
    cells = [T.nn.Linear(400, 800) for _ in range(2)]
    x = T.rand(35, 32, 200)

    def step() -> float:
        for cell in cells:
            cell.zero_grad()
        state = [(T.zeros(32, 200), T.zeros(32, 200)) for _ in cells]
        for t in range(35):
            value = x[t]
            for i, cell in enumerate(cells):
                h, c = state[i]
                a, f, g, o = cell(T.cat([value, h], 1)).chunk(4, 1)
                c = T.sigmoid(f) * c + T.sigmoid(a) * T.tanh(g)
                value = h = T.sigmoid(o) * T.tanh(c)
                state[i] = (h, c)
        loss = value.sum()
        loss.backward()
        return loss.item()

    return step


LARGER: dict[str, Callable[[Any], Callable[[], float]]] = {
    "conv 64-64 3x3": conv64,
    "ResNet-18 CIFAR": resnet18,
    "LSTM-sized chain": lstm_chain,
}
CASES = [*PROGRAMS, *LARGER]


def case(T: Any, name: str) -> Callable[[], float]:
    """The step of that name."""
    return LARGER[name](T) if name in LARGER else program_step(T, name)
