"""Muon against PyTorch, bfloat16 roundings and all; SparseAdam says what to use."""

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim

OPTIONS = [
    {},
    {"lr": 0.02, "nesterov": False, "weight_decay": 0.0},
    {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.8, "ns_steps": 3},
    {"lr": 0.1, "adjust_lr_fn": "original", "ns_coefficients": (3.4, -4.7, 2.0), "eps": 1e-3},
]


def end(T, options, dtype, shape):
    """The matrix after steps with drawn gradients; its state goes through a state_dict on the way."""
    rng = np.random.default_rng(0)
    p = T.nn.Parameter(T.tensor(rng.standard_normal(shape).astype(dtype)))
    optimizer = T.optim.Muon([p], **options)
    for step in range(8):
        if step == 4:
            state = optimizer.state_dict()
            optimizer = T.optim.Muon([p], **options)
            optimizer.load_state_dict(state)
        p.grad = T.tensor(rng.standard_normal(shape).astype(dtype))
        optimizer.step()
    return p.detach().numpy()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_same_parameters_as_pytorch(options, shape, dtype, tolerance):
    torch = pytest.importorskip("torch")
    off = np.abs(end(nptorch, options, dtype, shape) - end(torch, options, dtype, shape))
    assert np.median(off) < tolerance
    # Where sums in another order fall on the other side of a rounding to bfloat16, a step is off by one of its units.
    assert off.max() < options.get("lr", 1e-3) / 64


def test_a_step_is_nearly_orthogonal_whatever_the_size_of_the_gradient():
    for size in (1e-3, 1e3):
        p = nn.Parameter(nptorch.zeros(16, 16))
        p.grad = size * nptorch.tensor(np.random.default_rng(0).standard_normal((16, 16)).astype("float32"))
        optim.Muon([p], lr=1.0, weight_decay=0.0, momentum=0.0).step()
        values = np.linalg.svd(p.detach().numpy(), compute_uv=False)
        assert 0.3 < values.min()
        assert values.max() < 1.4


def test_takes_matrices_and_known_options():
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        optim.Muon(nn.Linear(2, 2).parameters())
    with pytest.raises(ValueError, match="arbitrary is not supported"):
        optim.Muon([nn.Parameter(nptorch.ones(2, 2))], adjust_lr_fn="arbitrary")
    p = nn.Parameter(nptorch.ones(2, 2))
    p.grad = nptorch.ones(2, 2)
    with pytest.raises(ValueError, match="less than 100"):
        optim.Muon([p], ns_steps=100).step()
    p = nn.Parameter(nptorch.ones(2, 2, dtype=nptorch.complex64))
    p.grad = nptorch.ones(2, 2, dtype=nptorch.complex64)
    with pytest.raises(RuntimeError, match="complex"):
        optim.Muon([p]).step()


def test_sparse_adam_names_what_to_use():
    with pytest.raises(NotImplementedError, match="use Adam"):
        optim.SparseAdam([nn.Parameter(nptorch.ones(2))])
