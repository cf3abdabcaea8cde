"""Two libraries measured in turn: one process a measurement, A B A B ..., medians and ratios, and whether the machine was quiet meanwhile."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a side adds to the environment. The last two show what the kernels are worth.
SIDES: dict[str, dict[str, str]] = {
    "torch": {},
    "nptorch": {},
    "baseline": {"NPTORCH_ISA": "baseline"},  # native kernels without AVX
    "numpy": {"NPTORCH_NATIVE": "0"},  # the NumPy reference
}
# Both libraries as installed: nobody's allocator or thread settings are tuned.
_TUNING = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPTORCH_NUM_THREADS", "LD_PRELOAD", "GLIBC_TUNABLES",
           "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "KMP_BLOCKTIME", "OMP_WAIT_POLICY")  # fmt: skip
_ROOT = Path(__file__).resolve().parent.parent


def library(side: str) -> str:
    """The module a side imports."""
    return "torch" if side == "torch" else "nptorch"


def child(side: str, kind: str, case: str, threads: str, seconds: str) -> dict[str, Any]:
    """What `python -m benchmarks.child` prints for a case, run for that side in a process of its own.

    Raises: RuntimeError with the process's last words if it failed.
    """
    environment = {k: v for k, v in os.environ.items() if k not in _TUNING} | SIDES[side]
    environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    if side == "numpy":  # its products come from NumPy's BLAS, which counts its own threads
        environment["OPENBLAS_NUM_THREADS"] = threads
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", library(side), kind, case, threads, seconds],
        env=environment, cwd=_ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{side} {kind} {case}: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(measure: Callable[[str], dict[str, float]], sides: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """The median of each figure for each side; the sides take turns, so that a slow minute slows all of them."""
    seen: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            seen[side].append(measure(side))
    return {side: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for side, runs in seen.items()}


class Watch:
    """How much of the processor others used while we measured (Linux; elsewhere unknown)."""

    def __init__(self) -> None:
        self.start = self._now()

    @staticmethod
    def _now() -> tuple[float, float] | None:
        try:
            ticks = [float(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        except OSError:
            return None
        used = os.times()
        own = (used.user + used.system + used.children_user + used.children_system) * os.sysconf("SC_CLK_TCK")
        return sum(ticks) - ticks[3] - ticks[4] - own, sum(ticks)

    def others(self) -> float | None:
        """The share of all processor time, from 0 to 1, that went to other processes."""
        now = self._now()
        if now is None or self.start is None:
            return None
        return max(0.0, (now[0] - self.start[0]) / max(1.0, now[1] - self.start[1]))

    def verdict(self) -> str:
        """One line for the report."""
        share = self.others()
        if share is None:
            return "whether the machine was quiet is not known here"
        return f"other processes took {share:.1%} of the processors: " + (
            "quiet" if share < 0.05 else "NOT QUIET, figures are not to be trusted"
        )


def machine() -> dict[str, Any]:
    """The processor's name, its count, and the versions measured."""
    import importlib.metadata

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    found: dict[str, Any] = {"processor": name, "processors": os.cpu_count(), "python": platform.python_version()}
    for package in ("torch", "numpy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found
