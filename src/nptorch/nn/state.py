"""state_dict() and load_state_dict(): a Module's parameters and buffers by their dotted names.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.state_dict
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import Any

from nptorch.grad_mode import no_grad
from nptorch.nn import hooks
from nptorch.nn.parameter import Parameter, is_lazy
from nptorch.tensor import Tensor

_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What load_state_dict() returns: the keys that did not fit."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


class Stateful:
    """The part of Module that saves and loads."""

    _version = 1
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: OrderedDict[int, hooks.Hook]
    _state_dict_pre_hooks: OrderedDict[int, hooks.Hook]
    _load_state_dict_pre_hooks: OrderedDict[int, hooks.Hook]
    _load_state_dict_post_hooks: OrderedDict[int, hooks.Hook]

    def get_extra_state(self) -> Any:
        """Further state to save; define it together with set_extra_state()."""
        raise NotImplementedError(f"{type(self).__name__} defines no get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take what get_extra_state() gave."""
        raise NotImplementedError(f"{type(self).__name__} defines no set_extra_state()")

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name; they share memory with the module.

        keep_vars: give the Parameters themselves instead of detached tensors.
        """
        if args:
            destination, prefix, keep_vars = [*args, *[destination, prefix, keep_vars][len(args) :]]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            changed = hook(self, destination, prefix, metadata)
            if changed is not None and not getattr(hook, "_may_replace", False):
                raise RuntimeError("state_dict post-hook must return None; it may change the state_dict in place")
            destination = destination if changed is None else changed
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        members = {**self._parameters, **self._buffers}
        return {
            name: value
            for name, value in members.items()
            if value is not None and name not in self._non_persistent_buffers_set
        }

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy the values of a state_dict() into this module (or, with assign, take its tensors over).

        Raises: RuntimeError with every missing key, unexpected key (unless strict is off) and size that does not fit.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state: Any = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata

        def load(module: Any, state: Any, prefix: str) -> None:
            local = dict((metadata or {}).get(prefix[:-1], {}))
            if assign:
                local["assign_to_params_buffers"] = True
            module._load_from_state_dict(state, prefix, local, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    path = f"{prefix}{name}."
                    load(child, {key: value for key, value in state.items() if key.startswith(path)}, path)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, _IncompatibleKeys(missing, unexpected)) is not None:
                    raise AssertionError(
                        "a hook of register_load_state_dict_post_hook() must change the keys in place and return None"
                    )

        load(self, state, "")
        if strict:
            for what, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    listed = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if errors:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(type(self).__name__, "\n\t".join(errors))
            )
        return _IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for hook in self._load_state_dict_pre_hooks.values():
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = self._own_state()
        for name, value in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.append(key)
            elif (problem := self._load_value(name, value, key, state_dict[key], local_metadata)) is not None:
                error_msgs.append(problem)
        extra = prefix + _EXTRA_STATE
        takes_extra = type(self).set_extra_state is not Stateful.set_extra_state
        if takes_extra and extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif takes_extra:
            missing_keys.append(extra)
        for key in state_dict:
            name, dot, _ = key.removeprefix(prefix).partition(".")
            if not key.startswith(prefix) or (key == extra and takes_extra):
                continue
            if name not in (self._modules if dot else own):
                unexpected_keys.append(key)

    def _load_value(self, name: str, value: Tensor, key: str, given: Any, metadata: dict[str, Any]) -> str | None:
        """Put one loaded value in place, or say why that is impossible."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint '
                f"but received {type(given)}"
            )
        if is_lazy(value):  # which the module leaves so only where the given one is uninitialised too
            return None
        if value.ndim == 0 and given.shape == (1,):
            given = given.reshape(())  # scalars had one dimension before PyTorch 0.4
        if given.shape != value.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
                f"the shape in current model is {value.shape}."
            )
        if metadata.get("assign_to_params_buffers"):
            if isinstance(value, Parameter):
                given = given if isinstance(given, Parameter) else Parameter(given)
                given.requires_grad = value.requires_grad
            setattr(self, name, given)
            return None
        with no_grad():
            value.copy_(given)
        return None

    def register_state_dict_pre_hook(self, hook: hooks.Hook) -> hooks.Handle:
        """Call `hook(module, prefix, keep_vars)` before state_dict() collects."""
        return hooks.add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: hooks.Hook) -> hooks.Handle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after state_dict() collected."""
        return hooks.add(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: hooks.Hook) -> hooks.Handle:
        """PyTorch's older form, which older libraries call: the hook may return another state_dict."""

        def call(*args: Any) -> Any:
            return hook(*args)

        call._may_replace = True  # type: ignore[attr-defined]
        return hooks.add(self._state_dict_hooks, call)

    def _register_load_state_dict_pre_hook(self, hook: hooks.Hook, with_module: bool = False) -> hooks.Handle:
        """PyTorch's older form: the hook does not get the module unless it asks for it."""
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *args: hook(*args))

    def register_load_state_dict_pre_hook(self, hook: hooks.Hook) -> hooks.Handle:
        """Call `hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)` before loading."""
        return hooks.add(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: hooks.Hook) -> hooks.Handle:
        """Call `hook(module, incompatible_keys)` after loading; it may change the two lists in place."""
        return hooks.add(self._load_state_dict_post_hooks, hook)
