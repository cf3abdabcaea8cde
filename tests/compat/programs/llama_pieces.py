"""einops-free ML research snippets: rotary embeddings, ALiBi, grouped-query attention, RMSNorm, SwiGLU, KV-cache, LoRA, MoE, top-p sampling."""

import math, torch, torch.nn as nn, torch.nn.functional as F
from dataclasses import dataclass
from typing import Optional

torch.manual_seed(0)


@dataclass
class Args:
    dim: int = 32
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: Optional[int] = 2
    vocab_size: int = 50
    multiple_of: int = 8
    norm_eps: float = 1e-5
    max_seq_len: int = 24


class RMSNorm(torch.nn.Module):
    def __init__(self, dim: int, eps: float = 1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def _norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    def forward(self, x):
        return self._norm(x.float()).type_as(x) * self.weight


def precompute_freqs_cis(dim, end, theta=10000.0):
    freqs = 1.0 / (theta ** (torch.arange(0, dim, 2)[: (dim // 2)].float() / dim))
    t = torch.arange(end, device=freqs.device)
    freqs = torch.outer(t, freqs).float()
    return torch.polar(torch.ones_like(freqs), freqs)


def apply_rotary_emb(xq, xk, freqs_cis):
    xq_, xk_ = (torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2)) for x in (xq, xk))
    f = freqs_cis.view(*[d if i == 1 or i == xq_.ndim - 1 else 1 for i, d in enumerate(xq_.shape)])
    return torch.view_as_real(xq_ * f).flatten(3).type_as(xq), torch.view_as_real(xk_ * f).flatten(3).type_as(xk)


def repeat_kv(x, n):
    bs, s, h, d = x.shape
    return x if n == 1 else x[:, :, :, None, :].expand(bs, s, h, n, d).reshape(bs, s, h * n, d)


class Attention(nn.Module):
    def __init__(self, a: Args):
        super().__init__()
        self.nk, self.nh, self.hd = a.n_kv_heads or a.n_heads, a.n_heads, a.dim // a.n_heads
        self.wq = nn.Linear(a.dim, a.dim, bias=False)
        self.wk = nn.Linear(a.dim, self.nk * self.hd, bias=False)
        self.wv = nn.Linear(a.dim, self.nk * self.hd, bias=False)
        self.wo = nn.Linear(a.dim, a.dim, bias=False)
        self.cache_k = self.cache_v = None

    def forward(self, x, start, f, mask):
        b, s, _ = x.shape
        q, k, v = (
            self.wq(x).view(b, s, self.nh, -1),
            self.wk(x).view(b, s, self.nk, -1),
            self.wv(x).view(b, s, self.nk, -1),
        )
        q, k = apply_rotary_emb(q, k, f)
        if not self.training:
            if start == 0:
                self.cache_k, self.cache_v = torch.zeros(b, 24, self.nk, self.hd), torch.zeros(b, 24, self.nk, self.hd)
            self.cache_k[:b, start : start + s], self.cache_v[:b, start : start + s] = k, v
            k, v = self.cache_k[:b, : start + s], self.cache_v[:b, : start + s]
        k, v = repeat_kv(k, self.nh // self.nk), repeat_kv(v, self.nh // self.nk)
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(self.hd)
        if mask is not None:
            scores = scores + mask
        return self.wo(
            torch.einsum("bhqk,bkhd->bqhd", F.softmax(scores.float(), dim=-1).type_as(q), v).reshape(b, s, -1)
        )


class FeedForward(nn.Module):
    def __init__(self, dim, mult):
        super().__init__()
        h = int(2 * 4 * dim / 3)
        h = mult * ((h + mult - 1) // mult)
        self.w1, self.w2, self.w3 = (
            nn.Linear(dim, h, bias=False),
            nn.Linear(h, dim, bias=False),
            nn.Linear(dim, h, bias=False),
        )

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.attention, self.feed_forward, self.attention_norm, self.ffn_norm = (
            Attention(a),
            FeedForward(a.dim, a.multiple_of),
            RMSNorm(a.dim, a.norm_eps),
            RMSNorm(a.dim, a.norm_eps),
        )

    def forward(self, x, *r):
        h = x + self.attention(self.attention_norm(x), *r)
        return h + self.feed_forward(self.ffn_norm(h))


class LLaMA(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.tok = nn.Embedding(a.vocab_size, a.dim)
        self.layers = nn.ModuleList([Block(a) for _ in range(a.n_layers)])
        self.norm = RMSNorm(a.dim)
        self.output = nn.Linear(a.dim, a.vocab_size, bias=False)
        self.freqs = precompute_freqs_cis(a.dim // a.n_heads, a.max_seq_len * 2)

    def forward(self, tokens, start=0):
        _, s = tokens.shape
        h = self.tok(tokens)
        f = self.freqs[start : start + s]
        mask = None
        if s > 1:
            mask = torch.full((s, s), float("-inf"))
            mask = torch.triu(mask, diagonal=1)
            mask = torch.hstack([torch.zeros((s, start)), mask]).type_as(h)
        for l in self.layers:
            h = l(h, start, f, mask)
        return self.output(self.norm(h)).float()


m = LLaMA(Args())
tok = torch.randint(0, 50, (4, 16))
opt = torch.optim.AdamW(m.parameters(), 3e-3, betas=(0.9, 0.95), weight_decay=0.1)
for i in range(6):
    loss = F.cross_entropy(m(tok[:, :-1]).flatten(0, 1), tok[:, 1:].flatten())
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"{loss.item():.4f}", end=" ")


def sample_top_p(probs, p):
    ps, pi = torch.sort(probs, dim=-1, descending=True)
    cum = torch.cumsum(ps, dim=-1)
    ps[cum - ps > p] = 0.0
    ps.div_(ps.sum(dim=-1, keepdim=True))
    return torch.gather(pi, -1, torch.multinomial(ps, num_samples=1))


m.eval()
torch.manual_seed(5)
with torch.inference_mode():
    cur = tok[:2, :4]
    full = cur
    start = 0
    for _ in range(8):
        logits = m(cur, start)
        start += cur.shape[1]
        cur = sample_top_p(F.softmax(logits[:, -1] / 0.8, -1), 0.9)
        full = torch.cat([full, cur], 1)
    print()
    print(full)
    print(torch.allclose(m(full[:, :12], 0)[:, -1], m(full[:, :12], 0)[:, -1]))


class LoRA(nn.Module):
    def __init__(self, base: nn.Linear, r=2, alpha=4.0):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.empty(r, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.s = alpha / r

    def forward(self, x):
        return self.base(x) + (x @ self.A.T @ self.B.T) * self.s


for name, mod in list(m.named_modules()):
    if isinstance(mod, nn.Linear) and name.split(".")[-1] in ("wq", "wv"):
        setattr(m.get_submodule(name.rpartition(".")[0]), name.split(".")[-1], LoRA(mod))
m.train()
print(sum(p.numel() for p in m.parameters() if p.requires_grad), [n for n, p in m.named_parameters() if "A" in n])
F.cross_entropy(m(tok[:, :-1]).transpose(1, 2), tok[:, 1:]).backward()
print(f"{m.layers[0].attention.wq.B.grad.norm():.4f}")


class MoE(nn.Module):
    def __init__(self, d, n=4, k=2):
        super().__init__()
        self.gate = nn.Linear(d, n, bias=False)
        self.experts = nn.ModuleList([FeedForward(d, 4) for _ in range(n)])
        self.k = k

    def forward(self, x):
        s = x.shape
        x = x.view(-1, s[-1])
        w, idx = torch.topk(self.gate(x), self.k)
        w = F.softmax(w, dim=1, dtype=torch.float).type_as(x)
        out = torch.zeros_like(x)
        for i, e in enumerate(self.experts):
            b, nth = torch.where(idx == i)
            out[b] += w[b, nth, None] * e(x[b])
        return out.view(s)


moe = MoE(8)
o = moe(torch.randn(2, 3, 8))
o.sum().backward()
print(o[0, 0], moe.gate.weight.grad.norm())
slopes = torch.tensor([2 ** (-8 * (i + 1) / 4) for i in range(4)])
pos = torch.arange(5)
print((slopes[:, None, None] * (pos[None] - pos[:, None]).clamp(max=0)[None])[1])
print(
    torch.einsum("bi,bj,ij->b", torch.ones(2, 3), torch.ones(2, 4), torch.arange(12.0).view(3, 4)),
    torch.einsum("bhwc,hkc,wkc->bhwk", torch.ones(1, 2, 2, 3), torch.ones(2, 5, 3), torch.ones(2, 5, 3)).shape,
    torch.einsum("n d, m d -> n m", torch.eye(2), torch.eye(2)),
    torch.einsum("ijk,k", torch.ones(2, 2, 3), torch.ones(3)),
)
