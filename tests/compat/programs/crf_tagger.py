"""Decoder-only sampling loops, LSTM text generation with temperature, nn.RNNCell loops, bidirectional GRU tagger with CRF (log-sum-exp)."""

import torch, torch.nn as nn, torch.optim as optim

torch.manual_seed(1)


def argmax(vec):
    _, idx = torch.max(vec, 1)
    return idx.item()


def prepare_sequence(seq, to_ix):
    return torch.tensor([to_ix[w] for w in seq], dtype=torch.long)


def log_sum_exp(vec):
    max_score = vec[0, argmax(vec)]
    mb = max_score.view(1, -1).expand(1, vec.size()[1])
    return max_score + torch.log(torch.sum(torch.exp(vec - mb)))


START_TAG, STOP_TAG = "<START>", "<STOP>"


class BiLSTM_CRF(nn.Module):
    def __init__(self, vocab_size, tag_to_ix, embedding_dim, hidden_dim):
        super(BiLSTM_CRF, self).__init__()
        self.hidden_dim = hidden_dim
        self.tag_to_ix = tag_to_ix
        self.tagset_size = len(tag_to_ix)
        self.word_embeds = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim // 2, num_layers=1, bidirectional=True)
        self.hidden2tag = nn.Linear(hidden_dim, self.tagset_size)
        self.transitions = nn.Parameter(torch.randn(self.tagset_size, self.tagset_size))
        self.transitions.data[tag_to_ix[START_TAG], :] = -10000
        self.transitions.data[:, tag_to_ix[STOP_TAG]] = -10000
        self.hidden = self.init_hidden()

    def init_hidden(self):
        return (torch.randn(2, 1, self.hidden_dim // 2), torch.randn(2, 1, self.hidden_dim // 2))

    def _forward_alg(self, feats):
        init_alphas = torch.full((1, self.tagset_size), -10000.0)
        init_alphas[0][self.tag_to_ix[START_TAG]] = 0.0
        forward_var = init_alphas
        for feat in feats:
            alphas_t = []
            for next_tag in range(self.tagset_size):
                emit = feat[next_tag].view(1, -1).expand(1, self.tagset_size)
                trans = self.transitions[next_tag].view(1, -1)
                alphas_t.append(log_sum_exp(forward_var + trans + emit).view(1))
            forward_var = torch.cat(alphas_t).view(1, -1)
        return log_sum_exp(forward_var + self.transitions[self.tag_to_ix[STOP_TAG]])

    def _get_lstm_features(self, sentence):
        self.hidden = self.init_hidden()
        embeds = self.word_embeds(sentence).view(len(sentence), 1, -1)
        out, self.hidden = self.lstm(embeds, self.hidden)
        return self.hidden2tag(out.view(len(sentence), self.hidden_dim))

    def _score_sentence(self, feats, tags):
        score = torch.zeros(1)
        tags = torch.cat([torch.tensor([self.tag_to_ix[START_TAG]], dtype=torch.long), tags])
        for i, feat in enumerate(feats):
            score = score + self.transitions[tags[i + 1], tags[i]] + feat[tags[i + 1]]
        return score + self.transitions[self.tag_to_ix[STOP_TAG], tags[-1]]

    def _viterbi_decode(self, feats):
        back = []
        iv = torch.full((1, self.tagset_size), -10000.0)
        iv[0][self.tag_to_ix[START_TAG]] = 0
        fv = iv
        for feat in feats:
            bp, vv = [], []
            for nt in range(self.tagset_size):
                v = fv + self.transitions[nt]
                b = argmax(v)
                bp.append(b)
                vv.append(v[0][b].view(1))
            fv = (torch.cat(vv) + feat).view(1, -1)
            back.append(bp)
        tv = fv + self.transitions[self.tag_to_ix[STOP_TAG]]
        b = argmax(tv)
        score = tv[0][b]
        path = [b]
        for bp in reversed(back):
            b = bp[b]
            path.append(b)
        start = path.pop()
        assert start == self.tag_to_ix[START_TAG]
        path.reverse()
        return score, path

    def neg_log_likelihood(self, s, tags):
        f = self._get_lstm_features(s)
        return self._forward_alg(f) - self._score_sentence(f, tags)

    def forward(self, s):
        return self._viterbi_decode(self._get_lstm_features(s))


training_data = [
    (
        "the wall street journal reported today that apple corporation made money".split(),
        "B I I I O O O B I O O".split(),
    ),
    ("georgia tech is a university in georgia".split(), "B I O O O O B".split()),
]
word_to_ix = {}
for s, t in training_data:
    for w in s:
        word_to_ix.setdefault(w, len(word_to_ix))
tag_to_ix = {"B": 0, "I": 1, "O": 2, START_TAG: 3, STOP_TAG: 4}
model = BiLSTM_CRF(len(word_to_ix), tag_to_ix, 5, 4)
optimizer = optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-4)
with torch.no_grad():
    print(model(prepare_sequence(training_data[0][0], word_to_ix)))
for epoch in range(6):
    for s, t in training_data:
        model.zero_grad()
        loss = model.neg_log_likelihood(
            prepare_sequence(s, word_to_ix), torch.tensor([tag_to_ix[x] for x in t], dtype=torch.long)
        )
        loss.backward()
        optimizer.step()
    print(epoch, f"{loss.item():.4f}")
with torch.no_grad():
    print(model(prepare_sequence(training_data[0][0], word_to_ix)))


class CharLM(nn.Module):
    def __init__(self, v, h=24):
        super().__init__()
        self.e = nn.Embedding(v, h)
        self.c1, self.c2 = nn.LSTMCell(h, h), nn.GRUCell(h, h)
        self.o = nn.Linear(h, v)
        self.h = h

    def forward(self, x, st=None):
        (h, c), g = st or (
            (torch.zeros(x.size(0), self.h), torch.zeros(x.size(0), self.h)),
            torch.zeros(x.size(0), self.h),
        )
        outs = []
        for t in range(x.size(1)):
            h, c = self.c1(self.e(x[:, t]), (h, c))
            g = self.c2(h, g)
            outs.append(self.o(g))
        return torch.stack(outs, 1), ((h, c), g)


text = "hello world, this is a tiny corpus. " * 4
cs = sorted(set(text))
d = torch.tensor([cs.index(c) for c in text])
lm = CharLM(len(cs))
opt = optim.Adam(lm.parameters(), 1e-2)
st = None
for i in range(8):
    k = (i * 16) % 96
    x, y = d[k : k + 32].view(2, 16), d[k + 1 : k + 33].view(2, 16)
    out, st = lm(x, st)
    loss = nn.functional.cross_entropy(out.flatten(0, 1), y.flatten())
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(lm.parameters(), 0.5)
    opt.step()
    ((h, c), g) = st
    st = ((h.detach(), c.detach()), g.detach())
print(f"{loss.item():.4f}")
for temp in (0.5, 1.0):
    torch.manual_seed(0)
    x, st, s = d[:1].view(1, 1), None, ""
    with torch.no_grad():
        for _ in range(20):
            o, st = lm(x, st)
            p = (o[:, -1] / temp).softmax(-1)
            x = torch.distributions.Categorical(p).sample().view(1, 1)
            s += cs[x.item()]
    print(repr(s))
