"""Samples of tensors by their memory, of matrices made of others, and of values that stay where they are."""

from __future__ import annotations

from tests.ops.sampling import B, D, I, P, R, U, sample

sample("as_strided", lambda T, x: (x * 1)[1:].as_strided((2, 3), (3, 1), 4) ** 2, R(4, 3))
sample("as_strided", lambda T, x: (x * 1).t().as_strided((3, 3), (1, 2)) ** 2, R(4, 3))
sample(
    "as_strided_scatter",
    lambda T, x, y: T.as_strided_scatter(x * 1, y, (2, 2), (5, 2), 1) ** 2,
    R(3, 4),
    R(2, 2),
    constant=frozenset({0}),  # PyTorch's own gradient for it fails finite differences
)
sample("block_diag", lambda T, x, y: T.block_diag(x, y[0], y, y[0, 0]) ** 2, R(2, 3), R(3, 2))
sample("constant", lambda T, x: x * T.linalg.matrix_power(x, 0) + T.bernoulli(T.ones_like(x) * 1.0), R(3, 3))
sample("diagflat", lambda T, x: T.diagflat(x, -1) ** 2, R(2, 2))
sample("fill", lambda T, x, y: T.fill(x, y[0]) * y + (x * 1).fill_(2.0) * y, R(2, 3), R(3))
sample("hash_tensor", lambda T, x: T.hash_tensor(x, 1).view(T.int64), I(3, 4, low=-9, high=30), smooth=False)
sample("kthvalue", lambda T, x: T.kthvalue(x, 2, 1).values ** 2, D(3, 4))
sample("logcumsumexp", lambda T, x: T.logcumsumexp(x * 20, 1) / 10, R(3, 4))
sample("nonzero_static", lambda T, x: T.nonzero_static(x, size=9), B(3, 4), smooth=False)
sample("pow", lambda T, x, y: x**y, I(3, 4, low=-3, high=4), I(4, low=-3, high=3), smooth=False)
sample("pow", lambda T, x, y: T.pow(T.sign(x) + 2 * (x == 0), y), I(3, 4, low=-3), I(4, low=-3, high=3), smooth=False)
sample("quantile", lambda T, x, q: T.quantile(x, q, 1) ** 2, D(3, 5), U(4))
sample("nanquantile", lambda T, x, q: T.nanquantile(x, q, 0, True, interpolation="midpoint") ** 2, D(5, 3), U(2))
sample("renorm", lambda T, x: T.renorm(x, 3, 1, 1.5) ** 2, R(2, 3, 2))
sample("sum_to_size", lambda T, x: x.sum_to_size(3, 1) ** 2, P(2, 3, 4))
sample("unravel_index", lambda T, i: T.stack(T.unravel_index(i, (4, 5, 3))), I(3, 4, high=60), smooth=False)
