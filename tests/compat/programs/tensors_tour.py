"""What a first lesson shows of tensors: making, printing, indexing, views, in place, NumPy, errors."""

import numpy as np
import torch

torch.manual_seed(0)
x = torch.tensor([[1, 2], [3, 4]])
print(x, x.dtype, x.shape, x.size(0), x.ndim, type(x), x.type(), x.device)
print(torch.ones_like(x), torch.rand_like(x, dtype=torch.float), torch.zeros(2, 3), torch.empty(0))
print(x.T, x @ x, x * x, x.matmul(x.T), torch.cat([x, x], dim=1), sep="\n")
t = torch.ones(4, 4)
t[:, 1] = 0
n = t.numpy()
np.add(n, 1, out=n)
print(t, t[..., -1], t[0].sum().item(), t.add_(5)[0])
print(torch.arange(12).reshape(3, 4)[1:, ::2], torch.arange(3.0).view(-1, 1).expand(3, 2), torch.linspace(0, 1, 5))
print(
    torch.tensor([1.5, float("nan"), float("inf")]),
    torch.tensor(1e-9),
    torch.tensor([1e8, 1.0]),
    torch.tensor([True, False]),
)
print(
    torch.randn(3, 3).shape == torch.Size([3, 3]),
    torch.float32,
    torch.tensor(3).dtype is torch.int64,
    torch.finfo(torch.float32).eps,
)
a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
Q = 3 * a**3 - b**2
Q.backward(gradient=torch.tensor([1.0, 1.0]))
print(a, Q, a.grad, b.grad, 9 * a**2 == a.grad)
z = torch.matmul(torch.ones(5), torch.randn(5, 3)) + torch.zeros(3)
print(
    z.requires_grad,
    (z * a.sum()).grad_fn is not None,
    x.unsqueeze(0).squeeze().shape,
    x.float().mean(dim=0, keepdim=True),
)
for what in (lambda: torch.ones(2, 3) @ torch.ones(2, 3), lambda: torch.ones(2) + torch.ones(3), lambda: x[5], lambda: a.numpy(), lambda: Q.backward(),
             lambda: x.mean(), lambda: x.view(3, 3), lambda: torch.cat([x, torch.ones(1, 3)])):  # fmt: skip
    try:
        what()
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0].split(";")[0][:60])
