"""Drawings of nets: chapter *The road after LeNet*. What is drawn is what ``summary`` counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from coursecode.geometry import Row
from coursecode.plotting import _COLOURS, _INK, _WIDEST, _draw

__all__ = ["draw_blocks", "draw_nets"]

_CONV, _DENSE = _COLOURS[0], _COLOURS[1]
_FILL = "#e3eef6"


def draw_nets(nets: Mapping[str, Sequence[Row]]) -> None:
    """Draw nets from left to right, one under the other: a box for the output of each layer that multiplies.

    A box is as high as its map and as wide as it has channels, both on a logarithmic scale; a dense layer's is orange.
    Above and below it stand the channels and the side of the map, where they change. ``nets`` holds rows of
    ``summary`` by name.

    Raises ``ValueError`` for a net without a layer that multiplies.
    """
    drawn = {name: [row for row in rows if row.macs] for name, rows in nets.items()}
    for name, rows in drawn.items():
        if not rows:
            raise ValueError(f"draw_nets: no layer of {name} multiplies; give the rows of summary(net, in_shape).")

    def height(row: Row) -> float:
        return 1.1 * math.log2(2 * (row.shape[1] if row.shape[1:] else 1))

    tall = [max(map(height, rows)) for rows in drawn.values()]

    def paint(plt: Any) -> Any:
        figure, axes = plt.subplots(figsize=(_WIDEST, 0.13 * sum(h + 5.5 for h in tall)), layout="constrained")
        axes.set_axis_off()
        right = y = 0.0
        for (name, rows), highest in zip(drawn.items(), tall, strict=True):
            x = 0.0
            before: tuple[int, ...] = ()
            axes.text(0, y, name, ha="left", va="top", fontweight="bold")
            y -= 4 + highest / 2  # the middle of the boxes
            for row in rows:
                channels, sides = row.shape[0], row.shape[1:]
                width, h = 0.15 * math.log2(2 * channels), height(row)
                colour = _CONV if sides else _DENSE
                axes.add_patch(plt.Rectangle((x, y - h / 2), width, h, facecolor=colour, edgecolor="white"))
                if row.shape != before:
                    label = {"ha": "center", "color": _INK, "fontsize": 7, "x": x + width / 2}
                    axes.text(y=y + h / 2 + 0.2, s=f"{channels}", va="bottom", rotation=90, **label)
                    if sides and sides != before[1:]:
                        axes.text(y=y - h / 2 - 0.3, s=f"{sides[0]}", va="top", **label)
                before = row.shape
                x += width + 0.35
            right = max(right, x)
            y -= highest / 2 + 1.5
        axes.set_xlim(-0.2, right)
        axes.set_ylim(y, 0.3)
        return figure

    shapes = [[name, [[row.shape[0], *row.shape[1:2]] for row in rows]] for name, rows in drawn.items()]
    _draw(paint, {"nets": shapes})


def draw_blocks(blocks: Mapping[str, tuple[Sequence[Sequence[str]], str]]) -> None:
    """Draw blocks from left to right, one under the other: their branches, and what joins these at the end.

    ``blocks`` holds (branches, join) by name; a branch is a list of the words in its boxes, an empty one a line, and
    join a word such as ``"+"``, or ``""`` where there is one branch.

    Raises ``ValueError`` where several branches have no join.
    """
    for name, (branches, join) in blocks.items():
        if len(branches) != 1 and not join:
            raise ValueError(f"draw_blocks: {name} has {len(branches)} branches; say what joins them, such as '+'.")
    longest = max(len(branch) for branches, _ in blocks.values() for branch in branches)
    step, wide, high = 2.0, 1.7, 0.72

    def paint(plt: Any) -> Any:
        count = sum(len(branches) for branches, _ in blocks.values()) + 0.8 * len(blocks)
        figure, axes = plt.subplots(figsize=(_WIDEST, 0.48 * count), layout="constrained")
        axes.set_axis_off()
        start = 0.0
        arrow = {"arrowstyle": "-|>", "color": _INK, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
        y = 0.0
        for name, (branches, join) in blocks.items():
            axes.text(start, y, name, ha="left", va="center", fontweight="bold")
            y -= 0.9
            end = start + 1.2 + step * max(len(branch) for branch in branches)
            middle = y - (len(branches) - 1) / 2
            axes.text(start, middle, "x", ha="center", va="center")
            for branch in branches:
                axes.plot([start + 0.15, start + 0.5, start + 0.7], [middle, middle, y], color=_INK, linewidth=1.2)
                at = start + 0.7
                for word in branch:
                    axes.annotate("", (at + 0.3, y), (at, y), arrowprops=arrow)
                    box = plt.Rectangle((at + 0.3, y - high / 2), wide, high, facecolor=_FILL, edgecolor=_CONV)
                    axes.add_patch(box)
                    axes.text(at + 0.3 + wide / 2, y, word, ha="center", va="center", fontsize=8)
                    at += step
                axes.plot([at, end], [y, y], color=_INK, linewidth=1.2)
                axes.plot([end, end + 0.3], [y, middle], color=_INK, linewidth=1.2)
                y -= 1.0
            axes.annotate("", (end + 1.7, middle), (end + 0.3, middle), arrowprops=arrow)
            if join:
                look = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": _INK}
                axes.text(end + 0.75, middle, join, ha="center", va="center", bbox=look, fontsize=8)
            y -= 0.1
        axes.set_xlim(-0.2, start + 3.1 + step * longest)
        axes.set_ylim(y + 0.5, 0.5)
        return figure

    _draw(paint, {"blocks": [[name, [list(b) for b in branches], join] for name, (branches, join) in blocks.items()]})
