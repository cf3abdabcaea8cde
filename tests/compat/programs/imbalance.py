"""Rare classes drawn more often; a collate function of one's own; a batch sampler."""

import torch
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

torch.manual_seed(0)
target = torch.cat([torch.zeros(90), torch.ones(10)]).long()
data = TensorDataset(torch.randn(100, 2) + target[:, None], target)
count = torch.bincount(target)
weights = (1.0 / count)[target]
sampler = WeightedRandomSampler(weights, num_samples=len(weights), replacement=True)
seen = torch.cat([y for _, y in DataLoader(data, batch_size=20, sampler=sampler)])
print(count, torch.bincount(seen))


def collate(batch):
    xs, ys = zip(*batch)
    return {"x": torch.stack(xs), "y": torch.as_tensor(ys), "n": len(batch)}


both = ConcatDataset([Subset(data, range(5)), Subset(data, [95, 96, 97])])
for batch in DataLoader(both, batch_size=3, collate_fn=collate):
    print(batch["n"], batch["y"].tolist(), batch["x"].sum())
print(list(BatchSampler(SequentialSampler(range(7)), batch_size=3, drop_last=True)))
model = torch.nn.Linear(2, 1)
criterion = torch.nn.BCEWithLogitsLoss(pos_weight=count[0] / count[1])
optimizer = torch.optim.Adamax(model.parameters(), lr=0.05)
for _ in range(30):
    loss = criterion(model(data.tensors[0]).squeeze(1), target.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"{loss.item():.5f}")
