"""The names by which PyTorch's files call things, and what they are here. What is not listed is not loaded."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from nptorch import devices, dtypes
from nptorch.nn.parameter import Parameter
from nptorch.size import Size
from nptorch.storage import LEGACY, UntypedStorage
from nptorch.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

NAMES: dict[tuple[str, str], Any] = {
    **{("torch", d.name): d for d in (*dtypes.ALL, dtypes.bfloat16)},
    ("torch.storage", "UntypedStorage"): UntypedStorage,
    **{(module, name): kind for module in ("torch", "torch.cuda") for name, kind in LEGACY.items()},
    ("torch", "Size"): Size,
    ("torch", "device"): devices.device,
    ("torch", "Tensor"): Tensor,
    ("torch.nn.parameter", "Parameter"): Parameter,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "Counter"): Counter,
    ("collections", "deque"): deque,
    **{("builtins", kind.__name__): kind for kind in (
        bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, slice, range
    )},
    ("builtins", "xrange"): range,
    ("builtins", "unicode"): str,
    ("builtins", "long"): int,
    ("builtins", "Ellipsis"): Ellipsis,
    **{("numpy", kind.__name__): kind for kind in (
        np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.float16, np.float32, np.float64,
    )},
}  # fmt: skip

# What may be called while loading, each with the function that checks the arguments and makes the object.
CALLS: dict[Any, Callable[..., Any]] = {}

# What may set the state of an object that was made, by the object's type: function(object, state).
BUILDS: dict[type, Callable[[Any, Any], None]] = {}

# Classes whose objects are made without arguments and without a call, to get their attributes afterwards.
PLAIN: set[type] = set()

# What the user vouched for.
safe_allowed: list[Any] = []

# Where several names mean one thing, the first is the one to write.
_SPELLED = {value: name for name, value in reversed(NAMES.items())}


def constructor(module: str, name: str, value: Any = None) -> Callable[[F], F]:
    """Let files call `module.name`: the decorated function runs. `value`: what the name means where it is not called."""

    def publish(f: F) -> F:
        known = f if value is None else value
        NAMES[module, name] = known
        _SPELLED.setdefault(known, (module, name))
        CALLS[known] = f
        return f

    return publish


def spelled(value: Any) -> tuple[str, str] | None:
    """Module and name that a file calls `value` by, if it is listed."""
    found = _SPELLED.get(value)
    return found if found is None or found[0] != "builtins" else None


def add_safe_globals(allowed: list[Any]) -> None:
    """Let load() build objects of these classes and call these functions, found by their module and name.

    A pair (function, "module.name") says under which name files know it.
    Source: https://pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals
    """
    safe_allowed.extend(allowed)


def get_safe_globals() -> list[Any]:
    """What add_safe_globals() was given."""
    return list(safe_allowed)


def clear_safe_globals() -> None:
    """Forget what add_safe_globals() was given."""
    safe_allowed.clear()


@contextmanager
def safe_globals(allowed: list[Any]) -> Iterator[None]:
    """add_safe_globals() for the lines of a `with` block."""
    before = get_safe_globals()
    add_safe_globals(allowed)
    try:
        yield
    finally:
        safe_allowed[:] = before


def is_allowed(value: Any) -> bool:
    """Whether the user vouched for a class or function."""
    return any(value is (item[0] if isinstance(item, tuple) else item) for item in safe_allowed)


def find_allowed(module: str, name: str) -> Any:
    """What the user vouched for under this name, or None."""
    for item in safe_allowed:
        value, full = item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        if full == f"{module}.{name}":
            return value
    return None
