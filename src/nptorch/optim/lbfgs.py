"""L-BFGS with a line search by the strong Wolfe conditions.

Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html; Nocedal, Wright, "Numerical Optimization", 2006,
algorithms 7.4, 3.5 and 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch.grad_mode import enable_grad
from nptorch.optim.optimizer import Array, Optimizer, check
from nptorch.tensor import Tensor, from_array


class LBFGS(Optimizer):
    """Curvature from the last `history_size` steps; step() needs a closure that computes the loss and its gradients anew.

    Raises: ValueError for more than one parameter group, RuntimeError for another line search than 'strong_wolfe'.
    """

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check("learning rate", lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _flat_gradient(self) -> Array:
        return np.concatenate([
            np.zeros(p._array.size, p._array.dtype) if p._grad is None else p._grad._array.reshape(-1) for p in self._params
        ])  # fmt: skip

    def _move(self, x: list[Array], t: float, d: Array) -> None:
        """Put the parameters at x + t d."""
        at = 0
        for p, start in zip(self._params, x, strict=True):
            p._array[...] = start + p._array.dtype.type(t) * d[at : at + start.size].reshape(start.shape)
            p._version[0] += 1
            at += start.size

    def step(self, closure: Callable[[], Any]) -> Any:
        """Up to max_iter iterations; returns the loss before the first."""
        group = self.param_groups[0]
        lr, tolerance_grad, tolerance_change = float(group["lr"]), group["tolerance_grad"], group["tolerance_change"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> tuple[Any, float, Array]:
            with enable_grad():
                loss = closure()
            state["func_evals"] += 1
            return loss, float(loss.item() if isinstance(loss, Tensor) else loss), self._flat_gradient()

        first, loss, g = evaluate()
        evaluations = 1
        if np.abs(g).max() <= tolerance_grad:
            return first
        d, t = _array(state.get("d")), state.get("t")
        before, loss_before = _array(state.get("prev_flat_grad")), state.get("prev_loss")
        dirs, steps, ro = (list(map(_array, state.get(name) or [])) for name in ("old_dirs", "old_stps", "ro"))
        diagonal = state.get("H_diag", 1)
        for n in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, dirs, steps, ro, diagonal = -g, [], [], [], 1
            else:
                y, s = g - before, d * g.dtype.type(t)
                ys = float(y @ s)
                if ys > 1e-10:
                    if len(dirs) == group["history_size"]:
                        del dirs[0], steps[0], ro[0]
                    dirs.append(y)
                    steps.append(s)
                    ro.append(1 / ys)
                    diagonal = ys / float(y @ y)
                d = _direction(g, dirs, steps, ro, diagonal)
            before, loss_before = g.copy(), loss
            t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr if state["n_iter"] == 1 else lr
            slope = float(g @ d)
            if slope > -tolerance_change:
                break
            used = 0
            x = [p._array.copy() for p in self._params]
            if group["line_search_fn"] == "strong_wolfe":

                def at(step: float, x: list[Array] = x, d: Array = d) -> tuple[float, Array]:
                    self._move(x, step, d)
                    _, value, gradient = evaluate()
                    self._move(x, 0.0, d)
                    return value, gradient

                loss, g, t, used = _strong_wolfe(at, t, d, loss, g, slope)
                self._move(x, t, d)
            else:
                self._move(x, t, d)
                if n != group["max_iter"]:
                    _, loss, g = evaluate()
                    used = 1
            evaluations += used
            if n == group["max_iter"] or evaluations >= group["max_eval"] or np.abs(g).max() <= tolerance_grad:
                break
            if np.abs(d * g.dtype.type(t)).max() <= tolerance_change or abs(loss - loss_before) < tolerance_change:
                break
        state.update(
            d=from_array(d), t=t, old_dirs=list(map(from_array, dirs)), old_stps=list(map(from_array, steps)),
            ro=[from_array(np.asarray(r, g.dtype)) for r in ro], H_diag=diagonal,
            prev_flat_grad=None if before is None else from_array(before), prev_loss=loss_before,
        )  # fmt: skip
        return first


def _array(value: Any) -> Any:
    return getattr(value, "_array", value)


def _direction(g: Array, dirs: list[Array], steps: list[Array], ro: list[Any], diagonal: float) -> Array:
    """The two-loop recursion: minus the inverse Hessian times g."""
    q, weights = -g, []
    for y, s, r in zip(reversed(dirs), reversed(steps), reversed(ro), strict=True):
        weights.append(q.dtype.type(float(s @ q) * float(r)))
        q = q - weights[-1] * y
    d = q * q.dtype.type(diagonal)
    for y, s, r, weight in zip(dirs, steps, ro, reversed(weights), strict=True):
        d = d + s * (weight - d.dtype.type(float(y @ d) * float(r)))
    return d


def _cubic(
    x1: float, f1: float, g1: float, x2: float, f2: float, g2: float, bounds: tuple[float, float] | None = None
) -> float:
    """The minimum of the cubic through two points with these values and slopes, within the bounds."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if square < 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    if x1 <= x2:
        place = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        place = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(place, low), high)


def _strong_wolfe(
    at: Callable[[float], tuple[float, Array]], t: float, d: Array, f: float, g: Array, slope: float,
    c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9, most: int = 25,
) -> tuple[float, Array, float, int]:  # fmt: skip
    """A step that lowers the value enough and flattens the slope enough: (value, gradient, step, evaluations)."""
    largest = float(np.abs(d).max())
    f_new, g_new = at(t)
    used = 1
    slope_new = float(g_new @ d)
    t_old, f_old, g_old, slope_old = 0.0, f, g, slope
    done, i = False, 0
    bracket: list[tuple[float, float, Array, float]] = []
    while i < most:  # bracketing
        if f_new > f + c1 * t * slope or (i > 1 and f_new >= f_old) or slope_new >= 0:
            bracket = [(t_old, f_old, g_old, slope_old), (t, f_new, g_new, slope_new)]
            done = not (f_new > f + c1 * t * slope or (i > 1 and f_new >= f_old)) and abs(slope_new) <= -c2 * slope
            if done:
                bracket = [(t, f_new, g_new, slope_new)]
            break
        if abs(slope_new) <= -c2 * slope:
            bracket, done = [(t, f_new, g_new, slope_new)], True
            break
        least, most_step = t + 0.01 * (t - t_old), t * 10
        before = t
        t = _cubic(t_old, f_old, slope_old, t, f_new, slope_new, (least, most_step))
        t_old, f_old, g_old, slope_old = before, f_new, g_new, slope_new
        f_new, g_new = at(t)
        used += 1
        slope_new = float(g_new @ d)
        i += 1
    if i == most:
        bracket = [(0.0, f, g, slope), (t, f_new, g_new, slope_new)]
    stuck = False
    low, high = (0, 1) if len(bracket) == 1 or bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and i < most:  # zooming in
        (a, fa, _, sa), (b, fb, _, sb) = bracket
        if abs(b - a) * largest < tolerance:
            break
        t = _cubic(a, fa, sa, b, fb, sb)
        edge = 0.1 * (max(a, b) - min(a, b))
        if min(max(a, b) - t, t - min(a, b)) < edge:
            if stuck or t >= max(a, b) or t <= min(a, b):
                t = max(a, b) - edge if abs(t - max(a, b)) < abs(t - min(a, b)) else min(a, b) + edge
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        f_new, g_new = at(t)
        used += 1
        slope_new = float(g_new @ d)
        i += 1
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = (t, f_new, g_new, slope_new)
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(slope_new) <= -c2 * slope:
                done = True
            elif slope_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = (t, f_new, g_new, slope_new)
    t, f_new, g_new, _ = bracket[low if len(bracket) > 1 else 0]
    return f_new, g_new, t, used
