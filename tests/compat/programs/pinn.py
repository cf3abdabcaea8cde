"""Physics-informed network: u'' + pi^2 u = 0 with boundary values, and a heat equation; derivatives by autograd.grad."""

import math

import torch
import torch.nn as nn
from torch.func import functional_call, hessian, jacrev, vmap


class MLP(nn.Module):
    def __init__(self, sizes, act=nn.Tanh):
        super().__init__()
        layers = []
        for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
            layers += [nn.Linear(a, b)] + ([act()] if i < len(sizes) - 2 else [])
        self.net = nn.Sequential(*layers)
        self.apply(self._init)

    @staticmethod
    def _init(m):
        if isinstance(m, nn.Linear):
            nn.init.xavier_normal_(m.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(m.bias)

    def forward(self, *xs):
        return self.net(torch.cat(xs, dim=-1))


def derivative(u, x, order=1):
    for _ in range(order):
        (u,) = torch.autograd.grad(u, x, grad_outputs=torch.ones_like(u), create_graph=True, retain_graph=True)
    return u


torch.manual_seed(42)
model = MLP([1, 16, 16, 1])
adam = torch.optim.Adam(model.parameters(), lr=1e-2)
x = torch.linspace(0, 1, 40).view(-1, 1).requires_grad_(True)
ends, values = torch.tensor([[0.0], [0.5], [1.0]]), torch.tensor([[0.0], [1.0], [0.0]])


def ode_loss():
    u = model(x)
    residual = derivative(u, x, 2) + math.pi**2 * u
    return residual.pow(2).mean() * 0.05 + nn.functional.mse_loss(model(ends), values)


for it in range(200):
    adam.zero_grad()
    loss = ode_loss()
    loss.backward()
    adam.step()
    if (it + 1) % 50 == 0:
        print(f"adam {it + 1} loss {loss.item():.5f}")
lbfgs = torch.optim.LBFGS(model.parameters(), max_iter=20, history_size=10, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    loss = ode_loss()
    loss.backward()
    return loss


lbfgs.step(closure)
final = ode_loss().item()
error = (model(x) - torch.sin(math.pi * x)).abs().max().item()
print("lbfgs improved:", final < loss.item(), "error below 0.2:", error < 0.2)

torch.manual_seed(0)
heat = MLP([2, 12, 1], nn.SiLU)
opt = torch.optim.NAdam(heat.parameters(), lr=5e-3)
for it in range(60):
    t, s = torch.rand(32, 1, requires_grad=True), torch.rand(32, 1, requires_grad=True)
    u = heat(t, s)
    u_t, u_s = torch.autograd.grad(u.sum(), (t, s), create_graph=True)
    u_ss = torch.autograd.grad(u_s.sum(), s, create_graph=True)[0]
    initial = heat(torch.zeros_like(s), s) - torch.sin(math.pi * s.detach())
    loss = (u_t - 0.1 * u_ss).square().mean() + initial.square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 20 == 19:
        print(f"heat {it + 1} loss {loss.item():.5f}")

weights = dict(heat.named_parameters())
point = torch.tensor([[0.3, 0.7], [0.1, 0.2]])
single = lambda p: functional_call(heat, weights, (p,)).squeeze()
H = vmap(hessian(single))(point)
print("laplacian", H.diagonal(dim1=-2, dim2=-1).sum(-1).detach())
print("gradient", vmap(jacrev(single))(point).detach())
print("third derivative", derivative(torch.sin(x[:3] * 2), x, 3)[:3].flatten())
