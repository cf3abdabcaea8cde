"""Parametrizations and the older weight and spectral norms: state, random draws, values and gradients as PyTorch's."""

import copy
import pickle

import numpy as np
import pytest

import nptorch
from nptorch import nn
from nptorch.nn.utils import parametrize

CASES = {
    "weight_norm": "P.weight_norm(layer)",
    "weight_norm, dim 1": "P.weight_norm(layer, dim=1)",
    "weight_norm, all": "P.weight_norm(layer, dim=None)",
    "weight_norm of a bias": "P.weight_norm(layer, 'bias')",
    "spectral_norm": "P.spectral_norm(layer)",
    "spectral_norm, dim 1": "P.spectral_norm(layer, n_power_iterations=3, dim=1)",
    "spectral_norm of a bias": "P.spectral_norm(layer, 'bias', dim=0)",
    "old weight_norm": "U.weight_norm(layer)",
    "old weight_norm, all": "U.weight_norm(layer, dim=None)",
    "old spectral_norm": "U.spectral_norm(layer)",
    "old spectral_norm, dim 1": "U.spectral_norm(layer, n_power_iterations=2, dim=1)",
}
LAYERS = {
    "linear": ("Linear(4, 3)", (5, 4)),
    "conv": ("Conv2d(2, 3, 2)", (2, 2, 4, 4)),
    "transposed": ("ConvTranspose2d(2, 3, 2)", (2, 2, 4, 4)),
}
old = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")


def trained(package, layer, how, shape):
    """Everything that shows after three steps of training and an evaluation."""
    package.manual_seed(3)
    layer = eval(f"package.nn.{layer}", {"package": package}).double()
    layer = eval(how, {"layer": layer, "U": package.nn.utils, "P": package.nn.utils.parametrizations})
    start = {k: v.clone() for k, v in layer.state_dict().items()}
    x = package.tensor(np.random.default_rng(0).standard_normal(shape))
    optimizer = package.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(x).pow(2).sum().backward()
        optimizer.step()
    grads = {f"grad of {k}": p.grad for k, p in layer.named_parameters()}
    layer.eval()
    return {**{f"first {k}": v for k, v in start.items()}, **grads, **layer.state_dict(), "out": layer(x).detach()}


def assert_same(mine, theirs, rtol=1e-9):
    assert list(mine) == list(theirs)
    for name, value in theirs.items():
        assert tuple(mine[name].shape) == tuple(value.shape), name
        np.testing.assert_allclose(mine[name].numpy(), value.numpy(), rtol=rtol, atol=1e-10, err_msg=name)


@old
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("how", CASES)
def test_like_pytorch(layer, how):
    torch = pytest.importorskip("torch")
    assert_same(trained(nptorch, *spread(layer, how)), trained(torch, *spread(layer, how)))


def spread(layer, how):
    return LAYERS[layer][0], CASES[how], LAYERS[layer][1]


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("options", ["", "orthogonal_map='matrix_exp'", "orthogonal_map='cayley'", "orthogonal_map='householder'",
                                     "orthogonal_map='householder', use_trivialization=False"])  # fmt: skip
def test_orthogonal(shape, options):
    torch = pytest.importorskip("torch")
    how = f"P.orthogonal(layer, {options})"
    size = f"Linear{shape[::-1]}"
    assert_same(trained(nptorch, size, how, (2, shape[1])), trained(torch, size, how, (2, shape[1])), rtol=1e-7)


def test_orthogonal_takes_values():
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3).double())
    q = nptorch.linalg.qr(nptorch.randn(3, 3, dtype=nptorch.float64))[0]
    layer.weight = q
    np.testing.assert_allclose(layer.weight.detach(), q, atol=1e-12)
    with pytest.raises(ValueError, match="orthogonal_map has to be one of"):
        nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="qr")
    with pytest.raises(ValueError, match="Got a tensor of 1 dimensions"):
        nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), "bias")
    frozen = nn.utils.parametrizations.orthogonal(nn.Linear(2, 2), use_trivialization=False)
    with pytest.raises(NotImplementedError, match="use_trivialization=False"):
        frozen.weight = nptorch.eye(2)


class Symmetric(nn.Module):
    """A symmetric matrix from an upper triangle."""

    calls = 0

    def forward(self, x):
        type(self).calls += 1
        return x.triu() + x.triu(1).mT

    def right_inverse(self, a):
        return a.triu()


class RankOne(nn.Module):
    """A matrix from two vectors."""

    def forward(self, x, y):
        return x.unsqueeze(-1) @ y.unsqueeze(-2)

    def right_inverse(self, z):
        u, s, v = nptorch.linalg.svd(z, full_matrices=False)
        root = s[0].sqrt()
        return u[:, 0] * root, v[0] * root


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


def test_one_original():
    layer = nn.Linear(3, 3)
    weight = layer.weight
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert layer.parametrizations.weight.original is weight  # optimizers keep it
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert "weight" in dir(layer) and "weight" not in dict(layer.named_parameters())
    assert layer.weight.equal(layer.weight.T)
    layer.weight = nptorch.eye(3) * 2
    assert layer.weight.tolist() == (nptorch.eye(3) * 2).tolist()
    assert layer.parametrizations["weight"].original is weight


def test_several_originals():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", RankOne())
    assert list(layer.state_dict()) == ["bias", *(f"parametrizations.weight.original{i}" for i in range(2))]
    assert nptorch.linalg.matrix_rank(layer.weight) == 1
    with pytest.raises(ValueError, match="Cannot leave unparametrized"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    before = layer.weight.detach()
    assert parametrize.remove_parametrizations(layer, "weight") is layer
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    assert layer.weight.equal(before)


@pytest.mark.parametrize("leave", [True, False])
def test_stacked_and_removed(leave):
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Doubled())
    original = layer.parametrizations.weight.original
    value = original.detach().clone()
    parametrize.register_parametrization(layer, "weight", Symmetric(), unsafe=True)
    expected = (2 * value).triu() + (2 * value).triu(1).T
    assert layer.weight.equal(expected)
    with pytest.raises(RuntimeError, match="Doubled does not implement right_inverse"):
        layer.weight = value
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    assert layer.weight is original and layer.weight.is_leaf and layer.weight.requires_grad
    assert layer.weight.equal(expected if leave else value)
    assert not parametrize.is_parametrized(layer)


def test_two_tensors_and_buffers():
    layer = nn.BatchNorm1d(2)
    for name in ("weight", "running_mean"):
        parametrize.register_parametrization(layer, name, Doubled())
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(layer, "bias")
    assert "parametrizations.running_mean.original" in dict(layer.named_buffers())
    parametrize.remove_parametrizations(layer, "running_mean")
    assert type(layer).__name__ == "ParametrizedBatchNorm1d" and "running_mean" in dict(layer.named_buffers())


def test_cached():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    Symmetric.calls = 0
    with parametrize.cached():
        assert layer.weight is layer.weight
        with parametrize.cached():
            layer(nptorch.ones(2))
        layer.weight.sum().backward()
    assert Symmetric.calls == 1
    assert layer.weight is not layer.weight
    assert layer.parametrizations.weight.original.grad is not None


def test_copies_are_their_own():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    other = copy.deepcopy(layer)
    parametrize.remove_parametrizations(other, "weight")
    layer.weight = nptorch.zeros(2, 2)
    assert type(layer).__name__ == "ParametrizedLinear" and not other.weight.equal(layer.weight)
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(layer)


def test_transfer():
    source = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    target = parametrize.transfer_parametrizations_and_params(source, nn.Linear(2, 2))
    assert target.parametrizations.weight.original is source.parametrizations.weight.original
    plain = nn.Linear(2, 2)
    assert parametrize.transfer_parametrizations_and_params(plain, target) is target


class Wider(nn.Module):
    def forward(self, x):
        return nptorch.cat([x, x])


class Double(nn.Module):
    def forward(self, x):
        return x.double()


@pytest.mark.parametrize("already", [False, True])
def test_what_it_refuses(already):
    layer = nn.Linear(2, 2)
    if already:
        parametrize.register_parametrization(layer, "weight", Doubled())
    for parametrization, words in ((Wider(), "may not change the shape"), (Double(), "may not change the dtype")):
        with pytest.raises(ValueError, match=words):
            parametrize.register_parametrization(layer, "weight", parametrization)
    with pytest.raises(ValueError, match="does not have a parameter, a buffer, or a parametrized element"):
        parametrize.register_parametrization(layer, "heft", Doubled())
    with pytest.raises(ValueError, match="does not have a parametrization on heft"):
        parametrize.remove_parametrizations(layer, "heft")


@old
@pytest.mark.parametrize("what", ["weight_norm", "spectral_norm"])
def test_old_norms_removed(what):
    add, remove = getattr(nn.utils, what), getattr(nn.utils, f"remove_{what}")
    layer = add(nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match=f"Cannot register two {what} hooks on the same parameter weight"):
        add(layer)
    layer.eval()
    expected = layer(nptorch.ones(3))
    assert remove(layer) is layer
    assert list(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(layer(nptorch.ones(3)).detach(), expected.detach(), rtol=1e-6)
    with pytest.raises(ValueError, match=f"{what} of 'weight' not found in Linear"):
        remove(layer)


@old
def test_new_weight_norm_reads_the_old():
    state = nn.utils.weight_norm(nn.Linear(3, 2)).state_dict()
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    layer.load_state_dict(state)
    assert layer.parametrizations.weight.original0.equal(state["weight_g"])
    assert layer.parametrizations.weight.original1.equal(state["weight_v"])


def test_functional_call_reaches_originals():
    from nptorch.nn.utils import stateless

    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2, bias=False))
    zero = {"parametrizations.weight.original0": nptorch.zeros(2, 1)}
    assert stateless.functional_call(layer, zero, nptorch.ones(3)).tolist() == [0, 0]
    assert layer(nptorch.ones(3)).abs().sum() > 0
