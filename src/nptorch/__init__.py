"""nptorch: PyTorch's API on NumPy.

The names are PyTorch's (https://pytorch.org/docs/stable/torch.html); those of the operations are derived from the op table.
"""

from typing import TYPE_CHECKING, Any

from nptorch import autograd, linalg, random
from nptorch import kernels as _kernels
from nptorch import methods as _methods
from nptorch.devices import device
from nptorch.dtypes import (
    ALIASES as _ALIASES,
)
from nptorch.dtypes import (
    ALL as _ALL,
)
from nptorch.dtypes import (
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    promote_types,
    set_default_dtype,
)
from nptorch.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from nptorch.kernels import get_num_threads, set_num_threads
from nptorch.ops.registry import TABLE as _TABLE
from nptorch.ops.signatures import FUNCTIONS as _FUNCTIONS
from nptorch.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from nptorch.size import Size
from nptorch.tensor import Tensor

__version__ = "0.1.0"

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


# TEMPORARY while the rooms are being built
import importlib as _importlib  # noqa: E402

for _name, _what in (
    ("printing", ("set_printoptions",)),
    ("serialization", ("load", "save")),
    ("nn", ()),
    ("optim", ()),
    ("utils.data", ()),
    ("vision", ()),
):
    try:
        _module = _importlib.import_module("nptorch." + _name)
        globals().update({w: getattr(_module, w) for w in _what})
    except (ImportError, AttributeError) as _error:
        print("nptorch: not there yet:", _name, _error)

_methods.bind()
_kernels.install(_TABLE)
globals().update(_FUNCTIONS)
globals().update({d.name: d for d in _ALL})
globals().update(_ALIASES)
