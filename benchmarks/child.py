"""One measurement in a process of its own: `python -m benchmarks.child LIBRARY KIND CASE THREADS SECONDS`; prints one line of JSON."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any


def timed(step: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Median and 90th percentile of a call, in ms, over that many seconds after a warm-up."""
    end = time.perf_counter() + min(1.0, seconds)
    while time.perf_counter() < end:
        step()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    return {"ms": statistics.median(times), "p90_ms": times[int(0.9 * len(times))]}


def main() -> None:
    """Measure what the arguments say."""
    name, kind, case, threads, seconds = sys.argv[1:]
    T = importlib.import_module(name)
    T.set_num_threads(int(threads))
    if kind == "steps":
        from benchmarks import networks

        found = timed(networks.case(T, case), float(seconds))
    elif kind == "tutorials":
        from benchmarks import tutorials

        found = timed(tutorials.case(T, case), float(seconds))
    elif kind == "ops":
        from benchmarks import ops

        found = timed(ops.case(T, case), float(seconds))
        found["ms"] /= ops.REPEAT
        found["p90_ms"] /= ops.REPEAT
    else:
        from benchmarks import loading

        found = loading.epoch(T, case)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
