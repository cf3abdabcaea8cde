"""Averaged models, their schedule and their batch norms against PyTorch."""

import copy

import numpy as np
import pytest

import nptorch
from nptorch.optim import swa_utils

torch = pytest.importorskip("torch")


def network(T, seed=0):
    """Two layers and a batch norm, with drawn weights."""
    model = T.nn.Sequential(T.nn.Linear(3, 4), T.nn.BatchNorm1d(4), T.nn.Linear(4, 2)).double()
    rng = np.random.default_rng(seed)
    with T.no_grad():
        for p in model.parameters():
            p.copy_(T.tensor(rng.standard_normal(tuple(p.shape))))
    return model


def batches(T):
    rng = np.random.default_rng(1)
    return [(T.tensor(rng.standard_normal((8, 3))), T.zeros(8)) for _ in range(5)]


def same(ours, theirs):
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name].numpy(), theirs[name].numpy(), rtol=1e-12, atol=1e-14, err_msg=name)


def averaged(T, use_buffers, how):
    """The state of an average over a few steps of training."""
    swa = T.optim.swa_utils
    makers = {
        "default": dict,
        "swa_avg": lambda: {"avg_fn": swa.get_swa_avg_fn()},
        "swa_multi": lambda: {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
        "ema_avg": lambda: {"avg_fn": swa.get_ema_avg_fn(0.9)},
        "ema_multi": lambda: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.3)},
        "users": lambda: {"avg_fn": lambda average, current, count: average + current / (2 + count)},
    }
    model = network(T)
    average = swa.AveragedModel(model, use_buffers=use_buffers, **makers[how]())
    optimizer = T.optim.SGD(model.parameters(), lr=0.1)
    for x, _ in batches(T):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
        average.update_parameters(model)
    return average


@pytest.mark.parametrize("how", ["default", "swa_avg", "ema_avg", "ema_multi", "users"])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_same_averages_as_pytorch(how, use_buffers):
    ours, theirs = (averaged(T, use_buffers, how) for T in (nptorch, torch))
    same(ours.state_dict(), theirs.state_dict())
    x = batches(nptorch)[0][0]
    expected = theirs.eval()(torch.tensor(x.numpy())).detach().numpy()
    np.testing.assert_allclose(ours.eval()(x).detach().numpy(), expected, rtol=1e-12)


def test_swa_multi_avg_fn_as_pytorch():
    ours, theirs = (averaged(T, False, "swa_multi") for T in (nptorch, torch))
    same(ours.state_dict(), theirs.state_dict())
    # PyTorch's fails for whole numbers, such as the count of a batch norm's batches.
    counts = [averaged(nptorch, True, how).module[1].num_batches_tracked for how in ("swa_multi", "swa_avg")]
    assert counts[0].item() == counts[1].item()


def test_the_model_itself_stays_and_the_first_update_copies():
    model = network(nptorch)
    average = swa_utils.AveragedModel(network(nptorch, seed=1))
    before = copy.deepcopy(model.state_dict())
    average.update_parameters(model)
    same(model.state_dict(), before)
    same(average.module.state_dict(), before)
    assert average.n_averaged.item() == 1
    assert average.n_averaged.dtype is nptorch.int64
    assert all(p.requires_grad for p in average.parameters())


@pytest.mark.parametrize("form", ["tensors", "tuples"])
def test_update_bn_as_pytorch(form):
    states = []
    for T in (nptorch, torch):
        model = network(T).eval()
        loader = batches(T) if form == "tuples" else [x for x, _ in batches(T)]
        T.optim.swa_utils.update_bn(loader, model)
        assert not model.training
        assert model[1].momentum == 0.1
        states.append(model.state_dict())
    same(*states)


def rates(T, options, steps=15, resume=None):
    optimizer = T.optim.SGD([{"params": [T.ones(1)]}, {"params": [T.ones(1)], "lr": 0.3}], lr=0.1)
    scheduler = T.optim.swa_utils.SWALR(optimizer, **options)
    seen = [[g["lr"] for g in optimizer.param_groups]]
    for step in range(steps):
        if step == resume:
            state = scheduler.state_dict()
            scheduler = T.optim.swa_utils.SWALR(optimizer, **options)
            scheduler.load_state_dict(state)
        optimizer.step()
        scheduler.step()
        seen.append(scheduler.get_last_lr())
    return seen


@pytest.mark.parametrize(
    "options",
    [
        {"swa_lr": 0.05},
        {"swa_lr": [0.5, 0.02], "anneal_epochs": 4, "anneal_strategy": "linear"},
        {"swa_lr": 0.05, "anneal_epochs": 1},
        {"swa_lr": 0.05, "anneal_epochs": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("resume", [None, 3])
def test_same_rates_as_pytorch(options, resume):
    np.testing.assert_allclose(rates(nptorch, options, resume=resume), rates(torch, options, resume=resume), rtol=1e-13)


def test_schedule_takes_pytorchs_state():
    made = [T.optim.swa_utils.SWALR(T.optim.SGD([T.ones(1)], lr=0.1), swa_lr=0.05) for T in (nptorch, torch)]
    assert made[0].state_dict().keys() >= made[1].state_dict().keys() - {"_get_lr_called_within_step", "_is_initial"}
    made[0].load_state_dict(made[1].state_dict())


def test_bad_options():
    optimizer = nptorch.optim.SGD([nptorch.ones(1)], lr=0.1)
    with pytest.raises(ValueError, match="anneal_strategy must be one of"):
        swa_utils.SWALR(optimizer, 0.1, anneal_strategy="exp")
    with pytest.raises(ValueError, match="anneal_epochs must be equal or greater than 0"):
        swa_utils.SWALR(optimizer, 0.1, anneal_epochs=-1)
    with pytest.raises(ValueError, match=r"Invalid decay value 1\.5"):
        swa_utils.get_ema_multi_avg_fn(1.5)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(network(nptorch), avg_fn=lambda a, c, n: a, multi_avg_fn=lambda a, c, n: None)
