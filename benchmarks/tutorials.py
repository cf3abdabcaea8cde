"""Training steps of small networks as tutorials write them: what is not an image classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def polynomial(T: Any) -> Callable[[], float]:
    """A cubic fitted to a sine by gradient descent on four numbers, without nn."""
    x = T.linspace(-3.14, 3.14, 2000)
    y = T.sin(x)
    weights = [T.randn((), requires_grad=True) for _ in range(4)]

    def step() -> float:
        a, b, c, d = weights
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        loss.backward()
        with T.no_grad():
            for w in weights:
                w -= 1e-6 * w.grad
                w.grad = None
        return loss.item()

    return step


def dcgan(T: Any) -> Callable[[], float]:
    """One step of both networks of a DCGAN on 16x16 pictures, batch 32."""
    nn = T.nn
    generator = nn.Sequential(
        nn.ConvTranspose2d(100, 64, 4, 1, 0, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
        nn.ConvTranspose2d(32, 1, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(32, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(64, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0),
    )  # fmt: skip
    loss = nn.BCELoss()
    steps = [T.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999)) for m in (critic, generator)]
    real, yes, no = T.randn(32, 1, 16, 16), T.ones(32), T.zeros(32)

    def step() -> float:
        critic.zero_grad()
        loss(critic(real), yes).backward()
        fake = generator(T.randn(32, 100, 1, 1))
        loss(critic(fake.detach()), no).backward()
        steps[0].step()
        generator.zero_grad()
        found = loss(critic(fake), yes)
        found.backward()
        steps[1].step()
        return found.item()

    return step


def vae(T: Any) -> Callable[[], float]:
    """A variational autoencoder 784-400-20-400-784, batch 128, Adam."""
    nn, F = T.nn, T.nn.functional
    hidden, mean, log_var, back, out = (
        nn.Linear(*n) for n in ((784, 400), (400, 20), (400, 20), (20, 400), (400, 784))
    )
    update = T.optim.Adam(nn.ModuleList([hidden, mean, log_var, back, out]).parameters(), lr=1e-3)
    x = T.rand(128, 784)

    def step() -> float:
        h = F.relu(hidden(x))
        m, v = mean(h), log_var(h)
        z = m + T.randn_like(v) * T.exp(0.5 * v)
        made = T.sigmoid(out(F.relu(back(z))))
        loss = F.binary_cross_entropy(made, x, reduction="sum") - 0.5 * T.sum(1 + v - m.pow(2) - v.exp())
        update.zero_grad()
        loss.backward()
        update.step()
        return loss.item()

    return step


def char_lstm(T: Any) -> Callable[[], float]:
    """The next of 60 letters by an LSTM of 64 cells, 16 lines of 40, Adam."""
    nn, F = T.nn, T.nn.functional
    letters, lstm, out = nn.Embedding(60, 32), nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 60)
    update = T.optim.Adam(nn.ModuleList([letters, lstm, out]).parameters())
    text = T.randint(0, 60, (16, 41))

    def step() -> float:
        states, _ = lstm(letters(text[:, :-1]))
        loss = F.cross_entropy(out(states).reshape(-1, 60), text[:, 1:].reshape(-1))
        update.zero_grad()
        loss.backward()
        update.step()
        return loss.item()

    return step


def dqn(T: Any) -> Callable[[], float]:
    """Deep Q-learning on four observations, batch 128: smooth L1, AdamW with AMSGrad, clipped gradients."""
    nn = T.nn
    policy = nn.Sequential(nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))
    update = T.optim.AdamW(policy.parameters(), lr=1e-4, amsgrad=True)
    loss = nn.SmoothL1Loss()
    states, actions = T.randn(128, 4), T.randint(0, 2, (128, 1))

    def step() -> float:
        values = policy(states).gather(1, actions)
        with T.no_grad():
            best = policy(states).max(1).values
        found = loss(values, (best * 0.99 + 1).unsqueeze(1))
        update.zero_grad()
        found.backward()
        nn.utils.clip_grad_value_(policy.parameters(), 100)
        update.step()
        return found.item()

    return step


def transformer(T: Any) -> Callable[[], float]:
    """Two encoder layers of width 32 on 8 sequences of 16, Adam."""
    nn = T.nn
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 2, 64, batch_first=True), 2)
    update = T.optim.Adam(model.parameters())
    x = T.randn(8, 16, 32)

    def step() -> float:
        loss = model(x).pow(2).mean()
        update.zero_grad()
        loss.backward()
        update.step()
        return loss.item()

    return step


TUTORIALS: dict[str, Callable[[Any], Callable[[], float]]] = {
    "cubic by hand": polynomial,
    "DCGAN 16x16": dcgan,
    "VAE 784-400-20": vae,
    "char LSTM": char_lstm,
    "DQN": dqn,
    "transformer encoder": transformer,
}


def case(T: Any, name: str) -> Callable[[], float]:
    """The step of that name."""
    T.manual_seed(0)
    return TUTORIALS[name](T)
