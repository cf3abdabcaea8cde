"""torchvision's API: data sets, transforms, networks, pictures of batches."""

from nptorch.vision import datasets, models, ops, transforms, tv_tensors, utils

__all__ = ["datasets", "models", "ops", "transforms", "tv_tensors", "utils"]
