"""torch.sparse on dense tensors (https://docs.pytorch.org/docs/stable/sparse.html)."""

from __future__ import annotations

from typing import Any

from nptorch import typed
from nptorch.nn.functional import log_softmax as log_softmax
from nptorch.nn.functional import softmax as softmax
from nptorch.ops.linalg import addmm as addmm
from nptorch.ops.linalg import mm as mm
from nptorch.ops.reduce import sum as sum
from nptorch.ops.sparse import sparse_coo_tensor
from nptorch.tensor import Tensor


def _of_type(name: str) -> Any:
    def make(indices: Tensor, values: Tensor, size: Any = None) -> Tensor:
        return sparse_coo_tensor(indices, values.type(typed.NAMES[name]), size)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"sparse_coo_tensor() as a {name}, the old way."
    return make


FloatTensor, DoubleTensor, LongTensor, IntTensor = map(
    _of_type, ("FloatTensor", "DoubleTensor", "LongTensor", "IntTensor")
)
