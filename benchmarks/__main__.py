"""`python -m benchmarks steps|tutorials|ops|loader|programs|import|load`: nptorch beside PyTorch on this machine."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from benchmarks import loading, networks, ops, tutorials
from benchmarks.pairs import SIDES, Watch, child, in_turn, machine


@click.group()
def main() -> None:
    """Time nptorch beside PyTorch: alternating processes, one measurement each, equal threads, both as installed."""


_json = click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there.")
_rounds = click.option("--rounds", default=5, show_default=True, help="Processes for each side.")
_seconds = click.option("--seconds", default=1.0, show_default=True, help="Time measured in each process.")
_threads = click.option("--threads", default="", help="Thread counts, as 1,2,4 (default: 1, 2 and all).")
_sides = click.option("--sides", default="torch,nptorch", show_default=True, help=f"Of {', '.join(SIDES)}.")
_only = click.option("--only", default="", help="Cases whose name holds this text.")


def _counts(text: str) -> list[int]:
    return [int(n) for n in text.split(",")] if text else sorted({1, 2, os.cpu_count() or 1})


def _report(kind: str, rows: list[dict[str, Any]], watch: Watch, path: Path | None) -> None:
    """Say whether the machine was quiet, and write the JSON."""
    click.echo(watch.verdict())
    if path:
        whole = {
            "kind": kind,
            "machine": machine(),
            "others": watch.others(),
            "memory": "malloc's defaults",
            "rows": rows,
        }
        path.write_text(json.dumps(whole, indent=1) + "\n")


def _row(case: str, threads: int, found: dict[str, dict[str, float]], unit: str = "ms") -> dict[str, Any]:
    """Print and return one comparison; the ratio is the first side's time over the second's."""
    times = {side: figures["ms"] for side, figures in found.items()}
    first, *rest = times.values()
    ratio = first / rest[0] if rest else 1.0
    scale = 1e-3 if unit == "s" else 1.0
    cells = "".join(f"{side} {t * scale:9.3f} {unit}   " for side, t in times.items())
    click.echo(f"{case:30} {threads:2} threads   {cells}ratio {ratio:5.2f}")
    return {"case": case, "threads": threads, "ms": times, "ratio": ratio, "figures": found}


def _compare(
    kind: str, cases: list[str], threads: str, sides: str, rounds: int, seconds: float, path: Path | None
) -> None:
    watch = Watch()
    rows = []
    for n in _counts(threads):
        for case in cases:
            found = in_turn(
                lambda side, case=case, n=n: child(side, kind, case, str(n), str(seconds)), sides.split(","), rounds
            )
            rows.append(_row(case, n, found))
    _report(kind, rows, watch, path)


def _timed(kind: str, cases: Iterable[str], what: str) -> None:
    """Add the command that times these cases."""

    @main.command(kind, help=what)
    @_json
    @_rounds
    @_seconds
    @_threads
    @_sides
    @_only
    def command(path: Path | None, rounds: int, seconds: float, threads: str, sides: str, only: str) -> None:
        _compare(kind, [c for c in cases if only in c], threads, sides, rounds, seconds, path)


_timed(
    "steps",
    networks.CASES,
    "Training steps: the programs' five networks, a large convolution, ResNet-18, an LSTM-sized chain.",
)
_timed("tutorials", tutorials.TUTORIALS, "Training steps of small networks that are no image classifiers.")
_timed("ops", ops.OPS, "Single operations, forward and backward.")


@main.command()
@_json
@_rounds
@_threads
@_sides
def loader(path: Path | None, rounds: int, threads: str, sides: str) -> None:
    """60,000 images through a shuffling DataLoader (the torch side needs torchvision)."""
    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.get("NPTORCH_DATA", "")
        if not (Path(given) / "MNIST" / "raw").is_dir():
            loading.write_random_mnist(Path(folder))
            given = folder
        os.environ["BENCH_MNIST"] = given
        _compare("loader", ["64", "256"], threads, sides, rounds, 0, path)


@main.command(name="import")
@_json
@_rounds
@_sides
def import_(path: Path | None, rounds: int, sides: str) -> None:
    """Time and memory of `import`, over those of Python alone."""
    watch = Watch()
    code = "import resource, sys\n{}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"

    def measure(side: str) -> dict[str, float]:
        line = {"torch": "import torch", "nptorch": "import nptorch"}.get(side, "")
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code.format(line)], capture_output=True, text=True, check=True)
        return {"ms": (time.perf_counter() - start) * 1e3, "MiB": float(done.stdout)}

    for side in (chosen := ["python", *sides.split(",")]):
        measure(side)  # bytecode and disk cache
    found = in_turn(measure, chosen, max(rounds, 9))
    for side, figures in found.items():
        more = {key: value - found["python"][key] for key, value in figures.items()}
        click.echo(
            f"{side:10} {figures['ms']:8.1f} ms {figures['MiB']:8.1f} MiB   over Python: {more['ms']:8.1f} ms {more['MiB']:8.1f} MiB"
        )
    _report("import", [{"case": side, **figures} for side, figures in found.items()], watch, path)


@main.command()
@click.argument("scripts", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Run them there.")
@click.option(
    "--torch-command", default=f"{sys.executable} {{}}", show_default=True, help="How the torch side runs one."
)
@_json
@_rounds
def programs(
    scripts: tuple[Path, ...], folder: Path | None, torch_command: str, path: Path | None, rounds: int
) -> None:
    """Whole scripts, start to end: under PyTorch, and with `nptorch run`."""
    watch = Watch()
    rows = []
    for script in scripts:

        def measure(side: str, script: Path = script) -> dict[str, float]:
            command = torch_command if side == "torch" else f"{sys.executable} -m nptorch run {{}}"
            start = time.perf_counter()
            words = shlex.split(command.format(shlex.quote(str(script.resolve()))))
            done = subprocess.run(
                words, cwd=folder, capture_output=True, text=True, env=os.environ | {"MPLBACKEND": "Agg"}
            )
            if done.returncode:
                raise click.ClickException(f"{script} ({side}) ended with {done.returncode}: {done.stderr[-2000:]}")
            return {"ms": (time.perf_counter() - start) * 1e3}

        rows.append(_row(script.name, os.cpu_count() or 1, in_turn(measure, ["torch", "nptorch"], rounds), unit="s"))
    _report("programs", rows, watch, path)


def _spin() -> None:
    while True:
        sum(range(10000))


@main.command()
@click.option("--per-core", default=2, show_default=True, help="Busy processes beside the step, for each core.")
@_json
@_rounds
@_seconds
@_threads
@_sides
@_only
def load(per_core: int, path: Path | None, rounds: int, seconds: float, threads: str, sides: str, only: str) -> None:
    """The programs' steps on a quiet machine and with busy processes on every core: how many times slower."""
    rows = []
    watch = Watch()
    chosen = sides.split(",")
    for n in _counts(threads):
        for case in (c for c in networks.PROGRAMS if only in c):

            def measure(side: str, case: str = case, n: int = n) -> dict[str, float]:
                return child(side, "steps", case, str(n), str(seconds))

            quiet = in_turn(measure, chosen, rounds)
            busy = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(per_core * (os.cpu_count() or 1))]
            for process in busy:
                process.start()
            try:
                loaded = in_turn(measure, chosen, rounds)
            finally:
                for process in busy:
                    process.terminate()
                    process.join()
            times = {s: {"quiet_ms": quiet[s]["ms"], "loaded_ms": loaded[s]["ms"]} for s in chosen}
            rows.append({"case": case, "threads": n, **times})
            cells = (f"{s} {t['quiet_ms']:8.2f} -> {t['loaded_ms']:8.2f} ms ({t['loaded_ms'] / t['quiet_ms']:.1f}x)" for s, t in times.items())  # fmt: skip
            click.echo(f"{case:16} {n} threads   " + "   ".join(cells))
    _report("load", rows, watch, path)


if __name__ == "__main__":
    main()
