"""One step of a recurrent layer: RNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

import math
from typing import Any

from nptorch.nn import functional as F
from nptorch.nn import init
from nptorch.nn.module import Module
from nptorch.nn.parameter import Parameter
from nptorch.ops.create import empty, zeros
from nptorch.ops.recurrent import CELLS, recurrent
from nptorch.tensor import Tensor


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
        part = F.linear(x, self.weight_ih, self.bias_ih)
        _, h, c, *_ = recurrent(
            part, states[0], c0, self.weight_hh, self.bias_hh, None, cell=self.mode, sizes=(len(x),), reverse=False
        )
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
