"""A transformer block from scratch learns to reverse a sequence."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class SelfAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d), heads
        self.register_buffer("scale", torch.tensor(1 / math.sqrt(d // heads)), persistent=False)

    def forward(self, x, mask=None):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in self.qkv(x).chunk(3, dim=-1))
        att = q @ k.transpose(-2, -1) * self.scale
        if mask is not None:
            att = att.masked_fill(mask == 0, float("-inf"))
        return self.proj((F.softmax(att, dim=-1) @ v).transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln1, self.ln2, self.att = nn.LayerNorm(d), nn.LayerNorm(d), SelfAttention(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x, mask=None):
        x = x + self.att(self.ln1(x), mask)
        return x + self.mlp(self.ln2(x))


torch.manual_seed(0)
T, V, d = 6, 8, 24
token, position, block, head = nn.Embedding(V, d), nn.Parameter(torch.zeros(1, T, d)), Block(d, 4), nn.Linear(d, V)
parameters = [*token.parameters(), position, *block.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=60)
for step in range(60):
    x = torch.randint(0, V, (32, T))
    logits = head(block(token(x) + position))
    loss = F.cross_entropy(logits.reshape(-1, V), x.flip(1).reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 15 == 14:
        print(step, f"{loss.item():.4f} {scheduler.get_last_lr()[0]:.6f}")
causal = torch.tril(torch.ones(T, T))
print(block(token(x[:1]), causal).shape, causal.sum())
