"""Pictures of all kinds, read by the digit network of the package."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from nptorch.app.ink import find_ink, main_digit, normalise, separate
from nptorch.app.picture_file import MOST_PIXELS, open_picture
from nptorch.app.reader import Reader, open_reader
from nptorch.cli import main
from nptorch.errors import DataError

DATA = Path(os.environ.get("NPTORCH_DATA", ""))
SEVEN = [(70, 60), (210, 60), (120, 230)]


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The digit network of the package."""
    return open_reader()


def drawing(
    points: Any = SEVEN, ink: Any = 0, paper: Any = 255, mode: str = "L", size: Any = (280, 280), width: int = 20
) -> Any:
    """Strokes on paper."""
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).line(points, fill=ink, width=width, joint="curve")
    return image


def through_file(image: Any, kind: str = "PNG", **options: Any) -> Any:
    """The image as `open_picture` reads it from a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return open_picture(file, "drawing")


# --- kinds of pictures ---


def exif_turned() -> Any:
    image = drawing()
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    return through_file(image.rotate(90), "JPEG", exif=exif)


def palette() -> Any:
    return through_file(drawing().convert("P"))


def animated() -> Any:
    return through_file(drawing(), "GIF", save_all=True, append_images=[Image.new("L", (280, 280), 255)])


def sixteen_bit() -> Any:
    return through_file(Image.fromarray(np.asarray(drawing()).astype(np.uint16) * 257))


def shadowed() -> Any:
    shade = np.linspace(0.35, 1.0, 280)[None, :] * np.linspace(0.8, 1.0, 280)[:, None]
    return through_file(Image.fromarray((np.asarray(drawing(ink=40)) * shade).astype(np.uint8)))


def squared_paper() -> Any:
    image = drawing(ink=30, paper=240)
    draw = ImageDraw.Draw(image)
    for at in range(0, 280, 35):
        draw.line([(at, 0), (at, 280)], fill=200)
        draw.line([(0, at), (280, at)], fill=200)
    draw.line(SEVEN, fill=30, width=20, joint="curve")
    return through_file(image)


def noisy() -> Any:
    pixels = np.asarray(drawing(ink=60, paper=200)).astype(float)
    return through_file(
        Image.fromarray((pixels + np.random.default_rng(0).normal(0, 12, pixels.shape)).clip(0, 255).astype(np.uint8)),
        "JPEG",
    )


KINDS: dict[str, Any] = {
    "dark on light": lambda: through_file(drawing()),
    "light on dark": lambda: through_file(drawing(ink=255, paper=0)),
    "thin pencil": lambda: through_file(drawing(ink=150, paper=235, width=3)),
    "thick pen": lambda: through_file(drawing(width=44)),
    "blue on yellow": lambda: through_file(drawing(ink=(30, 40, 160), paper=(240, 230, 150), mode="RGB"), "JPEG"),
    "black on transparent": lambda: through_file(drawing(ink=(0, 0, 0, 255), paper=(0, 0, 0, 0), mode="RGBA")),
    "white on transparent": lambda: through_file(drawing(ink=(255, 255, 255, 255), paper=(0, 0, 0, 0), mode="RGBA")),
    "grey with alpha": lambda: through_file(drawing(ink=(0, 255), paper=(255, 255), mode="LA")),
    "cmyk": lambda: through_file(drawing(mode="L").convert("CMYK"), "JPEG"),
    "one bit": lambda: through_file(drawing().convert("1"), "TIFF"),
    "large": lambda: through_file(drawing([(x * 14, y * 14) for x, y in SEVEN], size=(3920, 3920), width=280), "JPEG"),
    "28 x 28": lambda: through_file(drawing().resize((28, 28))),
    "in a corner": lambda: through_file(drawing([(x / 4, y / 4) for x, y in SEVEN], width=6)),
    "exif": exif_turned, "palette": palette, "animated": animated, "16 bit": sixteen_bit, "shadow": shadowed,
    "squared paper": squared_paper, "noise": noisy,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_seven_is_a_seven(kind: str, reader: Reader) -> None:
    reading = reader.read(KINDS[kind]())
    assert reading.label == "7", (reading.label, reading.reason, reading.confidence)
    assert reading.picture.shape == (28, 28) and reading.picture.max() == 255


@pytest.mark.parametrize("tone", [0, 128, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (28, 28), (500, 400)])
def test_paper_without_ink_says_so(tone: int, size: tuple[int, int], reader: Reader) -> None:
    reading = reader.read(through_file(Image.new("L", size, tone)))
    assert reading.label is None and "no ink" in str(reading.reason)


def test_noise_is_no_ink() -> None:
    pixels = np.random.default_rng(0).normal(200, 6, (300, 300)).clip(0, 255).astype(np.uint8)
    assert find_ink(Image.fromarray(pixels)) is None


def test_the_digit_is_centred_by_its_mass() -> None:
    ink = find_ink(through_file(drawing([(20, 20), (60, 200)], width=16)))
    assert ink is not None
    picture = normalise(main_digit(ink)).astype(float)
    middle = [(picture.sum(1 - i) * np.arange(28)).sum() / picture.sum() for i in range(2)]
    assert np.allclose(middle, 13.5, atol=0.6)
    rows = np.flatnonzero(picture.max(1) > 60)
    assert 18 <= rows[-1] - rows[0] + 1 <= 22


# --- files that are no pictures ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"GIF89a", "picture"),
        (b"BM" + b"\xff" * 60, "picture"),
    ],
)
def test_other_files_are_one_clear_error(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        open_picture(io.BytesIO(content), "x.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "BMP"])
def test_cut_or_damaged_files_never_fail_otherwise(kind: str) -> None:
    file = io.BytesIO()
    drawing().save(file, kind)
    whole = file.getvalue()
    rng = random.Random(0)
    tries = [whole[: rng.randrange(len(whole))] for _ in range(40)]
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        tries.append(bytes(damaged))
    for content in tries:
        try:
            assert open_picture(io.BytesIO(content), "x").mode == "RGB"
        except DataError as error:
            assert "x" in str(error)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    side = int(MOST_PIXELS**0.5) + 10
    Image.new("1", (side, side)).save(file, "PNG")
    with pytest.raises(DataError, match="pixels are too many"):
        open_picture(io.BytesIO(file.getvalue()), "bomb.png")


# --- several digits ---


def test_digits_are_read_in_lines() -> None:
    image = Image.new("L", (900, 700), 255)
    draw = ImageDraw.Draw(image)
    for row, count in enumerate((3, 2)):
        for column in range(count):
            x, y = 80 + 260 * column, 40 + 340 * row
            if column % 2:
                draw.line([(x + 60, y), (x + 60, y + 250)], fill=0, width=24)
            else:
                draw.line([(x, y), (x + 150, y), (x + 60, y + 250)], fill=0, width=24, joint="curve")
    found = open_reader().read_all(through_file(image))
    assert [r.label for r in found] == ["7", "1", "7", "7", "1"]
    ink = find_ink(through_file(image))
    assert ink is not None and len(separate(ink)) == 5


# --- the command ---


def run(*arguments: Any) -> Any:
    """The command's result."""
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


def test_command_prints_answers_and_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    drawing().save(tmp_path / "seven.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("no picture")
    result = run(tmp_path / "seven.png", tmp_path / "text.png", tmp_path / "missing.png", tmp_path / "empty.png")
    lines = result.output.splitlines()
    assert result.exit_code == 1 and len(lines) == 4
    assert (
        "seven.png: 7 " in lines[0]
        and "not a picture" in lines[1]
        and "no such file" in lines[2]
        and "no ink" in lines[3]
    )


def test_json_has_four_keys_and_explain_writes_the_steps(tmp_path: Path) -> None:
    drawing().save(tmp_path / "seven.png")
    result = run("--json", "--explain", tmp_path / "steps", tmp_path / "seven.png")
    (line,) = result.output.splitlines()
    answer = json.loads(line)
    assert list(answer) == ["file", "label", "confidence", "probabilities"] and answer["label"] == "7"
    assert result.exit_code == 0
    with Image.open(tmp_path / "steps" / "seven.png") as steps:
        assert steps.width > 1000


def test_steps_of_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        drawing().save(tmp_path / folder / "seven.png")
    assert run("--explain", tmp_path, tmp_path / "a" / "seven.png", tmp_path / "b" / "seven.png").exit_code == 0
    assert {p.name for p in tmp_path.glob("*.png")} == {"seven.png", "seven-2.png"}


_LETTERS = {
    "A": [(20, 180, 100, 20, 180, 180), (60, 120, 140, 120)],
    "H": [(40, 20, 40, 180), (160, 20, 160, 180), (40, 100, 160, 100)],
    "K": [(50, 20, 50, 180), (160, 20, 50, 100, 160, 180)],
    "W": [(10, 20, 60, 180, 100, 60, 140, 180, 190, 20)],
    "X": [(30, 20, 170, 180), (170, 20, 30, 180)],
    "scribble": [(20, 40, 180, 60, 30, 90, 170, 120, 20, 130, 180, 170, 40, 180, 100, 20, 150, 190, 60, 30)],
}


@pytest.mark.parametrize("name", _LETTERS)
def test_what_is_no_digit_is_refused(name: str, reader: Reader) -> None:
    paper = Image.new("RGB", (200, 200), "white")
    for stroke in _LETTERS[name]:
        ImageDraw.Draw(paper).line(stroke, fill=(30, 30, 60), width=12, joint="curve")
    reading = reader.read(paper)
    assert reading.label is None and "no digit" in (reading.reason or "")
    assert len(reading.probabilities) == 10


def test_a_source_without_pictures_and_a_wrong_checkpoint_are_one_line(tmp_path: Path) -> None:
    import nptorch

    nptorch.save({"a": nptorch.zeros(2)}, tmp_path / "weights.pt")
    drawing().save(tmp_path / "seven.png")
    assert "name the pictures" in run(tmp_path / "weights.pt").output
    assert "does not say which network" in run(tmp_path / "weights.pt", tmp_path / "seven.png").output


# --- real handwriting ---


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "handwriting").is_dir(), reason="needs the handwriting of NPTORCH_DATA")
def test_real_handwriting(reader: Reader) -> None:
    with (DATA / "handwriting" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = sum(
        reader.read(open_picture(DATA / "handwriting" / r["file"], r["file"])).label == r["label"] for r in rows
    )
    assert right / len(rows) >= 0.98, f"{right} of {len(rows)}"
