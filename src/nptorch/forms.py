"""Forms of functions and methods that follow from others by a rule: in-place forms, and new tensors written to `out=`."""

from __future__ import annotations

import functools
from typing import Any

from nptorch.ops.registry import check_category
from nptorch.ops.signatures import FUNCTIONS, METHODS, into_out, named
from nptorch.tensor import Tensor

_RESHAPING = "as_strided squeeze swapaxes swapdims t transpose tril triu unsqueeze"
_WRITTEN_BACK = "addbmm addmm addmv addr baddbmm cumprod cumsum float_power heaviside logit mvlgamma nan_to_num renorm"
# In-place methods that PyTorch has among its functions as well.
_FUNCTIONS_TOO = (
    "abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh as_strided asin asinh atan atanh ceil clamp clamp_max "
    "clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2 expm1 fill fix floor frac gcd i0 index_put lcm ldexp log "
    "log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan "
    "tanh trunc xlogy zero"
)
_NEW = "arange empty eye full linspace logspace ones rand randint randn randperm zeros"  # their dtype is that of `out`


def _reshaping(made: Any) -> Any:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        viewed = made(self, *args, **kwargs)
        self._array, self._requires_grad = viewed._array, viewed._requires_grad
        self._edge = viewed._edge if viewed._requires_grad else None
        return self

    return change


def _written_back(made: Any) -> Any:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        found = made(self, *args, **kwargs)
        check_category(self, found._array.dtype, made.__name__ + "_")
        return METHODS["copy_"](self, found)

    return change


def _new(made: Any) -> Any:
    @functools.wraps(made)
    def call(*args: Any, out: Tensor | None = None, **options: Any) -> Tensor:
        if out is None:
            return made(*args, **options)
        return into_out(out, lambda: made(*args, **{"dtype": out.dtype, **options}))

    return call


def publish() -> None:
    """Enter these forms into FUNCTIONS and METHODS."""
    for names, form in ((_RESHAPING, _reshaping), (_WRITTEN_BACK, _written_back)):
        for name in names.split():
            METHODS[name + "_"] = named(form(METHODS[name]), name + "_", f"In-place {name}().")
    for name in _FUNCTIONS_TOO.split():
        FUNCTIONS[name + "_"] = METHODS[name + "_"]
    for name in _NEW.split():
        FUNCTIONS[name] = _new(FUNCTIONS[name])
