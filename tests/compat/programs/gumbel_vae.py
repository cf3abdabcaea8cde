"""VAE with categorical latents: Gumbel-softmax, RelaxedOneHotCategorical, temperature annealing, and REINFORCE for comparison."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import distributions as dist
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(8)
np.random.seed(0)


class Bars(Dataset):
    """Images of one bar, 4 x 4."""

    def __init__(self, n):
        rows, horizontal = np.random.randint(0, 4, n), np.random.rand(n) < 0.5
        self.images = np.zeros((n, 4, 4), dtype=np.float32)
        for image, r, h in zip(self.images, rows, horizontal):
            image[(r, slice(None)) if h else (slice(None), r)] = 1

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return torch.from_numpy(self.images[i]).flatten(), int(self.images[i].sum())


class VAE(nn.Module):
    def __init__(self, latents=2, categories=4):
        super().__init__()
        self.N, self.K = latents, categories
        self.encoder = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, latents * categories))
        self.decoder = nn.Sequential(nn.Linear(latents * categories, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x, temperature, hard=False, how="functional"):
        logits = self.encoder(x).view(-1, self.N, self.K)
        if how == "functional":
            z = F.gumbel_softmax(logits, tau=temperature, hard=hard, dim=-1)
        elif how == "relaxed":
            z = dist.RelaxedOneHotCategorical(torch.tensor(temperature), logits=logits).rsample()
        else:
            z = dist.OneHotCategoricalStraightThrough(logits=logits).rsample()
        return self.decoder(z.flatten(1)), logits


def elbo_loss(recon, x, logits):
    nll = F.binary_cross_entropy_with_logits(recon, x, reduction="none").sum(-1).mean()
    q = dist.Categorical(logits=logits)
    p = dist.Categorical(probs=torch.full_like(logits, 1.0 / logits.size(-1)))
    return nll, dist.kl.kl_divergence(q, p).sum(-1).mean()


train, test = random_split(Bars(240), [200, 40], generator=torch.Generator().manual_seed(1))
for how in ("functional", "relaxed", "straight through"):
    torch.manual_seed(21)
    loader = DataLoader(train, batch_size=40, shuffle=True, drop_last=True)
    model, temperature = VAE(), 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(1, 13):
        totals = torch.zeros(2)
        for x, _ in loader:
            recon, logits = model(x, temperature, how=how)
            nll, kl = elbo_loss(recon, x, logits)
            optimizer.zero_grad()
            (nll + 0.1 * kl).backward()
            optimizer.step()
            totals += torch.tensor([nll.item(), kl.item()])
        temperature = max(0.5, temperature * float(np.exp(-0.05)))
        if epoch % 4 == 0:
            nll, kl = (totals / len(loader)).tolist()
            print(f"{how}: epoch {epoch} nll {nll:.4f} kl {kl:.4f} tau {temperature:.3f}")
    model.eval()
    with torch.no_grad():
        x = torch.stack([x for x, _ in test])
        recon, logits = model(x, temperature, hard=True)
        print("test nll", round(elbo_loss(recon, x, logits)[0].item(), 4), "codes", logits.argmax(-1)[:5].tolist())

logits = torch.zeros(3, requires_grad=True)
values = torch.tensor([1.0, 2.0, 4.0])
score = dist.Categorical(logits=logits)
actions = score.sample((2000,))
loss = (score.log_prob(actions) * (values[actions] - values[actions].mean())).mean()
loss.backward()
print("score function gradient", logits.grad)
relaxed = dist.RelaxedBernoulli(torch.tensor([0.6]), probs=torch.tensor([0.2, 0.9]))
print(relaxed, relaxed.rsample(), relaxed.log_prob(torch.tensor([0.3, 0.8])))
concrete = dist.RelaxedOneHotCategorical(torch.tensor(0.8), torch.tensor([0.1, 0.2, 0.7]))
draw = concrete.rsample((2,))
print(draw.sum(-1), concrete.log_prob(draw))
