"""Switches of PyTorch that choose a device, a precision or a compiler: kept and answered, since scripts ask for them.

There is one device and one precision here, and results are deterministic, so none of them changes a result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from nptorch import devices, dtypes, kernels, naming


class _Choice:
    """A constant that prints as PyTorch's, such as torch.channels_last."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{naming.package()}.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Choice):
    """How a tensor's numbers lie in memory; only `strided` exists."""


class memory_format(_Choice):
    """In which order the dimensions of images lie in memory; accepted everywhere, it changes nothing here."""


strided = layout("strided")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")

_kept: dict[str, Any] = {"deterministic": False, "precision": "highest"}


def set_default_device(device: Any) -> None:
    """Where new tensors go; there is the CPU.

    Raises: RuntimeError for a device that this machine does not offer.
    """
    devices.resolve(device)


def get_default_device() -> devices.device:
    """The CPU."""
    return devices.CPU


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same bits in every run with the same number of threads, which is the rule here."""
    _kept["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What was asked for."""
    return _kept["deterministic"]


def set_float32_matmul_precision(precision: str) -> None:
    """Keep the wish for 'highest', 'high' or 'medium'; products are always of the highest precision."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"precision must be 'highest', 'high' or 'medium', got {precision!r}")
    _kept["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What was asked for."""
    return _kept["precision"]


def set_default_tensor_type(t: Any) -> None:
    """The old way to set_default_dtype: a type such as FloatTensor, or its name."""
    name = t if isinstance(t, str) else f"{t.__module__}.{t.__name__}"
    kind = {"FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16}.get(
        name.rsplit(".", 1)[-1]
    )
    if kind is None or ".cuda." in name:
        raise TypeError(
            f"set_default_tensor_type() knows FloatTensor, DoubleTensor and HalfTensor on the CPU, not {t!r}"
        )
    dtypes.set_default_dtype(kind)


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself: there is nothing to compile, calls are fast as they are."""
    return model if model is not None else (lambda function: function)


def get_num_interop_threads() -> int:
    """The number of threads."""
    return kernels.get_num_threads()


def set_num_interop_threads(count: int) -> None:
    """Accepted: operations do not run beside each other."""


def set_flush_denormal(mode: bool) -> bool:
    """Not supported: always False."""
    return False


def set_warn_always(mode: bool) -> None:
    """Show a repeated warning every time."""
    if mode:
        warnings.simplefilter("always")


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: autocast keeps every dtype."""
    return False


def is_distributed(input: Any) -> bool:
    """False: a tensor lives in one process."""
    return False


NAMES: dict[str, Callable[..., Any] | _Choice | type] = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, _Choice)
    or (callable(value) and getattr(value, "__module__", "") == __name__ and name[0] != "_")
}
