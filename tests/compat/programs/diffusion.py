"""Denoising diffusion on two moons."""

import math

import torch
import torch.nn as nn

torch.manual_seed(0)
T = 30
betas = torch.linspace(1e-3, 0.2, T)
alphas = 1.0 - betas
alphas_bar = torch.cumprod(alphas, dim=0)
angle = torch.rand(256) * math.pi
upper = torch.arange(256) % 2 == 0
data = torch.stack(
    [torch.where(upper, angle.cos(), 1 - angle.cos()), torch.where(upper, angle.sin(), 0.5 - angle.sin())], -1
)
model = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 2))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
ema = [p.detach().clone() for p in model.parameters()]
for step in range(100):
    t = torch.randint(0, T, (256,))
    noise = torch.randn_like(data)
    a = alphas_bar[t].unsqueeze(1)
    noisy = a.sqrt() * data + (1 - a).sqrt() * noise
    loss = (model(torch.cat([noisy, t[:, None] / T], 1)) - noise).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    for kept, p in zip(ema, model.parameters()):
        kept.lerp_(p.detach(), 0.05)
    if step % 25 == 24:
        print(step, f"{loss.item():.5f}")
with torch.no_grad():
    x = torch.randn(64, 2)
    for t in reversed(range(T)):
        eps = model(torch.cat([x, torch.full((64, 1), t / T)], 1))
        x = (x - betas[t] / (1 - alphas_bar[t]).sqrt() * eps) / alphas[t].sqrt()
        x = x + betas[t].sqrt() * torch.randn_like(x) if t else x
print(f"{x.mean():.3f} {x.std():.3f} {sum(e.sum() for e in ema):.3f}")
