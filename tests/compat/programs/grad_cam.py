"""Grad-CAM with hooks, feature extraction, IntermediateLayerGetter, guided backprop, module surgery."""

from collections import OrderedDict
from typing import Dict, Optional, Callable
import torch
from torch import nn, Tensor
import torch.nn.functional as F

torch.manual_seed(2)


class SmallNet(nn.Module):
    def __init__(self, n=4):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("conv1", nn.Conv2d(3, 6, 3, padding=1)),
                    ("relu1", nn.ReLU()),
                    ("pool1", nn.MaxPool2d(2)),
                    ("conv2", nn.Conv2d(6, 8, 3, padding=1)),
                    ("relu2", nn.ReLU(inplace=False)),
                    ("pool2", nn.AvgPool2d(2)),
                ]
            )
        )
        self.classifier = nn.Linear(8 * 4 * 4, n)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class GradCAM:
    def __init__(self, model: nn.Module, target: nn.Module) -> None:
        self.model, self.handles = model, []
        self.activations: Optional[Tensor] = None
        self.gradients: Optional[Tensor] = None
        self.handles.append(target.register_forward_hook(self._forward))
        self.handles.append(target.register_full_backward_hook(self._backward))

    def _forward(self, module, args, output):
        self.activations = output

    def _backward(self, module, grad_input, grad_output):
        self.gradients = grad_output[0]

    def __call__(self, x, index=None):
        out = self.model(x)
        index = out.argmax(-1) if index is None else index
        self.model.zero_grad()
        out.gather(1, index.view(-1, 1)).sum().backward()
        w = self.gradients.mean(dim=(2, 3), keepdim=True)
        cam = F.relu((w * self.activations).sum(1, keepdim=True))
        cam = F.interpolate(cam, size=x.shape[-2:], mode="bilinear", align_corners=False)
        lo, hi = cam.amin((2, 3), keepdim=True), cam.amax((2, 3), keepdim=True)
        return (cam - lo) / (hi - lo + 1e-8)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        for h in self.handles:
            h.remove()


net = SmallNet()
x = torch.randn(2, 3, 16, 16)
with GradCAM(net, net.features.conv2) as cam:
    m = cam(x)
    print(m.shape, m[0, 0, ::5, ::5])
print(len(net.features.conv2._forward_hooks))
acts: Dict[str, Tensor] = {}


def get(name: str) -> Callable:
    def hook(model, input, output):
        acts[name] = output.detach()

    return hook


for name, layer in net.named_modules():
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        layer.register_forward_hook(get(name))
net(x)
print({k: tuple(v.shape) for k, v in acts.items()})


def summary(model, x):
    rows = []

    def register(module):
        def hook(module, inp, out):
            rows.append(
                (
                    f"{module.__class__.__name__}-{len(rows) + 1}",
                    list(out.size()),
                    sum(p.numel() for p in module.parameters(recurse=False)),
                )
            )

        if not isinstance(module, (nn.Sequential, nn.ModuleList)) and module is not model:
            hooks.append(module.register_forward_hook(hook))

    hooks = []
    model.apply(register)
    model(x)
    for h in hooks:
        h.remove()
    print("-" * 64)
    print("{:>20}  {:>25} {:>15}".format("Layer (type)", "Output Shape", "Param #"))
    print("=" * 64)
    for n, s, p in rows:
        print("{:>20}  {:>25} {:>15}".format(n, str(s), "{0:,}".format(p)))
    print("=" * 64)


summary(net, x)


class Getter(nn.ModuleDict):
    def __init__(self, model, return_layers):
        layers = OrderedDict()
        orig = dict(return_layers)
        todo = dict(return_layers)
        for name, module in model.named_children():
            layers[name] = module
            todo.pop(name, None)
            if not todo:
                break
        super().__init__(layers)
        self.return_layers = orig

    def forward(self, x):
        out = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out


g = Getter(net.features, {"relu1": "low", "pool2": "high"})
print([(k, v.shape) for k, v in g(x).items()])
inp = x.clone().requires_grad_()


def guided(module, gi, go):
    return (F.relu(gi[0]),)


hs = [mod.register_full_backward_hook(guided) for mod in net.modules() if isinstance(mod, nn.ReLU)]
net(inp)[:, 0].sum().backward()
print(f"{inp.grad.abs().sum():.4f}")
[h.remove() for h in hs]


def pre(module, args):
    return (args[0] * 2,)


h = net.classifier.register_forward_pre_hook(pre)
a = net(x)
h.remove()
b = net(x)
print((a - b).abs().max() > 0)
h = net.register_forward_hook(lambda m, i, o: o.softmax(-1))
print(net(x).sum(-1))
h.remove()
h = nn.modules.module.register_module_forward_hook(lambda m, i, o: acts.__setitem__("global", type(m).__name__))
net(x)
h.remove()
print(acts["global"])
y = net.features(x)
y.retain_grad()
net.classifier(y.flatten(1)).sum().backward()
print(y.grad.shape, y.is_leaf, y.requires_grad, y.grad_fn.name())
net.classifier = nn.Identity()
net.features.add_module("extra", nn.Dropout2d(0.1))
del net.features.pool2
net.features[0] = nn.Conv2d(3, 6, 3, padding="same", bias=False)
print(net)
print([n for n, _ in net.named_children()], net.get_submodule("features.conv2"), hasattr(net, "classifier"))
net.eval()
print(net.training, net.features.extra.training)
net.requires_grad_(False)
print(any(p.requires_grad for p in net.parameters()))
for n, p in net.named_parameters(prefix="backbone"):
    print(n, tuple(p.shape), p.dtype, p.device)
print(net.features[:2], len(net.features), type(list(net.features.children())[0]), net._get_name())
