"""How long a statement takes (https://docs.pytorch.org/docs/stable/benchmark_utils.html)."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from typing import Any

from nptorch.kernels import get_num_threads, set_num_threads

_UNITS = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))


def _readable(seconds: float) -> str:
    unit, name = next((u for u in reversed(_UNITS) if seconds >= u[0]), _UNITS[0])
    return f"{seconds / unit:.2f} {name}"


class Measurement:
    """The seconds that runs of a statement took: `raw_times`, each of `number_per_run` runs."""

    def __init__(self, number_per_run: int, raw_times: list[float], title: str, num_threads: int) -> None:
        self.number_per_run, self.raw_times, self.title, self.num_threads = (
            number_per_run,
            raw_times,
            title,
            num_threads,
        )

    @property
    def times(self) -> list[float]:
        """Seconds of one run, from each measurement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """The median of the times."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """From the first to the third quartile of the times."""
        if len(self.times) == 1:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return high - low

    def __repr__(self) -> str:
        lines = [f"<{type(self).__name__} object at {id(self):#x}>", self.title]
        if len(self.times) == 1:
            lines.append(f"  {_readable(self.median)}")
        else:
            lines += [f"  Median: {_readable(self.median)}", f"  IQR:    {_readable(self.iqr)}"]
        threads = f"{self.num_threads} thread" + "s" * (self.num_threads > 1)
        lines.append(
            f"  {len(self.times)} measurement{'s' * (len(self.times) > 1)}, {self.number_per_run} runs, {threads}"
        )
        return "\n".join(lines)


class Timer:
    """Times a statement, as timeit.Timer, on `num_threads` threads."""

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = None,
    ) -> None:
        self._timer = timeit.Timer(stmt, setup, timer, {} if globals is None else globals)
        self._num_threads = num_threads
        name = ": ".join(part for part in (label, sub_label) if part) or stmt
        self._title = "\n".join(
            [name, *([description] if description else []), *([f"setup: {setup}"] * (setup != "pass"))]
        )

    def _run(self, number: int) -> float:
        threads = get_num_threads()
        set_num_threads(self._num_threads)
        try:
            return self._timer.timeit(number)
        finally:
            set_num_threads(threads)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One measurement of `number` runs, after a few that do not count."""
        self._run(max(number // 100, 2))
        return Measurement(number, [self._run(number)], self._title, self._num_threads)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Measurements of so many runs that the clock does not matter, for `min_run_time` seconds in all."""
        number, spent = 1, list[float]()
        self._run(number)
        while self._run(number) < min_run_time / 1000:
            number *= 10
        while sum(spent) < min_run_time:
            spent.append(self._run(number))
        return Measurement(number, spent, self._title, self._num_threads)
