"""LR finder, warmup, OneCycle, cyclic, restarts, EMA/SWA, clipping, early stopping, resume."""

import copy, os
import torch
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn, get_ema_multi_avg_fn


def seed_everything(seed=42):
    import random, numpy as np

    random.seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


seed_everything()
X = torch.randn(200, 10)
Y = torch.sin(X.sum(1, keepdim=True))
ds = torch.utils.data.TensorDataset(X, Y)
loader = torch.utils.data.DataLoader(
    ds, batch_size=25, shuffle=True, generator=torch.Generator().manual_seed(1), worker_init_fn=lambda i: None
)


def net():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(10, 32, bias=False), nn.BatchNorm1d(32), nn.SiLU(), nn.Linear(32, 1))


class LRFinder:
    def __init__(self, model, optimizer, criterion):
        self.model, self.optimizer, self.criterion = model, optimizer, criterion
        self.model_state, self.opt_state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
        self.history = {"lr": [], "loss": []}

    def range_test(self, loader, end_lr=10, num_iter=16, smooth=0.05, diverge=5):
        start = self.optimizer.param_groups[0]["lr"]
        sched = lr_scheduler.LambdaLR(self.optimizer, lambda i: (end_lr / start) ** (i / num_iter))
        it = iter(loader)
        best = None
        for i in range(num_iter):
            try:
                x, y = next(it)
            except StopIteration:
                it = iter(loader)
                x, y = next(it)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            sched.step()
            l = (
                loss.item()
                if not self.history["loss"]
                else smooth * loss.item() + (1 - smooth) * self.history["loss"][-1]
            )
            self.history["lr"].append(sched.get_last_lr()[0])
            self.history["loss"].append(l)
            best = l if best is None else min(best, l)
            if l > diverge * best:
                print("Stopping early, the loss has diverged")
                break

    def reset(self):
        self.model.load_state_dict(self.model_state)
        self.optimizer.load_state_dict(self.opt_state)


m = net()
o = optim.SGD(m.parameters(), lr=1e-4, momentum=0.9)
f = LRFinder(m, o, nn.MSELoss())
f.range_test(loader)
print([f"{lr:.2e}:{l:.4f}" for lr, l in zip(f.history["lr"], f.history["loss"])][::5])
f.reset()
print(o.param_groups[0]["lr"])
for name, make in {
    "onecycle": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=0.1, steps_per_epoch=4, epochs=3, pct_start=0.3, anneal_strategy="cos", div_factor=10.0
    ),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, base_lr=1e-3, max_lr=1e-1, step_size_up=3, mode="triangular2"),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2, eta_min=1e-4),
    "poly": lambda o: lr_scheduler.PolynomialLR(o, total_iters=8, power=2.0),
    "chained": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(o, factor=0.1, total_iters=3), lr_scheduler.ExponentialLR(o, gamma=0.9)]
    ),
    "mult": lambda o: lr_scheduler.MultiplicativeLR(o, lr_lambda=lambda e: 0.95),
    "seq": lambda o: lr_scheduler.SequentialLR(
        o,
        schedulers=[
            lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=4),
            lr_scheduler.CosineAnnealingLR(o, T_max=8),
        ],
        milestones=[4],
    ),
}.items():
    m = net()
    o = optim.SGD(m.parameters(), lr=0.05, momentum=0.9)
    s = make(o)
    lrs = []
    for i in range(12):
        o.step()
        lrs.append(o.param_groups[0]["lr"])
        s.step()
    print(
        name,
        [round(v, 5) for v in lrs],
        round(o.param_groups[0]["momentum"], 3),
        sorted(k for k in s.state_dict() if not k.startswith("_"))[:4],
    )


class EarlyStopping:
    def __init__(self, patience=3, delta=0.0, path="checkpoint.pt", verbose=True):
        self.patience, self.delta, self.path, self.verbose = patience, delta, path, verbose
        self.counter, self.best, self.early_stop, self.val_loss_min = 0, None, False, float("inf")

    def __call__(self, val_loss, model):
        score = -val_loss
        if self.best is None or score > self.best + self.delta:
            self.best = score
            if self.verbose:
                print(f"Validation loss decreased ({self.val_loss_min:.6f} --> {val_loss:.6f}).  Saving model ...")
            torch.save(model.state_dict(), self.path)
            self.val_loss_min = val_loss
            self.counter = 0
        else:
            self.counter += 1
            print(f"EarlyStopping counter: {self.counter} out of {self.patience}")
            self.early_stop = self.counter >= self.patience


stopper = EarlyStopping(patience=2)
m = net()
o = optim.Adam(m.parameters(), lr=0.05)
ema = AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9))
swa = AveragedModel(m)
swa_sched = SWALR(o, anneal_epochs=3, swa_lr=0.01)
for epoch in range(8):
    for x, y in loader:
        loss = nn.functional.huber_loss(m(x), y)
        o.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(m.parameters(), max_norm=0.5)
        nn.utils.clip_grad_value_(m.parameters(), 0.1)
        o.step()
        ema.update_parameters(m)
    if epoch > 3:
        swa.update_parameters(m)
        swa_sched.step()
    m.eval()
    with torch.no_grad():
        val = nn.functional.mse_loss(m(X[:50]), Y[:50]).item()
    m.train()
    stopper(val, m)
    if epoch == 4:
        torch.save(
            {
                "epoch": epoch,
                "model_state_dict": m.state_dict(),
                "optimizer_state_dict": o.state_dict(),
                "loss": loss,
                "rng": torch.get_rng_state(),
            },
            "ck.pt",
        )
    if stopper.early_stop:
        print("Early stopping")
        break
update_bn(loader, swa)
print(
    f"{norm:.4f} {nn.functional.mse_loss(swa(X), Y).item():.4f} {nn.functional.mse_loss(ema.module(X), Y).item():.4f}",
    swa.n_averaged,
)
ck = torch.load("ck.pt", weights_only=False)
m2 = net()
o2 = optim.Adam(m2.parameters())
m2.load_state_dict(ck["model_state_dict"])
o2.load_state_dict(ck["optimizer_state_dict"])
torch.set_rng_state(ck["rng"])
print(
    ck["epoch"],
    f"{ck['loss'].item():.4f}",
    o2.param_groups[0]["lr"],
    o2.state_dict()["state"][0]["step"],
    torch.rand(2),
    m2.load_state_dict(torch.load("checkpoint.pt", weights_only=True)),
)
