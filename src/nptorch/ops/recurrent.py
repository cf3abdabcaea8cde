"""One direction of one recurrent layer over all its steps, as one op: Elman, LSTM (Hochreiter, Schmidhuber, Neural Computation 9(8),
1997) and GRU (Cho et al., arXiv:1406.1078), with the gates in PyTorch's order.

A sequence is the rows of all its steps one below the other: (sum(sizes), ...), where step t has sizes[t] rows and sizes never grow, so
packed and padded sequences are one case. What the input contributes is computed for all steps at once. Products with the hidden weights
are what is left for each step; the backward pass gathers those of the weights' gradient into one product over all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from nptorch.grad_mode import mode as grad_mode
from nptorch.kernels.native import kernel
from nptorch.ops.activation import relu
from nptorch.ops.derive import through
from nptorch.ops.join import cat
from nptorch.ops.linear import linear
from nptorch.ops.pointwise import sigmoid, sigmoid_array, tanh
from nptorch.ops.promotion import same
from nptorch.ops.registry import op
from nptorch.tensor import Tensor, from_array


class Cell(NamedTuple):
    """A step.

    `forward(f, x, h, c, own)` gives (h, c, `keeps` arrays (n, H) for the backward) from the input's part x (n, gates * H), the
    states, and the hidden state's part `own`; f holds sigmoid, tanh and relu of arrays or Tensors. `backward(dh, dc, h, kept)`
    gives (dx, d own, dh, dc), the last two without what goes through `own`.
    """

    gates: int
    keeps: int
    forward: Callable[..., Any]
    backward: Callable[..., Any]


_ARRAYS = SimpleNamespace(sigmoid=partial(sigmoid_array, np), tanh=np.tanh, relu=lambda x: np.maximum(x, 0))
_TENSORS = SimpleNamespace(sigmoid=sigmoid, tanh=tanh, relu=relu)


def _lstm(f: Any, x: Any, h: Any, c: Any, own: Any) -> Any:
    gates = x + own
    n = c.shape[-1]
    i_f = f.sigmoid(gates[:, : 2 * n])
    i, forget, g, o = i_f[:, :n], i_f[:, n:], f.tanh(gates[:, 2 * n : 3 * n]), f.sigmoid(gates[:, 3 * n :])
    new = forget * c + i * g
    return o * f.tanh(new), new, (i, forget, g, o, c)


def _squashed(kept: Any) -> Any:
    """tanh of an LSTM's new cell."""
    i, forget, g, _, c = kept
    return np.tanh(forget * c + i * g)


def _lstm_backward(dh: Any, dc: Any, h: Any, kept: Any) -> Any:
    i, forget, g, o, c = kept
    squashed = _squashed(kept)
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


def _gru_backward(dh: Any, dc: Any, h: Any, kept: Any) -> Any:
    r, z, new, part = kept
    dn = dh * (1 - z) * (1 - new * new)
    dr, dz = dn * part * (r * (1 - r)), dh * (h - new) * (z * (1 - z))
    return np.concatenate([dr, dz, dn], 1), np.concatenate([dr, dz, dn * r], 1), dh * z, None


def _elman(name: str) -> Callable[..., Any]:
    def forward(f: Any, x: Any, h: Any, c: Any, own: Any) -> Any:
        new = getattr(f, name)(x + own)
        return new, None, (new,)

    return forward


def _tanh_backward(dh: Any, dc: Any, h: Any, kept: Any) -> Any:
    dx = dh * (1 - kept[0] * kept[0])
    return dx, dx, 0, None


def _relu_backward(dh: Any, dc: Any, h: Any, kept: Any) -> Any:
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


def _recurrent(
    xp: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any,
    *, cell: str, sizes: tuple[int, ...], reverse: bool,
) -> Any:  # fmt: skip
    forward = CELLS[cell].forward
    h, c = h0.copy(), None if c0 is None else c0.copy()
    out, before = (np.empty((len(x), h.shape[-1]), x.dtype) for _ in range(2))
    kept = np.empty((CELLS[cell].keeps, len(x), len(w_hh) // CELLS[cell].gates), x.dtype)
    part = linear.forward(xp, x, w_ih, b_ih)
    for n, rows in _steps(sizes, reverse):
        before[rows] = h[:n]
        own = linear.forward(xp, h[:n], w_hh, b_hh)
        new, new_c, kept[:, rows] = forward(_ARRAYS, part[rows], h[:n], None if c is None else c[:n], own)
        if c is not None:
            c[:n] = new_c
        h[:n] = out[rows] = new if w_hr is None else new @ w_hr.T
    return out, h, np.empty(0, x.dtype) if c is None else c, before, kept


def _composed(
    x: Tensor, h0: Tensor, c0: Tensor | None, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None,
    w_hr: Tensor | None, *, cell: str, sizes: tuple[int, ...], reverse: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The same in Tensor operations."""
    forward = CELLS[cell].forward
    h, c, pieces = h0, c0, []
    part = linear(x, w_ih, b_ih)
    for n, rows in _steps(sizes, reverse):
        own = linear(h[:n], w_hh, b_hh)
        new, new_c, _ = forward(_TENSORS, part[rows], h[:n], None if c is None else c[:n], own)
        if w_hr is not None:
            new = linear(new, w_hr, None)
        pieces.append(new)
        h = cat([new, h[n:]])
        if c is not None:
            c = cat([new_c, c[n:]])
    out = cat(pieces[::-1] if reverse else pieces)
    return (out, h, from_array(np.empty(0, x._array.dtype)) if c is None else c)


_native_backward = kernel("recurrent_backward")


def _backward(
    g: Any, inputs: Any, before: Tensor, kept: Tensor, *, needs: Any, cell: str, sizes: tuple[int, ...], reverse: bool
) -> Any:
    """Back through time: the states' gradients step by step, then the weights' in one product."""
    if grad_mode.grad:
        return _differentiable(g, inputs, cell=cell, sizes=sizes, reverse=reverse)
    x, h0, c0, w_ih, w_hh, *_, w_hr = (None if v is None else v._array for v in inputs)
    arriving = tuple(None if v is None else v._array for v in g)
    named: dict[str, Any] = {"cell": cell, "sizes": sizes, "reverse": reverse}
    found = NotImplemented
    if w_hr is None:
        found = _native_backward(x, w_ih, w_hh, before._array, kept._array, *arriving, **named, of_x=needs[0])
    if found is NotImplemented:
        found = _through_time(arriving, x, h0, c0, w_ih, w_hh, w_hr, before._array, kept._array, **named)
    return tuple(from_array(v) if needed else None for v, needed in zip((*found, None), needs, strict=False))


def _through_time(
    g: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, w_hr: Any, before: Any, kept: Any,
    *, cell: str, sizes: tuple[int, ...], reverse: bool,
) -> Any:  # fmt: skip
    g_out, g_h, g_c = g
    step_backward = CELLS[cell].backward
    dh = np.zeros_like(h0) if g_h is None else g_h.copy()
    dc = None if c0 is None else np.zeros_like(c0) if g_c is None else g_c.copy()
    dx, own = (np.empty((len(x), len(w_hh)), x.dtype) for _ in range(2))
    projected = np.empty_like(before)
    for n, rows in _steps(sizes, not reverse):
        new = dh[:n] if g_out is None else dh[:n] + g_out[rows]
        if w_hr is not None:
            projected[rows] = new
            new = new @ w_hr
        dx[rows], own[rows], direct, through_c = step_backward(
            new, None if dc is None else dc[:n], before[rows], kept[:, rows]
        )
        dh[:n] = own[rows] @ w_hh + direct
        if dc is not None:
            dc[:n] = through_c
    # only an LSTM has projections: of o * tanh(c)
    gw_hr = None if w_hr is None else projected.T @ (kept[3] * _squashed(kept))
    return dx @ w_ih, dh, dc, dx.T @ x, own.T @ before, dx.sum(0), own.sum(0), gw_hr


_differentiable = through(_composed)
recurrent = op(
    "recurrent",
    _recurrent,
    joint=_backward,
    promote=same("recurrent"),
    outputs=("out", "hn", "cn"),
    aux=("before", "kept"),
    label="CatBackward0",  # what PyTorch joins the steps of a packed sequence with
)
