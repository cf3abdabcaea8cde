"""Learning rate schedules against PyTorch: the same rates, momenta, state and errors."""

import copy
import math
import types

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim
from nptorch.optim import lr_scheduler

HALF = 0.95
SCHEDULES = [
    ("LambdaLR", {"lr_lambda": lambda epoch: HALF**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 1 / (1 + epoch), lambda epoch: HALF**epoch]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: HALF}),
    ("StepLR", {"step_size": 7}),
    ("MultiStepLR", {"milestones": [3, 8, 8, 20], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 4}),
    ("LinearLR", {"start_factor": 0.2, "total_iters": 9}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 30, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4, "T_mult": 2, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 5}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "step_size_down": 8}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.1, 0.2], "step_size_up": 5, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "mode": "exp_range", "gamma": 0.98}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "scale_fn": lambda x: 1 / x, "cycle_momentum": False},
    ),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 51}),
    ("OneCycleLR", {"max_lr": [0.5, 0.1], "epochs": 3, "steps_per_epoch": 17, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 51, "anneal_strategy": "linear", "cycle_momentum": False}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(SCHEDULES)]
CLOSED = ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR", "CosineAnnealingLR"]


def ours(kind="SGD", **options):
    params = [nn.Parameter(nptorch.ones(1)) for _ in range(2)]
    return optimizer_of(optim, params, kind, options)


def theirs(torch, kind="SGD", **options):
    return optimizer_of(torch.optim, [torch.nn.Parameter(torch.ones(1)) for _ in range(2)], kind, options)


def optimizer_of(package, params, kind, options):
    if kind == "SGD":
        options = {"momentum": 0.9, **options}
    return getattr(package, kind)([{"params": params[:1], "lr": 0.3}, {"params": params[1:]}], lr=0.1, **options)


def run(scheduler, steps, *metrics):
    history = []
    for i in range(steps):
        scheduler.optimizer.step()
        scheduler.step(*(metric[i] for metric in metrics))
        groups = scheduler.optimizer.param_groups
        history.append([[float(x) for x in (g["lr"], *g.get("betas", ()), g.get("momentum", 0))] for g in groups])
        assert [group["lr"] for group in groups] == scheduler.get_last_lr()
    return history


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_same_rates_as_pytorch(name, options, kind):
    torch = pytest.importorskip("torch")
    mine = getattr(lr_scheduler, name)(ours(kind), **options)
    other = getattr(torch.optim.lr_scheduler, name)(theirs(torch, kind), **options)
    assert mine.get_last_lr() == other.get_last_lr()
    assert run(mine, 50) == run(other, 50)


@pytest.mark.parametrize(("name", "options"), SCHEDULES, ids=IDS)
def test_state_dict_as_pytorch_and_back(name, options):
    """Our state has PyTorch's keys, PyTorch's state goes on here with the same rates."""
    torch = pytest.importorskip("torch")
    mine = getattr(lr_scheduler, name)(ours(), **options)
    other = getattr(torch.optim.lr_scheduler, name)(theirs(torch), **options)
    run(mine, 10)
    run(other, 10)
    state, expected = mine.state_dict(), other.state_dict()
    functions = {key for key, value in expected.items() if isinstance(value, (types.FunctionType, types.MethodType))}
    assert set(state) == set(expected) - functions
    for key in set(state) - {"lr_lambdas"}:
        assert state[key] == expected[key], key
    fresh_optimizer = ours()
    fresh = getattr(lr_scheduler, name)(fresh_optimizer, **options)
    for group, saved in zip(fresh_optimizer.param_groups, other.optimizer.param_groups, strict=True):
        group.update({key: value for key, value in saved.items() if key != "params"})
    fresh.load_state_dict(copy.deepcopy({key: value for key, value in expected.items() if key not in functions}))
    assert run(fresh, 20) == run(other, 20)


@pytest.mark.parametrize("name", CLOSED)
def test_old_epoch_argument_jumps(name):
    torch = pytest.importorskip("torch")
    options = dict(SCHEDULES)[name]
    mine = getattr(lr_scheduler, name)(ours(), **options)
    other = getattr(torch.optim.lr_scheduler, name)(theirs(torch), **options)
    mine.optimizer.step()
    other.optimizer.step()
    for epoch in (3, 11, 5):
        with pytest.warns(UserWarning, match="epoch parameter"):
            mine.step(epoch)
        with pytest.warns(UserWarning, match="epoch parameter"):
            other.step(epoch)
        assert mine.get_last_lr() == other.get_last_lr()


@pytest.mark.parametrize("T_mult", [1, 2, 3])
def test_warm_restarts_take_fractions_of_an_epoch(T_mult):
    torch = pytest.importorskip("torch")
    mine = lr_scheduler.CosineAnnealingWarmRestarts(ours(), 3, T_mult)
    other = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs(torch), 3, T_mult)
    for epoch in np.arange(0, 20, 0.37):
        mine.step(float(epoch))
        other.step(float(epoch))
        assert mine.get_last_lr() == other.get_last_lr()
    with pytest.raises(ValueError, match="non-negative epoch"):
        mine.step(-1)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_as_pytorch(mode, threshold_mode):
    torch = pytest.importorskip("torch")
    options = {
        "mode": mode,
        "threshold_mode": threshold_mode,
        "factor": 0.5,
        "patience": 2,
        "cooldown": 1,
        "threshold": 0.05,
        "min_lr": [0.01, 0.02],
    }
    mine = lr_scheduler.ReduceLROnPlateau(ours(), **options)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs(torch), **options)
    metrics = np.random.default_rng(3).uniform(0.5, 1.5, 50).round(2)
    assert run(mine, 50, metrics) == run(other, 50, metrics)
    assert mine.state_dict() == other.state_dict()
    assert mine.get_last_lr()[0] < 0.1
    again = lr_scheduler.ReduceLROnPlateau(mine.optimizer)
    again.load_state_dict(other.state_dict())
    assert again.state_dict() == other.state_dict()


def combined(package, optimizer):
    warmup = package.LinearLR(optimizer, 0.1, total_iters=5)
    middle = package.CosineAnnealingLR(optimizer, 10)
    return package.SequentialLR(optimizer, [warmup, middle, package.ExponentialLR(optimizer, 0.9)], [5, 20])


def chained(package, optimizer):
    return package.ChainedScheduler([package.ConstantLR(optimizer, 0.1, 4), package.ExponentialLR(optimizer, 0.9)])


@pytest.mark.parametrize("make", [combined, chained])
def test_schedules_of_schedules(make):
    torch = pytest.importorskip("torch")
    mine, other = make(lr_scheduler, ours()), make(torch.optim.lr_scheduler, theirs(torch))
    assert mine.get_last_lr() == other.get_last_lr()
    assert run(mine, 15) == run(other, 15)
    assert mine.state_dict() == other.state_dict()
    again_optimizer = ours()
    again = make(lr_scheduler, again_optimizer)
    again.load_state_dict(copy.deepcopy(other.state_dict()))
    for group, saved in zip(again_optimizer.param_groups, mine.optimizer.param_groups, strict=True):
        group["lr"] = saved["lr"]
    assert run(again, 15) == run(other, 15)


def test_resuming_needs_the_initial_rates():
    with pytest.raises(KeyError, match=r"param 'initial_lr' is not specified in param_groups\[0\]"):
        lr_scheduler.StepLR(ours(), 3, last_epoch=4)
    optimizer = ours()
    first = lr_scheduler.StepLR(optimizer, 3)
    run(first, 4)
    second = lr_scheduler.StepLR(optimizer, 3, last_epoch=first.last_epoch)
    assert second.base_lrs == [0.3, 0.1]


def test_wrong_order_warns_once():
    scheduler = lr_scheduler.StepLR(ours(), 3)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    scheduler.step()


def test_steps_from_before_the_schedule_do_not_count():
    optimizer = ours()
    optimizer.step()
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match="before"):
        scheduler.step()


def test_get_lr_outside_a_step_warns():
    scheduler = lr_scheduler.StepLR(ours(), 3)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()


def test_schedule_of_the_user_and_rate_in_a_tensor():
    class Half(lr_scheduler._LRScheduler):
        def get_lr(self):
            return [lr * 0.5**self.last_epoch for lr in self.base_lrs]

    p = nn.Parameter(nptorch.ones(1))
    optimizer = optim.SGD([p], lr=nptorch.tensor(0.5))
    rate = optimizer.param_groups[0]["lr"]
    scheduler = Half(optimizer)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25


def test_lambda_objects_keep_their_attributes():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    state = lr_scheduler.LambdaLR(ours(), Decay(0.5)).state_dict()
    assert state["lr_lambdas"] == [{"rate": 0.5}, {"rate": 0.5}]
    other = lr_scheduler.LambdaLR(ours(), Decay(0.9))
    other.load_state_dict(state)
    assert other.lr_lambdas[0].rate == 0.5


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("ConstantLR", {"factor": 1.5}, ValueError, "between 0 and 1, got 1.5"),
        ("LinearLR", {"start_factor": 0}, ValueError, "greater than 0"),
        ("LinearLR", {"end_factor": 2}, ValueError, "Ending multiplicative factor"),
        ("LambdaLR", {"lr_lambda": [math.sin]}, ValueError, "Expected 2 lr_lambdas, but got 1"),
        ("LambdaLR", {"lr_lambda": 3}, TypeError, "should be a function, but got int"),
        ("CosineAnnealingWarmRestarts", {"T_0": 0}, ValueError, "positive integer T_0, but got 0"),
        ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 0}, ValueError, "T_mult >= 1"),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "mode": "square"}, ValueError, "mode 'square' is invalid"),
        ("CyclicLR", {"base_lr": [0.1], "max_lr": 1}, ValueError, "base_lr must have the same length"),
        ("OneCycleLR", {"max_lr": 1}, ValueError, "You must define either total_steps"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 0}, ValueError, "positive integer total_steps, but got 0"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 5, "pct_start": 2.0}, ValueError, "pct_start, but got 2.0"),
        ("ReduceLROnPlateau", {"factor": 1.0}, ValueError, "Factor should be < 1.0"),
        ("ReduceLROnPlateau", {"mode": "down"}, ValueError, "mode down is unknown"),
        ("SequentialLR", {"schedulers": [], "milestones": []}, ValueError, "at least one scheduler"),
    ],
)
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        getattr(lr_scheduler, name)(ours(), **options)


def test_other_bad_input():
    with pytest.raises(TypeError, match="str is not an Optimizer"):
        lr_scheduler.StepLR("sgd", 3)
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        lr_scheduler.OneCycleLR(ours("Adagrad"), 0.1, total_steps=5)
    finished = lr_scheduler.OneCycleLR(ours(), 0.1, total_steps=2)
    run(finished, 2)
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        run(finished, 1)
    one, two = ours(), ours()
    with pytest.raises(ValueError, match="same optimizer"):
        lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(one, 1), lr_scheduler.StepLR(two, 1)])
    with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau`"):
        lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(one)])
    with pytest.raises(ValueError, match="one more than the number of milestone points"):
        lr_scheduler.SequentialLR(one, [lr_scheduler.StepLR(one, 1)], [3])
