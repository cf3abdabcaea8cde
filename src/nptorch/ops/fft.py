"""Fourier transforms: three operations (complex, from real, to real) whose derivatives are each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.join import cat
from nptorch.ops.pointwise import cast_op, conj, real
from nptorch.ops.promotion import to_float
from nptorch.ops.registry import op
from nptorch.ops.shape import narrow
from nptorch.ops.signatures import axis as parse_axis
from nptorch.tensor import Tensor, from_array


def _scaled(x: Any, scale: float) -> Any:
    return x if scale == 1 else x * x.real.dtype.type(scale)


def _c2c(xp: Any, x: Any, *, dims: tuple[int, ...], scale: float, forward: bool) -> Any:
    if not dims:
        return _scaled(x, scale).copy()
    y = xp.fft.fftn(x, axes=dims) if forward else xp.fft.ifftn(x, axes=dims, norm="forward")
    return _scaled(y, scale)


# Unnormalised transforms times `scale`: the adjoint is the same one in the other direction.
c2c = op(
    "fft_c2c",
    _c2c,
    lambda g, *, dims, scale, forward: c2c(g, dims=dims, scale=scale, forward=not forward),
    label="FftC2CBackward0",
)


def padded(x: Tensor, dim: int, n: int) -> Tensor:
    """`x` cut or filled up with zeros to length n."""
    have = x._array.shape[dim]
    if have >= n:
        return x if have == n else narrow(x, dim, 0, n)
    shape = list(x._array.shape)
    shape[dim] = n - have
    return cat([x, from_array(np.zeros(shape, x._array.dtype))], dim)


def _r2c_vjp(g: Tensor, x_shape: Any, *, dims: tuple[int, ...], scale: float) -> Tensor:
    return real(c2c(padded(g, dims[-1], x_shape[dims[-1]]), dims=dims, scale=scale, forward=False))


# Half of the spectrum: the rest of it is the conjugate.
r2c = op(
    "fft_r2c",
    lambda xp, x, *, dims, scale: _scaled(xp.fft.rfftn(x, axes=dims), scale),
    _r2c_vjp,
    label="FftR2CBackward0",
)


def _c2r_vjp(g: Tensor, *, dims: tuple[int, ...], n: int, scale: float) -> Tensor:
    half = n // 2 + 1
    shape = [1] * g._array.ndim
    shape[dims[-1]] = half
    twice = np.ones(half, g._array.dtype)
    twice[1 : 1 + n - half] = 2  # those that stand for their mirror images as well
    return r2c(g, dims=dims, scale=scale) * from_array(twice.reshape(shape))


c2r = op(
    "fft_c2r",
    lambda xp, x, *, dims, n, scale: _scaled(
        xp.fft.irfftn(x, s=[*(x.shape[d] for d in dims[:-1]), n], axes=dims, norm="forward"), scale
    ),
    _c2r_vjp,
    label="FftC2RBackward0",
)


# --- arguments ---


def _dims(name: str, x: Tensor, s: Any, dim: Any) -> tuple[tuple[int, ...], list[int | None]]:
    """The dimensions to transform and the lengths asked for (None: as they are)."""
    ndim = x._array.ndim
    if not ndim and dim is not None and dim != ():
        raise IndexError(
            f"Dimension specified as {dim if isinstance(dim, int) else dim[0]} but tensor has no dimensions"
        )
    if dim is None:
        count = ndim if s is None else len(s)
        if count > ndim:
            raise RuntimeError(f"Got shape with {count} values but input tensor only has {ndim} dimensions.")
        dims = tuple(range(ndim - count, ndim))
    else:
        dims = tuple(parse_axis(name, d, ndim) for d in ((dim,) if isinstance(dim, int) else dim))
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
    if s is not None and len(s) != len(dims):
        raise RuntimeError(
            f"When given, dim and shape arguments must have the same length, got {len(dims)} and {len(s)}"
        )
    lengths = [None if s is None or s[i] == -1 else s[i] for i in range(len(dims))]
    for n, d in zip(lengths, dims, strict=True):
        if (n is not None and n < 1) or (n is None and x._array.shape[d] < 1):
            raise RuntimeError(f"Invalid number of data points ({n if n is not None else x._array.shape[d]}) specified")
    return dims, lengths


def _inexact(name: str, x: Any) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if x._array.dtype == np.float16:
        raise RuntimeError(f"{name}: Unsupported dtype Half; convert it with .float()")
    if x._array.dtype.kind in "fc":
        return x
    return cast_op(x, dtype=to_float([x._array])[0].dtype)


def _complex(x: Tensor) -> Tensor:
    kind = dtypes.of(x._array.dtype).to_complex().numpy
    return x if x._array.dtype == kind else cast_op(x, dtype=kind)


def _scale(norm: str | None, count: int, forward: bool) -> float:
    if norm not in (None, "backward", "ortho", "forward"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(count)
    return 1 / count if forward == (norm == "forward") else 1.0


def transform(name: str, kind: str, forward: bool, input: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    """Any of torch.fft's transforms: kind "complex", "half" (real to half a spectrum) or "real" (half a spectrum to real)."""
    x = _inexact(name, input)
    dims, lengths = _dims(name, x, s, dim)
    if not dims and kind != "complex":
        raise RuntimeError(f"{name} must transform at least one axis")
    if kind == "half" and x._array.dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype!r}")
    last = 0
    if kind == "real":
        last = 2 * (x._array.shape[dims[-1]] - 1) if lengths[-1] is None else lengths[-1]
        if last < 1:
            raise RuntimeError(f"Invalid number of data points ({last}) specified")
        lengths[-1] = last // 2 + 1
    for d, n in zip(dims, lengths, strict=True):
        if n is not None:
            x = padded(x, d, n)
    count = math.prod(x._array.shape[d] for d in (dims[:-1] if kind == "real" else dims)) * (last or 1)
    scale = _scale(norm, count, forward)
    if kind == "complex":
        return c2c(_complex(x), dims=dims, scale=scale, forward=forward)
    if kind == "half":  # the inverse of a real signal is the conjugate of its transform
        y = r2c(x, dims=dims, scale=scale)
        return y if forward else conj(y)
    x = _complex(x)
    return c2r(conj(x) if forward else x, dims=dims, n=last, scale=scale)
