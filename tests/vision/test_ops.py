"""Boxes against torchvision's recorded answers; suppression against its definition."""

from __future__ import annotations

import numpy as np
import pytest

import nptorch
from nptorch.vision import ops
from tests.vision import cases
from tests.vision.test_transforms import ANSWERS


@pytest.mark.parametrize("text", [text for text in cases.BOXES if "nms" not in text])
def test_boxes_are_torchvisions(text):
    assert np.allclose(cases.boxes(text, ops, nptorch), ANSWERS[text], rtol=1e-6)


def random_boxes(n, seed=0):
    corners = np.random.RandomState(seed).rand(n, 2, 2).astype(np.float32) * 50
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    return nptorch.from_numpy(boxes), nptorch.from_numpy(np.random.RandomState(seed + 1).rand(n).astype(np.float32))


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_nms_keeps_what_overlaps_nothing_better(threshold):
    boxes, scores = random_boxes(60)
    kept = ops.nms(boxes, scores, threshold).tolist()
    assert [scores[i].item() for i in kept] == sorted((scores[i].item() for i in kept), reverse=True)
    overlaps = ops.box_iou(boxes, boxes).numpy()
    chosen: list[int] = []
    for i in np.argsort(-scores.numpy()).tolist():
        if all(overlaps[i, j] <= threshold for j in chosen):
            chosen.append(i)
    assert kept == chosen


def test_batched_nms_keeps_groups_apart():
    boxes, scores = random_boxes(40)
    groups = nptorch.arange(40) % 3
    kept = ops.batched_nms(boxes, scores, groups, 0.2).tolist()
    for group in range(3):
        own = [i for i in range(40) if i % 3 == group]
        alone = [own[i] for i in ops.nms(boxes[own], scores[own], 0.2).tolist()]
        assert [i for i in kept if i % 3 == group] == alone
    assert ops.batched_nms(boxes[:0], scores[:0], groups[:0], 0.2).tolist() == []


def test_gradients_flow_through_overlaps():
    boxes = random_boxes(3)[0].double().requires_grad_()
    other = random_boxes(2, seed=5)[0].double()
    assert nptorch.autograd.gradcheck(lambda b: ops.box_iou(ops.box_convert(b, "xyxy", "xyxy"), other), (boxes,))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: ops.nms(nptorch.zeros(3, 5), nptorch.zeros(3), 0.5), r"boxes \(N, 4\).*got \[3, 5\] and \[3\]"),
        (lambda: ops.nms(nptorch.zeros(3, 4), nptorch.zeros(2), 0.5), r"got \[3, 4\] and \[2\]"),
        (lambda: ops.box_convert(nptorch.zeros(3, 4), "xyxy", "abc"), "got xyxy and abc"),
    ],
)
def test_bad_input_gets_a_clear_error(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_layers_of_networks():
    block = ops.Conv2dNormActivation(3, 4, kernel_size=5, dilation=2, activation_layer=None)
    assert [type(layer).__name__ for layer in block] == ["Conv2d", "BatchNorm2d"]
    assert block.out_channels == 4
    assert block(nptorch.rand(1, 3, 9, 11)).shape == (1, 4, 9, 11)
    alone = ops.Conv2dNormActivation(3, 4, (1, 3), norm_layer=None)
    assert alone[0].bias is not None
    assert alone[0].padding == (0, 1)
    x = nptorch.rand(2, 8, 3, 3)
    assert ops.SqueezeExcitation(8, 2)(x).shape == x.shape
