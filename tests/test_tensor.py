"""Tensors as PyTorch has them: dtypes and promotion, indexing, views, conversions, errors."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nptorch as nt

NAMES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128")


def name_of(t: Any) -> str:
    return str(t.dtype).split(".")[1]


# --- promotion ---


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("int32", 1.5, "float32"), ("uint8", 1, "uint8"), ("uint8", 300, "uint8"), ("bool", 1, "int64"), ("float16", 2.5, "float16"),
        ("float32", 1j, "complex64"), ("float64", 1j, "complex128"), ("int64", True, "int64"),
    ],
)  # fmt: skip
def test_numbers_do_not_promote_within_a_category(left: str, right: Any, expected: str) -> None:
    assert name_of(nt.ones(2, dtype=getattr(nt, left)) + right) == expected
    assert name_of(right + nt.ones(2, dtype=getattr(nt, left))) == expected


def test_zero_dim_tensors_do_not_promote_within_a_category() -> None:
    assert name_of(nt.ones(2) * nt.tensor(2.0, dtype=nt.float64)) == "float32"
    assert name_of(nt.ones(2, dtype=nt.int32) + nt.tensor(2)) == "int32"
    assert name_of(nt.ones(2, dtype=nt.int32) + nt.tensor(2.0, dtype=nt.float64)) == "float64"
    assert name_of(nt.tensor(1) + nt.tensor(2.0)) == "float32"


def test_integers_become_floats_where_they_must() -> None:
    x = nt.tensor([1, 2])
    assert name_of(x / 2) == name_of(x.exp()) == name_of(1 / x) == "float32"
    assert (x // 2).tolist() == [0, 1]
    assert name_of(x.sum()) == name_of(nt.ones(2, dtype=nt.bool).sum()) == "int64"
    assert (nt.tensor([250], dtype=nt.uint8) + 10).tolist() == [4]
    with pytest.raises(RuntimeError, match=r"use \.float\(\)\.mean\(\)"):
        x.mean()
    with pytest.raises(RuntimeError, match="can't be cast"):
        x.div_(2)


def test_promotion_table_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    for a, b in itertools.product(NAMES, NAMES):
        if "float16" in (a, b) and "complex" in a + b:
            continue  # PyTorch has an experimental complex32 for these
        for shape_a, shape_b in (((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())):
            ours, theirs = (
                T.ones(shape_a, dtype=getattr(T, a)) * T.ones(shape_b, dtype=getattr(T, b)) for T in (nt, torch)
            )
            assert name_of(ours) == name_of(theirs), (a, shape_a, b, shape_b)


def test_numpy_meets_tensor() -> None:
    x = nt.tensor([1.0, 2.0])
    assert name_of(x * np.float64(2)) == "float32"
    assert isinstance(np.ones(2) * x, nt.Tensor)
    assert np.argmax(x) == 1
    array = np.zeros(3, np.float32)
    shared = nt.from_numpy(array)
    shared[1] = 5
    assert array[1] == 5
    shared.numpy()[2] = 7
    assert shared.tolist() == [0, 5, 7]
    with pytest.raises(RuntimeError, match=r"Use tensor\.detach\(\)\.numpy\(\)"):
        nt.ones(2, requires_grad=True).numpy()
    with pytest.raises(ValueError, match="negative"):
        nt.from_numpy(array[::-1])


# --- indexing ---


def _index(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    items: list[Any] = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.sampled_from(["int", "slice", "list", "all", "none"]))
        if kind == "none":
            items.append(None)
            kind = "int"
        if kind == "int":
            items.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            bound = st.one_of(st.none(), st.integers(-n - 1, n + 1))
            items.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2]))))
        elif kind == "list":
            items.append(np.array(draw(st.lists(st.integers(-n, n - 1), min_size=2, max_size=2))))
        else:
            items.append(slice(None))
    if draw(st.booleans()):
        items.append(Ellipsis)
    return tuple(items)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_index_reads_writes_and_differentiates_as_pytorch(data: Any) -> None:
    torch = pytest.importorskip("torch")
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    index = _index(data.draw, shape)
    values = np.random.default_rng(0).normal(size=shape)
    results = []
    for T in (nt, torch):
        at = tuple(T.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
        x = T.tensor(values, requires_grad=True)
        y = x[at]
        if y.numel():
            (y * y).sum().backward()
        z = x.detach().clone() * 1
        z[at] = 2.0
        w = x * 1
        w[at] *= 3
        results.append((y.detach().numpy(), None if x.grad is None else x.grad.numpy(), z.numpy(), w.detach().numpy()))
    for ours, theirs in zip(*results, strict=True):
        if theirs is not None:
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_indices_that_do_not_exist() -> None:
    x = nt.zeros(2, 3)
    for index, text in (
        ((5,), "index 5 is out of bounds for dimension 0 with size 2"), ((0, -4), "index -4 is out of bounds for dimension 1 with size 3"),
        ((nt.tensor([0, 7]),), "index 7 is out of bounds for dimension 0 with size 2"), ((0, 0, 0), "too many indices for tensor of dimension 2"),
        ((nt.ones(3, dtype=nt.bool),), "shape of the mask"),
    ):  # fmt: skip
        with pytest.raises(IndexError, match=text):
            x[index]
    with pytest.raises(ValueError, match="step must be greater than zero"):
        x[::-1]
    with pytest.raises(TypeError, match="only integers, slices"):
        x["a"]
    with pytest.raises(RuntimeError, match="cannot be broadcast"):
        x[0] = nt.zeros(4)


# --- views, copies, conversions ---


def test_views_share_memory_and_copies_do_not() -> None:
    x = nt.arange(12.0)
    matrix = x.view(3, 4)
    for view in (
        matrix.t(),
        matrix[1:],
        matrix.reshape(2, 6),
        matrix.unsqueeze(0),
        matrix.diagonal(),
        matrix.unfold(1, 2, 2),
        x.detach(),
        x.data,
    ):
        view.zero_()
        view += 1
    assert x.max() == 1
    y = matrix[[0, 1]]
    y.zero_()
    assert matrix[0].sum() > 0
    with pytest.raises(RuntimeError, match=r"Use \.reshape\(\.\.\.\) instead"):
        matrix.t().view(12)
    with pytest.raises(RuntimeError, match=r"Please clone\(\) the tensor"):
        nt.zeros(1).expand(3).add_(1)


def test_python_protocols() -> None:
    x = nt.tensor([[1, 2], [3, 4]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert 3 in x
    assert sum(x.view(-1) == 3) == 1
    assert f"{nt.tensor(1.25):.1f} {nt.tensor(3)}" == "1.2 3"
    assert (int(nt.tensor(3.7)), float(nt.tensor(2)), bool(nt.tensor([1])), [10, 20][nt.tensor(1)]) == (
        3,
        2.0,
        True,
        20,
    )
    for bad, text in (
        (lambda: bool(x), "ambiguous"),
        (lambda: x.item(), "4 elements"),
        (lambda: len(nt.tensor(1)), "0-d"),
        (lambda: iter(nt.tensor(1)), "0-d"),
    ):
        with pytest.raises((RuntimeError, TypeError), match=text):
            bad()


def test_copies_keep_what_matters() -> None:
    p = nt.nn.Parameter(nt.tensor([1.0, 2.0]))
    p.grad = nt.ones(2)
    for q in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert isinstance(q, nt.nn.Parameter)
        assert q.requires_grad
        assert q.tolist() == [1, 2]
    x = nt.ones(2, requires_grad=True)
    x.grad = nt.ones(2)
    assert copy.deepcopy(x).grad.tolist() == [1, 1]
    assert copy.deepcopy(p).grad is None  # as in PyTorch
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(p * 2)


# --- errors: what came, what was expected ---


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: nt.ones(2, 3) + nt.ones(2, 4), RuntimeError, r"size of tensor a \(3\) must match the size of tensor b \(4\)"),
        (lambda: nt.ones(2, 3) @ nt.ones(2, 3), RuntimeError, r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"),
        (lambda: nt.ones(2, 3) @ nt.ones(3, 2, dtype=nt.float64), RuntimeError, "same dtype"),
        (lambda: nt.ones(6).view(4, 2), RuntimeError, r"shape '\[4, 2\]' is invalid for input of size 6"),
        (lambda: nt.cat([nt.ones(2, 2), nt.ones(2, 3)]), RuntimeError, "Expected size 2 but got size 3 for tensor number 1"),
        (lambda: nt.stack([nt.ones(2), nt.ones(3)]), RuntimeError, "equal size"),
        (lambda: nt.ones(2).sum(3), IndexError, "Dimension out of range"),
        (lambda: nt.ones(2, device="cuda"), RuntimeError, "not available"),
        (lambda: nt.device("gpu"), RuntimeError, "Invalid device string"),
        (lambda: nt.tensor([[1], [1, 2]]), ValueError, "one length"),
        (lambda: nt.tensor(["a"]), TypeError, "invalid data type 'str'"),
        (lambda: nt.tensor([1], requires_grad=True), RuntimeError, "floating point"),
        (lambda: nt.exp(3), TypeError, "must be Tensor, not int"),
        (lambda: nt.ones(2, 2).expand(3, 3), RuntimeError, "must match the existing size"),
        (lambda: nt.zeros(-1), RuntimeError, "negative dimension"),
        (lambda: nt.arange(0, 5, -1), RuntimeError, "inconsistent with step sign"),
        (lambda: nt.inverse(nt.zeros(2, 2)), RuntimeError, "singular"),
        (lambda: nt.ones(2).to("magic"), RuntimeError, "Invalid device string"),
        (lambda: nt.nn.functional.cross_entropy(nt.ones(1, 3), nt.tensor([7])), IndexError, "Target 7 is out of bounds"),
        (lambda: nt.nn.Linear(3, 4)(nt.ones(2, 5)), RuntimeError, r"mat1 and mat2 shapes cannot be multiplied \(2x5 and 3x4\)"),
        (lambda: nt.nn.Conv2d(3, 4, 3)(nt.ones(1, 1, 8, 8)), RuntimeError, "to have 3 channels, but got 1 channels instead"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


def test_whole_tensor_questions() -> None:
    x = nt.tensor([1.0, float("nan")])
    assert nt.equal(x[:1], nt.ones(1))
    assert not nt.equal(x, nt.ones(3))
    assert not nt.allclose(x, x)
    assert nt.allclose(x, x + 1e-9, equal_nan=True)
    assert x.isclose(nt.tensor([1.1, 0.0]), atol=0.2).tolist() == [True, False]
    assert nt.is_tensor(x)
    assert nt.numel(x) == 2
    assert nt.is_floating_point(x)
    assert not nt.is_complex(x)
    assert nt.is_nonzero(nt.tensor(2))


def test_writing_what_does_not_fit_the_dtype_is_quiet() -> None:
    """PyTorch says nothing of a nan among integers either."""
    x = nt.zeros(2, dtype=nt.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x[0] = nt.tensor(float("nan"))
        x.copy_(nt.tensor([float("nan"), 3.7]))
    assert x[1] == 3


@pytest.mark.parametrize("shape", [(-2, 3), (-6,), (-3, -2), (4, 2), (-1, 4), (-1, -1), (-1, 0)])
@pytest.mark.parametrize("name", ["view", "reshape"])
def test_shapes_that_do_not_fit(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="invalid|only one dimension can be inferred"):
        getattr(nt.arange(6), name)(*shape)
