"""Write checkpoints/*.pt: files as PyTorch writes them, and checkpoints.json: what is in them, for tests on machines without it."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).with_name("checkpoints")


def mixed() -> Any:
    """Every kind of value that files may hold."""
    base = torch.arange(6.0).reshape(2, 3)
    tagged = torch.ones(2)
    tagged.tag = "mine"
    return OrderedDict(
        base=base, transposed=base.T, row=base[1], expanded=base[0, 0].expand(4), empty=torch.empty(0, 3),
        scalar=torch.tensor(7), bool=torch.tensor([True, False]), half=torch.tensor([1.5, -2.0], dtype=torch.float16),
        bfloat16=torch.tensor([1.0, 3.140625, -1e30], dtype=torch.bfloat16), uint16=torch.tensor([1, 65535], dtype=torch.uint16),
        complex=torch.tensor([1 + 2j]), leaf=torch.ones(2, requires_grad=True), parameter=nn.Parameter(torch.zeros(2)), tagged=tagged,
        size=torch.Size([1, 2]), dtype=torch.float64, device=torch.device("cuda:1"), number=1.5, large=2**70, text="tëxt", raw=b"\x00\xff",
        none=None, flags=(True, False), slice=slice(1, None, 2), range=range(2, 9, 3), set={1, 2}, frozen=frozenset("a"), imaginary=2j,
        counter=Counter("aab"), array=np.arange(6, dtype=">i2").reshape(2, 3), fortran=np.asfortranarray(np.eye(2)[:, :1]),
        numpy_scalar=np.float32(0.5), words=np.array(["ab", "c"]), bytearray=bytearray(b"xy"), nested=[{"a": [base]}],
    )  # fmt: skip


class Net(nn.Module):
    """A small model with most kinds of state."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
        )
        self.head = nn.Linear(8, 3)
        self.activation = torch.tanh

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.activation(self.features(x)))


def trained() -> tuple[Net, dict[str, Any], list[Any], list[Any]]:
    """The model after three steps of Adam, a training checkpoint of it, an input and its output in eval mode."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    x = torch.randn(4, 1, 4, 4)
    for _ in range(3):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        scheduler.step()
    checkpoint = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
        "epoch": 3, "rng": torch.get_rng_state()[:16].clone(),
    }  # fmt: skip
    return model, checkpoint, x.tolist(), model.eval()(x).tolist()


def main() -> None:
    """A mixture of values, a training checkpoint and a model; the first two in the older format, too."""
    FOLDER.mkdir(exist_ok=True)
    model, checkpoint, x, y = trained()
    for name, value in (("mixed", mixed()), ("checkpoint", checkpoint), ("model", model)):
        torch.save(value, FOLDER / f"{name}.pt")
        if name != "model":  # it would hold the source text of every layer
            torch.save(value, FOLDER / f"{name}_legacy.pt", _use_new_zipfile_serialization=False)
    sums = {name: value.double().sum().item() for name, value in checkpoint["model"].items()}
    golden = {"torch": torch.__version__, "input": x, "output": y, "sums": sums}
    Path(__file__).with_name("checkpoints.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
