"""Skip-gram with negative sampling; an embedding's neighbours."""

import torch
import torch.nn as nn
import torch.nn.functional as F

corpus = "king queen man woman king man queen woman apple pear fruit apple fruit pear".split() * 3
vocab = {w: i for i, w in enumerate(dict.fromkeys(corpus))}
pairs = [
    (vocab[corpus[i]], vocab[corpus[j]]) for i in range(len(corpus)) for j in (i - 1, i + 1) if 0 <= j < len(corpus)
]
torch.manual_seed(0)
u, v = nn.Embedding(len(vocab), 6), nn.Embedding(len(vocab), 6)
optimizer = torch.optim.Adam(list(u.parameters()) + list(v.parameters()), lr=0.05)
centre, context = torch.tensor(pairs).unbind(1)
for epoch in range(30):
    negative = torch.randint(len(vocab), (len(pairs), 3))
    positive_score = (u(centre) * v(context)).sum(1)
    negative_score = torch.bmm(v(negative), u(centre).unsqueeze(2)).squeeze(2)
    loss = -(F.logsigmoid(positive_score) + F.logsigmoid(-negative_score).sum(1)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 10 == 9:
        print(epoch, f"{loss.item():.4f}")
print(F.cosine_similarity(u.weight[0], u.weight[1:], dim=1))
