"""Reads pickles without running anything that they name: a list of known constructors, and Modules that are not called."""

from __future__ import annotations

import enum
import pickle
import sys
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from reprlib import repr as short
from typing import Any, ClassVar

from nptorch import nn
from nptorch.errors import CheckpointError
from nptorch.serialization import arrays, classes, constructors, values  # noqa: F401  (they fill CALLS and BUILDS)
from nptorch.serialization.budget import COSTS, Budget, charged
from nptorch.serialization.names import BUILDS, CALLS, NAMES, PLAIN, find_allowed, is_allowed
from nptorch.storage import LEGACY, UntypedStorage
from nptorch.tensor import Tensor

# The unpickler written in Python: the one in C calls what a file says without asking.
_PythonUnpickler: Any = pickle._Unpickler
# Bytes that an element takes in a list, and half an entry of a dictionary, with the room in which they grow.
_SLOT, _ITEM = 16, 64


class Unpickler(_PythonUnpickler):
    """Reads one pickle at a time from `file`.

    load_storage makes a storage of a persistent id; models: whether Modules and their kin are allowed; plain: whether objects
    of other classes of the user's own are; budget: what the objects may take.
    Raises: CheckpointError for anything that is not on the lists, and any error that a damaged pickle can cause.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def __init__(
        self, file: Any, load_storage: Callable[..., Any], *, models: bool, plain: bool, budget: Budget, encoding: str
    ) -> None:
        super().__init__(file, encoding=encoding)
        self._load_storage = load_storage
        self._models, self._plain = models, plain
        self._budget, self._keys = budget, values.Keys()
        self._found: dict[int, Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file means here."""
        key = ("builtins" if module == "__builtin__" else module, name)
        if key in NAMES:
            return NAMES[key]
        allowed = find_allowed(*key)
        if allowed is not None:
            return allowed
        if not self._models:
            raise CheckpointError(
                f"refused: with weights_only=True a file may contain tensors and plain values only, and this one asks for {module}.{name}"
            )
        found = classes.find(*key, plain=self._plain)
        self._found[id(found)] = found
        return found

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a persistent id names; of a class with its source, the class."""
        kind, *details = pid if isinstance(pid, tuple) and pid else (None,)
        if kind in ("module", b"module"):
            return details[0]
        if (
            kind not in ("storage", b"storage")
            or len(details) < 4
            or not (details[0] is UntypedStorage or details[0] in LEGACY.values())
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
        if is_allowed(function):
            return function(*arguments)
        if isinstance(function, enum.EnumMeta):
            return function._value2member_map_[arguments[0]]
        if not callable(function) or function not in CALLS:
            raise CheckpointError(
                f"refused: the file wants {short(function)} called, which a checkpoint has no need of"
            )
        return CALLS[function](*arguments)

    def _new(self, kind: Any, arguments: Any, keywords: Any) -> Any:
        """An object of a class, made without calling the class."""
        if is_allowed(kind):
            return kind.__new__(kind, *arguments, **keywords)
        safe = isinstance(kind, type) and (id(kind) in self._found or kind in PLAIN) and not issubclass(kind, Tensor)
        if not safe or keywords:
            raise CheckpointError(
                f"refused: the file wants an object of {short(kind)}, which is neither a Module nor known to be safe"
            )
        if classes.is_named_tuple(kind):
            fields = classes.vars_of(kind)["_fields"]
            if len(arguments) != len(fields):
                raise CheckpointError(f"a {kind.__name__} has {len(fields)} fields, and the file has {len(arguments)}")
            return tuple.__new__(kind, arguments)
        if arguments:
            raise CheckpointError(f"refused: the file wants a {kind.__name__} made of arguments")
        return object.__new__(kind)

    def _set_state(self, made: Any, state: Any) -> None:
        """The second half of an object."""
        kind = type(made)
        if is_allowed(kind):
            self.stack.append(state)
            super().load_build()
        elif kind in BUILDS:
            BUILDS[kind](made, state)
        elif id(kind) in self._found and hasattr(kind, "__setstate__"):
            made.__setstate__(state)
            _check_members(made)
        elif (id(kind) in self._found or kind in PLAIN) and isinstance(state, dict):
            vars(made).update(state)
        else:
            raise CheckpointError(f"refused: the file wants to set the state of a {kind.__name__}")

    # --- the instructions that make or change objects; all others only move values about ---

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        if type(arguments) is not tuple:
            raise CheckpointError(f"refused: a call whose arguments are a {type(arguments).__name__}")
        self._budget.spend(sum(map(sys.getsizeof, arguments)))  # what some of the functions copy
        self.stack[-1] = self._call(self.stack[-1], arguments)

    def load_newobj(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._new(self.stack[-1], arguments, {})

    def load_newobj_ex(self) -> None:
        keywords, arguments = self.stack.pop(), self.stack.pop()
        self.stack[-1] = self._new(self.stack[-1], arguments, keywords)

    def load_build(self) -> None:
        state = self.stack.pop()
        self._budget.spend(sum(map(sys.getsizeof, state if isinstance(state, tuple) else (state,))))
        self._set_state(self.stack[-1], state)

    def load_append(self) -> None:
        value = self.stack.pop()
        self._extend([value])

    def load_appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, values: list[Any]) -> None:
        if type(self.stack[-1]) not in (list, deque):
            raise CheckpointError(f"refused: the file appends to a {type(self.stack[-1]).__name__}")
        self.stack[-1].extend(values)
        self._budget.spend(_SLOT * len(values))

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
            self._keys.check(key)
            target[key] = value
        self._budget.spend(_ITEM * len(items))

    def load_additems(self) -> None:
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise CheckpointError(f"refused: the file adds elements to a {type(self.stack[-1]).__name__}")
        self.stack[-1].update(CALLS[set](items))
        self._budget.spend(_ITEM * len(items))

    def load_bytearray8(self) -> None:
        # Python's takes the memory first and then looks whether the file has as many bytes.
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def load_frozenset(self) -> None:
        items = self.pop_mark()  # a step of its own: it changes what append means
        self.append(CALLS[frozenset](items))

    for _code, _instruction in {
        pickle.REDUCE: load_reduce, pickle.NEWOBJ: load_newobj, pickle.NEWOBJ_EX: load_newobj_ex, pickle.BUILD: load_build,
        pickle.APPEND: load_append, pickle.APPENDS: load_appends, pickle.SETITEM: load_setitem, pickle.SETITEMS: load_setitems,
        pickle.DICT: load_dict, pickle.ADDITEMS: load_additems, pickle.FROZENSET: load_frozenset, pickle.BYTEARRAY8: load_bytearray8,
    }.items():  # fmt: skip
        dispatch[_code[0]] = _instruction
    for _byte, _cost in COSTS.items():
        dispatch[_byte] = charged(dispatch[_byte], *_cost)


def _check_members(module: Any) -> None:
    if not isinstance(module, nn.Module):
        return
    for registry, kind in (("_parameters", Tensor), ("_buffers", Tensor), ("_modules", nn.Module)):
        members = getattr(module, registry)
        if not isinstance(members, dict) or not all(isinstance(m, kind | None) for m in members.values()):
            raise CheckpointError(f"{registry} of a {type(module).__name__} holds something that does not belong there")
