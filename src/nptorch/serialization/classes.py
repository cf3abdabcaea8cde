"""Modules and functions by the names that files give them: PyTorch's for ours, and classes of the user's own script."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from nptorch import nn
from nptorch.errors import CheckpointError
from nptorch.nn import functional, init
from nptorch.ops.signatures import FUNCTIONS
from nptorch.serialization.names import safe_globals

# Our modules with Modules in them, and PyTorch's names for these.
_PACKAGES = (
    ("nptorch.nn.module", "torch.nn.modules.module"),
    ("nptorch.nn.modules", "torch.nn.modules"),
    ("nptorch.vision", "torchvision"),
)
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
    elif isinstance(value, type) and issubclass(value, nn.Module):
        for ours, theirs in _PACKAGES:
            if value.__module__ == ours or value.__module__.startswith(ours + "."):
                return theirs + value.__module__.removeprefix(ours), value.__qualname__
    return None


def find(module: str, name: str) -> Any:
    """The Module subclass or function that a file calls `module.name`.

    A class of the user's is looked for in the modules that are already imported, by its module's name and then in the running
    script; a module that is not imported is imported if it is a plain `module.py` with that class in it, next to the running
    script or in the current folder. Nothing else is imported.
    Raises: CheckpointError if there is no such class, or it is not a Module.
    """
    if module in _FUNCTIONS:
        found = _FUNCTIONS[module].get(name)
        return found if isinstance(found, FunctionType) else _refuse(module, name)
    if module.startswith("torch.nn.modules."):
        # Public names, whatever file they are in: PyTorch moved some between its versions.
        found = getattr(nn, name, None) or _of_our_file(module, name)
    elif module.startswith("torchvision."):
        found = _of_vision(module, name)
    else:
        found = _users_class(module, name)
    if _is_module(found):
        return found
    return _refuse(module, name)


def find_allowed(module: str, name: str) -> Any:
    """What add_safe_globals() was given under this name, or None."""
    for allowed in safe_globals:
        if (allowed.__module__, allowed.__qualname__) == (module, name):
            return allowed
    return None


def _is_module(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, nn.Module)


def _of_our_file(module: str, name: str) -> Any:
    """A module that PyTorch keeps in a file of its own and publishes nowhere else."""
    return vars(sys.modules.get(module.replace("torch", "nptorch", 1), nn)).get(name)


def _of_vision(module: str, name: str) -> Any:
    try:
        return vars(importlib.import_module(module.replace("torchvision", "nptorch.vision", 1))).get(name)
    except ImportError:
        return None


def _users_class(module: str, name: str) -> Any:
    # vars() and not getattr(): a module's __getattr__ is code.
    for known in (module, "__main__"):
        found = vars(sys.modules[known]).get(name) if known in sys.modules else None
        if _is_module(found):
            return found
    if module not in sys.modules and module.isidentifier() and module not in sys.stdlib_module_names:
        for folder in _users_folders():
            path = folder / f"{module}.py"
            if path.is_file() and _defines(path, name):
                return vars(_import(module, path)).get(name)
    return None


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


def _refuse(module: str, name: str) -> Any:
    full = f"{module}.{name}"
    if module == "torch" or module.startswith(("torch.", "torchvision.")):
        raise CheckpointError(
            f"refused: the file asks for {full}, which nptorch does not have; save the state_dict() of a model of known layers instead"
        )
    where = f"the script that saved it ({name})" if module == "__main__" else f"module {module!r}"
    raise CheckpointError(
        f"refused: the file asks for {full}, and only nn.Module classes of your own program are looked up. If it is a model of {where}, "
        "import or define the class before load(); if it is another class that you trust, name it with "
        f"serialization.add_safe_globals([{name}]); else do not load this file"
    )
