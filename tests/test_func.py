"""torch.func against PyTorch: derivatives of nests of tensors, of captured weights, of each other, and batches of calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")
# PyTorch's own doings.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}") for text in ("`torch.jit.script`", "Attempted to insert a get_attr")
]


def flat(T: Any, value: Any) -> list[Any]:
    """The arrays of a nest, with what lies between them."""
    if isinstance(value, T.Tensor):
        return [value.detach().numpy()]
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in (k, *flat(T, v))]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(x for v in value for x in flat(T, v))]
    return [value]


def agree(ask: Callable[[Any], Any]) -> None:
    ours, theirs = (flat(T, ask(T)) for T in (nptorch, torch))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, np.ndarray):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
        else:
            assert a == b


def t(T: Any, *values: float) -> Any:
    return T.tensor(values, dtype=T.float64)


def weights(T: Any) -> dict[str, Any]:
    return {"w": T.arange(6, dtype=T.float64).reshape(2, 3) / 3, "b": t(T, 0.3, -0.2)}


def loss(T: Any) -> Callable[..., Any]:
    return lambda p, x: ((p["w"] @ x + p["b"]).tanh() ** 2).sum()


def net(T: Any) -> Callable[..., Any]:
    return lambda p, x: (p["w"] @ x + p["b"]).tanh()


@pytest.mark.parametrize(
    "ask",
    [
        lambda T: T.func.grad(loss(T))(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.grad(loss(T), argnums=(1, 0))(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.grad(loss(T), argnums=-1)(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.grad_and_value(loss(T))(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.grad(lambda x: ((x**3).sum(), {"twice": x * 2}), has_aux=True)(t(T, 1, 2)),
        lambda T: T.func.grad(T.func.grad(T.func.grad(lambda x: x**4)))(T.tensor(2.0)),
        lambda T: T.func.jacrev(net(T))(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.jacrev(net(T), argnums=(0, 1))(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.jacfwd(lambda x: (x.sin(), {"square": x**2}))(t(T, 1, 2)),
        lambda T: T.func.jacrev(lambda x: (x**2, x.sum()), has_aux=True)(t(T, 1, 2)),
        lambda T: T.func.hessian(loss(T), argnums=1)(weights(T), t(T, 1, 2, 3)),
        lambda T: T.func.jacrev(lambda x: T.ones(2))(t(T, 1, 2)),
        lambda T: T.func.vjp(net(T), weights(T), t(T, 1, 2, 3))[1](t(T, 1, -1)),
        lambda T: T.func.jvp(lambda x, y: (x * y, x.exp()), (t(T, 1, 2), t(T, 3, 4)), (t(T, 1, 0), t(T, 0, 1))),
        lambda T: T.func.jvp(lambda x: (x**2, x), (t(T, 1, 2),), (t(T, 1, 1),), has_aux=True),
        lambda T: T.func.linearize(lambda x: x.sin() * x.sum(), t(T, 1, 2))[1](t(T, 0.5, 1)),
        lambda T: T.func.vmap(T.func.grad(loss(T)), in_dims=(None, 0))(weights(T), T.eye(3, dtype=T.float64)),
        lambda T: T.func.vmap(T.func.grad_and_value(loss(T)), in_dims=(None, 1))(weights(T), T.eye(3, dtype=T.float64)),
        lambda T: T.func.vmap(net(T), in_dims=({"w": 0, "b": None}, None))(
            {"w": T.ones(4, 2, 3, dtype=T.float64), "b": t(T, 1, 2)}, t(T, 1, 2, 3)
        ),
        lambda T: T.func.vmap(lambda x: [x, (x * 2, {"k": x.sum()})], out_dims=0)(T.eye(3)),
        lambda T: T.func.vmap(lambda x: (x, x + 1), out_dims=(0, 1))(T.arange(6.0).reshape(2, 3)),
        lambda T: T.func.vmap(T.func.vmap(lambda x, y: x * y, (None, 0)), (0, None))(t(T, 1, 2), t(T, 3, 4, 5)),
        lambda T: T.func.vmap(T.func.hessian(lambda x: x.prod()))(T.arange(6.0).reshape(2, 3)),
        lambda T: T.func.vmap(T.func.jacrev(T.func.jacfwd(lambda x: x**3)))(t(T, 1, 2)),
    ],
)
def test_values(ask: Callable[[Any], Any]) -> None:
    agree(ask)


@pytest.mark.parametrize("transform", ["grad", "jacrev", "hessian", "vjp", "jvp"])
def test_captured_weights_are_learned(transform: str) -> None:
    """A derivative by the inputs is part of a loss whose weights the function knows."""

    def ask(T: Any) -> Any:
        w, x = t(T, 1, 2).requires_grad_(), t(T, 0.5, -1)

        def f(x: Any) -> Any:
            return (w * x**3).sum()

        if transform == "vjp":
            found = T.func.vjp(f, x)[1](T.tensor(1.0, dtype=T.float64))[0]
        elif transform == "jvp":
            found = T.func.jvp(f, (x,), (t(T, 1, 1),))[1]
        else:
            found = getattr(T.func, transform)(f)(x)
        (found**2).sum().backward()
        return w.grad

    agree(ask)


def test_what_is_no_part_of_a_graph_is_given_without_one() -> None:
    x = nptorch.tensor([1.0, 2.0])
    gradient, value = nptorch.func.grad_and_value(lambda x: (x**2).sum())(x)
    assert not gradient.requires_grad and not value.requires_grad and not x.requires_grad
    w = nptorch.ones(2, requires_grad=True)
    with nptorch.no_grad():
        assert not nptorch.func.grad(lambda x: (w * x**2).sum())(x).requires_grad


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.grad(lambda x: x)(nptorch.ones(2)), "returns one number"),
        (lambda f: f.vmap(lambda x: 3)(nptorch.ones(2)), "must only return Tensors"),
        (lambda f: f.vmap(lambda x, y: x)(nptorch.ones(2), nptorch.ones(3)), r"got sizes \[2, 3\]"),
        (lambda f: f.vmap(lambda x: x, in_dims=(0, 0))(nptorch.ones(2)), "2 entries for 1 arguments"),
        (lambda f: f.vmap(lambda x: x, in_dims=((0, 0),))(nptorch.ones(2)), "not compatible with the structure"),
        (lambda f: f.functional_call(nptorch.nn.Linear(1, 1), {"wieght": nptorch.ones(1)}, nptorch.ones(1)), "wieght"),
    ],
)
def test_errors(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises((RuntimeError, ValueError, KeyError), match=message):
        call(nptorch.func)


@pytest.mark.parametrize("tie_weights", [True, False])
def test_tied_parameters_are_replaced_together(tie_weights: bool) -> None:
    def ask(T: Any) -> Any:
        class Tied(T.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.embed, self.head = T.nn.Embedding(3, 2), T.nn.Linear(2, 3, bias=False)
                self.embed.weight = T.nn.Parameter(T.ones(3, 2))
                self.head.weight = self.embed.weight

            def forward(self, i: Any) -> Any:
                return self.head(self.embed(i))

        other = {"embed.weight": T.arange(6.0).reshape(3, 2)}
        return T.func.functional_call(Tied(), other, (T.tensor([0, 2]),), tie_weights=tie_weights)

    agree(ask)


def test_randomness() -> None:
    draw = lambda x: x + nptorch.rand(2)
    same = nptorch.func.vmap(draw, randomness="same")(nptorch.zeros(3, 2))
    different = nptorch.func.vmap(draw, randomness="different")(nptorch.zeros(3, 2))
    assert same[0].tolist() == same[1].tolist() == same[2].tolist() and different[0].tolist() != different[1].tolist()


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("by_hand", [False, True])
def test_functional(create_graph: bool, by_hand: bool) -> None:
    """torch.autograd.functional, with inputs that are part of a graph and inputs that are not."""

    def ask(T: Any) -> Any:
        F, w = T.autograd.functional, t(T, 1, 2).requires_grad_()
        x = t(T, 3, 4).requires_grad_(by_hand)
        v = t(T, 1, -1)
        found = [
            F.jacobian(lambda x: x**2 * w, x, create_graph),
            F.jacobian(lambda a, b: (a * b, a.sum()), (x, x), create_graph),
            F.hessian(lambda x: (x**3 * w).sum(), x, create_graph),
            F.hessian(lambda a, b: (a**2 * b * w).sum(), (x, x + 1), create_graph),
            F.vjp(lambda x: x**2 * w, x, v, create_graph),
            F.jvp(lambda x: x**2 * w, x, v, create_graph),
            F.vhp(lambda x: (x**3 * w).sum(), x, v, create_graph),
            F.hvp(lambda x: (x**3 * w).sum(), x, v, create_graph),
            F.jacobian(lambda x: T.ones(2, dtype=T.float64), x),
        ]
        with T.no_grad():
            found.append(F.jacobian(lambda x: x**2 * w, x))
        graph = [
            r.requires_grad for f in found for r in (f if isinstance(f, tuple) else [f]) if isinstance(r, T.Tensor)
        ]
        return found, graph

    agree(ask)


@pytest.mark.parametrize(
    "call",
    [
        lambda F, T: F.jacobian(lambda x: T.ones(2), T.ones(2), strict=True),
        lambda F, T: F.jacobian(lambda a, b: a * 2, (T.ones(2), T.ones(2)), strict=True),
        lambda F, T: F.hessian(lambda x: x**2, T.ones(2)),
        lambda F, T: F.vjp(lambda x: x**2, T.ones(2)),
        lambda F, T: F.vjp(lambda x: x**2, T.ones(2), T.ones(3)),
        lambda F, T: F.jvp(lambda x: 3, T.ones(2), T.ones(2)),
        lambda F, T: F.jacobian(lambda x: x, [T.ones(2)]),
    ],
)
def test_functional_errors_are_of_pytorchs_kind(call: Any) -> None:
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        call(torch.autograd.functional, torch)
    with pytest.raises(theirs.type):
        call(nptorch.autograd.functional, nptorch)
