"""Own optimizers as subclasses; Lookahead wrapper; closures; state dicts; param groups; schedulers."""

import torch
from torch.optim.optimizer import Optimizer, required
from torch import nn


class MySGD(Optimizer):
    def __init__(self, params, lr=required, momentum=0, weight_decay=0):
        if lr is not required and lr < 0.0:
            raise ValueError("Invalid learning rate: {}".format(lr))
        defaults = dict(lr=lr, momentum=momentum, weight_decay=weight_decay)
        super(MySGD, self).__init__(params, defaults)

    def __setstate__(self, state):
        super(MySGD, self).__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                d_p = p.grad
                if group["weight_decay"] != 0:
                    d_p = d_p.add(p, alpha=group["weight_decay"])
                if group["momentum"] != 0:
                    state = self.state[p]
                    if "momentum_buffer" not in state:
                        buf = state["momentum_buffer"] = torch.clone(d_p).detach()
                    else:
                        buf = state["momentum_buffer"]
                        buf.mul_(group["momentum"]).add_(d_p)
                    d_p = buf
                p.add_(d_p, alpha=-group["lr"])
        return loss


class Lion(Optimizer):
    def __init__(self, params, lr: float = 1e-4, betas=(0.9, 0.99), weight_decay: float = 0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        for group in self.param_groups:
            for p in filter(lambda p: p.grad is not None, group["params"]):
                grad, lr, wd, (b1, b2), state = (
                    p.grad,
                    group["lr"],
                    group["weight_decay"],
                    group["betas"],
                    self.state[p],
                )
                if len(state) == 0:
                    state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                exp_avg = state["exp_avg"]
                p.data.mul_(1 - lr * wd)
                update = exp_avg.clone().mul_(b1).add(grad, alpha=1 - b1).sign_()
                p.add_(update, alpha=-lr)
                exp_avg.mul_(b2).add_(grad, alpha=1 - b2)
        return loss


class RAdamOld(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.data.float()
                p_data_fp32 = p.data.float()
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["exp_avg"] = torch.zeros_like(p_data_fp32)
                    state["exp_avg_sq"] = torch.zeros_like(p_data_fp32)
                beta1, beta2 = group["betas"]
                state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                state["exp_avg"].mul_(beta1).add_(grad, alpha=1 - beta1)
                state["step"] += 1
                denom = state["exp_avg_sq"].sqrt().add_(group["eps"])
                p_data_fp32.addcdiv_(state["exp_avg"], denom, value=-group["lr"] / (1 - beta1 ** state["step"]))
                p.data.copy_(p_data_fp32)


class Lookahead(Optimizer):
    def __init__(self, optimizer, k=5, alpha=0.5):
        self.optimizer = optimizer
        self.k, self.alpha = k, alpha
        self.param_groups = self.optimizer.param_groups
        self.state = {}
        self.slow = [[p.detach().clone() for p in g["params"]] for g in self.param_groups]
        self.n = 0

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self, closure=None):
        loss = self.optimizer.step(closure)
        self.n += 1
        if self.n % self.k == 0:
            for g, slow in zip(self.param_groups, self.slow):
                for p, q in zip(g["params"], slow):
                    q.add_(p.data - q, alpha=self.alpha)
                    p.data.copy_(q)
        return loss


def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 1))


torch.manual_seed(5)
X = torch.randn(64, 6)
Y = X.pow(2).sum(1, keepdim=True).sqrt()
for build in (
    lambda m: MySGD(m.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4),
    lambda m: Lion(m.parameters(), lr=3e-3, weight_decay=0.1),
    lambda m: RAdamOld(m.parameters(), lr=0.01),
    lambda m: Lookahead(torch.optim.SGD(m.parameters(), lr=0.05), k=3),
):
    model = make()
    opt = build(model)
    for i in range(20):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X), Y)
        loss.backward()
        opt.step()
    print(type(opt).__name__, f"{loss.item():.6f}", len(opt.state))
model = make()
opt = MySGD([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.01}], lr=0.05, momentum=0.9)
print(opt)
sched = torch.optim.lr_scheduler.LambdaLR(opt, [lambda e: 0.9**e, lambda e: 1 / (1 + e)])


def closure():
    opt.zero_grad()
    loss = nn.functional.mse_loss(model(X), Y)
    loss.backward()
    return loss


for i in range(3):
    print(f"{opt.step(closure).item():.5f}")
    sched.step()
    print([g["lr"] for g in opt.param_groups])
sd = opt.state_dict()
print(sd["param_groups"], sorted(sd["state"].keys()))
opt2 = MySGD([{"params": model[0].parameters()}, {"params": model[2].parameters()}], lr=1.0)
opt2.load_state_dict(sd)
print(
    opt2.param_groups[1]["lr"],
    torch.equal(opt2.state[model[0].weight]["momentum_buffer"], opt.state[model[0].weight]["momentum_buffer"]),
)
for bad in (
    lambda: MySGD(model.parameters()),
    lambda: torch.optim.SGD([], lr=0.1),
    lambda: torch.optim.Adam(model.parameters(), lr=-1),
    lambda: torch.optim.Adam(model.parameters(), betas=(1.0, 0.9)),
    lambda: torch.optim.SGD(model[0].weight, lr=0.1),
    lambda: opt.add_param_group({"params": model[0].parameters()}),
    lambda: torch.optim.SGD([1.0], lr=0.1),
):
    try:
        bad()
        print("no error")
    except (ValueError, TypeError) as e:
        print(type(e).__name__)
