"""From a picture of a handwritten digit to what MNIST would have made of it: 28 x 28, light ink on black, centred.

The paper's brightness is estimated place by place, so that shadows are not ink; lines and squares are fainter than ink or run
from edge to edge; the digit is what remains around the largest piece. It is then fitted into 20 x 20 pixels and its centre of
mass put in the middle, as Y. LeCun, C. Cortes, C. Burges describe for MNIST (http://yann.lecun.com/exdb/mnist/).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
WORKING_SIDE = 320  # pictures are reduced to this before their ink is looked for
SIDE, FIT = 28, 20
LEAST_CONTRAST = 0.06  # of the range from black to white
THIN = 0.085  # strokes narrower than this share of the digit's size are widened to it


@dataclass
class Ink:
    """What was found: darkness of the ink (H, W) in [0, 1] with the paper at 0, and which pixels are ink."""

    strength: Array
    mask: Array
    steps: dict[str, Array] = field(default_factory=dict)

    def box(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right of the ink, the ends exclusive."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def find_ink(image: Any) -> Ink | None:
    """The ink in a PIL image, every piece that is no speck and no ruled line; None if there is none."""
    gray = _gray(image)
    light_on_dark = _is_light_on_dark(gray)
    tone = gray if light_on_dark else 1 - gray
    strength = np.clip(tone - _ground(tone), 0, 1)
    steps = {"grey": gray, "without ground": strength}
    noise = 1.4826 * float(np.median(np.abs(strength - np.median(strength))))
    peak = float(np.quantile(strength, 0.998))
    if peak < max(LEAST_CONTRAST, 4 * noise):
        return None
    threshold = max(_otsu(strength), 0.3 * peak, 3 * noise)
    mask = strength > threshold
    pieces = _pieces(mask)
    kept = _choose(pieces, mask.shape)
    if not kept:
        return None
    mask = np.isin(pieces, kept)
    return Ink(np.clip(strength / peak, 0, 1), mask, steps | {"ink": mask.astype(np.float32)})


def main_digit(ink: Ink) -> Ink:
    """Of all pieces those that make one digit: the largest and what lies near it."""
    pieces = _pieces(ink.mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    rows, columns = np.nonzero(pieces == largest)
    reach = 0.35 * max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    keep = [largest]
    for piece in np.flatnonzero(sizes):
        r, c = np.nonzero(pieces == piece)
        near = (
            r.max() >= rows.min() - reach and r.min() <= rows.max() + reach
            and c.max() >= columns.min() - reach and c.min() <= columns.max() + reach
        )  # fmt: skip
        if piece != largest and near and sizes[piece] > 0.04 * sizes[largest]:
            keep.append(int(piece))
    return Ink(ink.strength, np.isin(pieces, keep), ink.steps)


def normalise(ink: Ink) -> Array:
    """MNIST's picture of the ink: (28, 28) uint8."""
    from PIL import Image, ImageFilter

    top, bottom, left, right = ink.box()
    # Soft edges belong to the ink, neighbours do not.
    around = _grown(ink.mask, 1)
    digit = np.where(around, ink.strength, 0)[top:bottom, left:right]
    height, width = digit.shape
    size = max(height, width)
    margin = max(2, size // 5)
    digit = np.pad(digit / max(_quantile(digit[ink.mask[top:bottom, left:right]], 0.7), 1e-6), margin).clip(0, 1)
    picture = Image.fromarray((255 * digit).astype(np.uint8))
    stroke = _stroke_width(ink.mask[top:bottom, left:right])
    grow = round((THIN * size - stroke) / 2)
    if grow > 0:
        picture = picture.filter(ImageFilter.MaxFilter(2 * min(grow, margin) + 1))
    scale = FIT / (size + (2 * grow if grow > 0 else 0))
    small = picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    )  # fmt: skip
    return _centred(np.asarray(small).astype(np.float32))


def _centred(pixels: Array) -> Array:
    """Its centre of mass in the middle of 28 x 28."""
    total = max(float(pixels.sum()), 1e-6)
    center = [float((pixels.sum(1 - i) * np.arange(pixels.shape[i])).sum()) / total for i in range(2)]
    out = np.zeros((SIDE, SIDE), np.float32)
    start = [round((SIDE - 1) / 2 - c) for c in center]
    source, target = [], []
    for s, n in zip(start, pixels.shape, strict=True):
        target.append(slice(max(0, s), min(SIDE, s + n)))
        source.append(slice(max(0, -s), max(0, -s) + max(0, min(SIDE, s + n) - max(0, s))))
    out[tuple(target)] = pixels[tuple(source)]
    brightest = out.max()
    return np.rint(out * (255 / brightest if brightest > 0 else 0)).clip(0, 255).astype(np.uint8)


# --- grey, paper and ink ---


def _gray(image: Any) -> Array:
    """Brightness in [0, 1], at most WORKING_SIDE pixels wide and high."""
    from PIL import Image

    image = image.convert("L")
    if max(image.size) > WORKING_SIDE:
        scale = WORKING_SIDE / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.BOX)
    return np.asarray(image).astype(np.float32) / 255


def _is_light_on_dark(gray: Array) -> bool:
    """Whether the ground is dark: the ground is most of the picture and of its border."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    middle = (float(gray.min()) + float(gray.max())) / 2
    return float(np.median(border)) + float(np.median(gray)) < 2 * middle


def _ground(tone: Array) -> Array:
    """The tone of the paper at each pixel, where ink is larger: the low end of the tones around it, smooth."""
    from PIL import Image

    height, width = tone.shape
    rows, columns = (max(1, min(8, n // 12)) for n in (height, width))
    cells = np.empty((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            part = tone[
                i * height // rows : (i + 1) * height // rows, j * width // columns : (j + 1) * width // columns
            ]
            cells[i, j] = _quantile(part, 0.3)
    # A cell full of ink takes the tone of its neighbours.
    padded = np.pad(cells, 1, mode="edge")
    lowest = np.min([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)
    typical = float(np.median(cells))
    cells = np.where(cells > lowest + 0.12, np.minimum(cells, np.maximum(lowest, typical)), cells)
    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BILINEAR))


def _quantile(values: Array, q: float) -> float:
    """np.quantile of all values, at a tenth of its time on few."""
    place = (values.size - 1) * q
    low = int(place)
    ordered = np.partition(values, (low, min(low + 1, values.size - 1)), None)
    below, above = float(ordered[low]), float(ordered[min(low + 1, values.size - 1)])
    return below + (above - below) * (place - low)


def _otsu(values: Array) -> float:
    """The threshold that parts the values best in two (N. Otsu, IEEE Trans. SMC 9(1), 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(middles[int(np.nanargmax(between))])


# --- pieces ---


def _pieces(mask: Array) -> Array:
    """Connected pieces of ink (8 neighbours), numbered from 1, by union of the runs in each row."""
    parent = [0]

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    rows, edges = np.nonzero(np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1))
    rows, starts, ends = rows[::2], edges[::2], edges[1::2]
    labels: list[int] = []
    above: list[tuple[int, int, int]] = []
    here: list[tuple[int, int, int]] = []
    last = -1
    for y, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if y != last:
            above, here, last = (here if y == last + 1 else []), [], y
        touching = {root(label) for s, e, label in above if s <= end and e >= start}
        label = min(touching) if touching else len(parent)
        if not touching:
            parent.append(label)
        for other in touching:
            parent[other] = label
        here.append((start, end, label))
        labels.append(label)
    pieces = np.zeros(mask.shape, np.int32)
    pieces[mask] = np.repeat(np.array([root(i) for i in labels], np.int32), ends - starts)
    return pieces


def _choose(pieces: Array, shape: tuple[int, ...]) -> list[int]:
    """The pieces that are writing: no specks, no ruled lines, no shadow along an edge."""
    height, width = shape
    sizes = np.bincount(pieces.ravel())
    kept: list[tuple[int, int]] = []
    for piece in np.flatnonzero(sizes)[1 if sizes[0] else 0 :].tolist():
        rows, columns = np.nonzero(pieces == piece)
        tall, wide = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
        if max(tall, wide) < 0.06 * max(height, width) and max(height, width) > 2 * SIDE:
            continue
        line = (wide > 0.8 * width and tall < 0.12 * height) or (tall > 0.95 * height and wide < 0.06 * width)
        ends = (rows.min() == 0) + (rows.max() == height - 1) + (columns.min() == 0) + (columns.max() == width - 1)
        # What touches two edges and fills little of its box, or much of an edge, is a line or the end of the paper.
        border = ends >= 2 and max(height, width) > 2 * SIDE
        if not line and not border:
            kept.append((piece, len(rows)))
    if not kept:
        return []
    most = max(size for _, size in kept)
    return [piece for piece, size in kept if size >= 0.02 * most]


def _grown(mask: Array, by: int) -> Array:
    """The mask and its neighbours."""
    for _ in range(by):
        padded = np.pad(mask, 1)
        mask = mask | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask


def _stroke_width(mask: Array) -> float:
    """Mean width of the strokes in pixels: area over half the outline."""
    padded = np.pad(mask, 1).astype(np.int8)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    # A slanted edge counts as its two legs, by 4/pi on average.
    return 2 * float(mask.sum()) / max(float(outline) * np.pi / 4, 1)


# --- several digits in one picture ---


def separate(ink: Ink) -> list[Ink]:
    """The digits of a picture in reading order: pieces that overlap in their columns belong together, lines by their rows."""
    pieces = _pieces(ink.mask)
    boxes = []
    for piece in range(1, int(pieces.max()) + 1):
        rows, columns = np.nonzero(pieces == piece)
        if len(rows):
            boxes.append([{piece}, rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])
    if not boxes:
        return []
    typical = float(np.median([b[2] - b[1] for b in boxes]))
    merged = True
    while merged:
        merged = False
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                shared = min(a[4], b[4]) - max(a[3], b[3])
                apart = max(a[1], b[1]) - min(a[2], b[2])
                if shared > 0.5 * min(a[4] - a[3], b[4] - b[3]) and apart < 0.25 * typical:
                    a[:] = [a[0] | b[0], min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3]), max(a[4], b[4])]
                    boxes.remove(b)
                    merged = True
                    break
            if merged:
                break
    tallest = max(b[2] - b[1] for b in boxes)
    boxes = [b for b in boxes if b[2] - b[1] > 0.3 * tallest or b[4] - b[3] > 0.5 * tallest]
    lines: list[list[Any]] = []
    for box in sorted(boxes, key=lambda b: b[1] + b[2]):
        middle = (box[1] + box[2]) / 2
        if lines and middle < max(b[2] for b in lines[-1]):
            lines[-1].append(box)
        else:
            lines.append([box])
    ordered = [box for line in lines for box in sorted(line, key=lambda b: b[3])]
    return [Ink(ink.strength, np.isin(pieces, sorted(box[0])), ink.steps) for box in ordered]
