"""Training cut in two by a checkpoint gives what one piece gives."""

import io

import torch
from torch import nn


def parts():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Dropout(0.3), nn.Linear(12, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.3)


def train(model, optimizer, scheduler, steps):
    for _ in range(steps):
        x = torch.randn(16, 6)
        loss = (model(x).squeeze(1) - x.sum(1)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    return loss.item()


whole = parts()
print(f"{train(*whole, 12):.6f}")
first = parts()
train(*first, 6)
buffer = io.BytesIO()
torch.save(
    {
        "model": first[0].state_dict(),
        "optimizer": first[1].state_dict(),
        "scheduler": first[2].state_dict(),
        "rng": torch.get_rng_state(),
    },
    buffer,
)
second = parts()
buffer.seek(0)
checkpoint = torch.load(buffer, map_location="cpu")
for part, key in zip(second, ("model", "optimizer", "scheduler")):
    part.load_state_dict(checkpoint[key])
torch.set_rng_state(checkpoint["rng"])
print(f"{train(*second, 6):.6f}", second[2].get_last_lr())
print(all(torch.equal(a, b) for a, b in zip(whole[0].parameters(), second[0].parameters())))
print(sorted(checkpoint["optimizer"]["state"][0]), checkpoint["optimizer"]["param_groups"][0]["betas"])
