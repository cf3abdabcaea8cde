"""A generator and a discriminator on points of a ring."""

import math

import torch
import torch.nn as nn

torch.manual_seed(3)
latent = 8
G = nn.Sequential(
    nn.Linear(latent, 32), nn.LeakyReLU(0.2, inplace=True), nn.BatchNorm1d(32, 0.8), nn.Linear(32, 2), nn.Tanh()
)
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(32, 1), nn.Sigmoid())
adversarial_loss = nn.BCELoss()
opt_G = torch.optim.Adam(G.parameters(), lr=0.002, betas=(0.5, 0.999))
opt_D = torch.optim.Adam(D.parameters(), lr=0.002, betas=(0.5, 0.999))
for step in range(120):
    angle = torch.rand(64) * 2 * math.pi
    real = torch.stack([angle.cos(), angle.sin()], dim=1) * 0.8
    valid, fake = torch.ones(64, 1), torch.zeros(64, 1)
    opt_D.zero_grad()
    z = torch.normal(0.0, 1.0, (64, latent))
    made = G(z)
    d_loss = (adversarial_loss(D(real), valid) + adversarial_loss(D(made.detach()), fake)) / 2
    d_loss.backward()
    opt_D.step()
    opt_G.zero_grad()
    g_loss = adversarial_loss(D(made), valid)
    g_loss.backward()
    opt_G.step()
    if step % 30 == 29:
        print(f"[{step}] [D loss: {d_loss.item():.4f}] [G loss: {g_loss.item():.4f}]")
G.eval()
with torch.no_grad():
    print(G(torch.randn(200, latent)).norm(dim=1).mean().item())
