"""Mixed precision as scripts write it: everything stays in the precision of its tensors (https://pytorch.org/docs/stable/amp.html)."""

from __future__ import annotations

import contextlib
from typing import Any

from nptorch.tensor import Tensor


class autocast(contextlib.ContextDecorator):
    """Accepted as a block or a decorator; operations keep their dtypes, since lower precision is not faster on a CPU."""

    def __init__(
        self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        self.device_type, self.dtype, self.enabled = device_type, dtype, enabled

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        return None


def custom_fwd(fwd: Any = None, **options: Any) -> Any:
    """The function itself."""
    return fwd if fwd is not None else (lambda function: function)


custom_bwd = custom_fwd


class GradScaler:
    """Loss scaling for float16 on a GPU: switched off, as in PyTorch where there is none."""

    def __init__(self, device: str = "cuda", *args: Any, **options: Any) -> None:
        pass

    def is_enabled(self) -> bool:
        """False."""
        return False

    def scale(self, outputs: Any) -> Any:
        """The loss itself."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing was scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step()."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Nothing to update."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing to load."""
