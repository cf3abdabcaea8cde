"""Mixed precision, DDP-ish, cuda boilerplate of a big script, on CPU."""

import argparse, os, random, shutil
from enum import Enum
import torch
import torch.nn as nn
import torch.nn.parallel
import torch.backends.cudnn as cudnn
import torch.distributed as dist
import torch.optim
import torch.utils.data
import torch.utils.data.distributed
from torch.optim.lr_scheduler import StepLR
from torch.cuda.amp import autocast, GradScaler

parser = argparse.ArgumentParser(description="PyTorch Training")
parser.add_argument("-j", "--workers", default=0, type=int, metavar="N")
parser.add_argument("--epochs", default=2, type=int)
parser.add_argument("-b", "--batch-size", default=16, type=int)
parser.add_argument("--lr", "--learning-rate", default=0.1, type=float, dest="lr")
parser.add_argument("--world-size", default=-1, type=int)
parser.add_argument("--rank", default=-1, type=int)
parser.add_argument("--dist-backend", default="nccl", type=str)
parser.add_argument("--gpu", default=None, type=int)
parser.add_argument("--amp", action="store_true", default=True)
parser.add_argument("--seed", default=5, type=int)


class Summary(Enum):
    NONE = 0
    AVERAGE = 1
    SUM = 2
    COUNT = 3


class AverageMeter(object):
    """Computes and stores the average and current value"""

    def __init__(self, name, fmt=":f", summary_type=Summary.AVERAGE):
        self.name, self.fmt, self.summary_type = name, fmt, summary_type
        self.reset()

    def reset(self):
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count

    def all_reduce(self):
        device = (
            torch.device("cuda")
            if torch.cuda.is_available()
            else torch.device("mps")
            if torch.backends.mps.is_available()
            else torch.device("cpu")
        )
        total = torch.tensor([self.sum, self.count], dtype=torch.float32, device=device)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(total, dist.ReduceOp.SUM, async_op=False)
        self.sum, self.count = total.tolist()

    def __str__(self):
        return ("{name} {val" + self.fmt + "} ({avg" + self.fmt + "})").format(**self.__dict__)


def accuracy(output, target, topk=(1,)):
    with torch.no_grad():
        maxk = max(topk)
        batch_size = target.size(0)
        _, pred = output.topk(maxk, 1, True, True)
        pred = pred.t()
        correct = pred.eq(target.view(1, -1).expand_as(pred))
        res = []
        for k in topk:
            correct_k = correct[:k].reshape(-1).float().sum(0, keepdim=True)
            res.append(correct_k.mul_(100.0 / batch_size))
        return res


def save_checkpoint(state, is_best, filename="checkpoint.pth.tar"):
    torch.save(state, filename)
    if is_best:
        shutil.copyfile(filename, "model_best.pth.tar")


class ToyData(torch.utils.data.Dataset):
    def __init__(self, n):
        g = torch.Generator().manual_seed(n)
        self.x = torch.randn(n, 3, 8, 8, generator=g)
        self.y = (self.x.mean((1, 2, 3)) > 0).long() + 2 * (self.x[:, 0].mean((1, 2)) > 0).long()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def main():
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    cudnn.deterministic = True
    cudnn.benchmark = False
    if torch.cuda.is_available():
        ngpus = torch.cuda.device_count()
    else:
        ngpus = torch.cuda.device_count()
        print("using CPU, this will be slow", ngpus)
    args.distributed = args.world_size > 1
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d((2, 2)),
        nn.Flatten(),
        nn.Linear(32, 4),
    )
    model = torch.nn.DataParallel(model) if not args.distributed else model
    print(type(model).__name__, list(model.state_dict())[0])
    device = torch.device("cuda:{}".format(args.gpu) if args.gpu is not None and torch.cuda.is_available() else "cpu")
    model = model.to(device)
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.1)
    scaler = GradScaler(enabled=torch.cuda.is_available())
    train_sampler = torch.utils.data.distributed.DistributedSampler(ToyData(64)) if args.distributed else None
    loader = torch.utils.data.DataLoader(
        ToyData(64),
        batch_size=args.batch_size,
        shuffle=(train_sampler is None),
        num_workers=args.workers,
        pin_memory=True,
        sampler=train_sampler,
    )
    val = torch.utils.data.DataLoader(ToyData(32), batch_size=args.batch_size, shuffle=False)
    best = 0
    for epoch in range(args.epochs):
        losses, top1, top2 = (
            AverageMeter("Loss", ":.4e"),
            AverageMeter("Acc@1", ":6.2f"),
            AverageMeter("Acc@2", ":6.2f", Summary.NONE),
        )
        model.train()
        for i, (images, target) in enumerate(loader):
            images = images.to(device, non_blocking=True)
            target = target.to(device, non_blocking=True)
            with torch.autocast(device_type="cpu", enabled=False), autocast(enabled=torch.cuda.is_available()):
                output = model(images)
                loss = criterion(output, target)
            a1, a2 = accuracy(output, target, topk=(1, 2))
            losses.update(loss.item(), images.size(0))
            top1.update(a1[0].item(), images.size(0))
            top2.update(a2[0].item(), images.size(0))
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            scaler.step(optimizer)
            scaler.update()
        print(f"Epoch: [{epoch}]", losses, top1, top2)
        scheduler.step()
        model.eval()
        top1.reset()
        with torch.no_grad():
            for images, target in val:
                top1.update(accuracy(model(images), target)[0].item(), len(target))
        top1.all_reduce()
        print(" *", f"{top1.avg:.3f}")
        is_best = top1.avg > best
        best = max(top1.avg, best)
        save_checkpoint(
            {
                "epoch": epoch + 1,
                "arch": "toy",
                "state_dict": model.state_dict(),
                "best_acc1": best,
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "args": vars(args),
            },
            is_best,
        )
    if os.path.isfile("model_best.pth.tar"):
        ck = torch.load("model_best.pth.tar", map_location="cpu", weights_only=False)
        print(ck["epoch"], sorted(ck), ck["args"]["lr"])
        model.module.load_state_dict({k.replace("module.", ""): v for k, v in ck["state_dict"].items()})
        optimizer.load_state_dict(ck["optimizer"])
    print(
        torch.__version__.split(".")[0],
        torch.version.cuda,
        torch.cuda.is_bf16_supported() if torch.cuda.is_available() else "-",
        torch.get_num_threads() > 0,
        torch.cuda.memory_allocated() if torch.cuda.is_available() else 0,
        dist.is_initialized(),
        scaler.get_scale(),
    )
    torch.cuda.empty_cache()
    torch.cuda.synchronize() if torch.cuda.is_available() else None


if __name__ == "__main__":
    main()
