"""The other forms of an operator: the method, the in-place method, and the function with out=; each against PyTorch's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch

import nptorch
from tests.parity import translate
from tests.parity.comparison import FREE_AMONG_EQUALS, differs

SAMPLES = 8  # a dtype and form
DTYPES = (torch.float64, torch.int64, torch.bool, torch.complex128)


def unlike(
    entry: Any, samples: Callable[[torch.dtype], list[Any]], compare: Callable[..., str]
) -> tuple[int, tuple[str, ...]]:
    """How many forms PyTorch has of an operator, and those that are missing here or give something else."""
    faults = []
    forms = list(_forms(entry))
    for form, theirs, path in forms:
        fault = _fault(entry, form, theirs, path, samples, compare)
        if fault:
            faults.append(f"{form}: {fault}")
    return len(forms), tuple(faults)


def _forms(entry: Any) -> Iterator[tuple[str, Any, str]]:
    for form, theirs in (("method", entry.get_method()), ("in place", entry.get_inplace())):
        name = getattr(theirs, "__name__", "")
        if theirs is not None and getattr(torch.Tensor, name, None) is theirs:
            yield form, theirs, "Tensor." + name
    if entry.supports_out and not translate.is_a_tests(entry.op):
        yield "out=", entry.op, entry.name


def _fault(entry: Any, form: str, theirs: Any, path: str, samples: Any, compare: Any) -> str:
    try:
        ours = translate.named(path)
    except translate.Missing:
        return "missing"
    if entry.name in FREE_AMONG_EQUALS:
        compare = lambda entry, sample, dtype, expected, found: differs(expected, found, False, values=False)
    for dtype in DTYPES:
        for sample in samples(dtype) if dtype in entry.supported_dtypes("cpu") else ():
            if not isinstance(sample.input, torch.Tensor):
                continue
            fault = _sample(form, theirs, ours, sample, functools.partial(compare, entry, sample, dtype))
            if fault:
                return f"{str(dtype).removeprefix('torch.')}: {fault}"
    return ""


def _sample(form: str, theirs: Any, ours: Any, sample: Any, compare: Any) -> str:
    x = sample.input.detach().clone()
    our_in, our_kw = translate.value(((x, *sample.args), sample.kwargs))
    with torch.no_grad(), nptorch.no_grad():
        try:
            torch.manual_seed(0)
            expected = theirs(x, *sample.args, **sample.kwargs)
            if form == "out=":
                if not isinstance(expected, torch.Tensor):
                    return ""
                room = nptorch.empty(tuple(expected.shape), dtype=translate.value(expected.dtype))
                our_kw["out"] = room
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            expected = error
        nptorch.manual_seed(0)
        try:
            found = ours(*our_in, **our_kw)
        except Exception as error:
            return "" if isinstance(expected, Exception) else _words(error)
    if isinstance(expected, Exception):
        return "" if form == "out=" else f"taken, not {_words(expected)}"
    if form != "method" and found is not (our_in[0] if form == "in place" else our_kw["out"]):
        return "another tensor"
    return compare(expected, found)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
