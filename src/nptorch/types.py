"""Names for annotations (https://github.com/pytorch/pytorch/blob/main/torch/types.py)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nptorch.devices import device
from nptorch.dtypes import dtype
from nptorch.size import Size
from nptorch.tensor import Tensor

Number = int | float | bool
Device = device | str | int | None
FileLike = str | os.PathLike[str]
_dtype, _device, _size = dtype, device, Size | list[int] | tuple[int, ...]
_TensorOrTensors = Tensor | Sequence[Tensor]
