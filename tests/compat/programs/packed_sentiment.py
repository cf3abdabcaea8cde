"""Sentiment LSTM with packed sequences, a collate_fn and a vocabulary."""

import random
from collections import Counter
import torch
import torch.nn as nn
from torch.nn.utils.rnn import (
    pad_sequence,
    pack_padded_sequence,
    pad_packed_sequence,
    pack_sequence,
    PackedSequence,
    unpad_sequence,
)
from torch.utils.data import Dataset, DataLoader, random_split, Subset, ConcatDataset

torch.manual_seed(7)
random.seed(7)
good = "great lovely fine superb moving warm clever fun".split()
bad = "dull awful weak bad slow cold silly boring".split()
filler = "the film was a story of some people and it had an end".split()


def sentence():
    label = random.random() > 0.5
    words = [random.choice(filler) for _ in range(random.randint(2, 9))]
    words.insert(random.randint(0, len(words)), random.choice(good if label else bad))
    return words, int(label)


class Reviews(Dataset):
    def __init__(self, n):
        self.rows = [sentence() for _ in range(n)]
        counter = Counter(w for r, _ in self.rows for w in r)
        self.itos = ["<pad>", "<unk>"] + [w for w, _ in sorted(counter.items(), key=lambda kv: (-kv[1], kv[0]))]
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        words, label = self.rows[i]
        return torch.tensor([self.stoi.get(w, 1) for w in words]), torch.tensor(label, dtype=torch.float)


def collate(batch):
    batch.sort(key=lambda pair: len(pair[0]), reverse=True)
    texts, labels = zip(*batch)
    lengths = torch.tensor([len(t) for t in texts])
    return pad_sequence(texts, batch_first=True, padding_value=0), torch.stack(labels), lengths


class Net(nn.Module):
    def __init__(self, vocab, emb=16, hid=24, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hid, num_layers=layers, bidirectional=True, dropout=0.2, batch_first=True)
        self.fc = nn.Linear(hid * 2, 1)

    def forward(self, text, lengths):
        packed = pack_padded_sequence(self.embedding(text), lengths.to("cpu"), batch_first=True)
        packed_out, (hidden, cell) = self.lstm(packed)
        out, out_lengths = pad_packed_sequence(packed_out, batch_first=True)
        hidden = torch.cat((hidden[-2, :, :], hidden[-1, :, :]), dim=1)
        return self.fc(hidden).squeeze(1), out, out_lengths


data = Reviews(120)
train, valid = random_split(data, [0.75, 0.25], generator=torch.Generator().manual_seed(42))
print(len(train), len(valid), train.indices[:5], type(train).__name__)
loader = DataLoader(train, batch_size=16, shuffle=True, collate_fn=collate)
vloader = DataLoader(valid, batch_size=16, collate_fn=collate)
model = Net(len(data.itos))
print(model, model.lstm.all_weights[0][0].shape, [n for n, _ in model.lstm.named_parameters()][:5])
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
crit = nn.BCEWithLogitsLoss()
for epoch in range(3):
    model.train()
    total = 0
    for text, label, lengths in loader:
        opt.zero_grad()
        logit, _, _ = model(text, lengths)
        loss = crit(logit, label)
        loss.backward()
        opt.step()
        total += loss.item() * len(label)
    model.eval()
    right = 0
    with torch.no_grad():
        for text, label, lengths in vloader:
            logit, out, ol = model(text, lengths)
            right += ((logit > 0).float() == label).sum().item()
    print(f"epoch {epoch + 1:02} | train loss {total / len(train):.4f} | valid acc {right / len(valid) * 100:.2f}%")
print(out.shape, ol)
print(model.embedding.weight[0])
seqs = [torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5]), torch.tensor([6.0])]
p = pack_sequence(seqs)
print(p)
print(isinstance(p, PackedSequence), p.data, p.batch_sizes)
q = pack_sequence(seqs[::-1], enforce_sorted=False)
print(q.sorted_indices, q.unsorted_indices)
print(pad_packed_sequence(q, batch_first=True, padding_value=-1))
print(unpad_sequence(*pad_packed_sequence(q, batch_first=True), batch_first=True))
try:
    pack_padded_sequence(torch.zeros(2, 3, 1), [1, 3], batch_first=True)
except RuntimeError as e:
    print(str(e).split(".")[0])
rnn = nn.GRU(1, 3)
y, h = rnn(pack_sequence([s.unsqueeze(1) for s in seqs]))
print(y.data, h)
both = ConcatDataset([train, valid])
print(len(both), both.cumulative_sizes, both[100][0][:3])
print(len(Subset(data, range(5))))
