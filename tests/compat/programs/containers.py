"""Sum of sparse-free odds and ends: ModuleDict, ParameterList, ParameterDict, state_dict surgery, strict=False, weight sharing."""

import torch, copy, collections
from torch import nn
from torch.nn import Parameter, ParameterList, ParameterDict, ModuleDict, ModuleList
import torch.nn.functional as F

torch.manual_seed(0)


class Multi(nn.Module):
    version: int = 2

    def __init__(self, heads=("a", "b"), depth=2):
        super().__init__()
        self.trunk = ModuleList()
        for i in range(depth):
            self.trunk.append(nn.Linear(4, 4))
        self.heads = ModuleDict({h: nn.Linear(4, i + 1) for i, h in enumerate(heads)})
        self.scales = ParameterList([Parameter(torch.ones(1) * i) for i in range(3)])
        self.gates = ParameterDict({"x": Parameter(torch.zeros(2)), "y": torch.randn(2)})
        self.acts = ModuleDict([["lrelu", nn.LeakyReLU()], ["prelu", nn.PReLU()]])
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("nothing", None)
        self.register_parameter("maybe", None)
        self.alias = self.trunk[0]

    def forward(self, x, act="lrelu"):
        for l, s in zip(self.trunk, self.scales):
            x = self.acts[act](l(x)) + s
        self.steps += 1
        return {k: h(x) for k, h in self.heads.items()}


m = Multi()
print(m)
print(list(m.state_dict().keys()))
print([n for n, _ in m.named_parameters()], len(list(m.parameters())), sum(1 for _ in m.modules()))
out = m(torch.randn(3, 4), act="prelu")
print({k: v.shape for k, v in out.items()}, m.steps, "a" in m.heads, list(m.heads.keys()), len(m.scales), m.gates)
print(m.scales, m.scales[1:], m.scales[-1])
sd = m.state_dict()
sd2 = collections.OrderedDict((k.replace("trunk.", "module.trunk."), v) for k, v in sd.items())
m2 = Multi()
r = m2.load_state_dict({k.replace("module.", ""): v for k, v in sd2.items()})
print(r)
sd3 = {k: v for k, v in sd.items() if not k.startswith("heads.b")}
sd3["extra"] = torch.zeros(1)
r = m2.load_state_dict(sd3, strict=False)
print(r, r.missing_keys, r.unexpected_keys)
try:
    m2.load_state_dict(sd3)
except RuntimeError as e:
    print(e)
sd4 = dict(sd)
sd4["trunk.0.weight"] = torch.zeros(5, 4)
try:
    m2.load_state_dict(sd4)
except RuntimeError as e:
    print(e)
own = m2.state_dict()
own.update({k: v for k, v in sd4.items() if k in own and v.size() == own[k].size()})
print(m2.load_state_dict(own))
m3 = copy.deepcopy(m)
m3.trunk[0].weight.data.zero_()
print(m.trunk[0].weight.abs().sum() > 0, m3.alias.weight is m3.trunk[0].weight)
m.trunk.insert(0, nn.Identity())
m.trunk.extend([nn.Tanh()])
print(len(m.trunk), m.trunk[-1], m.trunk[:2])
m.heads.update({"c": nn.Linear(4, 1)})
m.heads.pop("a")
print(m.heads)
m.scales.append(nn.Parameter(torch.tensor([9.0])))
m.scales.extend([nn.Parameter(torch.ones(2))])
print(len(m.scales))
seq = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 1)))
print(seq[0].in_features, seq[-1][0], seq[2][0].bias.shape)
seq.append(nn.Sigmoid())
seq.insert(1, nn.Dropout(0.5))
seq[1] = nn.Identity()
del seq[-1]
print(seq)
print(seq + nn.Sequential(nn.Tanh()), len(seq))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(5, 3, bias=False)
        self.b = Parameter(torch.zeros(5))

    def forward(self, x):
        return F.linear(torch.sigmoid(self.enc(x)), self.enc.weight.t(), self.b)


t = Tied()
F.mse_loss(t(torch.ones(1, 5)), torch.ones(1, 5)).backward()
print(t.enc.weight.grad.shape, t.b.grad)


def freeze(m: nn.Module, flag=True):
    for p in m.parameters():
        p.requires_grad = not flag


freeze(t.enc)
print(
    [(n, p.requires_grad) for n, p in t.named_parameters()],
    isinstance(t.b, torch.Tensor),
    isinstance(t.b, nn.Parameter),
    type(t.b.data),
    t.b,
)
print(nn.Parameter(torch.arange(3.0), requires_grad=False))
print(nn.utils.parameters_to_vector(t.parameters()).shape)
nn.utils.vector_to_parameters(torch.arange(20.0), t.parameters())
print(t.b)
m.double()
print(m.trunk[1].weight.dtype, m.steps.dtype)
m.half()
m.float()
print(next(m.parameters()).dtype)
m.to(torch.float64)
m.to("cpu", torch.float32)
print({p.device for p in m.parameters()}, next(m.buffers()))
for n, mod in m.named_modules():
    if n.count(".") == 0:
        print(repr(n), type(mod).__name__)
try:
    m.heads["zz"]
except KeyError as e:
    print("KeyError", e)
try:
    Multi().nope
except AttributeError as e:
    print(e)


class NoSuper(nn.Module):
    def __init__(self):
        self.l = nn.Linear(1, 1)


try:
    NoSuper()
except AttributeError as e:
    print(e)
print(
    m.get_parameter("trunk.1.bias").shape,
    m.get_buffer("steps"),
    m.extra_repr() == "",
    m._modules.keys(),
    m.train(False).training,
    m.version,
    callable(m),
)
