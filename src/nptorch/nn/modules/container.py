"""Containers of modules and of parameters.

Source: https://docs.pytorch.org/docs/stable/nn.html#containers
"""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any, TypeVar

from nptorch.nn.module import Module
from nptorch.nn.parameter import Parameter
from nptorch.tensor import Tensor

S = TypeVar("S", bound="_ModuleSequence")
P = TypeVar("P", bound="ParameterList")


def _position(index: Any, length: int) -> int:
    """An index, negative ones counted from the end.

    Raises: IndexError outside the container.
    """
    i = operator.index(index)
    if not -length <= i < length:
        raise IndexError(f"index {i} is out of range for a container of {length}")
    return i % length


class _ModuleSequence(Module):
    """What Sequential and ModuleList share: modules in order, named by their position."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _name(self, index: Any) -> str:
        return list(self._modules)[_position(index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: Any) -> None:
        for name in list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]:
            del self._modules[name]
        self._modules = {str(i): module for i, module in enumerate(self._modules.values())}

    def pop(self, key: Any) -> Any:
        """Remove the module (or slice of modules) and return it."""
        found = self[key]  # type: ignore[index]
        del self[key]
        return found

    def append(self: S, module: Module) -> S:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: S, modules: Iterable[Module]) -> S:
        """Add modules at the end.

        Raises: TypeError if they are not iterable.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{self._get_name()}.extend should be called with an iterable, but got {type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: S, index: int, module: Module) -> S:
        """Add a module before position `index`; len() is the end.

        Raises: TypeError if it is no Module, IndexError outside the container.
        """
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"Index out of range: {index}, the container holds {n}")
        members = list(self._modules.values())
        members.insert(index, module)
        self._modules = {str(i): member for i, member in enumerate(members)}
        return self


class Sequential(_ModuleSequence):
    """Calls its modules one after the other, each with the output of the one before."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name) if isinstance(name, int) else name, module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *self._layers(other))

    def __iadd__(self, other: Any) -> Any:
        return self.extend(self._layers(other))

    def __mul__(self, times: Any) -> Sequential:
        return Sequential(*list(self) * self._times(times))

    __rmul__ = __mul__

    def __imul__(self, times: Any) -> Any:
        return self.extend(list(self) * (self._times(times) - 1))

    @staticmethod
    def _layers(other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return other

    def _times(self, times: Any) -> int:
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
        return times


class ModuleList(_ModuleSequence):
    """A list whose modules are registered; it has no forward()."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[self._name(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, other: Iterable[Module]) -> Any:
        return self.extend(other)

    def __repr__(self) -> str:
        lines, start = [], 0
        for text, same in groupby(map(repr, self)):
            n = len(list(same))
            where = f"({start}): " if n == 1 else f"({start}-{start + n - 1}): {n} x "
            lines.append("  " + (where + text).replace("\n", "\n  "))
            start += n
        return f"{self._get_name()}(" + "".join("\n" + line for line in lines) + ("\n)" if lines else ")")


class ModuleDict(Module):
    """A dictionary whose modules are registered; it has no forward()."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """The names and modules."""
        return self._modules.items()

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Remove a module and return it."""
        return self._modules.pop(key)

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping or of (name, module) pairs.

        Raises: TypeError if they are neither.
        """
        for name, module in _pairs("ModuleDict.update", modules):
            self[name] = module


class _Parameters(Module):
    """What ParameterList and ParameterDict share: parameters, and other values beside them."""

    @staticmethod
    def _wrapped(value: Any) -> Any:
        return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{self._get_name()} should not be called.")

    @staticmethod
    def _describe(key: Any, value: Any, type_text: str) -> str:
        if not isinstance(value, Tensor):
            return f"  ({key}): Object of type: {type(value).__name__}"
        size = "x".join(map(str, value.shape))
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        return f"  ({key}): {kind} containing: [{type_text} of size {size}]"


class ParameterList(_Parameters):
    """A list whose tensors are registered as Parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(len(self)))])
        return getattr(self, str(_position(index, len(self))))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(index, len(self))), self._wrapped(value))

    def __iter__(self) -> Iterator[Any]:
        return iter(self[i] for i in range(len(self)))

    def __iadd__(self: P, values: Iterable[Any]) -> P:
        return self.extend(values)

    def append(self: P, value: Any) -> P:
        """Add a value at the end."""
        self._size += 1
        self[-1] = value
        return self

    def extend(self: P, values: Iterable[Any]) -> P:
        """Add values at the end.

        Raises: TypeError if they are not iterable, or are one Tensor.
        """
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return "\n".join(
            self._describe(i, value, repr(value.dtype) if isinstance(value, Tensor) else "")
            for i, value in enumerate(self)
        )


class ParameterDict(_Parameters):
    """A dictionary whose tensors are registered as Parameters."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict keys must be strings, got {type(key).__name__} ({key!r})")
        self._keys[key] = None
        setattr(self, key, self._wrapped(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: Any) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def keys(self) -> Any:
        """The names."""
        return self._keys.keys()

    def values(self) -> Iterator[Any]:
        """The values."""
        return iter([self[key] for key in self])

    def items(self) -> Iterator[tuple[str, Any]]:
        """The names and values."""
        return iter([(key, self[key]) for key in self])

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`."""
        return getattr(self, key) if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value, after `default` was entered if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def copy(self) -> ParameterDict:
        """A new dictionary of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dictionary with these names and one value."""
        return ParameterDict((key, default) for key in keys)

    def clear(self) -> None:
        """Remove all values."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Remove a value and return it."""
        found = self[key]
        del self[key]
        return found

    def popitem(self) -> tuple[str, Any]:
        """Remove the newest pair and return it."""
        key = next(reversed(self))
        return key, self.pop(key)

    def update(self, parameters: Any) -> None:
        """Add the values of a mapping or of (name, value) pairs.

        Raises: TypeError if they are neither.
        """
        for key, value in _pairs("ParametersDict.update", parameters):
            self[key] = value

    def extra_repr(self) -> str:
        return "\n".join(
            self._describe(key, value, value.type() if isinstance(value, Tensor) else "") for key, value in self.items()
        )


def _pairs(name: str, given: Any) -> list[tuple[str, Any]]:
    if isinstance(given, (Mapping, ModuleDict, ParameterDict)):
        return list(given.items())
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} should be called with an iterable of key/value pairs, but got {type(given).__name__}")
    pairs = [tuple(pair) for pair in given]
    for i, pair in enumerate(pairs):
        if len(pair) != 2:
            raise ValueError(f"{name}: element #{i} has length {len(pair)}; 2 is required")
    return pairs
