"""A script of 2017."""

from __future__ import print_function
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
import torch.nn.init as init
import numpy as np

torch.manual_seed(1)
np.random.seed(1)
use_cuda = torch.cuda.is_available()
FloatTensor = torch.cuda.FloatTensor if use_cuda else torch.FloatTensor
LongTensor = torch.cuda.LongTensor if use_cuda else torch.LongTensor
Tensor = FloatTensor

x = Variable(torch.ones(2, 2), requires_grad=True)
print(x)
y = x + 2
z = y * y * 3
out = z.mean()
print(z, out)
out.backward()
print(x.grad)
print(x.data)
print(type(x), isinstance(x, Variable), type(x.data))


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        m.weight.data.normal_(0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        m.weight.data.normal_(1.0, 0.02)
        m.bias.data.fill_(0)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.bn = nn.BatchNorm2d(6)
        self.fc1 = nn.Linear(6 * 12 * 12, 20)
        self.fc2 = nn.Linear(20, 10)
        init.xavier_uniform_(self.fc1.weight.data)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.conv1(x))), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = F.tanh(self.fc1(x))
        x = F.dropout(x, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)

    def num_flat_features(self, x):
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


net = Net()
net.apply(weights_init)
if use_cuda:
    net.cuda()
print(net)
params = list(net.parameters())
print(len(params))
print(params[0].size())
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
data_np = np.random.rand(32, 1, 28, 28)
target_np = np.random.randint(0, 10, 32)
for epoch in range(3):
    for b in range(0, 32, 8):
        data, target = torch.from_numpy(data_np[b : b + 8]).float(), torch.from_numpy(target_np[b : b + 8])
        data, target = Variable(data), Variable(target)
        optimizer.zero_grad()
        output = net(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
    print("Train Epoch: {} \tLoss: {:.6f}".format(epoch, loss.data.item()))
net.eval()
with torch.no_grad():
    output = net(Variable(torch.from_numpy(data_np).type(FloatTensor)))
pred = output.data.max(1, keepdim=True)[1]
correct = pred.eq(Variable(torch.from_numpy(target_np)).data.view_as(pred)).cpu().sum()
print("\nTest set: Accuracy: {}/{} ({:.0f}%)\n".format(correct, 32, 100.0 * correct / 32))
try:
    loss.data[0]
except IndexError as e:
    print(str(e).split(".")[0])
try:
    Variable(torch.zeros(1), volatile=True)
    print("volatile taken")
except TypeError:
    print("TypeError")
t = Tensor(3, 4).zero_()
t[1].fill_(2.5)
t.add_(1)
print(t, t.type(), t.is_cuda)
idx = LongTensor([0, 2])
print(t.index_select(0, idx))
print(torch.FloatTensor([1, 2, 3]).type("torch.DoubleTensor"))
print(torch.ByteTensor([1, 0, 1]), torch.IntTensor(2, 2).zero_())
h = F.sigmoid(Variable(torch.randn(3)))
print(h, h.creator if hasattr(h, "creator") else "no creator")
hx = Variable(torch.zeros(1, 2, 5))
cx = Variable(torch.zeros(1, 2, 5))
lstm = nn.LSTM(4, 5)
o, (hn, cn) = lstm(Variable(torch.randn(3, 2, 4)), (hx, cx))
print(o.size(), hn.size())
torch.save(net.state_dict(), "old.pth")
net2 = Net()
net2.load_state_dict(torch.load("old.pth", map_location=lambda storage, loc: storage))
net2.eval()
print((net2(data) - net(data)).abs().max().item())
one = torch.FloatTensor([1])
mone = one * -1
v = Variable(torch.randn(2, 2), requires_grad=True)
torch.autograd.backward([v.sum()], [torch.tensor(1.0)])
print(v.grad)
print(torch.is_tensor(v), v.data.numpy().shape, v.dim(), v.nelement())
grads = {}


def save_grad(name):
    def hook(grad):
        grads[name] = grad

    return hook


a = Variable(torch.ones(2), requires_grad=True)
b = a * 3
b.register_hook(save_grad("b"))
b.backward(torch.FloatTensor([1, 0.1]))
print(grads["b"], a.grad)
print(torch.cat([a.data, b.data], 0), torch.stack([a, b], 1))
