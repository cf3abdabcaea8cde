"""Writes NAMES.md: the names of PyTorch that nptorch has, read from the code."""

from __future__ import annotations

import textwrap
from pathlib import Path

from nptorch.compat.names import NAMESPACES, members

HEAD = """# Names

The names of PyTorch and torchvision that nptorch has, under PyTorch's names: `torch.nn.Linear` is `nptorch.nn.Linear`,
`torchvision.datasets` is `nptorch.vision.datasets`. Written by `make names`; `nptorch names PATTERN` searches the same list.
"""

# What a name does otherwise than in PyTorch.
DIFFERENT = {
    "torch": "`compile` returns its argument. `set_float32_matmul_precision`, `use_deterministic_algorithms` and memory formats are kept and "
    "answered, and change nothing. `load` builds what a file describes without running code from it, whatever `weights_only` says.",
    "torch.utils.data": "`pin_memory`, `prefetch_factor` and `persistent_workers` are accepted.",
    "torch.cuda": "There is no GPU: `is_available()` is False, seeds and `synchronize()` do nothing, asking for a device's properties is an error.",
    "torch.amp": "`autocast` keeps every dtype, `GradScaler` is switched off.",
    "torch.backends": "Switches can be set and change nothing.",
    "torch.jit": "`script` and `trace` return the model itself; TorchScript files are neither written nor read.",
}


def main() -> None:
    parts = [HEAD]
    for namespace in NAMESPACES:
        names = members(namespace)
        if not names:
            continue
        parts.append(f"## {namespace} ({len(names)})\n")
        if namespace in DIFFERENT:
            parts.append(textwrap.fill(DIFFERENT[namespace], 120) + "\n")
        parts.append(textwrap.fill(" ".join(f"`{name}`" for name in names), 120, break_on_hyphens=False) + "\n")
    (Path(__file__).parent / "NAMES.md").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
