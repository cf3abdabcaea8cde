"""The backward pass: what it computes, what it refuses, what it keeps alive."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import nptorch as nt
from nptorch.autograd import Function, GradcheckError, functional, grad, gradcheck, gradgradcheck
from nptorch.ops.registry import Op


def leaf(*values: float) -> Any:
    return nt.tensor(values, dtype=nt.float64, requires_grad=True)


def test_gradients_accumulate_and_alias_nothing() -> None:
    a, b = leaf(1, 2), leaf(3, 4)
    (a + b).sum().backward()
    (a + b).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [2, 2])
    a.grad.zero_()
    np.testing.assert_array_equal(b.grad.numpy(), [2, 2])


def test_leaves_that_get_the_same_gradient_do_not_share_it() -> None:
    for inputs in (False, True):
        a, b = leaf(1, 2), leaf(3, 4)
        ((a + b) * 2).sum().backward(inputs=[a, b] if inputs else None)
        a.grad.zero_()
        np.testing.assert_array_equal(b.grad.numpy(), [2, 2])


def test_backward_twice_needs_retain_graph() -> None:
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4, 8])
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_backward_of_what_is_no_scalar_needs_a_gradient() -> None:
    x = leaf(1, 2)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * 2).backward()
    (x * 2).backward(gradient=nt.tensor([1.0, 3.0], dtype=nt.float64))
    np.testing.assert_array_equal(x.grad.numpy(), [2, 6])
    with pytest.raises(RuntimeError, match="does not require grad"):
        nt.ones(()).backward()


def test_backward_to_some_inputs_only() -> None:
    a, b = leaf(1), leaf(2)
    (a * b).sum().backward(inputs=[a])
    assert a.grad.item() == 2
    assert b.grad is None


def test_grad_of_unused_inputs() -> None:
    a, b = leaf(1), leaf(2)
    y = (a * 3).sum()
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(y, [a, b], retain_graph=True)
    assert grad(y, [a, b], retain_graph=True, allow_unused=True)[1] is None
    assert grad(y, [a, b], materialize_grads=True)[1].item() == 0


def test_only_what_leads_to_the_inputs_is_computed() -> None:
    calls = []

    class Watched(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            calls.append(g.shape)
            return g * 2

    a, b = leaf(1), leaf(2)
    y = (Watched.apply(a) * b).sum()
    assert grad(y, b, retain_graph=True)[0].item() == 2
    assert not calls
    assert grad(y, a)[0].item() == 4
    assert len(calls) == 1


def test_gradients_that_come_together_are_computed_as_far_as_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """conv2d's of input and weight share work; grad() of one of them shall not pay for the other."""
    rng = np.random.default_rng(0)
    x, w = (nt.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((2, 3, 5, 5), (4, 3, 3, 3)))
    ran: list[str] = []
    original = Op.__call__
    monkeypatch.setattr(Op, "__call__", lambda op, *xs, **params: ran.append(op.name) or original(op, *xs, **params))
    both = grad(nt.conv2d(x, w).sum(), [x, w])
    assert "conv2d_backward" in ran
    for i, only in enumerate((x, w)):
        ran.clear()
        (alone,) = grad(nt.conv2d(x, w).sum(), only)
        assert [name for name in ran if name.startswith("conv2d_")] == [("conv2d_input", "conv2d_weight")[i]]
        np.testing.assert_allclose(alone.numpy(), both[i].numpy(), rtol=1e-12)


def test_create_graph_gives_derivatives_of_every_order() -> None:
    x = leaf(2.0)
    y = x**5
    for expected in (80, 160, 240, 240):
        (y,) = grad(y.sum(), x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_broadcast_gradients_are_summed_and_cast() -> None:
    a = nt.ones(3, 1, requires_grad=True)
    b = nt.ones(4, dtype=nt.float64, requires_grad=True)
    (a * b).sum().backward()
    assert (a.grad.dtype, a.grad.shape) == (nt.float32, (3, 1))
    assert (b.grad.dtype, b.grad.shape) == (nt.float64, (4,))
    np.testing.assert_array_equal(b.grad.numpy(), [3] * 4)


@pytest.mark.parametrize(
    "picked",
    [lambda x, i: x[i], lambda x, i: x[None][:, i], lambda x, i: x.index_select(0, i), lambda x, i: x.take(i)],
    ids=["x[i]", "x[:, i]", "index_select", "take"],
)
def test_indices_may_change_after_they_were_used(picked) -> None:
    x, i = leaf(1, 2, 3), nt.tensor([2, 2])
    y = picked(x, i)
    i.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 2]


def _assigned(z, i, x):
    z[i] = x
    return z


@pytest.mark.parametrize(
    "written",
    [
        _assigned,
        lambda z, i, x: z.index_put((i,), x),
        lambda z, i, x: z.index_add(0, i, x),
        lambda z, i, x: z.index_copy(0, i, x),
        lambda z, i, x: z.put(i, x),
    ],
    ids=["z[i] = x", "index_put", "index_add", "index_copy", "put"],
)
def test_indices_may_change_after_they_were_written_to(written) -> None:
    x, i = leaf(1, 2), nt.tensor([2, 0])
    y = written(nt.zeros(3, dtype=x.dtype), i, x)
    i.zero_()
    (y * nt.arange(3)).sum().backward()
    assert x.grad.tolist() == [2, 0]


def test_a_changed_saved_value_is_an_error() -> None:
    x = leaf(1, 2)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    z = x * 2
    w = z * z
    z[0] = 5
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        w.sum().backward()
    y = x.exp()
    y.detach().zero_()  # detach() shares the count of changes
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_leaves_are_not_written_in_place() -> None:
    x = leaf(1, 2)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 1
    with nt.no_grad():
        x.add_(1)
    np.testing.assert_array_equal(x.detach().numpy(), [2, 3])


def test_writing_through_views_reaches_all_of_them() -> None:
    x = leaf(1, 2, 3, 4)
    y = x * 2
    head, matrix = y[:2], y.view(2, 2)
    head.mul_(10)
    matrix[1] += x[:2]
    (matrix.sum() + y.sum() + head.sum()).backward()
    np.testing.assert_array_equal(y.detach().numpy(), [20, 40, 7, 10])
    np.testing.assert_array_equal(x.grad.numpy(), [62, 62, 4, 4])


def test_a_tensor_starts_to_require_grad_when_written() -> None:
    x, w = nt.zeros(3, dtype=nt.float64), leaf(5)
    view = x[1:]
    x[1] = w[0] * 2
    assert x.requires_grad
    assert view.requires_grad
    view.sum().backward()
    assert w.grad.item() == 2


def test_hooks() -> None:
    x = leaf(1, 2)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    handle = x.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.sum().backward()
    assert seen == [[1, 1]]
    np.testing.assert_array_equal(x.grad.numpy(), [30, 30])
    np.testing.assert_array_equal(y.grad.numpy(), [1, 1])
    handle.remove()
    x.grad = None
    after = []
    x.register_post_accumulate_grad_hook(lambda t: after.append(t.grad.tolist()))
    (x * 3).sum().backward()
    assert after == [[3, 3]]
    with pytest.raises(RuntimeError, match="hook has changed the size"):
        z = x * 1
        z.register_hook(lambda g: g[:1])
        z.sum().backward()


def test_grad_modes() -> None:
    x = leaf(1)
    with nt.no_grad():
        assert not (x * 2).requires_grad
        with nt.enable_grad():
            assert (x * 2).requires_grad
    with nt.inference_mode():
        assert not (x * 2).requires_grad
    with nt.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    nt.set_grad_enabled(False)
    assert not nt.is_grad_enabled()
    nt.set_grad_enabled(True)

    @nt.no_grad()
    def plain() -> Any:
        return x * 2

    @nt.no_grad
    def generator() -> Any:
        yield x * 2
        yield x * 3

    assert not plain().requires_grad
    for y in generator():
        assert not y.requires_grad
        assert nt.is_grad_enabled()


def test_user_functions() -> None:
    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, power: int) -> Any:
            ctx.save_for_backward(x)
            return x**power

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x**2, None

    x = leaf(2, 3)
    y = Cube.apply(x, 3)
    assert y.grad_fn.name() == "CubeBackward"
    assert gradcheck(lambda x: Cube.apply(x, 3), x)
    assert gradgradcheck(lambda x: Cube.apply(x, 3), x)

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return x * 2, whole

        @staticmethod
        def backward(ctx: Any, g: Any, g_whole: Any) -> Any:
            assert (g_whole == 0).all()
            return g * 2

    a, b = Two.apply(x)
    assert a.requires_grad
    assert not b.requires_grad
    a.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 2])


def test_gradcheck_bites() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2.1

    with pytest.raises(GradcheckError):
        gradcheck(Wrong.apply, leaf(1, 2))
    assert not gradcheck(Wrong.apply, leaf(1, 2), raise_exception=False)
    with pytest.raises(ValueError, match="float64"):
        gradcheck(nt.exp, nt.ones(2, requires_grad=True))


def test_jacobians() -> None:
    x = nt.tensor([1.0, 2.0], dtype=nt.float64)
    np.testing.assert_allclose(functional.jacobian(lambda x: x**2, x).numpy(), [[2, 0], [0, 4]])
    np.testing.assert_allclose(functional.hessian(lambda x: (x**3).sum(), x).numpy(), [[6, 0], [0, 12]])
    np.testing.assert_allclose(functional.hessian(lambda x: nt.relu(x).sum(), x).numpy(), np.zeros((2, 2)))
    np.testing.assert_allclose(functional.jvp(lambda x: x**2, x, nt.ones(2, dtype=nt.float64))[1].numpy(), [2, 4])
    np.testing.assert_allclose(functional.vjp(lambda x: x.prod(), x)[1].numpy(), [2, 1])


def test_a_long_chain_needs_no_recursion() -> None:
    x = leaf(1)
    y = x
    for _ in range(20_000):
        y = y + x
    y.sum().backward()
    assert x.grad.item() == 20_001


def test_graphs_are_freed_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        x = leaf(*range(100))
        y = x.exp()
        z = (y * y).relu().sum()
        alive = [weakref.ref(t) for t in (y, z)]
        z.backward()
        del y, z
        assert all(r() is None for r in alive)
        gone = weakref.ref(x)
        del x
        assert gone() is None
    finally:
        gc.enable()


def test_anomaly_detection_names_the_derivative_that_is_nan() -> None:
    def run() -> Any:
        x = leaf(0.0)
        (x.sqrt() * 0).sum().backward()
        return x.grad

    assert np.isnan(run().numpy()).all()
    with (
        nt.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th output"),
    ):
        run()
    with nt.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan"):
        run()
    assert np.isnan(run().numpy()).all()
