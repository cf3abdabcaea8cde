"""Automatic differentiation (https://pytorch.org/docs/stable/autograd.html)."""

from nptorch.autograd import functional, profiler
from nptorch.autograd.anomaly import detect_anomaly, set_detect_anomaly
from nptorch.autograd.engine import backward, grad
from nptorch.autograd.function import Function, FunctionCtx
from nptorch.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from nptorch.autograd.variable import Variable
from nptorch.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = [
    "Function",
    "FunctionCtx",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
]
