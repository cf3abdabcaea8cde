"""Wrong arguments of utils.data: one clear error each, PyTorch's where PyTorch has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nptorch

Case = tuple[str, Callable[[Any], Any], type[Exception], str]


def stream(T: Any) -> Any:
    class Stream(T.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[int]:
            return iter(range(4))

    return Stream()


def load(T: Any, *arguments: Any, **more: Any) -> Any:
    return T.utils.data.DataLoader(*arguments, **more)


def first(T: Any, *arguments: Any, **more: Any) -> Any:
    return next(iter(load(T, *arguments, **more)))


def data(T: Any) -> Any:
    return T.utils.data


# name, call, error, a part of its text: the same under PyTorch
SAME: list[Case] = [
    ("empty, shuffled", lambda T: load(T, [], shuffle=True), ValueError,
     "num_samples should be a positive integer value, but got num_samples=0"),
    ("batch size 0", lambda T: load(T, [1], 0), ValueError,
     "batch_size should be a positive integer value, but got batch_size=0"),
    ("batch size 2.5", lambda T: load(T, [1], 2.5), ValueError, "positive integer value, but got batch_size=2.5"),
    ("batch size True", lambda T: load(T, [1], True), ValueError, "positive integer value, but got batch_size=True"),
    ("drop_last 1", lambda T: load(T, [1], drop_last=1), ValueError,
     "drop_last should be a boolean value, but got drop_last=1"),
    ("drop_last, no batches", lambda T: load(T, [1], None, drop_last=True), ValueError,
     "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"),
    ("sampler, shuffle", lambda T: load(T, [1], shuffle=True, sampler=[0]), ValueError,
     "sampler option is mutually exclusive with shuffle"),
    *((f"batch_sampler, {name}", lambda T, more={name: value}: load(T, [1], batch_sampler=[[0]], **more), ValueError,
       "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
      for name, value in {"batch_size": 2, "shuffle": True, "sampler": [0], "drop_last": True}.items()),
    ("workers -1", lambda T: load(T, [1], num_workers=-1), ValueError,
     "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."),
    ("timeout -1", lambda T: load(T, [1], timeout=-1), ValueError, "timeout option should be non-negative"),
    ("prefetch, no workers", lambda T: load(T, [1], prefetch_factor=2), ValueError,
     "prefetch_factor option could only be specified in multiprocessing"),
    ("prefetch -2", lambda T: load(T, [1], prefetch_factor=-2, num_workers=1), ValueError,
     "prefetch_factor option should be non-negative"),
    ("persistent, no workers", lambda T: load(T, [1], persistent_workers=True), ValueError,
     "persistent_workers option needs num_workers > 0"),
    ("context, no workers", lambda T: load(T, [1], multiprocessing_context="fork"), ValueError,
     "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers=0"),
    ("context thread", lambda T: load(T, [1], multiprocessing_context="thread", num_workers=1), ValueError,
     "multiprocessing_context option should specify a valid start method in"),
    ("context 3", lambda T: load(T, [1], multiprocessing_context=3, num_workers=1), TypeError,
     "multiprocessing_context option should be a valid context object or a string specifying the start method"),
    *((f"stream, {name}", lambda T, more={name: value}: load(T, stream(T), **more), ValueError,
       f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}")
      for name, value in {"shuffle": True, "sampler": [1], "batch_sampler": [[1]]}.items()),
    ("no length", lambda T: len(load(T, 3)), TypeError, "object of type 'int' has no len()"),
    ("index of a list", lambda T: first(T, [1], sampler=[7]), IndexError, "list index out of range"),
    ("index of tensors", lambda T: first(T, data(T).TensorDataset(T.zeros(3)), sampler=[3]), IndexError,
     "index 3 is out of"),
    ("negative index", lambda T: first(T, data(T).TensorDataset(T.zeros(3)), sampler=[-4]), IndexError,
     "index -4 is out of"),
    ("sample None", lambda T: first(T, [None]), TypeError,
     "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>"),
    ("fixed attribute", lambda T: setattr(load(T, [1]), "batch_size", 3), ValueError,
     "batch_size attribute should not be set after DataLoader is initialized"),
    ("replacement 1", lambda T: data(T).RandomSampler([1], replacement=1), TypeError,
     "replacement should be a boolean value, but got replacement=1"),
    ("no samples", lambda T: data(T).RandomSampler([1], num_samples=0), ValueError,
     "num_samples should be a positive integer value, but got num_samples=0"),
    ("weighted -1", lambda T: data(T).WeightedRandomSampler([1.0], -1), ValueError,
     "num_samples should be a positive integer value, but got num_samples=-1"),
    ("weighted replacement 0", lambda T: data(T).WeightedRandomSampler([1.0], 1, 0), ValueError,
     "replacement should be a boolean value, but got replacement=0"),
    ("weights of two dimensions", lambda T: data(T).WeightedRandomSampler([[1.0]], 1), ValueError,
     "weights should be a 1d sequence but given weights have shape (1, 1)"),
    ("sizes of tensors", lambda T: data(T).TensorDataset(T.zeros(3), T.zeros(4)), AssertionError,
     "Size mismatch between tensors"),
    ("concatenation of nothing", lambda T: data(T).ConcatDataset([]), AssertionError,
     "datasets should not be an empty iterable"),
    ("concatenation of a stream", lambda T: data(T).ConcatDataset([stream(T)]), AssertionError,
     "ConcatDataset does not support IterableDataset"),
    ("concatenation at 2", lambda T: data(T).ConcatDataset([[1], [2]])[2], IndexError, "out of range"),
    ("concatenation at -3", lambda T: data(T).ConcatDataset([[1], [2]])[-3], ValueError,
     "absolute value of index should not exceed dataset length"),
    ("chain of a list", lambda T: list(data(T).ChainDataset([[1]])), AssertionError,
     "ChainDataset only supports IterableDataset"),
    ("stack of nothing", lambda T: data(T).StackDataset(), ValueError, "At least one dataset should be passed"),
    ("sizes in a stack", lambda T: data(T).StackDataset([1], [1, 2]), ValueError, "Size mismatch between datasets"),
    ("split of other length", lambda T: data(T).random_split([1, 2], [1, 2]), ValueError,
     "Sum of input lengths does not equal the length of the input dataset!"),
    ("split by -0.5", lambda T: data(T).random_split([1, 2], [1.5, -0.5]), ValueError,
     "Fraction at index 0 is not between 0 and 1"),
    ("sizes in a batch", lambda T: data(T).default_collate([T.zeros(2), T.zeros(3)]), RuntimeError,
     "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"),
    ("sizes of arrays in a batch", lambda T: data(T).default_collate([np.zeros(2), np.zeros(3)]), RuntimeError,
     "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"),
    ("lengths in a batch", lambda T: data(T).default_collate([[1, 2], [3]]), RuntimeError,
     "each element in list of batch should be of equal size"),
    ("array of texts", lambda T: data(T).default_collate([np.array(["a"])]), TypeError, "found <U1"),
    ("keys in a batch", lambda T: data(T).default_collate([{"a": 1}, {"b": 1}]), KeyError, "a"),
]  # fmt: skip

# PyTorch fails with other words, later, or not at all.
OWN: list[Case] = [
    ("workers as text", lambda T: load(T, [1], num_workers="2"), TypeError,
     "num_workers should be an integer, but got num_workers='2'"),
    ("collate_fn 3", lambda T: load(T, [1], collate_fn=3), TypeError, "collate_fn should be a function"),
    ("worker_init_fn 3", lambda T: load(T, [1], worker_init_fn=3), TypeError, "worker_init_fn should be a function"),
    ("generator 3", lambda T: load(T, [1], generator=3), TypeError,
     "generator should be a Generator, but got generator=3"),
    ("timeout, no workers", lambda T: load(T, [1], timeout=1), ValueError, "it needs num_workers > 0"),
    ("prefetch 0", lambda T: load(T, [1], prefetch_factor=0, num_workers=1), ValueError, "but got prefetch_factor=0"),
    ("empty, n samples", lambda T: list(data(T).RandomSampler([], num_samples=2)), ValueError, "of length 0"),
    ("empty batch", lambda T: first(T, [1], batch_sampler=[[]]), IndexError, "the batch sampler gave no indices"),
    ("empty collate", lambda T: data(T).default_collate([]), IndexError, "cannot collate an empty batch"),
    ("numbers and texts", lambda T: data(T).default_collate([1, "a"]), TypeError, "str"),
    ("abstract sampler", lambda T: iter(data(T).Sampler()), NotImplementedError, "Sampler must define __iter__()"),
    ("abstract dataset", lambda T: data(T).Dataset()[0], NotImplementedError, "Dataset must define __getitem__(index)"),
    ("abstract stream", lambda T: data(T).IterableDataset(), TypeError, "__iter__"),
    ("tensors and arrays", lambda T: data(T).TensorDataset(T.zeros(2), np.zeros(2)), TypeError,
     "argument 1 is ndarray; convert it with tensor()"),
    ("0-dim tensor", lambda T: data(T).TensorDataset(T.tensor(1.0)), TypeError, "argument 0 is a 0-dim tensor"),
    ("no tensor", lambda T: data(T).TensorDataset(), ValueError, "TensorDataset needs at least one tensor"),
    ("both kinds in a stack", lambda T: data(T).StackDataset([1], a=[1]), ValueError, "not both"),
]  # fmt: skip


def cases(table: list[Case]) -> Any:
    return pytest.mark.parametrize(("call", "error", "text"), [c[1:] for c in table], ids=[c[0] for c in table])


@cases(SAME + OWN)
def test_error(call: Callable[[Any], Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call(nptorch)


@cases(SAME)
def test_pytorch_raises_the_same(call: Callable[[Any], Any], error: Any, text: str) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=re.escape(text)):
        call(torch)
