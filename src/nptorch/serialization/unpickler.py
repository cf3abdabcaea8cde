"""Reads pickles without running anything that they name: a list of known constructors, and Modules that are not called."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from reprlib import repr as short
from typing import Any, ClassVar

from nptorch import nn
from nptorch.errors import CheckpointError
from nptorch.serialization import classes
from nptorch.serialization.constructors import BUILDS, check_key
from nptorch.serialization.names import CALLS, NAMES, safe_globals
from nptorch.serialization.storage import StorageType
from nptorch.tensor import Tensor

# The unpickler written in Python: the one in C calls what a file says without asking.
_PythonUnpickler: Any = pickle._Unpickler


class Unpickler(_PythonUnpickler):
    """Reads one pickle at a time from `file`.

    load_storage makes a Storage of a persistent id; models: whether Modules are allowed.
    Raises: CheckpointError for anything that is not on the lists, and any error that a damaged pickle can cause.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: Any, load_storage: Callable[..., Any], *, models: bool, encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self._load_storage = load_storage
        self._models = models

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file means here."""
        key = ("builtins" if module == "__builtin__" else module, name)
        if key in NAMES:
            return NAMES[key]
        allowed = classes.find_allowed(*key)
        if allowed is not None:
            return allowed
        if not self._models:
            raise CheckpointError(
                f"refused: with weights_only=True a file may contain tensors and plain values only, and this one asks for {module}.{name}"
            )
        return classes.find(*key)

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a persistent id names; of a class with its source, the class."""
        kind, *details = pid if isinstance(pid, tuple) and pid else (None,)
        if kind in ("module", b"module"):
            return details[0]
        if (
            kind not in ("storage", b"storage")
            or len(details) < 4
            or not isinstance(details[0], StorageType)
            or type(details[1]) is not str
        ):
            raise CheckpointError(f"the file refers to {short(pid)} outside of the pickle, which is no storage")
        return self._load_storage(*details)

    def get_extension(self, code: int) -> Any:
        """Raises: CheckpointError, since no checkpoint needs copyreg's registry."""
        raise CheckpointError(f"refused: the file asks for number {code} of copyreg's extension registry")

    def _instantiate(self, klass: Any, args: Any) -> None:
        self.append(self._call(klass, tuple(args)))

    def _call(self, function: Any, arguments: Any) -> Any:
        if _listed(function):
            return function(*arguments)
        if not callable(function) or function not in CALLS:
            raise CheckpointError(
                f"refused: the file wants {short(function)} called, which a checkpoint has no need of"
            )
        return CALLS[function](*arguments)

    # --- the instructions that make or change objects; all others only move values about ---

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], arguments)

    def load_newobj(self, keywords: Any = None) -> None:
        arguments = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, type) and issubclass(made, nn.Module) and not arguments and not keywords:
            self.stack[-1] = made.__new__(made)
        elif _listed(made):
            self.stack[-1] = made.__new__(made, *arguments, **(keywords or {}))
        else:
            raise CheckpointError(
                f"refused: the file wants an object of {short(made)}, which is neither a Module nor known to be safe"
            )

    def load_newobj_ex(self) -> None:
        self.load_newobj(self.stack.pop())

    def load_build(self) -> None:
        made = self.stack[-2]
        if _listed(type(made)):
            super().load_build()
            return
        state = self.stack.pop()
        if isinstance(made, nn.Module):
            made.__setstate__(state)
            _check_members(made)
        elif type(made) in BUILDS:
            BUILDS[type(made)](made, state)
        else:
            raise CheckpointError(f"refused: the file wants to set the state of a {type(made).__name__}")

    def load_append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def load_appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) not in (list, deque):
            raise CheckpointError(f"refused: the file appends to a {type(self.stack[-1]).__name__}")
        self.stack[-1].extend(values)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, defaultdict):
            raise CheckpointError(f"refused: the file sets items of a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(key)
            target[key] = value

    def load_additems(self) -> None:
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise CheckpointError(f"refused: the file adds elements to a {type(self.stack[-1]).__name__}")
        self.stack[-1].update(CALLS[set](items))

    def load_frozenset(self) -> None:
        items = self.pop_mark()  # a step of its own: it changes what append means
        self.append(CALLS[frozenset](items))

    for _code, _instruction in {
        pickle.REDUCE: load_reduce, pickle.NEWOBJ: load_newobj, pickle.NEWOBJ_EX: load_newobj_ex, pickle.BUILD: load_build,
        pickle.APPEND: load_append, pickle.APPENDS: load_appends, pickle.SETITEM: load_setitem, pickle.SETITEMS: load_setitems,
        pickle.DICT: load_dict, pickle.ADDITEMS: load_additems, pickle.FROZENSET: load_frozenset,
    }.items():  # fmt: skip
        dispatch[_code[0]] = _instruction


def _listed(value: Any) -> bool:
    return any(value is allowed for allowed in safe_globals)


def _check_members(module: nn.Module) -> None:
    for registry, kind in (("_parameters", Tensor), ("_buffers", Tensor), ("_modules", nn.Module)):
        members = getattr(module, registry)
        if not isinstance(members, dict) or not all(isinstance(m, kind | None) for m in members.values()):
            raise CheckpointError(f"{registry} of a {type(module).__name__} holds something that does not belong there")
