"""nn.functional against PyTorch: values, gradients and second gradients of every call in the table."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch.ops.registry import TABLE

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import CASES, Case

CLOSE = {"float64": {"rtol": 1e-8, "atol": 1e-9}, "float32": {"rtol": 2e-4, "atol": 5e-5}}


def results(package, case: Case, dtype: str, second: bool = False) -> dict[str, np.ndarray]:
    """The output, the gradients of a fixed weighting of it and, if wanted, the gradients of a weighting of those."""
    inputs, wanted = {}, {}
    for name, (array, grad) in case.arrays().items():
        values = array.astype(dtype) if array.dtype.kind == "f" else array
        inputs[name] = package.tensor(values.copy())
        if grad:
            wanted[name] = inputs[name].requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = eval(case.text, {"F": package.nn.functional, "t": package}, inputs)
    found = {"out": out}
    grads = package.autograd.grad(
        weighted(package, [out]), list(wanted.values()), create_graph=second, allow_unused=True
    )
    found.update({f"d{n}": g for n, g in zip(wanted, grads, strict=True) if g is not None})
    live = [g for g in grads if g is not None and g.requires_grad]
    if second and live:
        again = package.autograd.grad(weighted(package, live), list(wanted.values()), allow_unused=True)
        found.update({f"dd{n}": g for n, g in zip(wanted, again, strict=True) if g is not None})
    return {n: x.detach().numpy() for n, x in found.items()}


def weighted(package, tensors):
    """One number that every element moves, each by its own weight."""
    total = 0
    for x in tensors:
        weights = np.cos(np.arange(x.numel()) + 0.5).reshape(tuple(x.shape)).astype(x.detach().numpy().dtype)
        total = total + (x * package.tensor(weights)).sum()
    return total


@pytest.fixture(params=["native", "reference"])
def kernels(request, monkeypatch):
    """With the native kernels, and with the NumPy reference alone."""
    if request.param == "reference":
        for op in TABLE.values():
            monkeypatch.setattr(op, "native", None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_are_pytorchs(case, dtype, kernels):
    torch = pytest.importorskip("torch")
    second = case.second and dtype == "float64"
    theirs, ours = results(torch, case, dtype, second), results(nptorch, case, dtype, second)
    for name, expected in theirs.items():
        # What is zero everywhere may be missing: there is no path for it in the graph.
        got = ours.get(name, np.zeros_like(expected)) if name.startswith("dd") else ours[name]
        assert got.shape == expected.shape, name
        assert got.dtype == expected.dtype, name
        np.testing.assert_allclose(got, expected, **CLOSE[dtype], err_msg=name)
    for name in set(ours) - set(theirs):
        assert name.startswith("d") and not ours[name].any(), f"{name} should be nothing"
