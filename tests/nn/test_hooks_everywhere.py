"""Hooks of all modules and the rest of Module that older libraries call, against PyTorch's order of events."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

import nptorch
from nptorch.nn import hooks


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Calls are quick again afterwards."""
    yield
    hooks.EVERYWHERE.used = False


def events(T: Any, module: Any) -> list[str]:
    """What is called, in order, around one pass of a small network; `module` is the file of Module."""
    found: list[str] = []
    net = T.nn.Sequential(T.nn.Linear(2, 3), T.nn.Tanh())
    net[0].register_forward_pre_hook(lambda m, x: found.append("own before"))
    net[0].register_forward_hook(lambda m, x, y: found.append("own after"))
    net[0].register_full_backward_hook(lambda m, gx, gy: found.append("own backward"))
    handles = [
        module.register_module_forward_pre_hook(lambda m, x: found.append(f"before {type(m).__name__}")),
        module.register_module_forward_hook(
            lambda m, x, kw, y: found.append(f"after {type(m).__name__} {len(kw)}"), with_kwargs=True
        ),
        module.register_module_full_backward_pre_hook(lambda m, g: found.append(f"grad of {type(m).__name__}")),
        module.register_module_full_backward_hook(lambda m, gx, gy: found.append(f"grad to {type(m).__name__}")),
    ]
    x = T.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    for handle in handles:
        handle.remove()
    found.append("removed")
    net[1](x)
    return found


def test_hooks_of_all_modules_come_in_pytorchs_order() -> None:
    torch = pytest.importorskip("torch")
    ours = events(nptorch, importlib.import_module("nptorch.nn.module"))
    assert ours == events(torch, importlib.import_module("torch.nn.modules.module"))
    assert ours[-1] == "removed" and "grad to Linear" in ours


def test_a_hook_of_all_modules_may_change_the_output() -> None:
    handle = nptorch.nn.module.register_module_forward_hook(lambda m, x, y: y + 1)
    with handle:
        assert nptorch.nn.Identity()(nptorch.zeros(1)).item() == 1
    assert nptorch.nn.Identity()(nptorch.zeros(1)).item() == 0


def test_an_always_called_hook_of_all_modules_sees_failures() -> None:
    class Fails(nptorch.nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("no")

    seen: list[Any] = []
    register = nptorch.nn.module.register_module_forward_hook
    with register(lambda m, x, y: seen.append(y), always_call=True), pytest.raises(ValueError, match="no"):
        Fails()(1)
    assert seen == [None]


@pytest.mark.parametrize("kind", ["parameter", "buffer", "module"])
def test_registration_hooks_see_and_replace(kind: str) -> None:
    seen: list[str] = []
    put = nptorch.nn.Identity() if kind == "module" else nptorch.nn.Parameter(nptorch.full((1,), 7.0))

    def hook(module: Any, name: str, value: Any) -> Any:
        seen.append(name)
        return put if name == "mine" else None

    class Owner(nptorch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.other = nptorch.nn.Tanh() if kind == "module" else None
            if kind == "parameter":
                self.mine = nptorch.nn.Parameter(nptorch.zeros(1))
            elif kind == "buffer":
                self.register_buffer("mine", nptorch.zeros(1))
            else:
                self.mine = nptorch.nn.Tanh()

    with getattr(nptorch.nn.module, f"register_module_{kind}_registration_hook")(hook):
        owner = Owner()
    assert owner.mine is put
    assert seen == (["other", "mine"] if kind == "module" else ["mine"])
    seen.clear()
    Owner()
    assert not seen


def test_set_submodule() -> None:
    net = nptorch.nn.Sequential(nptorch.nn.Sequential(nptorch.nn.Linear(2, 2)))
    net.set_submodule("0.0", nptorch.nn.Tanh(), strict=True)
    net.set_submodule("0.last", nptorch.nn.ReLU())
    assert isinstance(net[0][0], nptorch.nn.Tanh) and isinstance(net[0].last, nptorch.nn.ReLU)
    with pytest.raises(AttributeError, match="has no attribute `nowhere`"):
        net.set_submodule("0.nowhere", nptorch.nn.ReLU(), strict=True)
    with pytest.raises(ValueError, match="without a target name"):
        net.set_submodule("", nptorch.nn.ReLU())
    with pytest.raises(ValueError, match="is not an nn.Module"):
        net.set_submodule("0", 3)  # type: ignore[arg-type]


def test_to_empty_keeps_shapes_and_names() -> None:
    layer = nptorch.nn.BatchNorm1d(3)
    before = copy.deepcopy(layer.state_dict())
    assert layer.to_empty(device="cpu") is layer
    assert {k: v.shape for k, v in layer.state_dict().items()} == {k: v.shape for k, v in before.items()}
    with pytest.raises(RuntimeError):
        layer.to_empty(device="cuda")


def test_older_state_dict_hooks() -> None:
    layer = nptorch.nn.Linear(2, 2, bias=False)
    layer._register_state_dict_hook(lambda m, state, prefix, meta: {f"old.{k}": v for k, v in state.items()})

    def rename(state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "old.weight")

    layer._register_load_state_dict_pre_hook(rename)
    state = layer.state_dict()
    assert list(state) == ["old.weight"]
    layer.load_state_dict(state)
    owners: list[Any] = []
    layer._register_load_state_dict_pre_hook(lambda module, *args: owners.append(module), with_module=True)
    layer.load_state_dict(state)
    assert owners == [layer]


def test_compile_leaves_a_module_as_it_is() -> None:
    layer = nptorch.nn.Linear(1, 1)
    layer.compile(fullgraph=True)
    assert layer(nptorch.ones(1, 1)).shape == (1, 1)
