"""Runs a program as `python` does, with `torch` and `torchvision` meaning nptorch."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import sys
import types
from pathlib import Path
from typing import Any

from nptorch.app.catalog import UsageError
from nptorch.compat.finder import install


def run_file(script: str, arguments: list[str]) -> None:
    """Run a script file (or `-`, what comes in at standard input) with these arguments.

    Raises: UsageError if there is no such file; whatever the script raises ends the process as Python would end it.
    """
    if script == "-":
        source, name, folder = sys.stdin.read().encode(), "<stdin>", ""
    else:
        path = Path(script)
        if path.is_dir():
            path /= "__main__.py"
        try:
            with io.open_code(str(path.absolute())) as file:
                source = file.read()
        except OSError as error:
            raise UsageError(f"cannot read the script {script!r}: {error.strerror}") from None
        name, folder = str(path.absolute()), str(path.resolve().parent)
    _run(source, name, None, folder, [script, *arguments])


def run_module(module: str, arguments: list[str]) -> None:
    """Run a module by its name, as `python -m`.

    Raises: UsageError if there is no such module.
    """
    install()
    sys.path.insert(0, str(Path.cwd()))
    spec = None
    try:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(module + ".__main__")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.loader is None or not hasattr(spec.loader, "get_source"):
        raise UsageError(f"there is no module {module!r} to run")
    assert spec.origin is not None
    _run(spec.loader.get_source(spec.name).encode(), spec.origin, spec, None, [spec.origin, *arguments])


def _run(source: bytes, name: str, spec: Any, folder: str | None, argv: list[str]) -> None:
    """Run the source as `__main__`; a traceback begins at its first line."""
    install()
    sys.argv = argv
    if folder is not None:
        sys.path[0:1] = [folder]
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=name, __builtins__=__builtins__, __spec__=spec, __cached__=None)
    if spec is not None:
        main.__package__ = spec.parent
    elif name != "<stdin>":
        main.__loader__ = importlib.machinery.SourceFileLoader("__main__", name)
    sys.modules["__main__"] = main
    try:
        exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        # What the user wrote begins below this frame.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        error.__traceback__ = trace
        sys.excepthook(type(error), error, trace)
        sys.stdout.flush()
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)
