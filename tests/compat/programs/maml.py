"""Meta-learning (MAML) of sine waves: functional_call and func.grad, vmap over tasks."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, grad_and_value, stack_module_state, vmap

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(1, 24), nn.Linear(24, 24), nn.Linear(24, 1)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def tasks(n, shots=10):
    amplitude, phase = torch.empty(n).uniform_(0.1, 5.0), torch.empty(n).uniform_(0, torch.pi)
    xs, ys = [], []
    for a, p in zip(amplitude, phase):
        x = torch.rand(2 * shots, 1) * 10 - 5
        xs.append(x)
        ys.append(a * torch.sin(x + p))
    x, y = torch.stack(xs), torch.stack(ys)
    return x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:]


net = Net()
params = {k: v.detach().clone().requires_grad_() for k, v in net.named_parameters()}


def mse(params, x, y):
    return F.mse_loss(functional_call(net, params, (x,)), y)


def adapted(params, x, y, lr=0.01, steps=1):
    for _ in range(steps):
        grads = grad(mse)(params, x, y)
        params = {k: params[k] - lr * g for k, g in grads.items()}
    return params


def task_loss(params, x1, y1, x2, y2):
    return mse(adapted(params, x1, y1), x2, y2)


opt = torch.optim.Adam(params.values(), lr=2e-3)
for it in range(1, 61):
    losses = vmap(task_loss, in_dims=(None, 0, 0, 0, 0))(params, *tasks(8))
    loss = losses.mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 15 == 0:
        print(f"[{it}] meta loss {loss.item():.4f} spread {losses.std().item():.4f}")

x1, y1, x2, y2 = (t[0] for t in tasks(1))
for steps in (0, 1, 5):
    print(steps, "steps:", round(mse(adapted(params, x1, y1, steps=steps), x2, y2).item(), 4))

per_sample, value = vmap(grad_and_value(mse), in_dims=(None, 0, 0))(params, x1, y1)
print({k: tuple(v.shape) for k, v in per_sample.items()}, value.shape)
print("norm", torch.stack([g.flatten(1).norm(dim=1) for g in per_sample.values()]).norm(dim=0)[:3])

models = [Net() for _ in range(3)]
stacked, buffers = stack_module_state(models)
base = models[0]
out = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)), in_dims=(0, 0, None))(stacked, buffers, x2)
print("ensemble", out.shape, torch.allclose(out[1], models[1](x2), atol=1e-6))

inner = torch.optim.SGD(net.parameters(), lr=0.01)
for _ in range(5):
    inner.zero_grad()
    F.mse_loss(net(x1), y1).backward()
    inner.step()
with torch.no_grad():
    for k, p in net.named_parameters():
        p.lerp_(params[k], 0.5)
print("reptile", round(F.mse_loss(net(x2), y2).item(), 4))
