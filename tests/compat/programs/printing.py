"""How things print."""

import torch, math
from torch import nn

torch.manual_seed(0)
print(
    torch.tensor(3),
    torch.tensor(3.5),
    torch.tensor(True),
    torch.tensor([]),
    torch.tensor([[]]),
    torch.empty(0, 3),
    torch.zeros(2, 0, 3),
)
print(
    torch.tensor([1e-5, 1.0]),
    torch.tensor([1e5, 1.0]),
    torch.tensor([1e9, 1.0]),
    torch.tensor([0.1, 100000.0]),
    torch.tensor([1e-10]),
    torch.tensor([123456789.0]),
)
print(torch.arange(2000), torch.arange(30).view(5, 6), torch.randn(3, 3), torch.rand(1, 2, 2, 2))
print(torch.zeros(100, 100), torch.ones(1100) * 0.5)
print(
    torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0]),
    torch.tensor([1 + 2j, 3.5 - 1j]),
    torch.tensor([1, 2], dtype=torch.int32),
    torch.tensor([1.0], dtype=torch.float64),
    torch.tensor([1.5], dtype=torch.float16),
    torch.tensor([1, 2], dtype=torch.uint8),
)
print(
    torch.randn(2, requires_grad=True),
    torch.randn(2, requires_grad=True) * 2,
    nn.Parameter(torch.ones(2)),
    torch.tensor(1.0, requires_grad=True),
)
x = torch.tensor(math.pi)
print(
    f"{x:.3f} {x.item():.2e} {x} {x!r} {torch.tensor(7):05d} {torch.tensor([1.0, 2.0])} {x:>10.2f}|",
    "%.2f %d %s" % (x, torch.tensor(3), torch.tensor([1])),
    "{:.4f}".format(x),
    str(x),
    repr(torch.Size([2, 3])),
    format(torch.tensor(5), ","),
)
print(
    torch.Size([1, 2]),
    torch.Size([1, 2]).numel(),
    torch.Size([2]) + (3,),
    tuple(torch.zeros(2, 3).shape),
    torch.zeros(2, 3).shape[0],
    torch.zeros(2, 3).size(-1),
    list(torch.zeros(2, 3).size()),
    [*torch.zeros(2).shape],
)
print(
    torch.float32,
    torch.int64,
    torch.bool,
    torch.device("cpu"),
    torch.device("cuda:0"),
    torch.device("cuda", 1).index,
    str(torch.device("cpu")),
    torch.strided,
    torch.contiguous_format,
    torch.get_default_dtype(),
    torch.finfo(torch.float32).eps,
    torch.iinfo(torch.int8).max,
    torch.finfo(torch.float32),
)
print([torch.tensor(1), torch.tensor(2.0)], {"a": torch.tensor([1.0])}, (torch.tensor(1),), {torch.float32: 1})
print(
    torch.max(torch.tensor([[1, 5], [7, 2]]), 1),
    torch.sort(torch.tensor([3, 1, 2])),
    torch.topk(torch.tensor([1.0, 3, 2]), 2),
)
print(
    type(torch.zeros(1)),
    torch.zeros(1).type(),
    torch.zeros(1).dtype,
    isinstance(torch.zeros(1), torch.FloatTensor),
    type(nn.Linear(1, 1)),
    type(torch.zeros(1).shape),
    type(torch.float32),
    nn.Linear,
    torch.nn.functional.relu.__name__,
    torch.Tensor,
)
torch.set_printoptions(precision=2, threshold=10, edgeitems=2, linewidth=60)
print(torch.randn(20), torch.randn(4, 4))
torch.set_printoptions(sci_mode=True)
print(torch.randn(3))
torch.set_printoptions(profile="default", sci_mode=False)
print(torch.tensor([1e-8, 1.0]))
torch.set_printoptions(profile="full")
print(torch.arange(1001)[-3:])
torch.set_printoptions(profile="short")
print(torch.randn(3))
torch.set_printoptions(profile="default")
for o in (torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS):
    print(o([nn.Parameter(torch.ones(1))], lr=0.1))
s = torch.optim.lr_scheduler.StepLR(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1), 3)
print(sorted(s.state_dict().items()), type(s).__name__)
g = torch.Generator()
print(g.initial_seed() > 0, torch.initial_seed(), g.device, type(g))
ds = torch.utils.data.TensorDataset(torch.ones(2))
print(type(ds).__name__, len(ds), ds[0])
print(
    torch.zeros(2).numpy(),
    torch.zeros(2).tolist(),
    torch.zeros(2, 2).numpy().dtype,
    torch.tensor(2).__index__(),
    hash(torch.zeros(1)) != 0,
    torch.ones(3) == 1,
    bool(torch.ones(1)),
    1 in torch.tensor([1, 2]),
    torch.tensor([1, 2]).__len__(),
    [int(i) for i in torch.arange(3)],
    max(torch.tensor([1, 3, 2])),
    sum(torch.tensor([1.0, 2])),
    sorted(torch.tensor([3, 1])),
    abs(torch.tensor(-1)),
)
