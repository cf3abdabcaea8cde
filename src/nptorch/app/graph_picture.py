"""The autograd graph of a network as text, SVG or PNG: recorded operations from the answer back to the parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from nptorch import nn
from nptorch.app.catalog import UsageError
from nptorch.app.runs import write_text
from nptorch.graph import Node
from nptorch.ops.create import zeros
from nptorch.tensor import Tensor

_WIDTH, _HEIGHT, _GAP = 190, 34, 26


@dataclass
class Box:
    """One operation or one leaf."""

    title: str
    shape: tuple[int, ...]
    leaf: bool
    inputs: list[int] = field(default_factory=list)
    row: int = 0
    column: int = 0


def record(model: nn.Module, shape: tuple[int, ...]) -> list[Box]:
    """The graph that one pass of an input (2, *shape) leaves behind; the answer is the last box."""
    names = {id(p): name for name, p in model.named_parameters()}
    out = model(zeros(2, *shape))
    out = out[0] if isinstance(out, tuple) else out
    if out._edge is None:
        raise UsageError("the network's answer depends on no parameter, so there is no graph to draw")
    boxes: list[Box] = []
    known: dict[int, int] = {}
    stack: list[tuple[Any, tuple[int, ...], bool]] = [(out._edge[0], tuple(out.shape), False)]
    while stack:  # each node twice: first its inputs, then itself
        end, size, ready = stack.pop()
        if id(end) in known:
            continue
        if isinstance(end, Tensor):
            known[id(end)] = len(boxes)
            boxes.append(Box(names.get(id(end), "input"), tuple(end.shape), True))
        elif ready:
            known[id(end)] = len(boxes)
            inputs = [known[id(edge[0])] for edge in end.edges if edge is not None]
            boxes.append(Box(end.name().removesuffix("0").removesuffix("Backward"), size, False, inputs))
        else:
            stack.append((end, size, True))
            for edge in reversed(end.edges):
                if edge is not None:
                    inner = edge[0].outputs[edge[1]][0] if isinstance(edge[0], Node) else ()
                    stack.append((edge[0], tuple(inner), False))
    _place(boxes)
    return boxes


def _place(boxes: list[Box]) -> None:
    """A row for each step of the way, leaves just above what uses them."""
    for box in boxes:
        box.row = 1 + max((boxes[i].row for i in box.inputs), default=-1)
    for box in boxes:
        for i in box.inputs:
            if boxes[i].leaf:
                boxes[i].row = max(0, box.row - 1)
    filled: dict[int, int] = {}
    for box in [*(b for b in boxes if not b.leaf), *(b for b in boxes if b.leaf)]:
        box.column = filled.get(box.row, 0)
        filled[box.row] = box.column + 1


def as_text(boxes: list[Box]) -> str:
    """One line for each box, with the numbers of its inputs."""
    lines = []
    for i, box in enumerate(boxes):
        size = "x".join(map(str, box.shape)) or "scalar"
        source = "parameter" if box.leaf else "from " + ", ".join(f"#{j}" for j in box.inputs)
        lines.append(f"#{i:<3} {box.title:<28} {size:<16} {source}")
    return "\n".join(lines)


def _corner(box: Box) -> tuple[int, int]:
    return 10 + box.column * (_WIDTH + _GAP), 10 + box.row * (_HEIGHT + _GAP)


def _extent(boxes: list[Box]) -> tuple[int, int]:
    corners = [_corner(box) for box in boxes]
    return max(x for x, _ in corners) + _WIDTH + 10, max(y for _, y in corners) + _HEIGHT + 10


def as_svg(boxes: list[Box]) -> str:
    """A drawing that scales."""
    width, height = _extent(boxes)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    parts = [head, '<rect width="100%" height="100%" fill="white"/>']
    for box in boxes:
        x, y = _corner(box)
        for i in box.inputs:
            a, b = _corner(boxes[i])
            parts.append(f'<line x1="{a + _WIDTH // 2}" y1="{b + _HEIGHT}" x2="{x + _WIDTH // 2}" y2="{y}" stroke="#8a94a0"/>')  # fmt: skip
    for box in boxes:
        x, y = _corner(box)
        fill = "#dbe9fb" if box.leaf else "#eceff2"
        size = escape(" × ".join(map(str, box.shape)))
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="{fill}" stroke="#6b7682"/>'
            f'<text x="{x + 8}" y="{y + 14}">{escape(box.title)}</text><text x="{x + 8}" y="{y + 28}" fill="#59636e">{size}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _as_png(boxes: list[Box], path: Path) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", _extent(boxes), "white")
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        x, y = _corner(box)
        for i in box.inputs:
            a, b = _corner(boxes[i])
            draw.line([(a + _WIDTH // 2, b + _HEIGHT), (x + _WIDTH // 2, y)], fill="#8a94a0")
    for box in boxes:
        x, y = _corner(box)
        draw.rounded_rectangle((x, y, x + _WIDTH, y + _HEIGHT), 5, "#dbe9fb" if box.leaf else "#eceff2", "#6b7682")
        draw.text((x + 8, y + 3), box.title, fill="black")
        draw.text((x + 8, y + 18), " x ".join(map(str, box.shape)), fill="#59636e")
    picture.save(path)


def write(boxes: list[Box], path: Path) -> None:
    """Write the graph as what the file's ending says.

    Raises: UsageError for another ending than .svg, .png or .txt.
    """
    if path.suffix == ".svg":
        write_text(path, as_svg(boxes))
    elif path.suffix == ".png":
        _as_png(boxes, path)
    elif path.suffix == ".txt":
        write_text(path, as_text(boxes) + "\n")
    else:
        raise UsageError(f"{path}: a graph is written as .svg, .png or .txt")
