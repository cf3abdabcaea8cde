"""Tensors among Python's own functions, operators and containers; assignment in place; small constructors."""

import numpy as np, torch, torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)
x = torch.linspace(-3, 3, 100)
import collections, itertools, statistics, json, math, random

print(
    statistics.mean([t.item() for t in x[:4]]),
    math.sqrt(torch.tensor(4.0)),
    math.isclose(torch.tensor(1.0), 1.0),
    round(torch.tensor(2.567).item(), 2),
    json.dumps(torch.tensor([1, 2]).tolist()),
    int(torch.tensor(3.7)),
    float(torch.tensor(2)),
    complex(torch.tensor(1 + 2j)),
    bool(torch.tensor(0)),
    "%d" % torch.tensor(3),
    "%5.2f" % torch.tensor(3.14159),
    range(torch.tensor(3))[-1],
    [1, 2, 3][torch.tensor(1)],
    "ab" * torch.tensor(2),
    min(3, torch.tensor(2)),
    max(torch.tensor(1.0), 0),
    sum(t for t in torch.ones(3)),
    math.floor(torch.tensor(2.5)),
    math.ceil(torch.tensor(2.5)),
    abs(torch.tensor(-2)),
    -torch.tensor(1),
    +torch.tensor(1),
    torch.tensor(7) // 2,
    torch.tensor(7) % 4,
    2 ** torch.tensor(3),
    torch.tensor(5) & 3,
    ~torch.tensor(0),
    torch.tensor(True) | False,
    7 // torch.tensor(2),
    7 % torch.tensor(4),
    10 - torch.tensor(3),
    1 / torch.tensor(4.0),
    torch.tensor(1) == 1,
    torch.tensor([1, 2]) != torch.tensor([1, 3]),
    torch.tensor(1) < 2 <= torch.tensor(3),
    torch.tensor(1) is not None,
    not torch.tensor(0),
    torch.tensor([1]) in [torch.tensor([1])],
)
c = collections.Counter(torch.tensor([1, 2, 2, 3]).tolist())
print(c.most_common(1))
print(
    sorted([3, torch.tensor(1), 2], key=float),
    list(itertools.accumulate([torch.tensor(1), torch.tensor(2)])),
    dict(zip("ab", torch.eye(2))),
    list(map(float, torch.arange(2))),
    [*map(str, torch.arange(2))],
    {int(k): v for k, v in enumerate(torch.arange(2))},
    any(torch.tensor([0, 1])),
    all(torch.tensor([1, 1])),
    len(set(torch.tensor([1, 1, 2]).tolist())),
    tuple(torch.tensor([1, 2])),
    list(reversed(torch.arange(3))),
    random.choice(torch.arange(1)),
    list(torch.arange(4).split(2)),
    np.random.choice(torch.arange(3).numpy(), 1).shape,
    hash(torch.device("cpu")) == hash(torch.device("cpu")),
    id(x) == id(x),
)
w = torch.ones(3)
w2 = w
w2 += 1
print(w, w2 is w)
w -= torch.tensor([1.0, 0, 0])
w *= 2
w /= 4
w **= 2
w //= 1
w %= 2
print(w)
b = torch.tensor([True, False])
b |= torch.tensor([False, False])
b &= True
b ^= True
print(b)
i = torch.tensor(3)
i += 1
i <<= 1
print(i)
a = torch.arange(6).reshape(2, 3)
a[a > 2] *= -1
a[0] += 10
a[:, 1] = torch.tensor([7, 8])
a[..., -1:] = 0
a[1, [0, 2]] = 5
del w2
print(
    a,
    a.T.reshape(-1),
    a.numpy().flags["C_CONTIGUOUS"],
    a.sum(0).tolist(),
    a.float().mean().item(),
    a.max().item(),
    a.argmax(),
    a.min(dim=1),
    a.sort(descending=True).values,
    a.unique(),
    a.flatten().bincount() if (a >= 0).all() else a.abs().flatten().bincount(),
)
m = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
print(
    m[0].weight.data.abs().mean().item() > 0,
    [p.shape for p in m.parameters()],
    {n: tuple(p.shape) for n, p in m.named_parameters()},
    len(m),
    m[-1],
    m[0:2],
    next(iter(m.parameters())).grad,
    sum(map(torch.numel, m.parameters())),
)
with torch.no_grad():
    m[0].weight.fill_(0.5)
    m[0].bias.zero_()
    m[2].weight.copy_(torch.ones(1, 4))
    m[2].bias[:] = -1
print(m(torch.ones(1, 2)), m.state_dict())
m[2].weight = nn.Parameter(torch.zeros(1, 4))
m[2].bias.data = torch.ones(1)
print(m(torch.ones(1, 2)).item(), m.zero_grad(), m.train() is m, m.eval().training)
print(
    torch.tensor([[1.0, 2.0], [3.0, 4.0]]).inverse(),
    torch.tensor([1.0, 2.0]).dot(torch.tensor([3.0, 4.0])),
    torch.eye(2).det(),
    torch.ones(2, 3).mm(torch.ones(3, 1)).squeeze(),
    torch.arange(3.0).softmax(0),
    torch.tensor([1.0, 2]).norm(),
    torch.tensor([[1, 2], [3, 4]]).trace(),
    torch.rand(2, 2).lt(2).all(),
    torch.zeros(3).fill_(2).tolist(),
    torch.arange(3).float().std(unbiased=False),
    torch.ones(2).new_tensor([1, 2]),
    torch.full((2,), 3),
    torch.full((2,), 3.0),
    torch.full((1,), True),
    torch.empty(2, 0).shape,
    torch.logspace(0, 2, 3),
    torch.linspace(0, 1, 3),
    torch.arange(1, 2, 0.5),
    torch.eye(2, 3),
    torch.randperm(3).sort()[0],
    torch.zeros_like(x).sum(),
    torch.from_numpy(np.eye(2)),
    torch.complex(torch.ones(1), torch.ones(1)),
    torch.tensor(1e20),
    torch.tensor([1e-3, 1e3]),
    torch.tensor([0.00001]),
    torch.tensor(-0.0),
    torch.tensor([1, 2.5]),
    torch.tensor([[]]).shape,
    torch.tensor(float("nan")),
    torch.tensor([True, 2]),
    torch.tensor((1, 2)),
    torch.tensor(range(3)),
    torch.tensor(np.arange(2)),
    torch.Tensor([1, 2]),
    torch.Tensor(2, 0),
)
