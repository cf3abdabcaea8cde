"""torch.linalg's names (https://pytorch.org/docs/stable/linalg.html)."""

from typing import Any as _Any

from nptorch.errors import LinAlgError as LinAlgError
from nptorch.ops import decompose as _decompose
from nptorch.ops import least_squares as _least_squares
from nptorch.ops import linalg as _linalg
from nptorch.ops import matrix_function as _function
from nptorch.ops import matrix_norm as _norm
from nptorch.ops import solve as _solve
from nptorch.ops import triangular as _triangular
from nptorch.ops.shape import diagonal as _diagonal
from nptorch.ops.signatures import takes_out as _takes_out


def diagonal(A: _Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> _Any:
    """A view of the diagonals of matrices."""
    return _diagonal(A, offset, dim1, dim2)


# --- products ---
cross = _linalg.cross
matmul = _linalg._matmul_function
matrix_exp = _function.matrix_exp
matrix_power = _function.matrix_power
multi_dot = _takes_out(_function.multi_dot)
tensorinv = _takes_out(_function.tensorinv)
tensorsolve = _takes_out(_function.tensorsolve)
vander = _function.vander
vecdot = _takes_out(_function.vecdot)

# --- norms ---
cond = _takes_out(_norm.cond)
matrix_norm = _takes_out(_norm.matrix_norm)
matrix_rank = _takes_out(_norm.matrix_rank)
norm = _takes_out(_norm.norm)
vector_norm = _takes_out(_norm.vector_norm_of)

# --- factors and systems ---
cholesky = _takes_out(_triangular.cholesky)
cholesky_ex = _takes_out(_triangular.cholesky_ex)
det = _solve.det
inv = _solve.inv
inv_ex = _takes_out(_solve.inv_ex)
ldl_factor = _takes_out(_function.ldl_factor)
ldl_factor_ex = _takes_out(_function.ldl_factor_ex)
ldl_solve = _takes_out(_function.ldl_solve)
lu = _takes_out(_solve.lu)
lu_factor = _takes_out(_solve.lu_factor)
lu_factor_ex = _takes_out(_solve.lu_factor_ex)
lu_solve = _takes_out(_solve.lu_solve)
slogdet = _solve.slogdet
solve = _takes_out(_solve.solve)
solve_ex = _takes_out(_solve.solve_ex)
solve_triangular = _takes_out(_triangular.solve_triangular)

# --- decompositions ---
eig = _takes_out(_decompose.eig)
eigh = _takes_out(_decompose.eigh)
eigvals = _takes_out(_decompose.eigvals)
eigvalsh = _takes_out(_decompose.eigvalsh)
householder_product = _decompose.householder_product
lstsq = _least_squares.lstsq
pinv = _takes_out(_least_squares.pinv)
qr = _takes_out(_decompose.qr)
svd = _takes_out(_decompose.svd)
svdvals = _takes_out(_decompose.svdvals)
