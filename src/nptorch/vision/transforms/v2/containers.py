"""Transforms made of transforms or functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nptorch.ops.create import tensor
from nptorch.random import multinomial, randperm
from nptorch.vision.transforms import draw
from nptorch.vision.transforms.chains import Compose as _Compose
from nptorch.vision.transforms.v2.sample import Transform

Step = Callable[..., Any]


class _Container(Transform):
    """Raises: TypeError if the transforms are no sequence; ValueError if there are none."""

    def __init__(self, transforms: Sequence[Step]) -> None:
        super().__init__()
        if not isinstance(transforms, Sequence):
            raise TypeError(f"Argument transforms should be a sequence of callables, got {type(transforms).__name__}")
        if not transforms:
            raise ValueError("Pass at least one transform")
        self.transforms = transforms

    def _after(self, order: Any, inputs: tuple[Any, ...]) -> Any:
        """The sample after the transforms of these numbers."""
        several = len(inputs) > 1
        for i in order:
            made = self.transforms[i](*inputs)
            inputs = made if several else (made,)
        return inputs if several else inputs[0]

    def extra_repr(self) -> str:
        """One line a transform."""
        return "\n".join(f"    {step}" for step in self.transforms)


class Compose(_Container):
    """The transforms one after the other."""

    first_version = _Compose

    def forward(self, *inputs: Any) -> Any:
        """The sample after all of them."""
        return self._after(range(len(self.transforms)), inputs)


class RandomApply(_Container):
    """All transforms one after the other with probability p, else none.

    Raises: ValueError for a p outside [0, 1].
    """

    def __init__(self, transforms: Sequence[Step], p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"`p` should be a floating point value in the interval [0.0, 1.0], got {p}")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        """The sample, transformed or not."""
        return self._after(range(len(self.transforms)) if draw.happens(self.p) else (), inputs)


class RandomChoice(_Container):
    """One of the transforms, drawn with the weights p.

    Raises: ValueError unless there are as many weights as transforms.
    """

    def __init__(self, transforms: Sequence[Step], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        p = [1.0] * len(transforms) if p is None else p
        if len(p) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}")
        self.p = [weight / sum(p) for weight in p]

    def forward(self, *inputs: Any) -> Any:
        """The sample after one of them."""
        return self._after(multinomial(tensor(self.p), 1).tolist(), inputs)

    extra_repr = Transform.extra_repr


class RandomOrder(_Container):
    """All transforms in random order."""

    def forward(self, *inputs: Any) -> Any:
        """The sample after all of them."""
        return self._after(randperm(len(self.transforms)).tolist(), inputs)

    extra_repr = Transform.extra_repr


class Lambda(Transform):
    """A function of everything in a sample that is of one of the types."""

    _transformed_types = (object,)

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types = types or (object,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """What the function makes of it."""
        return self.lambd(inpt) if isinstance(inpt, self.types) else inpt

    def extra_repr(self) -> str:
        """The function's name and the types."""
        name = getattr(self.lambd, "__name__", "")
        return f"{name}{', ' if name else ''}types={[kind.__name__ for kind in self.types]}"


class Identity(Transform):
    """Nothing."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image."""
        return inpt
