"""What training needs beside layers and optimizers: data loading."""

from nptorch.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
