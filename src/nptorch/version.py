"""The version of PyTorch whose names and numbers these are (https://pypi.org/project/torch/)."""

from __future__ import annotations

import re
from typing import Any


def _numbers(version: Any) -> tuple[int, ...]:
    """(2, 13, 0) of "2.13.0+cpu"; a tuple is taken as it is."""
    if isinstance(version, (tuple, list)):
        return tuple(version)
    return tuple(map(int, re.findall(r"\d+", str(version).split("+")[0])))


class TorchVersion(str):
    """A version that also compares with other versions, as text or as a tuple of numbers."""

    def __lt__(self, other: Any) -> bool:
        return _numbers(self) < _numbers(other)

    def __le__(self, other: Any) -> bool:
        return _numbers(self) <= _numbers(other)

    def __gt__(self, other: Any) -> bool:
        return _numbers(self) > _numbers(other)

    def __ge__(self, other: Any) -> bool:
        return _numbers(self) >= _numbers(other)


__version__ = TorchVersion("2.13.0+cpu")
torchvision = TorchVersion("0.28.0+cpu")
cuda = hip = xpu = git_version = None
debug = False
