"""Image files as tensors and back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch.errors import DataError
from nptorch.vision import io
from tests.vision import cases

COLOUR = np.ascontiguousarray(cases.pixels(3).transpose(2, 0, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels, tmp_path):
    image = nptorch.from_numpy(COLOUR[:channels].copy())
    io.write_png(image, tmp_path / "x.png", compression_level=9)
    again = io.read_image(str(tmp_path / "x.png"))
    assert again.dtype is nptorch.uint8
    assert nptorch.equal(again, image)
    assert nptorch.equal(io.decode_image(io.read_file(tmp_path / "x.png")), image)


def test_jpeg_is_pillows(tmp_path):
    io.write_jpeg(nptorch.from_numpy(COLOUR), tmp_path / "x.jpg", quality=90)
    Image.fromarray(cases.pixels(3)).save(tmp_path / "y.jpg", quality=90)
    assert (tmp_path / "x.jpg").read_bytes() == (tmp_path / "y.jpg").read_bytes()
    made = io.decode_jpeg(io.read_file(tmp_path / "x.jpg"))
    assert np.array_equal(made.numpy(), np.asarray(Image.open(tmp_path / "y.jpg")).transpose(2, 0, 1))
    assert abs(made.numpy().astype(int) - COLOUR).mean() < 12


@pytest.mark.parametrize(
    "mode, channels", [("gray", 1), (io.ImageReadMode.GRAY_ALPHA, 2), ("RGB", 3), (io.ImageReadMode.RGB_ALPHA, 4)]
)
@pytest.mark.parametrize("kind", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_modes(kind, mode, channels, tmp_path):
    path = tmp_path / ("x.tif" if kind == "CMYK" else "x.png")
    Image.fromarray(cases.pixels(3)).convert(kind).save(path)
    made = io.decode_image(path, mode)
    assert made.shape == (channels, cases.HEIGHT, cases.WIDTH)
    as_is = {"1": 1, "L": 1, "LA": 2, "RGBA": 4}.get(kind, 3)
    assert io.decode_image(path).shape[0] == as_is


def test_orientation(tmp_path):
    picture = Image.fromarray(cases.pixels(3))
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    picture.save(tmp_path / "x.png", exif=exif)
    assert io.read_image(tmp_path / "x.png").shape == (3, cases.HEIGHT, cases.WIDTH)
    assert io.read_image(tmp_path / "x.png", apply_exif_orientation=True).shape == (3, cases.WIDTH, cases.HEIGHT)


def test_files_that_are_no_images(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.png"):
        io.read_image(tmp_path / "nowhere.png")
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"cannot read .*x.png as an image"):
        io.read_image(tmp_path / "x.png")
    io.write_png(nptorch.from_numpy(COLOUR), tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:200])
    with pytest.raises(DataError, match="cut.png"):
        io.read_image(tmp_path / "cut.png")
    with pytest.raises(DataError, match="these bytes"):
        io.decode_image(nptorch.zeros(9, dtype=nptorch.uint8))


@pytest.mark.parametrize(
    "make, error, words",
    [
        (
            lambda: io.encode_png(nptorch.zeros(3, 4, 4)),
            ValueError,
            r"uint8 image \(1 or 3, H, W\), got nptorch.float32",
        ),
        (lambda: io.encode_png(nptorch.zeros(3, 4, 4, dtype=nptorch.uint8), 10), ValueError, "between 0 and 9, got 10"),
        (lambda: io.encode_jpeg(nptorch.zeros(2, 4, 4, dtype=nptorch.uint8)), ValueError, r"shape \[2, 4, 4\]"),
        (
            lambda: io.encode_jpeg(nptorch.zeros(3, 4, 4, dtype=nptorch.uint8), 0),
            ValueError,
            "between 1 and 100, got 0",
        ),
        (lambda: io.decode_image(nptorch.zeros(3)), ValueError, "bytes"),
        (lambda: io.decode_image("x.png", mode="blue"), KeyError, "BLUE"),
    ],
)
def test_bad_input_gets_a_clear_error(make, error, words):
    with pytest.raises(error, match=words):
        make()
