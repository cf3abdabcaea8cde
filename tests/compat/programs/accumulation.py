"""Gradients of small batches added up equal those of the large one; mixup; gradients clipped."""

import torch
import torch.nn as nn

torch.manual_seed(0)
x, y = torch.randn(64, 5), torch.randint(0, 3, (64,))
model = nn.Sequential(nn.Linear(5, 10), nn.Hardswish(), nn.LayerNorm(10), nn.Linear(10, 3))
criterion = nn.CrossEntropyLoss()
criterion(model(x), y).backward()
large = [p.grad.clone() for p in model.parameters()]
model.zero_grad()
for part, labels in zip(x.split(16), torch.chunk(y, 4)):
    (criterion(model(part), labels) / 4).backward()
print(all(torch.allclose(a, p.grad, atol=1e-6) for a, p in zip(large, model.parameters())))
optimizer = torch.optim.RAdam(model.parameters(), lr=0.02)
for step in range(20):
    lam, index = 0.3, torch.randperm(64)
    mixed = lam * x + (1 - lam) * x[index]
    output = model(mixed)
    loss = lam * criterion(output, y) + (1 - lam) * criterion(output, y[index])
    optimizer.zero_grad()
    loss.backward()
    total = nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.5)
    optimizer.step()
    if step % 5 == 4:
        print(step, f"{loss.item():.4f} {total.item():.4f}")
