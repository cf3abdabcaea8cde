"""What training needs beside layers and optimizers: data loading."""

from nptorch.utils import data

__all__ = ["data"]
