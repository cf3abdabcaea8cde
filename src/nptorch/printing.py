"""The text of a tensor, as PyTorch prints it.

Source: https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.tensor import Tensor


@dataclasses.dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set digits after the point, elements from which on a tensor is abridged, elements kept at each end, characters a line.

    profile: "default", "short" or "full" sets all of them first. sci_mode: None lets the values decide.
    Raises: ValueError for an unknown profile or a number that makes no sense.
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(
            f"set_printoptions(): profile must be one of {', '.join(map(repr, _PROFILES))}, got {profile!r}"
        )
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = {name: value for name, value in given.items() if value is not None}
    for name, value in changes.items():
        if not isinstance(value, int | float) or value < 0 or (name != "threshold" and not isinstance(value, int)):
            raise ValueError(f"set_printoptions(): {name} must be a number that is not negative, got {value!r}")
    base = dataclasses.asdict(_PROFILES[profile]) if profile is not None else {}
    for name, value in {**base, **changes, "sci_mode": sci_mode}.items():
        setattr(_options, name, value)


def get_printoptions() -> dict[str, Any]:
    """The options as the keywords of set_printoptions()."""
    return dataclasses.asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Other options within a `with` block; takes what set_printoptions() takes."""
    before = get_printoptions()
    try:
        set_printoptions(**options)
        yield
    finally:
        set_printoptions(**before)


def tensor_text(t: Tensor) -> str:
    """The text of a tensor: its values, and what cannot be seen from them."""
    # A subclass prints under its own name, except Parameter, whose repr says so in a line of its own.
    kind = type(t).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    return _append(prefix + _values_text(t._array, len(prefix)), _facts(t), len(prefix))


def _facts(t: Tensor) -> Iterator[str]:
    default = dtypes.get_default_dtype()
    size, shown = t._array.size, (default, default.to_complex(), dtypes.int64, dtypes.bool_)
    if t._array.ndim != 1 if size == 0 else _options.edgeitems == 0:
        yield f"size={tuple(t._array.shape)}"
    if t.dtype not in ((default,) if size == 0 else shown):
        yield f"dtype={t.dtype!r}"
    if t.grad_fn is not None:
        yield f"grad_fn=<{t.grad_fn.name()}>"
    elif t.requires_grad:
        yield "requires_grad=True"


def _append(text: str, facts: Iterator[str], indent: int) -> str:
    used = len(text) - text.rfind("\n") + 1
    for fact in facts:
        if used + len(fact) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + fact
            used = indent + len(fact)
        else:
            text += ", " + fact
            used += len(fact) + 2
    return text + ")"


def _values_text(array: np.ndarray[Any, Any], indent: int) -> str:
    if array.size == 0:
        return "[]"
    # Along these axes only both ends are shown.
    cut = [array.size > _options.threshold and n > 2 * _options.edgeitems for n in array.shape]
    if any(cut) and _options.edgeitems == 0:
        return "[" * (cut.index(True) + 1) + "..." + "]" * (cut.index(True) + 1)
    for axis in itertools.compress(range(array.ndim), cut):
        array = np.concatenate(
            [np.take(array, range(start, start + _options.edgeitems), axis) for start in (0, -_options.edgeitems)], axis
        )
    texts, width = _texts(array.reshape(-1))
    return _layout(texts, array.shape, cut, indent, width)


def _layout(texts: list[str], shape: tuple[int, ...], cut: list[bool], indent: int, width: int) -> str:
    """Brackets, commas and line breaks around the texts of an array's elements in row-major order."""
    if not shape:
        return texts[0]
    half = shape[0] // 2
    if len(shape) == 1:
        row = [*texts[:half], " ...", *texts[half:]] if cut[0] else texts
        per_line = max(1, (_options.linewidth - indent) // (width + 2))
        lines = [", ".join(row[i : i + per_line]) for i in range(0, len(row), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    step = len(texts) // shape[0]
    blocks = [_layout(texts[i : i + step], shape[1:], cut[1:], indent + 1, width) for i in range(0, len(texts), step)]
    if cut[0]:
        blocks.insert(half, "...")
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(blocks) + "]"


def _texts(flat: np.ndarray[Any, Any]) -> tuple[list[str], int]:
    """The texts of all elements, padded to one width, and that width."""
    if flat.dtype.kind == "c":
        real, real_width = _texts(flat.real)
        imag, imag_width = _texts(flat.imag)
        joined = [f"{r}{'' if i[0] == '-' else '+'}{i}j" for r, i in zip(real, map(str.lstrip, imag), strict=True)]
        return joined, real_width + imag_width + 1
    if flat.dtype.kind == "f":
        return _float_texts(flat.astype(np.float64))
    texts = [str(value) for value in flat.tolist()]
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts], width


def _float_texts(flat: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[list[str], int]:
    # Zeros, infinities and NaN take whatever notation and width the other values need.
    telling = np.isfinite(flat) & (flat != 0)
    values = flat[telling]
    whole, scientific = True, False
    if values.size:
        low, high = np.abs(values).min(), np.abs(values).max()
        whole = bool((values == np.ceil(values)).all())
        with np.errstate(over="ignore"):
            wide = bool(high / low > 1000 or high > 1e8 or low < 1e-4)
        scientific = wide if _options.sci_mode is None else _options.sci_mode
    if scientific or not whole:
        texts = [format(value, f".{_options.precision}{'e' if scientific else 'f'}") for value in flat.tolist()]
    else:
        texts = [f"{value:.0f}" + "." * math.isfinite(value) for value in flat.tolist()]
    width = max(map(len, itertools.compress(texts, telling.tolist())), default=1)
    return [text.rjust(width) for text in texts], width
