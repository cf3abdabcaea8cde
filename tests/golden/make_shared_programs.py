"""Writes shared_programs.json: what PyTorch and torchvision print for the programs beside NPTORCH_DATA."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.compat.shared_programs import RUNS, prepare, printed

# The small files are not the published ones, whose digests torchvision checks.
START = """
import runpy, sys
sys.path.insert(0, {tests!r})
from tests.vision.oracle import torchvision
torchvision().datasets.cifar.check_integrity = lambda *arguments, **options: True
import torch
torch.set_num_threads(1)
torch.load = lambda *arguments, f=torch.load, **options: f(*arguments, **{{"weights_only": False, **options}})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main() -> None:
    path = Path(__file__).with_name("shared_programs.json")
    found = json.loads(path.read_text()) if path.exists() else {}
    command = [sys.executable, "-W", "ignore", "-c", START.format(tests=str(Path(__file__).parent.parent.parent))]
    for name in sys.argv[1:] or RUNS:
        with tempfile.TemporaryDirectory() as folder:
            programs = Path(folder, "programs")
            programs.mkdir()
            prepare(RUNS[name], programs)
            found[name] = printed(RUNS[name], command, programs)
    path.write_text(json.dumps(dict(sorted(found.items())), indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
