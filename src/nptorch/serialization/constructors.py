"""PyTorch's own constructors: what a file may call to make tensors and their kin, each call checked.

Nothing here allocates more than the file holds or reaches other code.
"""

from __future__ import annotations

from reprlib import repr as short
from typing import Any

import numpy as np

from nptorch import devices, dtypes, settings
from nptorch.errors import CheckpointError
from nptorch.nn.parameter import Parameter
from nptorch.ops.signatures import FUNCTIONS
from nptorch.random import Generator
from nptorch.serialization.names import BUILDS, CALLS, NAMES, constructor
from nptorch.size import Size
from nptorch.storage import TypedStorage, UntypedStorage, view
from nptorch.tensor import Tensor, from_array

# What a lazy conjugate or negative of PyTorch's is here, where tensors hold their values as they are.
_METADATA = {"conj": np.conj, "neg": np.negative}


def _tensor(values: Any, offset: int, size: Any, stride: Any, requires_grad: bool, metadata: Any) -> Tensor:
    array = view(values, offset, size, stride)
    for name, wanted in (metadata or {}).items():
        if name not in _METADATA:
            raise CheckpointError(f"a tensor has the property {short(name)}, which is unknown")
        array = _METADATA[name](array) if wanted else array
    made = from_array(array)
    made.requires_grad = requires_grad
    return made


@constructor("torch._utils", "_rebuild_tensor")
def rebuild_tensor(storage: TypedStorage, offset: int, size: Any, stride: Any) -> Tensor:
    """A tensor of PyTorch before 0.4."""
    return _tensor(storage._values, offset, size, stride, False, None)


@constructor("torch._utils", "_rebuild_tensor_v2")
def rebuild_tensor_v2(
    storage: TypedStorage,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor that looks at the elements of a typed storage."""
    return _tensor(storage._values, offset, size, stride, requires_grad, metadata)


@constructor("torch._utils", "_rebuild_tensor_v3")
def rebuild_tensor_v3(
    storage: UntypedStorage,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Tensor:
    """A tensor that looks at the elements of an untyped storage as `dtype`."""
    return _tensor(storage.content.view(dtypes.parse(dtype).numpy), offset, size, stride, requires_grad, metadata)


@constructor("torch._utils", "_rebuild_parameter")
def rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Parameter:
    """A Parameter around a tensor."""
    return Parameter(data, bool(requires_grad))


@constructor("torch._utils", "_rebuild_parameter_with_state")
def rebuild_parameter_with_state(data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Parameter:
    """A Parameter with attributes of its own."""
    return _with_attributes(Parameter(data, bool(requires_grad)), state)


@constructor("torch._tensor", "_rebuild_from_type_v2")
def rebuild_from_type_v2(function: Any, kind: Any, arguments: Any, state: Any) -> Tensor:
    """A tensor with attributes of its own, or of a subclass."""
    if not callable(function) or function not in CALLS or not isinstance(kind, type) or not issubclass(kind, Tensor):
        raise CheckpointError(f"refused: a tensor is to be made by {short(function)} as {short(kind)}")
    made = CALLS[function](*arguments)
    if kind is not Tensor and type(made) is Tensor:
        made = from_array(made._array, kind)
    return _with_attributes(made, state)


def _with_attributes(made: Any, state: Any) -> Any:
    if not isinstance(made, Tensor) or not isinstance(state, dict):
        raise CheckpointError(f"a tensor's attributes are no dictionary but {type(state).__name__}")
    made.__dict__.update(state)
    return made


@constructor("torch", "Size", Size)
def _size(lengths: Any) -> Size:
    if not all(type(n) is int for n in lengths):
        raise CheckpointError(f"a Size of {short(lengths)}")
    return Size(lengths)


@constructor("torch", "device", devices.device)
def _device(kind: str, index: int | None = None) -> devices.device:
    return devices.device(kind, index)


class _Functions:
    """Stands for the class whose methods torch.relu and its like are."""


NAMES["torch._C", "_VariableFunctionsClass"] = _Functions


@constructor("builtins", "getattr")
def _torch_function(owner: Any, name: str) -> Any:
    if owner is not _Functions or name not in FUNCTIONS:
        raise CheckpointError(
            f"refused: the file asks for attribute {short(name)} of {short(owner)}, which could run anything"
        )
    return FUNCTIONS[name]


@constructor("torch.serialization", "_get_layout")
def get_layout(name: str) -> settings.layout:
    """torch.strided; no tensor here is sparse."""
    if name != "torch.strided":
        raise CheckpointError(f"refused: layout {short(name)}; tensors are dense here: save x.to_dense() in PyTorch")
    return settings.strided


@constructor("torch._C", "Generator", Generator)
def _generator(device: Any = "cpu") -> Generator:
    return Generator(device)


def _set_generator(generator: Generator, state: Any) -> None:
    """PyTorch's state of a generator: seed, offset (of generators on a GPU), the state as a tensor."""
    _, _, content = state
    generator.set_state(content)


BUILDS[Generator] = _set_generator
