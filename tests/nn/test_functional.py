"""nn.functional against PyTorch on every call of the table: values, first and second gradients, by both kernels."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.ops.oracle import results
from tests.ops.sampling import Sample

import nptorch
from nptorch.autograd import gradcheck
from nptorch.ops.registry import TABLE

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import CASES

ROUGH = [c for c in CASES if not c.smooth]
CLOSE = {"float64": {"rtol": 1e-7, "atol": 1e-9}, "float32": {"rtol": 1e-3, "atol": 2e-4}}
# What the libraries say about odd arguments is not what is compared here.
pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning")]


def name(case: Sample) -> str:
    return case.name


@pytest.fixture(params=["native", "reference"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the native kernels, and with the NumPy reference alone."""
    if request.param == "reference":
        for op in TABLE.values():
            monkeypatch.setattr(op, "native", None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=name)
def test_values_and_gradients_are_pytorchs(case: Sample, dtype: str, kernels: None) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = results(nptorch, case, np.dtype(dtype)), results(torch, case, np.dtype(dtype))
    for i, (got, expected) in enumerate(zip(ours, theirs, strict=True)):
        assert got[:2] == expected[:2], f"part {i}: shape and dtype"
        np.testing.assert_allclose(got[2], expected[2], **CLOSE[dtype], err_msg=f"part {i}")


@pytest.mark.parametrize("case", ROUGH, ids=name)
def test_gradients_that_pytorch_cannot_differentiate_again(case: Sample) -> None:
    asked = dataclasses.replace(case, smooth=True)
    assert gradcheck(lambda *xs: asked.call(nptorch, *xs), asked.tensors(nptorch))


def test_every_function_has_a_case() -> None:
    drawn = {name for name in nptorch.nn.functional.__dict__ if "dropout" in name or name == "gumbel_softmax"}
    in_place = {name for name in nptorch.nn.functional.__dict__ if name.endswith("_") and not name.startswith("_")}
    rooms = {name for name, value in vars(nptorch.nn.functional).items() if isinstance(value, type(nptorch.nn))}
    public = {name for name in vars(nptorch.nn.functional) if not name.startswith("_")} - rooms
    text = " ".join(case.name for case in CASES)
    missing = sorted(f for f in public - drawn - in_place if f"F.{f}(" not in text)
    assert not missing, f"functions without a call in functional_cases.py: {missing}"
