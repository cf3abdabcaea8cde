"""Containers against PyTorch's behaviour."""

from collections import OrderedDict

import numpy as np
import pytest

import nptorch
from nptorch import nn


def layers(n):
    return [nn.Linear(1, 1) for _ in range(n)]


# --- Sequential and ModuleList ---


def test_sequential_calls_in_order():
    class Add(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n

        def forward(self, x):
            return x * 10 + self.n

    assert nn.Sequential(Add(1), Add(2), Add(3))(0) == 123
    assert nn.Sequential()(5) == 5
    named = nn.Sequential(OrderedDict(a=Add(1), b=Add(2)))
    assert named(0) == 12
    assert named.a.n == 1


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_sequences_of_modules(kind):
    a, b, c, d = layers(4)
    s = kind(a, b, c) if kind is nn.Sequential else kind([a, b, c])
    assert (len(s), s[0], s[-1], list(s)) == (3, a, c, [a, b, c])
    assert type(s[1:]) is kind
    assert list(s[1:]) == [b, c]
    s[1] = d
    assert list(s) == [a, d, c]
    s.append(b).insert(1, b)
    assert list(s) == [a, b, d, c, b]
    assert list(s._modules) == ["0", "1", "2", "3", "4"]
    s.insert(-1, d)
    assert list(s) == [a, b, d, c, d, b]
    del s[0]
    del s[2:4]
    assert list(s) == [b, d, b]
    assert list(s._modules) == ["0", "1", "2"]
    assert s.pop(-1) is b
    s.extend([c])
    assert list(s) == [b, d, c]
    assert list(s + kind()) == [b, d, c]
    s += kind(a) if kind is nn.Sequential else [a]
    assert list(s) == [b, d, c, a]
    assert s[nptorch.tensor(1)] is d
    for index in (4, -5):
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            s[index]
    with pytest.raises(TypeError, match="not a Module subclass"):
        s.append(3)
    with pytest.raises(TypeError, match="not a Module subclass"):
        s.insert(0, 3)
    with pytest.raises(IndexError, match="Index out of range: 9"):
        s.insert(9, a)
    with pytest.raises(TypeError, match="should be called with an iterable"):
        s.extend(3)


def test_slices_of_sequential_keep_names_and_share_parameters():
    s = nn.Sequential(*layers(4))
    part = s[2:]
    assert list(part._modules) == ["2", "3"]
    assert part[0] is s[2]
    part.append(nn.ReLU())
    assert len(s) == 4


def test_sequential_arithmetic():
    a, b = layers(2)
    s = nn.Sequential(a, b)
    assert list(s * 2) == list(2 * s) == [a, b, a, b]
    s *= 2
    assert list(s) == [a, b, a, b]
    for wrong, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error):
            s * wrong
    with pytest.raises(ValueError, match="supports only objects of Sequential class"):
        s + [a]


def test_parameters_in_containers_are_found():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.list = nn.ModuleList(layers(2))
            self.dict = nn.ModuleDict({"x": nn.Linear(1, 1)})
            self.values = nn.ParameterList([nptorch.ones(1)])

    names = [name for name, _ in Net().named_parameters()]
    assert names == [
        "list.0.weight",
        "list.0.bias",
        "list.1.weight",
        "list.1.bias",
        "dict.x.weight",
        "dict.x.bias",
        "values.0",
    ]


def test_module_list_has_no_forward():
    with pytest.raises(NotImplementedError, match=r'Module \[ModuleList\] is missing the required "forward" function'):
        nn.ModuleList()(1)


# --- ModuleDict ---


def test_module_dict():
    a, b, c = layers(3)
    d = nn.ModuleDict({"a": a})
    d["b"] = b
    d.update([("c", c)])
    assert list(d) == list(d.keys()) == ["a", "b", "c"]
    assert list(d.values()) == [a, b, c]
    assert dict(d.items()) == {"a": a, "b": b, "c": c}
    assert "a" in d
    assert d.pop("a") is a
    del d["b"]
    assert len(d) == 1
    other = nn.ModuleDict(d)
    assert other["c"] is c
    d.clear()
    assert len(d) == 0
    with pytest.raises(TypeError, match="iterable of key/value pairs, but got int"):
        d.update(3)
    with pytest.raises(ValueError, match="element #0 has length 3; 2 is required"):
        d.update([("a", a, b)])
    with pytest.raises(KeyError, match="attribute 'training' already exists"):
        d["training"] = a


# --- ParameterList and ParameterDict ---


def test_parameter_list():
    p = nn.Parameter(nptorch.ones(2))
    values = nn.ParameterList([p, nptorch.zeros(3), "text"])
    assert values[0] is p
    assert isinstance(values[1], nn.Parameter)
    assert values[-1] == "text"
    assert len(values) == len(list(values)) == 3
    assert len(list(values.parameters())) == 2
    values[1] = nptorch.ones(1)
    assert values[1].tolist() == [1]
    values += [nptorch.ones(1)]
    assert len(values) == 4
    assert type(values[1:3]) is nn.ParameterList
    assert list(values.state_dict()) == ["0", "1", "3"]
    with pytest.raises(IndexError):
        values[4]
    with pytest.raises(TypeError, match="should be called with an iterable, but got Tensor"):
        values.extend(nptorch.ones(2))
    with pytest.raises(RuntimeError, match="ParameterList should not be called"):
        values(1)


def test_parameter_dict():
    p = nn.Parameter(nptorch.ones(2))
    values = nn.ParameterDict({"p": p, "q": nptorch.zeros(1)})
    assert values["p"] is p
    assert values.p is p
    assert isinstance(values["q"], nn.Parameter)
    assert values.get("missing", 5) == 5
    assert values.get("p") is p
    assert values.setdefault("r", nptorch.ones(1)) is values["r"]
    assert values.setdefault("p") is p
    assert list(values) == ["p", "q", "r"]
    assert list(reversed(values)) == ["r", "q", "p"]
    assert [key for key, _ in values.items()] == list(values.keys())
    assert next(values.values()) is p
    assert values.popitem()[0] == "r"
    merged = values | {"s": nptorch.ones(1)}
    assert (len(values), len(merged)) == (2, 3)
    merged |= {"t": nptorch.ones(1)}
    assert "t" in merged
    assert list(values.fromkeys(["x", "y"], 1).items()) == [("x", 1), ("y", 1)]
    assert values.copy()["p"] is p
    del values["p"]
    assert values.pop("q").tolist() == [0]
    assert len(values) == 0
    with pytest.raises(KeyError, match="p"):
        values["p"]
    with pytest.raises(TypeError, match="keys must be strings, got int"):
        values[3] = p
    merged.clear()
    assert not list(merged.parameters())


def test_texts_of_parameter_containers():
    torch = pytest.importorskip("torch")
    for make in (
        lambda p: p.nn.ParameterList([p.nn.Parameter(p.ones(2, 3)), 3]),
        lambda p: p.nn.ParameterDict({"a": p.nn.Parameter(p.ones(2, 3)), "b": "x"}),
    ):
        assert repr(make(nptorch)).replace("nptorch.", "torch.") == repr(make(torch))


def test_a_model_in_containers_trains():
    nptorch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = nptorch.tensor(np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]))
    y = nptorch.tensor(np.float32([[0], [1], [1], [0]]))
    optimizer = nptorch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.MSELoss()(model(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-2
