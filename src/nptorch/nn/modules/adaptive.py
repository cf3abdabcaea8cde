"""Adaptive softmax: many classes, of which few are frequent.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html; Grave et al. 2017.
"""

from __future__ import annotations

import itertools
from collections import namedtuple
from collections.abc import Iterator, Sequence
from typing import Any

from nptorch.nn import functional as F
from nptorch.nn.module import Module
from nptorch.nn.modules.container import ModuleList, Sequential
from nptorch.nn.modules.linear import Linear
from nptorch.ops.join import cat
from nptorch.tensor import Tensor

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Input (N, in_features) and classes (N) -> the log-probability of each class (N), and the loss, minus their mean.

    The classes are sorted by frequency: those below cutoffs[0] have a place each in the head, the others share one place
    for each cluster between cutoffs, whose projection is div_value times as narrow as the one before.

    Raises: ValueError for cutoffs that do not rise within [1, n_classes - 1].
    """

    head: Linear
    tail: ModuleList

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        bounds = [0, *cutoffs, n_classes]
        if any(int(c) != c for c in cutoffs) or any(a >= b for a, b in itertools.pairwise(bounds)):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                f"value is between 1 and n_classes-1, got {cutoffs} for {n_classes} classes"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs), 1):
            width = int(in_features // div_value**i)
            self.tail.append(
                Sequential(
                    Linear(in_features, width, bias=False, device=device, dtype=dtype),
                    Linear(width, high - low, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights as Linear does."""
        self.head.reset_parameters()
        for layer in itertools.chain.from_iterable(self.tail):
            layer.reset_parameters()

    def _clusters(self) -> Iterator[tuple[int, int, int, Any]]:
        """(place in the head, first class, last class + 1, projection) of each cluster."""
        bounds = itertools.pairwise(self.cutoffs)
        for place, ((low, high), project) in enumerate(zip(bounds, self.tail, strict=True), self.shortlist_size):
            yield place, low, high, project

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        if target_.ndim > 1 or input_.ndim != target_.ndim + 1:
            raise RuntimeError(
                "0D or 1D target tensor expected, with a 1D or 2D input, got a target of size "
                f"{list(target_.shape)} and an input of size {list(input_.shape)}"
            )
        single = target_.ndim == 0
        input, target = (input_.unsqueeze(0), target_.unsqueeze(0)) if single else (input_, target_)
        if len(input) != len(target):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if len(target) and not (int(target.min()) >= 0 and int(target.max()) < self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{target.min().item()}, "
                f"{target.max().item()}] were found. "
            )
        places, inner = target, input.new_zeros(len(target))
        for place, low, high, project in self._clusters():
            inside = (target >= low) & (target < high)
            rows = inside.nonzero().squeeze(1)
            if len(rows):
                places = places.masked_fill(inside, place)
                scores = F.log_softmax(project(input[rows]), 1)
                inner = inner.index_add(0, rows, scores.gather(1, (target[rows] - low).unsqueeze(1)).squeeze(1))
        output = F.log_softmax(self.head(input), 1).gather(1, places.unsqueeze(1)).squeeze(1) + inner
        return _ASMoutput(output.squeeze(0) if single else output, (-output).mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        inner = [
            F.log_softmax(project(input), 1) + head[:, place : place + 1] for place, _, _, project in self._clusters()
        ]
        return cat([head[:, : self.shortlist_size], *inner], 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class, by the cluster's share first: (N, in_features) -> (N)."""
        best = self.head(input).argmax(1)
        rare = best >= self.shortlist_size
        if rare.any():
            best[rare] = self.log_prob(input[rare]).argmax(1)
        return best
