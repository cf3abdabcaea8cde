"""The tutorials run as they stand: every command and every program, in order, in one folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
# Installing is done already; the page runs until it is stopped and has tests of its own.
LEFT_OUT = ("pip install", "nptorch serve")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TUTORIAL.md", "TUTORIAL.zh-CN.md"])
def test_every_step_works(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    said = {}
    for kind, text in re.findall(r"```(console|python)\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.S):
        commands = [text] if kind == "python" else [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        for command in commands:
            if command.startswith(LEFT_OUT):
                continue
            words = ["-c", command] if kind == "python" else ["-m", *command.split()]
            done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            said[command] = done.stdout
    assert "seven.png: 7 " in said["nptorch predict seven.png"]
    assert {p.name for p in tmp_path.iterdir()} >= {"digits.png", "filters.png", "seven.png", "steps", "runs"}


def test_both_languages_run_the_same() -> None:
    code = [
        re.findall(r"```(?:console|python)\n(.*?)```", (DOCS / n).read_text(encoding="utf-8"), re.S)
        for n in ("TUTORIAL.md", "TUTORIAL.zh-CN.md")
    ]
    assert code[0] == code[1]
