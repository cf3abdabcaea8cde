"""Every instruction set that the native kernels are compiled for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nptorch.kernels import native

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")
RANDOM_CASES = [
    str(Path(__file__).with_name(f"test_native_{room}.py"))
    for room in ("windows", "numbers", "recurrent", "steps", "random")
]


@pytest.mark.slow
@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_instruction_set(isa, threads):
    """The random cases again on another instruction set; one that the processor lacks refuses to load."""
    environment = {**os.environ, "NPTORCH_ISA": isa, "NPTORCH_NUM_THREADS": str(threads), "NPTORCH_TEST_EXAMPLES": "15"}
    probe = subprocess.run(
        [sys.executable, "-c", "import nptorch.kernels.native"], env=environment, capture_output=True, text=True
    )
    if probe.returncode:
        assert "this processor does not have it" in probe.stderr or "unknown here" in probe.stderr
        pytest.skip(f"no {isa} here")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *RANDOM_CASES]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:]
