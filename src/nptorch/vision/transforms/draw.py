"""Single random numbers of the default generator, drawn as torchvision's transforms draw them."""

from __future__ import annotations

from nptorch import dtypes
from nptorch.random import engine


def uniform(low: float = 0.0, high: float = 1.0) -> float:
    """What `torch.empty(1).uniform_(low, high).item()` gives."""
    return float(engine(None).uniform((1,), dtypes.get_default_dtype().numpy, low, high)[0])


def integer(low: int, high: int) -> int:
    """What `torch.randint(low, high, size=(1,)).item()` gives."""
    return int(engine(None).randint(low, high, (1,))[0])


def happens(p: float) -> bool:
    """True with probability p: what `torch.rand(1) < p` gives."""
    return uniform() < p
