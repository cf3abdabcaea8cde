# ruff: noqa: F403
"""Networks by name (https://pytorch.org/vision/stable/models.html), and this library's own small ones."""

from nptorch.vision.models.alexnet import *
from nptorch.vision.models.densenet import *
from nptorch.vision.models.digitnet import *
from nptorch.vision.models.googlenet import *
from nptorch.vision.models.lenet import *
from nptorch.vision.models.mlp import *
from nptorch.vision.models.mobilenet import *
from nptorch.vision.models.mobilenetv2 import *
from nptorch.vision.models.mobilenetv3 import *
from nptorch.vision.models.registry import *
from nptorch.vision.models.resnet import *
from nptorch.vision.models.shufflenetv2 import *
from nptorch.vision.models.squeezenet import *
from nptorch.vision.models.vgg import *
