"""PyTorch's table of layers (module_db): each built, shown, run and differentiated with its samples, in training and in
evaluation; text, first weights, state_dict, results and both orders of gradients are compared."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

import torch
from torch.testing._internal.common_modules import module_db

import nptorch
from tests.parity import translate
from tests.parity.comparison import derivatives, differs
from tests.parity.result import Result

ENTRIES: dict[str, Any] = {info.name: info for info in module_db}
DTYPES = (torch.float64, torch.float32)


def run(names: Collection[str] | None = None) -> dict[str, Result]:
    """The result for each layer (default: all)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: compare(name) for name in ENTRIES if names is None or name in names}


def compare(name: str) -> Result:
    """One layer, all its samples."""
    info = ENTRIES[name]
    try:
        ours = translate.named(name)
    except translate.Missing as error:
        return Result("missing", str(error))
    tried = 0
    wrong: list[str] = []
    for dtype in DTYPES:
        for training in (True, False):
            # A sample may draw its inputs; both modes see the same ones.
            torch.manual_seed(0)
            samples = info.module_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=dtype is torch.float64, training=training
            )
            for i, sample in enumerate(samples):
                try:
                    fault = _sample(info, ours, sample, dtype, training)
                except _Refused:
                    continue
                except Exception as error:
                    fault = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                tried += 1
                if fault:
                    mode = "train" if training else "eval"
                    wrong.append(f"{str(dtype).removeprefix('torch.')} {mode} sample {i} ({sample.desc}): {fault}")
    if not tried:
        return Result("wrong", "no sample that PyTorch runs")
    return Result("wrong", f"{len(wrong)} of {tried}; {wrong[0]}") if wrong else Result("right")


class _Refused(Exception):
    """PyTorch itself does not run a sample."""


def _sample(info: Any, cls: Any, sample: Any, dtype: torch.dtype, training: bool) -> str:
    """What is wrong with one sample; empty if nothing is."""
    made, given = sample.constructor_input, sample.forward_input
    args, kwargs = translate.value(tuple(made.args)), translate.value(made.kwargs)
    torch.manual_seed(0)
    theirs = info.module_cls(*made.args, **made.kwargs)
    nptorch.manual_seed(0)
    ours = cls(*args, **kwargs)
    if repr(ours) != repr(theirs):
        return f"repr {ours!r}, not {theirs!r}"
    if not info.is_lazy and (fault := _state(theirs, ours, torch.float32)):
        return f"when new: {fault}"
    theirs.to(dtype).train(training)
    ours.to(translate.value(dtype)).train(training)
    if not info.is_lazy:
        ours.load_state_dict({k: translate.tensor(v) for k, v in theirs.state_dict().items()})
    # Copied before the call, which may change a tensor in place.
    once = {id(x): translate.value(x) for x in given.args}  # one tensor given twice stays one
    our_in = tuple(once[id(x)] for x in given.args), translate.value(given.kwargs)
    torch.manual_seed(0)
    try:
        expected = theirs(*given.args, **given.kwargs)
    except Exception as error:
        raise _Refused from error
    nptorch.manual_seed(0)
    found = ours(*our_in[0], **our_in[1])
    if fault := differs(expected, found, dtype is torch.float32):
        return fault
    if fault := _state(theirs, ours, dtype):
        return f"after forward(): {fault}"
    if repr(ours) != repr(theirs):
        return f"repr after forward() {ours!r}, not {theirs!r}"
    if dtype is not torch.float64:
        return ""
    their_in = (given.args, given.kwargs, list(theirs.parameters()))
    orders = 2 if info.supports_gradgrad else 1
    return derivatives(orders, (expected, their_in), (found, (*our_in, list(ours.parameters()))))


def _state(theirs: Any, ours: Any, dtype: torch.dtype) -> str:
    expected, found = theirs.state_dict(), ours.state_dict()
    if list(expected) != list(found):
        return f"state_dict {list(found)}, not {list(expected)}"
    if [n for n, _ in theirs.named_parameters()] != [n for n, _ in ours.named_parameters()]:
        return f"parameters {[n for n, _ in ours.named_parameters()]}"
    for name, value in expected.items():
        if fault := differs(value, found[name], dtype is torch.float32):
            return f"{name}: {fault}"
    return ""
