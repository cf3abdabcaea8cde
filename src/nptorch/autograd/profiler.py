"""PyTorch's profiler as scripts write it: the blocks run, nothing is recorded; Python's own profilers see everything here.

Source: https://pytorch.org/docs/stable/profiler.html
"""

from __future__ import annotations

import contextlib
from typing import Any

NOTHING = "Nothing was recorded: use Python's profilers, such as `python -m cProfile -s cumulative script.py`."


class EventList(list[Any]):
    """No events."""

    def table(self, *args: Any, **options: Any) -> str:
        """One line that says what to use instead."""
        return NOTHING


class profile(contextlib.ContextDecorator):
    """Accepted as a block or decorator, with all options; it records nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> profile:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def start(self) -> None:
        """Accepted."""

    stop = step = start

    def events(self) -> EventList:
        """No events."""
        return EventList()

    def key_averages(self, *args: Any, **options: Any) -> EventList:
        """No events."""
        return EventList()

    def table(self, *args: Any, **options: Any) -> str:
        """One line that says what to use instead."""
        return NOTHING

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace without events."""
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"traceEvents": []}')


class record_function(contextlib.ContextDecorator):
    """Accepted as a block or decorator: a name for what runs in it."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, *error: object) -> None:
        return None
