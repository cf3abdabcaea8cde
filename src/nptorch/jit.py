"""TorchScript as scripts write it: models and functions run as they are (https://pytorch.org/docs/stable/jit.html)."""

from __future__ import annotations

from typing import Any, NoReturn

from nptorch.nn.module import Module


class ScriptModule(Module):
    """PyTorch's compiled module: no module is one here, since script() and trace() give the model itself."""


def script(obj: Any, *args: Any, **options: Any) -> Any:
    """The model or function itself."""
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **options: Any) -> Any:
    """The model or function itself, after a call with the example, so that a wrong example is noticed here."""
    if example_inputs is not None:
        func(*example_inputs) if isinstance(example_inputs, tuple) else func(example_inputs)
    return func


def ignore(fn: Any = None, **options: Any) -> Any:
    """The function itself."""
    return fn if callable(fn) else (lambda function: function)


export = unused = ignore


def is_scripting() -> bool:
    """False."""
    return False


is_tracing = is_scripting


def save(m: Any, f: Any, *args: Any, **options: Any) -> NoReturn:
    """Not supported.

    Raises: RuntimeError that says what to do instead.
    """
    raise RuntimeError("there are no TorchScript files here; save the weights with save(model.state_dict(), file)")


def load(f: Any, *args: Any, **options: Any) -> NoReturn:
    """Not supported, since such a file holds code.

    Raises: RuntimeError that says what to do instead.
    """
    raise RuntimeError(
        "TorchScript files hold code and are not loaded here; save the state_dict() with PyTorch instead"
    )
