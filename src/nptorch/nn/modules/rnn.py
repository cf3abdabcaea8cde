"""Recurrent layers over whole sequences (RNN, LSTM, GRU), and one step of each."""

from __future__ import annotations

import math
import warnings
from typing import Any

from nptorch.nn import functional as F
from nptorch.nn import init
from nptorch.nn.module import Module
from nptorch.nn.parameter import Parameter
from nptorch.nn.utils.rnn import PackedSequence
from nptorch.ops.create import empty, zeros
from nptorch.ops.gather import index_select
from nptorch.ops.join import cat, stack
from nptorch.ops.recurrent import CELLS, recurrent
from nptorch.tensor import Tensor


class RNNBase(Module):
    """Layers of one kind of cell, in one or both directions.

    Input (T, N, I), (N, T, I) with batch_first, (T, I), or a PackedSequence; states (layers * directions, N, H).
    Output (T, N, directions * H) as the input, and the last states.
    Raises: RuntimeError or ValueError for sizes that do not fit.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater "
                f"than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        for name, value in (("hidden_size", hidden_size), ("num_layers", num_layers), ("input_size", input_size)):
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        for name, value in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(value, bool):
                raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")
        if proj_size < 0 or proj_size >= hidden_size:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
                if proj_size < 0
                else "proj_size has to be smaller than hidden_size"
            )
        self._all_weights: list[list[str]] = []
        rows, out = CELLS[mode].gates * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                width = input_size if layer == 0 else out * (2 if bidirectional else 1)
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, out)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = [f"{name}_l{layer}{suffix}" for name in shapes]
                for name, shape in zip(names, shapes.values(), strict=True):
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(names)
        self.reset_parameters()

    def __getstate__(self) -> dict[str, Any]:
        # PyTorch's layers read these two back from a file.
        names = [name for names in self._all_weights for name in names]
        return {**vars(self), "_flat_weights_names": names, "_flat_weights": [getattr(self, name) for name in names]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({name: value for name, value in state.items() if not name.startswith("_flat_weight")})

    def reset_parameters(self) -> None:
        """Uniform numbers within 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Accepted: weights need no special place in memory."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        """What differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        for name, default in defaults.items():
            if (value := getattr(self, name)) != default:
                parts.append(f"{name}={value}")
        return ", ".join(parts)

    # --- the pass ---

    def _check(self, x: Tensor, states: tuple[Tensor, ...], batch: int) -> None:
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]}"
            )
        if x.dtype != self.weight_ih_l0.dtype:
            raise ValueError(f"RNN input dtype ({x.dtype}) does not match weight dtype ({self.weight_ih_l0.dtype}).")
        count = self.num_layers * (2 if self.bidirectional else 1)
        for name, state, width in zip(("hidden[0]", "hidden[1]"), states, (self.proj_size or self.hidden_size, self.hidden_size), strict=False):  # fmt: skip
            expected = (count, batch, width)
            if tuple(state.shape) != expected:
                shown = name if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {shown} size {expected}, got {list(state.shape)}")

    def _run(self, x: Tensor, sizes: tuple[int, ...], states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers over the rows of all steps; returns the last layer's rows and the last states."""
        directions = (False, True) if self.bidirectional else (False,)
        finals: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in directions:
                i = len(finals)
                w_ih, w_hh, *rest = self.all_weights[i]
                b_ih, b_hh = (rest[0], rest[1]) if self.bias else (None, None)
                c0 = states[1][i] if self.mode == "LSTM" else None
                projection = rest[-1] if self.proj_size else None
                out, hn, cn, *_ = recurrent(
                    x, states[0][i], c0, w_ih, w_hh, b_ih, b_hh, projection,
                    cell=self.mode, sizes=sizes, reverse=reverse,
                )  # fmt: skip
                outputs.append(out)
                finals.append((hn, cn))
            x = outputs[0] if len(outputs) == 1 else cat(outputs, 1)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout)
        return x, tuple(
            stack(list(kind)) for kind in list(zip(*finals, strict=True))[: 2 if self.mode == "LSTM" else 1]
        )

    def _zeros(self, x: Tensor, batch: int) -> tuple[Tensor, ...]:
        count = self.num_layers * (2 if self.bidirectional else 1)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: 2 if self.mode == "LSTM" else 1]
        return tuple(zeros(count, batch, width, dtype=x.dtype) for width in widths)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The output of the last layer at all steps, and the last states."""
        given = None if hx is None else hx if isinstance(hx, tuple) else (hx,)
        if isinstance(input, PackedSequence):
            out, last = self._packed(input, given)
        else:
            out, last = self._padded(input, given)
        return out, last if self.mode == "LSTM" else last[0]

    def _packed(self, packed: PackedSequence, given: Any) -> tuple[Any, tuple[Tensor, ...]]:
        data, batch_sizes, order, back = packed
        sizes = tuple(batch_sizes.tolist())
        states = given or self._zeros(data, sizes[0])
        self._check(data, states, sizes[0])
        if given is not None and order is not None:
            states = tuple(index_select(s, 1, order) for s in states)
        out, last = self._run(data, sizes, states)
        if back is not None:
            last = tuple(index_select(s, 1, back) for s in last)
        return PackedSequence(out, batch_sizes, order, back), last

    def _padded(self, x: Tensor, given: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        if x.dim() not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {x.dim()}D instead")
        single = x.dim() == 2
        if given is not None and any(s.dim() != (2 if single else 3) for s in given):
            kind, wanted = ("unbatched 2-D", 2) if single else ("batched 3-D", 3)
            raise RuntimeError(f"For {kind} input, hx should also be {wanted}-D but got {given[0].dim()}-D tensor")
        if single:
            x, given = x.unsqueeze(1), None if given is None else tuple(s.unsqueeze(1) for s in given)
        elif self.batch_first:
            x = x.transpose(0, 1)
        steps, batch = x.shape[0], x.shape[1]
        if steps == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        states = given or self._zeros(x, batch)
        self._check(x, states, batch)
        rows, last = self._run(x.reshape(steps * batch, x.shape[2]), (batch,) * steps, states)
        out = rows.reshape(steps, batch, rows.shape[1])
        if single:
            return out.squeeze(1), tuple(s.squeeze(1) for s in last)
        return out.transpose(0, 1) if self.batch_first else out, last


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu (Elman, Cognitive Science 14, 1990)."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", *args: Any, **kwargs: Any) -> None:  # fmt: skip
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.nonlinearity = nonlinearity
        super().__init__("RNN_" + nonlinearity.upper(), input_size, hidden_size, num_layers, *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter, Schmidhuber, Neural Computation 9(8), 1997), with projections if proj_size > 0."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., arXiv:1406.1078)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


# --- one step ---


class RNNCellBase(Module):
    """A step: input (N, I) or (I), states (N, H) or (H).

    Raises: RuntimeError or ValueError for sizes that do not fit.
    """

    mode = ""

    def __init__(self, input_size: int, hidden_size: int, bias: bool, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = CELLS[self.mode or "RNN_TANH"].gates * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        self.bias_ih = Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
        self.bias_hh = Parameter(empty(rows, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform numbers within 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """What differs from the defaults."""
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text + ("" if nonlinearity == "tanh" else f", nonlinearity={nonlinearity}")

    def _step(self, x: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        if x.dim() not in (1, 2):
            raise ValueError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {x.dim()}D instead")
        if states is not None and any(s.dim() not in (1, 2) for s in states):
            raise ValueError(f"{type(self).__name__}: Expected hidden to be 1D or 2D, got {states[0].dim()}D instead")
        single = x.dim() == 1
        x = x.unsqueeze(0) if single else x
        if x.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}")
        if states is None:
            states = (zeros(len(x), self.hidden_size, dtype=x.dtype),) * (2 if self.mode == "LSTM" else 1)
        elif single:
            states = tuple(s.unsqueeze(0) for s in states)
        for state in states:
            if tuple(state.shape) != (len(x), self.hidden_size):
                raise RuntimeError(f"hidden has inconsistent hidden_size: got {list(state.shape)} expected {[len(x), self.hidden_size]}")  # fmt: skip
        c0 = states[1] if self.mode == "LSTM" else None
        _, h, c, *_ = recurrent(
            x, states[0], c0, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None,
            cell=self.mode, sizes=(len(x),), reverse=False,
        )  # fmt: skip
        found = (h, c) if c0 is not None else (h,)
        return tuple(s.squeeze(0) for s in found) if single else found


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    @property
    def mode(self) -> str:  # type: ignore[override]
        """The kind of cell."""
        kind = f"RNN_{getattr(self, 'nonlinearity', 'tanh').upper()}"
        if kind not in CELLS:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return kind

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """A step of an LSTM: (h, c)."""

    mode = "LSTM"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next states."""
        h, c = self._step(input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """A step of a GRU."""

    mode = "GRU"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step(input, None if hx is None else (hx,))[0]
