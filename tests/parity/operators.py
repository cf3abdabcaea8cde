"""Every operator of PyTorch's own test table, its samples fed to PyTorch and to nptorch, values and derivatives compared."""

from __future__ import annotations

import itertools
import multiprocessing
import multiprocessing.connection
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_methods_invocations import op_db

import nptorch
from tests.parity import translate
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
    "torch.ops": "private entry points of the dispatcher",
    "ops.": "private entry points of the dispatcher",
}


def left_out(name: str) -> str:
    """Why a name is not compared; empty if it is."""
    if name.startswith("_") and not name.startswith("__"):
        return "private functions"
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
    return Result("wrong", f"{len(wrong)} of {tried}; {wrong[0]}") if wrong else Result("right")


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
    if fault := differs(theirs, ours, dtype, values=entry.name not in _UNSET):
        return fault
    if dtype is torch.float64 and entry.supports_autograd:
        return derivatives(entry, (theirs, (theirs_in, sample.kwargs)), (ours, (ours_in, ours_kw)), dtype)
    return ""


def tensors(x: Any, kind: type) -> list[Any]:
    """All tensors inside nested results."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, dict):
        x = list(x.values())
    return [t for y in x for t in tensors(y, kind)] if isinstance(x, (list, tuple)) else []


def differs(theirs: Any, ours: Any, dtype: torch.dtype, values: bool = True) -> str:
    """How a result of nptorch differs from PyTorch's; empty if it does not."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, nptorch.Tensor):
            return f"a {type(ours).__name__} for a tensor"
        if tuple(theirs.shape) != tuple(ours.shape):
            return f"shape {list(ours.shape)}, not {list(theirs.shape)}"
        if str(theirs.dtype).removeprefix("torch.") != ours.dtype.name:
            return f"dtype {ours.dtype.name}, not {theirs.dtype}"
        if not values:
            return ""
        expected = theirs.detach().resolve_conj().resolve_neg()
        if expected.dtype in (torch.bfloat16, torch.float16):
            return ""
        a, b = expected.numpy(force=True), np.asarray(ours.detach())
        single = torch.float32 in (dtype, expected.dtype) or expected.dtype is torch.complex64
        rtol, atol = (2e-4, 2e-5) if single else (1e-7, 1e-8)
        if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
            return f"values off by {np.nanmax(np.abs(np.subtract(a, b, dtype=np.result_type(a, np.float64)))):.2g} of {np.nanmax(np.abs(a)):.2g}"
        return ""
    if isinstance(theirs, (list, tuple)):
        if not isinstance(ours, (list, tuple)) or len(theirs) != len(ours):
            return f"{type(ours).__name__} for {type(theirs).__name__} of {len(theirs)}"
        return next((f for a, b in zip(theirs, ours, strict=True) if (f := differs(a, b, dtype, values))), "")
    if isinstance(theirs, (bool, int, float, complex)):
        return "" if np.isclose(theirs, ours, equal_nan=True) else f"{ours}, not {theirs}"
    if isinstance(theirs, torch.dtype):
        return "" if str(theirs).removeprefix("torch.") == getattr(ours, "name", "") else f"{ours}, not {theirs}"
    return ""


def derivatives(entry: Any, theirs: Any, ours: Any, dtype: torch.dtype) -> str:
    orders = 2 if entry.supports_gradgrad else 1
    (expected, their_in), (found, our_in) = theirs, ours
    y, x = _differentiable(expected, torch.Tensor), _differentiable(their_in, torch.Tensor)
    v, u = _differentiable(found, nptorch.Tensor), _differentiable(our_in, nptorch.Tensor)
    for order in range(1, orders + 1):
        if not y or not x:
            return ""
        seeds = [np.random.default_rng(order).normal(size=t.shape) * (1 + 0.5j if t.is_complex() else 1) for t in y]
        try:
            expected = torch.autograd.grad(
                y,
                x,
                [torch.tensor(s).to(t.dtype) for s, t in zip(seeds, y, strict=True)],
                create_graph=True,
                allow_unused=True,
            )
        except RuntimeError:
            return ""  # PyTorch has no derivative of this order here
        if len(y) != len(v):
            return f"order {order}: {len(v)} results carry a gradient, not {len(y)}"
        seeds = [nptorch.tensor(s).to(t.dtype) for s, t in zip(seeds, v, strict=True)]
        found = nptorch.autograd.grad(v, u, seeds, create_graph=True, allow_unused=True)
        for a, b in zip(expected, found, strict=True):
            # no gradient and a gradient of zeros are the same
            if a is None or b is None:
                rest = a if b is None else b
                if rest is not None and bool((rest != 0).any()):
                    return f"order {order}: {'no gradient' if b is None else 'a gradient where PyTorch has none'}"
            elif fault := differs(a, b, dtype):
                return f"order {order}: {fault}"
        pairs = [(a, b) for a, b in zip(expected, found, strict=True) if a is not None and b is not None]
        pairs = [(a, b) for a, b in pairs if a.requires_grad and b.requires_grad]
        y, v = [a for a, _ in pairs], [b for _, b in pairs]
    return ""


def _differentiable(x: Any, kind: type) -> list[Any]:
    return [t for t in tensors(x, kind) if t.requires_grad]
