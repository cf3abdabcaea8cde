"""Forms of functions: out=, in place, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch

X = np.random.default_rng(0).normal(size=(3, 4))
_OF_ONE: dict[str, Any] = {
    "cumsum": (0,), "softmax": (1,), "logsumexp": (1,), "tril": (), "argmax": (1,), "std": (1,), "quantile": (0.3, 1), "amax": (0,),
    "nan_to_num": (), "round": (), "t_copy": (), "renorm": (2, 0, 1.0), "masked_select": (nptorch.tensor(X > 0),), "all": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", _OF_ONE)
def test_out_takes_the_result(name: str) -> None:
    x, function = nptorch.tensor(X), getattr(nptorch, name)
    expected = function(x, *_OF_ONE[name])
    room = nptorch.empty(0, dtype=expected.dtype)
    assert function(x, *_OF_ONE[name], out=room) is room
    np.testing.assert_array_equal(room.numpy(), expected.numpy())


def test_out_of_several_results() -> None:
    values, indices = nptorch.empty(0, dtype=nptorch.float64), nptorch.empty(0, dtype=nptorch.int64)
    found = nptorch.sort(nptorch.tensor(X), 1, out=(values, indices))
    assert found.values is values and found.indices is indices
    np.testing.assert_array_equal(values.numpy(), np.sort(X, 1))


def test_a_new_tensor_takes_the_dtype_of_out() -> None:
    exact = nptorch.empty(3, dtype=nptorch.float64)
    nptorch.linspace(0, 1, 3, out=exact)
    assert exact.tolist() == [0, 0.5, 1]
    nptorch.zeros(3, out=exact)
    assert exact.tolist() == [0, 0, 0]
    whole = nptorch.empty(0, dtype=nptorch.int32)
    assert nptorch.arange(3, out=whole) is whole and whole.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="step must be nonzero"):
        nptorch.arange(0, 4, 0.5, out=whole)


def test_out_that_cannot_hold_the_result_is_refused() -> None:
    x, whole = nptorch.tensor(X), nptorch.empty((3, 4), dtype=nptorch.int64)
    with pytest.raises(RuntimeError, match="can't be cast"):
        nptorch.cumsum(x, 0, out=whole)
    with pytest.raises(RuntimeError, match="Expected out tensor to have dtype"):
        nptorch.gather(x, 1, whole * 0, out=nptorch.empty(3, 4))
    with pytest.raises(RuntimeError, match="single memory location"):
        nptorch.cat([x[:1], x[1:]], out=x)
    with pytest.raises(RuntimeError, match="single memory location"):
        nptorch.tril(x, out=nptorch.zeros(1, dtype=nptorch.float64).expand(3, 4))
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        nptorch.cumsum(x.requires_grad_(), 0, out=nptorch.empty(3, 4, dtype=nptorch.float64))


def test_in_place_forms_are_functions_too() -> None:
    x = nptorch.tensor([1.0, -4.0])
    assert nptorch.abs_(x) is x and nptorch.sqrt_(x) is x and x.tolist() == [1, 2]
    assert x.cumsum_(0) is x and x.tolist() == [1, 3]
    with pytest.raises(RuntimeError, match="can't be cast"):
        nptorch.tensor([1, 2]).logit_()


@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "div_"])
@pytest.mark.parametrize("part", [slice(1, None), slice(None, -1), slice(None)])
def test_in_place_arithmetic_with_the_tensor_s_own_memory(name: str, part: slice) -> None:
    """What is read is what was there before, even where it lies in what is written."""
    values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32) + 3
    x = nptorch.from_numpy(values.copy())
    other = slice(None, len(values[part])) if part != slice(None, -1) else slice(1, None)
    version = x._version[0]
    getattr(x[part], name)(x[other])
    want = values.copy()
    operation = {"add_": np.add, "sub_": np.subtract, "mul_": np.multiply, "div_": np.divide}[name]
    want[part] = operation(values[part], values[other])
    assert np.array_equal(x.numpy(), want)
    assert x._version[0] == version + 1


def test_relu_in_place_writes_where_the_tensor_lies() -> None:
    values = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    for x in (nptorch.from_numpy(values.copy()), nptorch.from_numpy(values.T.copy()).t()):
        place = x.numpy()
        x.relu_()
        assert np.array_equal(place, np.maximum(values, 0))
        assert x._version[0] == 1


def test_a_filled_tensor_stays_in_the_graph() -> None:
    x = nptorch.ones(2, requires_grad=True)
    y = (x * 3).zero_()
    assert y.requires_grad
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("call", [lambda x: nptorch.bernoulli(x), lambda x: nptorch.normal(x, 1.0)])
def test_drawn_numbers_have_no_slope_but_a_graph(call: Any) -> None:
    x = nptorch.full((3,), 0.5, requires_grad=True)
    call(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ["maximum", "atan2", "logical_and", "gcd", "ldexp", "heaviside", "isclose"])
def test_a_number_is_no_tensor(name: str) -> None:
    x = nptorch.ones(2, dtype=nptorch.int64)
    for args in ((x, 2), (2, x)):
        with pytest.raises(TypeError, match=f"{name}.*must be Tensor, not int"):
            getattr(nptorch, name)(*args)


@pytest.mark.parametrize("name", ["eq", "fmod", "copysign", "rsub"])
def test_only_the_first_must_be_a_tensor(name: str) -> None:
    assert getattr(nptorch, name)(nptorch.ones(2), 2).shape == (2,)
    with pytest.raises(TypeError, match="must be Tensor, not int"):
        getattr(nptorch, name)(2, nptorch.ones(2))


@pytest.mark.parametrize("name", ["amax", "amin", "max", "min", "median", "mode", "argmax", "hash_tensor"])
def test_nothing_to_reduce(name: str) -> None:
    function = getattr(nptorch, name)
    with pytest.raises(IndexError, match="dim 0 to have non-zero size"):
        function(nptorch.zeros(0, 3), dim=0)
    if name not in ("median", "mode", "argmax"):
        with pytest.raises(RuntimeError, match="Expected reduction dim to be specified"):
            function(nptorch.zeros(0, 3))
    assert nptorch.median(nptorch.zeros(0)).isnan()


def test_kthvalue_names_the_element_that_pytorch_names() -> None:
    x = nptorch.tensor([[2, 0, 2, 1, 0, 2, 1, 1, 0, 2, 2, 1]])
    assert [int(nptorch.kthvalue(x, k).indices) for k in range(1, 13)] == [8, 4, 1, 6, 3, 7, 11, 10, 0, 9, 2, 5]
