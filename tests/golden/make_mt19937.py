"""Write mt19937.json: what PyTorch draws, for tests on machines without it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

SEED = 2024
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
PROBABILITIES = [0.0, 0.25, 0.5, 0.75, 1.0]

# (method of Engine, dtypes, its other arguments); the torch side of each is in `draw`.
CASES = [
    ("uniform", (*FLOATS, "complex64"), {}),
    ("uniform", FLOATS, {"low": -0.3, "high": 0.7}),
    ("normal", (*FLOATS, "complex64", "complex128"), {}),
    ("normal", FLOATS, {"mean": 0.3, "std": 1.7}),
    ("log_normal", ("float16", "float32"), {"mean": 0.3, "std": 1.7}),
    ("exponential", FLOATS, {"rate": 1.7}),
    ("cauchy", FLOATS, {"median": 0.3, "sigma": 1.7}),
    ("geometric", (*FLOATS, "int64"), {"p": 0.3}),
    ("bernoulli", (*FLOATS, *INTEGERS, "bool"), {"p": 0.3}),
    ("random", (*FLOATS, *INTEGERS, "bool"), {}),
    ("randint", (*FLOATS, *INTEGERS), {"low": 3, "high": 100}),
    ("randint", ("bool",), {"low": 0, "high": 2}),
    ("randint", ("int64", "float64"), {"low": -(2**40), "high": 2**41}),
    ("randint", ("int32", "int64"), {"low": 5, "high": 5 + 2**28 - 1}),
    ("randint", ("int32", "int64"), {"low": 5, "high": 5 + 2**28}),
    ("randint", ("int64", "float32", "float64"), {"low": -(2**63), "high": None}),
    ("randint", ("int8", "int64", "float16", "float32"), {"low": 7, "high": None}),
    ("randint", ("float16",), {"low": 4097, "high": 8191}),
]


def draw(method: str, n: int, dtype: str, **arguments: object) -> torch.Tensor:
    """PyTorch's counterpart of Engine.<method>((n,), dtype, **arguments)."""
    target = torch.empty(n, dtype=getattr(torch, dtype))
    if method in ("random", "randint"):
        if arguments:
            arguments = {"from": arguments["low"], "to": arguments["high"]}
        return target.random_(**arguments)
    names = {"low": "from", "high": "to", "rate": "lambd"}
    return getattr(target, f"{method}_")(**{names.get(k, k): v for k, v in arguments.items()})


def next_word() -> int:
    """The next raw word of the default generator, whatever came before."""
    return int(torch.randint(0, 2**28 - 1, ()).item())


def raw(tensor: torch.Tensor) -> str:
    return tensor.numpy().tobytes().hex()


def main() -> None:
    records = []
    for method, dtypes, arguments in CASES:
        for dtype in dtypes:
            for n in (1, 15, 35):
                torch.manual_seed(SEED)
                values = raw(draw(method, n, dtype, **arguments))
                records.append([method, dtype, n, arguments, values, next_word()])
    permutations = {}
    for n in (0, 1, 2, 10, 100):
        torch.manual_seed(SEED)
        permutations[n] = torch.randperm(n).tolist()
    torch.manual_seed(SEED)
    weights = torch.tensor([[0.1, 0.0, 0.4, 0.5], [3.0, 1.0, 2.0, 0.0]])
    samples = [
        [count, replacement, torch.multinomial(weights, count, replacement).tolist()]
        for count, replacement in ((1, False), (3, False), (1, True), (6, True))
    ]
    states = {}
    for seed, n in ((0, 0), (-1, 3), (2**64 - 1, 5), (2**40 + 7, 624), (5, 1000)):
        torch.manual_seed(seed)
        torch.randn(n)
        state = torch.get_rng_state().numpy()
        # The words are hashed by position: enough to see one of them differ.
        digest = int((state.astype(np.uint64) * np.arange(1, state.size + 1, dtype=np.uint64)).sum())
        states[f"{seed},{n}"] = [torch.initial_seed(), digest, next_word()]
    golden = {
        "torch": torch.__version__,
        "seed": SEED,
        "draws": records,
        "randperm": permutations,
        "weights": weights.tolist(),
        "multinomial": samples,
        "states": states,
    }
    Path(__file__).with_suffix(".json").with_stem("mt19937").write_text(json.dumps(golden, indent=None) + "\n")


if __name__ == "__main__":
    main()
