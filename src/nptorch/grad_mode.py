"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode.

Source: https://pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    grad = True
    inference = False


mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether operations are recorded for the gradient now, in this thread."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference_mode() is on now, in this thread."""
    return mode.inference


class _GradContext:
    """A context manager, and a decorator of functions and generators, that sets the mode and puts it back."""

    grad = False

    def __init__(self) -> None:
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((mode.grad, mode.inference))
        mode.grad = self.grad

    def __exit__(self, *exc: object) -> None:
        mode.grad, mode.inference = self._before.pop()

    def _again(self) -> _GradContext:
        return type(self)()

    def __call__(self, function: F) -> F:
        again = self._again
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                # The mode holds while the generator runs, not while its consumer does.
                running = function(*args, **kwargs)
                send = None
                while True:
                    with again():
                        try:
                            item = running.send(send)
                        except StopIteration as stop:
                            return stop.value
                    send = yield item

            return generator  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with again():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


class _BareDecorator(_GradContext):
    """Also usable without parentheses: `@no_grad`."""

    def __new__(cls, function: Any = None) -> Any:
        context = super().__new__(cls)
        if function is None:
            return context
        context.__init__()  # type: ignore[misc]
        return context(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__()


class no_grad(_BareDecorator):
    """Operations inside are not recorded; a context manager and a decorator."""


class enable_grad(_BareDecorator):
    """Operations inside are recorded, also within no_grad(); a context manager and a decorator."""

    grad = True


class inference_mode(_GradContext):
    """Like no_grad(), and says so through is_inference_mode_enabled()."""

    def __new__(cls, mode: Any = True) -> Any:
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._inference = mode

    def _again(self) -> inference_mode:
        return inference_mode(self._inference)

    def __enter__(self) -> None:
        self._before.append((mode.grad, mode.inference))
        if self._inference:
            mode.grad, mode.inference = False, True


class set_grad_enabled(_GradContext):
    """Sets the mode at once, as a function does; as a context manager it also puts it back."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.grad = bool(mode)
        self._at_call = _set(self.grad)

    def _again(self) -> set_grad_enabled:
        return set_grad_enabled(self.grad)

    def __enter__(self) -> None:
        self._before.append((self._at_call, mode.inference))
        mode.grad = self.grad

    def __call__(self, function: F) -> F:
        # A decorator changes the mode only inside the function it decorates.
        mode.grad = self._at_call
        return super().__call__(function)


def _set(grad: bool) -> bool:
    before = mode.grad
    mode.grad = grad
    return before
