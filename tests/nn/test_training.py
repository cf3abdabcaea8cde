"""Whole runs against PyTorch: the same seed, the same data, the same losses and the same model at the end."""

import copy

import numpy as np
import pytest

import nptorch
import nptorch.nn.functional
import nptorch.optim


def mlp(package):
    class Net(package.nn.Module):
        def __init__(self):
            super(Net, self).__init__()  # noqa: UP008  (as the programs write it)
            self.fc1 = package.nn.Linear(64, 20)
            self.fc2 = package.nn.Linear(20, 10)

        def forward(self, x):
            x = package.nn.functional.relu(self.fc1(x))
            return package.nn.functional.log_softmax(self.fc2(x), dim=1)

    model = Net()
    return model, package.nn.NLLLoss(), package.optim.SGD(model.parameters(), lr=0.1)


def lenet(package):
    nn = package.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, dilation=(1, 1)),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(54, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(inplace=True),
        nn.Linear(16, 10),
    )
    return model, nn.CrossEntropyLoss(), package.optim.SGD(model.parameters(), lr=0.1, momentum=0.7)


def with_dropout(package):
    nn = package.nn
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Dropout(0.3), nn.Linear(32, 10))
    return model, nn.CrossEntropyLoss(label_smoothing=0.1), package.optim.AdamW(model.parameters(), lr=1e-2)


def run(package, make, flat, steps=25):
    package.manual_seed(0)
    model, criterion, optimizer = make(package)
    scheduler = package.optim.lr_scheduler.StepLR(optimizer, 10, 0.5)
    rng = np.random.default_rng(0)
    classes = rng.standard_normal((10, 1, 8, 8))
    losses = []
    for _ in range(steps):
        labels = rng.integers(0, 10, 32)
        images = classes[labels] + 0.3 * rng.standard_normal((32, 1, 8, 8))
        x = package.tensor(images.astype("float32"))
        loss = criterion(model(x.view(32, -1) if flat else x), package.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        package.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    return losses, {key: value.numpy() for key, value in model.state_dict().items()}


@pytest.mark.parametrize(("make", "flat"), [(mlp, True), (lenet, False), (with_dropout, False)])
def test_same_seed_same_run(make, flat):
    torch = pytest.importorskip("torch")
    losses, state = run(nptorch, make, flat)
    expected_losses, expected_state = run(torch, make, flat)
    assert losses[0] > 1.5 * losses[-1]
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    for key, value in expected_state.items():
        np.testing.assert_allclose(state[key], value, rtol=2e-3, atol=2e-4, err_msg=key)


def test_the_best_model_is_kept_by_copying_parameters():
    model, criterion, optimizer = mlp(nptorch)
    best, _, _ = mlp(nptorch)
    best.fc1.weight = copy.deepcopy(model.fc1.weight)
    before = best.fc1.weight.tolist()
    criterion(model(nptorch.ones(2, 64)), nptorch.tensor([1, 2])).backward()
    optimizer.step()
    assert best.fc1.weight.tolist() == before != model.fc1.weight.tolist()
