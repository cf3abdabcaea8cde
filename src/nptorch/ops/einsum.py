"""Sums of products by index letters: permuted views, and a product of matrices for each pair of operands."""

from __future__ import annotations

import itertools
import math
from typing import Any

from nptorch.ops.linalg import matmul
from nptorch.ops.reduce import sum_op
from nptorch.ops.shape import diagonal, permute_op, reshape, squeeze_op
from nptorch.ops.signatures import function
from nptorch.tensor import Tensor


def _arranged(x: Tensor, letters: str, order: str, shape: tuple[int, ...]) -> Tensor:
    """The dimensions, one for each letter, in another order, then seen in another shape."""
    if letters != order:
        x = permute_op(x, dims=tuple([letters.index(c) for c in order]))
    return x if x._array.shape == shape else reshape(x, shape)


def _contract(x: Tensor, p: str, y: Tensor, q: str, kept: set[str], lengths: dict[str, int]) -> tuple[str, Tensor]:
    """The product of two operands with letters p and q, summed over those they share that are not kept; its own letters first."""

    def shape(letters: str) -> tuple[int, ...]:
        return tuple([lengths[c] for c in letters])

    shared = "".join([c for c in p if c in q])
    batch, inner = ("".join([c for c in shared if (c in kept) is stays]) for stays in (True, False))
    left, right = ("".join([c for c in letters if c not in shared]) for letters in (p, q))
    if inner and (left or right):  # a product of matrices
        depth = math.prod(shape(inner))
        a = _arranged(x, p, batch + left + inner, (*shape(batch), math.prod(shape(left)), depth))
        b = _arranged(y, q, batch + inner + right, (*shape(batch), depth, math.prod(shape(right))))
        letters = batch + left + right
        return letters, _arranged(matmul(a, b), letters, letters, shape(letters))
    beside = tuple([lengths[c] if c in q else 1 for c in p])
    product = _arranged(x, p, p, shape(p) + (1,) * len(right)) * _arranged(y, q, shared + right, beside + shape(right))
    if inner:
        product = sum_op(product, axis=tuple([p.index(c) for c in inner]), keepdims=False)
    return "".join([c for c in p if c not in inner]) + right, product


def _sum_of_products(parts: list[str], operands: list[Tensor], target: str, lengths: dict[str, int]) -> Tensor:
    """Pair by pair, the pair first that leaves the fewest numbers; then in the order of `target`."""

    def size(letters: Any) -> int:
        return math.prod([lengths[c] for c in letters])

    def kept(*places: int) -> set[str]:
        """The letters that the target or an operand at another place still needs."""
        return set(target).union(*(p for k, p in enumerate(parts) if k not in places))

    def growth(pair: tuple[int, int]) -> int:
        p, q = (parts[k] for k in pair)
        return size(kept(*pair).intersection(p + q)) - size(p) - size(q)

    for k, (p, x) in enumerate(zip(parts, operands, strict=True)):
        needed = kept(k)
        if alone := tuple([d for d, c in enumerate(p) if c not in needed]):
            operands[k] = sum_op(x, axis=alone, keepdims=False)
            parts[k] = "".join([c for c in p if c in needed])
    while len(parts) > 1:
        i, j = min(itertools.combinations(range(len(parts)), 2), key=growth)
        made = _contract(operands[i], parts[i], operands[j], parts[j], kept(i, j), lengths)
        del parts[j], operands[j]
        parts[i], operands[i] = made
    found = "".join([c for c in target if c in parts[0]])
    return _arranged(operands[0], parts[0], found, tuple([lengths[c] for c in target]))


@function(method=False)
def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products by index letters, e.g. einsum("bij,bjk->bik", a, b)
    (https://pytorch.org/docs/stable/generated/torch.einsum.html)."""
    if len(operands) == 1 and not isinstance(operands[0], Tensor):
        operands = tuple(operands[0])
    terms, arrow, target = equation.replace(" ", "").partition("->")
    parts = terms.split(",")
    if len(parts) != len(operands):
        raise RuntimeError(
            f"einsum(): the equation {equation!r} names {len(parts)} operands, but {len(operands)} were given"
        )
    free = [c for c in map(chr, [*range(65, 91), *range(97, 123)]) if c not in equation]
    dots = [
        x._array.ndim - len(p.replace("...", "")) if "..." in p else 0 for p, x in zip(parts, operands, strict=True)
    ]
    batch = "".join(free[: max(dots, default=0)])
    if not arrow:
        letters = terms.replace("...", "").replace(",", "")
        target = ("..." if batch else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    parts = [p.replace("...", batch[len(batch) - n :]) for p, n in zip(parts, dots, strict=True)]
    for p, x in zip(parts, operands, strict=True):
        if len(p) != x._array.ndim:
            raise RuntimeError(
                f"einsum(): the subscripts {p!r} do not match an operand with {x._array.ndim} dimensions"
            )
    target = target.replace("...", batch)
    lengths: dict[str, int] = {}
    for k, (p, x) in enumerate(zip(parts, operands, strict=True)):
        for c, n in zip(p, x._array.shape, strict=True):
            if (seen := lengths.get(c, 1)) not in (1, n) and n != 1:
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {k} which does not broadcast with previously seen size {seen}"
                )
            lengths[c] = n if seen == 1 else seen
    for c in target:
        if c not in lengths or target.count(c) > 1:
            wrong = "appears more than once in the output" if c in lengths else "does not appear in any operand"
            raise RuntimeError(f"einsum(): output subscript {c} {wrong} (equation {equation!r})")
    factors = list(operands)
    for k, p in enumerate(parts):
        while len(set(p)) < len(p):  # a repeated letter within an operand is its diagonal
            c = next(c for c in p if p.count(c) > 1)
            i, j = [n for n, d in enumerate(p) if d == c][:2]
            factors[k] = diagonal(factors[k], 0, i, j)
            p = "".join(d for n, d in enumerate(p) if n not in (i, j)) + c
        if ones := tuple([d for d, n in enumerate(factors[k]._array.shape) if n == 1]):  # they go with any length
            factors[k] = squeeze_op(factors[k], dims=ones)
        parts[k] = "".join([c for d, c in enumerate(p) if d not in ones])
    return _sum_of_products(parts, factors, target, lengths)
