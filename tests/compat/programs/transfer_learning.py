"""Transfer learning: torchvision's ResNet with its layers frozen but the last, transforms.v2, CutMix or MixUp, a scheduler."""

import os

import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, default_collate
from torchvision import datasets, models
from torchvision.transforms import v2

torch.manual_seed(3)
train_transform = v2.Compose(
    [
        v2.Grayscale(num_output_channels=3),
        v2.RandomResizedCrop(32, scale=(0.7, 1.0), antialias=True),
        v2.RandomHorizontalFlip(p=0.5),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    ]
)
mix = v2.RandomChoice([v2.CutMix(num_classes=10), v2.MixUp(num_classes=10, alpha=0.4)])
data = datasets.MNIST(os.environ["DIGITS"], train=True, transform=train_transform)
loader = DataLoader(data, batch_size=20, shuffle=True, collate_fn=lambda batch: mix(*default_collate(batch)))

model = models.resnet18(weights=None)
for param in model.parameters():
    param.requires_grad = False
model.fc = nn.Linear(model.fc.in_features, 10)
print(sum(p.numel() for p in model.parameters() if p.requires_grad), model.layer1[0].conv1)

criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = optim.SGD(model.fc.parameters(), lr=0.01, momentum=0.9)
scheduler = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
for epoch in range(2):
    model.train()
    running = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        running += loss.item() * images.size(0)
    scheduler.step()
    print(f"epoch {epoch} loss {running / len(data):.3f} lr {scheduler.get_last_lr()[0]:.0e} {tuple(labels.shape)}")
