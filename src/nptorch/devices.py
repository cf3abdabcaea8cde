"""Where a tensor lives: "cpu"; other names parse, so that scripts can ask for them."""

from __future__ import annotations

from typing import Any

_TYPES = ("cpu", "cuda", "mps", "xpu", "meta")


class device:
    """A device by type and index, e.g. device("cpu") or device("cuda:0").

    Raises: RuntimeError for a type that does not exist.
    """

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(f"device() needs a string such as 'cpu' or 'cuda:0', got {type.__class__.__name__}")
        name, _, number = type.partition(":")
        if name not in _TYPES or (_ and not number.isdigit()) or (number and index is not None):
            raise RuntimeError(
                f"Invalid device string: {type!r}; expected one of {', '.join(_TYPES)}, with an optional :index"
            )
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        """Make new tensors here: they are anyway, or this raises.

        Raises: RuntimeError if the device is not available here.
        """
        resolve(self)
        return self

    def __exit__(self, *exc: object) -> None: ...

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)


CPU = device("cpu")


def resolve(value: Any) -> device:
    """The device that an argument means, if this machine has it.

    Raises: RuntimeError if it names a device that is not available here.
    """
    if value is None or value is CPU:
        return CPU
    found = value if isinstance(value, device) else device(value)
    if found.type != "cpu":
        raise RuntimeError(
            f"device {str(found)!r} is not available: nptorch computes on the CPU; "
            "use device='cpu', or choose by cuda.is_available()"
        )
    return CPU
