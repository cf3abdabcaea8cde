"""torch.fft's names (https://pytorch.org/docs/stable/fft.html)."""

from typing import Any as _Any

import numpy as _np

from nptorch.ops import fft as _ops
from nptorch.ops.create import _options
from nptorch.ops.join import roll_op as _roll
from nptorch.ops.signatures import axes as _axes
from nptorch.ops.signatures import into_out as _into_out
from nptorch.ops.signatures import named as _named
from nptorch.tensor import Tensor as _Tensor
from nptorch.tensor import from_array as _from_array

# name: what it turns into what, forward or inverse
_KINDS = {
    "fft": ("complex", True, "The discrete Fourier transform"),
    "ifft": ("complex", False, "The inverse discrete Fourier transform"),
    "rfft": ("half", True, "The Fourier transform of a real signal, without the redundant half"),
    "irfft": ("real", False, "The inverse of rfft()"),
    "hfft": ("real", True, "The (real) Fourier transform of a signal with Hermitian symmetry"),
    "ihfft": ("half", False, "The inverse of hfft()"),
}


def _define(base: str, kind: str, forward: bool, doc: str) -> None:
    def one(
        input: _Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: _Tensor | None = None
    ) -> _Tensor:
        args = (base, kind, forward, input, None if n is None else (n,), dim, norm)
        return _ops.transform(*args) if out is None else _into_out(out, _ops.transform, *args)

    def two(
        input: _Tensor, s: _Any = None, dim: _Any = (-2, -1), norm: str | None = None, *, out: _Tensor | None = None
    ) -> _Tensor:
        args = (base + "2", kind, forward, input, s, dim, norm)
        return _ops.transform(*args) if out is None else _into_out(out, _ops.transform, *args)

    def many(
        input: _Tensor, s: _Any = None, dim: _Any = None, norm: str | None = None, *, out: _Tensor | None = None
    ) -> _Tensor:
        args = (base + "n", kind, forward, input, s, dim, norm)
        return _ops.transform(*args) if out is None else _into_out(out, _ops.transform, *args)

    for f, name, where in (
        (one, base, "along one dimension"),
        (two, base + "2", "over two dimensions"),
        (many, base + "n", "over several dimensions"),
    ):
        globals()[name] = _named(
            f, name, f"{doc}, {where} (https://pytorch.org/docs/stable/generated/torch.fft.{name}.html)."
        )


for _base, _row in _KINDS.items():
    _define(_base, *_row)


def fftshift(input: _Tensor, dim: _Any = None) -> _Tensor:
    """The frequency 0 moved to the middle."""
    return _shift(input, dim, 1)


def ifftshift(input: _Tensor, dim: _Any = None) -> _Tensor:
    """The inverse of fftshift()."""
    return _shift(input, dim, -1)


def _shift(input: _Tensor, dim: _Any, sign: int) -> _Tensor:
    dims = _axes("fftshift", dim, input._array.ndim)
    shifts = tuple(n // 2 if sign > 0 else (n + 1) // 2 for n in (input._array.shape[d] for d in dims))
    return _roll(input, shifts=shifts, axes=dims)


def fftfreq(n: int, d: float = 1.0, *, dtype: _Any = None, device: _Any = None, requires_grad: bool = False) -> _Tensor:
    """The frequencies of fft()'s results, in cycles per unit of d: 0, 1, ..., -1 over n * d."""
    y = _from_array((_np.fft.fftfreq(n) / d).astype(_options(dtype, device)))
    return y.requires_grad_(requires_grad)


def rfftfreq(
    n: int, d: float = 1.0, *, dtype: _Any = None, device: _Any = None, requires_grad: bool = False
) -> _Tensor:
    """The frequencies of rfft()'s results, in cycles per unit of d."""
    y = _from_array((_np.fft.rfftfreq(n) / d).astype(_options(dtype, device)))
    return y.requires_grad_(requires_grad)
