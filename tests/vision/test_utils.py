"""Pictures of batches; their pixels are compared in test_transforms.py."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch.vision import utils


def test_save_image(tmp_path):
    batch = nptorch.tensor([-1.0, 0.0, 0.25, 2.0]).reshape(4, 1, 1, 1).expand(4, 3, 2, 2)
    utils.save_image(batch, tmp_path / "x.png", nrow=2, padding=1, pad_value=1.0)
    made = np.asarray(Image.open(tmp_path / "x.png"))
    assert made.shape == (7, 7, 3)
    assert [made[y, x].tolist() for y in (1, 4) for x in (1, 4)] == [[v] * 3 for v in (0, 0, 64, 255)]
    assert made[0].min() == 255


def test_make_grid_leaves_its_input_alone():
    x = nptorch.rand(1, 3, 2, 2)
    before = x.numpy().copy()
    utils.make_grid(x, normalize=True).zero_()
    utils.make_grid(x).zero_()
    assert np.array_equal(x.numpy(), before)


@pytest.mark.parametrize("value", [np.zeros((1, 2, 2)), [np.zeros((1, 2, 2))], "x"])
def test_make_grid_wants_tensors(value):
    with pytest.raises(TypeError, match="tensor or list of tensors"):
        utils.make_grid(value)


@pytest.mark.parametrize(
    "images, options, error, words",
    [
        (nptorch.zeros(5), {}, ValueError, r"\(N, C, H, W\).*got shape \[5\]"),
        (nptorch.zeros(0, 3, 2, 2), {}, ValueError, r"got shape \[0, 3, 2, 2\]"),
        ([], {}, ValueError, "one or more images"),
        ([nptorch.zeros(1, 2, 2), nptorch.zeros(1, 2, 3)], {}, ValueError, r"\[\[1, 2, 2\], \[1, 2, 3\]\]"),
        (nptorch.zeros(2, 1, 2, 2), {"nrow": 0}, ValueError, "nrow should be at least 1"),
        (nptorch.zeros(2, 1, 2, 2), {"padding": -1}, ValueError, "padding at least 0"),
        (nptorch.zeros(2, 1, 2, 2), {"normalize": True, "value_range": 5}, TypeError, "tuple"),
    ],
)
def test_make_grid_refuses_what_is_no_grid(images, options, error, words):
    with pytest.raises(error, match=words):
        utils.make_grid(images, **options)
