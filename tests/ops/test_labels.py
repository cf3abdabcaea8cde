"""The names that printed tensors show after grad_fn=: PyTorch's, also where several operations of ours make one of its."""

from __future__ import annotations

from typing import Any

import pytest

import nptorch

CASES = """
1 - x; 2 / x; 2**x; x @ x; x @ v; v @ v; t @ t; torch.bmm(t, t); x.t(); x.squeeze(); t[:1].squeeze(0); x.split(2)[1]; x.chunk(2)[0]; t.unbind(0)[1]
x.max(); x.max(1)[0]; x.min(); x.min(0).values; x.std(); x.var(1); x.sort()[0]; x.topk(2).values; x.median(); x.clamp(min=0); x.log1p()
x.roll(1); x.repeat(2, 1); x.index_select(0, n); x.masked_fill(x > 0, 0.0); x.trace(); torch.addmm(x, x, x)
F.mse_loss(x, x.detach()); F.smooth_l1_loss(x, x.detach()); F.huber_loss(x, x.detach()); F.binary_cross_entropy(p, p.detach())
F.binary_cross_entropy_with_logits(x, p.detach()); F.cross_entropy(x, n); F.selu(x); F.mish(x); F.hardswish(x); F.glu(x)
F.linear(x, x); F.linear(x, x, v); F.linear(t, x); F.linear(t, x, v); F.avg_pool2d(t[None], 2); F.group_norm(t, 2); F.unfold(t[:, None], 2)
torch.nn.utils.rnn.pack_padded_sequence(t, [2, 2, 1, 1]).data
"""


def names(torch: Any) -> dict[str, str]:
    torch.manual_seed(0)
    known = {"torch": torch, "F": torch.nn.functional, "n": torch.arange(4)}
    known.update(
        {name: torch.rand(*size, requires_grad=True) for name, size in (("x", (4, 4)), ("v", (4,)), ("p", (4, 4)))}
    )
    known["t"] = torch.rand(2, 4, 4, requires_grad=True)
    return {text: eval(text, known).grad_fn.name() for line in CASES.strip().splitlines() for text in line.split("; ")}


def test_names_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    assert names(nptorch) == names(torch)


def test_a_result_that_is_an_argument_keeps_its_name() -> None:
    y = nptorch.ones(3, requires_grad=True) * 2
    assert y.t() is not None and y.grad_fn.name() == "MulBackward0"


def test_a_node_prints_as_pytorchs() -> None:
    y = nptorch.ones(1, requires_grad=True) * 2
    assert repr(y.grad_fn).startswith("<MulBackward0 object at 0x")
    assert repr(y.grad_fn.next_functions[0][0]).startswith("<AccumulateGrad object at 0x")
