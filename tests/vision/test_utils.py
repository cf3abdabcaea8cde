"""Pictures of batches; their pixels are compared in test_transforms.py."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nptorch
from nptorch.vision import utils
from tests.vision import cases
from tests.vision.test_transforms import ANSWERS, assert_same_pixels


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


@pytest.mark.parametrize("text", cases.DRAWINGS)
def test_drawings_are_torchvisions(text):
    assert_same_pixels(cases.drawing(text, utils, nptorch), ANSWERS[text])


IMAGE, BOX = nptorch.zeros(3, 9, 9), nptorch.tensor([[1.0, 1, 5, 5]])


def test_labels_are_drawn_in_their_colours():
    big = nptorch.zeros(3, 40, 60)
    box = nptorch.tensor([[5.0, 5, 50, 30]])
    plain = utils.draw_bounding_boxes(big, box, colors="red")
    named = utils.draw_bounding_boxes(big, box, ["cat"], "red", label_colors="blue")
    changed = (plain != named).any(0)
    assert 10 < changed.sum() < 300
    assert named[:, changed][2].max() > 0.9
    assert not changed[:6].any()
    filled = utils.draw_bounding_boxes(big, box, ["cat"], "red", fill_labels=True, label_background_colors="lime")
    assert (filled[1] == 1.0).sum() > changed.sum()


def test_nothing_to_draw_is_a_warning():
    with pytest.warns(UserWarning, match="No box was drawn"):
        assert utils.draw_bounding_boxes(IMAGE, BOX[:0]) is IMAGE
    with pytest.warns(UserWarning, match="No mask was drawn"):
        assert utils.draw_segmentation_masks(IMAGE, nptorch.zeros(0, 9, 9, dtype=nptorch.bool)) is IMAGE


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: utils.draw_bounding_boxes(np.zeros(3), BOX), TypeError, "must be a tensor"),
        (lambda: utils.draw_bounding_boxes(IMAGE.int(), BOX), ValueError, "uint8 or float"),
        (lambda: utils.draw_bounding_boxes(IMAGE[None], BOX), ValueError, "not batches"),
        (lambda: utils.draw_bounding_boxes(IMAGE[:2], BOX), ValueError, "1 or 3 channels, got 2"),
        (lambda: utils.draw_bounding_boxes(IMAGE, BOX.flip(1)), ValueError, "box_convert"),
        (lambda: utils.draw_bounding_boxes(IMAGE, BOX, labels=["a", "b"]), ValueError, r"\(1\) and labels \(2\)"),
        (lambda: utils.draw_bounding_boxes(IMAGE, BOX, colors=[]), ValueError, "0 < 1"),
        (lambda: utils.draw_bounding_boxes(IMAGE, BOX, colors=3), ValueError, "got 3"),
        (lambda: utils.draw_segmentation_masks(IMAGE, IMAGE), ValueError, "must be bool"),
        (lambda: utils.draw_keypoints(IMAGE, BOX), ValueError, "num_instances, K, 2"),
    ],
)
def test_drawing_refuses_what_it_cannot_draw(make, error, words):
    with pytest.raises(error, match=words):
        make()
