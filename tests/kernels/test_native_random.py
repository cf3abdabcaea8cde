"""The random numbers of the native kernels are the NumPy reference's, bit for bit, and leave the generator where it does."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nptorch import box_muller, mt19937
from nptorch.kernels import native
from nptorch.mt19937 import Engine

sys.path.insert(0, str(Path(__file__).parent))
from cases import random_shapes, seeds

pytestmark = pytest.mark.skipif(not native.AVAILABLE, reason="the native kernels were not built")

KERNELS = [(m, name) for m in (mt19937, box_muller) for name in vars(m) if name.startswith("_native")]
STEP = 2.0**-24  # between float32 uniforms

dtypes = st.sampled_from(["f4", "f4", "f8", "f2", "c8", "c16"])
sizes = st.one_of(st.integers(0, 15), st.integers(16, 40), st.integers(600, 1300), st.sampled_from([2**15 + 9, 99999]))
numbers = st.sampled_from([0.0, 1.0, -0.3, 1.7, 1e-3, 300.0, 300.0001, 1 / 3])


@contextmanager
def reference():
    """Meanwhile NumPy serves."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in KERNELS:
            patch.setattr(module, name, native._declines)
        yield


def assert_same(draw, seed, skipped=0):
    """draw(engine) gives the same bytes and the same state both ways, the first `skipped` words of the stream aside."""
    ours, theirs = Engine(seed), Engine(seed)
    with reference():
        theirs.random32(skipped)
        wanted = draw(theirs)
    ours.random32(skipped)
    drawn = draw(ours)
    assert (drawn.dtype, drawn.shape) == (wanted.dtype, wanted.shape)
    assert drawn.tobytes() == wanted.tobytes()
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state())


def test_the_kernels_serve():
    engine = Engine(0)
    engine.random32(1)
    assert len(KERNELS) == 5
    assert engine._memory is not None
    assert mt19937._native_uniform(np.empty(3), 0.0, 1.0, engine._memory) is None


@random_shapes
@given(seeds, dtypes, sizes, numbers, numbers.map(abs), st.integers(0, 700))
def test_normal(seed, dtype, n, mean, std, skipped):
    assert_same(lambda engine: engine.normal((n,), dtype, mean, std), seed, skipped)


@random_shapes
@given(seeds, dtypes, sizes, numbers, numbers, st.integers(0, 700))
def test_uniform(seed, dtype, n, one, other, skipped):
    assert_same(lambda engine: engine.uniform((n,), dtype, min(one, other), max(one, other)), seed, skipped)
    assert_same(lambda engine: engine.uniform((n,), dtype), seed, skipped)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_uniforms_that_would_round_to_the_excluded_end(dtype):
    beside_one = float(np.nextafter(np.array(1, dtype), 2, dtype=dtype))
    assert_same(lambda engine: engine.uniform((5000,), dtype, 1.0, beside_one), 5)
    assert (Engine(5).uniform((5000,), dtype, 1.0, beside_one) == 1).all()


@random_shapes
@given(seeds, st.sampled_from(["i8", "i4", "f4", "f8"]), sizes, st.integers(0, 700))
def test_randperm(seed, dtype, n, skipped):
    assert_same(lambda engine: engine.randperm(n, dtype), seed, skipped)


@random_shapes
@given(seeds, st.lists(st.sampled_from([0, 1, 2, 3, 623, 624, 625, 1248, 5000]), max_size=6))
def test_words(seed, counts):
    ours, theirs = Engine(seed), np.random.RandomState(seed)
    for count in counts:
        drawn = ours.random32(count)
        np.testing.assert_array_equal(drawn, theirs.randint(0, 2**32, size=count, dtype=np.uint32))


@pytest.mark.parametrize("draw", ["bernoulli", "exponential", "multinomial", "randint", "random", "log_normal"])
def test_what_is_made_of_words_and_uniforms(draw):
    arguments = {
        "bernoulli": (0.3, (2**15 + 5,)),
        "multinomial": (np.arange(9.0), 700, True),
        "randint": (3, 99, (999,)),
    }
    assert_same(lambda engine: getattr(engine, draw)(*arguments.get(draw, ((2**15 + 5,), "f4"))), 4)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_uniforms_at_the_ends(dtype):
    """0 and the largest below 1, and what lies beside a change of octant, as radius and as angle in every lane."""
    step = STEP if dtype == "f4" else 2.0**-53
    ends = [0.0, step, 2 * step, 0.5 - step, 0.5, 0.5 + step, 1 - 2 * step, 1 - step]
    ends += [k / 8 + d * step for k in range(1, 8) for d in (-1, 0, 1)]
    pairs = np.array([(u, v) for u in ends for v in ends], dtype)
    pairs = np.resize(pairs, (-(-len(pairs) // 8) * 8, 2))
    for shift in range(8):
        blocks = np.roll(pairs, shift, axis=0).reshape(-1, 8, 2).transpose(0, 2, 1).reshape(-1)
        drawn, wanted = blocks.copy(), blocks.copy()
        mean, std = blocks.dtype.type(0.3), blocks.dtype.type(1.7)
        box_muller.box_muller(drawn, mean, std)
        with reference():
            box_muller.box_muller(wanted, mean, std)
        assert drawn.tobytes() == wanted.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("angles", [False, True])
def test_every_float32_uniform(angles):
    """Each of the 2**24 as a radius and as an angle: the reference's fused multiply-adds by way of float64 are exact there."""
    for start in range(0, 2**24, 2**20):
        blocks = np.full((2**17, 2, 8), 0.3, np.float32)
        blocks[:, int(angles)] = (np.arange(start, start + 2**20) * STEP).reshape(-1, 8)
        drawn, wanted = blocks.ravel(), blocks.ravel().copy()
        box_muller.box_muller(drawn, np.float32(0), np.float32(1))
        with reference():
            box_muller.box_muller(wanted, np.float32(0), np.float32(1))
        assert drawn.tobytes() == wanted.tobytes()


def test_a_fused_multiply_add_rounds_once():
    """-8392705 / 2**25 * std - 1, where std makes the product -(2**46 + 1) / 2**70, lies just beyond a middle of floats."""
    block = np.zeros(16, np.float32)
    block[[7, 15]] = 2705943 * STEP, 9551037 * STEP
    standard = block.copy()
    box_muller.box_muller(standard, np.float32(0), np.float32(1))
    assert standard[15] == -8392705 * 2.0**-25
    box_muller.box_muller(block, np.float32(-1), np.float32(8384513 * 2.0**-45))
    assert block[15] == -1 - 2.0**-23


def test_normals_do_not_depend_on_threads():
    before, drawn = native.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            native.set_num_threads(count)
            drawn.append(Engine(6).normal((200003,), np.float32).tobytes())
    finally:
        native.set_num_threads(before)
    assert len(set(drawn)) == 1


def test_a_generator_whose_memory_is_out_of_reach():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mt19937, "_memory", lambda source: None)
        drawn = Engine(3).normal((1000,))
    np.testing.assert_array_equal(drawn, Engine(3).normal((1000,)))


def test_without_native_code():
    code = "from nptorch.mt19937 import Engine, _native_words as w; print(w.__name__, Engine(3).normal((40,)).tobytes().hex())"
    environment = {**os.environ, "NPTORCH_NATIVE": "0"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["_declines", Engine(3).normal((40,)).tobytes().hex()]
