"""Short texts: a vocabulary, padding, a mask and an averaged embedding."""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

texts = ["good film", "a very good plot", "bad", "bad film and bad plot", "very very good", "a bad one"]
labels = torch.tensor([1.0, 1, 0, 0, 1, 0])
vocab = {"<pad>": 0}
for text in texts:
    for word in text.split():
        vocab.setdefault(word, len(vocab))
batch = pad_sequence([torch.tensor([vocab[w] for w in t.split()]) for t in texts], batch_first=True, padding_value=0)
print(batch)


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(vocab), 8, padding_idx=0)
        self.fc = nn.Linear(8, 1)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-1)
        summed = self.embedding(ids).masked_fill(~mask, 0.0).sum(dim=1)
        return self.fc(summed / mask.sum(dim=1).clamp(min=1)).squeeze(-1)


torch.manual_seed(0)
model = Bag()
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for epoch in range(15):
    loss = nn.functional.binary_cross_entropy_with_logits(model(batch), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 5 == 4:
        print(epoch, f"{loss.item():.4f}", ((model(batch) > 0).float() == labels).float().mean())
print(model.embedding.weight[0].abs().sum().item(), model)
