"""The names of PyTorch that are here, read from the code."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator

from nptorch.compat.finder import MOVED
from nptorch.tensor import Tensor

# PyTorch's namespaces, in the order in which they are shown.
NAMESPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.nn.utils.rnn", "torch.optim",
    "torch.optim.lr_scheduler", "torch.optim.swa_utils", "torch.utils.data", "torch.utils.tensorboard", "torch.utils.checkpoint",
    "torch.autograd", "torch.autograd.functional", "torch.linalg", "torch.fft", "torch.special", "torch.signal.windows",
    "torch.distributions", "torch.func", "torch.random", "torch.cuda", "torch.amp", "torch.backends", "torch.jit", "torch.testing",
    "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional", "torchvision.transforms.v2",
    "torchvision.transforms.v2.functional", "torchvision.io", "torchvision.tv_tensors", "torchvision.models",
    "torchvision.ops", "torchvision.utils",
)  # fmt: skip

# Single files that offer what other files define.
_REEXPORTING = ("nptorch.cuda", "nptorch.fft", "nptorch.linalg", "nptorch.special")


def members(namespace: str) -> list[str]:
    """The public names of one namespace; none if it is not here."""
    if namespace == "torch.Tensor":
        return sorted(name for name in dir(Tensor) if not name.startswith("_"))
    target = namespace
    for theirs, mine in sorted(MOVED.items(), reverse=True):
        if target == theirs or target.startswith(theirs + "."):
            target = mine + target[len(theirs) :]
            break
    target = "nptorch" + target[len("torch") :] if target.startswith("torch") else target
    try:
        module = importlib.import_module(target)
    except ModuleNotFoundError:
        return []
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and _offered(module, name, value)
    )


def _offered(module: types.ModuleType, name: str, value: object) -> bool:
    """Whether a name is there for users, and not just imported by the module for its own use."""
    if "__all__" in vars(module):
        return name in module.__all__
    home = getattr(value, "__module__", None)
    if home in ("typing", "collections.abc", "__future__"):
        return False
    return module.__name__ in _REEXPORTING or hasattr(module, "__path__") or home in (None, module.__name__, "torch")


def all_names() -> Iterator[str]:
    """Every name with its namespace."""
    for namespace in NAMESPACES:
        for name in members(namespace):
            yield f"{namespace}.{name}"
