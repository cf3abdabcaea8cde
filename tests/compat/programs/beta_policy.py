"""Continuous control with a squashed Gaussian and a Beta policy: reach a target on a line (REINFORCE with baseline, then PPO)."""

from collections import deque

import torch
import torch.nn as nn
from torch.distributions import AffineTransform, Beta, Normal, TanhTransform, TransformedDistribution


class Line:
    """Move by an action of [-1, 1] towards 0."""

    def __init__(self, generator):
        self.g = generator

    def reset(self):
        self.x, self.t = (torch.rand((), generator=self.g) * 4 - 2).item(), 0
        return torch.tensor([self.x])

    def step(self, a):
        self.x += 0.5 * a
        self.t += 1
        return torch.tensor([self.x]), -abs(self.x), self.t >= 6


class BetaActor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 16), nn.Tanh())
        self.alpha, self.beta = nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, s):
        h = self.body(s)
        a, b = 1 + nn.functional.softplus(self.alpha(h)), 1 + nn.functional.softplus(self.beta(h))
        return TransformedDistribution(Beta(a, b), AffineTransform(-1.0, 2.0))


class TanhNormalActor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 16), nn.Tanh())
        self.mean, self.log_std = nn.Linear(16, 1), nn.Parameter(torch.zeros(1) - 0.5)

    def forward(self, s):
        base = Normal(self.mean(self.body(s)), self.log_std.exp())
        return TransformedDistribution(base, [TanhTransform(cache_size=1)])


def rollout(actor, env, gamma=0.95):
    s, states, actions, log_probs, rewards = env.reset(), [], [], [], []
    done = False
    while not done:
        with torch.no_grad():
            dist = actor(s)
            a = dist.sample()
            lp = dist.log_prob(a)
        states.append(s), actions.append(a), log_probs.append(lp)
        s, r, done = env.step(a.item())
        rewards.append(r)
    returns = deque()
    R = 0.0
    for r in reversed(rewards):
        R = r + gamma * R
        returns.appendleft(R)
    return (
        torch.stack(states),
        torch.stack(actions),
        torch.stack(log_probs),
        torch.tensor(list(returns)).unsqueeze(1),
        sum(rewards),
    )


for name, make in (("Beta", BetaActor), ("TanhNormal", TanhNormalActor)):
    torch.manual_seed(3)
    env = Line(torch.Generator().manual_seed(11))
    actor, critic = make(), nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    opt = torch.optim.Adam([{"params": actor.parameters(), "lr": 1e-2}, {"params": critic.parameters(), "lr": 2e-2}])
    scores = []
    for update in range(1, 13):
        batch = [rollout(actor, env) for _ in range(5)]
        s, a, old, ret = (torch.cat(part) for part in list(zip(*batch))[:4])
        scores.append(sum(b[4] for b in batch) / len(batch))
        advantage = ret - critic(s).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(4):
            ratio = (actor(s).log_prob(a.clamp(-0.999, 0.999)) - old).exp()
            surrogate = torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
            loss = -surrogate.mean() + 0.5 * nn.functional.smooth_l1_loss(critic(s), ret)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
            opt.step()
        if update % 4 == 0:
            print(
                f"{name} update {update} score {sum(scores[-4:]) / 4:.3f} loss {loss.item():.4f} ratio {ratio.mean().item():.4f}"
            )
    with torch.no_grad():
        d = actor(torch.tensor([[-1.5], [0.0], [1.5]]))
        print(d, d.batch_shape, d.support)
        print("entropy-ish", -d.log_prob(d.sample((200,)).clamp(-0.999, 0.999)).mean(0).squeeze(1))
