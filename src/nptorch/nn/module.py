"""Module: the base class of layers and models.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from nptorch import devices, dtypes, naming
from nptorch.grad_mode import no_grad
from nptorch.nn import hooks, state
from nptorch.nn.hooks import EVERYWHERE
from nptorch.nn.parameter import Buffer, Parameter, clear_grad, is_lazy
from nptorch.tensor import Tensor, from_array, typename

M = TypeVar("M", bound="Module")

# What every instance starts with. The names are those of PyTorch: models are pickled by their attributes.
_FRESH: dict[str, Callable[[], Any]] = {
    "_parameters": dict,
    "_buffers": dict,
    "_non_persistent_buffers_set": set,
    "_backward_pre_hooks": OrderedDict,
    "_backward_hooks": OrderedDict,
    "_is_full_backward_hook": lambda: None,
    "_forward_hooks": OrderedDict,
    "_forward_hooks_with_kwargs": OrderedDict,
    "_forward_hooks_always_called": OrderedDict,
    "_forward_pre_hooks": OrderedDict,
    "_forward_pre_hooks_with_kwargs": OrderedDict,
    "_state_dict_hooks": OrderedDict,
    "_state_dict_pre_hooks": OrderedDict,
    "_load_state_dict_pre_hooks": OrderedDict,
    "_load_state_dict_post_hooks": OrderedDict,
    "_modules": dict,
}


class Module(hooks.Hooked, state.Stateful):
    """A layer or model: assign Parameters, Buffers and other Modules to attributes, and define forward().

    Calling the module calls forward() and the registered hooks.
    """

    training: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            given = f"{len(args)} positional" if args else f"keyword {next(iter(kwargs))!r}"
            raise TypeError(
                f"{type(self).__name__}.__init__() passes {given} argument(s) on to Module.__init__(), which takes none"
            )
        attributes = self.__dict__
        attributes["training"] = True
        for name, fresh in _FRESH.items():
            attributes[name] = fresh()

    def forward(self, *input: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # One look-up of __dict__: a class with __getattr__ pays for each attribute.
        own = self.__dict__
        if (
            own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"] or own["_backward_pre_hooks"]
            or EVERYWHERE.used
        ):  # fmt: skip
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # --- attributes ---

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        for kind, registry, expected in (
            (Parameter, "_parameters", "parameter"),
            (Module, "_modules", "child module"),
            (Buffer, "_buffers", "buffer"),
        ):
            members = own.get(registry)
            if isinstance(value, kind):
                if members is None:
                    what = {"child module": "module"}.get(expected, expected) + ("s" if kind is Parameter else "")
                    raise AttributeError(f"cannot assign {what} before Module.__init__() call")
                persistent = getattr(value, "persistent", True)
                self._forget(name, keep=registry)
            elif members is not None and name in members:
                if value is not None and not (kind is Buffer and isinstance(value, Tensor)):
                    package = naming.package()
                    allowed = f"{package}.nn.{kind.__name__}" + (f", {package}.Tensor" if kind is Buffer else "")
                    raise TypeError(
                        f"cannot assign '{typename(value)}' as {expected} '{name}' ({allowed} or None expected)"
                    )
                persistent = name not in own["_non_persistent_buffers_set"]
            else:
                continue
            if kind is Parameter:
                self.register_parameter(name, value)
            elif kind is Module:
                members[name] = hooks.registered("module", self, name, value)
            else:
                self.register_buffer(name, value, persistent)
            return
        object.__setattr__(self, name, value)

    def _forget(self, name: str, keep: str) -> None:
        own = self.__dict__
        own.pop(name, None)
        for registry in ("_parameters", "_buffers", "_modules"):
            if registry != keep:
                own[registry].pop(name, None)
        own["_non_persistent_buffers_set"].discard(name)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for registry in ("_parameters", "_buffers", "_modules"):
            members = own.get(registry)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for members in (self._parameters, self._buffers, self._modules):
            if name in members:
                del members[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[0].isdigit())

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None keeps the name without a value.

        Raises: TypeError if it is no Parameter, KeyError for a name that is taken or impossible.
        """
        self._check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' ({naming.package()}.nn.Parameter or None required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To express "
                f"'{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = hooks.registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is no parameter but part of the module's state, saved if persistent.

        Raises: TypeError if it is no Tensor, KeyError for a name that is taken or impossible.
        """
        self._check_name("buffer", name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' ({naming.package()} Tensor or None required)"
            )
        self._buffers[name] = hooks.registered("buffer", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under `name`.

        Raises: TypeError if it is no Module, KeyError for a name that is taken or impossible.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name)
        self._modules[name] = hooks.registered("module", self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias of add_module()."""
        self.add_module(name, module)

    def _check_name(self, what: str, name: str) -> None:
        members = self.__dict__.get(f"_{what}s")
        if members is None:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and name not in members:
            raise KeyError(f"attribute '{name}' already exists")

    # --- members ---

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; the module itself for "".

        Raises: AttributeError if a name on the path does not exist or is no Module.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path; strict: only in the place of another.

        Raises: ValueError for no path or no Module, AttributeError for a path that does not lead to one.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        Raises: AttributeError if there is none.
        """
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path.

        Raises: AttributeError if there is none.
        """
        return self._get_member(target, "_buffers", "a buffer")

    def _get_member(self, target: str, registry: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        members = getattr(module, registry)
        if name not in members:
            raise AttributeError(f"`{name}` is not {kind}")
        return members[name]

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and, if recurse, of its submodules; each once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and, if recurse, of its submodules; each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def _named_members(
        self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in getattr(module, registry).items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def children(self) -> Iterator[Module]:
        """The modules directly below this one; each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, with their names."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module (named "") and all below it, with their dotted names."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    # --- mode, gradients, conversion ---

    def train(self: M, mode: bool = True) -> M:
        """Set training mode, for this module and all below it.

        Raises: ValueError if mode is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.children():
            module.train(mode)
        self.training = mode
        return self

    def eval(self: M) -> M:
        """Set evaluation mode: train(False)."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Whether the parameters are to be trained."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` with every module below this one, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is not None:
                    gradient, parameter.grad = parameter.grad, None
                    parameter.data = fn(parameter.data if is_lazy(parameter) else parameter)
                    if gradient is not None:
                        parameter.grad = fn(gradient)
            for name, buffer in self._buffers.items():
                if is_lazy(buffer):
                    buffer.data = fn(buffer.data)
                elif buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(
        self: M,
        *args: Any,
        device: Any = None,
        dtype: Any = None,
        tensor: Tensor | None = None,
        non_blocking: bool = False,
        memory_format: Any = None,
    ) -> M:
        """Convert parameters and buffers in place: to(device), to(dtype), to(device, dtype) or to(tensor).

        Raises: TypeError for a dtype that is neither floating nor complex, RuntimeError for a device that is not here.
        """
        wanted: dtypes.dtype | None = None
        for value in (*args, device, dtype, tensor):
            if isinstance(value, Tensor):
                wanted = value.dtype
            elif isinstance(value, dtypes.dtype):
                wanted = value
            elif value is not None and not isinstance(value, bool):  # a bool is non_blocking
                devices.resolve(value)
        if wanted is None:
            return self
        if not (wanted.is_floating_point or wanted.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted!r}"
            )
        return self._apply(lambda t: t.to(wanted) if t.is_floating_point() or t.is_complex() else t)

    def type(self: M, dst_type: Any) -> M:
        """Convert all parameters and buffers to a dtype, in place."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: M) -> M:
        """Convert floating parameters and buffers to float32, in place."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self: M) -> M:
        """Convert floating parameters and buffers to float64, in place."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self: M) -> M:
        """Convert floating parameters and buffers to float16, in place."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """New memory, of any content, for all parameters and buffers."""
        devices.resolve(device)
        return self._apply(lambda t: from_array(np.empty_like(t._array)), recurse=recurse)

    def compile(self, *args: Any, **options: Any) -> None:
        """Kept for scripts that call it: there is nothing to compile."""

    def cpu(self: M) -> M:
        """The module itself: everything lives on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Move to a GPU.

        Raises: RuntimeError where there is none.
        """
        return self.to(devices.device("cuda" if device is None else device))

    def share_memory(self: M) -> M:
        """The module itself: kept for scripts that call it."""
        return self

    # --- text and pickle ---

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What repr() shows between the parentheses, before the children."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        lines = [*(extra.split("\n") if extra else ()), *children]
        if len(lines) <= 1 and not children:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # A pickle of an older PyTorch lacks the newer ones.
        for name, fresh in _FRESH.items():
            if name not in self.__dict__:
                self.__dict__[name] = fresh()


register_module_forward_pre_hook = hooks.for_all_modules(Module.register_forward_pre_hook)
register_module_forward_hook = hooks.for_all_modules(Module.register_forward_hook)
register_module_full_backward_pre_hook = hooks.for_all_modules(Module.register_full_backward_pre_hook)
register_module_full_backward_hook = hooks.for_all_modules(Module.register_full_backward_hook)
register_module_backward_hook = register_module_full_backward_hook
register_module_parameter_registration_hook = hooks.on_registration("parameter")
register_module_buffer_registration_hook = hooks.on_registration("buffer")
register_module_module_registration_hook = hooks.on_registration("module")
