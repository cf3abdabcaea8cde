"""The names of sparse tensors. Every tensor here is dense: coordinates make the whole tensor, and what follows has the same numbers.

Source: https://docs.pytorch.org/docs/stable/sparse.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.create import as_tensor, zeros
from nptorch.ops.index import getitem, index_put
from nptorch.ops.linalg import mm
from nptorch.ops.masks import nonzero
from nptorch.ops.shape import t
from nptorch.ops.signatures import FUNCTIONS, METHODS, function, method
from nptorch.tensor import Tensor


@function(method=False)
def sparse_coo_tensor(
    indices: Any,
    values: Any,
    size: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> Tensor:
    """The tensor with `values` (n, ...) at the columns of `indices` (dimensions, n), summed where these repeat, else zero.

    Raises: RuntimeError if there are not as many values as columns, IndexError for one outside of `size`.
    """
    where, found = as_tensor(indices, dtype=dtypes.int64, device=device), as_tensor(values, dtype=dtype)
    if where._array.ndim != 2 or where._array.shape[1] != found._array.shape[0]:
        raise RuntimeError(
            "sparse_coo_tensor(): indices must be (dimensions, n) for values (n, ...), "
            f"got {list(where._array.shape)} and {list(found._array.shape)}"
        )
    if size is None:
        size = (*(int(row.max()) + 1 for row in where._array), *found._array.shape[1:])
    made = index_put(zeros(size, dtype=found.dtype), tuple(where), found, accumulate=True)
    return made.detach().requires_grad_() if requires_grad else made


FUNCTIONS["spmm"] = mm


@method("to_dense", "to_sparse", "to_sparse_coo", "coalesce")
def _itself(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor itself, which is dense."""
    return self


METHODS["is_coalesced"] = lambda self: True
METHODS["_nnz"] = lambda self: int(np.count_nonzero(self._array))


@method("indices", "_indices")
def indices(self: Tensor) -> Tensor:
    """Where the elements are that are not zero: (dimensions, n)."""
    return t(nonzero(self))


@method("values", "_values")
def values(self: Tensor) -> Tensor:
    """The elements that are not zero, in the order of indices()."""
    return getitem(self, tuple(indices(self)))
