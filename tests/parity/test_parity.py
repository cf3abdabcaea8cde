"""What was right stays right: each name of right.txt against PyTorch, few samples of an operator."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("torch.testing._internal.common_methods_invocations")

from tests.parity import modules, operators, optimizers, report

SHARDS = 16
RIGHT = report.RIGHT.read_text().split() if report.RIGHT.exists() else []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's table and its samples warn about themselves
@pytest.mark.parametrize("shard", range(SHARDS))
def test_right_stays_right(shard: int) -> None:
    names = RIGHT[shard::SHARDS]
    assert names or not RIGHT
    # Another PyTorch may lack some.
    found = operators.run([n for n in names if n in operators.ENTRIES], cap=4)
    found |= modules.run(names) | optimizers.run(names)
    assert {n: r.reason for n, r in found.items() if r.status != "right"} == {}
