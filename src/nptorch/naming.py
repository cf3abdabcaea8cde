"""The name this package shows in dtypes, reprs and messages: `nptorch`, or `torch` while it stands in for PyTorch."""

_package = "nptorch"


def package() -> str:
    """The name to print before a dtype or a function."""
    return _package


def show_as(name: str) -> None:
    """Make printed dtypes and messages say `name`."""
    global _package
    _package = name
