"""Derivatives of derivatives: Newton's method, a gradient penalty, MAML's inner step, jacobian and hessian."""

import torch
from torch.autograd.functional import hessian, jacobian

torch.manual_seed(0)
x = torch.tensor([1.5, -0.5], requires_grad=True)


def rosenbrock(v):
    return (1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2


for step in range(5):
    (g,) = torch.autograd.grad(rosenbrock(x), x, create_graph=True)
    H = torch.stack([torch.autograd.grad(gi, x, retain_graph=True)[0] for gi in g])
    with torch.no_grad():
        x -= torch.linalg.solve(H, g)
    print(step, f"{rosenbrock(x).item():.6f}")
print(hessian(rosenbrock, torch.tensor([1.0, 1.0])), jacobian(lambda v: v**2 * v.sum(), torch.tensor([1.0, 2.0])))
net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
points = torch.randn(10, 2, requires_grad=True)
(grad,) = torch.autograd.grad(net(points).sum(), points, create_graph=True)
penalty = ((grad.norm(2, dim=1) - 1) ** 2).mean()
penalty.backward()
print(f"{penalty.item():.6f}", [f"{p.grad.norm():.5f}" if p.grad is not None else None for p in net.parameters()])
w = torch.tensor(2.0, requires_grad=True)
inner = (w * 3 - 1) ** 2
(gw,) = torch.autograd.grad(inner, w, create_graph=True)
(((w - 0.01 * gw) * 2 - 1) ** 2).backward()
print(f"{w.grad.item():.5f}")
