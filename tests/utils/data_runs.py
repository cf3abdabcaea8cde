"""Small programs on utils.data, each run with a package T (nptorch or torch): what they see must be the same.

Every run starts from manual_seed(SEED) and returns something for `plain`.
"""

from __future__ import annotations

import collections
import functools
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

SEED = 20240
Point = collections.namedtuple("Point", ["x", "y"])
RUNS: dict[str, Callable[[Any], Any]] = {}


def plain(value: Any) -> Any:
    """`value` as JSON keeps it, with the types by name."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return [
            f"{type(value).__name__} {value.dtype}".replace("nptorch.", "torch."),
            list(value.shape),
            value.tolist(),
        ]
    if isinstance(value, bytes):
        return ["bytes", value.decode()]
    if isinstance(value, dict):
        return [type(value).__name__, {k: plain(v) for k, v in value.items()}]
    if isinstance(value, (list, tuple, collections.UserList)):
        return [type(value).__name__, [plain(v) for v in value]]
    return value


def outcome(T: Any, name: str) -> Any:
    """What the run shows under the package T."""
    random.seed(SEED)
    np.random.seed(SEED)
    T.manual_seed(SEED)
    return plain(RUNS[name](T))


def run(*arguments: Any, **more: Any) -> Callable[..., Any]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        key = " ".join([function.__name__, *map(str, arguments), *(f"{k}={v}" for k, v in more.items())])
        RUNS[key] = lambda T: function(T, *arguments, **more)
        return function

    return register


def word(T: Any, generator: Any = None) -> int:
    """The next number of a generator: tells whether as much was drawn from it."""
    return int(T.randint(2**27, (1,), generator=generator).item())


def generator(T: Any, given: bool) -> Any:
    return T.Generator().manual_seed(7) if given else None


def batches(loader: Any) -> list[Any]:
    return [batch.tolist() for batch in loader]


def numbers(T: Any, n: int) -> Any:
    class Numbers(T.utils.data.Dataset):
        def __len__(self) -> int:
            return n

        def __getitem__(self, index: int) -> int:
            return index

    return Numbers()


def stream(T: Any, ends: list[int]) -> Any:
    """Worker w yields 100 * w ... 100 * w + ends[w]; without workers all of them."""
    get_info = T.utils.data.get_worker_info

    class Stream(T.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            info = get_info()
            mine = range(len(ends)) if info is None else [info.id]
            return iter([100 * w + i for w in mine for i in range(ends[w])])

        def __len__(self) -> int:
            return sum(ends)

    return Stream()


# --- orders and draws ---


@run(10, 4)
@run(12, 4, given=True)
@run(10, 4, given=True)
@run(10, 4, given=True, drop_last=True)
@run(10, 3, num_workers=2)
@run(10, 3, given=True, num_workers=2)
@run(10, 3, num_workers=2, persistent_workers=True)
@run(10, 3, num_workers=1, prefetch_factor=3)
@run(10, 16)
@run(10, None)
def shuffled(T: Any, n: int, batch_size: int | None, given: bool = False, **more: Any) -> Any:
    g = generator(T, given)
    loader = T.utils.data.DataLoader(numbers(T, n), batch_size, shuffle=True, generator=g, **more)
    epochs = [[b if isinstance(b, int) else b.tolist() for b in loader] for _ in range(3)]
    return [epochs, len(loader), word(T), word(T, g)]


@run()
@run(given=True)
@run(num_workers=2)
@run(num_workers=2, persistent_workers=True)
@run(given=True, num_workers=2, persistent_workers=True)
def left_early(T: Any, given: bool = False, **more: Any) -> Any:
    g = generator(T, given)
    loader = T.utils.data.DataLoader(numbers(T, 40), 3, shuffle=16, generator=g, **more)
    seen = []
    for _ in range(3):
        seen.append(batches(itertools.islice(loader, 2)))
        seen.append([word(T), word(T, g)])
    return [*seen, batches(loader)]


@run()
@run(num_workers=1)
def draws_between_batches(T: Any, **more: Any) -> Any:
    loader = T.utils.data.DataLoader(numbers(T, 10), 3, shuffle=True, **more)
    iterator = iter(loader)
    return [[word(T), next(iterator).tolist()] for _ in range(4)]


@run()
@run(num_workers=2)
def eager_batch_sampler(T: Any, **more: Any) -> Any:
    class Eager:
        def __iter__(self) -> Iterator[list[int]]:
            return iter([T.randperm(5).tolist() for _ in range(3)])

    loader = T.utils.data.DataLoader(numbers(T, 5), batch_sampler=Eager(), **more)
    return [batches(loader), batches(loader), word(T)]


@run("RandomSampler", num_samples=7)
@run("RandomSampler", num_samples=25)
@run("RandomSampler", replacement=True)
@run("RandomSampler", replacement=True, num_samples=70)
@run("SubsetRandomSampler")
@run("WeightedRandomSampler", num_samples=20)
@run("WeightedRandomSampler", num_samples=4, replacement=False)
def samplers(T: Any, name: str, **more: Any) -> Any:
    source = {"RandomSampler": range(10), "SubsetRandomSampler": [3, 1, 8]}.get(name, [0.1, 3.0, 0.5, 2.0, 1.0, 0.0])
    seen = []
    for given in (False, True):
        g = generator(T, given)
        sampler = getattr(T.utils.data, name)(source, generator=g, **more)
        seen.append([list(sampler), list(sampler), len(sampler), word(T), word(T, g)])
        seen.append(list(T.utils.data.BatchSampler(sampler, 3, False)))
        seen.append(list(T.utils.data.BatchSampler(sampler, 3, True)))
    return seen


@run([3, 7])
@run([0.3, 0.3, 0.4])
@run([0.5, 0.25, 0.25])
@run([0.34, 0.33, 0.33], given=True)
def split(T: Any, lengths: list[float], given: bool = False) -> Any:
    more = {"generator": generator(T, True)} if given else {}
    parts = T.utils.data.random_split(range(10), lengths, **more)
    return [[list(part) for part in parts], [part.indices for part in parts], word(T)]


# --- workers ---


@run()
@run(persistent_workers=True)
def worker_random_numbers(T: Any, **more: Any) -> Any:
    get_info = T.utils.data.get_worker_info

    class Draws(T.utils.data.Dataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            info = get_info()
            return [
                info.id, info.num_workers, info.seed % 2**31, word(T), random.random(), np.random.randint(2**20, size=2)
            ]  # fmt: skip

    loader = T.utils.data.DataLoader(Draws(), 2, num_workers=2, **more)
    return [list(loader), list(loader), get_info()]


@run([5, 5], 2)
@run([5, 2], 2)
@run([1, 7], 2)
@run([0, 4], 1)
@run([5, 2], 2, drop_last=True)
@run([3, 1], None)
@run([7, 2], 2, num_workers=2)
@run([1, 9], 2, num_workers=2)
@run([0, 5], 2, num_workers=2, persistent_workers=True)
@run([0, 0], 2, num_workers=2)
@run([5, 2], 2, num_workers=2, drop_last=True)
@run([5, 2], None, num_workers=2)
@run([3, 9], 1, num_workers=2, prefetch_factor=4)
def streams(T: Any, ends: list[int], batch_size: int | None, **more: Any) -> Any:
    loader = T.utils.data.DataLoader(stream(T, ends), batch_size, **more)
    return [[[b if isinstance(b, int) else b.tolist() for b in loader] for _ in range(2)], word(T)]


@run()
@run(num_workers=2)
def lengths(T: Any, **more: Any) -> Any:
    D = functools.partial(T.utils.data.DataLoader, **more)
    loaders = [D(numbers(T, 10), b, drop_last=d) for b in (1, 3, 5, 16) for d in (False, True)]
    loaders += [D(stream(T, [5, 6]), b, drop_last=d) for b in (1, 3, 16) for d in (False, True)]
    loaders += [D(numbers(T, 10), None), D(stream(T, [5, 6]), None), D(numbers(T, 9), sampler=[1, 2, 3], batch_size=2)]
    return [
        [len(loader), len(iter(loader)) if loader.dataset.__class__.__name__ == "Numbers" else None]
        for loader in loaders
    ]


# --- data sets ---


@run()
@run(num_workers=2)
def data_sets(T: Any, **more: Any) -> Any:
    data = T.utils.data
    x, y = T.arange(12).reshape(6, 2), T.tensor([0.5, 1, 2, 3, 4, 5])
    pairs = data.TensorDataset(x, y)
    subset = data.Subset(pairs, [4, 1, 5, -1])
    sets = {
        "tensors": pairs,
        "subset": subset,
        "subset of a subset": data.Subset(subset, [3, 0]),
        "indices in a tensor": data.Subset(pairs, T.tensor([2, 0])),
        "concatenation": pairs + subset,
        "stack": data.StackDataset(pairs, numbers(T, 6)),
        "stack of gathers": data.StackDataset(pairs, data.TensorDataset(y)),
        "stack by name": data.StackDataset(a=pairs, b=numbers(T, 6)),
    }
    seen: dict[str, Any] = {"chain": list(stream(T, [2, 1]) + stream(T, [3]))}
    for name, dataset in sets.items():
        loader = data.DataLoader(dataset, 3, collate_fn=None, **more)
        as_samples = data.DataLoader(dataset, 4, collate_fn=list, **more)
        seen[name] = [len(dataset), dataset[1], dataset[-1], list(loader), list(as_samples)]
    return seen


@run()
def subclasses_that_change_the_samples(T: Any) -> Any:
    data = T.utils.data

    class Doubled(data.TensorDataset):
        def __getitem__(self, index: int) -> Any:
            return tuple(2 * t for t in super().__getitem__(index))

    class Wrapped(data.Dataset):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            if name == "inner":
                raise AttributeError(name)
            return getattr(self.inner, name)

        def __len__(self) -> int:
            return len(self.inner)

        def __getitem__(self, index: int) -> Any:
            return -self.inner[index][0]

    class Gathers(data.Dataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("a batch is asked for at once")

        def __getitems__(self, indices: list[int]) -> Any:
            return [{"i": i, "batch": len(indices)} for i in indices]

    x = T.arange(5)
    sets = [Doubled(x), Wrapped(data.TensorDataset(x)), Gathers(), data.Subset(Gathers(), [4, 2, 0])]
    return [list(data.DataLoader(s, 2, collate_fn=c)) for s in sets for c in (None, list)]


# --- collate ---


def _samples(T: Any) -> dict[str, list[Any]]:
    return {
        "tensors": [T.tensor([1, 2]), T.tensor([3, 4])],
        "0-dim tensors": [T.tensor(1, dtype=T.uint8), T.tensor(2, dtype=T.uint8)],
        "empty tensors": [T.zeros(0, 3), T.zeros(0, 3)],
        "mixed dtypes": [T.tensor([1]), T.tensor([1.5])],
        "transposed": [T.arange(6).reshape(2, 3).T, T.arange(6).reshape(2, 3).T],
        "arrays": [np.arange(3.0), np.arange(3.0)],
        "0-dim arrays": [np.array(3, np.int16)] * 2,
        "float32 arrays": [np.ones((2, 1), np.float32)] * 3,
        "bool arrays": [np.array([True, False])] * 2,
        "float32 numbers": [np.float32(1.5), np.float32(2)],
        "int16 numbers": [np.int16(1), np.int16(2)],
        "float64 numbers": [np.float64(1.5)],
        "bool numbers": [np.bool_(True)],
        "ints": [1, 2, 3],
        "bools": [True, False],
        "bool and int": [True, 2],
        "floats": [1.5, 2.0],
        "float and int": [1.5, 2],
        "int and float": [1, 2.5],
        "texts": ["a", "b"],
        "bytes": [b"a", b"b"],
        "NumPy texts": [np.str_("a"), np.str_("b")],
        "tuples": [(1, "a", 1.5), (2, "b", 2.5)],
        "lists": [[1, 2], [3, 4]],
        "dicts": [{"a": 1, "b": [1.5]}, {"a": 2, "b": [2.5]}],
        "default dicts": [collections.defaultdict(int, a=1), collections.defaultdict(int, a=2)],
        "ordered dicts": [collections.OrderedDict(b=1, a=2)] * 2,
        "user lists": [collections.UserList([1, 2]), collections.UserList([3, 4])],
        "named tuples": [Point(1, T.zeros(2)), Point(2, T.ones(2))],
        "nested": [({"p": Point((1, 2), "x")}, [T.ones(1)]), ({"p": Point((3, 4), "y")}, [T.ones(1)])],
        "ranges": [range(3), range(3)],
        "a tuple of samples": ((1, 2.0), (3, 4.0)),  # type: ignore[dict-item]
    }


@run()
def collated(T: Any) -> Any:
    return {name: T.utils.data.default_collate(batch) for name, batch in _samples(T).items()}


@run()
def converted(T: Any) -> Any:
    return {name: T.utils.data.default_convert(batch) for name, batch in _samples(T).items()}
