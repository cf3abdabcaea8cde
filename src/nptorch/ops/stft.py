"""Spectra over time: the short-time Fourier transform and its inverse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch.ops.complex_numbers import view_as_real_op
from nptorch.ops.fft import _complex as to_complex
from nptorch.ops.fft import c2c, c2r, padded, r2c
from nptorch.ops.index import index_op
from nptorch.ops.join import cat
from nptorch.ops.pointwise import square
from nptorch.ops.shape import expand, narrow, reshape, transpose_op, unfold_backward, unfold_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor, from_array

_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _centred(x: Tensor, pad: int, mode: str) -> Tensor:
    """Vectors (B, L) with `pad` samples added on both sides."""
    length = x._array.shape[1]
    if mode == "constant":
        zeros = from_array(np.zeros((x._array.shape[0], pad), x._array.dtype))
        return cat([zeros, x, zeros], 1)
    if mode not in _NUMPY_MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if mode == "reflect" and pad >= length:
        raise RuntimeError(
            f"Argument #4: Padding size should be less than the corresponding input dimension, but got: padding ({pad}, {pad}) "
            f"at dimension 2 of input {list(x._array.shape)}"
        )
    places: Any = np.pad(np.arange(length), pad, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload]
    return index_op(x, index=(slice(None), places))


def _window(name: str, window: Tensor | None, win_length: int, n_fft: int, like: Any) -> Tensor:
    """The window in the middle of n_fft zeros; ones without one."""
    if window is None:
        window = from_array(np.ones(win_length, like.real.dtype))
    elif window._array.shape != (win_length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size {list(window.shape)}"
        )
    left = (n_fft - win_length) // 2
    zeros = from_array(np.zeros(left, window._array.dtype))
    return padded(cat([zeros, window]) if left else window, 0, n_fft)


@function()
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Spectra (..., frequencies, frames) of windows of n_fft samples every hop_length
    (https://pytorch.org/docs/stable/generated/torch.stft.html)."""
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    of_complex = input._array.dtype.kind == "c" or (window is not None and window._array.dtype.kind == "c")
    if return_complex is None and not of_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that return_complex=True "
            "in a future PyTorch release."
        )
    if input._array.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got shape {list(input.shape)}")
    single = input._array.ndim == 1
    x = reshape(input, 1, -1) if single else input
    if center:
        x = _centred(x, n_fft // 2, pad_mode)
    samples = x._array.shape[1]
    if not 0 < n_fft <= samples:
        raise RuntimeError(f"stft: expected 0 < n_fft < {samples}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft, but got win_length={length}")
    if onesided is None:
        onesided = not of_complex
    if onesided and of_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    frames = unfold_op(x, dim=1, size=n_fft, step=hop)
    if window is not None or length < n_fft:
        frames = frames * _window("stft", window, length, n_fft, x._array)
    scale = 1 / math.sqrt(n_fft) if normalized else 1.0
    if onesided:
        y = r2c(frames, dims=(2,), scale=scale)
    else:
        y = c2c(to_complex(frames), dims=(2,), scale=scale, forward=True)
    y = transpose_op(y, a=1, b=2)
    if single:
        y = reshape(y, y._array.shape[1:])
    return y if return_complex or return_complex is None else view_as_real_op(y)


@function()
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose stft() is nearest to `input`: overlapping frames added, divided by the windows' squares
    (https://pytorch.org/docs/stable/generated/torch.istft.html)."""
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if input._array.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if not input._array.size:
        raise RuntimeError("istft: input tensor cannot be empty.")
    if input._array.ndim not in (2, 3):
        raise RuntimeError(f"istft: expected a 2D or 3D complex tensor, got shape {list(input.shape)}")
    single = input._array.ndim == 2
    x = reshape(input, 1, *input._array.shape) if single else input
    frequencies, count = x._array.shape[1:]
    if onesided is None:
        onesided = frequencies != n_fft
    expected = n_fft // 2 + 1 if onesided else n_fft
    if frequencies != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
            f"{'n_fft / 2 + 1' if onesided else 'n_fft'} when onesided={onesided}, but got {frequencies}"
        )
    if not 0 < hop <= width:
        raise RuntimeError("istft: expected 0 < hop_length <= win_length")
    if not 0 < width <= n_fft:
        raise RuntimeError("istft: expected 0 < win_length <= n_fft")
    shape_window = _window("istft", window, width, n_fft, x._array)
    if return_complex and onesided:
        raise RuntimeError("cannot have onesided output if window or input is complex")
    scale = 1 / math.sqrt(n_fft) if normalized else 1 / n_fft
    frames = transpose_op(x, a=1, b=2)
    if return_complex:
        frames = c2c(frames, dims=(2,), scale=scale, forward=False)
    else:
        if not onesided:
            frames = narrow(frames, 2, 0, n_fft // 2 + 1)
        frames = c2r(frames, dims=(2,), n=n_fft, scale=scale)
    frames = frames * shape_window
    total = n_fft + hop * (count - 1)
    batch = frames._array.shape[0]
    y = unfold_backward(frames, shape=(batch, total), dim=1, size=n_fft, step=hop)
    weight = unfold_backward(
        expand(square(shape_window), (1, count, n_fft)), shape=(1, total), dim=1, size=n_fft, step=hop
    )
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - (n_fft // 2 if center else 0)
    kept = min(end, total) - start
    y, weight = narrow(y, 1, start, kept), narrow(weight, 1, start, kept)
    if weight._array.size and float(abs(weight._array).min()) <= 1e-11:
        raise RuntimeError(
            f"istft(window) window overlap add min: {float(abs(weight._array).min())}: windows must overlap without gaps"
        )
    y = y / weight
    if end - start > kept:
        y = padded(y, 1, end - start)
    return reshape(y, -1) if single else y
