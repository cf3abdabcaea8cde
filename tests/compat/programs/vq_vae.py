"""VQ-VAE: straight-through estimator, EMA codebook buffers, custom Function."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class STEQuantize(Function):
    @staticmethod
    def forward(ctx, inputs, codebook):
        with torch.no_grad():
            inputs.size()
            flat = inputs.view(-1, codebook.size(1))
            d = torch.addmm(
                torch.sum(codebook**2, dim=1) + torch.sum(flat**2, dim=1, keepdim=True),
                flat,
                codebook.t(),
                alpha=-2.0,
                beta=1.0,
            )
            _, indices_flatten = torch.min(d, dim=1)
            ctx.mark_non_differentiable(indices_flatten)
        codes = torch.index_select(codebook, dim=0, index=indices_flatten).view_as(inputs)
        ctx.save_for_backward(indices_flatten, codebook)
        return codes, indices_flatten

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output, grad_indices):
        grad_inputs, grad_codebook = None, None
        if ctx.needs_input_grad[0]:
            grad_inputs = grad_output.clone()
        if ctx.needs_input_grad[1]:
            indices, codebook = ctx.saved_tensors
            flat = grad_output.contiguous().view(-1, codebook.size(1))
            grad_codebook = torch.zeros_like(codebook)
            grad_codebook.index_add_(0, indices, flat)
        return (grad_inputs, grad_codebook)


class VQEMA(nn.Module):
    def __init__(self, n, d, decay=0.9, eps=1e-5):
        super().__init__()
        self.n, self.d, self.decay, self.eps = n, d, decay, eps
        self.register_buffer("embedding", torch.randn(n, d))
        self.register_buffer("cluster_size", torch.zeros(n))
        self.register_buffer("ema", self.embedding.clone(), persistent=False)

    def forward(self, x):
        flat = x.detach().reshape(-1, self.d)
        idx = torch.cdist(flat, self.embedding).argmin(-1)
        onehot = F.one_hot(idx, self.n).type(x.dtype)
        if self.training:
            self.cluster_size.mul_(self.decay).add_(onehot.sum(0), alpha=1 - self.decay)
            self.ema.mul_(self.decay).add_(onehot.t() @ flat, alpha=1 - self.decay)
            total = self.cluster_size.sum()
            cs = (self.cluster_size + self.eps) / (total + self.n * self.eps) * total
            self.embedding.copy_(self.ema / cs.unsqueeze(1))
        q = F.embedding(idx, self.embedding).view(x.shape)
        commit = F.mse_loss(x, q.detach())
        avg = onehot.mean(0)
        perplexity = torch.exp(-torch.sum(avg * torch.log(avg + 1e-10)))
        return x + (q - x).detach(), commit, perplexity


class ResBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(True),
            nn.Conv2d(dim, dim, 3, 1, 1),
            nn.BatchNorm2d(dim),
            nn.ReLU(True),
            nn.Conv2d(dim, dim, 1),
            nn.BatchNorm2d(dim),
        )

    def forward(self, x):
        return x + self.block(x)


torch.manual_seed(0)
D = 8
enc = nn.Sequential(nn.Conv2d(1, D, 4, 2, 1), nn.BatchNorm2d(D), nn.ReLU(True), nn.Conv2d(D, D, 4, 2, 1), ResBlock(D))
dec = nn.Sequential(
    ResBlock(D),
    nn.ReLU(True),
    nn.ConvTranspose2d(D, D, 4, 2, 1),
    nn.BatchNorm2d(D),
    nn.ReLU(True),
    nn.ConvTranspose2d(D, 1, 4, 2, 1),
    nn.Tanh(),
)
vq = VQEMA(16, D)
codebook = nn.Parameter(torch.empty(16, D).uniform_(-1.0 / 16, 1.0 / 16))
x = torch.rand(8, 1, 16, 16) * 2 - 1
print(list(vq.state_dict()), [n for n, _ in vq.named_buffers()])
params = [*enc.parameters(), *dec.parameters(), codebook]
opt = torch.optim.Adam(params, lr=2e-3)
for step in range(8):
    z = enc(x)
    if step % 2:
        zp = z.permute(0, 2, 3, 1).contiguous()
        codes, idx = STEQuantize.apply(zp, codebook.detach())
        q = codes.permute(0, 3, 1, 2).contiguous()
        bar, _ = STEQuantize.apply(zp.detach(), codebook)
        loss = F.mse_loss(dec(q), x) + F.mse_loss(bar, zp.detach()) + 1.0 * F.mse_loss(zp, codes.detach())
        info = f"used {idx.unique().numel()}"
    else:
        q, commit, perp = vq(z.permute(0, 2, 3, 1))
        loss = F.mse_loss(dec(q.permute(0, 3, 1, 2)), x) + 0.25 * commit
        info = f"perplexity {perp:.3f}"
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"{step} {loss.item():.4f} {info}")
print(vq.cluster_size)
print(dec)
