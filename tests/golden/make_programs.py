"""Writes programs.json: what PyTorch and torchvision print for the programs of tests/compat.

A program that needs torchvision is skipped, and keeps its old text, where torchvision is missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from nptorch.vision.datasets import Digits

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from tests.compat.running import PROGRAMS, output, write_digits

ROOT = str(Path(__file__).parent.parent.parent)
START = """
import runpy, sys
sys.path.insert(0, {root!r})
from tests.vision.oracle import torchvision
try:
    torchvision()
except ImportError:
    pass
import torch
torch.set_num_threads(1)
sys.argv = sys.argv[1:]
sys.path[0:2] = [""]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main() -> None:
    path = Path(__file__).parent / "programs.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    wanted = sys.argv[1:] or [program.stem for program in PROGRAMS]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "digits")
        data = Digits(train=True)
        write_digits(root, data.data.numpy(), data.targets.numpy())
        for program in PROGRAMS:
            if program.stem in wanted:
                try:
                    found[program.stem] = output(
                        [sys.executable, "-W", "ignore", "-c", START.format(root=ROOT), str(program)],
                        root,
                        Path(folder),
                    )
                except AssertionError as error:
                    print(f"{program.stem}: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
    kept = {program.stem: found[program.stem] for program in PROGRAMS if program.stem in found}
    path.write_text(json.dumps(kept, indent=0, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
