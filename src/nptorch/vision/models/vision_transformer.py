"""Vision transformers: (N, 3, image_size, image_size) -> (N, classes) scores.

Source: A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
arXiv:2010.11929.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import nptorch
from nptorch import nn
from nptorch.tensor import Tensor
from nptorch.vision.models.registry import File, model
from nptorch.vision.ops.misc import MLP

__all__ = [
    "ViT_B_16_Weights", "ViT_B_32_Weights", "ViT_L_16_Weights", "ViT_L_32_Weights", "VisionTransformer",
    "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32",
]  # fmt: skip

Norm = Callable[..., nn.Module]
_LayerNorm = partial(nn.LayerNorm, eps=1e-6)


class MLPBlock(MLP):
    """Two linear layers, GELU between them."""

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, dropout=dropout)
        for layer in self:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.normal_(layer.bias, std=1e-6)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        """Published files are older than MLP, and call the layers linear_1 and linear_2."""
        if (local_metadata.get("version") or 1) < 2:
            for i in (0, 1):
                for kind in ("weight", "bias"):
                    old = f"{prefix}linear_{i + 1}.{kind}"
                    if old in state_dict:
                        state_dict[f"{prefix}{3 * i}.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class EncoderBlock(nn.Module):
    """Attention and two linear layers, each after a normalisation and beside a shortcut."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Norm = _LayerNorm,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        """(N, patches, hidden_dim), changed."""
        x = self.ln_1(input)
        x = self.dropout(self.self_attention(x, x, x, need_weights=False)[0]) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """What learned places add, blocks, a normalisation."""

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Norm = _LayerNorm,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(nptorch.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        blocks = (
            EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
            for _ in range(num_layers)
        )
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", block) for i, block in enumerate(blocks)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        """(N, patches, hidden_dim), encoded."""
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """Patches of an image and a class token through an encoder; a linear layer on what becomes of the token.

    representation_size: width of a further layer before the last.
    Source: https://pytorch.org/vision/stable/models/vision_transformer.html

    Raises: ValueError for an image_size that is no multiple of the patch_size, or, when called, for images of another
    size.
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Norm = _LayerNorm,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"Input shape indivisible by patch size! {image_size} is no multiple of {patch_size}")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        self.conv_proj = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
        self.class_token = nn.Parameter(nptorch.zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(
            self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer
        )
        heads: OrderedDict[str, nn.Module] = OrderedDict()
        if representation_size is not None:
            heads["pre_logits"] = nn.Linear(hidden_dim, representation_size)
            heads["act"] = nn.Tanh()
        heads["head"] = nn.Linear(representation_size or hidden_dim, num_classes)
        self.heads = nn.Sequential(heads)
        _narrow(self.conv_proj, fan_in=3 * patch_size**2)
        if representation_size is not None:
            _narrow(heads["pre_logits"], fan_in=hidden_dim)
        for parameter in heads["head"].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Scores for each class."""
        if x.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"Wrong image height or width! Expected {self.image_size} x {self.image_size} but got {list(x.shape)}"
            )
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = nptorch.cat([self.class_token.expand(len(x), -1, -1), patches], 1)
        return self.heads(self.encoder(tokens)[:, 0])


def _narrow(layer: Any, fan_in: int) -> None:
    nn.init.trunc_normal_(layer.weight, std=math.sqrt(1 / fan_in))
    nn.init.zeros_(layer.bias)


def _vit(patch: int, size: tuple[int, int, int, int], image_size: int = 224, **options: Any) -> VisionTransformer:
    """size: layers, heads, hidden_dim, mlp_dim."""
    return VisionTransformer(image_size, patch, *size, **options)


_model = partial(model, network=_vit, with_weights={"image_size": 224})
_BASE, _LARGE = (12, 12, 768, 3072), (24, 16, 1024, 4096)
ViT_B_16_Weights, vit_b_16 = _model("ViT_B_16", patch=16, size=_BASE, v1="vit_b_16-c867db91")
ViT_B_32_Weights, vit_b_32 = _model("ViT_B_32", patch=32, size=_BASE, v1="vit_b_32-d86f8d99")
ViT_L_16_Weights, vit_l_16 = _model("ViT_L_16", patch=16, size=_LARGE, v1=File("vit_l_16-852ce7e3", resize=242))
ViT_L_32_Weights, vit_l_32 = _model("ViT_L_32", patch=32, size=_LARGE, v1="vit_l_32-c7638314")
