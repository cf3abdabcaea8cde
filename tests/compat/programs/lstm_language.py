"""A language model: embedding, LSTM, hidden state carried over, clipped gradients, perplexity."""

import math

import torch
import torch.nn as nn

text = "the cat sat on the mat and the dog sat on the log " * 12
words = sorted(set(text.split()))
ids = torch.tensor([words.index(w) for w in text.split()])
torch.manual_seed(1111)


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    return data.narrow(0, 0, nbatch * bsz).view(bsz, -1).t().contiguous()


def repackage_hidden(h):
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid, nlayers):
        super().__init__()
        self.drop = nn.Dropout(0.1)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid, nlayers)
        self.decoder = nn.Linear(nhid, ntoken)
        self.nlayers, self.nhid = nlayers, nhid
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, input, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(input)), hidden)
        return nn.functional.log_softmax(self.decoder(self.drop(output)).view(-1, len(words)), dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid)


data, model, criterion, lr = batchify(ids, 4), RNNModel(len(words), 16, 16, 2), nn.NLLLoss(), 5.0
print(model)
for epoch in range(4):
    hidden, total = model.init_hidden(4), 0.0
    for i in range(0, data.size(0) - 1, 7):
        seq_len = min(7, len(data) - 1 - i)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data[i : i + seq_len], hidden)
        loss = criterion(output, data[i + 1 : i + 1 + seq_len].view(-1))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total += loss.item()
    print(f"| epoch {epoch} | loss {loss.item():5.3f} | norm {norm:.4f} | ppl {math.exp(loss.item()):8.3f}")
