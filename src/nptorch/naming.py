"""The names this package goes by: its own or, while it stands in for PyTorch, PyTorch's."""

_package = "nptorch"
# Where PyTorch has what is in a module of ours, or below it: the closest first.
_THEIRS = (
    *((f"nptorch.{name}", "torch") for name in ("tensor", "size", "dtypes", "devices", "settings")),
    ("nptorch.grad_mode", "torch.autograd.grad_mode"),
    ("nptorch.random", "torch._C"),
    ("nptorch.nn.module", "torch.nn.modules.module"),
    ("nptorch.vision", "torchvision"),
    ("nptorch", "torch"),
)


def package() -> str:
    """The name to print before a dtype or a function."""
    return _package


def show_as(name: str) -> None:
    """Make printed dtypes and messages say `name`."""
    global _package
    _package = name


def torch_module(name: str) -> str:
    """PyTorch's module for what is in our module of that name; the name itself if it is not ours."""
    if name.startswith("nptorch.optim.lr_scheduler."):
        return "torch.optim.lr_scheduler"  # all of them are in one file there
    for ours, theirs in _THEIRS:
        if name == ours or name.startswith(ours + "."):
            return theirs + name.removeprefix(ours)
    return name
