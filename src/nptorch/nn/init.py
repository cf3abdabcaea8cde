"""How weights start: fills a tensor in place and returns it, drawing PyTorch's numbers for the same seed.

Source: https://docs.pytorch.org/docs/stable/nn.init.html
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from nptorch import random
from nptorch.grad_mode import no_grad
from nptorch.tensor import Tensor, from_array

_GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), 1),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid"), 1),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain for a nonlinearity; `param` is the slope of leaky_relu (0.01 if None).

    Raises: ValueError for an unknown nonlinearity or a slope that is no number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}; the known ones are leaky_relu, {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from U(a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from N(mean, std^2)."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity.

    Raises: ValueError unless it has 2 dimensions.
    """
    _check_dims("eye_", tensor, 2)
    return _write(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight (out, in, *kernel) so that it passes its input channels through.

    Raises: ValueError unless it has 3 to 5 dimensions, the first divisible by groups.
    """
    _check_dims("dirac_", tensor, 3, 4, 5)
    out, channels, *kernel = tensor.shape
    if out % groups:
        raise ValueError(f"dim 0 ({out}) must be divisible by groups ({groups})")
    values = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in kernel)
    for start in range(0, out, out // groups):
        for i in range(min(out // groups, channels)):
            values[(start + i, i, *middle)] = 1
    return _write(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from U(-a, a), a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from N(0, std^2), std = gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw from U(-b, b), b = gain * sqrt(3 / fan) (He et al. 2015); `a` is the slope of leaky_relu."""
    if _nothing_to_fill(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw from N(0, std^2), std = gain / sqrt(fan) (He et al. 2015); `a` is the slope of leaky_relu."""
    if _nothing_to_fill(tensor):
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Draw from N(mean, std^2) cut to [a, b], by rejection.

    Where few normal draws would fall inside, uniform ones are rejected instead.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"mean {mean} is more than 2 std from [{a}, {b}] in nn.init.trunc_normal_; the distribution of values may be incorrect.",
            stacklevel=3,
        )
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    if inside > 0.3:
        return _reject_normal(tensor, mean, std, a, b, generator)
    return _reject_uniform(tensor, mean, std, a, b, generator)


def _reject_normal(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    values = tensor.normal_(mean, std, generator=generator)._array
    low, high = values.dtype.type(a), values.dtype.type(b)
    while (outside := (values < low) | (values > high)).any():
        again = from_array(np.empty_like(values)).normal_(mean, std, generator=generator)._array
        np.copyto(values, again, where=outside)
    return tensor


def _reject_uniform(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values = tensor._array
    candidates, chance = (from_array(np.empty_like(values)) for _ in range(2))
    pending = np.ones(values.shape, bool)
    while pending.any():
        drawn = candidates.uniform_(a, b, generator=generator)._array
        np.copyto(values, drawn, where=pending)
        log_density = ((drawn - mean) / std) ** 2 * -0.5 - peak
        with np.errstate(divide="ignore"):
            pending &= np.log(chance.uniform_(generator=generator)._array) > log_density
    tensor._version[0] += 1
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix, dimensions after the first taken together (Saxe et al. 2014).

    Raises: ValueError unless it has 2 dimensions or more.
    """
    if tensor.ndim < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, orthogonal_ got {tensor.ndim}")
    if tensor._array.size == 0:
        return tensor
    rows = tensor.shape[0]
    flat = np.empty((rows, tensor._array.size // rows), tensor._array.dtype)
    flat = from_array(flat).normal_(0, 1, generator=generator)._array
    wide = flat.shape[0] < flat.shape[1]
    q, r = np.linalg.qr(flat.T if wide else flat)
    q *= np.sign(np.diag(r))  # makes the decomposition, and so the distribution, unique
    return _write(tensor, (q.T if wide else q).reshape(tensor.shape) * gain)


@no_grad()
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Draw a matrix from N(0, std^2) and zero the fraction `sparsity` of each column (Martens 2010).

    Raises: ValueError unless it has 2 dimensions.
    """
    _check_dims("sparse_", tensor, 2)
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    values = tensor.normal_(0, std, generator=generator)._array
    for column in range(columns):
        values[random.randperm(rows)._array[:zeros], column] = 0
    return tensor


# --- fans ---


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(
            f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, this one has {tensor.ndim}"
        )
    out, channels, *kernel = tensor.shape
    field = math.prod(kernel)
    return channels * field, out * field


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    fan = _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _nothing_to_fill(tensor: Tensor) -> bool:
    if tensor._array.size:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def _check_dims(name: str, tensor: Tensor, *allowed: int) -> None:
    if tensor.ndim not in allowed:
        raise ValueError(
            f"Only tensors with {' or '.join(map(str, allowed))} dimensions are supported, {name} got {tensor.ndim}"
        )


def _normal_cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _write(tensor: Tensor, values: Any) -> Tensor:
    tensor._array[...] = values
    tensor._version[0] += 1
    return tensor


def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = function.__name__.removesuffix("_")

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    old.__name__, old.__doc__ = name, f"Deprecated name of {name}_()."
    return old


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
