"""Boxes (x1, y1, x2, y2), (N, 4), float; nothing here has a gradient but areas, intersections and conversions.

Source: https://pytorch.org/vision/stable/ops.html
"""

from __future__ import annotations

import numpy as np

import nptorch
from nptorch.tensor import Tensor, from_array


def box_area(boxes: Tensor) -> Tensor:
    """(N, 4) -> (N,) areas."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """(N, 4), (M, 4) -> (N, M): intersection over union of each pair."""
    corner = nptorch.maximum(boxes1[:, None, :2], boxes2[:, :2])
    far = nptorch.minimum(boxes1[:, None, 2:], boxes2[:, 2:])
    shared = (far - corner).clamp(min=0).prod(-1)
    return shared / (box_area(boxes1)[:, None] + box_area(boxes2) - shared)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The indices of the boxes that overlap none of a higher score by more than iou_threshold, highest score first.

    Raises: ValueError unless boxes are (N, 4) and scores (N,).
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
        raise ValueError(f"nms needs boxes (N, 4) and scores (N,), got {list(boxes.shape)} and {list(scores.shape)}")
    order = np.argsort(-scores.detach()._array, kind="stable")
    corners = from_array(boxes.detach()._array[order])
    overlaps = box_iou(corners, corners)._array > iou_threshold
    kept = np.ones(len(order), bool)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= ~overlaps[i, i + 1 :]
    return from_array(order[kept])


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """nms() among the boxes of the same number in idxs (N,)."""
    if not boxes.numel():
        return from_array(np.empty(0, np.int64))
    apart = idxs.to(boxes) * (boxes.max() + 1)
    return nms(boxes + apart[:, None], scores, iou_threshold)


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """(N, 4) boxes from one of the formats xyxy, xywh, cxcywh to another.

    Raises: ValueError for another format.
    """
    if not {in_fmt, out_fmt} <= {"xyxy", "xywh", "cxcywh"}:
        raise ValueError(f"box_convert knows xyxy, xywh and cxcywh, got {in_fmt} and {out_fmt}")
    a, b, c, d = boxes.unbind(-1)
    if in_fmt == "xywh":
        c, d = a + c, b + d
    elif in_fmt == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    if out_fmt == "xywh":
        c, d = c - a, d - b
    elif out_fmt == "cxcywh":
        a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
    return nptorch.stack((a, b, c, d), -1)
