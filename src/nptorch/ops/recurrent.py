"""One direction of one recurrent layer over all its steps, as one op: Elman, LSTM (Hochreiter, Schmidhuber, Neural Computation 9(8),
1997) and GRU (Cho et al., arXiv:1406.1078), with the gates in PyTorch's order.

A sequence is the rows of all its steps one below the other: (sum(sizes), ...), where step t has sizes[t] rows and sizes never grow, so
packed and padded sequences are one case. What the input contributes is computed for all steps at once, outside. Products with the
hidden weights are what is left for each step; the backward pass gathers those of the weights' gradient into one product over all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from nptorch.grad_mode import mode as grad_mode
from nptorch.kernels.native import kernel
from nptorch.ops.activation import relu
from nptorch.ops.derive import through
from nptorch.ops.join import cat
from nptorch.ops.linalg import matmul
from nptorch.ops.pointwise import sigmoid, sigmoid_array, tanh
from nptorch.ops.registry import op
from nptorch.ops.shape import transpose
from nptorch.tensor import Tensor, from_array


class Cell(NamedTuple):
    """A step.

    `forward(f, x, h, c, own)` gives (h, c, `keeps` arrays (n, H) for the backward) from the input's part x (n, gates * H), the
    states, and the hidden state's part `own`; f holds sigmoid, tanh and relu of arrays or Tensors. `backward(dh, dc, h, c, kept)`
    gives (dx, d own, dh, dc), the last two without what goes through `own`.
    """

    gates: int
    keeps: int
    forward: Callable[..., Any]
    backward: Callable[..., Any]


_native_sigmoid, _native_tanh = kernel("sigmoid"), kernel("tanh")
_native_matmul, _native_linear = kernel("matmul"), kernel("linear")


class _Arrays:
    """Activations of arrays, native where the kernels are."""

    relu = staticmethod(lambda x: np.maximum(x, 0))

    @staticmethod
    def sigmoid(x: Any) -> Any:
        out = _native_sigmoid(x)
        return sigmoid_array(np, x) if out is NotImplemented else out

    @staticmethod
    def tanh(x: Any) -> Any:
        out = _native_tanh(x)
        return np.tanh(x) if out is NotImplemented else out


class _Tensors:
    sigmoid, tanh, relu = staticmethod(sigmoid), staticmethod(tanh), staticmethod(relu)


_native_lstm, _native_lstm_backward = kernel("lstm_step"), kernel("lstm_step_backward")


def _lstm(f: Any, x: Any, h: Any, c: Any, own: Any) -> Any:
    done = _native_lstm(x, own, c)
    if done is not NotImplemented:
        return done
    gates = x + own
    n = h.shape[-1] if c is None else c.shape[-1]
    i_f = f.sigmoid(gates[:, : 2 * n])
    i, forget, g, o = i_f[:, :n], i_f[:, n:], f.tanh(gates[:, 2 * n : 3 * n]), f.sigmoid(gates[:, 3 * n :])
    new = forget * c + i * g
    squashed = f.tanh(new)
    return o * squashed, new, (i, forget, g, o, squashed)


def _lstm_backward(dh: Any, dc: Any, h: Any, c: Any, kept: Any) -> Any:
    done = _native_lstm_backward(dh, dc, c, kept)
    if done is not NotImplemented:
        dx, before = done
        return dx, dx, 0, before
    i, forget, g, o, squashed = kept
    dc = dc + dh * o * (1 - squashed * squashed)
    dx = np.concatenate(
        [dc * g * (i * (1 - i)), dc * c * (forget * (1 - forget)), dc * i * (1 - g * g), dh * squashed * (o * (1 - o))],
        1,
    )
    return dx, dx, 0, dc * forget


def _gru(f: Any, x: Any, h: Any, c: Any, own: Any) -> Any:
    n = h.shape[-1]
    r_z = f.sigmoid(x[:, : 2 * n] + own[:, : 2 * n])
    r, z = r_z[:, :n], r_z[:, n:]
    part = own[:, 2 * n :]
    new = f.tanh(x[:, 2 * n :] + r * part)
    return new + z * (h - new), None, (r, z, new, part)


def _gru_backward(dh: Any, dc: Any, h: Any, c: Any, kept: Any) -> Any:
    r, z, new, part = kept
    dn = dh * (1 - z) * (1 - new * new)
    dr, dz = dn * part * (r * (1 - r)), dh * (h - new) * (z * (1 - z))
    return np.concatenate([dr, dz, dn], 1), np.concatenate([dr, dz, dn * r], 1), dh * z, None


def _elman(name: str) -> Callable[..., Any]:
    def forward(f: Any, x: Any, h: Any, c: Any, own: Any) -> Any:
        new = getattr(f, name)(x + own)
        return new, None, (new,)

    return forward


def _tanh_backward(dh: Any, dc: Any, h: Any, c: Any, kept: Any) -> Any:
    dx = dh * (1 - kept[0] * kept[0])
    return dx, dx, 0, None


def _relu_backward(dh: Any, dc: Any, h: Any, c: Any, kept: Any) -> Any:
    dx = dh * (kept[0] > 0)
    return dx, dx, 0, None


CELLS = {
    "LSTM": Cell(4, 5, _lstm, _lstm_backward),
    "GRU": Cell(3, 4, _gru, _gru_backward),
    "RNN_TANH": Cell(1, 1, _elman("tanh"), _tanh_backward),
    "RNN_RELU": Cell(1, 1, _elman("relu"), _relu_backward),
}


def _steps(sizes: tuple[int, ...], backwards: bool) -> Iterator[tuple[int, slice]]:
    """How many rows each step has, and which ones, in the order of the steps."""
    starts = [0]
    for n in sizes:
        starts.append(starts[-1] + n)
    order = range(len(sizes))
    for t in reversed(order) if backwards else order:
        yield sizes[t], slice(starts[t], starts[t + 1])


def _product(x: Any, y: Any) -> Any:
    out = _native_matmul(x, y)
    return x @ y if out is NotImplemented else out


def _affine(x: Any, w: Any, b: Any) -> Any:
    """x @ w.T + b."""
    out = _native_linear(x, w, b)
    if out is NotImplemented:
        out = x @ w.T
        if b is not None:
            out += b
    return out


def _recurrent(
    xp: Any, x: Any, h0: Any, c0: Any, w: Any, b: Any, wr: Any, *, cell: str, sizes: tuple[int, ...], reverse: bool
) -> Any:
    forward = CELLS[cell].forward
    h, c = h0.copy(), None if c0 is None else c0.copy()
    out, before = (np.empty((len(x), h.shape[-1]), x.dtype) for _ in range(2))
    before_c = np.empty((0 if c is None else len(x), w.shape[0] // CELLS[cell].gates), x.dtype)
    kept = np.empty((CELLS[cell].keeps, len(x), before_c.shape[1]), x.dtype)
    for n, rows in _steps(sizes, reverse):
        before[rows] = h[:n]
        own = _affine(h[:n], w, b)
        new, new_c, kept[:, rows] = forward(_Arrays, x[rows], h[:n], None if c is None else c[:n], own)
        if c is not None:
            before_c[rows], c[:n] = c[:n], new_c
        h[:n] = out[rows] = new if wr is None else _product(new, wr.T)
    return out, h, np.empty(0, x.dtype) if c is None else c, before, before_c, kept


def _composed(
    x: Tensor, h0: Tensor, c0: Tensor | None, w: Tensor, b: Tensor | None, wr: Tensor | None,
    *, cell: str, sizes: tuple[int, ...], reverse: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The same in Tensor operations."""
    forward = CELLS[cell].forward
    h, c, pieces = h0, c0, []
    for n, rows in _steps(sizes, reverse):
        before, before_c = h[:n], None if c is None else c[:n]
        own = matmul(before, transpose(w, 0, 1))
        new, new_c, _ = forward(_Tensors, x[rows], before, before_c, own if b is None else own + b)
        if wr is not None:
            new = matmul(new, transpose(wr, 0, 1))
        pieces.append(new)
        h = cat([new, h[n:]])
        if c is not None:
            c = cat([new_c, c[n:]])
    out = cat(pieces[::-1] if reverse else pieces)
    return (out, h, from_array(np.empty(0, x._array.dtype)) if c is None else c)


def _backward(
    g: Any,
    inputs: Any,
    before: Tensor,
    before_c: Tensor,
    kept: Tensor,
    *,
    cell: str,
    sizes: tuple[int, ...],
    reverse: bool,
) -> Any:
    """Back through time: the states' gradients step by step, then the weights' in one product."""
    if grad_mode.grad:
        return _differentiable(g, inputs, cell=cell, sizes=sizes, reverse=reverse)
    x, h0, c0, w, b, wr = (None if v is None else v._array for v in inputs)
    g_out, g_h, g_c = (None if v is None else v._array for v in g)
    step_backward = CELLS[cell].backward
    dh = np.zeros_like(h0) if g_h is None else g_h.copy()
    dc = None if c0 is None else np.zeros_like(c0) if g_c is None else g_c.copy()
    dx, own = np.empty_like(x), np.empty_like(x)
    projected = np.empty_like(before._array)
    for n, rows in _steps(sizes, not reverse):
        new = dh[:n] if g_out is None else dh[:n] + g_out[rows]
        if wr is not None:
            projected[rows] = new
            new = _product(new, wr)
        states = before._array[rows], None if dc is None else before_c._array[rows]
        dx[rows], own[rows], direct, through_c = step_backward(
            new, None if dc is None else dc[:n], *states, kept._array[:, rows]
        )
        dh[:n] = _product(own[rows], w) + direct
        if dc is not None:
            dc[:n] = through_c
    unprojected = None if wr is None else kept._array[3] * kept._array[4]  # o * tanh(c): only an LSTM has projections
    found = (
        dx, dh, dc, _product(own.T, before._array), None if b is None else own.sum(0),
        None if wr is None else _product(projected.T, unprojected),
    )  # fmt: skip
    return tuple(None if v is None else from_array(v) for v in found)


_differentiable = through(_composed)
recurrent = op(
    "recurrent",
    _recurrent,
    joint=_backward,
    outputs=("out", "hn", "cn"),
    aux=("before", "before_c", "kept"),
    label="CatBackward0",  # what PyTorch joins the steps of a packed sequence with
)
