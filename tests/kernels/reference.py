"""What the native kernels compute, in the plainest NumPy; float64 in, float64 out."""

from __future__ import annotations

import itertools

import numpy as np


def windows(x, kernel, stride, dilation, out):
    """x (..., H, W) as (..., oH, oW, kH, kW) windows."""
    rows = np.arange(out[0])[:, None] * stride[0] + np.arange(kernel[0]) * dilation[0]
    columns = np.arange(out[1])[:, None] * stride[1] + np.arange(kernel[1]) * dilation[1]
    return x[..., rows[:, None, :, None], columns[None, :, None, :]]


def padded(x, padding, value=0.0):
    (ph, pw), lead = padding, [(0, 0)] * (x.ndim - 2)
    return np.pad(x, [*lead, (ph, ph), (pw, pw)], constant_values=value)


def output_size(size, kernel, stride, padding, dilation):
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def conv2d(x, w, b, stride, padding, dilation, groups):
    out = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    patches = windows(padded(x, padding), w.shape[2:], stride, dilation, out)
    n, c = x.shape[:2]
    patches = patches.reshape(n, groups, c // groups, *patches.shape[2:])
    weights = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    y = np.einsum("ngchwab,gocab->ngohw", patches, weights).reshape(n, w.shape[0], *out)
    return y if b is None else y + b[:, None, None]


def conv2d_input(g, w, shape, stride, padding, dilation, groups):
    n, c, height, width = shape
    per_group = w.shape[0] // groups
    gx = np.zeros((n, groups, c // groups, height + 2 * padding[0], width + 2 * padding[1]))
    gradient = g.reshape(n, groups, per_group, *g.shape[2:])
    weights = w.reshape(groups, per_group, *w.shape[1:])
    for a, b in itertools.product(range(w.shape[2]), range(w.shape[3])):
        rows = slice(a * dilation[0], a * dilation[0] + stride[0] * g.shape[2], stride[0])
        columns = slice(b * dilation[1], b * dilation[1] + stride[1] * g.shape[3], stride[1])
        place = gx[..., rows, columns]
        place += np.einsum("ngohw,goc->ngchw", gradient, weights[..., a, b])[..., : place.shape[-2], : place.shape[-1]]
    gx = gx.reshape(n, c, *gx.shape[3:])
    return gx[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]


def conv2d_weight(x, g, shape, stride, padding, dilation, groups):
    patches = windows(padded(x, padding), shape[2:], stride, dilation, g.shape[2:])
    n, c = x.shape[:2]
    patches = patches.reshape(n, groups, c // groups, *patches.shape[2:])
    gradient = g.reshape(n, groups, shape[0] // groups, *g.shape[2:])
    return np.einsum("ngchwab,ngohw->gocab", patches, gradient).reshape(shape)


def pooled_size(size, kernel, stride, padding, dilation, ceil_mode):
    out = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        length = -(-room // s) + 1 if ceil_mode else room // s + 1
        out.append(length - 1 if ceil_mode and (length - 1) * s >= n + p else length)
    return tuple(out)


def max_pool2d(x, kernel, stride, padding, dilation, ceil_mode):
    out = pooled_size(x.shape[-2:], kernel, stride, padding, dilation, ceil_mode)
    # Room for windows that hang over the edge, and the place of every number.
    extra = [(0, 0)] * (x.ndim - 2) + [
        (p, p + k * d + s) for p, k, d, s in zip(padding, kernel, dilation, stride, strict=True)
    ]
    places = np.broadcast_to(np.arange(x.shape[-2] * x.shape[-1]).reshape(x.shape[-2:]), x.shape)
    values = windows(np.pad(x, extra, constant_values=-np.inf), kernel, stride, dilation, out)
    places = windows(np.pad(places, extra, constant_values=-1), kernel, stride, dilation, out)
    values, places = (v.reshape(*v.shape[:-2], -1) for v in (values, places))
    first = np.argmax(np.where(places < 0, -np.inf, values), axis=-1)[..., None]
    return np.take_along_axis(values, first, -1)[..., 0], np.take_along_axis(places, first, -1)[..., 0]


def pixels(places, shape, kernel, stride, padding, dilation, ceil_mode):
    """Places in windows as places in the plane."""
    rows, columns = np.divmod(places.astype(np.int64), kernel[1])
    top, left = (np.arange(n) * s - p for n, s, p in zip(places.shape[-2:], stride, padding, strict=True))
    return (top[:, None] + rows * dilation[0]) * shape[-1] + left + columns * dilation[1]


def max_pool2d_backward(g, indices, shape):
    gx = np.zeros((int(np.prod(shape[:-2])), shape[-2] * shape[-1]))
    rows = np.arange(len(gx))[:, None]
    np.add.at(gx, (rows, indices.reshape(len(gx), -1)), g.reshape(len(gx), -1))
    return gx.reshape(shape)


def average_windows(size, kernel, stride, padding, ceil_mode, count_include_pad, divisor):
    """(output index, slice of the image, what to divide by) of every window."""
    out = pooled_size(size, kernel, stride, padding, (1, 1), ceil_mode)
    for index in itertools.product(*map(range, out)):
        start = [i * s - p for i, s, p in zip(index, stride, padding, strict=True)]
        end = [min(a + k, n + p) for a, k, n, p in zip(start, kernel, size, padding, strict=True)]
        inside = tuple(slice(max(a, 0), min(b, n)) for a, b, n in zip(start, end, size, strict=True))
        counted = (
            [b - a for a, b in zip(start, end, strict=True)]
            if count_include_pad
            else [s.stop - s.start for s in inside]
        )
        yield index, inside, divisor or counted[0] * counted[1]


def avg_pool2d(x, **options):
    found = list(average_windows(x.shape[-2:], **options))
    y = np.empty((*x.shape[:-2], *[n + 1 for n in found[-1][0]]))
    for index, inside, divisor in found:
        y[(..., *index)] = x[(..., *inside)].sum((-1, -2)) / divisor
    return y


def avg_pool2d_backward(g, shape, **options):
    gx = np.zeros(shape)
    for index, inside, divisor in average_windows(shape[-2:], **options):
        gx[(..., *inside)] += (g[(..., *index)] / divisor)[..., None, None]
    return gx


def batch_norm(x, w, b, eps):
    axes = (0, *range(2, x.ndim))
    per_channel = (-1, *[1] * (x.ndim - 2))
    mean, rstd = x.mean(axes), 1 / np.sqrt(x.var(axes) + eps)
    y = (x - mean.reshape(per_channel)) * rstd.reshape(per_channel)
    y = y if w is None else y * w.reshape(per_channel)
    return y if b is None else y + b.reshape(per_channel), mean, rstd


def normal_gradient(g, normal, rstd, w, axes):
    """The gradient of x in w * (x - mean) * rstd for statistics over `axes`."""
    g = g if w is None else g * w
    return rstd * (g - g.mean(axes, keepdims=True) - normal * (g * normal).mean(axes, keepdims=True))


def batch_norm_backward(g, x, w, mean, rstd):
    axes, per_channel = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    normal = (x - mean.reshape(per_channel)) * rstd.reshape(per_channel)
    weight = None if w is None else w.reshape(per_channel)
    return normal_gradient(g, normal, rstd.reshape(per_channel), weight, axes), (g * normal).sum(axes), g.sum(axes)


def layer_norm(x, w, b, ndim, eps):
    axes = tuple(range(x.ndim - ndim, x.ndim))
    mean, rstd = x.mean(axes, keepdims=True), 1 / np.sqrt(x.var(axes, keepdims=True) + eps)
    y = (x - mean) * rstd
    y = y if w is None else y * w
    return y if b is None else y + b, mean, rstd


def layer_norm_backward(g, x, w, mean, rstd, ndim):
    axes, rows = tuple(range(x.ndim - ndim, x.ndim)), tuple(range(x.ndim - ndim))
    normal = (x - mean) * rstd
    return normal_gradient(g, normal, rstd, w, axes), (g * normal).sum(rows), g.sum(rows)


def in_groups(x, groups):
    return x.reshape(len(x), groups, x.shape[1] // groups, -1)


def group_norm(x, w, b, groups, eps):
    grouped, per_channel = in_groups(x, groups), (-1, *[1] * (x.ndim - 2))
    y, mean, rstd = layer_norm(grouped, None, None, 2, eps)
    y = y.reshape(x.shape) if w is None else y.reshape(x.shape) * w.reshape(per_channel)
    return y if b is None else y + b.reshape(per_channel), mean[..., 0, 0], rstd[..., 0, 0]


def group_norm_backward(g, x, w, mean, rstd, groups):
    axes, weight = (0, *range(2, x.ndim)), None if w is None else w.reshape(groups, -1, 1)
    mean, rstd = mean[..., None, None], rstd[..., None, None]
    normal = (in_groups(x, groups) - mean) * rstd
    gx = normal_gradient(in_groups(g, groups), normal, rstd, weight, (2, 3))
    return gx.reshape(x.shape), (g * normal.reshape(x.shape)).sum(axes), g.sum(axes)


def log_softmax(x, axis=-1):
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def cross_entropy(x, target, ignore_index, reduction):
    log_probs = log_softmax(x)
    used = target != ignore_index
    losses = np.where(used, -log_probs[np.arange(len(x)), np.where(used, target, 0)], 0.0)
    loss = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / used.sum()}[reduction]
    return loss, log_probs


def nll_loss_backward(g, target, shape, ignore_index, reduction):
    used = target != ignore_index
    gx = np.zeros(shape)
    gx[np.arange(len(gx))[used], target[used]] = -(g[used] if reduction == "none" else g)
    return gx / used.sum() if reduction == "mean" else gx


def cross_entropy_backward(g, log_probs, target, ignore_index, reduction):
    used = target != ignore_index
    gx = np.exp(log_probs)
    gx[np.arange(len(gx))[used], target[used]] -= 1
    scale = g * (used / used.sum() if reduction == "mean" else used)
    return gx * np.where(used, scale, 0)[:, None]


def sgd_step(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov, maximize, first):
    g = (-g if maximize else g) + weight_decay * p
    if buffer is not None:
        buffer = g if first else momentum * buffer + (1 - dampening) * g
        g = g + momentum * buffer if nesterov else buffer
    return p - lr * g, buffer


def adam_step(p, g, m, v, most, lr, beta1, beta2, eps, weight_decay, decoupled, step, maximize):
    g = -g if maximize else g
    if decoupled:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    most = None if most is None else np.maximum(most, v)
    root = np.sqrt((v if most is None else most) / (1 - beta2**step))
    return p - lr / (1 - beta1**step) * m / (root + eps), m, v, most
