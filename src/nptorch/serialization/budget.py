"""What the Python objects of a file may take: a pickle of a few bytes can describe very many of them."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

from nptorch.errors import CheckpointError

# Python's objects are larger than their pickles: a list of integers ten times. Small files may use this much in any case.
FREE = 256 << 20
FACTOR = 4


class Budget:
    """Counts bytes: FACTOR times the length of the file, at least FREE; without end for files that the user trusts."""

    def __init__(self, length: int, *, trusted: bool) -> None:
        self.total = float("inf") if trusted else max(FACTOR * length, FREE)
        self.left = self.total

    def spend(self, count: int) -> None:
        """Raises: CheckpointError if nothing is left."""
        self.left -= count
        if self.left < 0:
            raise CheckpointError(
                f"refused: its Python objects would take more than {self.total / 2**20:,.0f} MiB, far more than the file; if you "
                "trust the file, use load(weights_only=False)"
            )


def charged(instruction: Callable[[Any], None], cost: int, sized: bool) -> Callable[[Any], None]:
    """An unpickler's instruction that spends `cost` bytes, and those of the object that it leaves on the stack."""

    def run(unpickler: Any) -> None:
        instruction(unpickler)
        unpickler._budget.spend(cost + sys.getsizeof(unpickler.stack[-1]) if sized else cost)

    return run


_SLOT, _MARK, _MEMO, _OBJECT = 16, 120, 140, 300
_SIZED = (
    *(
        pickle.INT,
        pickle.BININT,
        pickle.BININT1,
        pickle.BININT2,
        pickle.LONG,
        pickle.LONG1,
        pickle.LONG4,
        pickle.FLOAT,
        pickle.BINFLOAT,
    ),
    *(
        pickle.STRING,
        pickle.BINSTRING,
        pickle.SHORT_BINSTRING,
        pickle.UNICODE,
        pickle.BINUNICODE,
        pickle.SHORT_BINUNICODE,
    ),
    *(pickle.BINUNICODE8, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.LIST, pickle.FROZENSET),
    *(pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.EMPTY_SET, pickle.DICT),
)
# By instruction: bytes, and whether the size of what it makes comes on top.
COSTS: dict[int, tuple[int, bool]] = {
    **{code[0]: (_SLOT, True) for code in _SIZED},
    **{code[0]: (_OBJECT, True) for code in (pickle.REDUCE, pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX)},
    **{code[0]: (_MEMO, False) for code in (pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE)},
    **{code[0]: (_SLOT, False) for code in (pickle.DUP, pickle.GET, pickle.BINGET, pickle.LONG_BINGET, pickle.NONE)},
    **{
        code[0]: (_SLOT, False)
        for code in (pickle.NEWTRUE, pickle.NEWFALSE, pickle.EMPTY_TUPLE, pickle.GLOBAL, pickle.STACK_GLOBAL)
    },
    pickle.MARK[0]: (_MARK, False),
}
