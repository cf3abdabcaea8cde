"""torchvision.ops: the layers that networks are made of, and boxes (https://pytorch.org/vision/stable/ops.html)."""

from nptorch.vision.ops import boxes, misc
from nptorch.vision.ops.boxes import batched_nms, box_area, box_convert, box_iou, nms
from nptorch.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "Conv2dNormActivation", "SqueezeExcitation", "batched_nms", "box_area", "box_convert", "box_iou", "boxes", "misc",
    "nms",
]  # fmt: skip
