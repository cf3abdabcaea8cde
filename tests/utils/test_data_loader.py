"""DataLoader and collate: attributes, single-process iteration, and what else is not in data_runs.py."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

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
    default_collate,
    random_split,
)
from nptorch.utils.data import collate as rules


class Four(IterableDataset[int]):
    """Yields 4 samples, whatever it says."""

    def __init__(self, said: int) -> None:
        self.said = said

    def __iter__(self) -> Iterator[int]:
        return iter(range(4))

    def __len__(self) -> int:
        return self.said


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
    data = Four(2)
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
    with pytest.raises(TypeError, match="complex"):
        default_collate([1j])
    functions = {**rules.default_collate_fn_map, complex: lambda batch, *, collate_fn_map: nptorch.tensor(batch)}
    assert rules.collate([(1j, 2), (2j, 3)], collate_fn_map=functions)[0].dtype is nptorch.complex64


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
    whole = len(indices) // size * size if drop else len(indices)
    assert list(itertools.chain.from_iterable(cut)) == indices[:whole]
    assert all(len(batch) == size for batch in cut[:-1])
    assert all(len(batch) == size or not drop for batch in cut)
