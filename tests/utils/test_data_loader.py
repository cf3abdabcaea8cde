"""DataLoader, data sets, samplers and collate: wrong arguments, attributes, and what is not in data_runs.py."""

from __future__ import annotations

import functools
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nptorch
from nptorch.utils.data import (
    Batch,
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    collate,
    default_collate,
    random_split,
)


def stream(T: Any) -> Any:
    class Stream(T.utils.data.IterableDataset):
        def __init__(self, said: int) -> None:
            self.said = said

        def __iter__(self) -> Iterator[int]:
            return iter(range(4))

        def __len__(self) -> int:
            return self.said

    return Stream


# What is called with the package, the error, and a part of its text; PyTorch raises the same.
ERRORS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda T: T.utils.data.DataLoader([], shuffle=True), ValueError, "num_samples should be a positive integer value, but got num_samples=0"),
    (lambda T: T.utils.data.DataLoader([1], 0), ValueError, "batch_size should be a positive integer value, but got batch_size=0"),
    (lambda T: T.utils.data.DataLoader([1], 2.5), ValueError, "batch_size should be a positive integer value, but got batch_size=2.5"),
    (lambda T: T.utils.data.DataLoader([1], True), ValueError, "batch_size should be a positive integer value, but got batch_size=True"),
    (lambda T: T.utils.data.DataLoader([1], drop_last=1), ValueError, "drop_last should be a boolean value, but got drop_last=1"),
    (lambda T: T.utils.data.DataLoader([1], None, drop_last=True), ValueError, "batch_size=None option disables auto-batching"),
    (lambda T: T.utils.data.DataLoader([1], shuffle=True, sampler=[0]), ValueError, "sampler option is mutually exclusive with shuffle"),
    (lambda T: T.utils.data.DataLoader([1], 2, batch_sampler=[[0]]), ValueError, "batch_sampler option is mutually exclusive with batch_size"),
    (lambda T: T.utils.data.DataLoader([1], shuffle=True, batch_sampler=[[0]]), ValueError, "batch_sampler option is mutually exclusive"),
    (lambda T: T.utils.data.DataLoader([1], sampler=[0], batch_sampler=[[0]]), ValueError, "batch_sampler option is mutually exclusive"),
    (lambda T: T.utils.data.DataLoader([1], drop_last=True, batch_sampler=[[0]]), ValueError, "batch_sampler option is mutually exclusive"),
    (lambda T: T.utils.data.DataLoader([1], num_workers=-1), ValueError, "num_workers option should be non-negative"),
    (lambda T: T.utils.data.DataLoader([1], num_workers="2"), TypeError, ""),
    (lambda T: T.utils.data.DataLoader([1], timeout=-1), ValueError, "timeout option should be non-negative"),
    (lambda T: iter(T.utils.data.DataLoader([1], timeout=1)), (ValueError, AssertionError), "timeout"),
    (lambda T: T.utils.data.DataLoader([1], prefetch_factor=2), ValueError, "prefetch_factor option could only be specified in multiprocessing"),
    (lambda T: T.utils.data.DataLoader([1], prefetch_factor=-2, num_workers=1), ValueError, "prefetch_factor option should be non-negative"),
    (lambda T: iter(T.utils.data.DataLoader([1], prefetch_factor=0, num_workers=1)), (ValueError, AssertionError), "prefetch_factor"),
    (lambda T: T.utils.data.DataLoader([1], persistent_workers=True), ValueError, "persistent_workers option needs num_workers > 0"),
    (lambda T: T.utils.data.DataLoader([1], multiprocessing_context="fork"), ValueError, "can only be used with multi-process loading"),
    (lambda T: T.utils.data.DataLoader([1], multiprocessing_context="thread", num_workers=1), ValueError, "should specify a valid start method in"),
    (lambda T: T.utils.data.DataLoader([1], multiprocessing_context=3, num_workers=1), TypeError, "should be a valid context object or a string"),
    (lambda T: T.utils.data.DataLoader(stream(T)(4), shuffle=True), ValueError, "IterableDataset: expected unspecified shuffle option, but got shuffle=True"),
    (lambda T: T.utils.data.DataLoader(stream(T)(4), sampler=[1]), ValueError, "IterableDataset: expected unspecified sampler option"),
    (lambda T: T.utils.data.DataLoader(stream(T)(4), batch_sampler=[[1]]), ValueError, "IterableDataset: expected unspecified batch_sampler option"),
    (lambda T: T.utils.data.DataLoader(3), TypeError, "") if False else (lambda T: len(T.utils.data.DataLoader(3)), TypeError, "has no len()"),
    (lambda T: next(iter(T.utils.data.DataLoader([1], sampler=[7]))), IndexError, "out of range"),
    (lambda T: next(iter(T.utils.data.DataLoader(T.utils.data.TensorDataset(T.zeros(3)), sampler=[3]))), IndexError, "index 3 is out of"),
    (lambda T: next(iter(T.utils.data.DataLoader([None]))), TypeError, "batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>"),
    (lambda T: next(iter(T.utils.data.DataLoader([1], batch_sampler=[[]]))), IndexError, ""),
    (lambda T: setattr(T.utils.data.DataLoader([1]), "batch_size", 3), ValueError, "batch_size attribute should not be set after DataLoader is initialized"),
    (lambda T: T.utils.data.RandomSampler([1], replacement=1), TypeError, "replacement should be a boolean value, but got replacement=1"),
    (lambda T: T.utils.data.RandomSampler([1], num_samples=0), ValueError, "num_samples should be a positive integer value"),
    (lambda T: list(T.utils.data.RandomSampler([], num_samples=2)), (ValueError, ZeroDivisionError), ""),
    (lambda T: T.utils.data.WeightedRandomSampler([1.0], -1), ValueError, "num_samples should be a positive integer value, but got num_samples=-1"),
    (lambda T: T.utils.data.WeightedRandomSampler([1.0], 1, 0), ValueError, "replacement should be a boolean value, but got replacement=0"),
    (lambda T: T.utils.data.WeightedRandomSampler([[1.0]], 1), ValueError, "weights should be a 1d sequence but given weights have shape (1, 1)"),
    (lambda T: T.utils.data.BatchSampler([1], 0, False), ValueError, "batch_size should be a positive integer value"),
    (lambda T: iter(T.utils.data.Sampler()), NotImplementedError, ""),
    (lambda T: T.utils.data.Dataset()[0], NotImplementedError, ""),
    (lambda T: T.utils.data.TensorDataset(T.zeros(3), T.zeros(4)), AssertionError, "Size mismatch between tensors"),
    (lambda T: T.utils.data.TensorDataset(np.zeros(3)), TypeError, ""),
    (lambda T: T.utils.data.ConcatDataset([]), AssertionError, "datasets should not be an empty iterable"),
    (lambda T: T.utils.data.ConcatDataset([stream(T)(4)]), AssertionError, "ConcatDataset does not support IterableDataset"),
    (lambda T: T.utils.data.ConcatDataset([[1], [2]])[2], IndexError, "out of range"),
    (lambda T: T.utils.data.ConcatDataset([[1], [2]])[-3], ValueError, "absolute value of index should not exceed dataset length"),
    (lambda T: list(T.utils.data.ChainDataset([[1]])), AssertionError, "ChainDataset only supports IterableDataset"),
    (lambda T: T.utils.data.StackDataset(), ValueError, "At least one dataset should be passed"),
    (lambda T: T.utils.data.StackDataset([1], [1, 2]), ValueError, "Size mismatch between datasets"),
    (lambda T: T.utils.data.StackDataset([1], a=[1]), ValueError, ""),
    (lambda T: T.utils.data.random_split([1, 2], [1, 2]), ValueError, "Sum of input lengths does not equal the length of the input dataset!"),
    (lambda T: T.utils.data.random_split([1, 2], [1.5, -0.5]), ValueError, "Fraction at index 0 is not between 0 and 1"),
    (lambda T: T.utils.data.default_collate([]), IndexError, ""),
    (lambda T: T.utils.data.default_collate([T.zeros(2), T.zeros(3)]), RuntimeError, "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"),
    (lambda T: T.utils.data.default_collate([np.zeros(2), np.zeros(3)]), RuntimeError, "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"),
    (lambda T: T.utils.data.default_collate([[1, 2], [3]]), RuntimeError, "each element in list of batch should be of equal size"),
    (lambda T: T.utils.data.default_collate([np.array(["a"])]), TypeError, "batch must contain tensors, numpy arrays, numbers, dicts or lists; found <U1"),
    (lambda T: T.utils.data.default_collate([object()]), TypeError, "found <class 'object'>"),
    (lambda T: T.utils.data.default_collate([{"a": 1}, {"b": 1}]), KeyError, "a"),
    (lambda T: T.utils.data.default_collate([1, "a"]), (TypeError, ValueError), ""),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_errors(call: Callable[[Any], Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call(nptorch)


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_pytorch_raises_the_same(call: Callable[[Any], Any], error: Any, text: str) -> None:
    torch = pytest.importorskip("torch")
    own = "timeout" if "timeout" in text else text.replace("out of range", "out of")
    with pytest.raises(error, match=re.escape(own).replace("out\\ of", "out of (range|bounds)|list index out of")):
        call(torch)


@pytest.mark.parametrize(
    ("more", "error", "text"),
    [
        ({"collate_fn": 3}, TypeError, "collate_fn should be a function, but got collate_fn=3"),
        ({"worker_init_fn": 3}, TypeError, "worker_init_fn should be a function"),
        ({"generator": 3}, TypeError, "generator should be a Generator, but got generator=3"),
        ({"num_workers": 1.5}, TypeError, r"num_workers should be an integer, but got num_workers=1\.5"),
    ],
)
def test_errors_that_pytorch_raises_later_or_not_at_all(more: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        DataLoader([1], **more)


def test_tensor_dataset_names_the_argument() -> None:
    with pytest.raises(TypeError, match=r"argument 1 is ndarray; convert it with tensor\(\)"):
        TensorDataset(nptorch.zeros(2), np.zeros(2))
    with pytest.raises(TypeError, match="argument 0 is a 0-dim tensor"):
        TensorDataset(nptorch.tensor(1.0))
    with pytest.raises(ValueError, match="at least one tensor"):
        TensorDataset()


# --- the loader ---


def test_attributes() -> None:
    data = TensorDataset(nptorch.arange(10))
    loader = DataLoader(data, 4, True, num_workers=1)
    assert loader.dataset is data
    assert (loader.batch_size, loader.drop_last, loader.num_workers, loader.prefetch_factor) == (4, False, 1, 2)
    assert isinstance(loader.sampler, RandomSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)
    assert loader.collate_fn is default_collate
    assert DataLoader(data).prefetch_factor is None
    assert isinstance(DataLoader(data).sampler, SequentialSampler)
    assert DataLoader(data, None).batch_sampler is None
    loader.collate_fn = list  # as in PyTorch, only some attributes are fixed
    assert DataLoader[int] is not None


def test_a_subclass_may_set_attributes_before_and_after() -> None:
    class Mine(DataLoader[Any]):
        def __init__(self, data: Any) -> None:
            self.mine = 1
            super().__init__(data, batch_size=2)
            self.more = 2

    assert [b.tolist() for b in Mine([1, 2, 3])] == [[1, 2], [3]]


def test_iterators_are_independent() -> None:
    loader = DataLoader(list(range(5)), 2)
    one, two = iter(loader), iter(loader)
    assert iter(one) is one
    assert next(one).tolist() == next(two).tolist() == [0, 1]
    assert [b.tolist() for b in one] == [[2, 3], [4]]
    assert [b.tolist() for b in two] == [[2, 3], [4]]
    assert next(one, None) is None


def test_a_gathered_batch_is_a_list_and_samples_go_to_another_collate_fn() -> None:
    data = TensorDataset(nptorch.arange(6).reshape(3, 2), nptorch.arange(3))
    (batch,) = DataLoader(data, 3)
    assert type(batch) is list
    seen: list[Any] = []
    list(DataLoader(data, 3, collate_fn=seen.append))
    assert [type(sample) for sample in seen[0]] == [tuple, tuple, tuple]
    x, y = seen[0][1]
    assert (x.tolist(), y.tolist()) == ([2, 3], 1)


def test_a_gathered_batch_does_not_share_memory_with_the_data() -> None:
    x = nptorch.zeros(4, 2)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        batch += 1
    assert x.sum().item() == 0


def test_a_gradient_flows_through_batches() -> None:
    x = nptorch.ones(4, 2, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        batch.sum().backward()
    assert x.grad.tolist() == [[1, 1]] * 4
    x.grad = None
    default_collate([x[0], x[2]]).sum().backward()
    assert x.grad.sum(1).tolist() == [2, 0, 2, 0]


def test_stop_iteration_in_a_dataset_does_not_end_the_epoch_silently() -> None:
    class Stops(Dataset[int]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return next(iter(range(index, 1)))

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(DataLoader(Stops()))


def test_a_stream_longer_than_its_length_warns_after_len() -> None:
    data = stream(nptorch)(2)
    assert len(list(DataLoader(data, 1))) == 4
    loader = DataLoader(data, 1)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2 .* but [34] samples have been fetched"):
        assert len(list(loader)) == 4


def test_pin_memory_warns_and_loads() -> None:
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert next(iter(DataLoader([1, 2], 2, pin_memory=True))).tolist() == [1, 2]


def test_too_many_workers_warn() -> None:
    with pytest.warns(UserWarning, match="will create 5000 worker processes in total"):
        DataLoader([1], num_workers=5000)


def test_an_empty_split_warns() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert [len(part) for part in random_split(range(2), [0.9, 0.1])] == [2, 0]


def test_a_stream_must_define_iter() -> None:
    with pytest.raises(TypeError, match="abstract"):
        IterableDataset()  # type: ignore[abstract]


def test_loader_and_datasets_can_be_pickled() -> None:
    loader = pickle.loads(pickle.dumps(DataLoader(TensorDataset(nptorch.arange(5)), 2)))
    assert [b[0].tolist() for b in loader] == [[0, 1], [2, 3], [4]]


# --- collate ---


def test_batch_keeps_its_fields_when_pickled() -> None:
    batch = pickle.loads(pickle.dumps(Batch(1, [2])))
    assert (type(batch), tuple(batch)) == (Batch, (1, [2]))


def test_a_type_can_be_added_to_the_map_of_collate() -> None:
    module = collate
    with pytest.raises(TypeError, match="complex"):
        default_collate([1j])
    functions = {**module.default_collate_fn_map, complex: lambda batch, *, collate_fn_map: nptorch.tensor(batch)}
    assert module.collate([(1j, 2), (2j, 3)], collate_fn_map=functions)[0].dtype is nptorch.complex64


@given(
    n=st.integers(0, 40),
    size=st.integers(1, 50),
    drop=st.booleans(),
    kind=st.sampled_from([SequentialSampler, functools.partial(RandomSampler, num_samples=13)]),
)
def test_batch_sampler_cuts_the_indices_in_order(n: int, size: int, drop: bool, kind: Any) -> None:
    source = kind(range(max(n, 1)))
    nptorch.manual_seed(n)
    indices = list(source)
    nptorch.manual_seed(n)
    sampler = BatchSampler(source, size, drop)
    cut = list(sampler)
    assert len(cut) == len(sampler)
    assert sum(cut, []) == indices[: len(indices) // size * size] if drop else indices
    assert all(len(batch) == size for batch in cut[:-1])
    assert all(len(batch) == size or not drop for batch in cut)
