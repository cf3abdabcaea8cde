"""From an object to a file: zip or legacy, replaced whole or not at all."""

from __future__ import annotations

import functools
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from nptorch.serialization.archive import write_archive
from nptorch.serialization.atomic import replacing
from nptorch.serialization.legacy import write_legacy
from nptorch.serialization.pickler import Pickler


def write(obj: Any, f: Any, protocol: int, *, zipped: bool) -> None:
    """Write an object to a path or a binary file, in PyTorch's zip format or the one before it.

    Raises: TypeError for a target of another kind, pickle.PicklingError for an object that cannot be pickled.
    """
    content = io.BytesIO()
    pickler = Pickler(content, protocol, legacy=not zipped)
    try:
        pickler.dump(obj)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise pickle.PicklingError(
            f"cannot save a {type(obj).__name__}: {error}. What is saved must be made of tensors, plain values and classes at the top "
            "level of a module; for a model, save model.state_dict()"
        ) from error
    except RecursionError:
        raise pickle.PicklingError(f"cannot save a {type(obj).__name__}: it is nested too deeply") from None
    if isinstance(f, str | os.PathLike):
        root = Path(f).stem
        with replacing(f) as file:
            _writer(root if root.isascii() else "archive", zipped)(file, content.getbuffer(), pickler.blocks)
    elif hasattr(f, "write"):
        _writer("archive", zipped)(f, content.getbuffer(), pickler.blocks)
    else:
        raise TypeError(f"save() needs a path or a file opened with 'wb', got {type(f).__name__}")


def _writer(root: str, zipped: bool) -> Callable[[IO[bytes], Any, Any], None]:
    return functools.partial(write_archive, root=root) if zipped else write_legacy
