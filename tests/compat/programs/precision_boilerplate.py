"""What scripts carry for GPUs: devices, autocast, GradScaler, compile, channels_last, pinned memory, cudnn switches."""

import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
from torch.cuda.amp import GradScaler
from torch.utils.data import DataLoader, TensorDataset

cudnn.benchmark = True
cudnn.deterministic = False
torch.backends.cuda.matmul.allow_tf32 = True
torch.set_float32_matmul_precision("high")
torch.manual_seed(0)
torch.cuda.manual_seed_all(0)
device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
print(device, device.type, torch.cuda.device_count(), torch.version.cuda if torch.cuda.is_available() else None)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)).to(
    device, memory_format=torch.channels_last
)
scaler = torch.amp.GradScaler("cuda", enabled=torch.cuda.is_available())
data = TensorDataset(torch.randn(32, 1, 8, 8), torch.randint(0, 2, (32,)))
loader = DataLoader(data, batch_size=8, pin_memory=torch.cuda.is_available(), shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for inputs, labels in loader:
    inputs = inputs.to(device, non_blocking=True, memory_format=torch.channels_last)
    labels = labels.to(device, non_blocking=True)
    with torch.autocast(device_type=device.type, enabled=False):
        loss = nn.functional.cross_entropy(model(inputs), labels)
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    print(f"{loss.detach().cpu().item():.5f}")
print(
    next(model.parameters()).is_cuda,
    next(model.parameters()).device,
    isinstance(scaler, object),
    GradScaler is not None,
)
try:
    model.cuda()
except (AssertionError, RuntimeError) as error:
    print("no CUDA:", type(error).__name__ in ("AssertionError", "RuntimeError"))
