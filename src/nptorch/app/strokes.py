"""Pen strokes in small images, and what is made of them that is no digit: scribbles, letters, blots, numbers of two digits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SIDE = 28
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)

# Signs that are not taken for a digit, as strokes over a grid of 5 x 7 points: "06 20 46" goes from (0, 6) over (2, 0) to (4, 6).
_SIGNS = (
    "06 20 46|13 33", "40 00 06 46|03 33", "40 00 06|03 33", "00 06|40 46|03 43", "00 06|40 03 46", "06 00 23 40 46",
    "06 00 46 40", "06 00 30 41 42 33 03|23 46", "06 00 30 41 42 33 03", "00 40|20 26", "00 16 23 36 40",
    "00 46|40 06", "00 23 40|23 26", "20 26|03 43", "10 16|30 36|02 42|04 44", "20 26|01 45|41 05", "02 42|04 44",
    "06 20 46 02 42 06", "03 43 21|43 25", "06 03 13 16|13 33 36", "00 40 46 06 00 46|06 40",
)  # fmt: skip


def segments(images: Array, chosen: Array, start: Any, end: Any, width: Array) -> None:
    """Draw a stroke from start (x, y) to end into each chosen image."""
    (x0, y0), (x1, y1) = ([v[:, None, None] for v in point] for point in (start, end))
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((COLUMNS - x0) * dx + (ROWS - y0) * dy) / np.maximum(dx * dx + dy * dy, 1e-6), 0, 1)
    distance = np.hypot(COLUMNS - x0 - along * dx, ROWS - y0 - along * dy)
    stroke = np.clip(width[:, None, None] / 2 + 0.5 - distance, 0, 1).astype(np.float32)
    images[chosen] = np.maximum(images[chosen], stroke)


def interpolation(points: int) -> Array:
    """(28, points): values at 28 pixels from values at evenly spread points, linearly."""
    place = np.linspace(0, points - 1, SIDE)
    low = np.minimum(place.astype(int), points - 2)
    matrix = np.zeros((SIDE, points), np.float32)
    matrix[np.arange(SIDE), low] = 1 - (place - low)
    matrix[np.arange(SIDE), low + 1] = place - low
    return matrix


def nonsense(digits: Array, rng: np.random.Generator) -> Array:
    """As many images (N, 28, 28) of no digit as there are of digits."""
    n = len(digits)
    kind = rng.choice(5, n, p=(0.2, 0.2, 0.35, 0.1, 0.15))
    made = np.zeros_like(digits)
    for k, some in enumerate((_zigzags, _windings, _signs, _blots)):
        made[kind == k] = some(int((kind == k).sum()), rng)
    pair = np.flatnonzero(kind == 4)
    made[pair] = _side_by_side(digits[pair], digits[rng.integers(n, size=len(pair))])
    return made


def _drawn(strokes: Array, rng: np.random.Generator) -> Array:
    """Strokes (N, K, 2 ends, 2 coordinates) fitted into the 20 x 20 pixels that digits take, as images."""
    n = len(strokes)
    made = np.zeros((n, SIDE, SIDE), np.float32)
    low, high = strokes.min((1, 2), keepdims=True), strokes.max((1, 2), keepdims=True)
    scale = 20 / np.maximum((high - low).max(-1, keepdims=True), 1e-6)
    ends = (strokes - (low + high) / 2) * scale + (SIDE - 1) / 2
    width = rng.uniform(1.4, 3.5, n)
    for k in range(strokes.shape[1]):
        segments(made, np.arange(n), ends[:, k, 0].T, ends[:, k, 1].T, width)
    return made


def _path(points: Array, rng: np.random.Generator) -> Array:
    return _drawn(np.stack([points[:, :-1], points[:, 1:]], 2), rng)


def _zigzags(n: int, rng: np.random.Generator) -> Array:
    points = rng.random((n, 13, 2))
    short = rng.random(n) < 0.5
    points[short, 8:] = points[short, 7:8]
    return _path(points, rng)


def _windings(n: int, rng: np.random.Generator) -> Array:
    direction = np.cumsum(rng.normal(0, 0.9, (n, 40)) + rng.normal(0, 0.35, (n, 1)), 1)
    return _path(np.cumsum(np.stack([np.cos(direction), np.sin(direction)], -1), 1), rng)


def _sign(text: str) -> list[tuple[str, str]]:
    lines = [line.split() for line in text.split("|")]
    return [pair for line in lines for pair in itertools.pairwise(line)]


_LONGEST = max(len(_sign(text)) for text in _SIGNS)
_STROKES = np.array(
    [
        [[[int(c) for c in end] for end in pair] for pair in (strokes + strokes[-1:] * _LONGEST)[:_LONGEST]]
        for strokes in map(_sign, _SIGNS)
    ],
    float,
)


def _signs(n: int, rng: np.random.Generator) -> Array:
    shape = np.stack([rng.uniform(0.9, 2.0, n), np.ones(n)], -1)[:, None, None]
    return _drawn(_STROKES[rng.integers(len(_STROKES), size=n)] * shape, rng)


_WAVES = interpolation(6)


def _blots(n: int, rng: np.random.Generator) -> Array:
    waves = _WAVES @ rng.normal(0, 1, (n, 6, 6)).astype(np.float32) @ _WAVES.T
    made = np.clip(waves * 4 + rng.normal(0, 1, (n, 1, 1)), 0, 1)
    made[:, :4] = made[:, -4:] = made[:, :, :4] = made[:, :, -4:] = 0
    return made


def _side_by_side(left: Array, right: Array) -> Array:
    made = np.zeros_like(left)
    half = [a.reshape(len(a), 14, 2, 14, 2).max((2, 4)) for a in (left, right)]
    made[:, 7:21] = np.concatenate(half, 2)
    return made
