"""Modules and functions by the names that files give them: PyTorch's for ours, and classes of the user's own script."""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from nptorch import nn, optim
from nptorch.errors import CheckpointError
from nptorch.naming import torch_module
from nptorch.nn import functional, init
from nptorch.nn.utils.spectral_norm import SpectralNorm
from nptorch.nn.utils.weight_norm import WeightNorm
from nptorch.ops.signatures import FUNCTIONS
from nptorch.tensor import Tensor
from nptorch.utils import data

# Where a file's classes of ours are looked for, apart from the layers.
_PACKAGES = ("nptorch.nn.parallel", "nptorch.nn.utils", "nptorch.optim", "nptorch.utils.data", "nptorch.vision")
# What their objects are, apart from named tuples: each gets its attributes without being called.
_OURS = (nn.Module, optim.Optimizer, optim.lr_scheduler.LRScheduler, data.Dataset, SpectralNorm, WeightNorm)
_PICKLING = ("__setstate__", "__reduce__", "__reduce_ex__")
_FUNCTIONS: dict[str, dict[str, Any]] = {
    "torch.nn.functional": vars(functional),
    "torch._C._nn": vars(functional),
    "torch": FUNCTIONS,
    "torch.nn.init": vars(init),
}


def spelled(value: Any) -> tuple[str, str] | None:
    """PyTorch's module and name of a class or function of ours; None for anything else."""
    if isinstance(value, FunctionType):
        for module, functions in _FUNCTIONS.items():
            for name, function in functions.items():
                if function is value:
                    return module, name
    elif isinstance(value, type) and issubclass(value, (*_OURS, tuple)):
        module = torch_module(value.__module__)  # while ours stand in for PyTorch's, they have its name already
        if module.startswith(("torch.", "torchvision.")):
            return module, value.__qualname__
    return None


def find(module: str, name: str, *, plain: bool) -> Any:
    """The class or function that a file calls `module.name`: of ours, or of the user's program.

    A class of the user's is looked for in the modules that are already imported, by its module's name and then in the running
    script; a module that is not imported is imported if it is a plain `module.py` with that class in it, next to the running
    script or in the current folder. Nothing else is imported. It must be a Module, a Tensor or a named tuple; with plain=True,
    any class of the user's own files that leaves pickling to Python.
    Raises: CheckpointError if there is no such class, or it is of another kind.
    """
    if module in _FUNCTIONS:
        found = _FUNCTIONS[module].get(name)
        return found if isinstance(found, FunctionType) else _refuse(module, name)
    if module.startswith("torch.nn.modules."):
        # Public names, whatever file they are in: PyTorch moved some between its versions.
        found = vars(nn).get(name) or _of_our_file(module, name)
        found = found if inspect.isclass(found) and issubclass(found, nn.Module) else None
    elif module.startswith(("torch.", "torchvision.")):
        found = _of_ours(module, name)
    else:
        found = _users_class(module, name, plain)
    return found or _refuse(module, name)


def is_named_tuple(value: Any) -> bool:
    """Whether a class is a named tuple: it can be made of its fields without being called."""
    return inspect.isclass(value) and issubclass(value, tuple) and isinstance(vars_of(value).get("_fields"), tuple)


def vars_of(kind: type) -> dict[str, Any]:
    """A class's attributes, inherited ones too, without running a descriptor of it."""
    return {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}


def _of_our_file(module: str, name: str) -> Any:
    """A module that PyTorch keeps in a file of its own and publishes nowhere else."""
    return vars(sys.modules.get(module.replace("torch", "nptorch", 1), nn)).get(name)


def _of_ours(module: str, name: str) -> Any:
    for ours in _PACKAGES:
        theirs = torch_module(ours)
        if module.startswith(theirs + "."):
            try:
                found = vars(importlib.import_module(ours + module.removeprefix(theirs))).get(name)
            except ImportError:
                return None
            return found if inspect.isclass(found) and (issubclass(found, _OURS) or is_named_tuple(found)) else None
    return None


def _users_class(module: str, name: str, plain: bool) -> Any:
    # vars() and not getattr(): a module's __getattr__ is code.
    for known in (module, "__main__"):
        found = vars(sys.modules[known]).get(name) if known in sys.modules else None
        if _fits(found, plain):
            return found
    if module not in sys.modules and module.isidentifier() and module not in sys.stdlib_module_names:
        for folder in _users_folders():
            path = folder / f"{module}.py"
            if path.is_file() and _defines(path, name):
                found = vars(_import(module, path)).get(name)
                return found if _fits(found, plain) else None
    return None


def _fits(value: Any, plain: bool) -> bool:
    """Whether objects of a class may be made: without a call, or because the user trusts the file with it."""
    if not inspect.isclass(value):
        return False
    return issubclass(value, nn.Module | Tensor) or is_named_tuple(value) or (plain and _plain(value))


def _plain(kind: type) -> bool:
    """Whether a class of the user's own files says nothing about pickling: its objects are their attributes."""
    attributes = vars_of(kind)
    if not issubclass(kind, enum.Enum) and any(attributes.get(s) is not vars(object).get(s) for s in _PICKLING):
        return False
    top = kind.__module__.partition(".")[0]
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if top == "__main__" or file is None or top in sys.stdlib_module_names or top == "nptorch":
        return top == "__main__"
    path = Path(file).resolve()
    return "site-packages" not in path.parts and any(path.is_relative_to(folder) for folder in _users_folders())


def _users_folders() -> list[Path]:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = [Path.cwd()] if script is None else [Path(script).resolve().parent, Path.cwd()]
    return [folder for folder in folders if "site-packages" not in folder.parts]


def _defines(path: Path, name: str) -> bool:
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.ClassDef) and node.name == name for node in body)


def _import(module: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None and spec.loader is not None
    made = sys.modules[module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(made)
    except Exception as error:
        del sys.modules[module]
        raise CheckpointError(f"the model's class is in {path}, which fails to import: {error}") from error
    return made


# What to do about PyTorch's things that are not here, by how their names begin.
_ADVICE = {
    "_rebuild_sparse": "it holds sparse tensors: save x.to_dense() in PyTorch",
    "_rebuild_nested": "it holds nested tensors: save x.unbind() in PyTorch",
    "_rebuild_qtensor": "it holds quantized tensors: save x.dequantize() in PyTorch",
    "_rebuild_meta": "it holds tensors of the device 'meta', which have no values",
    "float8": "it holds 8-bit floats, which NumPy does not have: save x.float() in PyTorch",
    "complex32": "it holds numbers that NumPy does not have: save x.to(torch.complex64) in PyTorch",
    "_load_from_bytes": "it holds a pickle in a pickle: save it with torch.save",
}


def _refuse(module: str, name: str) -> Any:
    full = f"{module}.{name}"
    for start, advice in _ADVICE.items():
        if name.startswith(start):
            raise CheckpointError(f"refused: the file asks for {full}; {advice}")
    if module == "torch" or module.startswith(("torch.", "torchvision.")):
        raise CheckpointError(
            f"refused: the file asks for {full}, which nptorch does not have; save the state_dict() of a model of known layers instead"
        )
    where = f"the script that saved it ({name})" if module == "__main__" else f"module {module!r}"
    raise CheckpointError(
        f"refused: the file asks for {full}, and only nn.Module classes of your own program are looked up. If it is a model of {where}, "
        "import or define the class before load(); if it is another class that you trust, name it with "
        f"serialization.add_safe_globals([{name}]), or trust the file with the classes of your own program: load(weights_only=False); "
        "else do not load this file"
    )
