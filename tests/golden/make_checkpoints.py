"""Write checkpoints/*.pt: files as PyTorch writes them, and checkpoints.json: what is in them, for tests on machines without it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
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


def kinds() -> Any:
    """Values of more kinds, for load(weights_only=False): storages, lazy views, generators, plain things of Python's library."""
    base = torch.arange(6.0)

    def wave() -> torch.Tensor:
        return torch.tensor([1 + 2j, 3 - 4j])

    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.5, momentum=0.9)
    return dict(
        base=base, typed=base.storage(), untyped=torch.ones(1).untyped_storage(), longs=torch.LongStorage([4, 5]), conjugate=wave().conj(),
        negative=wave().conj().imag, generator=torch.Generator().manual_seed(7), layout=torch.strided, dtype=torch.bfloat16,
        namespace=Namespace(lr=0.1, name="x"), simple=SimpleNamespace(a=1), day=date(2020, 2, 3), path=PurePosixPath("a/b"),
        moment=datetime(2020, 2, 3, 4, 5, tzinfo=UTC), span=timedelta(hours=5), default=defaultdict(list, a=[1]),
        ellipsis=..., kind=np.float32, optimizer=optimizer, scheduler=torch.optim.lr_scheduler.StepLR(optimizer, 3),
        packed=nn.utils.rnn.pack_sequence([torch.ones(2), torch.zeros(1)]), dataset=torch.utils.data.TensorDataset(base),
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
    """Two mixtures of values, a training checkpoint and a model; all but the last in the older format, too."""
    FOLDER.mkdir(exist_ok=True)
    model, checkpoint, x, y = trained()
    for name, value in (("mixed", mixed()), ("kinds", kinds()), ("checkpoint", checkpoint), ("model", model)):
        torch.save(value, FOLDER / f"{name}.pt")
        if name != "model":  # it would hold the source text of every layer
            if name == "kinds":
                del value["generator"]  # PyTorch cannot read it back from this format either
            torch.save(value, FOLDER / f"{name}_legacy.pt", _use_new_zipfile_serialization=False)
    sums = {name: value.double().sum().item() for name, value in checkpoint["model"].items()}
    golden = {"torch": torch.__version__, "input": x, "output": y, "sums": sums}
    Path(__file__).with_name("checkpoints.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
