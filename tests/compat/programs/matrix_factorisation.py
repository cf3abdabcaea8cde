"""Ratings from user and film vectors; sparse coordinates, biases, L2 penalty by hand."""

import torch
from torch import nn

torch.manual_seed(0)


class MF(nn.Module):
    def __init__(self, users, items, k=4):
        super().__init__()
        self.users, self.items = nn.Embedding(users, k), nn.Embedding(items, k)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        for e in (self.users, self.items):
            e.weight.data.normal_(0, 0.1)

    def forward(self, u, i):
        return (self.users(u) * self.items(i)).sum(-1) + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1)


truth = torch.randn(20, 3) @ torch.randn(3, 15)
known = torch.nonzero(torch.rand(20, 15) < 0.5)
u, i = known[:, 0], known[:, 1]
model = MF(20, 15)
optimizer = torch.optim.NAdam(model.parameters(), lr=0.05)
for epoch in range(60):
    loss = nn.functional.huber_loss(model(u, i), truth[u, i])
    penalty = sum(p.pow(2.0).sum() for p in model.parameters())
    optimizer.zero_grad()
    (loss + 1e-3 * penalty).backward()
    optimizer.step()
    if epoch % 15 == 14:
        print(f"{epoch} huber {loss:.4f} penalty {penalty:.2f}")
