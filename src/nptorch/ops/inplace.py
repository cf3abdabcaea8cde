"""In-place forms that no op derives: those that change a shape, those that write back a result, and which are functions of torch as well."""

from __future__ import annotations

from typing import Any

from nptorch.ops import (  # noqa: F401  (they fill METHODS)
    activation,
    arithmetic,
    compare,
    join,
    linalg,
    matrix_norm,
    running,
    special,
    strides,
)
from nptorch.ops.signatures import FUNCTIONS, METHODS, named
from nptorch.tensor import Tensor

_RESHAPING = ("as_strided", "squeeze", "swapaxes", "swapdims", "t", "transpose", "tril", "triu", "unsqueeze")
_WRITTEN_BACK = (
    *("addbmm", "addmm", "addmv", "addr", "baddbmm", "cumprod", "cumsum", "float_power", "heaviside", "logit"),
    *("mvlgamma", "nan_to_num", "renorm"),
)
_FUNCTIONS_TOO = (
    "abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh as_strided asin asinh atan atanh ceil clamp clamp_max "
    "clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2 expm1 fill fix floor frac gcd i0 index_put lcm ldexp log "
    "log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan "
    "tanh trunc xlogy zero"
)


def _reshaping(made: Any) -> Any:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        viewed = made(self, *args, **kwargs)
        self._array, self._requires_grad = viewed._array, viewed._requires_grad
        self._edge = viewed._edge if viewed._requires_grad else None
        return self

    return change


def _written_back(made: Any) -> Any:
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return METHODS["copy_"](self, made(self, *args, **kwargs))

    return change


for _names, _form in ((_RESHAPING, _reshaping), (_WRITTEN_BACK, _written_back)):
    for _name in _names:
        METHODS[_name + "_"] = named(_form(METHODS[_name]), _name + "_", f"In-place {_name}().")
for _name in _FUNCTIONS_TOO.split():
    FUNCTIONS[_name + "_"] = METHODS[_name + "_"]
