"""The image is the parameter: Gram matrices of a random network."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


torch.manual_seed(0)
cnn = (
    nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 8, 3, padding=1))
    .eval()
    .requires_grad_(False)
)
style, content = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
target = gram_matrix(cnn(style)).detach()
image = content.clone().requires_grad_(True)
optimizer = torch.optim.Adam([image], lr=0.02)
for run in range(30):
    with torch.no_grad():
        image.clamp_(0, 1)
    optimizer.zero_grad()
    features = cnn(image)
    style_score = F.mse_loss(gram_matrix(features), target) * 1e4
    content_score = F.mse_loss(features, cnn(content))
    (style_score + content_score).backward()
    optimizer.step()
    if run % 10 == 9:
        print(f"run {run}: Style Loss : {style_score.item():4f} Content Loss: {content_score.item():4f}")
