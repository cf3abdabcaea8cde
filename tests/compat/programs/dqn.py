"""Deep Q-learning: a replay memory, a target network softly updated, Huber loss, clipped gradients."""

import random
from collections import deque, namedtuple

import torch
import torch.nn as nn

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))
random.seed(0)
torch.manual_seed(0)


def make():
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))


policy_net, target_net = make(), make()
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory = deque([], maxlen=500)
state = torch.randn(1, 4)
for step in range(80):
    if random.random() > 0.3:
        with torch.no_grad():
            action = policy_net(state).max(1).indices.view(1, 1)
    else:
        action = torch.tensor([[random.randrange(2)]], dtype=torch.long)
    next_state = None if step % 9 == 8 else state * 0.9 + 0.1 * (2 * action.item() - 1)
    memory.append(Transition(state, action, next_state, torch.tensor([float(state.sum() > 0) * action.item()])))
    state = torch.randn(1, 4) if next_state is None else next_state
    if len(memory) < 16:
        continue
    batch = Transition(*zip(*random.sample(memory, 16)))
    mask = torch.tensor(tuple(map(lambda s: s is not None, batch.next_state)), dtype=torch.bool)
    non_final = torch.cat([s for s in batch.next_state if s is not None])
    values = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
    next_values = torch.zeros(16)
    with torch.no_grad():
        next_values[mask] = target_net(non_final).max(1).values
    loss = nn.SmoothL1Loss()(values, (next_values * 0.9 + torch.cat(batch.reward)).unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    for ours, theirs in zip(target_net.parameters(), policy_net.parameters()):
        ours.data.mul_(0.995).add_(theirs.data, alpha=0.005)
    if step % 20 == 19:
        print(step, f"{loss.item():.5f}", f"{values.mean().item():.5f}")
