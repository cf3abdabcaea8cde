"""Every operator of PyTorch's own test table, its samples fed to PyTorch and to nptorch, values and derivatives compared."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.connection
import time
import unittest
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import DecorateInfo

import nptorch
from tests.parity import errors, translate
from tests.parity.comparison import FREE_AMONG_EQUALS, array, derivatives, differs, elements, nearer, tensors
from tests.parity.result import Result

ENTRIES: dict[str, Any] = {op.full_name: op for op in op_db}
DTYPES = (torch.float64, torch.float32, torch.int64, torch.bool, torch.complex128)
FULL = 40  # samples a dtype behind the written table; fewer are always some of these
SECONDS = 60.0  # a name that takes longer counts as wrong

# Their values are whatever the memory held.
_UNSET = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
    "resize_",
    "resize_as_",
}
# What is not compared at all, and why.
LEFT_OUT = {
    "sparse": "sparse layouts",
    "to_sparse": "sparse layouts",
    "masked.": "masked tensors",
    "jiterator_": "CUDA source compiled at run time",
    "bfloat16": "element types that NumPy does not have",
    "chalf": "element types that NumPy does not have",
}


def left_out(name: str) -> str:
    """Why a name is not compared; empty if it is."""
    entry = ENTRIES[name]
    if isinstance(entry.op, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return "entry points of the dispatcher (torch.ops)"
    if any(part.startswith("_") and not part.startswith("__") for part in name.split(".")):
        return "private functions"
    if not entry.supported_dtypes("cpu"):
        return "nothing to run without a GPU"
    return next((why for prefix, why in LEFT_OUT.items() if name.startswith(prefix)), "")


def run(names: Iterable[str] | None = None, *, cap: int = FULL, jobs: int = 1) -> dict[str, Result]:
    """Compare the named operators (default: all), each in a process of its own, with at most `cap` samples a dtype."""
    torch.set_num_threads(1)
    waiting = [n for n in (ENTRIES if names is None else names) if not left_out(n)]
    context = multiprocessing.get_context("fork")
    found: dict[str, Result] = {}
    active: dict[str, tuple[Any, Any, float]] = {}
    while waiting or active:
        while waiting and len(active) < jobs:
            name = waiting.pop(0)
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(there, name, cap))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # fork beside threads: ours are idle
                process.start()
            there.close()
            active[name] = (process, here, time.monotonic() + SECONDS)
        multiprocessing.connection.wait([pipe for _, pipe, _ in active.values()], timeout=0.5)
        for name, (process, pipe, deadline) in list(active.items()):
            if pipe.poll():
                try:
                    found[name] = pipe.recv()
                except EOFError:
                    process.join()
                    found[name] = Result("wrong", f"the process died ({process.exitcode})")
            elif time.monotonic() > deadline:
                process.kill()
                found[name] = Result("wrong", f"took longer than {SECONDS:.0f} s")
            else:
                continue
            process.join()
            pipe.close()
            del active[name]
    return found


def _child(pipe: Any, name: str, cap: int) -> None:
    warnings.simplefilter("ignore")
    pipe.send(compare(name, cap))


def compare(name: str, cap: int) -> Result:
    """One operator, all its dtypes."""
    entry = ENTRIES[name]
    try:
        function = _counterpart(entry)
    except translate.Missing as error:
        return Result("missing", str(error))
    tried = 0
    wrong: list[str] = []
    for dtype in DTYPES:
        if dtype not in entry.supported_dtypes("cpu"):
            continue
        for i, sample in enumerate(_samples(entry, dtype, cap)):
            tried += 1
            try:
                fault = _sample(entry, function, sample, dtype)
            except Exception as error:
                fault = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            if fault:
                wrong.append(f"{str(dtype).removeprefix('torch.')} sample {i}: {fault}")
    if not tried:
        return Result("wrong", "no sample of these dtypes")
    refused, taken = errors.accepted(entry, function)
    if wrong:
        return Result("wrong", f"{len(wrong)} of {tried}; {wrong[0]}", refused, taken)
    return Result("right", "", refused, taken)


def _counterpart(entry: Any) -> Any:
    # The table's own functions reorder arguments, seed generators, read properties; anything else goes by its name.
    if translate.is_a_tests(entry.op) or entry.variant_test_name:
        return translate.function(entry.op)
    return translate.named(entry.name)


def _samples(entry: Any, dtype: torch.dtype, cap: int) -> Iterator[Any]:
    """At most `cap` samples of a dtype, spread over all there are, the same in every run."""
    torch.manual_seed(0)
    np.random.seed(0)
    gradient = dtype is torch.float64 and entry.supports_autograd
    every = list(itertools.islice(entry.sample_inputs("cpu", dtype, requires_grad=gradient), 400))
    return iter(_spread(_spread(every, FULL), cap))


def _spread(samples: list[Any], cap: int) -> list[Any]:
    return samples[:: max(1, -(-len(samples) // cap))]


def _sample(entry: Any, function: Any, sample: Any, dtype: torch.dtype) -> str:
    """What is wrong with one sample; empty if nothing is."""
    ours_in = (translate.value(sample.input), *translate.value(tuple(sample.args)))
    ours_kw = translate.value(sample.kwargs)
    theirs_in = (sample.input, *sample.args)
    torch.manual_seed(0)
    try:
        theirs = sample.output_process_fn_grad(entry.op(*theirs_in, **sample.kwargs))
    except Exception:
        return ""  # a sample that PyTorch itself refuses here
    nptorch.manual_seed(0)
    ours = translate.function(sample.output_process_fn_grad)(function(*ours_in, **ours_kw))
    single = any(t.dtype is torch.float32 for t in tensors([theirs_in, sample.kwargs], torch.Tensor))
    if entry.name in FREE_AMONG_EQUALS and not sample.kwargs.get("stable"):
        if fault := differs(theirs, ours, single, values=False):
            return fault
        named, found = (elements(entry.name, sample, r) for r in (theirs, ours))
        if not np.array_equal(named, found, equal_nan=named.dtype.kind in "fc"):
            return "indices of other elements"
        if isinstance(theirs, torch.Tensor):
            return ""
        theirs, ours = theirs[0], ours[0]
    fault = differs(theirs, ours, single, values=entry.name not in _UNSET)
    if fault and not (fault.startswith("values") and nearer(_exact(entry, sample, dtype), theirs, ours)):
        return fault
    if dtype is torch.float64 and entry.supports_autograd:
        return derivatives(_sound_orders(entry), (theirs, (theirs_in, sample.kwargs)), (ours, (ours_in, ours_kw)))
    return ""


def _exact(entry: Any, sample: Any, dtype: torch.dtype) -> list[Any] | None:
    """What the numbers should be: for float32 PyTorch's in double precision, else those of the reference that PyTorch names
    (SciPy's functions, most of them); None where there is neither."""
    if dtype is torch.float32:
        wide = sample.transform(lambda x: x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x)
        try:
            return [array(t) for t in tensors(entry.op(wide.input, *wide.args, **wide.kwargs), torch.Tensor)]
        except Exception:
            return None
    reference = getattr(entry, "ref", None)
    if not isinstance(reference, np.ufunc) or sample.args or sample.kwargs:
        return None
    return [np.asarray(reference(array(sample.input)))]


def _sound_orders(entry: Any) -> int:
    """Up to which order to compare derivatives: where PyTorch's table expects its own to fail finite differences, there is
    nothing to agree with."""
    expected = unittest.expectedFailure
    failing = {
        mark.test_name
        for mark in (*entry.skips, *entry.decorators)
        if isinstance(mark, DecorateInfo)
        and expected in mark.decorators
        and mark.cls_name == "TestBwdGradients"
        and mark.is_active("TestBwdGradients", mark.test_name, "cpu", torch.float64, {})
    }
    if "test_fn_grad" in failing:
        return 0
    return 2 if entry.supports_gradgrad and "test_fn_gradgrad" not in failing else 1
