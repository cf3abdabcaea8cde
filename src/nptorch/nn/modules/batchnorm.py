"""Batch normalization.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html; Ioffe and Szegedy 2015.
"""

from __future__ import annotations

from typing import Any

from nptorch import dtypes
from nptorch.nn import functional as F
from nptorch.nn import init
from nptorch.nn.module import Module
from nptorch.nn.modules.lazy import LazyModuleMixin
from nptorch.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from nptorch.ops import create
from nptorch.tensor import Tensor


class _NormBase(Module):
    """What batch and instance normalization share: scale, shift and running statistics per channel."""

    _version = 2  # 1 had no num_batches_tracked
    _input_dims: tuple[int, ...]
    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(
                name, Parameter(create.empty(num_features, device=device, dtype=dtype)) if wanted else None
            )
        if track_running_stats:
            self.register_buffer("running_mean", create.zeros(num_features, device=device, dtype=dtype))
            self.register_buffer("running_var", create.ones(num_features, device=device, dtype=dtype))
            self.register_buffer("num_batches_tracked", create.tensor(0, dtype=dtypes.int64, device=device))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the statistics: mean 0, variance 1, no batches."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Forget the statistics; weight 1, bias 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._input_dims:
            expected = " or ".join(f"{n}D" for n in self._input_dims)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *rest: Any) -> None:
        counted = local_metadata.get("version", 1) >= 2
        if not counted and self.num_batches_tracked is not None:
            state_dict.setdefault(prefix + "num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        # Each is looked up once: what a module registers costs more than a plain attribute.
        factor, training, tracked = self.momentum, self.training, self.num_batches_tracked
        running_mean, running_var = self.running_mean, self.running_var
        if running_mean is None and running_var is None:
            training = True
        elif training and not self.track_running_stats:
            running_mean = running_var = None
        if self.training and self.track_running_stats and tracked is not None:
            tracked._array.fill(tracked._array.item() + 1)  # what += 1 takes twenty times as long for
            tracked._version[0] += 1
            if factor is None:
                factor = 1.0 / float(tracked)  # the mean over all batches
        return F.batch_norm(
            input,
            running_mean,
            running_var,
            self.weight,
            self.bias,
            training,
            0.0 if factor is None else factor,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalizes each channel of (N, C) or (N, C, L) over the batch; in eval mode by the running statistics.

    momentum: weight of a batch in the running statistics, None for their mean. Raises: ValueError for other dimensions.
    """

    _input_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalizes each channel of (N, C, H, W) over the batch; in eval mode by the running statistics.

    momentum: weight of a batch in the running statistics, None for their mean. Raises: ValueError for other dimensions.
    """

    _input_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalizes each channel of (N, C, D, H, W) over the batch; in eval mode by the running statistics.

    momentum: weight of a batch in the running statistics, None for their mean. Raises: ValueError for other dimensions.
    """

    _input_dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Normalizes each channel of (N, C, *) over the batches of all processes, of which there is one: as BatchNorm.

    Raises: ValueError for fewer than 2 dimensions.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with a SyncBatchNorm, of the same parameters and statistics, in place of every BatchNorm."""
        made: Module = module
        if isinstance(module, _BatchNorm):
            made = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for registry in ("_parameters", "_buffers"):
                getattr(made, registry).update(getattr(module, registry))
            made.training = module.training
        for name, child in module.named_children():
            made.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return made


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """What the lazy layers add to theirs: num_features are the channels of the first input."""

    weight: UninitializedParameter | None
    bias: UninitializedParameter | None
    running_mean: UninitializedBuffer | None
    running_var: UninitializedBuffer | None

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self._leave_open(device, dtype, "weight", *["bias"] * bias)
        if track_running_stats:
            self._leave_open(device, dtype, "running_mean", "running_var", buffers=True)
            self.num_batches_tracked = create.tensor(0, dtype=dtypes.int64, device=device)

    def reset_parameters(self) -> None:
        """As the layer's, once num_features is known."""
        if self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input."""
        loaded = not self.has_uninitialized_params()
        self.num_features = input.shape[1]
        if loaded:
            return
        for open_ in (self.weight, self.bias, self.running_mean, self.running_var):
            if open_ is not None:
                open_.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    """A BatchNorm1d whose num_features are the channels of the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    """A BatchNorm2d whose num_features are the channels of the first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    """A BatchNorm3d whose num_features are the channels of the first input."""

    cls_to_become = BatchNorm3d
