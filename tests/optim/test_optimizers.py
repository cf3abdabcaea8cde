"""Optimizers against PyTorch: the same parameters after the same gradients, the same state, the same errors."""

import copy
import math
import pickle

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim
from nptorch.kernels import optim as kernels

ALGORITHMS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1, "eps": 1e-4}),
    ("Adam", {"amsgrad": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    ("RMSprop", {"centered": True, "maximize": True, "alpha": 0.9}),
    ("Adagrad", {"lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("Adadelta", {"weight_decay": 0.01, "lr": 0.5}),
    ("Adamax", {"weight_decay": 0.01, "maximize": True}),
    ("NAdam", {"weight_decay": 0.01}),
    ("NAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True, "momentum_decay": 0.1}),
    ("RAdam", {"weight_decay": 0.01}),
    ("RAdam", {"weight_decay": 0.01, "decoupled_weight_decay": True, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.6, 1.3), "step_sizes": (1e-3, 0.5), "maximize": True}),
    ("ASGD", {"t0": 20}),
    ("ASGD", {"lr": 0.1, "t0": 5, "weight_decay": 0.1, "lambd": 0.01, "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "d": 2.0, "eps": (1e-8, 1e-2), "maximize": True}),
]
IDS = [f"{name}-{'-'.join(options) or 'default'}" for name, options in ALGORITHMS]
SHAPES = [(3, 4), (5,), (), (2, 1, 3)]


def parameters(dtype, make):
    rng = np.random.default_rng(0)
    return [make(rng.standard_normal(shape).astype(dtype)) for shape in SHAPES]


def ours(array):
    return nn.Parameter(nptorch.tensor(array))


def train(optimizer, params, to_tensor, steps, seed=1):
    """Steps with drawn gradients; now and then a parameter has none."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        for i, p in enumerate(params):
            g = rng.standard_normal(p.shape).astype(p.detach().numpy().dtype)
            p.grad = None if (step + i) % 7 == 3 else to_tensor(np.asarray(g))
        optimizer.step()


@pytest.fixture
def reference(monkeypatch):
    """The formulas in NumPy, also where native kernels are built."""
    for name in ("sgd_step", "adam_step"):
        function = getattr(kernels, name)
        plain = getattr(function, "__wrapped__", function)
        monkeypatch.setattr(f"nptorch.optim.{name.partition('_')[0]}.{name}", plain)


@pytest.mark.parametrize(("name", "options"), ALGORITHMS, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_same_parameters_as_pytorch(name, options, dtype, tolerance, reference):
    torch = pytest.importorskip("torch")
    mine, theirs = parameters(dtype, ours), parameters(dtype, lambda a: torch.nn.Parameter(torch.tensor(a)))
    train(getattr(optim, name)(mine, **options), mine, nptorch.tensor, 100)
    train(getattr(torch.optim, name)(theirs, **options), theirs, torch.tensor, 100)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), ALGORITHMS, ids=IDS)
def test_kernel_in_use_gives_the_same_as_the_formula(name, options, request):
    fast = parameters("float32", ours)
    train(getattr(optim, name)(fast, **options), fast, nptorch.tensor, 20)
    request.getfixturevalue("reference")
    plain = parameters("float32", ours)
    train(getattr(optim, name)(plain, **options), plain, nptorch.tensor, 20)
    for p, q in zip(fast, plain, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "RAdam"])
def test_large_and_strided_parameters(name, reference):
    """More elements than a block, and memory in another order: the same as small contiguous ones."""
    options = {"momentum": 0.9} if name == "SGD" else {}
    rng = np.random.default_rng(0)
    values, grads = rng.standard_normal((2, 300, 301)).astype("float32")
    whole = ours(values)
    strided = nn.Parameter(nptorch.tensor(np.ascontiguousarray(values.T)).t())
    assert not strided.is_contiguous()
    rows = [ours(row) for row in values]
    optimizers = [getattr(optim, name)(p, lr=0.01, **options) for p in ([whole], [strided], rows)]
    for _ in range(3):
        whole.grad = nptorch.tensor(grads)
        strided.grad = nptorch.tensor(grads)
        for row, g in zip(rows, grads, strict=True):
            row.grad = nptorch.tensor(g)
        for optimizer in optimizers:
            optimizer.step()
    expected = np.stack([row.detach().numpy() for row in rows])
    np.testing.assert_array_equal(whole.detach().numpy(), expected)
    np.testing.assert_array_equal(strided.detach().numpy(), expected)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_complex_parameters(name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    values = rng.standard_normal(5) + 1j * rng.standard_normal(5)
    mine, theirs = ours(values), torch.nn.Parameter(torch.tensor(values))
    first, second = getattr(optim, name)([mine], lr=0.1), getattr(torch.optim, name)([theirs], lr=0.1)
    for _ in range(5):
        g = rng.standard_normal(5) + 1j * rng.standard_normal(5)
        mine.grad, theirs.grad = nptorch.tensor(g), torch.tensor(g)
        first.step()
        second.step()
    np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


def numpy_state(state_dict):
    def plain(value):
        return value.detach().numpy() if hasattr(value, "detach") else value

    return {
        "state": {i: {k: plain(v) for k, v in values.items()} for i, values in state_dict["state"].items()},
        "param_groups": state_dict["param_groups"],
    }


@pytest.mark.parametrize(("name", "options"), ALGORITHMS, ids=IDS)
def test_state_dict_goes_both_ways(name, options):
    """PyTorch's state trains on here, ours trains on there, and both have the same keys and types."""
    torch = pytest.importorskip("torch")
    mine = parameters("float32", ours)
    theirs = parameters("float32", lambda a: torch.nn.Parameter(torch.tensor(a)))
    here, there = getattr(optim, name)(mine, **options), getattr(torch.optim, name)(theirs, **options)
    train(here, mine, nptorch.tensor, 5)
    train(there, theirs, torch.tensor, 5)
    ours_now, theirs_now = here.state_dict(), there.state_dict()
    assert ours_now["param_groups"] == theirs_now["param_groups"]
    for i, values in theirs_now["state"].items():
        assert list(ours_now["state"][i]) == list(values)
        for key, value in values.items():
            got = ours_now["state"][i][key].numpy()
            assert got.dtype == value.numpy().dtype, key
            assert got.shape == value.numpy().shape, key

    def convert(state_dict, to_tensor):
        packed = numpy_state(copy.deepcopy(state_dict))
        packed["state"] = {i: {k: to_tensor(v) for k, v in values.items()} for i, values in packed["state"].items()}
        return packed

    fresh, foreign = getattr(optim, name)(mine, **options), getattr(torch.optim, name)(theirs, **options)
    fresh.load_state_dict(convert(theirs_now, nptorch.tensor))
    foreign.load_state_dict(convert(ours_now, torch.tensor))
    train(fresh, mine, nptorch.tensor, 5, seed=2)
    train(foreign, theirs, torch.tensor, 5, seed=2)
    for p, q in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_resumed_run_equals_uninterrupted_run():
    straight, resumed = parameters("float32", ours), parameters("float32", ours)
    optimizer = optim.Adam(straight, lr=0.01)
    train(optimizer, straight, nptorch.tensor, 6)
    train(optimizer, straight, nptorch.tensor, 6, seed=2)
    first = optim.Adam(resumed, lr=0.01)
    train(first, resumed, nptorch.tensor, 6)
    second = optim.Adam(resumed)
    second.load_state_dict(pickle.loads(pickle.dumps(first.state_dict())))
    train(second, resumed, nptorch.tensor, 6, seed=2)
    for p, q in zip(straight, resumed, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_optimizer_pickles_and_copies_with_its_model():
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for p in model.parameters():
        p.grad = nptorch.ones_like(p)
    optimizer.step()
    for again_model, again in (copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))):
        assert [id(p) for p in again.param_groups[0]["params"]] == [id(p) for p in again_model.parameters()]
        assert again.state[again_model.weight]["momentum_buffer"].shape == (2, 3)


def test_loaded_state_takes_the_dtype_of_the_parameter_but_steps_keep_theirs():
    p = ours(np.ones(3, "float64"))
    optimizer = optim.Adam([p])
    state = {"step": nptorch.tensor(4.0), "exp_avg": nptorch.ones(3), "exp_avg_sq": nptorch.ones(3)}
    optimizer.load_state_dict({"state": {0: state}, "param_groups": [{"lr": 0.5, "params": [0]}]})
    assert optimizer.state[p]["exp_avg"].dtype is nptorch.float64
    assert optimizer.state[p]["step"].dtype is nptorch.float32
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)  # missing in the file: the default


@pytest.mark.parametrize("name", sorted({name for name, _ in ALGORITHMS}))
def test_step_changes_in_place_and_is_seen_by_the_version_check(name):
    p = ours(np.ones(3, "float32"))
    memory = p.data_ptr()
    (p * p).sum().backward()
    loss = (p * p).sum()
    getattr(optim, name)([p], lr=0.1).step()
    assert p.data_ptr() == memory
    assert p[0].item() < 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_closure_runs_with_gradients_and_gives_the_loss():
    p = ours(np.float32([2.0]))
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with nptorch.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.item() == 1.0


def test_zero_grad():
    p = ours(np.ones(2, "float32"))
    optimizer = optim.SGD([p], lr=0.1)
    p.grad = nptorch.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_groups_have_options_of_their_own():
    a, b = ours(np.ones(2, "float32")), ours(np.ones(2, "float32"))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.5)
    a.grad, b.grad = nptorch.ones(2), nptorch.ones(2)
    optimizer.step()
    assert (a.tolist(), b.tolist()) == ([0.5, 0.5], [0.0, 0.0])
    c = ours(np.ones(1, "float32"))
    optimizer.add_param_group({"params": [c], "lr": 2.0})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 1.0, 2.0]
    assert optimizer.state_dict()["param_groups"][2]["params"] == [2]


def test_named_parameters():
    model = nn.Linear(2, 2)
    optimizer = optim.Adam(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [ours(np.ones(1))]})


def test_learning_rate_may_be_a_tensor():
    p = ours(np.ones(1, "float32"))
    optimizer = optim.SGD([p], lr=nptorch.tensor(0.5))
    p.grad = nptorch.ones(1)
    optimizer.step()
    assert p.item() == 0.5


def test_nan_and_inf_gradients_pass_silently():
    p = ours(np.ones(2, "float32"))
    p.grad = nptorch.tensor([math.nan, math.inf])
    optim.Adam([p]).step()
    assert all(math.isnan(x) for x in p.tolist())


def test_hooks_run_around_a_step():
    p = ours(np.ones(1, "float32"))
    optimizer = optim.SGD([p], lr=0.1)
    calls = []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre")),
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post")),
    ]
    optimizer.step()
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert calls == ["pre", "post"]


def test_state_dict_hooks():
    p = ours(np.ones(1, "float32"))
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.register_state_dict_pre_hook(lambda o: o.param_groups[0].update(seen=1))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 2})
    state = optimizer.state_dict()
    assert (state["param_groups"][0]["seen"], state["extra"]) == (1, 2)
    loaded = []
    optimizer.register_load_state_dict_pre_hook(lambda o, state: loaded.append(state["extra"]))
    optimizer.register_load_state_dict_post_hook(lambda o: loaded.append(o))
    optimizer.load_state_dict(state)
    assert loaded == [2, optimizer]


class Halve(optim.Optimizer):
    """An optimizer as users write it, with a step() of its own."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.5})

    @nptorch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(group["lr"])


def test_optimizer_of_the_user():
    p = ours(np.float32([4.0]))
    optimizer = Halve([p])
    calls = []
    optimizer.register_step_post_hook(lambda *args: calls.append(1))
    optimizer.step()
    assert p.item() == 2.0
    assert calls == [1]


def test_repr_as_pytorch():
    torch = pytest.importorskip("torch")
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        mine = getattr(optim, name)([ours(np.ones(1))], lr=0.1)
        theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))], lr=0.1)
        assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("name", sorted({name for name, _ in ALGORITHMS}))
def test_defaults_as_pytorch(name):
    torch = pytest.importorskip("torch")
    mine, theirs = (
        getattr(optim, name)([ours(np.ones(1))]),
        getattr(torch.optim, name)([torch.nn.Parameter(torch.ones(1))]),
    )
    assert mine.defaults == theirs.defaults


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("SGD", {"lr": -1}, "Invalid learning rate: -1"),
        ("SGD", {"lr": math.nan}, "Invalid learning rate: nan"),
        ("Adam", {"lr": math.nan}, "Invalid learning rate: nan"),
        ("SGD", {"lr": 0.1, "momentum": -0.5}, "Invalid momentum value: -0.5"),
        ("SGD", {"lr": 0.1, "weight_decay": -0.5}, "Invalid weight_decay value: -0.5"),
        ("SGD", {"lr": 0.1, "nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
        ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
        ("Adam", {"betas": (0.9, -0.1)}, "Invalid beta parameter at index 1: -0.1"),
        ("AdamW", {"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
        ("RMSprop", {"alpha": -0.1}, "Invalid alpha value: -0.1"),
        ("Adagrad", {"lr_decay": -0.1}, "Invalid lr_decay value: -0.1"),
        ("Adadelta", {"rho": 1.5}, "Invalid rho value: 1.5"),
        ("NAdam", {"momentum_decay": -1.0}, "Invalid momentum_decay value: -1.0"),
    ],
)
def test_bad_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(optim, name)([ours(np.ones(1))], **options)


def test_bad_parameters():
    p = ours(np.ones(1, "float32"))
    for params, error, message in (
        ([], ValueError, "optimizer got an empty parameter list"),
        (p, TypeError, "should be an iterable of Tensors or dicts"),
        (5, TypeError, "should be an iterable of Tensors or dicts, but got int"),
        (["weight"], TypeError, "can only optimize Tensors, but one of the params is str"),
        ([p * 2], ValueError, "can't optimize a non-leaf Tensor"),
        ([{"params": {p}}], TypeError, "use a list"),
        ([{"params": [p]}, {"params": [p]}], ValueError, "some parameters appear in more than one parameter group"),
        ([("a", p), ours(np.ones(1))], ValueError, "Some param names are missing"),
    ):
        with pytest.raises(error, match=message):
            optim.SGD(params, lr=0.1)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([p, p], lr=0.1)
    with pytest.raises(NotImplementedError, match="differentiable=True"):
        optim.SGD([p], lr=0.1, differentiable=True)
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        optim.Optimizer([p], {"lr": optim.optimizer.required})
    with pytest.raises(NotImplementedError, match="neither _update"):
        optim.Optimizer([p], {}).step()


def test_state_that_does_not_fit():
    a, b = ours(np.ones(1)), ours(np.ones(1))
    one, two = optim.SGD([a], lr=0.1), optim.SGD([a, b], lr=0.1)
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        one.load_state_dict(two.state_dict())
    groups = optim.SGD([{"params": [a]}, {"params": [b]}], lr=0.1)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        one.load_state_dict(groups.state_dict())
