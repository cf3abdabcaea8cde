"""Module: registration, traversal, conversion, hooks, state and text, against PyTorch where it can be imported."""

import copy
import pickle
import timeit
from collections import OrderedDict

import numpy as np
import pytest

import nptorch
from nptorch import naming, nn


@pytest.fixture
def as_torch():
    """Print names as PyTorch does, to compare texts."""
    torch = pytest.importorskip("torch")
    naming.show_as("torch")
    yield torch
    naming.show_as("nptorch")


class Scale(nn.Module):
    """A module as users write it; works without nn.functional."""

    def __init__(self, n=3):
        super().__init__()
        self.weight = nn.Parameter(nptorch.ones(n))
        self.register_buffer("seen", nptorch.tensor(0))
        self.register_buffer("scratch", nptorch.zeros(2), persistent=False)

    def forward(self, x, times=1):
        return x * self.weight * times


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()  # noqa: UP008  (as older programs write it)
        self.first = Scale()
        self.rest = nn.Sequential(Scale(), nn.Identity())
        self.factor = 2.0

    def forward(self, x):
        return self.rest(self.first(x))


def net_of(package):
    """The same model in either package."""

    class Block(package.Module):
        def __init__(self):
            super().__init__()
            self.fc = package.Linear(2, 3)
            self.bn = package.BatchNorm1d(3)

    class Net(package.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()
            self.tied = self.block.fc
            self.out = package.Linear(3, 1, bias=False)

    return Net()


# --- registration ---


def test_attributes_are_registered_by_type():
    net = Net()
    assert list(net._modules) == ["first", "rest"]
    assert list(net.first._parameters) == ["weight"]
    assert list(net.first._buffers) == ["seen", "scratch"]
    assert "weight" not in net.first.__dict__
    assert net.factor == 2.0
    assert {"weight", "seen", "forward"} <= set(dir(net.first))
    del net.first.weight
    del net.first.seen
    del net.first
    assert list(net._modules) == ["rest"]
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'first'"):
        _ = net.first


def test_fresh_module_has_the_attributes_of_pytorch():
    torch = pytest.importorskip("torch")
    mine, theirs = nn.Identity().__dict__, torch.nn.Identity().__dict__
    assert list(mine) == list(theirs)
    assert {key: type(value) for key, value in mine.items()} == {key: type(value) for key, value in theirs.items()}


def test_assignments_that_change_the_kind_of_a_name():
    m = Scale()
    m.weight = nn.Parameter(nptorch.zeros(3))
    assert m.weight.tolist() == [0, 0, 0]
    m.weight = None
    assert m._parameters == {"weight": None}
    assert list(m.parameters()) == []
    m.seen = nptorch.tensor(5)  # a tensor given to a buffer's name stays a buffer
    assert m._buffers["seen"].item() == 5
    m.scratch = nptorch.ones(2)
    assert "scratch" in m._non_persistent_buffers_set
    m.plain = nptorch.ones(2)
    assert "plain" in m.__dict__
    m.plain = nn.Parameter(nptorch.ones(2))
    assert "plain" not in m.__dict__
    assert "plain" in m._parameters
    m.plain = None
    m.scratch = nn.Identity()
    assert "scratch" not in m._buffers
    assert "scratch" not in m._non_persistent_buffers_set
    m.extra = nn.Buffer(nptorch.ones(1), persistent=False)
    assert isinstance(m.extra, nn.Buffer)
    assert type(m.extra) is nptorch.Tensor
    assert "extra" not in m.state_dict()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda m, package: setattr(m, "weight", package.ones(2, 3)), TypeError),
        (lambda m, package: setattr(m, "weight", 3), TypeError),
        (lambda m, package: setattr(m, "running_mean", 3), TypeError),
        (lambda m, package: setattr(m, "child", package.ones(1)), TypeError),
        (lambda m, package: m.missing, AttributeError),
        (lambda m, package: m.add_module("weight.x", None), KeyError),
        (lambda m, package: m.register_parameter("", None), KeyError),
        (lambda m, package: m.register_parameter("training", None), KeyError),
        (lambda m, package: m.register_parameter("new", 3), TypeError),
        (lambda m, package: m.register_buffer("weight", None), KeyError),
        (lambda m, package: m.register_buffer("new", "text"), TypeError),
        (lambda m, package: m.add_module("child", 3), TypeError),
        (lambda m, package: m.add_module("weight", package.nn.Identity()), KeyError),
        (lambda m, package: m.get_submodule("child.nothing"), AttributeError),
        (lambda m, package: m.get_submodule("weight"), AttributeError),
        (lambda m, package: m.get_parameter("running_mean"), AttributeError),
        (lambda m, package: m.get_buffer("weight"), AttributeError),
        (lambda m, package: m.train("yes"), ValueError),
        (lambda m, package: m.to(package.int64), TypeError),
        (lambda m, package: m.load_state_dict(3), TypeError),
        (lambda m, package: package.nn.Module()(1), NotImplementedError),
        (lambda m, package: package.nn.Module.__setattr__(object.__new__(package.nn.Module), "a", m), AttributeError),
        (lambda m, package: setattr(object.__new__(package.nn.Module), "p", m.weight), AttributeError),
        (lambda m, package: object.__new__(package.nn.Module).register_buffer("b", None), AttributeError),
    ],
)
def test_errors_read_as_those_of_pytorch(change, error, as_torch):
    torch = as_torch

    def message(package):
        m = package.nn.BatchNorm1d(3)
        m.child = package.nn.Identity()
        with pytest.raises(error) as caught:
            change(m, package)
        return str(caught.value)

    assert message(nptorch) == message(torch)


def test_forgotten_super_init():
    class Forgot(nn.Module):
        def __init__(self):
            self.fc = nn.Identity()

    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\) call"):
        Forgot()


def test_arguments_for_module_init_are_named():
    with pytest.raises(TypeError, match="passes keyword 'width' argument"):
        nn.Module(width=3)


def test_parameters_of_another_model_can_be_assigned():
    """As a training script keeps its best model."""
    best, model = Scale(), Scale()
    model.weight.data.fill_(7)
    best.weight = copy.deepcopy(model.weight)
    model.weight.data.fill_(1)
    assert best.weight.tolist() == [7, 7, 7]
    assert isinstance(best.weight, nn.Parameter)


# --- Parameter ---


def test_parameter():
    data = nptorch.ones(2)
    p = nn.Parameter(data)
    assert isinstance(p, nn.Parameter)
    assert isinstance(p, nptorch.Tensor)
    assert p.requires_grad
    assert p.is_leaf
    assert p.data_ptr() == data.data_ptr()
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert type(p * 1) is nptorch.Tensor
    assert type(p.detach()) is nptorch.Tensor
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    p.grad = nptorch.ones(2)
    for again in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(again) is nn.Parameter
        assert again.requires_grad
        assert again.tolist() == [1, 1]
        assert again.data_ptr() != p.data_ptr()
        assert again.grad is None
    with pytest.raises(TypeError, match="Parameter data must be a Tensor, got list"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        nn.Parameter(nptorch.tensor([1]))


def test_deepcopy_keeps_tied_parameters_tied():
    net = net_of(nn)
    again = copy.deepcopy(net)
    assert again.tied is again.block.fc
    assert again.tied.weight is not net.tied.weight
    layer = nn.Linear(2, 2)
    layer.other = layer.weight
    assert (twin := copy.deepcopy(layer)).other is twin.weight


# --- traversal ---


@pytest.mark.parametrize("duplicates", [True, False])
def test_traversal_as_pytorch(duplicates):
    torch = pytest.importorskip("torch")
    mine, theirs = net_of(nn), net_of(torch.nn)
    for name in ("named_parameters", "named_buffers", "named_modules"):
        options = {"prefix": "net", "remove_duplicate": duplicates}
        got, expected = (dict(getattr(m, name)(**options)) for m in (mine, theirs))
        assert list(got) == list(expected)
    assert [n for n, _ in mine.named_children()] == [n for n, _ in theirs.named_children()]
    for recurse in (True, False):
        assert len(list(mine.parameters(recurse))) == len(list(theirs.parameters(recurse)))
        assert len(list(mine.buffers(recurse))) == len(list(theirs.buffers(recurse)))
    assert len(list(mine.modules())) == len(list(theirs.modules()))


def test_paths():
    net = net_of(nn)
    assert net.get_submodule("block.bn") is net.block.bn
    assert net.get_submodule("") is net
    assert net.get_parameter("block.fc.weight") is net.block.fc.weight
    assert net.get_buffer("block.bn.running_mean") is net.block.bn.running_mean


def test_modes_reach_all_modules():
    net = net_of(nn)
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train().block.bn.training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    names = []
    net.apply(lambda m: names.append(type(m).__name__))
    assert names == ["Linear", "BatchNorm1d", "Block", "Linear", "Linear", "Net"]


def test_zero_grad():
    m = Scale()
    m(nptorch.ones(3)).sum().backward()
    assert m.weight.grad.tolist() == [1, 1, 1]
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.tolist() == [0, 0, 0]
    m.zero_grad()
    assert m.weight.grad is None


# --- conversion ---


@pytest.mark.parametrize(
    "convert",
    [
        lambda m: m.double(),
        lambda m: m.to(nptorch.float64),
        lambda m: m.to("cpu", nptorch.float64),
        lambda m: m.to(nptorch.zeros(1, dtype=nptorch.float64)),
        lambda m: m.to(device="cpu", dtype=nptorch.float64),
    ],
)
def test_conversion_keeps_parameters_and_integer_buffers(convert):
    m = nn.BatchNorm1d(3)
    weight = m.weight
    weight.grad = nptorch.ones(3)
    assert convert(m) is m
    assert m.weight is weight
    assert weight.dtype is nptorch.float64
    assert weight.grad.dtype is nptorch.float64
    assert weight.requires_grad
    assert m.running_mean.dtype is nptorch.float64
    assert m.num_batches_tracked.dtype is nptorch.int64
    assert m.half().weight.dtype is nptorch.float16
    assert m.float().running_var.dtype is nptorch.float32


def test_devices():
    m = Scale()
    assert m.to("cpu") is m
    assert m.cpu() is m
    assert m.share_memory() is m
    for move in (lambda: m.cuda(), lambda: m.to("cuda:0"), lambda: m.to(nptorch.device("cuda"))):
        with pytest.raises(RuntimeError, match="cuda"):
            move()


# --- state ---


def test_state_dict_as_pytorch():
    torch = pytest.importorskip("torch")
    mine, theirs = net_of(nn), net_of(torch.nn)
    got, expected = mine.state_dict(prefix="net."), theirs.state_dict(prefix="net.")
    assert list(got) == list(expected)
    assert type(got) is OrderedDict
    assert got._metadata == expected._metadata
    assert {k: tuple(v.shape) for k, v in got.items()} == {k: tuple(v.shape) for k, v in expected.items()}
    state = mine.state_dict()
    assert not state["out.weight"].requires_grad
    assert state["out.weight"].data_ptr() == mine.out.weight.data_ptr()
    assert mine.state_dict(keep_vars=True)["out.weight"] is mine.out.weight


def test_load_state_dict():
    source, target = Net(), Net()
    source.first.weight.data.fill_(5)
    source.first.seen.fill_(9)
    weight = target.first.weight
    result = target.load_state_dict(source.state_dict())
    assert repr(result) == str(result) == "<All keys matched successfully>"
    assert target.first.weight is weight
    assert weight.tolist() == [5, 5, 5]
    assert weight.requires_grad
    assert target.first.seen.item() == 9
    source.first.weight.data.fill_(6)
    assert weight.tolist() == [5, 5, 5]


def test_load_with_assign_takes_the_tensors_over():
    source, target = Scale().double(), Scale()
    target.requires_grad_(False)
    state = source.state_dict()
    target.load_state_dict(state, assign=True)
    assert target.weight.dtype is nptorch.float64
    assert target.weight.data_ptr() == state["weight"].data_ptr()
    assert isinstance(target.weight, nn.Parameter)
    assert not target.weight.requires_grad


@pytest.mark.parametrize("strict", [True, False])
def test_load_errors_read_as_those_of_pytorch(strict, as_torch):
    def outcome(package):
        net = net_of(package.nn)
        state = net.state_dict()
        del state["out.weight"]
        del state["block.bn.running_var"]
        state["block.fc.weight"] = package.ones(5, 2)
        state["other.weight"] = package.ones(1)
        state["out.extra"] = package.ones(1)
        if not strict:
            state["block.fc.weight"] = state["tied.weight"]
            return repr(net.load_state_dict(state, strict=False))
        with pytest.raises(RuntimeError) as caught:
            net.load_state_dict(state)
        return str(caught.value)

    assert outcome(nptorch) == outcome(as_torch)


def test_non_tensor_in_a_state_dict():
    with pytest.raises(RuntimeError, match=r'While copying the parameter named "weight".*received <class \'list\'>'):
        Scale().load_state_dict({"weight": [1.0], "seen": nptorch.tensor(0)})


def test_batchnorm_of_before_num_batches_tracked_loads():
    m = nn.BatchNorm1d(2)
    state = m.state_dict()
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        m.load_state_dict(state)
    del state._metadata
    m.num_batches_tracked.fill_(3)
    m.load_state_dict(state)
    assert m.num_batches_tracked.item() == 3


def test_a_module_judges_only_the_keys_below_its_prefix():
    unexpected = []
    state = {"weight": nptorch.ones(3), "seen": nptorch.tensor(1), "strange": 1}
    Scale()._load_from_state_dict(
        {**{f"mine.{key}": value for key, value in state.items()}, "other.thing": 2},
        "mine.",
        {},
        True,
        [],
        unexpected,
        [],
    )
    assert unexpected == ["mine.strange"]


def test_extra_state():
    class Counted(Scale):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    m = Counted()
    m.count = 4
    state = m.state_dict()
    assert state["_extra_state"] == {"count": 4}
    other = Counted()
    other.load_state_dict(state)
    assert other.count == 4
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "_extra_state"'):
        Scale().load_state_dict(state)
    del state["_extra_state"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "_extra_state"'):
        other.load_state_dict(state)


def test_state_hooks():
    m = Scale()
    calls = []
    m.register_state_dict_pre_hook(lambda module, prefix, keep_vars: calls.append(("save", prefix)))
    m.register_state_dict_post_hook(lambda module, state, prefix, metadata: state.__delitem__(prefix + "seen"))
    m.register_load_state_dict_pre_hook(
        lambda module, state, prefix, *rest: state.update({prefix + "seen": nptorch.tensor(8)})
    )
    m.register_load_state_dict_post_hook(lambda module, keys: calls.append(("loaded", keys.missing_keys)))
    state = m.state_dict()
    assert list(state) == ["weight"]
    m.load_state_dict(state)
    assert m.seen.item() == 8
    assert calls == [("save", ""), ("loaded", [])]
    m.register_state_dict_post_hook(lambda *args: "another")
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        m.state_dict()


def test_pickle_and_a_pickle_of_an_older_version():
    net = Net()
    again = pickle.loads(pickle.dumps(net))
    assert repr(again) == repr(net)
    assert again.first.weight.requires_grad
    assert again(nptorch.ones(3)).tolist() == [1, 1, 1]
    old = dict(net.first.__dict__)
    for name in ("_forward_hooks_with_kwargs", "_backward_pre_hooks", "_is_full_backward_hook"):
        del old[name]
    revived = Scale.__new__(Scale)
    revived.__setstate__(old)
    assert revived(nptorch.ones(3)).tolist() == [1, 1, 1]


# --- call and hooks ---


def test_forward_hooks():
    m = Scale()
    calls = []
    handles = [
        m.register_forward_pre_hook(lambda module, args: (args[0] + 1,)),
        m.register_forward_pre_hook(lambda module, args: args[0] * 10, prepend=True),
        m.register_forward_pre_hook(lambda module, args, kwargs: (args, {"times": 2}), with_kwargs=True),
        m.register_forward_hook(lambda module, args, output: output + 0.5),
        m.register_forward_hook(
            lambda module, args, kwargs, output: calls.append((kwargs, output.tolist())), with_kwargs=True
        ),
    ]
    assert m(nptorch.ones(3), times=1).tolist() == [22.5] * 3
    assert calls == [({"times": 2}, [22.5] * 3)]
    for handle in handles:
        handle.remove()
        handle.remove()
    assert not m._forward_pre_hooks_with_kwargs
    assert not m._forward_hooks_with_kwargs
    assert m(nptorch.ones(3)).tolist() == [1, 1, 1]
    with m.register_forward_hook(lambda module, args, output: output * 0):
        assert m(nptorch.ones(3)).tolist() == [0, 0, 0]
    assert m(nptorch.ones(3)).tolist() == [1, 1, 1]
    m.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        m(nptorch.ones(3))


def test_hook_that_is_called_even_after_an_error():
    m = Scale()
    calls = []
    m.register_forward_hook(lambda module, args, output: calls.append(output), always_call=True)
    m.register_forward_hook(lambda module, args, output: calls.append("normal"))
    with pytest.raises(TypeError):
        m(None)
    assert calls == [None]
    m.register_forward_hook(lambda module, args, output: 1 / 0, always_call=True)
    with pytest.warns(UserWarning, match="failed after forward had failed too"), pytest.raises(TypeError):
        m(None)


def backward_record(package, two_inputs, inplace=False):
    """What the backward hooks of a module see, and the gradients that come out."""

    class Mix(package.nn.Module):
        def forward(self, x, y):
            return x * y, x + y

    torchlike = package.ones
    x = (torchlike(3) * 2).requires_grad_(True)
    y = (torchlike(3) * 3).requires_grad_(two_inputs)
    m, seen = Mix(), []

    def flat(grads):
        return [None if g is None else g.tolist() for g in grads]

    def pre(module, grad_output):
        seen.append(flat(grad_output))
        return tuple(None if g is None else g * 2 for g in grad_output)

    def post(module, grad_input, grad_output):
        seen.append((flat(grad_input), flat(grad_output)))
        return tuple(None if g is None else g + 1 for g in grad_input)

    m.register_full_backward_pre_hook(pre)
    m.register_full_backward_hook(post)
    product, total = m(x, y)
    (product.sum() + (total * 5).sum()).backward()
    return seen, x.grad.tolist(), y.grad.tolist() if two_inputs else None


@pytest.mark.parametrize("two_inputs", [True, False])
def test_backward_hooks_as_pytorch(two_inputs):
    torch = pytest.importorskip("torch")
    assert backward_record(nptorch, two_inputs) == backward_record(torch, two_inputs)


def test_backward_hooks_without_input_that_requires_grad():
    m, seen = Scale(), []
    m.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((grad_input, grad_output[0].tolist()))
    )
    m(nptorch.ones(3)).sum().backward()
    assert seen == [((None,), [1, 1, 1])]
    with nptorch.no_grad():
        assert m(nptorch.ones(3)).grad_fn is None
    assert m.weight.grad.tolist() == [1, 1, 1]


def test_backward_hook_and_an_in_place_change():
    """What a hooked module changes in place is right for everybody who holds it."""

    class Double(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    m = Double()
    m.register_full_backward_hook(lambda *args: None)
    leaf = nptorch.ones(3, requires_grad=True)
    x = leaf * 3
    y = m(x)
    (y + x).sum().backward()
    assert y.tolist() == x.tolist() == [6, 6, 6]
    assert leaf.grad.tolist() == [12, 12, 12]


def test_backward_hook_errors():
    m = Scale()
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with pytest.raises(
        RuntimeError, match="Backward hook returned an invalid number of grad_input, got 2, but expected 1"
    ):
        m(nptorch.ones(3, requires_grad=True)).sum().backward()
    wrapped = Named()
    wrapped.register_full_backward_hook(lambda *args: None)
    with pytest.warns(UserWarning, match="backward hooks need a module whose output is a Tensor"):
        wrapped(nptorch.ones(1))


class Named(nn.Module):
    def forward(self, x):
        return {"out": x}


def test_forward_of_the_instance_is_called():
    m = nn.Identity()
    m.forward = lambda x: x + 1
    assert m(1) == 2


@pytest.mark.slow
def test_a_call_costs_little_more_than_forward():
    m = nn.Identity()
    loops = 20000
    plain = min(timeit.repeat(lambda: m.forward(1), number=loops, repeat=7)) / loops
    called = min(timeit.repeat(lambda: m(1), number=loops, repeat=7)) / loops
    assert called - plain < 1e-6


# --- text ---


def test_repr():
    assert repr(nn.Module()) == "Module()"
    assert repr(Net()) == (
        "Net(\n  (first): Scale()\n  (rest): Sequential(\n    (0): Scale()\n    (1): Identity()\n  )\n)"
    )

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Identity()

        def extra_repr(self):
            return "x=1\ny=2"

    assert repr(Two()) == "Two(\n  x=1\n  y=2\n  (a): Identity()\n)"


def test_numpy_sees_values_not_a_copy():
    m = Scale()
    m.weight.data[0] = 4
    assert np.asarray(m.state_dict()["weight"]).tolist() == [4, 1, 1]
