"""torch.nn.functional's names, a room for each family (https://pytorch.org/docs/stable/nn.functional.html)."""

from nptorch.nn.functional.activation import *  # noqa: F403
from nptorch.nn.functional.attention import *  # noqa: F403
from nptorch.nn.functional.convolution import *  # noqa: F403
from nptorch.nn.functional.convolution3d import *  # noqa: F403
from nptorch.nn.functional.ctc import *  # noqa: F403
from nptorch.nn.functional.embedding import *  # noqa: F403
from nptorch.nn.functional.embedding_bag import *  # noqa: F403
from nptorch.nn.functional.fractional_pooling import *  # noqa: F403
from nptorch.nn.functional.linear_cross_entropy import *  # noqa: F403
from nptorch.nn.functional.loss import *  # noqa: F403
from nptorch.nn.functional.margin_loss import *  # noqa: F403
from nptorch.nn.functional.normalization import *  # noqa: F403
from nptorch.nn.functional.padding import *  # noqa: F403
from nptorch.nn.functional.pooling import *  # noqa: F403
from nptorch.nn.functional.pooling3d import *  # noqa: F403
from nptorch.nn.functional.resampling import *  # noqa: F403
from nptorch.nn.functional.unpooling import *  # noqa: F403
from nptorch.nn.functional.vision import *  # noqa: F403
