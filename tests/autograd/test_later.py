"""Gradients that wait for the next derivative give what each derivative alone gives, and nobody outside sees them waiting."""

from __future__ import annotations

import numpy as np
import pytest

import nptorch as T
import nptorch.nn.functional as F
from nptorch.autograd import detect_anomaly

PATHS = {
    "relu, pool": lambda x: F.max_pool2d(F.relu(x), 2),
    "pool, relu": lambda x: F.relu(F.max_pool2d(x, 2)),
    "pool, relu in place": lambda x: F.max_pool2d(x, 2).relu_(),
    "relu, overlapping pool": lambda x: F.max_pool2d(F.relu(x), 3, 2, 1),
    "relu, large pool": lambda x: F.max_pool2d(F.relu(x), 12),
    "relu, pool, pool": lambda x: F.max_pool2d(F.max_pool2d(F.relu(x), 2), 2),
    "norm, relu": lambda x: F.relu(F.batch_norm(x, None, None, training=True)),
    "norm, relu, pool": lambda x: F.max_pool2d(F.relu(F.batch_norm(x, None, None, training=True)), 2),
    "norm of few, relu": lambda x: F.relu(F.batch_norm(x.reshape(-1, 8), None, None, training=True)),
    "relu to many": lambda x: (lambda y: F.max_pool2d(y, 2).sum() + (y * y).sum() + F.max_pool2d(y, 2, 1).sum())(F.relu(x)),
    "pool to many": lambda x: (lambda y: F.relu(y).sum() + F.max_pool2d(y, 2).sum())(F.max_pool2d(x, 2)),
    "pool to itself": lambda x: F.max_pool2d(x, 1) + F.relu(x),
}  # fmt: skip


@pytest.fixture
def x():
    made = T.tensor(np.random.default_rng(0).normal(size=(3, 2, 12, 12)).round(1))  # with ties
    return made.requires_grad_()


def convolved(x):
    w = T.tensor(np.random.default_rng(1).normal(size=(4, 2, 3, 3)), requires_grad=True)
    b = T.full((4,), 0.1, dtype=T.float64, requires_grad=True)
    return F.conv2d(x, w, b, padding=1), (x, w, b)


def gradients(path, x, create):
    """Those of input, weight and bias of a convolution before `path`; with create every derivative runs by itself."""
    y, leaves = convolved(x)
    out = path(y)
    factor = T.tensor(np.random.default_rng(2).normal(size=out.shape))
    (out * factor).sum().backward(create_graph=create)
    found = [leaf.grad.detach().numpy().copy() for leaf in leaves]
    x.grad = None
    return found


@pytest.mark.parametrize("name", PATHS)
def test_the_same_as_one_derivative_after_another(name, x):
    for got, want in zip(gradients(PATHS[name], x, False), gradients(PATHS[name], x, True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_leaves_hooks_and_results_get_tensors(x):
    seen = []
    y = F.relu(x)
    y.register_hook(lambda g: seen.append(g.clone()))
    y.grad_fn.register_hook(lambda given, arrived: seen.extend((*given, *arrived)))
    out = F.max_pool2d(y, 2)
    out.grad_fn.register_hook(lambda given, arrived: seen.extend(given))
    out.sum().backward()
    assert len(seen) == 4
    assert all(type(g) is T.Tensor and g.shape == x.shape for g in seen)
    assert type(x.grad) is T.Tensor
    assert x.grad.sum() == (out > 0).sum()


def test_a_kept_gradient_is_that_before_the_relu(x):
    y = F.relu(x)
    y.retain_grad()
    out = F.max_pool2d(y, 2)
    out.sum().backward()
    assert y.grad.sum() == out.numel()
    assert x.grad.sum() == (out > 0).sum()


def test_gradients_of_values_between(x):
    y = F.relu(x)
    out = F.max_pool2d(y, 2)
    of_x, of_y = T.autograd.grad(out.sum(), [x, y])
    assert of_y.sum() == out.numel()
    assert of_x.sum() == (out > 0).sum()


def test_nan_is_still_found_where_it_arises(x):
    with detect_anomaly(), pytest.raises(RuntimeError, match="MaxPool2DWithIndicesBackward0.*nan"):
        F.max_pool2d(F.relu(x), 2).backward(T.full((3, 2, 6, 6), float("nan"), dtype=T.float64))


def test_nan_passes_through_the_relu_as_alone(x):
    with T.no_grad():
        x[0, 0, 0, 0] = float("nan")
    F.max_pool2d(F.relu(x), 2).sum().backward()
    assert x.grad[0, 0, 0, 0] == 1


def test_through_a_function_of_the_user(x):
    class Double(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert type(g) is T.Tensor
            return g * 2

    F.max_pool2d(Double.apply(x), 2).sum().backward()
    assert x.grad.sum() == 2 * 3 * 2 * 36
