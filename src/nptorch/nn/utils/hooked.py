"""Hooks that compute a module's tensor under its name: finding them again."""

from __future__ import annotations

from typing import Any

from nptorch.nn.module import Module


def keys(hooks: dict[int, Any], kind: type, name: str) -> list[int]:
    """The keys of the hooks of a kind that compute the tensor `name`."""
    return [key for key, hook in hooks.items() if isinstance(hook, kind) and hook.name == name]  # type: ignore[attr-defined]


def refuse_second(module: Module, kind: type, name: str, what: str) -> None:
    """Raise RuntimeError if the tensor has such a hook."""
    if keys(module._forward_pre_hooks, kind, name):
        raise RuntimeError(f"Cannot register two {what} hooks on the same parameter {name}")


def find(module: Module, hooks: dict[int, Any], kind: type, name: str, what: str) -> int:
    """The key of the tensor's hook of this kind.

    Raises: ValueError if there is none.
    """
    found = keys(hooks, kind, name)
    if not found:
        raise ValueError(f"{what} of '{name}' not found in {module}")
    return found[0]
