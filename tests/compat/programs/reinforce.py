"""Policy gradient on a corridor, without gym."""

from itertools import count

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim


class Corridor:
    def reset(self):
        self.at = 3
        return torch.eye(7)[self.at]

    def step(self, action):
        self.at += 1 if action == 1 else -1
        done = self.at in (0, 6)
        return torch.eye(7)[self.at], 1.0 if self.at == 6 else -0.05, done


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(7, 16)
        self.affine2 = nn.Linear(16, 2)
        self.saved_log_probs, self.rewards = [], []

    def forward(self, x):
        return F.softmax(self.affine2(F.relu(self.affine1(x))), dim=1)


torch.manual_seed(543)
env, policy = Corridor(), Policy()
optimizer = optim.Adam(policy.parameters(), lr=1e-2)
for i_episode in range(1, 41):
    state, ep_reward = env.reset(), 0
    for _t in count(1):
        probs = policy(state.unsqueeze(0))
        action = torch.multinomial(probs, 1)
        policy.saved_log_probs.append(probs.gather(1, action).squeeze(1).log())
        state, reward, done = env.step(action.item())
        policy.rewards.append(reward)
        ep_reward += reward
        if done:
            break
    R, returns = 0, []
    for r in policy.rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + torch.finfo(torch.float32).eps)
    optimizer.zero_grad()
    policy_loss = torch.cat([-p * R for p, R in zip(policy.saved_log_probs, returns)]).sum()
    policy_loss.backward()
    optimizer.step()
    policy.rewards.clear()
    del policy.saved_log_probs[:]
    if i_episode % 10 == 0:
        print(f"Episode {i_episode}\tLast reward: {ep_reward:.2f}\tlength {_t}\tloss {policy_loss.item():.3f}")
print(policy(torch.eye(7)[1:6])[:, 1].detach().numpy().round(3))
