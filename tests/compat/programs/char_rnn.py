"""Names classified letter by letter with a recurrent cell of one's own."""

import random

import torch
import torch.nn as nn

names = {
    "it": ["rossi", "bianchi", "ricci", "marino"],
    "jp": ["tanaka", "suzuki", "sato", "ito"],
    "ru": ["ivanov", "petrov", "popov"],
}
letters, categories = "abcdefghijklmnopqrstuvwxyz", list(names)


def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, len(letters))
    for li, letter in enumerate(line):
        tensor[li][0][letters.find(letter)] = 1
    return tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        hidden = torch.tanh(self.i2h(torch.cat((input, hidden), 1)))
        return self.softmax(self.h2o(hidden)), hidden

    def initHidden(self):
        return torch.zeros(1, self.hidden_size)


torch.manual_seed(0)
random.seed(0)
rnn, criterion, current_loss = RNN(26, 24, 3), nn.NLLLoss(), 0
for iteration in range(1, 201):
    category = random.choice(categories)
    line_tensor = line_to_tensor(random.choice(names[category]))
    hidden = rnn.initHidden()
    rnn.zero_grad()
    for i in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, torch.tensor([categories.index(category)], dtype=torch.long))
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-0.05)
    current_loss += loss.item()
    if iteration % 50 == 0:
        print(f"{iteration} {current_loss / 50:.4f}")
        current_loss = 0
topv, topi = output.topk(2, 1, True)
print(topv.detach(), [categories[i] for i in topi[0]])
