"""nptorch: PyTorch's API on NumPy.

The names are PyTorch's (https://pytorch.org/docs/stable/torch.html); those of the operations are derived from the op table.
"""

from typing import Any as _Any

from nptorch import kernels as _kernels
from nptorch import methods as _methods
from nptorch.devices import device as device
from nptorch.dtypes import ALIASES as _ALIASES
from nptorch.dtypes import ALL as _ALL
from nptorch.dtypes import bfloat16 as bfloat16
from nptorch.dtypes import can_cast as can_cast
from nptorch.dtypes import dtype as dtype
from nptorch.dtypes import finfo as finfo
from nptorch.dtypes import get_default_dtype as get_default_dtype
from nptorch.dtypes import iinfo as iinfo
from nptorch.dtypes import promote_types as promote_types
from nptorch.dtypes import set_default_dtype as set_default_dtype
from nptorch.grad_mode import enable_grad as enable_grad
from nptorch.grad_mode import inference_mode as inference_mode
from nptorch.grad_mode import is_grad_enabled as is_grad_enabled
from nptorch.grad_mode import is_inference_mode_enabled as is_inference_mode_enabled
from nptorch.grad_mode import no_grad as no_grad
from nptorch.grad_mode import set_grad_enabled as set_grad_enabled
from nptorch.kernels import get_num_threads as get_num_threads
from nptorch.kernels import set_num_threads as set_num_threads
from nptorch.ops.registry import TABLE as _TABLE
from nptorch.ops.signatures import FUNCTIONS as _FUNCTIONS
from nptorch.printing import get_printoptions as get_printoptions
from nptorch.printing import printoptions as printoptions
from nptorch.printing import set_printoptions as set_printoptions
from nptorch.random import Generator as Generator
from nptorch.random import default_generator as default_generator
from nptorch.random import get_rng_state as get_rng_state
from nptorch.random import initial_seed as initial_seed
from nptorch.random import manual_seed as manual_seed
from nptorch.random import seed as seed
from nptorch.random import set_rng_state as set_rng_state
from nptorch.settings import NAMES as _SETTINGS
from nptorch.size import Size as Size
from nptorch.storage import LEGACY as _STORAGES
from nptorch.storage import TypedStorage as TypedStorage
from nptorch.storage import UntypedStorage as UntypedStorage
from nptorch.storage import is_storage as is_storage
from nptorch.tensor import Tensor as Tensor
from nptorch.tensor import typename as typename

# These use the names above, as a user would.
from nptorch import autograd as autograd  # isort: skip
from nptorch import forms as _forms  # isort: skip
from nptorch import linalg as linalg  # isort: skip
from nptorch import nn as nn  # isort: skip
from nptorch import optim as optim  # isort: skip
from nptorch import random as random  # isort: skip
from nptorch import utils as utils  # isort: skip
from nptorch.lowrank import pca_lowrank as pca_lowrank  # isort: skip
from nptorch.lowrank import svd_lowrank as svd_lowrank  # isort: skip
from nptorch.serialization import load as load  # isort: skip
from nptorch.serialization import save as save  # isort: skip

__version__ = "0.1.0"

from math import e as e  # isort: skip
from math import inf as inf  # isort: skip
from math import nan as nan  # isort: skip
from math import pi as pi  # isort: skip

newaxis = None

_forms.publish()
_methods.bind()
_kernels.install(_TABLE)
globals().update(_FUNCTIONS)
globals().update({d.name: d for d in _ALL})
globals().update(_ALIASES)
globals().update(_SETTINGS)
globals().update(_STORAGES)


# Imported when first used: they are not needed for tensors. `transforms` is vision.transforms.
_LATER = {
    *("accelerator", "amp", "backends", "compat", "cuda", "distributions", "fft", "func", "hub", "jit", "mps", "xpu"),
    *(
        "distributed",
        "multiprocessing",
        "profiler",
        "special",
        "signal",
        "sparse",
        "testing",
        "transforms",
        "types",
        "version",
        "vision",
    ),
}


def __getattr__(name: str) -> _Any:
    import importlib

    if name in _LATER:
        return importlib.import_module(f"nptorch.{name}")
    if name.endswith("Tensor"):
        from nptorch.typed import NAMES

        if name in NAMES:
            return NAMES[name]
    if name in ("autocast", "GradScaler"):
        return getattr(importlib.import_module("nptorch.amp"), name)
    if name == "vmap":
        return importlib.import_module("nptorch.func").vmap
    raise AttributeError(f"module 'nptorch' has no attribute {name!r}", name=name)
