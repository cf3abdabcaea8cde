"""The commands, as a user runs them: in processes of their own, on the embedded digits."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nptorch

SMALL = ("--data", "digits", "--epochs", "2", "--batch-size", "128")


def command(*args: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`nptorch ARGS` in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "nptorch", *args], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    """The command's error, which must be one clear line and no traceback."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def weights(run: Path) -> dict[str, np.ndarray]:
    """The last checkpoint's weights."""
    return {name: t.numpy() for name, t in nptorch.load(run / "last.pt")["model"].items()}


def metrics(run: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv."""
    return list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))


@pytest.mark.slow
def test_train_then_test_then_look(tmp_path: Path) -> None:
    done = command("train", "lenet5", *SMALL, "--run-dir", "run", cwd=tmp_path)
    assert re.search(r"epoch 2/2  loss \d\.\d{4}  accuracy \d+\.\d\d%  test accuracy \d+\.\d\d%", done.stdout)
    run = tmp_path / "run"
    assert {p.name for p in run.iterdir()} == {"config.json", "last.pt", "best.pt", "metrics.csv", "curves.png"}
    rows = metrics(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])
    assert json.loads((run / "config.json").read_text())["batch_size"] == 128

    tested = command("test", "run", cwd=tmp_path)
    assert re.search(r"test accuracy \d+\.\d\d%, loss \d", tested.stdout)
    assert "recall" in tested.stdout
    assert (run / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "wrong.png").read_bytes().startswith(b"\x89PNG")

    again = one_error(command("train", "lenet5", *SMALL, "--run-dir", "run", cwd=tmp_path, check=False))
    assert "already holds a run" in again
    assert "--resume" in again


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lenet-bn", "mlp3"])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path, model: str) -> None:
    args = ("train", model, "--data", "digits", "--epochs", "3", "--batch-size", "64", "--schedule", "step", "--augment", "--threads", "1",
            "--checkpoint-every", "3")  # fmt: skip
    command(*args, "--run-dir", "whole", cwd=tmp_path)

    killed = subprocess.Popen(
        [sys.executable, "-m", "nptorch", *args, "--run-dir", "broken"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    last = tmp_path / "broken" / "last.pt"
    deadline = time.monotonic() + 60
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    state = nptorch.load(last)
    assert (state["epoch"], state["step"]) != (3, 0), "the run ended before it could be killed"
    command("train", "--resume", "broken", "--threads", "1", "--checkpoint-every", "3", cwd=tmp_path)

    a, b = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    for x, y in zip(metrics(tmp_path / "whole"), metrics(tmp_path / "broken"), strict=True):
        assert {k: v for k, v in x.items() if k != "seconds"} == {k: v for k, v in y.items() if k != "seconds"}


@pytest.mark.slow
def test_own_network_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from nptorch import nn\n\n\nclass Mine(nn.Module):\n    def __init__(self, num_classes=10):\n        super().__init__()\n"
        "        self.fc = nn.Linear(784, num_classes)\n\n    def forward(self, x):\n        return self.fc(x.flatten(1))\n"
    )
    command("train", "mine.py:Mine", *SMALL, "--run-dir", "run", "--lr", "0.01", cwd=tmp_path)
    assert "test accuracy" in command("test", "run", cwd=tmp_path).stdout
    assert "7,850 parameters" in command("show", "model", "mine.py:Mine", cwd=tmp_path).stdout
    assert "it has Mine" in one_error(command("train", "mine.py:Yours", cwd=tmp_path, check=False))


@pytest.mark.slow
def test_folder_of_images(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 5)):
        for label, level in (("dark", 40), ("light", 200)):
            folder = tmp_path / "pictures" / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray((rng.integers(0, 50, (40, 30, 3)) + level).astype(np.uint8)).save(folder / f"{i}.png")
    command(
        "train", "lenet5", "--data", "pictures", "--epochs", "3", "--batch-size", "8", "--run-dir", "run", cwd=tmp_path
    )
    assert "test accuracy 100.00%" in command("test", "run", cwd=tmp_path).stdout
    command("show", "data", "pictures", "--out", "grid.png", cwd=tmp_path)
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_show_and_info(tmp_path: Path) -> None:
    text = command("show", "model", "lenet", cwd=tmp_path).stdout
    assert re.search(r"C1\s+Conv2d\s+6x28x28\s+156", text)
    assert "61,706 parameters" in text
    command("show", "data", "digits", cwd=tmp_path)
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert "kernels:" in command("info", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("train",), "name a model"),
        (("train", "resnet"), "unknown model 'resnet'"),
        (("train", "lenet5", "--data", "mnits"), "unknown data 'mnits'"),
        (("train", "lenet5", "--data", "mnist", "--no-download"), "not found"),
        (("train", "missing.py:Net"), "no such file"),
        (("test", "nowhere"), "is no run"),
        (("train", "--resume", "nowhere"), "is no run"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, args: tuple[str, ...], says: str) -> None:
    assert says in one_error(command(*args, cwd=tmp_path, check=False))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "args", [("--lr", "nan"), ("--lr", "-1"), ("--batch-size", "0"), ("--epochs", "x"), ("--optimizer", "magic")]
)
def test_bad_numbers_are_refused(tmp_path: Path, args: tuple[str, str]) -> None:
    done = command("train", "lenet5", *args, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert args[0] in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_diverging_run_says_so(tmp_path: Path) -> None:
    done = command("train", "lenet5", *SMALL, "--lr", "1e30", "--optimizer", "sgd", cwd=tmp_path, check=False)
    assert "try a smaller --lr" in one_error(done)


@pytest.mark.slow
def test_damaged_checkpoint(tmp_path: Path) -> None:
    command("train", "mlp3", *SMALL, "--run-dir", "run", cwd=tmp_path)
    path = tmp_path / "run" / "best.pt"
    path.write_bytes(path.read_bytes()[: os.path.getsize(path) // 2])
    assert "best.pt" in one_error(command("test", "run", cwd=tmp_path, check=False))
