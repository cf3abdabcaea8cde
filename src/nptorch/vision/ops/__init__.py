"""torchvision.ops: the layers that networks are made of, and boxes (https://pytorch.org/vision/stable/ops.html)."""

from nptorch.vision.ops import boxes, misc
from nptorch.vision.ops.boxes import batched_nms, box_area, box_convert, box_iou, nms
from nptorch.vision.ops.misc import MLP, Conv2dNormActivation, SqueezeExcitation
from nptorch.vision.ops.stochastic_depth import StochasticDepth, stochastic_depth

__all__ = [
    "MLP",
    "Conv2dNormActivation",
    "SqueezeExcitation",
    "StochasticDepth",
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "boxes",
    "misc",
    "nms",
    "stochastic_depth",
]  # fmt: skip
