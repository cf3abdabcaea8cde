"""PyTorch's CPU random numbers on NumPy arrays: same seed, same bits.

Recipes and bits are those of the x86 wheel of PyTorch 2.13 (AVX2 and newer), whose kernels fuse a*b + c.
Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html and
M. Matsumoto, T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
"""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nptorch.box_muller import BLOCK, box_muller, fma, libm, normal_pairs
from nptorch.kernels.native import kernel

Array = np.ndarray[Any, Any]
Shape = Sequence[int]

DEFAULT_SEED = 67280421310721  # of a Generator() that nobody seeded
_WORDS = 624
_CHUNK = 2**15  # numbers made at a time: what they pass through stays in the cache
_RANDPERM_LIMIT = (2**32 - 1) // 20  # from here on PyTorch shuffles another way

_native_words, _native_uniform = kernel("random_words"), kernel("random_uniform")
_native_shuffle = kernel("shuffle")

# What torch.get_rng_state() returns, field by field; align=True gives the padding of a C struct (5056 bytes).
STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", (_WORDS,)),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("next_float_normal", "<f4"),
        ("next_float_normal_is_valid", "?"),
    ],
    align=True,
)


class Engine:
    """A Mersenne Twister and PyTorch's ways to turn its words into numbers.

    Methods take a shape and a NumPy dtype, return a new C-ordered array and leave the generator where PyTorch's
    would be. All values are PyTorch's bit for bit, save log_normal in float64 (1 ulp); float64 logarithms are as
    exact as the C library that Python and PyTorch share.
    """

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._twister: np.random.RandomState | None = None
        self._memory: Array | None = None  # of the twister, where native kernels draw from it
        self.manual_seed(seed)

    # ---- seed and state ----------------------------------------------------------------------------------

    def manual_seed(self, seed: int) -> None:
        """Restart the stream; a negative seed means seed + 2**64.

        Raises: RuntimeError if seed is no integer, ValueError outside [-2**63, 2**64 - 1].
        """
        if not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expects an integer, got {type(seed).__name__} ({seed!r})")
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed expects a seed in [-2**63, 2**64 - 1], got {seed}")
        self._seed = seed % 2**64
        self._next_normal: float | None = None
        if self._twister is not None:
            self._twister.seed(self._seed & 0xFFFFFFFF)

    def seed(self) -> int:
        """Restart from 64 bits of the system's entropy and return them."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed of the last manual_seed() or seed(), in [0, 2**64)."""
        return self._seed

    def get_state(self) -> Array:
        """The state as PyTorch lays it out: uint8, shape (5056,)."""
        twister: Any = self._mt().get_state(legacy=False)
        words, position = twister["state"]["key"], twister["state"]["pos"]
        # A just seeded PyTorch generator says next=0, NumPy says position 624. The first word tells such a state
        # from one that was used up: seeding leaves the seed there.
        fresh = position == _WORDS and words[0] == self._seed & 0xFFFFFFFF
        state = np.zeros((), STATE)
        state["seed"], state["seeded"], state["words"] = self._seed, 1, words
        state["left"], state["next"] = (1, 0) if fresh else (_WORDS + 1 - position, position)
        if self._next_normal is not None:
            state["normal_is_valid"], state["normal_y"] = 1, self._next_normal
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, state: Array) -> None:
        """Go on from a state of get_state() or of torch.get_rng_state().

        Raises: TypeError if it is not uint8; RuntimeError if it is not 5056 bytes or no state of a generator.
        """
        if state.dtype != np.uint8:
            raise TypeError(f"RNG state must be a tensor of dtype uint8, got {state.dtype}")
        if state.size != STATE.itemsize:
            raise RuntimeError(f"RNG state must have {STATE.itemsize} elements, got {state.size}")
        fields = np.frombuffer(state.tobytes(), STATE)[0]
        left, position = int(fields["left"]), int(fields["next"])
        if fields["seeded"] != 1 or not 0 < left <= _WORDS or not 0 <= position <= _WORDS:
            raise RuntimeError(f"RNG state is not of a Mersenne Twister (left={left}, next={position})")
        self._seed = int(fields["seed"])
        self._next_normal = float(fields["normal_y"]) if fields["normal_is_valid"] else None
        twister: Any = ("MT19937", fields["words"].astype(np.uint32), _WORDS if left == 1 else position)
        self._mt().set_state(twister)

    def _mt(self) -> np.random.RandomState:
        # Made at the first draw: numpy.random takes longer to import than this package.
        if self._twister is None:
            source = np.random.MT19937(0)
            self._twister = np.random.RandomState(source)
            self._twister.seed(self._seed & 0xFFFFFFFF)
            self._memory = _memory(source)
        return self._twister

    # ---- words and integers ------------------------------------------------------------------------------

    def random32(self, n: int) -> Array:
        """The next n words of the stream: uint32, shape (n,)."""
        twister, words = self._mt(), np.empty(n, np.uint32)
        if _native_words(words, self._memory) is NotImplemented:
            return twister.randint(0, 2**32, size=n, dtype=np.uint32)
        return words

    def random64(self, n: int) -> Array:
        """n times two words, the first one high: uint64, shape (n,)."""
        words = self.random32(2 * n).astype(np.uint64)
        return (words[::2] << np.uint64(32)) | words[1::2]

    def random(self, shape: Shape, dtype: Any) -> Array:
        """Tensor.random_(): word % (top + 1), where top is the largest integer or, for floats, 2**digits.

        Raises: RuntimeError for uint16, uint32 and uint64, as in PyTorch.
        """
        dtype = np.dtype(dtype)
        if dtype.kind not in "biuf" or (dtype.kind == "u" and dtype.itemsize > 1):
            raise RuntimeError(f"random is not defined for {dtype}: give randint a low and a high")
        words, divisor = self.random64 if dtype.itemsize == 8 else self.random32, _top(dtype) + 1
        return self._filled(shape, dtype, lambda n: words(n) % divisor)

    def randint(self, low: int, high: int | None, shape: Shape, dtype: Any = np.int64) -> Array:
        """Integers of [low, high): word % (high - low) + low; high=None includes the top of random().

        Raises: RuntimeError if low >= high or if the dtype cannot hold them.
        """
        dtype = np.dtype(dtype)
        if low == -(2**63) and high is None and dtype in (np.int64, np.float32, np.float64):
            return self._filled(shape, dtype, lambda n: self.random64(n).view(np.int64))
        low, high = _bounds(low, _top(dtype) + 1 if high is None else high, dtype)
        span = high - low
        if span < 2**28:  # a larger one would show the skew of %
            return self._filled(shape, dtype, lambda n: (self.random32(n) % span).astype(np.int64) + low)
        # Two's complement: word % span + low, modulo 2**64.
        return self._filled(shape, dtype, lambda n: (self.random64(n) % span).view(np.int64) + low)

    def randperm(self, n: int, dtype: Any = np.int64) -> Array:
        """A permutation of 0..n-1: Fisher-Yates from the front, step i swaps with i + word % (n - i).

        Raises: RuntimeError if n is negative or 214748364 or more, or if the dtype cannot hold n - 1.
        """
        dtype = np.dtype(dtype)
        if not 0 <= n < _RANDPERM_LIMIT:
            raise RuntimeError(f"randperm expects 0 <= n < {_RANDPERM_LIMIT}, got n={n}")
        if dtype.kind in "iuf" and n - 1 > _top(dtype):
            raise RuntimeError(f"randperm expects n - 1 to fit {dtype}, got n={n}")
        words, order = self.random32(max(n - 1, 0)), np.arange(n)
        if _native_shuffle(order, words) is NotImplemented:
            order = _shuffled(order, words)
        return order.astype(dtype, copy=False)

    # ---- distributions -----------------------------------------------------------------------------------

    def uniform(self, shape: Shape, dtype: Any = np.float32, low: float = 0.0, high: float = 1.0) -> Array:
        """Uniform of [low, high): 24 bits of one word (float16 and float32) or 53 bits of two (float64).

        Raises: RuntimeError if dtype is not floating, if low > high or if high - low overflows.
        """
        dtype = _floating("uniform", dtype, "fc")
        if dtype.kind == "c":
            return self.uniform((*shape, 2), _part(dtype), low, high).view(dtype)[..., 0]
        if not low <= high:
            raise RuntimeError(f"uniform expects low <= high, got low={low}, high={high}")
        if not max(high - low, abs(low), abs(high)) <= _largest(dtype):
            raise RuntimeError(f"uniform expects low, high and high - low to fit {dtype}, got low={low}, high={high}")
        values = _cast(self._fractions(math.prod(shape), _wide(dtype), low, high), dtype)
        if dtype == np.float16:
            _exclude(high, low, values)  # rounding to 11 digits can reach it again
        return values.reshape(shape)

    def normal(self, shape: Shape, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0) -> Array:
        """Normal numbers: Box-Muller on blocks of 16 uniforms, or one pair at a time if there are fewer than 16.

        Raises: RuntimeError if dtype is not floating or std is negative.
        """
        dtype = _floating("normal", dtype, "fc")
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0, got std={std}")
        if dtype.kind == "c":
            return self.normal((*shape, 2), _part(dtype), mean, std / math.sqrt(2)).view(dtype)[..., 0]
        n = math.prod(shape)
        if n < BLOCK:
            return self.normal_serial(shape, dtype, mean, std)
        whole = n - n % BLOCK
        wide = _wide(dtype)
        # A float16 tensor is made block by block, the others draw a number for every element first.
        values = self._fractions(whole if dtype == np.float16 else n, wide)
        box_muller(values[:whole], wide(mean), wide(std))
        if whole < n:  # the last 16, some of them for the second time
            last = self._fractions(BLOCK, wide)
            box_muller(last, wide(mean), wide(std))
            values = np.concatenate([values[: n - BLOCK], last])
        return _cast(values, dtype).reshape(shape)

    def normal_serial(self, shape: Shape, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0) -> Array:
        """Normal numbers one pair at a time, an odd one kept for the next call: PyTorch's way for fewer than 16
        elements, for tensors that are not contiguous, and for log_normal.
        """
        n = math.prod(shape)
        kept = 0 if self._next_normal is None or n == 0 else 1
        values = self._fractions((n - kept + 1) // 2 * 2, np.float64)
        normal_pairs(values)
        if kept:
            values = np.concatenate([[self._next_normal], values])
        if n:
            self._next_normal = float(values[n]) if len(values) > n else None
            values = values[:n]
        if mean != 0 or std != 1:
            values = fma(values, np.float64(std), np.float64(mean))
        return _cast(values, np.dtype(dtype)).reshape(shape)

    def log_normal(self, shape: Shape, dtype: Any = np.float32, mean: float = 1.0, std: float = 2.0) -> Array:
        """exp of normal_serial's numbers.

        Raises: RuntimeError unless std > 0.
        """
        dtype = _positive("log_normal", dtype, std=std)
        values = self.normal_serial((math.prod(shape),), np.float64, mean, std)
        with np.errstate(over="ignore"):
            return _cast(np.exp(values), dtype).reshape(shape)

    def exponential(self, shape: Shape, dtype: Any = np.float32, rate: float = 1.0) -> Array:
        """-log(1 - u) / rate, u of 53 bits. Raises: RuntimeError unless rate > 0."""
        dtype = _positive("exponential", dtype, rate=rate)
        scale = -1.0 / rate
        return self._filled(shape, dtype, lambda n: scale * libm("log1p", -self._fractions(n, np.float64), dtype))

    def cauchy(self, shape: Shape, dtype: Any = np.float32, median: float = 0.0, sigma: float = 1.0) -> Array:
        """median + sigma * tan(pi * (u - 1/2)), u of 53 bits. Raises: RuntimeError unless sigma > 0."""
        dtype = _positive("cauchy", dtype, sigma=sigma)

        def draw(n: int) -> Array:
            tangent = libm("tan", math.pi * (self._fractions(n, np.float64) - 0.5), dtype)
            return fma(tangent, np.float64(sigma), np.float64(median))

        return self._filled(shape, dtype, draw)

    def geometric(self, shape: Shape, dtype: Any, p: float) -> Array:
        """ceil(log(u) / log(1 - p)), u of 53 bits. Raises: RuntimeError unless 0 < p < 1."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric expects p in (0, 1), got p={p}")
        scale = math.log1p(-p)
        return self._filled(shape, dtype, lambda n: np.ceil(np.log(self._fractions(n, np.float64)) / scale))

    def bernoulli(self, p: float | Array, shape: Shape | None = None, dtype: Any = np.float32) -> Array:
        """u < p: u of 53 bits for a number or a float64 array, of 24 for any other array; shape: p's if not given.

        Raises: RuntimeError if p is not within [0, 1].
        """
        if isinstance(p, np.ndarray):
            least, most = (p.item(p.argmin()), p.item(p.argmax())) if p.size else (0, 1)
        else:
            least = most = p
        if not (least >= 0 and most <= 1):
            raise RuntimeError(f"bernoulli expects p in [0, 1], got p={p}")
        if not isinstance(p, np.ndarray):
            return self._filled(() if shape is None else shape, dtype, lambda n: self._fractions(n, np.float64) < p)
        wide = _wide(p.dtype)
        p = np.broadcast_to(p, p.shape if shape is None else shape)
        return (self._fractions(p.size, wide) < p.ravel()).astype(dtype).reshape(p.shape)

    def multinomial(self, weights: Array, num_samples: int, replacement: bool = False) -> Array:
        """Category indices, int64: (..., categories) -> (..., num_samples).

        One sample, or several without replacement: the largest of weight / exponential. Else one uniform per sample,
        looked up in the cumulated weights.

        Raises: RuntimeError for weights that are no distribution, or too few of them.
        """
        categories = weights.shape[-1]
        if num_samples < 1 or (num_samples > categories and not replacement):
            raise RuntimeError(
                "cannot sample n_sample <= 0 samples"
                if num_samples < 1
                else "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
                f"{num_samples} samples of {categories} categories"
            )
        if not np.all(np.isfinite(weights) & (weights >= 0)) or not np.all(weights.sum(-1) > 0):
            raise RuntimeError(
                "probability tensor contains either `inf`, `nan` or element < 0"
                if not np.all(np.isfinite(weights) & (weights >= 0))
                else "invalid multinomial distribution (sum of probabilities <= 0)"
            )
        if num_samples == 1 or not replacement:
            with np.errstate(divide="ignore", invalid="ignore"):
                race = weights / self.exponential(weights.shape, weights.dtype)
            return np.argsort(-race, axis=-1, kind="stable")[..., :num_samples]
        cumulated = np.cumsum(weights, axis=-1, dtype=_wide(weights.dtype)).reshape(-1, categories)
        cumulated /= cumulated[:, -1:].copy()
        uniforms = self._fractions(len(cumulated) * num_samples, np.float64).reshape(-1, num_samples)
        found = [np.searchsorted(row.astype(np.float64), u) for row, u in zip(cumulated, uniforms, strict=True)]
        return np.array(found, np.int64).reshape(*weights.shape[:-1], num_samples)

    def _fractions(self, n: int, wide: type[np.floating[Any]], low: float = 0.0, high: float = 1.0) -> Array:
        """Uniforms of [low, high): the low 24 bits of a word as float32, or the low 53 of two words as float64."""
        self._mt()
        values = np.empty(n, wide)
        if _native_uniform(values, low, high, self._memory) is not NotImplemented:
            return values

        def draw(n: int) -> Array:
            # Signed integers, because their conversion to float is the fast one.
            if wide is np.float32:
                fractions = (self.random32(n) & np.uint32(2**24 - 1)).view(np.int32).astype(wide) * np.float32(2.0**-24)
            else:
                fractions = (self.random64(n) & np.uint64(2**53 - 1)).view(np.int64) * 2.0**-53
            if (low, high) == (0, 1):
                return fractions
            return _exclude(high, low, fma(fractions, wide(high) - wide(low), wide(low)))

        return self._filled((n,), wide, draw)

    def _filled(self, shape: Shape, dtype: Any, draw: Callable[[int], Array]) -> Array:
        """An array of what draw(n) returns for chunks of n elements."""
        values = np.empty(math.prod(shape), dtype)
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            chunk[:] = _cast(draw(len(chunk)), values.dtype)
        return values.reshape(shape)


# ---- dtypes ----------------------------------------------------------------------------------------------


def _wide(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """The type that a dtype's numbers are computed in."""
    return np.float64 if dtype == np.float64 else np.float32


def _part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of a complex dtype's real and imaginary parts."""
    return np.dtype(f"f{dtype.itemsize // 2}")


def _floating(name: str, dtype: Any, kinds: str = "f") -> np.dtype[Any]:
    dtype = np.dtype(dtype)
    if dtype.kind not in kinds:
        raise NotImplementedError(f"{name} expects a floating-point dtype, got {dtype}")
    return dtype


def _positive(name: str, dtype: Any, **parameter: float) -> np.dtype[Any]:
    ((key, value),) = parameter.items()
    if not value > 0:
        raise RuntimeError(f"{name} expects {key} > 0, got {key}={value}")
    return _floating(name, dtype)


def _cast(values: Array, dtype: np.dtype[Any]) -> Array:
    if values.dtype == dtype:
        return values
    if dtype == np.float16:  # PyTorch's half is made from float32, and so rounded twice
        values = values.astype(np.float32)
    with np.errstate(over="ignore"):
        return values.astype(dtype, copy=False)


@functools.cache
def _largest(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).max)


@functools.cache
def _top(dtype: np.dtype[Any]) -> int:
    """The largest integer of a dtype; for floats the last one up to which there is no gap."""
    if dtype.kind == "f":
        return 2 ** (np.finfo(dtype).nmant + 1)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _bounds(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """low and high, for floats moved inwards to where no integer of [low, high) rounds to one outside."""
    if low >= high:
        raise RuntimeError(f"randint expects low < high, got low={low}, high={high}")
    if dtype.kind == "f":
        info: Any = np.finfo(dtype)
        least, most = int(info.min), int(info.max)
    else:
        least, most = 0 if dtype.kind in "bu" else -_top(dtype) - 1, _top(dtype)
    if low < max(least, -(2**63)) or high - 1 > min(most, 2**63 - 1):
        raise RuntimeError(f"randint expects low and high - 1 to fit int64 and {dtype}, got low={low}, high={high}")
    if dtype.kind != "f":
        return low, high
    after, before = int(dtype.type(low + 1)), int(dtype.type(high - 1))
    if after < low:
        low = after + 2 ** (abs(low + 1).bit_length() - info.nmant - 1)
    if before >= high:
        high = before - 2 ** (abs(high - 1).bit_length() - info.nmant - 1)
    if low >= high:
        raise RuntimeError(f"randint: no two numbers of {dtype} lie between low and high")
    return low, high


# ---- words -----------------------------------------------------------------------------------------------


def _memory(source: np.random.MT19937) -> Array | None:
    """Where NumPy keeps the 624 words of a twister and, behind them, how many were drawn; None if not where it did."""
    interface: Any = source.ctypes
    numbers: Any = (ctypes.c_uint32 * (_WORDS + 1)).from_address(interface.state_address)
    memory, state = np.frombuffer(numbers, np.uint32), source.state["state"]
    as_known = np.array_equal(memory[:_WORDS], state["key"]) and memory[_WORDS] == state["pos"]
    return memory if as_known else None


def _shuffled(order: Array, words: Array) -> Array:
    """order after swaps of element i with element i + word % (n - i), for every i but the last."""
    steps = np.arange(len(words), dtype=np.uint32)
    partners = words % (np.uint32(len(order)) - steps) + steps
    items = order.tolist()
    for i, j in enumerate(partners.tolist()):
        items[i], items[j] = items[j], items[i]
    return np.array(items, order.dtype)


def _exclude(end: float, other: float, values: Array) -> Array:
    """values, in place, with the other end of the interval where rounding reached the excluded one, as PyTorch's."""
    values[values == values.dtype.type(end)] = other
    return values
