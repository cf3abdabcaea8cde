"""PyTorch's own wrong inputs: what PyTorch refuses, nptorch must refuse with the same type of exception."""

from __future__ import annotations

from typing import Any

from tests.parity import translate

_TYPES = (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)  # what PyTorch raises on purpose


def accepted(entry: Any, function: Any) -> tuple[int, tuple[str, ...]]:
    """How many wrong inputs PyTorch's table has for an operator, and those that nptorch takes, or refuses differently."""
    tried, faults = 0, []
    for i, error in enumerate(_inputs(entry)):
        sample = error.sample_input
        theirs = _raised(entry.op, (sample.input, *sample.args), sample.kwargs)
        if not isinstance(theirs, _TYPES):
            continue  # PyTorch takes it on this machine, or is out of its depth
        try:
            ours_in = (translate.value(sample.input), *translate.value(tuple(sample.args)))
            ours_kw = translate.value(sample.kwargs)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            continue  # other devices, layouts, element types; more dimensions than NumPy has
        tried += 1
        ours = _raised(function, ours_in, ours_kw)
        kind = next(t for t in _TYPES if isinstance(theirs, t))
        if not isinstance(ours, kind):
            found = "nothing" if ours is None else f"{type(ours).__name__}: {str(ours)[:80]}"
            faults.append(f"{i}: {found}, not {type(theirs).__name__}: {' '.join(str(theirs).split())[:160]}")
    return tried, tuple(faults)


def _inputs(entry: Any) -> list[Any]:
    if entry.error_inputs_func is None:
        return []
    return list(entry.error_inputs("cpu"))


def _raised(f: Any, args: Any, kwargs: Any) -> Exception | None:
    try:
        f(*args, **kwargs)
    except Exception as error:
        return error
    return None
