"""DistributedSampler's shares, as PyTorch's."""

import pytest

from nptorch.utils.data import DistributedSampler
from nptorch.utils.data.distributed import DistributedSampler as SameSampler


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("length", "replicas"), [(10, 1), (10, 3), (12, 4), (2, 5), (1, 4)])
def test_same_shares_as_pytorch(length, replicas, drop_last, shuffle):
    torch = pytest.importorskip("torch")
    for rank in range(replicas):
        arguments = range(length), replicas, rank, shuffle, 7, drop_last
        mine, theirs = DistributedSampler(*arguments), torch.utils.data.DistributedSampler(*arguments)
        for epoch in range(2):
            mine.set_epoch(epoch)
            theirs.set_epoch(epoch)
            assert list(mine) == list(theirs) and len(mine) == len(theirs)


def test_one_process_takes_all():
    assert SameSampler is DistributedSampler
    assert sorted(DistributedSampler(range(5))) == list(range(5))
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        DistributedSampler(range(5), 2, 2)
