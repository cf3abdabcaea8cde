"""torch.linalg beyond its op samples: errors in PyTorch's words, results by name, what has no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch import linalg
from nptorch.errors import LinAlgError

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]


def T(data: Any, **options: Any) -> Any:
    return nptorch.tensor(data, dtype=nptorch.float64, **options)


def test_errors_name_the_matrix_of_the_batch_and_what_is_wrong_with_it() -> None:
    batch = T([[[1.0, 0.0], [0.0, 1.0]], SINGULAR])
    assert linalg.LinAlgError is LinAlgError
    assert issubclass(LinAlgError, RuntimeError)
    for call, words in (
        (
            lambda: linalg.inv(T(SINGULAR)),
            r"linalg.inv: The diagonal element 2 is zero, the inversion could not be completed",
        ),
        (lambda: linalg.inv(batch), r"linalg.inv: \(Batch element 1\): The diagonal element 2 is zero"),
        (
            lambda: linalg.solve(T(SINGULAR), T([1.0, 2.0])),
            r"torch.linalg.solve: The solver failed because the input matrix is singular",
        ),
        (
            lambda: linalg.cholesky(T([[1.0, 2.0], [2.0, 1.0]])),
            r"\(the leading minor of order 2 is not positive-definite\)",
        ),
        (lambda: linalg.lu_factor(T(SINGULAR)), r"torch.linalg.lu_factor: U\[2,2\] is zero"),
    ):
        with pytest.raises(LinAlgError, match=words):
            call()


@pytest.mark.parametrize(
    "name", ["inv", "det", "slogdet", "eig", "eigh", "cholesky", "matrix_exp", "lu_factor", "qr", "svd"]
)
def test_bad_inputs_are_refused(name: str) -> None:
    f = getattr(linalg, name)
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        f(T([1.0, 2.0]))
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input. Got nptorch.int64"):
        f(nptorch.ones(2, 2, dtype=nptorch.int64))
    if name not in ("lu_factor", "qr", "svd"):
        with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 2 by 3 matrices"):
            f(nptorch.ones(2, 3))


def test_ex_forms_report_instead_of_raising() -> None:
    found = linalg.inv_ex(T([[[2.0, 0.0], [0.0, 4.0]], SINGULAR]))
    assert found.info.tolist() == [0, 2]
    assert found.info.dtype is nptorch.int32
    np.testing.assert_allclose(found.inverse[0].numpy(), [[0.5, 0], [0, 0.25]])
    factor, info = linalg.cholesky_ex(T([[4.0, 0.0], [0.0, -1.0]]))
    assert int(info) == 2
    assert factor[0, 0] == 2
    assert int(linalg.solve_ex(T(SINGULAR), T([1.0, 2.0])).info) == 2


def test_out_takes_one_or_several_results() -> None:
    a = T([[2.0, 1.0], [1.0, 3.0]])
    out = nptorch.empty(0, dtype=nptorch.float64)
    assert linalg.inv(a, out=out) is out
    np.testing.assert_allclose((out @ a).numpy(), np.eye(2), atol=1e-12)
    q, r = (nptorch.empty(0, dtype=nptorch.float64) for _ in range(2))
    found = linalg.qr(a, out=(q, r))
    assert found.Q is q
    np.testing.assert_allclose((q @ r).numpy(), a.numpy())


def test_results_have_pytorchs_names() -> None:
    a = T([[2.0, 1.0], [1.0, 3.0]])
    assert linalg.svd(a)._fields == ("U", "S", "Vh")
    assert nptorch.svd(a)._fields == ("U", "S", "V")
    assert linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.slogdet(a)._fields == ("sign", "logabsdet")
    assert linalg.lstsq(a, a)._fields == ("solution", "residuals", "rank", "singular_values")
    assert repr(linalg.slogdet(a)).startswith("nptorch.return_types.linalg_slogdet(\nsign=tensor(1.")


def test_the_determinants_derivative_is_right_where_no_inverse_is() -> None:
    a = T(SINGULAR, requires_grad=True)
    nptorch.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)


def test_integers_in_powers_and_ranks() -> None:
    assert linalg.matrix_power(nptorch.tensor([[1, 1], [1, 0]]), 10).tolist() == [[89, 55], [55, 34]]
    assert int(linalg.matrix_rank(T(SINGULAR))) == 1
    assert int(linalg.matrix_rank(T(SINGULAR), hermitian=True)) == 1
    assert int(linalg.matrix_rank(T(SINGULAR), tol=10.0)) == 0
    assert linalg.cond(T(SINGULAR), 1) == float("inf")


def test_multi_dot_multiplies_in_the_cheapest_order() -> None:
    from nptorch.ops.matrix_function import _cheapest

    split = _cheapest([10, 100, 5, 50])
    assert split[0][2] == 1  # (A B) C: 7500 products; A (B C): 75000


@pytest.mark.parametrize("mode", ["r", "complete"])
def test_qr_modes_without_a_derivative_say_so(mode: str) -> None:
    a = nptorch.ones(3, 2, dtype=nptorch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative of linalg.qr|not differentiable when mode='complete'"):
        linalg.qr(a, mode).R.sum().backward()


def test_triangular_systems_read_one_triangle() -> None:
    a = T([[2.0, 7.0], [float("nan"), 4.0]])
    np.testing.assert_allclose(linalg.solve_triangular(a, T([[4.0], [4.0]]), upper=True).numpy(), [[-1.5], [1.0]])
    x, copy = nptorch.triangular_solve(T([[4.0], [4.0]]), a)
    np.testing.assert_allclose(x.numpy(), [[-1.5], [1.0]])
    assert copy.shape == (2, 2)
    assert linalg.solve_triangular(T([[0.0]]), T([[1.0]]), upper=True).isnan().all()


def test_in_place_sums_of_products() -> None:
    x = nptorch.ones(2, 2)
    assert x.addmm_(nptorch.ones(2, 3), nptorch.ones(3, 2), beta=2) is x
    assert x.tolist() == [[5.0, 5.0], [5.0, 5.0]]
    hidden = nptorch.addmm(nptorch.full((2, 2), float("nan")), x, x, beta=0)
    assert not hidden.isnan().any()


@pytest.mark.parametrize("shape", [(20, 9), (9, 20), (2, 12, 8)])
def test_low_rank_decompositions_are_pytorchs_for_the_same_seed(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(0).normal(size=shape)
    for name, options in (("svd_lowrank", {}), ("pca_lowrank", {"q": 3})):
        found = []
        for lib in (nptorch, torch):
            lib.manual_seed(0)
            found.append([x.numpy() for x in getattr(lib, name)(lib.tensor(a), **options)])
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_allclose(abs(ours), abs(theirs), atol=1e-10)
    with pytest.raises(ValueError, match="must be non-negative integer and not greater than"):
        nptorch.pca_lowrank(nptorch.ones(3, 2), q=5)
