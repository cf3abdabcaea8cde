"""L-BFGS against PyTorch: the same path, with and without the line search, and through a state_dict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch

torch = pytest.importorskip("torch")


def rosenbrock(T: Any, x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def path(T: Any, options: dict[str, Any], dtype: str, steps: int, halfway: bool = False) -> list[Any]:
    """The parameters after each step."""
    weights = T.tensor(np.array([-1.2, 1.0, 0.5, -0.3], dtype), requires_grad=True)
    bias = T.tensor(np.array([[0.3], [2.0]], dtype), requires_grad=True)
    optimizer = T.optim.LBFGS([weights, bias], **options)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = rosenbrock(T, weights) + ((bias - 1) ** 4).sum() + (bias.sum() * weights[0]) ** 2
        loss.backward()
        return loss

    seen = []
    for step in range(steps):
        if halfway and step == steps // 2:
            state = optimizer.state_dict()
            optimizer = T.optim.LBFGS([weights, bias], **options)
            optimizer.load_state_dict(state)
        loss = optimizer.step(closure)
        seen.append(np.concatenate([[loss.item()], weights.detach().numpy(), bias.detach().numpy().ravel()]))
    return seen


@pytest.mark.parametrize(
    "options",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7, "lr": 0.5},
        {"lr": 1e-3},
        {"lr": 0.002, "max_iter": 4, "max_eval": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("halfway", [False, True])
def test_takes_pytorchs_path(options: dict[str, Any], halfway: bool) -> None:
    for ours, theirs in zip(
        path(nptorch, options, "float64", 8, halfway), path(torch, options, "float64", 8, halfway), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_needs_one_group_and_a_known_search() -> None:
    for T in (nptorch, torch):
        x = T.tensor([1.0], requires_grad=True)
        with pytest.raises(ValueError, match="per-parameter"):
            T.optim.LBFGS([{"params": [x]}, {"params": [T.tensor([1.0], requires_grad=True)]}])
        optimizer = T.optim.LBFGS([x], line_search_fn="golden")

        def closure(x: Any = x, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (x**2).sum()
            loss.backward()
            return loss

        with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
            optimizer.step(closure)
