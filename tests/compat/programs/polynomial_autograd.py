"""A cubic fitted to the sine, derivatives by autograd."""

import math

import torch

torch.manual_seed(0)
torch.set_default_device("cpu")
x = torch.linspace(-math.pi, math.pi, 2000, dtype=torch.float)
y = torch.sin(x)
weights = [torch.randn((), requires_grad=True) for _ in range(4)]
for t in range(300):
    y_pred = sum(w * x**i for i, w in enumerate(weights))
    loss = (y_pred - y).pow(2).sum()
    if t % 100 == 99:
        print(t, loss.item())
    loss.backward()
    with torch.no_grad():
        for w in weights:
            w -= 1e-6 * w.grad
            w.grad = None
print([round(w.item(), 4) for w in weights], weights[0].requires_grad, weights[0].is_leaf)
