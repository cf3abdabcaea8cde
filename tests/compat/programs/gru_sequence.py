"""Sine waves continued by a GRU over padded batches."""

import torch
from torch import nn

torch.manual_seed(0)
t = torch.arange(0, 20).float()
waves = torch.sin(t[None] * 0.4 + torch.rand(24, 1) * 6)


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=12, batch_first=True, bidirectional=False)
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        out, h_n = self.gru(x.unsqueeze(2))
        return self.head(out).squeeze(-1)


model = Forecast()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(20):
    loss = nn.functional.mse_loss(model(waves[:, :-1]), waves[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 5 == 4:
        print(epoch, f"{loss.item():.5f}")
print({k: tuple(v.shape) for k, v in model.state_dict().items()})
