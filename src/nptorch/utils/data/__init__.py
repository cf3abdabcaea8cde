"""Data sets, samplers and the DataLoader, under PyTorch's names (https://pytorch.org/docs/stable/data.html)."""

from nptorch.utils.data.collate import Batch, default_collate, default_convert
from nptorch.utils.data.dataloader import DataLoader
from nptorch.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from nptorch.utils.data.distributed import DistributedSampler
from nptorch.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from nptorch.utils.data.worker_info import WorkerInfo, get_worker_info

__all__ = [
    "Batch",
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
