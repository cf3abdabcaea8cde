"""Models on several devices, of which there is one here (https://docs.pytorch.org/docs/stable/nn.html#dataparallel-functions)."""

from nptorch.nn.parallel.data_parallel import DataParallel
from nptorch.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel"]
