"""Samples to batches: default_collate and default_convert.

Source: https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops import create, join
from nptorch.tensor import Tensor, from_array

CollateMap = dict[Any, Callable[..., Any]]


class Batch(tuple[Any, ...]):
    """What a dataset's `__getitems__` returns if it has collated the samples itself: their fields.

    It must be what default_collate would make of the single samples, made without random numbers: a DataLoader
    with another collate_fn throws the first one away and asks for samples.
    """

    def __new__(cls, *fields: Any) -> Batch:
        return super().__new__(cls, fields)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def default_collate(batch: Any) -> Any:
    """Stack the samples of a batch: tensors, arrays and numbers along a new first dimension, field by field in
    mappings, tuples and sequences; strings stay a list.

    Raises: TypeError for samples of another type, RuntimeError if sizes differ.
    """
    if batch.__class__ is Batch:
        return list(batch)
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Collate by the first sample's type: `collate_fn_map[type](batch, collate_fn_map=...)`, or field by field.

    Raises: TypeError if the map and the rules for fields do not know the type, IndexError for an empty batch.
    """
    if not len(batch):
        raise IndexError("cannot collate an empty batch; the batch sampler gave no indices")
    first = batch[0]
    cls = type(first)
    if collate_fn_map is not None:
        function = collate_fn_map.get(cls) or next((f for t, f in collate_fn_map.items() if isinstance(first, t)), None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _like(first, {k: collate([d[k] for d in batch], collate_fn_map=collate_fn_map) for k in first})
    if not isinstance(first, Sequence):
        raise TypeError(_unknown(cls))
    if not hasattr(first, "_fields") and any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    fields = [collate(field, collate_fn_map=collate_fn_map) for field in zip(*batch, strict=False)]
    return _like(first, fields)


def default_convert(data: Any) -> Any:
    """Arrays and NumPy numbers as tensors, within mappings, tuples and sequences too; everything else unchanged."""
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else create.as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {k: default_convert(data[k]) for k in data})
    if isinstance(data, Sequence):
        return _like(data, [default_convert(d) for d in data])
    return data


def _like(data: Any, fields: Any) -> Any:
    """`fields` (a dict or list) in the type of `data`, if that type can be made of them; tuples become lists."""
    cls = type(data)
    if isinstance(data, tuple):
        return cls(*fields) if hasattr(data, "_fields") else fields
    if cls is dict or cls is list:
        return fields
    try:
        if not isinstance(data, (MutableMapping, MutableSequence)):
            return cls(fields)
        # A copy keeps what else such an object carries, e.g. a default factory.
        made = copy.copy(data)
        for key, value in fields.items() if isinstance(fields, dict) else enumerate(fields):
            made[key] = value
    except TypeError:
        return fields
    return made


def _unknown(found: object) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {found}"


def _stacked(arrays: list[Any]) -> Tensor | None:
    """Arrays of one shape and dtype, stacked; None if they differ."""
    first = arrays[0]
    kind, size = first.dtype, first.shape
    for a in arrays:
        if a.dtype is not kind or a.shape != size:
            return None
    return from_array(np.array(arrays))  # twice as fast as np.stack for small arrays


def _tensors(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    constant = [t._array for t in batch if not t.requires_grad]
    made = _stacked(constant) if len(constant) == len(batch) else None
    return join.stack(list(batch)) if made is None else made


def _arrays(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    kind = batch[0].dtype
    if kind.kind in "SUO":
        raise TypeError(_unknown(kind))
    dtypes.of(kind)
    made = _stacked(list(batch)) if kind.isnative else None
    return made if made is not None else _tensors([create.as_tensor(a) for a in batch])


def _numpy_numbers(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return create.as_tensor(batch)


def _floats(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return create.tensor(batch, dtype=dtypes.float64)


def _ints(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return create.tensor(batch)


def _texts(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: _tensors,
    np.ndarray: _arrays,
    (np.bool_, np.number, np.object_): _numpy_numbers,
    float: _floats,
    int: _ints,
    str: _texts,
    bytes: _texts,
}
