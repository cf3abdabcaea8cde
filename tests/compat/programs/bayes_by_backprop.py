"""Bayesian linear regression by variational inference: Bayes by Backprop with torch.distributions."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Gamma, HalfNormal, Independent, LogNormal, Normal, kl_divergence

torch.manual_seed(0)
N = 60
x = torch.linspace(-2, 2, N).unsqueeze(-1)
y = 1.5 * x - 0.7 + 0.3 * torch.randn_like(x)


class BayesianLinear(nn.Module):
    def __init__(self, in_features, out_features, prior_scale=1.0):
        super().__init__()
        self.weight_mu = nn.Parameter(torch.empty(out_features, in_features).normal_(0, 0.1))
        self.weight_rho = nn.Parameter(torch.full((out_features, in_features), -3.0))
        self.bias_mu = nn.Parameter(torch.zeros(out_features))
        self.bias_rho = nn.Parameter(torch.full((out_features,), -3.0))
        self.register_buffer("prior_scale", torch.tensor(prior_scale))

    @property
    def weight_posterior(self):
        return Normal(self.weight_mu, F.softplus(self.weight_rho))

    @property
    def bias_posterior(self):
        return Normal(self.bias_mu, F.softplus(self.bias_rho))

    def forward(self, input):
        weight, bias = self.weight_posterior.rsample(), self.bias_posterior.rsample()
        return F.linear(input, weight, bias)

    def kl(self):
        prior = Normal(torch.zeros_like(self.prior_scale), self.prior_scale)
        return kl_divergence(self.weight_posterior, prior).sum() + kl_divergence(self.bias_posterior, prior).sum()


model = BayesianLinear(1, 1)
log_alpha, log_beta = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(1.0))
noise_prior = Gamma(torch.tensor(2.0), torch.tensor(1.0))
optimizer = torch.optim.Adam([*model.parameters(), log_alpha, log_beta], lr=0.03)
for step in range(1, 161):
    optimizer.zero_grad()
    q_precision = Gamma(log_alpha.exp(), log_beta.exp())
    precision = q_precision.rsample()
    likelihood = Independent(Normal(model(x), precision.rsqrt().expand(N, 1)), 2)
    elbo = likelihood.log_prob(y) - model.kl() - kl_divergence(q_precision, noise_prior)
    (-elbo).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 100.0)
    optimizer.step()
    if step % 40 == 0:
        print(
            f"step {step:4d} elbo {elbo.item():9.3f} precision {q_precision.mean.item():.3f} +- {q_precision.stddev.item():.3f}"
        )
print("slope", round(model.weight_mu.item(), 3), "+-", round(F.softplus(model.weight_rho).item(), 3))
print("intercept", round(model.bias_mu.item(), 3), "+-", round(F.softplus(model.bias_rho).item(), 3))

with torch.no_grad():
    draws = torch.stack([model(torch.tensor([[3.0]])) for _ in range(200)]).squeeze()
lower, upper = torch.quantile(draws, torch.tensor([0.05, 0.95]))
print(f"at 3: mean {draws.mean():.3f}, 90% of lines in [{lower:.3f}, {upper:.3f}]")
print(HalfNormal(torch.tensor(2.0)), LogNormal(0.0, 1.0).mean)
print("evidence of a prior draw", Normal(0.0, 1.0).log_prob(torch.tensor(math.pi)).item())
