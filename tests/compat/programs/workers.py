"""Batches made by worker processes: classes of the script itself, a worker_init_fn, an iterable data set."""

import random

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Squares(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, i):
        return torch.tensor(float(i)) ** 2, torch.randint(0, 100, ()), f"item {i}"


class Count(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 8, info.num_workers))


def seed_worker(worker_id):
    random.seed(torch.initial_seed() % 2**32)


if __name__ == "__main__":
    torch.manual_seed(0)
    g = torch.Generator()
    g.manual_seed(0)
    for squares, drawn, names in DataLoader(
        Squares(), batch_size=4, num_workers=2, worker_init_fn=seed_worker, generator=g, shuffle=True
    ):
        print(squares.tolist(), drawn.tolist(), names)
    print([b.tolist() for b in DataLoader(Count(), batch_size=2, num_workers=2)])
