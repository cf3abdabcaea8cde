"""Single random numbers of the default generator, drawn as torchvision's transforms draw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nptorch import dtypes
from nptorch.mt19937 import Array
from nptorch.random import engine
from nptorch.rejection import standard_gamma


def uniform(low: float = 0.0, high: float = 1.0) -> float:
    """What `torch.empty(1).uniform_(low, high).item()` gives."""
    return float(engine(None).uniform((1,), dtypes.get_default_dtype().numpy, low, high)[0])


def integer(low: int, high: int) -> int:
    """What `torch.randint(low, high, size=(1,)).item()` gives."""
    return int(engine(None).randint(low, high, (1,))[0])


def happens(p: float) -> bool:
    """True with probability p: what `torch.rand(1) < p` gives."""
    return uniform() < p


def dirichlet(concentration: Sequence[float], rows: int) -> Array:
    """Rows of weights that sum to 1: what `torch._sample_dirichlet` gives for as many times the concentration."""
    numbers = standard_gamma(engine(None), np.tile(np.asarray(concentration, np.float64), (rows, 1)))
    return (numbers / numbers.sum(-1, keepdims=True)).astype(np.float32)
