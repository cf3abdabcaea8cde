"""nn.utils.prune against PyTorch: the same masks at the same seed, the same names in the module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.nn.utils import prune

STEPS = {
    "random": lambda p, m: p.random_unstructured(m, "weight", 0.3),
    "l1": lambda p, m: p.l1_unstructured(m, "weight", 5),
    "channels at random": lambda p, m: p.random_structured(m, "weight", 2, dim=1),
    "smallest rows": lambda p, m: p.ln_structured(m, "weight", 0.5, n=2, dim=0),
    "nothing": lambda p, m: p.identity(m, "bias"),
    "one after another": lambda p, m: [
        p.l1_unstructured(m, "weight", 0.2),
        p.ln_structured(m, "weight", 1, n=1, dim=-1),
        p.random_unstructured(m, "weight", 0.5),
    ],
    "everything at once": lambda p, m: p.global_unstructured(
        [(m, "weight"), (m, "bias")], pruning_method=p.L1Unstructured, amount=0.4
    ),
    "undone": lambda p, m: [p.l1_unstructured(m, "weight", 0.5), p.remove(m, "weight")],
}


def layer(library: Any) -> Any:
    library.manual_seed(3)
    return library.nn.Linear(6, 4)


@pytest.mark.parametrize("name", STEPS)
def test_as_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    import torch.nn.utils.prune as theirs_prune

    ours, theirs = layer(nptorch), layer(torch)
    STEPS[name](prune, ours)
    STEPS[name](theirs_prune, theirs)
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for key in a:
        np.testing.assert_array_equal(a[key].numpy(), b[key].numpy(), key)
    np.testing.assert_array_equal(ours.weight.detach().numpy(), theirs.weight.detach().numpy())
    assert prune.is_pruned(ours) == theirs_prune.is_pruned(theirs)


def test_gradients_reach_the_original_through_the_mask() -> None:
    m = layer(nptorch)
    prune.l1_unstructured(m, "weight", 0.5)
    m(nptorch.ones(2, 6)).sum().backward()
    assert ((m.weight_orig.grad == 0) == (m.weight_mask == 0)).all()


def test_a_method_of_the_users_own() -> None:
    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    m = layer(nptorch)
    EveryOther.apply(m, "bias")
    assert m.bias_mask.tolist() == [0, 1, 0, 1]
    EveryOther.apply(m, "bias")
    assert m.bias_mask.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: prune.l1_unstructured(m, "weight", 1.5), ValueError, r"amount=1.5 should either be a float"),
        (lambda m: prune.l1_unstructured(m, "weight", 99), ValueError, "to prune=24"),
        (lambda m: prune.ln_structured(m, "bias", 1, n=2, dim=0), ValueError, "multidimensional tensors"),
        (lambda m: prune.remove(m, "weight"), ValueError, "Pruning of 'weight' not found"),
        (
            lambda m: prune.global_unstructured([(m, "weight")], prune.RandomStructured, amount=1),
            TypeError,
            "RandomStructured is structured",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    m = layer(nptorch)
    with pytest.raises(error, match=message):
        call(m)
    assert not prune.is_pruned(m) and list(m.state_dict()) == ["weight", "bias"]
