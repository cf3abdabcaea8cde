"""Clusters and principal components with tensors alone."""

import torch

torch.manual_seed(0)
points = torch.cat(
    [torch.randn(30, 3) * 0.3 + torch.tensor(c) for c in ([0.0, 0.0, 0.0], [3.0, 3.0, 0.0], [0.0, 3.0, 3.0])]
)
centres = points[torch.randperm(90)[:3]]
for step in range(6):
    nearest = torch.cdist(points, centres).argmin(dim=1)
    centres = torch.stack([points[nearest == k].mean(0) for k in range(3)])
    inertia = (points - centres[nearest]).pow(2).sum()
    print(step, torch.bincount(nearest, minlength=3).tolist(), f"{inertia:.4f}")
centred = points - points.mean(dim=0)
U, S, Vh = torch.linalg.svd(centred, full_matrices=False)
print(S, (S**2 / (S**2).sum()).cumsum(0), Vh[0].abs(), sep="\n")
cov = torch.cov(centred.T)
values = torch.linalg.eigvalsh(cov)
print(
    torch.allclose(values.flip(0) * 89, S**2, rtol=1e-4), torch.histc(points[:, 0], bins=4), torch.quantile(points, 0.5)
)
