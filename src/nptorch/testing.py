"""Comparing tensors in tests (https://pytorch.org/docs/stable/testing.html)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nptorch.tensor import Tensor

_SINGLE, _DOUBLE = (1.3e-6, 1e-5), (1e-7, 1e-7)  # relative, absolute
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "float32": _SINGLE,
    "complex64": _SINGLE,
    "float64": _DOUBLE,
    "complex128": _DOUBLE,
}


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: Any = None,
) -> None:  # fmt: skip
    """Raise AssertionError unless the tensors, numbers, or the members of the sequences and dictionaries agree."""
    if isinstance(expected, dict):
        if set(actual) != set(expected):
            raise AssertionError(f"the keys differ: {sorted(actual)} and {sorted(expected)}")
        pairs = [(actual[k], expected[k]) for k in expected]
    elif isinstance(expected, (list, tuple)):
        if len(actual) != len(expected):
            raise AssertionError(f"the lengths differ: {len(actual)} and {len(expected)}")
        pairs = list(zip(actual, expected, strict=True))
    else:
        return _assert_pair(actual, expected, rtol, atol, equal_nan, check_dtype, msg)
    for a, e in pairs:
        assert_close(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=check_dtype, msg=msg)
    return None


def _assert_pair(
    actual: Any, expected: Any, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool, msg: Any
) -> None:
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be given, or neither")
    arrays = [x.detach()._array if isinstance(x, Tensor) else np.asarray(x) for x in (actual, expected)]
    problem = None
    if arrays[0].shape != arrays[1].shape:
        problem = f"The values for attribute 'shape' do not match: {arrays[0].shape} != {arrays[1].shape}."
    elif check_dtype and isinstance(actual, Tensor) and isinstance(expected, Tensor) and actual.dtype != expected.dtype:
        problem = f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}."
    else:
        own = [_TOLERANCES.get(a.dtype.name, (0.0, 0.0)) for a in arrays]
        relative, absolute = (rtol, atol) if rtol is not None and atol is not None else map(max, *own)
        close = np.isclose(arrays[0], arrays[1], relative, absolute, equal_nan)
        if not close.all():
            worst = np.nanmax(np.abs(arrays[0].astype(np.float64) - arrays[1])) if arrays[0].dtype.kind != "c" else "?"
            problem = (
                f"Tensor-likes are not close!\n\nMismatched elements: {int((~close).sum())} / {close.size}\n"
                f"Greatest absolute difference: {worst} (up to {absolute} allowed, {relative} relative)"
            )
    if problem:
        raise AssertionError(msg(problem) if callable(msg) else msg or problem)
