"""Pruning: a parameter times a mask of zeros and ones, by a hook before each call.

<name> becomes <name>_orig, a parameter, and <name>_mask, a buffer. A second pruning looks only at what the first left.
Source: https://docs.pytorch.org/docs/stable/nn.html#pruning
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nptorch.nn.module import M, Module
from nptorch.nn.utils.hooked import find, keys
from nptorch.ops.join import cat
from nptorch.ops.sort import topk
from nptorch.random import rand, rand_like
from nptorch.tensor import Tensor


def _ones(t: Tensor) -> Tensor:
    return t.new_ones(t.shape)


class BasePruningMethod:
    """A way to choose what to prune; a subclass defines compute_mask(t, default_mask) and PRUNING_TYPE.

    PRUNING_TYPE: "unstructured" (single numbers), "structured" (whole slices along self.dim) or "global".
    """

    PRUNING_TYPE = "global"
    name: str

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for the importance scores `t`, zero at least where `default_mask` is."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute_mask(t, default_mask)")

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The parameter with zeros where it is pruned."""
        return getattr(module, f"{self.name}_orig") * getattr(module, f"{self.name}_mask")

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """A tensor with zeros where this method prunes it."""
        scores = t if importance_scores is None else importance_scores
        return t * self.compute_mask(scores, _ones(t) if default_mask is None else default_mask)

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune the parameter `name` of a module by cls(*args, **kwargs); returns the hook."""
        method: BasePruningMethod = cls(*args, **kwargs)
        method.name = name
        tensor = getattr(module, name)
        scores = tensor if importance_scores is None else importance_scores
        if scores.shape != tensor.shape:
            raise ValueError(
                f"importance_scores have shape {list(scores.shape)}, the parameter '{name}' has {list(tensor.shape)}"
            )
        hooks: dict[int, Any] = module._forward_pre_hooks
        before = keys(hooks, BasePruningMethod, name)
        mask = getattr(module, f"{name}_mask").clone() if before else _ones(tensor)
        hook = PruningContainer(*(hooks[key] for key in before), method) if before else method
        mask = hook.compute_mask(scores.detach(), mask).to(tensor.dtype)
        for key in before:
            del hooks[key]
        if not before:
            parameter = module._parameters.pop(name)
            module.register_parameter(f"{name}_orig", parameter)
        module.register_buffer(f"{name}_mask", mask)
        hook(module, ())
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the pruned values those of the parameter, which gets its name back."""
        pruned = self.apply_mask(module).data
        parameter = module._parameters.pop(f"{self.name}_orig")
        assert parameter is not None
        parameter.data = pruned
        delattr(module, self.name)
        del module._buffers[f"{self.name}_mask"]
        setattr(module, self.name, parameter)


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter: the newest chooses among what the earlier ones left."""

    def __init__(self, *methods: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a method; those of a container are taken over."""
        self.name = method.name
        self._pruning_methods += method._pruning_methods if isinstance(method, PruningContainer) else (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask that the newest method chooses within `default_mask`."""
        method = self._pruning_methods[-1]
        left: Any = slice(None)
        if method.PRUNING_TYPE == "unstructured":
            left = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()  # type: ignore[attr-defined]
            alive = default_mask.sum([d for d in range(t.dim()) if d != dim]) != 0
            left = (slice(None),) * dim + (alive,)
        mask = default_mask.clone()
        mask[left] = method.compute_mask(t[left], default_mask[left]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prunes nothing, but splits the parameter as the others do."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask as it is."""
        return default_mask


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is zero."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Both masks together."""
        return default_mask * self.mask.to(default_mask.dtype)


class _Amount(BasePruningMethod):
    """Prunes an amount: a float is a share of the whole, an int a number."""

    def __init__(self, amount: float) -> None:
        if not isinstance(amount, (int, float)):
            raise TypeError(f"Invalid type for amount: {amount!r}. Must be int or float.")
        if amount < 0 or (isinstance(amount, float) and amount > 1.0):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0.0, 1.0] or a non-negative integer"
            )
        self.amount = amount

    def _count(self, size: int) -> int:
        if isinstance(self.amount, float):
            return round(self.amount * size)
        if self.amount > size:
            raise ValueError(f"amount={self.amount} should be smaller than the number of parameters to prune={size}")
        return self.amount


class RandomUnstructured(_Amount):
    """Prunes numbers at random."""

    PRUNING_TYPE = "unstructured"
    largest = True

    def _scores(self, t: Tensor) -> Tensor:
        return rand_like(t)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Zero for the numbers to prune."""
        mask = default_mask.clone()
        if count := self._count(t.numel()):
            chosen = topk(self._scores(t).reshape(-1), count, largest=self.largest).indices
            mask.view(-1)[chosen] = 0
        return mask


class L1Unstructured(RandomUnstructured):
    """Prunes the numbers of the smallest magnitude."""

    largest = False

    def _scores(self, t: Tensor) -> Tensor:
        return t.abs()


class _Slices(_Amount):
    """Prunes whole slices along a dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Zero for the slices of the lowest scores."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. "
                f"Found tensor of shape {tuple(t.shape)} with {t.dim()} dims"
            )
        kept = t.shape[self.dim] - self._count(t.shape[self.dim])
        mask = default_mask.new_zeros(default_mask.shape)
        mask.transpose(0, self.dim)[topk(self._scores(t), kept).indices] = 1
        return mask * default_mask


class RandomStructured(_Slices):
    """Prunes slices at random."""

    def _scores(self, t: Tensor) -> Tensor:
        return rand(t.shape[self.dim])


class LnStructured(_Slices):
    """Prunes the slices of the smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _scores(self, t: Tensor) -> Tensor:
        return t.norm(self.n, [d for d in range(t.dim()) if d != self.dim % t.dim()])


def identity(module: M, name: str) -> M:
    """Split a parameter without pruning it."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune `amount` of the parameter's numbers (a share if float, a number if int), chosen at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune the `amount` of numbers of the smallest magnitude."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune `amount` of the slices along `dim`, chosen at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None) -> M:
    """Prune the `amount` of slices along `dim` that have the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune where `mask`, of the parameter's shape, is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune the (module, name) pairs by one unstructured choice over all of them, e.g. amount=0.2 in total."""
    pairs = list(parameters)
    method = pruning_method(**kwargs)
    method.name = "all"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f"global_unstructured() needs an unstructured pruning_method, {pruning_method.__name__} is {method.PRUNING_TYPE}"
        )
    tensors = [getattr(module, name).detach() for module, name in pairs]
    scores = [(importance_scores or {}).get(pair, t) for pair, t in zip(pairs, tensors, strict=True)]
    masks = [getattr(module, f"{name}_mask", _ones(t)) for (module, name), t in zip(pairs, tensors, strict=True)]
    chosen = PruningContainer(method).compute_mask(
        cat([s.reshape(-1) for s in scores]), cat([m.reshape(-1) for m in masks])
    )
    for (module, name), part, t in zip(pairs, chosen.split([t.numel() for t in tensors]), tensors, strict=True):
        custom_from_mask(module, name, part.view_as(t))


def remove(module: M, name: str) -> M:
    """Make the pruning permanent: the parameter keeps its zeros, the mask goes.

    Raises: ValueError if the parameter is not pruned.
    """
    hooks: dict[int, Any] = module._forward_pre_hooks
    hooks.pop(find(module, hooks, BasePruningMethod, name, "Pruning")).remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether any parameter of the module, or of one below it, is pruned."""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
