"""The shape of a tensor."""

from __future__ import annotations

import math
from typing import Any

from nptorch import naming


class Size(tuple[int, ...]):
    """A tuple of lengths, printed as PyTorch prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{naming.package()}.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if found.__class__ is tuple else found

    def __add__(self, other: Any) -> Size:
        return Size(super().__add__(tuple(other)))
