"""Lazy modules: layers that learn the shapes of their parameters from the first input.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

from __future__ import annotations

from typing import Any

from nptorch.grad_mode import no_grad
from nptorch.nn.module import Module
from nptorch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy


class LazyModuleMixin(Module):
    """Goes before a layer's class: initialize_parameters(input) runs before the first forward(), after which the module
    is of the class `cls_to_become`.

    Raises: RuntimeError if parameters are left uninitialized.
    """

    cls_to_become: type[Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize the parameters for these arguments of forward(); every subclass defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def reset_parameters(self) -> None:
        """Draw new values, once there are parameters to hold them."""
        if not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]

    def _leave_open(self, device: Any, dtype: Any, *names: str, buffers: bool = False) -> None:
        """Put uninitialized parameters (or buffers) under these names."""
        kind = UninitializedBuffer if buffers else UninitializedParameter
        for name in names:
            setattr(self, name, kind(device=device, dtype=dtype))


def _infer(module: Any, args: Any, kwargs: Any) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {type(module).__name__} has not been fully initialized")
    for name in ("_initialize_hook", "_load_hook"):
        getattr(module, name).remove()
        delattr(module, name)
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


def _take_shapes(module: Any, state_dict: Any, prefix: str, *_: Any) -> None:
    """Before loading: make room for what an initialized module saved."""
    for name, value in (*module._parameters.items(), *module._buffers.items()):
        given = state_dict.get(prefix + name)
        if is_lazy(value) and given is not None and not is_lazy(given):
            with no_grad():
                value.materialize(given.shape)
