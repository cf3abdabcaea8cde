"""SummaryWriter: curves, pictures and texts for TensorBoard, written by tensorboardX (an optional library).

Source: https://docs.pytorch.org/docs/stable/tensorboard.html
"""

from __future__ import annotations

import functools
import time
import warnings
from typing import Any

from nptorch.tensor import Tensor

try:
    from tensorboardX import SummaryWriter as _Writer
except ModuleNotFoundError as error:
    if error.name != "tensorboardX":
        raise
    raise ModuleNotFoundError(
        "utils.tensorboard needs tensorboardX: pip install tensorboardX", name="tensorboardX"
    ) from None

__all__ = ["SummaryWriter"]


def _plain(value: Any) -> Any:
    """The same with arrays for tensors, in lists, tuples and dictionaries too."""
    if isinstance(value, Tensor):
        return value.detach()._array
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


class SummaryWriter(_Writer):
    """Writes event files into log_dir (default: runs/<time>_<machine><comment>), one folder a run."""

    def __init__(
        self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10, flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:  # fmt: skip
        super().__init__(
            None if log_dir is None else str(log_dir), comment, purge_step, max_queue, flush_secs, filename_suffix
        )
        self.log_dir = self.logdir

    def get_logdir(self) -> str:
        """The folder of the event files."""
        return self.log_dir

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Not supported: warns, and writes nothing."""
        warnings.warn("add_graph() writes nothing: models are not traced here", stacklevel=2)

    def add_hparams(
        self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: Any = None,
        run_name: str | None = None, global_step: int | None = None,
    ) -> None:  # fmt: skip
        """What the run was made with and what came of it, in a folder of its own under the run's."""
        metrics = {k: float(v) for k, v in metric_dict.items()}
        super().add_hparams(_plain(hparam_dict), metrics, run_name or str(time.time()), global_step)

    def add_tensor(self, tag: str, tensor: Any, global_step: int | None = None, walltime: float | None = None) -> None:
        """Not supported: warns, and writes nothing."""
        warnings.warn("add_tensor() writes nothing; use add_histogram() or add_text()", stacklevel=2)


def _taking_tensors(name: str) -> Any:
    method = getattr(_Writer, name)

    @functools.wraps(method)
    def add(self: SummaryWriter, *args: Any, **kwargs: Any) -> None:
        method(self, *_plain(args), **_plain(kwargs))

    return add


for _name in dir(_Writer):
    if _name.startswith("add_") and _name not in vars(SummaryWriter):
        setattr(SummaryWriter, _name, _taking_tensors(_name))
