"""Adversarial examples by the sign of the gradient."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
y = torch.arange(90) % 3
x = torch.randn(90, 10) + 1.5 * F.one_hot(y, 10).float()
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3))
opt = torch.optim.Adagrad(net.parameters(), lr=0.1)
for _ in range(40):
    opt.zero_grad()
    F.cross_entropy(net(x), y).backward()
    opt.step()


def fgsm_attack(data, epsilon, data_grad):
    return torch.clamp(data + epsilon * data_grad.sign(), -5, 5)


for epsilon in [0, 0.1, 0.3, 0.6]:
    data = x.clone().detach().requires_grad_(True)
    loss = F.cross_entropy(net(data), y)
    net.zero_grad()
    (grad,) = torch.autograd.grad(loss, data)
    with torch.no_grad():
        after = F.cross_entropy(net(fgsm_attack(data, epsilon, grad)), y)
    print(f"Epsilon: {epsilon}\tloss {loss.item():.4f} -> {after.item():.4f}")
