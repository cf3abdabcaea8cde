"""Storages: what they hold, what they share, and what they are called."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nptorch
from nptorch.storage import LEGACY


def test_views_share_one_storage() -> None:
    base = nptorch.arange(6.0).reshape(2, 3)
    row, turned = base[1], base.T
    assert base.untyped_storage().data_ptr() == row.untyped_storage().data_ptr() == turned.storage().data_ptr()
    assert row.storage_offset() == 3 and row.storage().tolist() == [0, 1, 2, 3, 4, 5]
    assert base.untyped_storage().nbytes() == 24 and len(base.storage()) == 6
    base.storage()[4] = 40
    assert row.tolist() == [3, 40, 5]
    base.untyped_storage().fill_(0)
    assert not base.any()


def test_tensors_that_look_at_a_storage() -> None:
    base = nptorch.arange(4.0)
    seen = nptorch.empty(0).set_(base.untyped_storage(), 1, (2,), (1,))
    seen[0] = 9
    assert base.tolist() == [0, 9, 2, 3]
    assert nptorch.empty(0).set_(base.storage()).tolist() == base.tolist()
    assert nptorch.empty(0).set_(base).tolist() == base.tolist() and nptorch.ones(2).set_().shape == (0,)
    with pytest.raises(RuntimeError, match="reaches beyond its 4 stored elements"):
        nptorch.empty(0).set_(base.storage(), 3, (2,))
    assert nptorch.tensor(base.storage()).tolist() == nptorch.FloatTensor(base.storage()).tolist() == base.tolist()


@pytest.mark.parametrize("name", LEGACY)
def test_kinds_have_pytorchs_names_and_numbers(name: str) -> None:
    torch = pytest.importorskip("torch")
    if name == "BFloat16Storage":
        with pytest.raises(TypeError, match="bfloat16"):
            nptorch.BFloat16Storage(2)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = getattr(nptorch, name)([1, 0, 2]), getattr(torch, name)([1, 0, 2])
        assert isinstance(ours, getattr(nptorch, name)) and type(ours).__name__ == type(theirs).__name__
        assert ours.tolist() == theirs.tolist() and ours.element_size() == theirs.element_size()
        assert ours.nbytes() == theirs.nbytes() and ours.type().partition(".")[2] == theirs.type().partition(".")[2]
        assert repr(ours).replace("nptorch.", "torch.") == repr(theirs)
        assert repr(ours.untyped()).replace("nptorch.", "torch.") == repr(theirs.untyped())
        assert ours.double().tolist() == theirs.double().tolist()
        with pytest.raises(RuntimeError, match=r"slices are only supported in UntypedStorage"):
            ours[:2]
    assert getattr(nptorch, name)(3).size() == 3


def test_copies_and_questions() -> None:
    typed = nptorch.LongStorage([1, 2])
    untyped = typed.untyped()
    assert nptorch.is_storage(typed) and nptorch.is_storage(untyped) and not nptorch.is_storage(nptorch.ones(1))
    for storage in (typed, untyped):
        for copied in (storage.clone(), copy.copy(storage), copy.deepcopy(storage)):
            assert copied.tolist() == storage.tolist() and copied.data_ptr() != storage.data_ptr()
        assert storage.cpu() is storage and storage.share_memory_() is storage and not storage.is_shared()
        with pytest.raises(RuntimeError, match="'cuda' is not available"):
            storage.cuda()
    assert untyped[8:].tolist() == [2, 0, 0, 0, 0, 0, 0, 0] and untyped[0] == 1
    assert list(typed) == [1, 2] and typed.copy_(nptorch.LongStorage([5, 6])).tolist() == [5, 6]
    assert not isinstance(typed, nptorch.IntStorage) and typed.device == nptorch.device("cpu")
    assert nptorch.ones(1).storage_type() is nptorch.FloatStorage


def test_storages_from_files(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    np.arange(4, dtype=np.float32).tofile(path)
    private = nptorch.UntypedStorage.from_file(path, False, 16)
    seen = nptorch.as_tensor(private[4:12], dtype=nptorch.uint8).view(dtype=nptorch.float32)
    assert seen.tolist() == [1, 2]
    private.fill_(0)
    shared = nptorch.UntypedStorage.from_file(path, shared=True, nbytes=4)
    shared.fill_(255)
    del shared
    assert np.isnan(np.fromfile(path, np.float32)[0]) and np.fromfile(path, np.float32)[1] == 1


def test_dtypes_that_came_late(monkeypatch: pytest.MonkeyPatch) -> None:
    storage: Any = nptorch.tensor([1, 2], dtype=nptorch.uint16).storage()
    assert storage.tolist() == [1, 2] and storage.element_size() == 2
