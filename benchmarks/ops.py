"""Single operations: what a small one costs beside its arithmetic, and the kernels that decide the programs' steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REPEAT = 10


def _tape(T: Any) -> Callable[[], Any]:
    x = T.rand(4, requires_grad=True)
    return lambda: x * 2.0


def _chain(T: Any) -> Callable[[], Any]:
    x = T.rand(4, requires_grad=True)

    def run() -> None:
        y = x
        for _ in range(100):
            y = y + 1.0
        y.sum().backward()

    return run


def _pair(T: Any, function: str, *shapes: tuple[int, ...]) -> Callable[[], Any]:
    inputs = [T.rand(*shape) for shape in shapes]
    return lambda: getattr(T, function)(*inputs)


def _both_ways(T: Any, layer: Any, *shape: int) -> Callable[[], Any]:
    x = T.rand(*shape, requires_grad=True)
    g = T.ones_like(layer(x))

    def run() -> None:
        x.grad = None
        layer.zero_grad()
        layer(x).backward(g)

    return run


def _loss(T: Any, name: str) -> Callable[[], Any]:
    x = T.rand(256, 1024, requires_grad=True)
    y, loss = T.rand(256, 1024), getattr(T.nn, name)()

    def run() -> None:
        x.grad = None
        loss(x, y).backward()

    return run


def _function(T: Any, function: Callable[[Any], Any], *shape: int) -> Callable[[], Any]:
    x = T.rand(*shape, requires_grad=True)

    def run() -> None:
        x.grad = None
        function(x).sum().backward()

    return run


def _rows(T: Any) -> Callable[[], Any]:
    rows = T.arange(0, 256, 2)
    return _function(T, lambda x: x[rows], 256, 1024)


def _recurrent(T: Any, name: str) -> Callable[[], Any]:
    layer = getattr(T.nn, name)(64, 64, batch_first=True)
    return _function(T, lambda x: layer(x)[0], 16, 32, 64)


_ACTIVATIONS = (
    "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Softplus", "LogSigmoid", "Hardtanh", "Hardswish", "Tanh",
)  # fmt: skip
_LOSSES = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss", "BCEWithLogitsLoss")

OPS: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "x * 2, 4 numbers": lambda T: _pair(T, "mul", (4,), (4,)),
    "x * 2, 4 numbers, recorded": _tape,
    "100 additions and back": _chain,
    "matmul 256x784x200": lambda T: _pair(T, "matmul", (256, 784), (784, 200)),
    "matmul 16x3072x1000": lambda T: _pair(T, "matmul", (16, 3072), (3072, 1000)),
    "Conv2d 1-6 5x5, batch 64": lambda T: _both_ways(T, T.nn.Conv2d(1, 6, 5, padding=2), 64, 1, 28, 28),
    "Conv2d 6-16 5x5, batch 64": lambda T: _both_ways(T, T.nn.Conv2d(6, 16, 5), 64, 6, 14, 14),
    "Conv2d 16-32 3x3, batch 64": lambda T: _both_ways(T, T.nn.Conv2d(16, 32, 3), 64, 16, 13, 13),
    "MaxPool2d 2, 64x6x28x28": lambda T: _both_ways(T, T.nn.MaxPool2d(2), 64, 6, 28, 28),
    "BatchNorm2d 16, 64x16x13x13": lambda T: _both_ways(T, T.nn.BatchNorm2d(16), 64, 16, 13, 13),
    "LayerNorm 128, 1024x128": lambda T: _both_ways(T, T.nn.LayerNorm(128), 1024, 128),
    "Softmax 256x1000": lambda T: _both_ways(T, T.nn.Softmax(1), 256, 1000),
    "ReLU 64x6x28x28": lambda T: _both_ways(T, T.nn.ReLU(), 64, 6, 28, 28),
    "GELU 1024x512": lambda T: _both_ways(T, T.nn.GELU(), 1024, 512),
    "Sigmoid 1024x512": lambda T: _both_ways(T, T.nn.Sigmoid(), 1024, 512),
    "Linear 128-512, batch 1024": lambda T: _both_ways(T, T.nn.Linear(128, 512), 1024, 128),
    **{
        f"{name} 1024x512": lambda T, name=name: _both_ways(T, getattr(T.nn, name)(), 1024, 512)
        for name in _ACTIVATIONS
    },
    **{f"{name} 256x1024": lambda T, name=name: _loss(T, name) for name in _LOSSES},
    "GroupNorm 8, 32x32x28x28": lambda T: _both_ways(T, T.nn.GroupNorm(8, 32), 32, 32, 28, 28),
    "AvgPool2d 2, 32x32x28x28": lambda T: _both_ways(T, T.nn.AvgPool2d(2), 32, 32, 28, 28),
    "MaxPool2d 3 stride 2, 32x32x28x28": lambda T: _both_ways(T, T.nn.MaxPool2d(3, 2), 32, 32, 28, 28),
    "ReflectionPad2d 2, 32x32x28x28": lambda T: _both_ways(T, T.nn.ReflectionPad2d(2), 32, 32, 28, 28),
    "Upsample 2, 32x32x28x28": lambda T: _both_ways(T, T.nn.Upsample(scale_factor=2), 32, 32, 28, 28),
    "ConvTranspose2d 32-16 4x4, batch 32": lambda T: _both_ways(
        T, T.nn.ConvTranspose2d(32, 16, 4, 2, 1), 32, 32, 14, 14
    ),
    "LSTM 64-64, 16 x 32 steps": lambda T: _recurrent(T, "LSTM"),
    "GRU 64-64, 16 x 32 steps": lambda T: _recurrent(T, "GRU"),
    "topk 5 of 256x1024": lambda T: _function(T, lambda x: x.topk(5).values, 256, 1024),
    "every other row of 256x1024": _rows,
    "cumsum 256x1024": lambda T: _function(T, lambda x: x.cumsum(1), 256, 1024),
    "randn 800,000": lambda T: lambda: T.randn(800_000),
    "randperm 60,000": lambda T: lambda: T.randperm(60_000),
}


def case(T: Any, name: str) -> Callable[[], Any]:
    """That operation, REPEAT times: a small one is shorter than the clock's overhead."""
    run = OPS[name](T)

    def repeated() -> None:
        for _ in range(REPEAT):
            run()

    return repeated
