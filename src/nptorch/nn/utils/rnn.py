"""Sequences of different lengths in one batch: padded side by side, or packed step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from nptorch.ops.create import full
from nptorch.ops.gather import index_select
from nptorch.ops.index import index_op, index_put_op
from nptorch.ops.join import cat, stack
from nptorch.ops.signatures import show
from nptorch.tensor import Tensor, from_array


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """The rows of step 0 of all sequences, then of step 1, ...: data (sum of lengths, ...), how many at each step, and the order."""

    __slots__ = ()

    def __new__(
        cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None, unsorted_indices: Tensor | None = None
    ) -> PackedSequence:  # fmt: skip
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)  # type: ignore[arg-type]

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with converted data."""
        return PackedSequence(self.data.to(*args, **kwargs), *self[1:])

    def cpu(self) -> PackedSequence:
        """Itself."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes an order."""
    return None if permutation is None else from_array(np.argsort(permutation._array))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (T, N, ...), or (N, T, ...) with batch_first, of sequences with these lengths.

    Raises: RuntimeError or ValueError for lengths that do not fit, or are not sorted where they have to be.
    """
    sizes = np.asarray(lengths.tolist() if isinstance(lengths, Tensor) else lengths, np.int64)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
        input = index_select(input, 0 if batch_first else 1, from_array(order))
    x = input.transpose(0, 1) if batch_first else input
    if len(sizes) != x.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={x.shape[1]})"
        )
    if (sizes <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to "
            "pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability."
        )
    if sizes[0] > x.shape[0]:
        raise RuntimeError(f"Expected all lengths to be at most {x.shape[0]}, the padded length, but got {sizes[0]}")
    there = sizes > np.arange(sizes[0])[:, None]  # (T, N)
    data = show(index_op(x, index=np.nonzero(there)), "PackPaddedSequenceBackward0")
    return PackedSequence(data, from_array(there.sum(1)), None if order is None else from_array(order))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The padded batch (T, N, ...) and the lengths (N).

    Raises: ValueError if total_length is shorter than the longest sequence.
    """
    data, batch_sizes, _, back = sequence
    counts = batch_sizes._array
    steps = len(counts)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    there = np.arange(counts[0]) < counts[:, None]  # (T, N)
    padding = full((steps, int(counts[0]), *data.shape[1:]), padding_value, dtype=data.dtype)
    out = show(index_put_op(padding, data, index=np.nonzero(there), accumulate=False), "CopySlices")
    lengths = from_array(there.sum(0))
    if back is not None:
        out, lengths = index_select(out, 1, back), lengths[back]
    return out.transpose(0, 1) if batch_first else out, lengths


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (L_i, ...) side by side as (T, N, ...), the shorter ones filled up.

    Raises: RuntimeError for what is no list of tensors.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of 'left' or 'right', but got {padding_side}.")
    listed = list(sequences.unbind(0) if isinstance(sequences, Tensor) else sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    longest = max(len(s) for s in listed)
    rows = []
    for s in listed:
        filling = full((longest - len(s), *s.shape[1:]), padding_value, dtype=s.dtype)
        rows.append(s if len(s) == longest else cat([s, filling] if padding_side == "right" else [filling, s]))
    return stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[i, :n] for i, n in enumerate(lengths.tolist() if isinstance(lengths, Tensor) else lengths)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, ...)."""
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
