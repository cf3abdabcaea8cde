"""Activations and gradients watched by hooks; Grad-CAM by hand."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
seen = {}
net = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding=1),
    nn.ReLU(),
    nn.Conv2d(4, 6, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(6 * 64, 3),
)


def remember(name):
    def hook(module, inputs, output):
        seen[name] = output.detach()

    return hook


handles = [layer.register_forward_hook(remember(f"{i}_{type(layer).__name__}")) for i, layer in enumerate(net)]
handles.append(
    net[2].register_full_backward_hook(lambda m, gin, gout: print("backward", gout[0].shape, f"{gout[0].norm():.4f}"))
)
handles.append(net.register_forward_pre_hook(lambda m, args: (args[0] * 2,)))
x = torch.rand(2, 1, 8, 8, requires_grad=True)
x.register_hook(lambda g: print("input gradient", f"{g.abs().sum():.4f}"))
out = net(x)
out[:, 1].sum().backward()
for name, value in seen.items():
    print(name, tuple(value.shape), f"{value.mean():.4f}")
for handle in handles:
    handle.remove()
features = net[:4](x).detach().requires_grad_()
features.retain_grad()
net[4:](features)[0, 2].backward()
cam = F.relu((features.grad.mean(dim=(2, 3), keepdim=True) * features).sum(1))
print(cam.shape, f"{(cam / cam.max()).mean().item():.4f}", x.grad.shape, out.grad_fn.name())
