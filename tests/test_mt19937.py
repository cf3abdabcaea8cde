"""Engine against PyTorch: golden draws everywhere, live ones where torch is installed."""

from __future__ import annotations

import json
import math
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nptorch.mt19937 import DEFAULT_SEED, STATE, Engine

HERE = Path(__file__).parent / "golden"
GOLDEN = json.loads((HERE / "mt19937.json").read_text())
SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 40, 100, 1000, 99999)


def next_word(engine: Engine) -> int:
    return int(engine.randint(0, 2**28 - 1, ()))


def digest(state: np.ndarray) -> int:
    return int((state.astype(np.uint64) * np.arange(1, state.size + 1, dtype=np.uint64)).sum())


# ---- golden ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "dtype", "n", "arguments", "values", "word"),
    GOLDEN["draws"],
    ids=[f"{m}-{d}-{n}-{i}" for i, (m, d, n, *_) in enumerate(GOLDEN["draws"])],
)
def test_draws_are_those_of_pytorch(
    method: str, dtype: str, n: int, arguments: dict[str, Any], values: str, word: int
) -> None:
    engine = Engine(GOLDEN["seed"])
    drawn = getattr(engine, method)(shape=(n,), dtype=dtype, **arguments)
    assert drawn.dtype == dtype
    expected = np.frombuffer(bytes.fromhex(values), dtype)
    # Another C library may round a float64 logarithm or tangent differently; every other number is exact.
    tolerance = 1e-15 if dtype in ("float64", "complex128") else 0.0
    np.testing.assert_allclose(drawn, expected, rtol=tolerance, atol=tolerance)
    assert next_word(engine) == word


@pytest.mark.parametrize(("n", "expected"), [(int(n), p) for n, p in GOLDEN["randperm"].items()])
def test_randperm_is_that_of_pytorch(n: int, expected: list[int]) -> None:
    assert Engine(GOLDEN["seed"]).randperm(n).tolist() == expected


def test_multinomial_is_that_of_pytorch() -> None:
    engine = Engine(GOLDEN["seed"])
    weights = np.array(GOLDEN["weights"], np.float32)
    for count, replacement, expected in GOLDEN["multinomial"]:
        drawn = engine.multinomial(weights, count, replacement)
        support = min(count, 3)  # a fourth draw without replacement is a tie among weights of zero
        assert drawn.shape == (2, count)
        assert drawn[:, :support].tolist() == [row[:support] for row in expected]


@pytest.mark.parametrize(("key", "expected"), GOLDEN["states"].items())
def test_state_is_that_of_pytorch(key: str, expected: list[int]) -> None:
    seed, n = map(int, key.split(","))
    engine = Engine(seed)
    engine.normal((n,))
    assert [engine.initial_seed(), digest(engine.get_state()), next_word(engine)] == expected


# ---- without PyTorch -------------------------------------------------------------------------------------


def test_state_round_trip_keeps_the_cached_normal() -> None:
    engine, other = Engine(3), Engine(4)
    engine.normal((3,))  # one of two pairs' numbers is left over
    other.set_state(engine.get_state())
    assert other.initial_seed() == 3
    assert engine.normal((5,)).tolist() == other.normal((5,)).tolist()
    np.testing.assert_array_equal(engine.get_state(), other.get_state())


def test_reseeding_forgets_the_cached_normal_and_the_position() -> None:
    engine = Engine(3)
    first = engine.normal((3,)).tolist()
    engine.manual_seed(3)
    assert engine.normal((3,)).tolist() == first


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625])
def test_a_state_of_any_position_goes_on(drawn: int) -> None:
    engine, other = Engine(3), Engine(4)
    engine.random32(drawn)
    other.set_state(engine.get_state())
    np.testing.assert_array_equal(engine.random32(700), other.random32(700))


def test_get_state_is_a_copy() -> None:
    engine = Engine(1)
    state = engine.get_state()
    engine.random32(1000)
    np.testing.assert_array_equal(state, Engine(1).get_state())


def test_seed_is_new_every_time_and_reproduces() -> None:
    engine = Engine()
    assert engine.initial_seed() == DEFAULT_SEED
    first, second = engine.seed(), engine.seed()
    assert first != second == engine.initial_seed()
    assert engine.random32(3).tolist() == Engine(second).random32(3).tolist()


def test_two_words_make_64_bits_the_first_one_high() -> None:
    high, low = Engine(9).random32(2).tolist()
    assert Engine(9).random64(1)[0] == high * 2**32 + low


def test_random_words_are_those_of_the_reference_implementation() -> None:
    # mt19937ar.c, init_genrand(5489): the first output and, by the C++ standard, the 10000th.
    words = Engine(5489).random32(10000)
    assert (words[0], words[-1]) == (3499211612, 4123659995)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (4, 5, 6)])
def test_shapes(shape: tuple[int, ...]) -> None:
    engine = Engine(0)
    drawn = [engine.uniform(shape), engine.normal(shape), engine.normal(shape, np.complex64)]
    drawn += [engine.randint(0, 9, shape), engine.random(shape, np.int32), engine.log_normal(shape)]
    drawn += [engine.bernoulli(0.5, shape), engine.bernoulli(np.full(shape, 0.5)), engine.geometric(shape, "i8", 0.5)]
    assert {array.shape for array in drawn} == {shape}
    assert all(isinstance(array, np.ndarray) for array in drawn)


def test_an_empty_draw_moves_nothing() -> None:
    engine = Engine(0)
    engine.normal((1,))
    before = engine.get_state()
    for shape in ((0,), (3, 0)):
        engine.uniform(shape)
        engine.normal(shape)
        engine.log_normal(shape)
        engine.bernoulli(0.5, shape)
    np.testing.assert_array_equal(engine.get_state(), before)


def test_uniform_never_returns_its_upper_end() -> None:
    drawn = Engine(0).uniform((100000,), np.float16, 1.0, 2.0)
    assert drawn.min() == 1.0
    assert drawn.max() < 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.manual_seed(2**64), r"seed in \[-2\*\*63, 2\*\*64 - 1\], got 18446744073709551616"),
        (lambda e: e.manual_seed(1.5), r"expects an integer, got float \(1.5\)"),
        (lambda e: e.set_state(np.zeros(5056, np.int64)), "dtype uint8, got int64"),
        (lambda e: e.set_state(np.zeros(12, np.uint8)), "5056 elements, got 12"),
        (lambda e: e.set_state(np.zeros(5056, np.uint8)), r"not of a Mersenne Twister \(left=0, next=0\)"),
        (lambda e: e.uniform((2,), np.int64), "uniform expects a floating-point dtype, got int64"),
        (lambda e: e.uniform((2,), np.float32, 1, 0), "low <= high, got low=1, high=0"),
        (lambda e: e.uniform((2,), np.float16, 0, 1e6), "to fit float16, got low=0, high=1000000.0"),
        (lambda e: e.normal((2,), np.float32, 0, -1), "std >= 0, got std=-1"),
        (lambda e: e.normal((2,), np.int8), "normal expects a floating-point dtype, got int8"),
        (lambda e: e.log_normal((2,), np.float32, 0, 0), "log_normal expects std > 0, got std=0"),
        (lambda e: e.exponential((2,), np.float32, 0), "rate > 0, got rate=0"),
        (lambda e: e.exponential((2,), np.complex64), "floating-point dtype, got complex64"),
        (lambda e: e.cauchy((2,), np.float32, 0, -1), "sigma > 0, got sigma=-1"),
        (lambda e: e.geometric((2,), np.float32, 1), r"p in \(0, 1\), got p=1"),
        (lambda e: e.bernoulli(1.5, (2,)), r"p in \[0, 1\], got p=1.5"),
        (lambda e: e.bernoulli(np.array([0.5, math.nan])), r"p in \[0, 1\]"),
        (lambda e: e.random((2,), np.uint16), "not defined for uint16"),
        (lambda e: e.randint(4, 4, (2,)), "low < high, got low=4, high=4"),
        (lambda e: e.randint(0, 300, (2,), np.uint8), "fit int64 and uint8, got low=0, high=300"),
        (lambda e: e.randint(2051, 2052, (2,), np.float16), "no two numbers of float16"),
        (lambda e: e.randperm(-1), "got n=-1"),
        (lambda e: e.randperm(257, np.uint8), "n - 1 to fit uint8, got n=257"),
        (lambda e: e.randperm(2050, np.float16), "n - 1 to fit float16, got n=2050"),
        (lambda e: e.multinomial(np.ones(3), 4), "4 samples of 3 categories"),
        (lambda e: e.multinomial(np.array([1.0, -1.0, 3.0]), 1), "element < 0"),
        (lambda e: e.multinomial(np.zeros(3), 1), "sum of probabilities <= 0"),
    ],
)
def test_bad_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError), match=message):
        call(Engine(0))


def test_importing_does_not_load_numpy_random() -> None:
    code = "import sys, nptorch.mt19937 as m; m.Engine(); assert 'numpy.random' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- against PyTorch -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def oracle() -> Any:
    """The torch side of the golden file: CASES, draw, next_word, torch."""
    torch = pytest.importorskip("torch")
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        pytest.skip("PyTorch without fused multiply-add draws floats that differ in the last bit")
    return runpy.run_path(str(HERE / "make_mt19937.py"))


# PyTorch warns of float bounds between whose integers there are gaps; what it draws is compared all the same.
gaps = pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")


@gaps
@pytest.mark.parametrize("n", SIZES)
def test_every_draw_and_where_it_leaves_the_generator(oracle: Any, n: int) -> None:
    engine, seed = Engine(), 17 + n
    for method, dtypes, arguments in [*oracle["CASES"], ("log_normal", ("float64",), {"mean": 0.3, "std": 1.7})]:
        for dtype in dtypes:
            oracle["torch"].manual_seed(seed)
            engine.manual_seed(seed)
            expected = oracle["draw"](method, n, dtype, **arguments).numpy()
            drawn = getattr(engine, method)(shape=(n,), dtype=dtype, **arguments)
            if (method, dtype) == ("log_normal", "float64"):
                np.testing.assert_array_max_ulp(drawn, expected, maxulp=1)
            else:
                np.testing.assert_array_equal(drawn.view(np.uint8), expected.view(np.uint8), f"{method} {dtype}")
            assert next_word(engine) == oracle["next_word"](), (method, dtype)


@gaps
def test_a_sequence_of_calls_stays_in_step(oracle: Any) -> None:
    torch = oracle["torch"]
    engine, rng = Engine(77), np.random.default_rng(0)
    torch.manual_seed(77)
    for _ in range(300):
        method, dtypes, arguments = oracle["CASES"][rng.integers(len(oracle["CASES"]))]
        dtype, n = str(rng.choice(dtypes)), int(rng.integers(0, 40))
        expected = oracle["draw"](method, n, dtype, **arguments).numpy()
        np.testing.assert_array_equal(getattr(engine, method)(shape=(n,), dtype=dtype, **arguments), expected)
        np.testing.assert_array_equal(engine.get_state(), torch.get_rng_state().numpy())


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["int64", "int32", "float32", "float64"])
def test_randperm_live(oracle: Any, n: int, dtype: str) -> None:
    torch, engine = oracle["torch"], Engine(n)
    torch.manual_seed(n)
    drawn = engine.randperm(n, dtype)
    assert drawn.dtype == dtype
    np.testing.assert_array_equal(drawn, torch.randperm(n, dtype=getattr(torch, dtype)).numpy())
    assert next_word(engine) == oracle["next_word"]()


@pytest.mark.parametrize(("n", "dtype"), [(128, "int8"), (256, "uint8"), (2**15, "int16"), (2049, "float16")])
def test_the_longest_randperm_of_a_dtype(oracle: Any, n: int, dtype: str) -> None:
    torch = oracle["torch"]
    torch.manual_seed(3)
    wanted = torch.randperm(n, dtype=getattr(torch, dtype)).numpy()
    np.testing.assert_array_equal(Engine(3).randperm(n, dtype), wanted)
    for randperm in (
        lambda: torch.randperm(n + 1, dtype=getattr(torch, dtype)),
        lambda: Engine(3).randperm(n + 1, dtype),
    ):
        with pytest.raises(RuntimeError):
            randperm()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bernoulli_of_a_tensor_live(oracle: Any, dtype: str) -> None:
    torch, engine = oracle["torch"], Engine(5)
    torch.manual_seed(5)
    p = torch.linspace(0, 1, 3000, dtype=getattr(torch, dtype)).view(3, 1000)
    np.testing.assert_array_equal(engine.bernoulli(p.numpy(), dtype=dtype), torch.bernoulli(p).numpy())
    np.testing.assert_array_equal(
        engine.bernoulli(p[0].numpy(), (7, 1000), "int8"),
        torch.empty(7, 1000, dtype=torch.int8).bernoulli_(p[0]).numpy(),
    )
    assert next_word(engine) == oracle["next_word"]()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("count", "replacement"), [(1, False), (1, True), (5, False), (40, True)])
def test_multinomial_live(oracle: Any, dtype: str, count: int, replacement: bool) -> None:
    torch, engine = oracle["torch"], Engine(6)
    weights = np.random.default_rng(1).random((8, 30)).astype(dtype)
    torch.manual_seed(6)
    for rows in (weights, weights[0]):
        expected = torch.multinomial(torch.from_numpy(rows), count, replacement)
        np.testing.assert_array_equal(engine.multinomial(rows, count, replacement), expected.numpy())
    assert next_word(engine) == oracle["next_word"]()


def test_states_go_both_ways(oracle: Any) -> None:
    torch = oracle["torch"]
    ours, theirs = Engine(11), torch.Generator().manual_seed(11)
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())
    for n in (1, 622, 3, 2000, 7):
        ours.normal((n,), np.float64)
        theirs.set_state(torch.from_numpy(ours.get_state()))
        expected = torch.randn(5, generator=theirs, dtype=torch.float64).numpy()
        ours.set_state(theirs.get_state().numpy())
        theirs.manual_seed(0)
        theirs.set_state(torch.from_numpy(ours.get_state()))
        np.testing.assert_array_equal(ours.normal((9,)), torch.randn(9, generator=theirs).numpy())
        assert expected.shape == (5,)
    assert STATE.itemsize == theirs.get_state().numel()


def test_random_does_not_depend_on_threads(oracle: Any) -> None:
    torch, threads = oracle["torch"], oracle["torch"].get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            torch.manual_seed(8)
            expected = torch.empty(5000).bernoulli_(0.3).numpy()
            np.testing.assert_array_equal(Engine(8).bernoulli(0.3, (5000,)), expected)
    finally:
        torch.set_num_threads(threads)


def test_default_initialisation_of_layers(oracle: Any) -> None:
    torch = oracle["torch"]
    for layer, fan_in in (
        (lambda: torch.nn.Linear(37, 19), 37),
        (lambda: torch.nn.Conv2d(3, 8, 5), 75),
        (lambda: torch.nn.Conv2d(8, 12, 3, groups=4), 18),
    ):
        torch.manual_seed(12)
        engine, module = Engine(12), layer()
        # kaiming_uniform_(a=sqrt(5)): bound = sqrt(3) * (gain / sqrt(fan_in)), all in double.
        bound = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5) ** 2)) / math.sqrt(fan_in))
        weight = engine.uniform(module.weight.shape, np.float32, -bound, bound)
        bias = engine.uniform(module.bias.shape, np.float32, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))
        np.testing.assert_array_equal(weight, module.weight.detach().numpy())
        np.testing.assert_array_equal(bias, module.bias.detach().numpy())
