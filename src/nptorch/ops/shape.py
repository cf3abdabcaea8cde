"""The same elements in another arrangement: views, joins, repeats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nptorch import dtypes
from nptorch.ops.promotion import broadcast_error
from nptorch.ops.registry import op
from nptorch.ops.signatures import axis, function, method, shown_as
from nptorch.ops.signatures import shape as parse_shape
from nptorch.tensor import Tensor, from_array

# --- views ---

view_op = op(
    "view",
    # copy=False takes three times as long
    lambda xp, x, *, shape: x.reshape(shape) if x.flags.c_contiguous else x.reshape(shape, copy=False),
    lambda g, x_shape: reshape(g, x_shape),
    view=True,
)
permute_op = op(
    "permute",
    lambda xp, x, *, dims: x.transpose(dims),
    lambda g, *, dims: permute_op(g, dims=tuple(np.argsort(dims).tolist())),
    view=True,
)
transpose_op = op(
    "transpose",
    lambda xp, x, *, a, b: x.swapaxes(a, b),
    lambda g, *, a, b: transpose_op(g, a=a, b=b),
    view=True,
    label="TransposeBackward0",
)
# The engine sums a gradient over the dimensions that were broadcast.
expand_op = op("expand", lambda xp, x, *, shape: _expand(xp, x, shape), lambda g: g, view=True)
unsqueeze_op = op(
    "unsqueeze",
    lambda xp, x, *, dim: x[(slice(None),) * dim + (None, ...)],  # expand_dims takes five times as long
    lambda g, x_shape: reshape(g, x_shape),
    view=True,
)
squeeze_op = op(
    "squeeze",
    lambda xp, x, *, dims: x.squeeze(dims),
    lambda g, x_shape: reshape(g, x_shape),
    view=True,
    label=lambda node: f"SqueezeBackward{1 if len(node.params['dims']) == 1 else 0}",
)
diagonal_op = op(
    "diagonal",
    lambda xp, x, *, offset, dim1, dim2: _diagonal(x, offset, dim1, dim2),
    lambda g, x_shape, **where: diagonal_scatter(g, shape=x_shape, **where),
    view=True,
)


def _expand(xp: Any, x: Any, shape: tuple[int, ...]) -> Any:
    if not x.flags.c_contiguous or not x.size:
        return xp.broadcast_to(x, shape)
    steps = [0 if n == 1 else step for n, step in zip(x.shape, x.strides, strict=True)]
    return np.ndarray(shape, x.dtype, x, 0, (0,) * (len(shape) - x.ndim) + tuple(steps))  # in a third of the time


def _diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    part = x.diagonal(offset, dim1, dim2)
    part.flags.writeable = x.flags.writeable  # NumPy hands out a read-only view
    return part


def _diagonal_scatter(xp: Any, g: Any, *, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = xp.zeros(shape, g.dtype)
    _diagonal(out, offset, dim1, dim2)[...] = g
    return out


diagonal_scatter = op("diagonal_scatter", _diagonal_scatter, lambda g, *, shape, **where: diagonal_op(g, **where))
unfold_op = op(
    "unfold",
    lambda xp, x, *, dim, size, step: np.lib.stride_tricks.sliding_window_view(x, size, dim, writeable=True)[
        (slice(None),) * dim + (slice(None, None, step),)
    ],
    lambda g, x_shape, **window: unfold_backward(g, shape=x_shape, **window),
    view=True,
)


def _unfold_backward(xp: Any, g: Any, *, shape: Any, dim: int, size: int, step: int) -> Any:
    out = xp.zeros(shape, g.dtype)
    ahead = (slice(None),) * dim
    for k in range(size):
        out[(*ahead, slice(k, k + step * (g.shape[dim] - 1) + 1, step))] += g[..., k]
    return out


unfold_backward = op("unfold_backward", _unfold_backward, lambda g, *, shape, **window: unfold_op(g, **window))


# --- shapes ---


def _infer(name: str, shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    if -1 in shape:
        if shape.count(-1) > 1:
            raise RuntimeError(f"{name}(): only one dimension can be inferred, got shape {list(shape)}")
        known = -math.prod(shape)
        if known == 0 or count % known:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")
        return tuple([count // known if n == -1 else n for n in shape])
    if math.prod(shape) != count or (shape and min(shape) < 0):
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {count}")
    return shape


def _lengths(name: str, shape: tuple[Any, ...]) -> tuple[int, ...]:
    """The lengths of a new shape, of which NumPy checks the rest: it would take any negative number for a -1."""
    found = parse_shape(name, shape)
    if found and min(found) < -1:
        raise RuntimeError(f"invalid shape dimension {min(found)}")
    return found


@function()
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape, sharing memory where possible; one -1 is inferred.

    Raises: RuntimeError if the number of elements differs.
    """
    return _reshape(input, _lengths("reshape", shape))


def _reshape(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    try:
        return view_op(input, shape=shape)
    except ValueError:
        return view_op(contiguous(input), shape=_infer("reshape", shape, input._array.size))


@method()
def view(self: Tensor, *shape: Any, dtype: Any = None) -> Tensor:
    """The same memory in another shape, or (with a dtype) with its bytes read as another type.

    Raises: RuntimeError if that is impossible without a copy.
    """
    if len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
        (dtype,) = shape
    if dtype is not None:
        return from_array(self._array.view(dtype.numpy))
    wanted = _lengths("view", shape)
    try:
        return view_op(self, shape=wanted)
    except ValueError:
        _infer("view", wanted, self._array.size)
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
            "subspaces). Use .reshape(...) instead."
        ) from None


@method()
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """view() in the shape of `other`."""
    return view(self, other._array.shape)


@method()
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """reshape() in the shape of `other`."""
    return reshape(self, other._array.shape)


@function()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions start_dim..end_dim as one."""
    shape = input._array.shape
    first, last = axis("flatten", start_dim, len(shape)), axis("flatten", end_dim, len(shape))
    if first > last:
        raise RuntimeError(f"flatten() has invalid args: start_dim ({start_dim}) cannot come after end_dim ({end_dim})")
    if first == last and shape:
        return input
    return _reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@function()
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(input, -1)


@function()
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Dimension `dim` as several of the given sizes."""
    shape = input._array.shape
    d = axis("unflatten", dim, len(shape))
    return reshape(input, (*shape[:d], *_infer("unflatten", tuple(sizes), shape[d]), *shape[d + 1 :]))


@function()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dimensions of length 1: all, or those named in `dim`."""
    shape = input._array.shape
    if dim is None:
        dims = tuple(i for i, n in enumerate(shape) if n == 1)
    else:
        named = dim if isinstance(dim, (tuple, list)) else (dim,)
        dims = tuple(d for d in (axis("squeeze", d, len(shape)) for d in named) if shape and shape[d] == 1)
    return squeeze_op(input, dims=dims)


@function()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of length 1 at `dim`."""
    return unsqueeze_op(input, dim=axis("unsqueeze", dim, input._array.ndim + 1))


@function("transpose", "swapaxes", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    n = input._array.ndim
    if n == 0:
        axis("transpose", dim0, 0), axis("transpose", dim1, 0)
        return view_op(input, shape=())
    return transpose_op(input, a=axis("transpose", dim0, n), b=axis("transpose", dim1, n))


@function()
@shown_as("TBackward0")
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or number as it is."""
    if input._array.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input._array.ndim}D")
    return transpose(input, 0, 1) if input._array.ndim == 2 else view_op(input, shape=input._array.shape)


@function()
def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dimensions in another order."""
    order = parse_shape("permute", dims)
    n = input._array.ndim
    if len(order) != n:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of "
            f"dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(order)}".replace("(sparse_coo)", "()")
        )
    found = tuple(axis("permute", d, n) for d in order)
    if len(set(found)) != n:
        raise RuntimeError(f"permute(): duplicate dims are not allowed, got {order}")
    return permute_op(input, dims=found)


@function("movedim", "moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved from `source` to `destination`, the others in order."""
    n = input._array.ndim
    src = [axis("movedim", d, n) for d in (source if isinstance(source, (tuple, list)) else (source,))]
    dst = [axis("movedim", d, n) for d in (destination if isinstance(destination, (tuple, list)) else (destination,))]
    if len(src) != len(dst):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({source} dims) should contain the same number of dims as "
            f"destination ({destination} dims)"
        )
    for what, given, found in (("source", source, src), ("destination", destination, dst)):
        if len(set(found)) < len(found):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({given})")
    order = [d for d in range(n) if d not in src]
    for to, d in sorted(zip(dst, src, strict=True)):
        order.insert(to, d)
    return permute_op(input, dims=tuple(order))


@method()
def expand(self: Tensor, *sizes: Any) -> Tensor:
    """Dimensions of length 1 seen as longer, without a copy; -1 keeps a length.

    Raises: RuntimeError if a dimension has another length.
    """
    wanted, have = parse_shape("expand", sizes), self._array.shape
    lead = len(wanted) - len(have)
    if lead < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(wanted)}) must be greater or equal to the number of dimensions ({len(have)})"
        )
    full = tuple([have[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(wanted)])
    for i, n in enumerate(full):
        if n < 0 or (i >= lead and have[i - lead] not in (1, n)):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have[i - lead] if i >= lead else 1}) at non-singleton "
                f"dimension {i}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(have)}"
            )
    return expand_op(self, shape=full)


@method()
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """expand() to the shape of `other`."""
    return expand(self, other._array.shape)


@function()
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """expand() as a function."""
    return expand(input, size)


@function(method=False)
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that the given shapes broadcast to."""
    from nptorch.size import Size

    try:
        return Size(np.broadcast_shapes(*[(s,) if isinstance(s, int) else tuple(s) for s in shapes]))
    except ValueError:
        raise RuntimeError(
            f"Shape mismatch: objects cannot be broadcast to a single shape: {[list(s) for s in shapes]}"
        ) from None


@function(method=False)
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    arrays = [t._array for t in tensors]
    try:
        shape = np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        raise broadcast_error(arrays) from None
    return tuple(t if t._array.shape == shape else expand(t, shape) for t in tensors)


@function()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dimensions as the last dimension."""
    n = input._array.ndim
    first, second = axis("diagonal", dim1, n), axis("diagonal", dim2, n)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal_op(input, offset=offset, dim1=first, dim2=second)


@method()
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` elements along a dimension, `step` apart, as a new last dimension."""
    d = axis("unfold", dimension, self._array.ndim)
    if self._array.ndim == 0:
        self = view_op(self, shape=(1,))
        return (
            narrow(self, 0, 0, size) if size < 1 else view_op(unfold_op(self, dim=0, size=size, step=step), shape=(1,))
        )
    if size > self._array.shape[d]:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {self._array.shape[d]} but size is {size}")
    return unfold_op(self, dim=d, size=size, step=step)


# --- copies ---

clone_op = op("clone", lambda xp, x: x.copy(), lambda g: g)


@function()
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own; gradients pass through."""
    return clone_op(input)


@method()
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in order, else a copy in which they do."""
    return self if self._array.flags.c_contiguous else clone_op(self)


@function()
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """The view of `length` elements of a dimension from `start` on.

    Raises: RuntimeError if they reach past its end.
    """
    if not input._array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start._array.ndim or start._array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    d = axis("narrow", dim, input._array.ndim)
    n, start = input._array.shape[d], int(start)
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}.")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start += n if start < 0 else 0
    if start > n - length:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_op(input, index=(slice(None),) * d + (slice(start, start + length),))


def _last_step(index: Any) -> Any:
    """The last item of an index that changes anything: PyTorch applies them one after the other."""
    return next((i for i in reversed(index) if i is not Ellipsis and i != slice(None)), None)


# The basic index (integers, slices, None, ...) of x[...]; parsed in index.py.
slice_op = op(
    "slice",
    lambda xp, x, *, index: x[index],
    lambda g, x_shape, *, index: slice_backward(g, shape=x_shape, index=index),
    view=True,
    label=lambda node: "SelectBackward0" if isinstance(_last_step(node.params["index"]), int) else "SliceBackward0",
)


def _slice_backward(xp: Any, g: Any, *, shape: Any, index: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


slice_backward = op("slice_backward", _slice_backward, lambda g, *, index: slice_op(g, index=index))


@function()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice at `index` of a dimension, which disappears.

    Raises: IndexError if it has no such element.
    """
    d = axis("select", dim, input._array.ndim)
    n, i = input._array.shape[d], int(index)
    if not -n <= i < n:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(input._array.shape)} at dimension {d}"
        )
    return slice_op(input, index=(*(slice(None),) * d, i, ...))
