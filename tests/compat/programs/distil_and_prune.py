"""Knowledge distillation, pruning by hand and with nn.utils.prune, quantile regression."""

import torch, torch.nn as nn, torch.nn.functional as F
import torch.nn.utils.prune as prune
from torch.optim.lr_scheduler import StepLR, MultiStepLR, ReduceLROnPlateau

torch.manual_seed(3)
X = torch.randn(256, 20)
w = torch.randn(20, 5)
y = (X @ w + 0.5 * torch.randn(256, 5)).argmax(1)


class MLP(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, h), nn.ReLU(), nn.Dropout(p=0.1), nn.Linear(h, 5))

    def forward(self, x):
        return self.net(x)


def accuracy(m):
    m.eval()
    with torch.no_grad():
        a = (m(X).argmax(1) == y).float().mean().item()
    m.train()
    return a


teacher, student = MLP(64), MLP(8)
opt = torch.optim.RMSprop(teacher.parameters(), lr=1e-2, alpha=0.9)
sch = StepLR(opt, step_size=10, gamma=0.5)
for e in range(25):
    opt.zero_grad()
    loss = F.cross_entropy(teacher(X), y)
    loss.backward()
    opt.step()
    sch.step()
print("teacher", round(loss.item(), 4), round(accuracy(teacher), 4), sch.get_last_lr())
T, alpha = 4.0, 0.7
kl = nn.KLDivLoss(reduction="batchmean")
opt = torch.optim.Adam(student.parameters(), lr=1e-2)
sch = ReduceLROnPlateau(opt, mode="min", factor=0.5, patience=2)
teacher.eval()
for e in range(25):
    with torch.no_grad():
        t_logits = teacher(X)
    s_logits = student(X)
    soft = kl(F.log_softmax(s_logits / T, dim=1), F.softmax(t_logits / T, dim=1)) * (T * T)
    loss = alpha * soft + (1 - alpha) * F.cross_entropy(s_logits, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sch.step(loss)
print("student", round(loss.item(), 4), round(accuracy(student), 4), opt.param_groups[0]["lr"], sch.num_bad_epochs)
# pruning by hand
masks = {}
for name, p in teacher.named_parameters():
    if p.dim() > 1:
        k = int(p.numel() * 0.5)
        thr = p.detach().abs().flatten().kthvalue(k).values
        masks[name] = (p.detach().abs() > thr).float()
        p.data *= masks[name]
hooks = [p.register_hook(lambda g, m=masks[n]: g * m) for n, p in teacher.named_parameters() if n in masks]
total = sum(p.numel() for p in teacher.parameters())
zero = sum((p == 0).sum().item() for p in teacher.parameters())
print(f"sparsity {zero}/{total} = {100.0 * zero / total:.1f}% acc {accuracy(teacher):.4f}")
opt = torch.optim.SGD(teacher.parameters(), lr=0.1)
for e in range(5):
    opt.zero_grad()
    F.cross_entropy(teacher(X), y).backward()
    opt.step()
print(sum((p == 0).sum().item() for p in teacher.parameters()) >= zero, [h.remove() for h in hooks])
module = student.net[0]
prune.random_unstructured(module, name="weight", amount=0.3)
print([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()])
prune.l1_unstructured(module, name="bias", amount=3)
print(module.bias)
prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
print(int((module.weight == 0).sum()), list(module._forward_pre_hooks.values()).__len__())
print(sorted(student.state_dict().keys()))
prune.remove(module, "weight")
print([n for n, _ in module.named_parameters()])
prune.global_unstructured(
    [(student.net[0], "weight"), (student.net[3], "weight")], pruning_method=prune.L1Unstructured, amount=0.2
)
print(prune.is_pruned(student), float(torch.sum(student.net[3].weight == 0)) / student.net[3].weight.nelement())


def pinball(pred, target, qs):
    losses = []
    for i, q in enumerate(qs):
        e = target - pred[:, i]
        losses.append(torch.max((q - 1) * e, q * e).unsqueeze(1))
    return torch.mean(torch.sum(torch.cat(losses, dim=1), dim=1))


qs = [0.1, 0.5, 0.9]
xx = torch.linspace(-2, 2, 128).unsqueeze(1)
yy = torch.sin(xx).squeeze() + 0.2 * torch.randn(128)
qnet = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.AdamW(qnet.parameters(), lr=0.02)
sch = MultiStepLR(opt, milestones=[20, 30], gamma=0.1)
for e in range(40):
    loss = pinball(qnet(xx), yy, qs)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sch.step()
p = qnet(xx).detach()
print(f"{loss:.4f}", [(yy <= p[:, i]).float().mean().item() for i in range(3)], sch.get_last_lr())
