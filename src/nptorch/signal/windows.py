"""torch.signal.windows: windows of M samples (https://pytorch.org/docs/stable/signal.html).

All take sym (True: symmetric; False: periodic, for spectra), dtype, device and requires_grad.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nptorch import devices, dtypes
from nptorch.ops import windows as shapes
from nptorch.ops.create import _finish
from nptorch.tensor import Tensor

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _window(
    name: str, make: Any, M: int, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None
) -> Tensor:
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not None and "strided" not in str(layout):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    d = dtypes.get_default_dtype() if dtype is None else dtypes.parse(dtype)
    if d not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {d!r}")
    devices.resolve(device)
    return _finish(np.asarray(np.ones(M) if M < 2 else make(), d.numpy), requires_grad)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A triangle that ends in zeros."""
    return _window("bartlett", lambda: shapes.bartlett(shapes.span(M, not sym)), M, **options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Half a wave of the sine."""
    return _window("cosine", lambda: shapes.cosine(M, not sym), M, **options)


def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """exp(-|n - center| / tau)."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _window("exponential", lambda: shapes.exponential(M, not sym, center, tau), M, **options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """A bell of standard deviation `std` samples."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", lambda: shapes.gaussian(M, not sym, std), M, **options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """The Kaiser window; a larger beta is narrower."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", lambda: shapes.kaiser(shapes.span(M, not sym), beta), M, **options)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """The sum of (-1)^k a[k] cos(2 pi k n / N)."""
    return _cosines("general_cosine", M, a, sym, options)


def _cosines(name: str, M: int, a: Iterable[float], sym: bool, options: dict[str, Any]) -> Tensor:
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not (coefficients := tuple(a)):
        raise ValueError("Coefficients cannot be empty")
    return _window(name, lambda: shapes.general_cosine(shapes.span(M, not sym), coefficients), M, **options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi n / N)."""
    return _cosines("general_hamming", M, (alpha, 1 - alpha), sym, options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """general_hamming() with alpha 0.54."""
    return _cosines("hamming", M, (0.54, 0.46), sym, options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A raised cosine."""
    return _cosines("hann", M, (0.5, 0.5), sym, options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Three cosine terms: lower side lobes than hann()."""
    return _cosines("blackman", M, (0.42, 0.5, 0.08), sym, options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Four cosine terms (Nuttall 1981)."""
    return _cosines("nuttall", M, (0.3635819, 0.4891775, 0.1365995, 0.0106411), sym, options)
