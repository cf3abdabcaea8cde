"""Optimizer: parameter groups, state and the frame of a step. The formulas are in kernels.optim.

Source: https://docs.pytorch.org/docs/stable/optim.html
"""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.grad_mode import enable_grad, no_grad
from nptorch.graph import Hooks
from nptorch.nn.parameter import clear_grad
from nptorch.tensor import Tensor, from_array, typename

Array = np.ndarray[Any, Any]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()

_HOOKS = tuple(
    f"_optimizer_{event}_{when}_hooks"
    for event in ("step", "state_dict", "load_state_dict")
    for when in ("pre", "post")
)


def check(what: str, value: Any, *, below: float | None = None) -> None:
    """Raises: ValueError unless 0 <= value (< below); NaN never passes."""
    if not value >= 0.0 or (below is not None and not value < below):
        raise ValueError(
            f"Invalid {what}: {value}; it must be at least 0" + ("" if below is None else f" and below {below:g}")
        )


def check_betas(betas: Any) -> tuple[float, float]:
    """The two decay rates as floats.

    Raises: ValueError unless both are in [0, 1).
    """
    for i, beta in enumerate(betas):
        check(f"beta parameter at index {i}", beta, below=1.0)
    beta1, beta2 = betas
    return float(beta1), float(beta2)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Run the registered hooks around a step(), and note for the schedulers that it was called."""

    @functools.wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        # A wrapper of another optimizer may inherit without calling __init__: it has no hooks.
        hooks = vars(self)
        for hook in list(hooks.get("_optimizer_step_pre_hooks", {}).values()):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"a step pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        for hook in list(hooks.get("_optimizer_step_post_hooks", {}).values()):
            hook(self, args, kwargs)
        return result

    return hooked


class Optimizer:
    """Base class: `params` are Tensors, (name, Tensor) pairs, or dicts of them with options of their own.

    A subclass defines _update(group), or step(). Raises: TypeError for what is no Tensor, ValueError for none at all.
    """

    _opt_called = False
    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor) or not isinstance(params, Iterable):
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {typename(params)}"
            )
        if defaults.get("differentiable"):
            raise NotImplementedError(
                "differentiable=True is not supported: steps change the parameters in place, outside the graph"
            )
        if defaults.get("fused") and defaults.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self.__dict__.update((name, OrderedDict()) for name in _HOOKS)
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    # --- the step ---

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; closure, if given, computes the loss anew and is called first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        raise NotImplementedError(f"{type(self).__name__} defines neither _update(group) nor step()")

    def _batches(self, group: dict[str, Any], *names: str) -> Iterable[tuple[int, list[list[Array]]]]:
        """For each count of steps, this one included: params, grads and one list a state value, to change in place."""
        batches: dict[int, list[list[Array]]] = {}
        states = self.state
        for p in group["params"]:
            gradient = p._grad
            if gradient is None:
                continue
            state = states[p]
            if not state:
                state["step"] = from_array(np.zeros((), step_dtype()))
            counter = state["step"]._array
            count = int(counter) + 1
            counter.fill(count)
            batch = batches.get(count)
            if batch is None:
                batch = batches[count] = [[] for _ in range(2 + len(names))]
            batch[0].append(p._array)
            batch[1].append(gradient._array)
            i = 2
            for name in names:
                value = state.get(name)
                if value is None:
                    value = state[name] = from_array(self._initial(name, p._array, group))
                batch[i].append(value._array)
                i += 1
            p._version[0] += 1
        return batches.items()

    def _initial(self, name: str, array: Array, group: dict[str, Any]) -> Array:
        """What a state value starts as."""
        return np.zeros_like(array)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                clear_grad(p, set_to_none)

    # --- parameter groups ---

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, e.g. {"params": [...], "lr": 1e-3}; the rest are the defaults.

        Raises: TypeError or ValueError for what cannot be optimized, or is already.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need an order that is the same in every run, but a set has none: use a list instead."
            )
        given = [params] if isinstance(params, Tensor) else list(params)
        names = [item[0] for item in given if isinstance(item, tuple)]
        params = [item[1] if isinstance(item, tuple) else item for item in given]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        self._check_params(params, bool(names))
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def _check_params(self, params: list[Any], named: bool) -> None:
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {typename(p)}")
            if not p.is_leaf:
                raise ValueError(
                    "can't optimize a non-leaf Tensor: pass the parameter itself, not a value computed from it"
                )
        if len({id(p) for p in params}) != len(params):
            warnings.warn("optimizer contains a parameter group with duplicate parameters", stacklevel=4)
        known: set[int] = set()
        for group in self.param_groups:
            known.update(id(p) for p in group["params"])
            if ("param_names" in group) != named:
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {'with' if named else 'without'} names to the optimizer"
                )
        if not known.isdisjoint(id(p) for p in params):
            raise ValueError("some parameters appear in more than one parameter group")

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    # --- state ---

    def state_dict(self) -> dict[str, Any]:
        """State and options, with the parameters numbered through all groups; the tensors are shared, not copied."""
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"], start):
                numbers.setdefault(id(p), i)
            start += len(group["params"])
            options = {key: value for key, value in group.items() if key != "params"}
            groups.append({**options, "params": [numbers[id(p)] for p in group["params"]]})
        state = {numbers[id(p)] if isinstance(p, Tensor) else p: value for p, value in self.state.items()}
        packed: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            changed = hook(self, packed)
            packed = packed if changed is None else changed
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take state and options of a state_dict(), also of PyTorch's, for the same parameters in the same order.

        Raises: ValueError if the groups do not match.
        """
        state_dict = state_dict.copy()
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(saved)}, this optimizer has {len(self.param_groups)}"
            )
        for i, (mine, other) in enumerate(zip(self.param_groups, saved, strict=True)):
            if len(mine["params"]) != len(other["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"group {i} has {len(other['params'])} parameters, here {len(mine['params'])}"
                )
        numbers = chain.from_iterable(group["params"] for group in saved)
        params = dict(zip(numbers, chain.from_iterable(group["params"] for group in self.param_groups), strict=True))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, value in state_dict["state"].items():
            if number in params:
                state[params[number]] = _fitted(value, params[number])
            else:
                state[number] = value
        for mine, other in zip(self.param_groups, saved, strict=True):
            other["params"] = mine["params"]
            if "param_names" in mine:
                other.setdefault("param_names", mine["param_names"])
            for key, default in self.defaults.items():
                other.setdefault(key, default)  # an option that an older version did not have
        self.state, self.param_groups = state, saved
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update((name, OrderedDict()) for name in _HOOKS)
        self.__dict__.update(state)

    # --- hooks ---

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer, args, kwargs)` before every step(); it may return other (args, kwargs)."""
        return Hooks.add(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer, args, kwargs)` after every step()."""
        return Hooks.add(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer)` before state_dict() collects."""
        return Hooks.add(self._optimizer_state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer, state_dict)` after state_dict() collected; it may return another."""
        return Hooks.add(self._optimizer_state_dict_post_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer, state_dict)` before loading; it may return another state_dict."""
        return Hooks.add(self._optimizer_load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Hooks.Handle:
        """Call `hook(optimizer)` after loading."""
        return Hooks.add(self._optimizer_load_state_dict_post_hooks, hook)


def step_dtype() -> Any:
    return np.float64 if dtypes.get_default_dtype() is dtypes.float64 else np.float32


def _fitted(value: Any, param: Tensor, key: Hashable = None) -> Any:
    """A loaded state value in the parameter's dtype; counts of steps stay as they are."""
    if isinstance(value, Tensor):
        dtype = param._array.dtype
        if key == "step" or dtype.kind not in "fc" or value._array.dtype == dtype:
            return value
        return from_array(value._array.astype(dtype))
    if isinstance(value, dict):
        return {name: _fitted(item, param, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fitted(item, param) for item in value)
    return value
