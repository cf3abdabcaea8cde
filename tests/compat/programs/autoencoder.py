"""A convolutional autoencoder on noisy stripes; weight decay, a plateau scheduler."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = (
    (torch.arange(16).view(1, 1, 1, 16) + torch.randint(0, 8, (128, 1, 1, 1)))
    .remainder(8)
    .lt(4)
    .float()
    .expand(128, 1, 16, 16)
)
noisy = x + 0.3 * torch.randn_like(x)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ELU(),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(4, 2, 3, padding="same"),
            nn.ELU(),
        )
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = Autoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
for epoch in range(8):
    total = 0.0
    for dirty, clean in DataLoader(TensorDataset(noisy, x), batch_size=32, shuffle=True):
        loss = nn.functional.mse_loss(model(dirty), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * dirty.size(0)
    scheduler.step(total)
    print(f"epoch [{epoch + 1}/8], loss:{total / 128:.5f} lr {optimizer.param_groups[0]['lr']}")
