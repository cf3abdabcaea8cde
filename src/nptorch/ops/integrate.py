"""Integrals and slopes of sampled functions: the trapezoid rule, finite differences."""

from __future__ import annotations

from typing import Any

from nptorch.ops.join import cat
from nptorch.ops.reduce import sum as sum_of
from nptorch.ops.running import cumsum, diff
from nptorch.ops.shape import narrow, reshape
from nptorch.ops.signatures import axes, axis, function
from nptorch.tensor import Tensor


def _strips(name: str, y: Tensor, x: Tensor | None, dx: float, dim: int) -> tuple[Tensor, int]:
    """The areas between neighbours along `dim`."""
    d = axis(name, dim, y._array.ndim)
    n = y._array.shape[d]
    if n == 0:
        return y, d
    heights = narrow(y, d, 1, n - 1) + narrow(y, d, 0, n - 1)
    if x is None:
        return heights * dx / 2, d
    if x._array.ndim == 1 and x._array.size != n:
        raise RuntimeError(f"{name}(): There must be one `x` value for each sample point")
    ndim = y._array.ndim
    x = reshape(x, [-1 if i == d else 1 for i in range(ndim)]) if x._array.ndim == 1 else x
    return heights * diff(x, 1, d - ndim) / 2, d


@function("trapezoid", "trapz", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The integral of y along `dim` by the trapezoid rule, at the places x or in steps of dx
    (https://pytorch.org/docs/stable/generated/torch.trapezoid.html)."""
    areas, d = _strips("trapezoid", y, x, dx, dim)
    return sum_of(areas, d)


@function(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """trapezoid() up to each place but the first."""
    areas, d = _strips("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, d)


@function(method=False)
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> list[Tensor]:
    """The slope along each of `dim` by central differences, one-sided of first or second order at the edges
    (https://pytorch.org/docs/stable/generated/torch.gradient.html).

    spacing: one distance, one for each dimension, or tensors of places. Raises: RuntimeError for too few elements.
    """
    dims = axes("gradient", dim, input._array.ndim)
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}.")
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [1 if spacing is None else spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length {len(dims)}, got {len(steps)}"
        )
    if input._array.dtype.kind in "biu":
        input = input.float()
    return [_slope(input, d, step, edge_order) for d, step in zip(dims, steps, strict=True)]


def _slope(x: Tensor, d: int, step: Any, edge_order: int) -> Tensor:
    n = x._array.shape[d]
    if n < edge_order + 1:
        raise RuntimeError(
            f"torch.gradient expected each dimension size to be at least edge_order+1, got {n} in dimension {d}"
        )
    along = [-1 if i == d else 1 for i in range(x._array.ndim)]
    gaps = (
        reshape(diff(step), along)
        if isinstance(step, Tensor) and step._array.ndim
        else x.new_full([n - 1 if i == d else 1 for i in range(x._array.ndim)], step)
    )
    slopes = diff(x, 1, d) / gaps  # between neighbours

    def part(t: Tensor, start: int, length: int) -> Tensor:
        return narrow(t, d, start, length)

    before, after = part(gaps, 0, n - 2), part(gaps, 1, n - 2)
    inner = (part(slopes, 0, n - 2) * after + part(slopes, 1, n - 2) * before) / (before + after)
    first, last = part(slopes, 0, 1), part(slopes, n - 2, 1)
    if edge_order == 2:  # the parabola through three points
        h0, h1 = part(gaps, 0, 1), part(gaps, 1, 1)
        k0, k1 = part(gaps, n - 3, 1), part(gaps, n - 2, 1)
        first = first + (first - part(slopes, 1, 1)) * h0 / (h0 + h1)
        last = last + (last - part(slopes, n - 3, 1)) * k1 / (k0 + k1)
    return cat([first, inner, last], d)
