"""A classifier of table rows: a Dataset class, random_split, early stopping, a confusion matrix, the best weights kept."""

import copy

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


class Flowers(Dataset):
    def __init__(self, n=150):
        g = torch.Generator().manual_seed(7)
        self.y = torch.arange(n) % 3
        self.x = (
            torch.randn(n, 4, generator=g) * 0.6
            + torch.tensor([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])[self.y]
        )
        self.x = (self.x - self.x.mean(0)) / self.x.std(0)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"features": self.x[i], "label": self.y[i]}


torch.manual_seed(0)
train_set, val_set = random_split(Flowers(), [0.8, 0.2], generator=torch.Generator().manual_seed(42))
print(len(train_set), len(val_set), train_set.indices[:5])
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(p=0.2), nn.Linear(16, 3))
criterion = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0, 1.2]), label_smoothing=0.05)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
best, patience = float("inf"), 0
for epoch in range(12):
    model.train()
    for batch in DataLoader(train_set, batch_size=16, shuffle=True):
        optimizer.zero_grad()
        criterion(model(batch["features"]), batch["label"]).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        losses = [criterion(model(b["features"]), b["label"]).item() for b in DataLoader(val_set, batch_size=10)]
    val = sum(losses) / len(losses)
    if val < best:
        best, state, patience = val, copy.deepcopy(model.state_dict()), 0
    elif (patience := patience + 1) > 3:
        break
    print(f"epoch {epoch:2d} val {val:.4f}")
model.load_state_dict(state)
confusion = torch.zeros(3, 3, dtype=torch.int64)
for b in DataLoader(val_set, batch_size=1):
    confusion[b["label"].item(), model(b["features"]).argmax(-1).item()] += 1
print(confusion, confusion.diag().sum() / confusion.sum())
