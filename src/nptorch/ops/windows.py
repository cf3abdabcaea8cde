"""Windows: the shapes that weigh a stretch of signal before its spectrum is taken (Harris 1978)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.create import _finish, _options
from nptorch.ops.signatures import FUNCTIONS, named
from nptorch.tensor import Tensor


def span(length: int, periodic: bool) -> Any:
    """Positions 0 ... length - 1 as fractions of the window; a periodic one ends one step later."""
    return np.arange(length) / max(length - (not periodic), 1)


def general_cosine(t: Any, a: Sequence[float]) -> Any:
    """The sum of a[k] * (-1)^k * cos(2 pi k t)."""
    return sum((-1) ** k * c * np.cos(2 * np.pi * k * t) for k, c in enumerate(a))


def bartlett(t: Any) -> Any:
    """A triangle."""
    return 1 - abs(2 * t - 1)


def kaiser(t: Any, beta: float) -> Any:
    """I0(beta * sqrt(1 - x^2)) / I0(beta) over x of [-1, 1]."""
    return np.i0(beta * np.sqrt(np.maximum(0, 1 - (2 * t - 1) ** 2))) / np.i0(beta)


# The old functions at torch's top: their parameters with defaults, and the shape.
_OLD: dict[str, tuple[dict[str, float], Any]] = {
    "bartlett_window": ({}, bartlett),
    "blackman_window": ({}, lambda t: general_cosine(t, (0.42, 0.5, 0.08))),
    "hamming_window": ({"alpha": 0.54, "beta": 0.46}, lambda t, alpha, beta: general_cosine(t, (alpha, beta))),
    "hann_window": ({}, lambda t: general_cosine(t, (0.5, 0.5))),
    "kaiser_window": ({"beta": 12.0}, kaiser),
}


def _define(name: str, defaults: dict[str, float], shape: Any) -> None:
    def window(
        window_length: int,
        periodic: bool = True,
        *values: float,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **given: float,
    ) -> Tensor:
        if unknown := set(given) - set(defaults):
            raise TypeError(f"{name}() got an unexpected keyword argument '{unknown.pop()}'")
        d = _options(dtype, device)
        if d.kind not in "fc":
            raise RuntimeError(f"{name} expects floating point dtypes, got: {dtypes.of(d)!r}")
        if window_length < 0:
            raise RuntimeError(f"{name} requires non-negative window_length, got window_length={window_length}")
        chosen = {**defaults, **dict(zip(defaults, values, strict=False)), **given}
        y = np.ones(1) if window_length == 1 else shape(span(window_length, periodic), **chosen)
        return _finish(np.asarray(y, d), requires_grad)

    parameters = "".join(f", {k}={v}" for k, v in defaults.items())
    FUNCTIONS[name] = named(
        window,
        name,
        f"{name}(window_length, periodic=True{parameters}): {name.replace('_', ' ')} "
        f"(https://pytorch.org/docs/stable/generated/torch.{name}.html).",
    )


for _name, _row in _OLD.items():
    _define(_name, *_row)


def gaussian(length: int, periodic: bool, std: float) -> Any:
    """exp(-x^2 / (2 std^2)), x in samples from the middle."""
    x = np.arange(length) - (length if periodic else length - 1) / 2
    return np.exp(-((x / std) ** 2) / 2)


def exponential(length: int, periodic: bool, center: float | None, tau: float) -> Any:
    """exp(-|x - center| / tau), x in samples."""
    middle = (length if periodic else length - 1) / 2 if center is None else center
    return np.exp(-abs(np.arange(length) - middle) / tau)


def cosine(length: int, periodic: bool) -> Any:
    """Half a wave of the sine, between its zeros."""
    return np.sin(math.pi * (np.arange(length) + 0.5) / (length + periodic))
