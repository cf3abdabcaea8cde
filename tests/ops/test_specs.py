"""Every operation on its samples: values and derivatives against PyTorch, finite differences, and the reference kernels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import nn  # noqa: F401  (the samples reach it as T.nn)
from nptorch.autograd import gradcheck, gradgradcheck
from nptorch.ops.registry import TABLE, Op, ViewOp
from tests.ops.oracle import results
from tests.ops.sampling import Sample
from tests.ops.specs import SAMPLES

GOLDEN = Path(__file__).parent.parent / "golden"


def _ids(samples: list[Sample]) -> list[str]:
    return [s.name for s in samples]


def _has_scipy() -> bool:
    try:
        import scipy.special  # noqa: F401
    except ImportError:
        return False
    return True


def _runnable(s: Sample) -> None:
    if s.special and not _has_scipy():
        pytest.skip("needs SciPy")


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """What PyTorch gave, by sample: shapes, dtypes and all numbers of value, gradients and second gradients."""
    index = json.loads((GOLDEN / "ops.json").read_text())
    numbers = np.load(GOLDEN / "ops.npy")
    return {
        name: [(shape, dtype, numbers[a:b].reshape(shape)) for shape, dtype, a, b in parts]
        for name, parts in index.items()
    }


@pytest.mark.parametrize("s", SAMPLES, ids=_ids(SAMPLES))
def test_matches_recorded_pytorch(s: Sample, golden: dict[str, Any]) -> None:
    _runnable(s)
    assert s.name in golden, f"sample {s.name} is not in tests/golden/ops.json: run `make golden`"
    _compare(results(nptorch, s), golden[s.name], s.name)


@pytest.mark.filterwarnings("ignore:Using padding=:UserWarning")
@pytest.mark.parametrize("s", SAMPLES, ids=_ids(SAMPLES))
def test_matches_live_pytorch(s: Sample) -> None:
    torch = pytest.importorskip("torch")
    _runnable(s)
    _compare(results(nptorch, s), results(torch, s), s.name)
    ours, theirs = (s.call(T, *s.tensors(T, np.float32, grad=False)) for T in (nptorch, torch))
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-5, atol=2e-5)


def _compare(ours: list[Any], theirs: list[Any], name: str) -> None:
    assert len(ours) == len(theirs)
    for i, ((shape, dtype, values), (shape2, dtype2, values2)) in enumerate(zip(ours, theirs, strict=True)):
        assert list(shape) == list(shape2), f"{name}: part {i}"
        assert dtype == dtype2, f"{name}: part {i}"
        np.testing.assert_allclose(values, values2, rtol=1e-7, atol=1e-9, err_msg=f"{name}: part {i}")


_SMOOTH = [s for s in SAMPLES if s.smooth]
_ANY_LAYOUT = [
    s for s in _SMOOTH if s.name not in ("view", "as_strided", "view_as_complex")
]  # these want one memory layout


@pytest.mark.parametrize("s", _SMOOTH, ids=_ids(_SMOOTH))
def test_derivatives_by_finite_differences(s: Sample) -> None:
    _runnable(s)
    tensors = s.tensors(nptorch)
    assert gradcheck(lambda *xs: s.call(nptorch, *xs), tensors)
    assert gradgradcheck(lambda *xs: s.call(nptorch, *xs), tensors)


def test_every_op_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    if not _has_scipy():
        pytest.skip("needs SciPy")
    reached: set[str] = set()

    def traced(original: Any) -> Any:
        def trace(self: Op, *arguments: Any, **params: Any) -> Any:
            reached.add(self.name)
            return original(self, *arguments, **params)

        return trace

    for kind, way in ((Op, "__call__"), (Op, "into"), (ViewOp, "__call__")):
        monkeypatch.setattr(kind, way, traced(getattr(kind, way)))
    for s in SAMPLES:
        results(nptorch, s)
    # Writing into a view records copy_slices without running it; its derivative runs it.
    missing = sorted(set(TABLE) - reached)
    assert not missing, f"operations that no sample in tests/ops/specs.py reaches: {missing}"


@pytest.mark.parametrize("s", _ANY_LAYOUT, ids=_ids(_ANY_LAYOUT))
def test_non_contiguous_inputs_give_the_same(s: Sample) -> None:
    _runnable(s)
    plain = s.tensors(nptorch, grad=False)
    strided = [_strided(t) for t in plain]
    np.testing.assert_allclose(
        s.call(nptorch, *strided).numpy(), s.call(nptorch, *plain).numpy(), rtol=1e-12, atol=1e-12
    )


def _strided(t: Any) -> Any:
    array = t.numpy()
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    part = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    part[...] = array
    return nptorch.from_numpy(part)


@pytest.mark.parametrize("s", SAMPLES, ids=_ids(SAMPLES))
def test_native_kernels_equal_the_reference(s: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    _runnable(s)
    for dtype, tolerance in ((np.float32, 2e-5), (np.float64, 1e-11)):
        fast = [p[2] for p in results(nptorch, s, dtype)]
        with monkeypatch.context() as m:
            for op in TABLE.values():
                m.setattr(op, "native", None)
            slow = [p[2] for p in results(nptorch, s, dtype)]
        for a, b in zip(fast, slow, strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * 10)


def test_a_wrong_derivative_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from nptorch.autograd import GradcheckError

    vjp = TABLE["exp"].vjps[0]
    assert vjp is not None
    monkeypatch.setattr(vjp, "function", lambda g, out: g * out * 1.01)
    x = nptorch.tensor([0.3, 0.7], dtype=nptorch.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(nptorch.exp, (x,))
