"""A cubic fitted to the sine, derivatives by hand."""

import math

import torch

torch.manual_seed(0)
dtype, device = torch.float, torch.device("cpu")
x = torch.linspace(-math.pi, math.pi, 2000, device=device, dtype=dtype)
y = torch.sin(x)
a, b, c, d = (torch.randn((), device=device, dtype=dtype) for _ in range(4))
learning_rate = 1e-6
for t in range(300):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = (y_pred - y).pow(2).sum().item()
    if t % 100 == 99:
        print(t, loss)
    grad = 2.0 * (y_pred - y)
    a -= learning_rate * grad.sum()
    b -= learning_rate * (grad * x).sum()
    c -= learning_rate * (grad * x**2).sum()
    d -= learning_rate * (grad * x**3).sum()
print(f"Result: y = {a.item():.4f} + {b.item():.4f} x + {c.item():.4f} x^2 + {d.item():.4f} x^3")
