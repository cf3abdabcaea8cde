"""Optimizers and schedules against committed results of PyTorch, where it is not installed."""

import json
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch import nn, optim

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "modules.json").read_text())


def case_id(case):
    return f"{case['name']}-{'-'.join(case['options'])}"


@pytest.mark.parametrize("case", GOLDEN["optimizers"], ids=case_id)
def test_run_ends_where_pytorch_ends(case):
    x = nn.Parameter(nptorch.tensor([0.5, -2.0, 3.0], dtype=nptorch.float64))
    optimizer = getattr(optim, case["name"])([x], **case["options"])
    for _ in range(30):
        optimizer.zero_grad()
        (x.cos() + 0.1 * x * x).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(x.detach().numpy(), case["result"], rtol=1e-11)


@pytest.mark.parametrize("case", GOLDEN["schedules"], ids=case_id)
def test_rates_of_pytorch(case):
    optimizer = optim.SGD([nn.Parameter(nptorch.ones(1))], lr=0.1, momentum=0.9)
    scheduler = getattr(optim.lr_scheduler, case["name"])(optimizer, **case["options"])
    rates = []
    for _ in range(15):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    assert rates == case["result"]
