"""The text of tensors, against PyTorch's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import naming, nn, printing
from nptorch.tensor import Tensor, from_array

GOLDEN = json.loads((Path(__file__).parent / "golden" / "printing.json").read_text())


@pytest.fixture(autouse=True)
def as_torch() -> Iterator[None]:
    """PyTorch's names and default options."""
    before = naming.package()
    naming.show_as("torch")
    printing.set_printoptions(profile="default")
    yield
    naming.show_as(before)
    printing.set_printoptions(profile="default")


def test_golden() -> None:
    for case in GOLDEN:
        array = np.frombuffer(bytes.fromhex(case["bytes"]), case["dtype"]).reshape(case["shape"])
        t = from_array(array)
        t.requires_grad = case["requires_grad"]
        with printing.printoptions(**case["options"]):
            assert repr(t) == case["text"], case


@pytest.mark.parametrize("seed", range(8))
def test_random_tensors_print_as_in_torch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    from tests.golden import make_printing

    rng = np.random.default_rng(seed)
    for _ in range(60):
        dtype, style = str(rng.choice(make_printing.DTYPES)), str(rng.choice(make_printing.STYLES))
        shape = tuple(
            int(n) for n in rng.choice((0, 1, 2, 3, 5, 7, 8, 12, 40), rng.integers(0, 5), p=(0.02, *[0.1225] * 8))
        )
        array = make_printing.sample(dtype, shape, style, rng)
        options: dict[str, Any] = {
            "precision": [None, 0, 2, 6][rng.integers(4)], "threshold": [None, 5, 50][rng.integers(3)],
            "edgeitems": [None, 0, 1, 2][rng.integers(4)], "linewidth": [None, 20, 40, 120][rng.integers(4)],
            "profile": [None, "default", "short", "full"][rng.integers(4)], "sci_mode": [None, True, False][rng.integers(3)],
        } if rng.random() < 0.5 else {}  # fmt: skip
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**options)
        with printing.printoptions(**options):
            assert repr(from_array(array)) == repr(torch.from_numpy(array.copy())), (dtype, style, shape, options)
    torch.set_printoptions(profile="default")


def test_more_than_a_thousand_elements_are_abridged() -> None:
    torch = pytest.importorskip("torch")
    for shape in ((1000,), (1001,), (40, 40), (6, 200), (7, 200), (3, 20, 20), (9, 8, 7, 6), (500, 1, 3)):
        n = int(np.prod(shape))
        assert repr(nptorch.arange(n).reshape(shape)) == repr(torch.arange(n).reshape(shape))
        assert repr((nptorch.arange(n) / 7).reshape(shape)) == repr((torch.arange(n) / 7).reshape(shape))


def test_views_print_their_own_elements() -> None:
    t = nptorch.arange(12).reshape(3, 4)
    assert repr(t.T[::2]) == "tensor([[ 0,  4,  8],\n        [ 2,  6, 10]])"
    assert repr(t[1:, 1].expand(2, 2)) == "tensor([[5, 9],\n        [5, 9]])"


@pytest.mark.parametrize(
    "expression",
    [
        "x + 1", "2 * x", "x / 3", "x.exp()", "x.sum()", "x @ x.T", "x.reshape(6)", "x.view(-1)", "x.T", "x.clone()", "x.relu()",
        "x.log_softmax(1)", "x.detach()", "x ** 2", "x.sum() * 1e6", "x > 0",
    ],
)  # fmt: skip
def test_grad_fn_is_named_as_in_torch(expression: str) -> None:
    torch = pytest.importorskip("torch")
    data = [[0.5, -1.5, 2.0], [1.0, 3.25, -0.75]]
    texts = [repr(eval(expression, {"x": m.tensor(data, requires_grad=True)})) for m in (nptorch, torch)]
    assert texts[0] == texts[1]


def test_dtype_is_shown_where_it_is_not_the_default() -> None:
    assert repr(nptorch.tensor([1, 2])) == "tensor([1, 2])"
    assert repr(nptorch.tensor([1, 2], dtype=nptorch.int32)) == "tensor([1, 2], dtype=torch.int32)"
    assert repr(nptorch.zeros(2, 0)) == "tensor([], size=(2, 0))"
    naming.show_as("nptorch")
    assert repr(nptorch.tensor([1.0, 2.0]).double()) == "tensor([1., 2.], dtype=nptorch.float64)"
    nptorch.set_default_dtype(nptorch.float64)
    try:
        assert repr(nptorch.tensor([1.0])) == "tensor([1.])"
        assert repr(nptorch.tensor([1j])) == "tensor([0.+1.j])"
        assert repr(nptorch.ones(1).float()) == "tensor([1.], dtype=nptorch.float32)"
    finally:
        nptorch.set_default_dtype(nptorch.float32)


@pytest.mark.parametrize(
    "values",
    [
        [1e8 + 0.5],
        [1.1e8, 1.5],
        [9.9e7, 1e5 + 0.5],
        [1.1e8],
        [1e-4],
        [0.9e-4],
        [1.5, 1500.0],
        [1.5, 1501.0],
        [1e9, 2e9],
        [3e38, 1e38],
    ],
)
def test_bounds_of_scientific_notation(values: list[float]) -> None:
    torch = pytest.importorskip("torch")
    assert repr(nptorch.tensor(values, dtype=nptorch.float64)) == repr(torch.tensor(values, dtype=torch.float64))


def test_parameter_and_subclass() -> None:
    class Mine(Tensor):
        pass

    assert repr(nn.Parameter(nptorch.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert str(from_array(np.ones(2, np.float32), Mine)) == "Mine([1., 1.])"


def test_format() -> None:
    x = nptorch.tensor(1.25)
    assert f"{x}" == "1.25"
    assert f"{x:.4f} {nptorch.tensor(7):03d}" == "1.2500 007"
    assert f"{nptorch.tensor([1.25])}" == "tensor([1.2500])"
    with pytest.raises(TypeError):
        format(nptorch.ones(2), ".2f")


def test_options() -> None:
    with printing.printoptions(precision=2, threshold=4, edgeitems=1):
        assert repr(nptorch.tensor([1.23456] * 5)) == "tensor([1.23,  ..., 1.23])"
        assert printing.get_printoptions()["precision"] == 2
    assert repr(nptorch.tensor([1.23456])) == "tensor([1.2346])"
    printing.set_printoptions(sci_mode=True)
    assert repr(nptorch.tensor([1.5])) == "tensor([1.5000e+00])"
    printing.set_printoptions()  # as in PyTorch, the notation goes back to automatic with every call
    assert repr(nptorch.tensor([1.5])) == "tensor([1.5000])"


@pytest.mark.parametrize("options", [{"profile": "loud"}, {"precision": -1}, {"edgeitems": 1.5}, {"linewidth": "80"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    before = printing.get_printoptions()
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        printing.set_printoptions(**options)
    assert printing.get_printoptions() == before
