"""Activation checkpointing: values, gradients and random numbers as PyTorch's."""

import sys

import numpy as np
import pytest

import nptorch


def run(package, reentrant):
    checkpoint = package.utils.checkpoint
    package.manual_seed(0)
    model = package.nn.Sequential(package.nn.Linear(4, 4), package.nn.Tanh(), package.nn.Linear(4, 2)).double()
    x = package.rand(3, 4, dtype=package.float64, requires_grad=True)
    first = checkpoint.checkpoint(lambda a, b: model(a) * b, x, 2.0, use_reentrant=reentrant, preserve_rng_state=True)
    second = checkpoint.checkpoint_sequential(model, 2, x, use_reentrant=reentrant)
    (first * second).sum().backward()
    return [x.grad, first.detach(), second.detach(), *(p.grad for p in model.parameters()), package.rand(2)]


@pytest.mark.parametrize("reentrant", [False, True])
def test_like_pytorch(reentrant):
    torch = pytest.importorskip("torch.utils.checkpoint") and sys.modules["torch"]

    for mine, theirs in zip(run(nptorch, reentrant), run(torch, reentrant), strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-12)


def test_keywords_reach_the_function():
    double = nptorch.utils.checkpoint.checkpoint(lambda x, *, by: x * by, nptorch.ones(1), use_reentrant=False, by=2)
    assert double.item() == 2
