"""What `nptorch predict` prints and draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nptorch.app.catalog import UsageError
from nptorch.app.picture_file import open_picture
from nptorch.app.reader import Reader, Reading
from nptorch.errors import DataError


def is_source(argument: str) -> bool:
    """Whether an argument names a run's folder or a checkpoint rather than a picture."""
    path = Path(argument)
    return path.suffix in (".pt", ".pth") or (path.is_dir() and (path / "config.json").is_file())


def readings(reader: Reader, files: Sequence[str], digits: bool) -> Iterator[tuple[str, list[Reading] | str]]:
    """Each file with what it shows, or with what is wrong with it."""
    for file in files:
        try:
            image = open_picture(file, file)
        except (DataError, FileNotFoundError, PermissionError) as error:
            yield file, str(error)
            continue
        yield file, reader.read_all(image) if digits else [reader.read(image)]


def as_json(file: str, found: list[Reading] | str, digits: bool) -> Iterator[str]:
    """A line for each reading."""
    if isinstance(found, str):
        yield json.dumps({"file": file, "error": found}, ensure_ascii=False)
        return
    for reading in found:
        line: dict[str, Any] = {
            "file": file,
            "label": reading.label,
            "confidence": round(reading.confidence, 6),
            "probabilities": [round(p, 6) for p in reading.probabilities],
        }
        if digits:
            line["box"] = [int(n) for n in reading.box or ()]
        yield json.dumps(line, ensure_ascii=False)


def as_text(classes: Sequence[str], file: str, found: list[Reading] | str, digits: bool) -> Iterator[str]:
    """What a person reads: the answer, how sure, and what came next."""
    if isinstance(found, str):
        yield f"{file}: {found}" if file not in found else found
    elif digits:
        text = " ".join(reading.label or "?" for reading in found)
        yield f"{file}: {text or 'no digits found'}"
    else:
        (reading,) = found
        if reading.label is None:
            yield f"{file}: ? ({reading.reason})"
            return
        order = np.argsort(reading.probabilities)[::-1][1:3]
        others = ", ".join(f"{classes[i]} {reading.probabilities[i]:.1%}" for i in order)
        yield f"{file}: {reading.label}  {reading.confidence:.1%}  (then {others})"


def explain(folder: Path, name: str, found: list[Reading]) -> Path | None:
    """Write the steps from picture to answer side by side as name.png; None if there is nothing to show.

    Raises: UsageError if it cannot be written.
    """
    from PIL import Image, ImageDraw

    side, head = 224, 20
    panels: list[tuple[str, Any]] = []
    for reading in found:
        steps = reading.steps or ({} if reading.picture is None else {"seen": reading.picture / np.float32(255)})
        shared = {k: v for k, v in steps.items() if k not in ("digit", "seen")}
        if not panels:
            panels += shared.items()
        panels += [(f"{k}: {reading.label or '?'} {reading.confidence:.0%}" if k == "seen" else k, v) for k, v in steps.items() if k not in shared]  # fmt: skip
    if not panels:
        return None
    picture = Image.new("RGB", ((side + 8) * len(panels), side + head), "white")
    draw = ImageDraw.Draw(picture)
    for i, (title, step) in enumerate(panels):
        pixels = Image.fromarray((255 * np.clip(step, 0, 1)).astype(np.uint8)).convert("RGB")
        scale = side / max(pixels.size)
        pixels = pixels.resize((max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale))), Image.Resampling.NEAREST)  # fmt: skip
        picture.paste(pixels, (i * (side + 8), head))
        draw.text((i * (side + 8) + 2, 4), title, fill="black")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        picture.save(path)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from None
    return path


def _names(files: Sequence[str]) -> Iterator[str]:
    """A name for each file's steps: its own without the ending, numbered where others have it too."""
    times: Counter[str] = Counter()
    for stem in (Path(file).stem for file in files):
        times[stem] += 1
        yield stem if times[stem] == 1 else f"{stem}-{times[stem]}"


def predict(
    reader: Reader, files: Sequence[str], *, as_lines_of_json: bool, explain_in: Path | None, digits: bool, say: Callable[[str], None]
) -> bool:  # fmt: skip
    """Print the answer for each file; returns whether all of them could be read."""
    fine = True
    for (file, found), name in zip(readings(reader, files, digits), _names(files), strict=True):
        fine &= not isinstance(found, str)
        for line in as_json(file, found, digits) if as_lines_of_json else as_text(reader.classes, file, found, digits):
            say(line)
        if explain_in is not None and not isinstance(found, str):
            explain(explain_in, name, found)
    return fine
