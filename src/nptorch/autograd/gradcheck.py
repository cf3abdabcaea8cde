"""Derivatives checked against finite differences, in float64.

Source: https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch.autograd.engine import grad
from nptorch.grad_mode import enable_grad, no_grad
from nptorch.tensor import Tensor, from_array


class GradcheckError(RuntimeError):
    """An analytical derivative that the numerical one contradicts."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Whether the derivatives of `func` at `inputs` (float64 tensors that require grad) agree with central differences.

    Raises: GradcheckError naming the output, the input and both Jacobians, unless raise_exception=False.
    """
    arguments = _sequence(inputs)
    wanted = [x for x in arguments if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True."
        )
    for x in wanted:
        if x._array.dtype not in (np.float64, np.complex128):
            raise ValueError(
                f"gradcheck needs float64 inputs: finite differences of {x.dtype!r} are too coarse; use .double()"
            )
    try:
        outputs = [y for y in _sequence(func(*arguments)) if isinstance(y, Tensor) and y.requires_grad]
        for o, y in enumerate(outputs):
            for i, x in enumerate(wanted):
                numerical = _numerical(func, arguments, x, o, eps)
                analytical = _analytical(y, x)
                if not np.allclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=False):
                    raise GradcheckError(
                        f"Jacobian mismatch for output {o} with respect to input {i},\nnumerical:\n{numerical}\nanalytical:\n{analytical}\n"
                    )
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, raise_exception: bool = True, **options: Any
) -> bool:
    """gradcheck() of the first derivatives, for inputs and incoming gradients (random unless given).

    Raises: GradcheckError, unless raise_exception=False.
    """
    arguments = _sequence(inputs)
    outputs = [y for y in _sequence(func(*arguments)) if isinstance(y, Tensor) and y.requires_grad]
    if grad_outputs is None:
        generator = np.random.default_rng(0)
        grad_outputs = []
        for y in outputs:
            g = from_array(np.asarray(generator.normal(size=y._array.shape)).astype(y._array.dtype))
            g.requires_grad = True
            grad_outputs.append(g)
    grad_outputs = _sequence(grad_outputs)
    count = len(arguments)

    def first_derivatives(*everything: Any) -> Any:
        xs, gs = everything[:count], everything[count:]
        ys = [y for y in _sequence(func(*xs)) if isinstance(y, Tensor) and y.requires_grad]
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        return tuple(g for g in grad(ys, wanted, list(gs), create_graph=True, allow_unused=True) if g is not None)

    return gradcheck(first_derivatives, (*arguments, *grad_outputs), raise_exception=raise_exception, **options)


def _sequence(value: Any) -> Sequence[Any]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _analytical(y: Tensor, x: Tensor) -> Any:
    jacobian = np.zeros((y._array.size, x._array.size), np.result_type(y._array.dtype, x._array.dtype))
    for k in range(y._array.size):
        g = np.zeros(y._array.shape, y._array.dtype)
        g.reshape(-1)[k] = 1
        (row,) = grad(y, x, from_array(g), retain_graph=True, allow_unused=True)
        if row is not None:
            jacobian[k] = row._array.reshape(-1)
    return jacobian


@no_grad()
def _numerical(func: Callable[..., Any], arguments: Sequence[Any], x: Tensor, o: int, eps: float) -> Any:
    def value() -> Any:
        # Which outputs are differentiable was decided with grad on; here they are the floating ones, in the same order.
        outputs = [y for y in _sequence(_with_grad(func, arguments)) if isinstance(y, Tensor) and y.requires_grad]
        return outputs[o]._array.copy().reshape(-1)

    columns = []
    for k in np.ndindex(x._array.shape):
        old = x._array[k].copy() if x._array.ndim else x._array.copy()
        x._array[k] = old + eps
        above = value()
        x._array[k] = old - eps
        below = value()
        x._array[k] = old
        columns.append((above - below) / (2 * eps))
    size = columns[0].size if columns else value().size
    return np.stack(columns, 1) if columns else np.zeros((size, 0))


def _with_grad(func: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    with enable_grad():
        return func(*arguments)
