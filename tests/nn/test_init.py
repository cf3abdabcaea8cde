"""nn.init against PyTorch: the same numbers for the same seed."""

import numpy as np
import pytest

import nptorch
from nptorch import nn

# (function, shape, arguments); exact: the same bits, otherwise the same to rounding.
CASES = [
    ("uniform_", (7, 5), {"a": -1.0, "b": 3.0}, True),
    ("normal_", (7, 5), {"mean": 1.0, "std": 2.0}, True),
    ("constant_", (3,), {"val": 0.3}, True),
    ("ones_", (3,), {}, True),
    ("zeros_", (3,), {}, True),
    ("eye_", (3, 5), {}, True),
    ("dirac_", (6, 2, 3), {"groups": 3}, True),
    ("dirac_", (3, 4, 3, 5), {}, True),
    ("dirac_", (2, 2, 3, 3, 3), {}, True),
    ("xavier_uniform_", (30, 40), {"gain": 1.5}, True),
    ("xavier_normal_", (6, 4, 3, 3), {}, True),
    ("kaiming_uniform_", (6, 4, 3, 3), {"a": 0.2, "mode": "fan_out"}, True),
    ("kaiming_normal_", (30, 40), {"nonlinearity": "relu"}, True),
    ("trunc_normal_", (30, 40), {"std": 0.02}, True),
    ("trunc_normal_", (30, 40), {"a": -1.0, "b": 0.7}, True),
    ("trunc_normal_", (30, 40), {"a": 1.5, "b": 2.0}, False),
    ("orthogonal_", (5, 8), {"gain": 2.0}, False),
    ("orthogonal_", (8, 2, 3), {}, False),
    ("sparse_", (10, 6), {"sparsity": 0.35}, True),
]


@pytest.mark.parametrize(("name", "shape", "arguments", "exact"), CASES)
def test_same_numbers_as_pytorch(name, shape, arguments, exact):
    torch = pytest.importorskip("torch")
    results = []
    for package in (nptorch, torch):
        package.manual_seed(11)
        p = package.nn.Parameter(package.empty(*shape))
        assert getattr(package.nn.init, name)(p, **arguments) is p
        assert p.requires_grad
        assert p.grad_fn is None
        results.append((p.detach().numpy(), package.rand(3).numpy()))
    (got, mine_next), (expected, theirs_next) = results
    if exact:
        np.testing.assert_array_equal(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(mine_next, theirs_next)  # as many numbers were drawn


def test_own_generator():
    torch = pytest.importorskip("torch")
    results = []
    for package in (nptorch, torch):
        generator = package.Generator().manual_seed(4)
        results.append(package.nn.init.kaiming_uniform_(package.empty(3, 4), generator=generator).numpy())
    np.testing.assert_array_equal(*results)


def test_gains():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)


def test_in_place_changes_are_counted():
    for fill in (nn.init.eye_, nn.init.orthogonal_, lambda t: nn.init.trunc_normal_(t, a=1.5, b=2.0), nn.init.ones_):
        t = nptorch.empty(3, 3)
        before = t._version[0]
        fill(t)
        assert t._version[0] > before


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.init.calculate_gain("swish"), ValueError, "Unsupported nonlinearity swish"),
        (lambda: nn.init.calculate_gain("leaky_relu", "x"), ValueError, "negative_slope x not a valid number"),
        (lambda: nn.init.xavier_uniform_(nptorch.empty(3)), ValueError, "fewer than 2 dimensions"),
        (lambda: nn.init.kaiming_uniform_(nptorch.empty(3, 3), mode="fan"), ValueError, "Mode fan not supported"),
        (
            lambda: nn.init.eye_(nptorch.empty(3)),
            ValueError,
            "Only tensors with 2 dimensions are supported, eye_ got 1",
        ),
        (lambda: nn.init.dirac_(nptorch.empty(3, 3)), ValueError, "3 or 4 or 5 dimensions"),
        (
            lambda: nn.init.dirac_(nptorch.empty(3, 3, 3), 2),
            ValueError,
            r"dim 0 \(3\) must be divisible by groups \(2\)",
        ),
        (lambda: nn.init.orthogonal_(nptorch.empty(3)), ValueError, "2 or more dimensions"),
        (lambda: nn.init.sparse_(nptorch.empty(3), 0.1), ValueError, "2 dimensions"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_warnings():
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        nn.init.kaiming_uniform_(nptorch.empty(0, 3))
    with pytest.warns(UserWarning, match="more than 2 std"):
        nn.init.trunc_normal_(nptorch.empty(3), mean=10.0, a=7.0, b=7.5)
    with pytest.warns(
        FutureWarning, match=r"`nn.init.xavier_uniform` is now deprecated in favor of `nn.init.xavier_uniform_`"
    ):
        nn.init.xavier_uniform(nptorch.empty(2, 2))
