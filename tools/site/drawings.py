"""The pictures of the cover, drawn by code: ``![what it shows](drawing:NAME)`` in Markdown becomes inline SVG.

Every shape has a class (``line``, ``ink``, ``cell``, ``kernel``, …) beside its colour, so that the style sheet can give
it the colours of dark mode, and printers and e-books still find colours in the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

BLUE, INK, GREY, KERNEL, PAPER = "#0b5cad", "#1b2430", "#8a97a8", "#c2005f", "#ffffff"
WIDTH, HEIGHT = 240, 150
# A handwritten-looking seven on 12 by 12 pixels; digits 1 to 9 are darkness.
SEVEN = (
    "............",
    "............",
    "..3788899...",
    "..4999999...",
    "......699...",
    "......894...",
    ".....298....",
    ".....594....",
    ".....89.....",
    "....395.....",
    "....59......",
    "............",
)


def _cell(x: float, y: float, size: float, shade: float, *, cls: str = "cell", fill: str = BLUE) -> str:
    return (
        f'<rect class="{cls}" x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" rx="{size * 0.12:.2g}" '
        f'fill="{fill}" fill-opacity="{0.08 + 0.92 * shade:.2f}"/>'
    )


def _grid(x: float, y: float, size: float, shades: Iterable[Iterable[float]], *, gap: float = 1.5) -> str:
    return "".join(
        _cell(x + c * size, y + r * size, size - gap, shade)
        for r, row in enumerate(shades)
        for c, shade in enumerate(row)
    )


def _frame(x: float, y: float, width: float, height: float, *, extra: str = "") -> str:
    return (
        f'<rect class="kernel" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" fill="none" '
        f'stroke="{KERNEL}" stroke-width="3" {extra}/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, *, cls: str = "line", colour: str = GREY, more: str = "") -> str:
    return f'<path class="{cls}" d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{colour}" fill="none" {more}/>'


def _dot(x: float, y: float, r: float, *, cls: str = "ink", colour: str = INK) -> str:
    return f'<circle class="{cls}" cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{colour}"/>'


def _arrow(x: float, y: float) -> str:
    return (
        f'<path class="line" d="M{x:g} {y:g}h18m-6 -5 6 5 -6 5" stroke="{GREY}" stroke-width="2" fill="none" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _seven(r: int, c: int) -> float:
    mark = SEVEN[r][c] if 0 <= r < 12 and 0 <= c < 12 else "."
    return 0.0 if mark == "." else int(mark) / 9


def _correlated(kernel: tuple[tuple[float, ...], ...]) -> list[list[float]]:
    """The seven, correlated with a kernel and scaled to 0…1: the maps in the pictures are computed, not painted."""
    size = len(kernel)
    found = [
        [
            max(0.0, sum(kernel[a][b] * _seven(r + a, c + b) for a in range(size) for b in range(size)))
            for c in range(13 - size)
        ]
        for r in range(13 - size)
    ]
    largest = max(max(row) for row in found) or 1.0
    return [[value / largest for value in row] for row in found]


DOWN = ((-1.0, -1.0, -1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
UP = tuple(reversed(DOWN))
LEFT = ((1.0, 0.0, -1.0),) * 3
RIGHT = ((-1.0, 0.0, 1.0),) * 3


def _pooled(plane: list[list[float]]) -> list[list[float]]:
    return [
        [max(plane[r + a][c + b] for a in (0, 1) for b in (0, 1)) for c in range(0, len(plane[0]) - 1, 2)]
        for r in range(0, len(plane) - 1, 2)
    ]


def web() -> str:
    """Everything connected with everything."""
    left = [(26, 11 + 8.53 * i) for i in range(16)]
    right = [(214, 18 + 16.3 * i) for i in range(8)]
    lines = "".join(
        _line(*a, *b, cls="line web", colour=BLUE, more='stroke-opacity=".35" stroke-width=".8"')
        for a in left
        for b in right
    )
    return lines + "".join(_dot(x, y, 3.2) for x, y in left) + "".join(_dot(x, y, 4.6) for x, y in right)


def local() -> str:
    """Each output sees three neighbours, with the same three weights everywhere."""
    left = [(30, 15 + 12 * i) for i in range(11)]
    right = [(210, 27 + 12 * i) for i in range(9)]
    shades = (
        'stroke-opacity="1"',
        'stroke-opacity=".55" stroke-dasharray="7 4"',
        'stroke-opacity=".9" stroke-dasharray="1.5 4"',
    )
    lines = ""
    for i, b in enumerate(right):
        chosen = i == 4
        for k in range(3):
            look = f'{shades[k]} stroke-width="{2.6 if chosen else 1.1}" stroke-linecap="round"'
            lines += _line(
                *left[i + k], *b, cls="kernel" if chosen else "line", colour=KERNEL if chosen else BLUE, more=look
            )
    dots = "".join(_dot(x, y, 4) for x, y in left)
    dots += "".join(
        _dot(x, y, 4, cls="ink" if i != 4 else "spot", colour=INK if i != 4 else KERNEL)
        for i, (x, y) in enumerate(right)
    )
    return lines + dots


def _plane(x: float, y: float, size: float, shades: list[list[float]]) -> str:
    side = size * len(shades)
    back = (
        f'<rect class="sheet" x="{x - 2:g}" y="{y - 2:g}" width="{side + 2.5:g}" height="{side + 2.5:g}" rx="3" '
        f'fill="{PAPER}" stroke="{GREY}" stroke-width="1"/>'
    )
    return back + _grid(x, y, size, shades, gap=0.5)


def lenet() -> str:
    """A seven becomes maps, smaller maps, and ten numbers."""
    digit = [[_seven(r, c) for c in range(12)] for r in range(12)]
    parts = [_plane(8, 47, 4.6, digit), _frame(14, 53, 16, 16)]
    kernels = (DOWN, UP, LEFT, RIGHT)
    maps = [_correlated(kernel) for kernel in kernels]
    for i, plane in enumerate(maps):
        parts.append(_plane(84 + 9 * i, 26 + 14 * i, 4.2, plane))
    for i, plane in enumerate(maps):
        parts.append(_plane(167 + 6 * i, 36 + 16 * i, 4.2, _pooled(plane)))
    for digit_value in range(10):
        y = 12 + 12.8 * digit_value
        right = digit_value == 7
        length = 26 if right else (3, 2, 5, 2, 2, 3, 2, 0, 3, 7)[digit_value]
        parts.append(
            f'<rect class="{"spot" if right else "cell"}" x="210" y="{y:g}" width="{length:g}" height="8" rx="2" '
            f'fill="{KERNEL if right else BLUE}"/>'
        )
    return "".join(parts)


def kernel() -> str:
    """A window slides over an image and writes one number per place."""
    shades = [[_seven(r, c) for c in range(1, 11)] for r in range(1, 11)]
    answer = [row[1:9] for row in _correlated(UP)[1:9]]
    frame = _frame(14 + 12 * 3 - 2.5, 15 + 12 * 1 - 2.5, 12 * 3 + 3.5, 12 * 3 + 3.5)
    target = _frame(154 + 10 * 3 - 2, 35 + 10 * 1 - 2, 12.5, 12.5)
    return _grid(14, 15, 12, shades) + _arrow(134, 75) + _grid(154, 35, 10, answer) + frame + target


def stride() -> str:
    """A padded image, and a window that jumps."""
    size = 15.5
    left, top = 58, 14
    ring = "".join(
        f'<rect class="line" x="{left + c * size + 1:g}" y="{top + r * size + 1:g}" width="{size - 3:g}" '
        f'height="{size - 3:g}" rx="2" fill="none" stroke="{GREY}" stroke-dasharray="2 2.5"/>'
        for r in range(8)
        for c in range(8)
        if r in (0, 7) or c in (0, 7)
    )
    inside = [[0.25 + 0.6 * abs(math.sin(1.7 * r + 0.9 * c * c)) for c in range(6)] for r in range(6)]
    frames = _frame(left - 1.5, top - 1.5, 3 * size + 1, 3 * size + 1)
    for step, opacity in ((2, ".55"), (4, ".3")):
        frames += _frame(
            left - 1.5 + step * size, top - 1.5, 3 * size + 1, 3 * size + 1, extra=f'stroke-opacity="{opacity}"'
        )
    return ring + _grid(left + size, top + size, size, inside, gap=2) + frames


def channels() -> str:
    """Three planes go in, a kernel as deep as they are reads all of them, two planes come out."""
    planes = []
    for i, (cls, colour) in enumerate((("red", "#c85200"), ("green", "#00805e"), ("blue", "#0072b2"))):
        x, y = 16 + 20 * i, 14 + 17 * i
        planes.append(
            f'<rect class="sheet" x="{x}" y="{y}" width="78" height="78" rx="4" fill="{PAPER}" '
            f'stroke="{colour}" stroke-width="1.5"/>'
        )
        planes += [
            _cell(
                x + 4 + 14 * c,
                y + 4 + 14 * r,
                12.5,
                0.2 + 0.55 * abs(math.sin(2.1 * r + 1.3 * c + i)),
                cls=cls,
                fill=colour,
            )
            for r in range(5)
            for c in range(5)
        ]
        planes.append(_frame(x + 31, y + 3, 42, 42))
    out = [
        _plane(172 + 16 * i, 40 + 20 * i, 9, [row[2 + i : 7 + i] for row in _correlated(k)[1:6]])
        for i, k in enumerate((DOWN, LEFT))
    ]
    return "".join(planes) + _arrow(146, 75) + "".join(out)


def pooling() -> str:
    """Of every two by two numbers the largest stays."""
    values = [[0.15, 0.5, 0.3, 0.1], [0.9, 0.25, 0.2, 0.65], [0.35, 0.1, 0.8, 0.3], [0.2, 0.55, 0.15, 0.4]]
    size = 29.0
    blocks = ""
    for r in (0, 2):
        for c in (0, 2):
            a, b = max(((r + a, c + b) for a in (0, 1) for b in (0, 1)), key=lambda at: values[at[0]][at[1]])
            blocks += (
                f'<rect class="line" x="{19 + c * size - 2:g}" y="{17 + r * size - 2:g}" width="{2 * size + 1:g}" '
                f'height="{2 * size + 1:g}" rx="5" fill="none" stroke="{GREY}"/>'
            )
            blocks += _frame(19 + b * size, 17 + a * size, size - 3, size - 3)
    best = [[max(values[r + a][c + b] for a in (0, 1) for b in (0, 1)) for c in (0, 2)] for r in (0, 2)]
    return _grid(19, 17, size, values, gap=3) + blocks + _arrow(144, 75) + _grid(171, 46, size, best, gap=3)


DRAWINGS: dict[str, Callable[[], str]] = {f.__name__: f for f in (web, local, lenet, kernel, stride, channels, pooling)}


def svg(name: str, *, alt: str = "") -> str:
    """A drawing as an ``<svg>`` element; ValueError for a name that is none."""
    if name not in DRAWINGS:
        raise ValueError(f"drawing:{name}: there is no such drawing; there are {', '.join(DRAWINGS)}.")
    label = f'role="img" aria-label="{escape(alt)}"' if alt else 'aria-hidden="true"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" {label}>'
    return f"{head}{DRAWINGS[name]()}</svg>"


class PlaceDrawings(SphinxTransform):  # type: ignore[misc]
    """Put the drawings in place of images whose address is ``drawing:NAME``."""

    default_priority = 200  # before Sphinx collects images

    def apply(self, **kwargs: Any) -> None:
        from sphinx.util import logging

        for image in list(self.document.findall(nodes.image)):
            scheme, _, name = image["uri"].partition(":")
            if scheme != "drawing":
                continue
            try:
                drawn = svg(name, alt=image.get("alt", ""))
            except ValueError as error:
                logging.getLogger(__name__).warning("%s", error, location=image, type="drawings")
                drawn = ""
            image.replace_self(nodes.raw("", drawn, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(PlaceDrawings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
