"""Tensors of a module that are functions of other parameters: register_parametrization() and what undoes it.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from nptorch.grad_mode import no_grad
from nptorch.nn.module import M, Module
from nptorch.nn.modules.container import ModuleDict, ModuleList
from nptorch.nn.parameter import Parameter
from nptorch.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache_depth = 0
_cache: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Within this context each parametrized tensor is computed once, when it is first asked for."""
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied in order to `original`, or first to `original0`, `original1`, ...

    There are several originals if the first parametrization's right_inverse() gives several tensors.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new: Any = original
        with no_grad():
            for module in reversed(list(self)):
                new = _inverse(module, new)
        self.is_tensor = isinstance(new, Tensor)
        if isinstance(new, Tensor):
            if new.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            _put(original, new)
            _register(self, "original", original)
        elif isinstance(new, Sequence):
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                        f"Got element {i} of the sequence with type {type(part).__name__}."
                    )
                part = Parameter(part) if isinstance(original, Parameter) else part
                _register(self, f"original{i}", part.requires_grad_(original.requires_grad))
        else:
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.ntensors = 1 if self.is_tensor else len(new)
        if not unsafe:
            _check_same("Registering a parametrization", "tensor", self(), shape, dtype)

    @no_grad()
    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the parametrized tensor becomes `value`.

        Raises: RuntimeError if a parametrization has no right_inverse(), ValueError for a result that does not fit.
        """
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
            value = module.right_inverse(value)
        if self.is_tensor != isinstance(value, Tensor):
            wanted = "a tensor" if self.is_tensor else "a sequence of tensors"
            raise ValueError(f"'right_inverse' must return {wanted}. Got {type(value).__name__}.")
        parts = [value] if self.is_tensor else list(value)
        if len(parts) != self.ntensors:
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. "
                f"Got a sequence of length {len(parts)}."
            )
        for (name, original), part in zip(self._originals(), parts, strict=True):
            if part.dtype != original.dtype:
                raise ValueError(
                    f"The tensor returned by `right_inverse` has dtype {part.dtype} "
                    f"while `{name}` has dtype {original.dtype}"
                )
            _put(original, part)

    def _originals(self) -> list[tuple[str, Tensor]]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [(name, getattr(self, name)) for name in names]

    def forward(self) -> Any:
        """The parametrized tensor."""
        first, *others = self
        x = first(*(original for _, original in self._originals()))
        for module in others:
            x = module(x)
        return x


def _inverse(module: Any, value: Any) -> Any:
    """What the parametrization should be given for this value; the value itself if it does not say."""
    try:
        return module.right_inverse(value) if hasattr(module, "right_inverse") else value
    except NotImplementedError:
        return value


def _put(target: Tensor, source: Tensor) -> None:
    """Let the target hold the source's values, of whatever shape; it stays the same object, as optimizers know it."""
    if source is not target:
        target.data = source.detach()


def _register(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _check_same(who: str, what: str, found: Any, shape: Any, dtype: Any) -> None:
    if not isinstance(found, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(found).__name__}.")
    for kind, before, after in (("dtype", dtype, found.dtype), ("shape", shape, found.shape)):
        if before != after:
            raise ValueError(
                f"{who} may not change the {kind} of the {what}, unless `unsafe` flag is enabled.\n"
                f"unparametrized {kind}: {before}\nparametrized {kind}: {after}"
            )


class _Parametrized(Module):
    """A module that looks some of its tensors up in `parametrizations`: the first base of every parametrized class."""

    def _lists(self) -> Any:
        return self.__dict__["_modules"].get("parametrizations") or {}

    def __getattr__(self, name: str) -> Any:
        if name not in self._lists():
            return super().__getattr__(name)
        if not _cache_depth:
            return self._lists()[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self._lists()[name]()
        return _cache[key]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._lists():
            self._lists()[name].right_inverse(value)
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._lists()})

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        replica = memo[id(self)] = self.__new__(type(self))
        replica.__dict__.update(deepcopy(self.__dict__, memo))
        return replica

    def __getstate__(self) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(); "
            "save model.state_dict(), or call remove_parametrizations() first"
        )


@functools.cache
def _class_for(cls: type[Module]) -> type[Module]:
    return type(f"Parametrized{cls.__name__}", (_Parametrized, cls), {"__module__": cls.__module__})


def register_parametrization(module: M, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> M:
    """Let module.<tensor_name> be parametrization(original), the original a parameter of module.parametrizations.<tensor_name>.

    A method right_inverse() of the parametrization makes assignment possible and gives the original its first value.
    unsafe: shape and dtype may change. Raises: ValueError if there is no such tensor, or shape or dtype change.
    """
    parametrization.train(module.training)
    members: Any = module
    if is_parametrized(module, tensor_name):
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            _check_same("Registering a parametrization", "tensor", after, before.shape, before.dtype)
            back = _inverse(parametrization, after)
            _check_same("parametrization.right_inverse", "tensor", back, before.shape, before.dtype)
        members.parametrizations[tensor_name].append(parametrization)
        members.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            cls: Any = type(members)
            members.__class__ = _class_for(cls)
            members.parametrizations = ModuleDict()
        members.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module has parametrizations, or one for this tensor."""
    lists = getattr(module, "parametrizations", None)
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def remove_parametrizations(module: M, tensor_name: str, leave_parametrized: bool = True) -> M:
    """Make the tensor a plain parameter or buffer again, of its present value or, if not leave_parametrized, of the original.

    Raises: ValueError if it has no parametrization, or if its original is to be left but consists of several tensors.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    members: Any = module
    parametrizations = members.parametrizations[tensor_name]
    if not (parametrizations.is_tensor or leave_parametrized):
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    value = getattr(module, tensor_name)
    if parametrizations.is_tensor:
        original = parametrizations.original
        if leave_parametrized:
            _put(original, value)
    else:
        original = Parameter(value.detach()) if value.requires_grad else value
    del members.parametrizations[tensor_name]
    if not members.parametrizations:
        del members.parametrizations
        module.__class__ = type(module).__bases__[-1]
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module was made of."""
    return type(module).__bases__[-1] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Share the parametrizations of one module, and their originals, with another; all, or those of one tensor."""
    source: Any = from_module
    target: Any = to_module
    if not is_parametrized(from_module):
        return to_module
    for name in list(source.parametrizations) if tensor_name is None else [tensor_name]:
        if not hasattr(target, name):
            setattr(target, name, Parameter(getattr(source, name).detach()))
        for parametrization in source.parametrizations[name]:
            register_parametrization(target, name, parametrization)
        for part, original in source.parametrizations[name]._originals():
            setattr(target.parametrizations[name], part, original)
    return to_module
