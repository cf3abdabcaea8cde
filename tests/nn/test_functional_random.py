"""Functions of nn.functional that draw numbers: PyTorch's numbers, and the stream left at the same place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.nn import functional as F

CALLS = [
    "F.dropout(x, 0.3)",
    "F.dropout(x)",
    "F.dropout1d(x, 0.4)",
    "F.dropout2d(x, 0.4)",
    "F.dropout3d(x, 0.4)",
    "F.alpha_dropout(x, 0.3, training=True)",
    "F.feature_alpha_dropout(x, 0.3, training=True)",
    "F.rrelu(x, 0.1, 0.4, training=True)",
    "F.gumbel_softmax(x, tau=0.7)",
    "F.gumbel_softmax(x, hard=True, dim=1)",
    "F.dropout(x, 1.0)",
    "F.dropout(x, 0.0)",
    "F.dropout(x, 0.5, training=False)",
    "F.dropout(x.clone(), 0.3, inplace=True)",
    "F.fractional_max_pool2d(x, 2, (2, 3))",
    "F.fractional_max_pool3d(x, 2, output_ratio=0.5)",
]


def drawn(package: Any, call: str, shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    """Value and gradient of a call after a seed, and the next number of the stream."""
    values = np.random.RandomState(0).standard_normal(shape).astype(dtype)
    x = package.tensor(values).requires_grad_()
    package.manual_seed(7)
    y = eval(call, {"F": package.nn.functional, "x": x})
    y.sum().backward()
    return [t.detach().numpy() for t in (y, x.grad, package.rand(2))]


# Feature dropouts of fewer dimensions warn in PyTorch; the numbers are what counts.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 3, 3, 4), (2, 37, 11), (4, 3)], ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_pytorchs_numbers(call: str, shape: tuple[int, ...], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    if ("1d" in call and len(shape) > 3) or ("2d" in call and len(shape) != 4) or ("3d" in call and len(shape) != 5):
        pytest.skip("the function is for other shapes")
    if "feature" in call and len(shape) < 3:
        pytest.skip("a feature has at least one dimension")
    for ours, theirs in zip(drawn(nptorch, call, shape, dtype), drawn(torch, call, shape, dtype), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-6)


def test_dropout_keeps_the_mean_and_the_share() -> None:
    nptorch.manual_seed(0)
    y = F.dropout(nptorch.ones(100_000), 0.3)
    assert abs(float((y == 0).float().mean()) - 0.3) < 0.01
    assert abs(float(y.mean()) - 1) < 0.01


def test_dropout2d_drops_whole_channels() -> None:
    nptorch.manual_seed(0)
    y = F.dropout2d(nptorch.ones(8, 16, 3, 3), 0.5).numpy()
    per_channel = y.reshape(8, 16, 9)
    assert (per_channel == per_channel[..., :1]).all()
    assert 0 < (per_channel[..., 0] == 0).sum() < 128


@pytest.mark.parametrize("p", [-0.1, 1.5])
@pytest.mark.parametrize("f", [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout])
def test_a_p_that_is_no_probability(f: Any, p: float) -> None:
    with pytest.raises(ValueError, match=f"dropout probability has to be between 0 and 1, but got {p}"):
        f(nptorch.ones(2, 3, 4), p)
