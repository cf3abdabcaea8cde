"""torch.linalg's names (https://pytorch.org/docs/stable/linalg.html)."""

from nptorch.ops.linalg import cross, det, inverse, matmul, solve
from nptorch.ops.linalg import linalg_norm as norm

inv = inverse
vector_norm = norm

__all__ = ["cross", "det", "inv", "matmul", "norm", "solve", "vector_norm"]
