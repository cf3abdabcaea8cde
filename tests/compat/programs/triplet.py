"""Embeddings learnt from triplets; cosine similarities after."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
centres = torch.eye(5, 10)
net = nn.Sequential(nn.Linear(10, 16), nn.PReLU(), nn.Linear(16, 4))
loss_fn = nn.TripletMarginLoss(margin=1.0, p=2)
opt = torch.optim.SGD(net.parameters(), lr=0.05, nesterov=True, momentum=0.9)
for step in range(100):
    a = torch.randint(5, (32,))
    n = (a + torch.randint(1, 5, (32,))) % 5
    anchor, positive, negative = (centres[i] + 0.2 * torch.randn(32, 10) for i in (a, a, n))
    loss = loss_fn(net(anchor), net(positive), net(negative))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 25 == 24:
        print(step, f"{loss:.4f}")
e = F.normalize(net(centres), dim=-1)
print(torch.mm(e, e.t()))
