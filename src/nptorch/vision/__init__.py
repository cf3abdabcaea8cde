"""torchvision's API: data sets, transforms, networks, pictures of batches."""

from nptorch.vision import datasets, models, transforms, utils

__all__ = ["datasets", "models", "transforms", "utils"]
