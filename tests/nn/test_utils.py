"""nn.utils against PyTorch."""

import math

import numpy as np
import pytest

import nptorch
from nptorch import nn

SHAPES = [(3, 4), (5,), ()]


def parameters(package, scale=1.0):
    rng = np.random.default_rng(0)
    result = []
    for shape in SHAPES:
        p = package.nn.Parameter(package.tensor(np.asarray(rng.standard_normal(shape))))
        p.grad = package.tensor(np.asarray(scale * rng.standard_normal(shape)))
        result.append(p)
    return [*result, package.nn.Parameter(package.ones(2))]  # one without a gradient


@pytest.mark.parametrize("norm_type", [2.0, 1, math.inf, 0.5])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    mine, theirs = parameters(nptorch), parameters(torch)
    norm = nn.utils.clip_grad_norm_(mine, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert norm.item() == pytest.approx(expected.item(), rel=1e-12)
    for p, q in zip(mine[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_clip_grad_norm_edges():
    p = nn.Parameter(nptorch.ones(2))
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == 0
    p.grad = nptorch.tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match=r"total norm of order 2\.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_(iter([p]), 1.0).item() == math.inf
    assert math.isnan(p.grad[0].item())
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        nn.utils.clip_grad_norm([p], 1.0)


def test_clip_grad_norm_keeps_float32():
    p = nn.Parameter(nptorch.ones(2))
    p.grad = nptorch.ones(2) * 3
    nn.utils.clip_grad_norm_(p, 1.0)
    assert p.grad.dtype is nptorch.float32


def test_clip_grad_value():
    p = nn.Parameter(nptorch.ones(3))
    p.grad = nptorch.tensor([-5.0, 0.25, 5.0])
    nn.utils.clip_grad_value_(p, 1)
    assert p.grad.tolist() == [-1, 0.25, 1]


def test_vector_of_parameters():
    model = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(model.parameters())
    assert vector.shape == (9,)
    vector.sum().backward()
    assert model.weight.grad.tolist() == [[1, 1]] * 3
    nn.utils.vector_to_parameters(nptorch.arange(9.0), model.parameters())
    assert model.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert model.bias.tolist() == [6, 7, 8]
    assert model.weight.requires_grad
    with pytest.raises(ValueError, match="the vector has 5 elements, the parameters need at least 6"):
        nn.utils.vector_to_parameters(nptorch.ones(5), model.parameters())
    with pytest.raises(TypeError, match=r"expected torch\.Tensor, but got: list"):
        nn.utils.vector_to_parameters([1.0], model.parameters())
