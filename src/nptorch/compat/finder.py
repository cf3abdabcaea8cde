"""The import machinery: `torch.nn` is the module object of `nptorch.nn`, `torch` and `torchvision` are thin modules in front of ours.

A name that is missing raises Python's own error at the line that uses it, which says what is nearest and where the list of names is.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any

import nptorch
from nptorch import naming, version

# What lies elsewhere than PyTorch's name says.
MOVED = {
    "torch.autograd.grad_mode": "nptorch.grad_mode",
    "torch.nn.modules.module": "nptorch.nn.module",
    "torch.cuda.amp": "nptorch.amp",
    "torch.cpu.amp": "nptorch.amp",
    "torch.amp.autocast_mode": "nptorch.amp",
    "torch.amp.grad_scaler": "nptorch.amp",
    "torch.functional": "nptorch",
    "torch._tensor": "nptorch.tensor",
    "torch.utils.data.dataset": "nptorch.utils.data",
    "torch.utils.data.sampler": "nptorch.utils.data",
    "torchvision": "nptorch.vision",
}
# PyTorch has a file for each distribution.
_DISTRIBUTIONS = """
    bernoulli beta binomial categorical cauchy chi2 continuous_bernoulli dirichlet exp_family exponential fishersnedecor
    generalized_pareto geometric gumbel half_cauchy half_normal independent inverse_gamma kumaraswamy laplace lkj_cholesky log_normal
    logistic_normal lowrank_multivariate_normal mixture_same_family multinomial multivariate_normal negative_binomial normal
    one_hot_categorical pareto poisson relaxed_bernoulli relaxed_categorical studentT transformed_distribution uniform von_mises
    weibull wishart
"""
MOVED.update({f"torch.distributions.{home}": "nptorch.distributions" for home in _DISTRIBUTIONS.split()})
ADVICE = "`nptorch names` lists what there is"


def ours(name: str) -> str:
    """The name of our module for PyTorch's."""
    if name in MOVED:
        return MOVED[name]
    parent, _, last = name.rpartition(".")
    return f"{ours(parent)}.{last}" if parent else "nptorch"


def missing(shown: str, name: str, known: Sequence[str]) -> str:
    """What to say about a name that nptorch lacks."""
    near = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], 1)
    return f"nptorch has no {shown}.{name}" + (f" (nearest: {shown}.{near[0]})" if near else "") + f"; {ADVICE}"


def _unknown(shown: str, name: str, module: types.ModuleType) -> AttributeError:
    error = AttributeError(missing(shown, name, dir(module)))
    error.name, error.obj = name, None  # Python's own "Did you mean" would say it twice
    return error


class _Front(types.ModuleType):
    """`torch` or `torchvision`: its own version, everything else from our module."""

    def __init__(self, name: str, target: types.ModuleType, release: str) -> None:
        super().__init__(name, target.__doc__)
        self.__path__: list[str] = []
        self.__version__ = release
        self.__dict__["_target"] = target

    def __getattr__(self, name: str) -> Any:
        target = self.__dict__["_target"]
        try:
            value = getattr(target, name)
        except AttributeError as error:
            if error.name != name:
                raise  # not about this name: ours to mend
        else:
            if isinstance(value, types.ModuleType):
                _helpful(value, f"{self.__name__}.{name}")
            return value
        if not name.startswith("_"):
            try:
                return importlib.import_module(f"{self.__name__}.{name}")
            except ModuleNotFoundError:
                pass
        raise _unknown(self.__name__, name, target)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._target), *self.__dict__})


def _helpful(module: types.ModuleType, shown: str) -> None:
    """Let a module of ours, and those in it, explain what they lack."""
    if not module.__name__.startswith("nptorch.") or "__getattr__" in module.__dict__:
        return
    module.__dict__.setdefault("__path__", [])  # Python asks finders only about what lies in packages

    def explain(name: str) -> Any:
        if (path := f"{shown}.{name}") in MOVED:
            return importlib.import_module(path)
        if name.startswith("__"):
            raise AttributeError(f"module {shown!r} has no attribute {name!r}")
        raise _unknown(shown, name, module)

    module.__getattr__ = explain  # type: ignore[method-assign]
    for name, value in list(vars(module).items()):
        if isinstance(value, types.ModuleType) and value.__name__ == f"{module.__name__}.{name}":
            _helpful(value, f"{shown}.{name}")


class _Loader(importlib.abc.Loader):
    """Puts the module that is meant in the place of the one that Python has prepared."""

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__ is not None
        name, mine = module.__spec__.name, self.module.__name__ + "."
        sys.modules[name] = self.module
        # torchvision.models.alexnet is a function and a file. Python binds a file's name in its package when it first imports
        # it; what is known already it does not bind, and the function stays.
        for full, part in list(sys.modules.items()):
            last = full.removeprefix(mine)
            if full.startswith(mine) and "." not in last and vars(self.module).get(last, part) is not part:
                sys.modules[f"{name}.{last}"] = part


class _Finder(importlib.abc.MetaPathFinder):
    """Finds `torch`, `torchvision` and all below them, before anything else does: an installed PyTorch is not touched."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top not in ("torch", "torchvision"):
            return None
        module = self._module(fullname)
        if module is None:
            parent, _, last = fullname.rpartition(".")
            # Without a name, or Python would take it for a missing submodule and hide what the error says.
            raise ModuleNotFoundError(missing(parent, last, dir(sys.modules.get(parent) or nptorch)))
        return importlib.machinery.ModuleSpec(fullname, _Loader(module), is_package=True)

    def _module(self, name: str) -> types.ModuleType | None:
        if name == "torch":
            return _Front("torch", nptorch, version.__version__)
        target = ours(name)
        parent, _, last = target.rpartition(".")
        module = vars(sys.modules.get(parent, nptorch)).get(last)
        if not isinstance(module, types.ModuleType):
            try:
                module = importlib.import_module(target)
            except ModuleNotFoundError as error:
                if error.name is not None and f"{target}.".startswith(f"{error.name}."):
                    return None
                raise  # something else is missing, such as an optional library
        if name == "torchvision":
            return _Front("torchvision", module, version.torchvision)
        _helpful(module, name)
        return module


class _Fallback(importlib.abc.MetaPathFinder):
    """Asked last for `nptorch.nn.Foo`, which `from torch.nn import Foo` turns into: says what is missing."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        parent, _, last = fullname.rpartition(".")
        names = [
            name
            for name, module in list(sys.modules.items())
            if name.startswith(("torch.", "torchvision.")) and module is sys.modules.get(parent)
        ]
        if parent.startswith("nptorch") and last[:1] != "_" and names:
            raise ModuleNotFoundError(missing(names[0], last, dir(sys.modules[parent])))


_finders: list[importlib.abc.MetaPathFinder] = []


def installed() -> bool:
    """Whether `import torch` means nptorch in this process."""
    return bool(_finders)


def install() -> None:
    """Let `import torch` and `import torchvision` mean nptorch, and printed names say torch.

    Raises: RuntimeError if the real PyTorch was imported before.
    """
    if _finders:
        return
    if "torch" in sys.modules:
        raise RuntimeError(
            "PyTorch has been imported already; call nptorch.compat.install() before the first import of torch"
        )
    _finders[:] = [_Finder(), _Fallback()]
    sys.meta_path.insert(0, _finders[0])
    sys.meta_path.append(_finders[1])
    naming.show_as("torch")
    for module in (nptorch, nptorch.nn, nptorch.optim, nptorch.optim.lr_scheduler, nptorch.utils.data):
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__.startswith("nptorch."):
                kind.__module__ = naming.torch_module(kind.__module__)
