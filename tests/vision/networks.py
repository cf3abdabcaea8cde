"""What is asked of torchvision's networks, of nptorch and of torchvision alike."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np

SMALL = [
    "resnet18", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "densenet121",
    "googlenet", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
]  # fmt: skip
LARGE = ["alexnet", "resnet34", "resnet50", "resnext50_32x4d", "vgg13_bn", "vgg16"]
OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"init_weights": True, "transform_input": True, "aux_logits": True},
    "resnet18": {"zero_init_residual": True},
    "resnet50": {"replace_stride_with_dilation": [False, True, True]},
    "densenet121": {"drop_rate": 0.1},
    "mobilenet_v2": {"width_mult": 0.35, "dropout": 0.4},
    "mobilenet_v3_small": {"reduced_tail": True, "dilated": True},
    "mobilenet_v3_large": {"width_mult": 0.5, "reduced_tail": True},
}


def answer(name: str, torch: Any, models: Any) -> dict[str, Any]:
    """Digests of the text, the names and the first weights of a network; its outputs and gradients in float64."""
    torch.manual_seed(5)
    network = models.get_model(name, num_classes=4, **OPTIONS.get(name, {}))
    state = network.state_dict()
    weights = b"".join(np.ascontiguousarray(value.numpy()).tobytes() for value in state.values())
    images = (torch.arange(2 * 3 * 64 * 64).double().reshape(2, 3, 64, 64) * 0.37).sin().requires_grad_()
    network.double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = network(images)
        scores = trained[0] if isinstance(trained, tuple) else trained
        loss = (
            sum(((k + 1) * part).square().mean() for k, part in enumerate(trained)) if scores is not trained else None
        )
        (scores.square().mean() if loss is None else loss).backward()
        network.eval()
        tested = network(images)
    gradients = [p.grad.abs().sum().item() for p in network.parameters()]
    return {
        "text": _digest(repr(network).encode()),
        "names": _digest(repr([(key, list(value.shape)) for key, value in state.items()]).encode()),
        "weights": _digest(weights),
        "trained": scores.flatten().tolist(),
        "tested": tested.flatten().tolist(),
        "gradient": images.grad[:, :, 30:32, 30:32].flatten().tolist(),
        "gradients": [gradients[0], gradients[-1], sum(gradients)],
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
