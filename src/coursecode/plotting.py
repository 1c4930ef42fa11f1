"""Pictures and tables of every chapter: one style, one picture per cell, nothing left open."""

from __future__ import annotations

import ast
import base64
import inspect
import io
import logging
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from coursecode._checks import shape_text
from coursecode.figures import COLOURS

__all__ = [
    "LiveCurve",
    "bars",
    "grid",
    "intervals",
    "is_live",
    "lines",
    "show_images",
    "show_source",
    "style",
    "table",
]

# A figure brings its own white card, so its dark text keeps a contrast of 17:1 on any page. Mid-tone text
# on a transparent figure reaches at best 4.3:1 on white and on dark alike, and 2.6:1 where a theme dims
# pictures in its dark mode.
_PAPER, _INK, _RULE = "#ffffff", "#1b1b1b", "#d4d4d4"
_ABOVE, _BELOW, _BOX = (COLOURS[name]["light"] for name in ("above", "below", "mark"))  # as in the figures
# Okabe and Ito's hues, darkened until each has 3:1 on the paper; shape and dash repeat the difference.
_COLOURS = (_ABOVE, _BELOW, "#00805e", "#aa4499", "#5c5c5c", "#8f6500")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
_RC: dict[str, Any] = {
    "figure.dpi": 144,
    "figure.facecolor": _PAPER,
    "savefig.facecolor": _PAPER,
    "savefig.dpi": "figure",
    "axes.facecolor": _PAPER,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.titlecolor": _INK,
    "legend.frameon": False,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "image.interpolation": "nearest",
}
_WIDEST = 7.5  # inches
_NUMBERED = 20  # cells a side: more of them have no numbers
_CURVE = (6.5, 3.625)
_KINDS = {"named": "a difference", "same": "no difference worth naming", "open": "cannot tell"}
_T = TypeVar("_T")


def _pyplot() -> Any:
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # its first run would write to stderr
    import matplotlib.pyplot as plt

    return plt


def _rc() -> dict[str, Any]:
    from cycler import cycler

    return {**_RC, "axes.prop_cycle": cycler(color=_COLOURS)}


def style() -> None:
    """Give the reader's own matplotlib figures the look of the course.

    The functions of this module have that look without it and leave the reader's settings as they are.
    """
    _pyplot().rcParams.update(_rc())


def _draw(paint: Callable[[Any], Any], drawn: Mapping[str, Any] | None = None) -> None:
    """Let ``paint(pyplot)`` make one figure in the course's style, show it once and close it.

    ``drawn`` is what the figure shows. A notebook keeps it beside the picture, in the output's metadata, and the site
    draws it again with text that is text (``tools/site/drawn.py``).
    """
    import warnings

    plt = _pyplot()
    with plt.rc_context(_rc()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*non-interactive", category=UserWarning)  # a script, no screen
        figure = paint(plt)
        width, height = figure.get_size_inches() * figure.dpi
        figure.set_size_inches(round(width) / figure.dpi, round(height) / figure.dpi)  # whole pixels
        if drawn is not None:
            figure._repr_mimebundle_ = lambda **_: ({}, {"image/png": {"drawn": drawn}})
        try:
            plt.show()
        finally:
            plt.close(figure)


def _array(value: Any) -> NDArray[Any]:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _numbers(values: Any) -> list[float | int | None]:
    """Numbers for a notebook, five digits of each; None for what no curve can pass through."""
    short = (float(f"{float(value):.5g}") for value in np.ravel(values))
    return [None if not np.isfinite(v) else int(v) if v.is_integer() else v for v in short]


def _png(pixels: NDArray[Any]) -> str:
    """Pixels (h, w) or (h, w, 3), shares of white, as a PNG in base64, a dot each."""
    from PIL import Image

    made = io.BytesIO()
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(made, format="png", optimize=True)
    return base64.b64encode(made.getvalue()).decode()


class _Shown:
    """A cell's result: Markdown in a notebook, plain text in a terminal."""

    def __init__(self, *, plain: str, markdown: str) -> None:
        self._plain = plain
        self._markdown = markdown

    def __repr__(self) -> str:
        return self._plain

    def _repr_markdown_(self) -> str:
        return self._markdown


def show_source(thing: Callable[..., Any] | type, *, doc: bool = True) -> _Shown:
    """The source of a function or class, as a cell's last value; ``doc=False`` leaves its docstring out.

    Raises ``TypeError`` for anything else, and for what has no source in Python.
    """
    try:
        source = textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (TypeError, OSError):
        raise TypeError(_no_source(thing)) from None
    if not doc:
        node = ast.parse(source).body[0]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines_ = source.splitlines()
            before, after = lines_[: first.lineno - 1], lines_[first.end_lineno :]
            source = "\n".join([*before, "\n".join(after).lstrip("\n")])
    fence = "````" if "```" in source else "```"
    return _Shown(plain=source, markdown=f"{fence}python\n{source}\n{fence}")


def _no_source(thing: object) -> str:
    if inspect.isroutine(thing) or inspect.isclass(thing):
        return (
            f"show_source: {thing.__name__} has no source in Python that can be shown here; "
            f"its help is there: help({thing.__name__})."
        )
    return (
        f"show_source: give a function or a class, without calling it, as in show_source(show_source), not {thing!r}."
    )


def _cell(value: object) -> str:
    if isinstance(value, Tensor | np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(str(value).split())


def _is_number(value: object) -> bool:
    if isinstance(value, Tensor | np.generic):
        value = value.item()
    return isinstance(value, int | float) and not isinstance(value, bool)


def table(rows: Iterable[Sequence[object]], header: Sequence[str]) -> _Shown:
    """A table as a cell's last value: numbers to the right, thousands separated, booleans as yes and no.

    Text cells may hold Markdown; floats show six digits, so round them first where noise could show.

    >>> table([("dense", 61_706, True), ("a|b", 9, False)], ("layer", "parameters", "same?"))
    layer  parameters  same?
    dense      61,706  yes
    a|b             9  no
    """
    rows = [tuple(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"table: the row {row!r} has {len(row)} cells, but the header {tuple(header)!r} names {len(header)}."
            )
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    widths = [max(len(line[i]) for line in (list(header), *cells)) for i in range(len(header))]

    def plain(line: Sequence[str]) -> str:
        padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        return "  ".join(padded).rstrip()

    def pipes(line: Iterable[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |"

    rule = "|" + "|".join("---:" if r else ":---" for r in right) + "|"
    return _Shown(
        plain="\n".join(plain(line) for line in (header, *cells)),
        markdown="\n".join([pipes(header), rule, *map(pipes, cells)]),
    )


def _number(value: Any) -> str:
    if np.isnan(value):
        return "nan"
    if float(value).is_integer():
        return f"{int(value)}".replace("-", "−")
    return f"{value:.2g}".replace("-", "−")


def _colours(array: NDArray[Any], low: float, high: float, *, gray: bool = False) -> NDArray[np.float64]:
    """RGB per cell: white is 0 where there are negative values, else the smallest value."""
    import matplotlib as mpl

    if gray:
        scaled, colours = (array - low) / ((high - low) or 1.0), mpl.colormaps["gray"]
    elif low < 0:
        from matplotlib.colors import LinearSegmentedColormap

        scaled = 0.5 + 0.4 * array / max(-low, high)
        colours = LinearSegmentedColormap.from_list("signed", (_BELOW, _PAPER, _ABOVE), N=1001)
    else:
        scaled, colours = (array - low) / ((high - low) or 1.0) * 0.85, mpl.colormaps["Blues"]
    rgb = colours(scaled)[..., :3]
    rgb[~np.isfinite(array)] = 0.8
    return np.asarray(rgb, dtype=np.float64)


def _luminance(rgb: Any) -> float:
    """Relative luminance of one sRGB colour, 0 to 1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def grid(
    *arrays: Any,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    boxes: Sequence[tuple[int, int, int, int] | None] | None = None,
    same_scale: bool = False,
    gray: bool = False,
) -> None:
    """Draw small arrays side by side, a number in every cell, coloured by value.

    ``arrays`` have shape (rows, columns) or (columns,). Blue grows from the smallest value; where there are
    negative values, 0 is white, blue is above and orange below, as in the figures. ``columns`` arrays stand in one row,
    ``boxes`` frames (row, column, height, width) of each array, ``same_scale`` shares the colours.
    ``gray`` paints each array as an image, from black for its smallest value to white for its largest. A side of more
    than 20 cells is drawn without numbers.
    """
    planes = [_plane(a) for a in arrays]
    if not planes:
        raise ValueError("grid: no array was given; pass at least one.")
    titles = _one_each("grid", "titles", titles, len(planes)) or [""] * len(planes)
    frames = _one_each("grid", "boxes", boxes, len(planes)) or [None] * len(planes)
    floats = [plane.astype(np.float64) for plane in planes]
    finite = [f[np.isfinite(f)] if np.isfinite(f).any() else np.zeros(1) for f in floats]
    if same_scale:
        finite = [np.concatenate(finite)] * len(planes)
    places, width, height = _places(floats, titles, columns or len(planes))
    colours = [_colours(f, some.min(), some.max(), gray=gray) for f, some in zip(floats, finite, strict=True)]

    def paint(plt: Any) -> Any:
        figure, axes = plt.subplots()
        axes.set_axis_off()
        inch = min(0.4, _WIDEST / width)
        for part in zip(floats, colours, titles, frames, places, strict=True):
            _paint_plane(axes, *part, inch)
        axes.set_xlim(-0.1, width + 0.1)
        axes.set_ylim(height + 0.1, -0.1)
        figure.set_size_inches(inch * (width + 0.2), inch * (height + 0.2))
        axes.set_position((0, 0, 1, 1))
        return figure

    parts = [
        {"title": title, "size": list(f.shape), "box": list(box or ()), **_numbered_cells(f, rgb)}
        for title, f, box, rgb in zip(titles, floats, frames, colours, strict=True)
    ]
    _draw(paint, {"grid": parts, "columns": columns or len(planes), "gray": gray})


def _numbered_cells(array: NDArray[Any], rgb: NDArray[np.float64]) -> dict[str, Any]:
    """The number and the colour of each cell, or the colours alone, as an image, where there are too many cells."""
    if max(array.shape) > _NUMBERED:
        return {"image": _png(rgb)}
    hexes = [["".join(f"{v:02x}" for v in np.round(cell * 255).astype(int)) for cell in row] for row in rgb]
    return {"cells": [[_number(value) for value in row] for row in array], "colours": hexes}


def _plane(array: Any) -> Any:
    """An array for ``grid``, of (rows, columns)."""
    plane = np.atleast_2d(_array(array))
    if plane.ndim != 2 or 0 in plane.shape:
        raise ValueError(
            f"grid: an array has shape {shape_text(plane.shape)}, but each must be rows×columns "
            "and not empty; pass the channels of a stack one by one: grid(*X)."
        )
    return plane


def _places(
    arrays: Sequence[Any], titles: Sequence[str], columns: int
) -> tuple[list[tuple[float, float]], float, float]:  # fmt: skip
    """Left and top of each array, so many in a row, and the width and height of them all, in cells."""
    gap, head = 0.9, 0.9 if any(titles) else 0.0
    widths = [max(a.shape[1], 0.3 * len(t)) for a, t in zip(arrays, titles, strict=True)]
    rows = [range(i, min(i + columns, len(arrays))) for i in range(0, len(arrays), columns)]
    places, y = [], 0.0
    for row in rows:
        tallest, x = max(arrays[i].shape[0] for i in row), 0.0
        for i in row:
            n_h, n_w = arrays[i].shape
            places.append((x + (widths[i] - n_w) / 2, y + head + (tallest - n_h) / 2))
            x += widths[i] + gap
        y += head + tallest + gap
    return places, max(sum(widths[i] for i in row) + gap * (len(row) - 1) for row in rows), y - gap


def _paint_plane(
    axes: Any, array: Any, rgb: Any, title: str, box: Sequence[int] | None, place: tuple[float, float], inch: float
) -> None:
    """One array of ``grid`` with its title and its box at (left, top); ``inch``: how large a cell is."""
    from matplotlib.patches import Rectangle

    left, top = place
    n_h, n_w = array.shape
    axes.imshow(rgb, extent=(left, left + n_w, top + n_h, top))
    axes.text(left + n_w / 2, top - 0.2, title, ha="center", va="bottom")
    _cells(axes, array, rgb, left, top, inch)
    if box is not None:
        r, c, h, w = box
        axes.add_patch(Rectangle((left + c, top + r), w, h, fill=False, edgecolor=_BOX, linewidth=2.4, zorder=5))


def _cells(axes: Any, array: Any, rgb: Any, left: float, top: float, inch: float) -> None:
    """Lines between an array's cells, and the number in each; ``inch``: how large a cell is."""
    n_h, n_w = array.shape
    edges = {"colors": "#8a8a8a", "linewidth": 0.5}
    axes.vlines([left + c for c in range(n_w + 1)], top, top + n_h, **edges)
    axes.hlines([top + r for r in range(n_h + 1)], left, left + n_w, **edges)
    if max(n_h, n_w) > _NUMBERED:
        return
    for r, c in np.ndindex(n_h, n_w):
        text = _number(array[r, c])
        ink = "black" if _luminance(rgb[r, c]) > 0.179 else "white"  # 4.5:1 or more
        size = inch / 0.4 * (9 if len(text) <= 3 else 7 if len(text) <= 5 else 5.5)
        axes.text(left + c + 0.5, top + r + 0.52, text, ha="center", va="center", color=ink, fontsize=size)


def _one_each(who: str, name: str, values: Sequence[_T] | None, count: int) -> Sequence[_T] | None:
    if values is not None and len(values) != count:
        raise ValueError(f"{who}: {name} has {len(values)} entries, but there are {count} to go with them.")
    return values


def show_images(
    images: Any,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw images in rows of ``columns``.

    ``images`` is a list or a stack (N, …) of images of shape (h, w), (1, h, w) or (3, h, w), or one (h, w).
    So a photo X of shape (3, h, w) is shown by ``show_images([X])``, its three planes by ``show_images(X)``.
    uint8 means 0 to 255, colour floats 0 to 1; other images use their own smallest and largest value
    as black and white, or ``limits`` for all.
    """
    if isinstance(images, Tensor | np.ndarray) and images.ndim == 2:
        images = [images]
    planes = [_picture(i, _array(image)) for i, image in enumerate(images)]
    if not planes:
        raise ValueError("show_images: no image was given; pass at least one.")
    titles = _one_each("show_images", "titles", titles, len(planes))
    columns = min(columns or 8, len(planes))
    rows = -(-len(planes) // columns)
    side = min(2.4, _WIDEST / columns)
    ratio = max(p.shape[0] / p.shape[1] for p in planes)
    head = 0.0
    if titles is not None:
        head = 0.22 * max(title.count("\n") + 1 for title in titles)

    def paint(plt: Any) -> Any:
        size = (side * columns, max(rows * (side * ratio + head), 0.5))
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
        for axis in axes.flat:
            axis.set_axis_off()
        for i, plane in enumerate(planes):
            low, high = (0, 255) if plane.dtype == np.uint8 and limits is None else limits or (None, None)
            axes.flat[i].imshow(plane, cmap="gray", vmin=low, vmax=high)
            if titles is not None:
                axes.flat[i].set_title(titles[i], pad=2)
        return figure

    parts = [
        {"title": titles[i] if titles else "", "size": list(plane.shape[:2]), "image": _png(_shares(plane, limits))}
        for i, plane in enumerate(planes)
    ]
    _draw(paint, {"images": parts, "columns": columns})


def _shares(plane: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[Any]:
    """A picture's dots as shares of white, as matplotlib shows them."""
    if plane.ndim == 3:
        return np.asarray(plane / 255 if plane.dtype == np.uint8 else plane)
    finite = plane[np.isfinite(plane)]
    low, high = (0, 255) if plane.dtype == np.uint8 and limits is None else limits or (finite.min(), finite.max())
    return np.asarray(np.nan_to_num((plane.astype(np.float64) - low) / ((high - low) or 1.0), nan=1.0).clip(0, 1))


def _picture(i: int, image: Any) -> Any:
    """Image number i as (h, w), or in colour as (h, w, 3)."""
    if image.ndim == 3 and image.shape[0] == 1:
        return image[0]
    if image.ndim == 3 and image.shape[0] == 3:
        rgb = image.transpose(1, 2, 0)
        return rgb if rgb.dtype == np.uint8 else rgb.clip(0, 1)
    if image.ndim != 2:
        raise ValueError(
            f"show_images: image {i} has shape {shape_text(image.shape)}, but it must be h×w, 1×h×w or 3×h×w."
        )
    return image


def lines(
    x: Any,
    series: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    bands: Mapping[str, tuple[Any, Any]] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    markers: bool = True,
) -> None:
    """Draw one line per name over the same ``x``; ``bands`` shades (low, high) around the line named."""
    positions = _array(x)
    values = {name: _array(y) for name, y in series.items()}
    for name, y in values.items():
        if y.shape != positions.shape:
            raise ValueError(
                f"lines: {name!r} has shape {shape_text(y.shape)}, but x has {shape_text(positions.shape)}; "
                "each line needs one value per x."
            )
    for name in bands or {}:
        if name not in values:
            raise ValueError(f"lines: bands names {name!r}, but the lines are {', '.join(map(repr, values))}.")

    def paint(plt: Any) -> Any:
        figure, axes = plt.subplots(figsize=_CURVE, layout="constrained")
        for i, (name, y) in enumerate(values.items()):
            look = _look(i) if markers else {**_look(i), "marker": ""}
            axes.plot(positions, y, label=name, **look)
            if bands and name in bands:
                low, high = map(_array, bands[name])
                axes.fill_between(positions, low, high, color=look["color"], alpha=0.18, linewidth=0)
        _finish(axes, xlabel, ylabel, legend=len(values) > 1)
        if log_x:
            axes.set_xscale("log")
        elif positions.dtype.kind in "iu":
            axes.xaxis.get_major_locator().set_params(integer=True)
        if log_y:
            axes.set_yscale("log")
        return figure

    curves = {name: {"x": _numbers(positions), "y": _numbers(y)} for name, y in values.items()}
    for name, (low, high) in (bands or {}).items():
        curves[name] |= {"low": _numbers(_array(low)), "high": _numbers(_array(high))}
    names = {"xlabel": xlabel, "ylabel": ylabel}
    _draw(paint, {"lines": list(curves.items()), **names, "log_x": log_x, "log_y": log_y, "markers": markers})


def _look(i: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[i % len(_COLOURS)],
        "marker": _MARKERS[i % len(_MARKERS)],
        "linestyle": _DASHES[i % len(_DASHES)],
    }


def _finish(axes: Any, xlabel: str, ylabel: str, *, legend: bool) -> None:
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if legend:
        axes.legend()


def bars(
    values: Mapping[str, float],
    *,
    xlabel: str,
    errors: Mapping[str, float] | None = None,
    log: bool = False,
) -> None:
    """Draw one horizontal bar per name with its number at the end; ``errors`` adds ± whiskers."""
    names = list(values)
    numbers = [float(values[name]) for name in names]
    whiskers = [float(errors.get(name, 0.0)) for name in names] if errors else None

    def paint(plt: Any) -> Any:
        size = (6.5, 0.5 + 0.36 * max(len(names), 1))
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        look = {"color": _COLOURS[0], "height": 0.62, "log": log}
        drawn = axes.barh(names, numbers, xerr=whiskers, error_kw={"ecolor": _INK, "capsize": 3}, **look)
        axes.bar_label(drawn, [_bar_text(number) for number in numbers], padding=4)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.14)
        axes.set_xlabel(xlabel)
        return figure

    ranges = _numbers(whiskers) if whiskers else [0] * len(names)
    rows = [list(row) for row in zip(names, _numbers(numbers), ranges, map(_bar_text, numbers), strict=True)]
    _draw(paint, {"bars": rows, "xlabel": xlabel, "log": log})


def _bar_text(number: float) -> str:
    return f"{number:,.0f}" if number.is_integer() else f"{number:#.3g}".rstrip(".")


def intervals(
    rows: Mapping[str, tuple[float, float, float]],
    *,
    xlabel: str,
    small: float = 0.0,
    again: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Draw a difference per name, (mean, low, high), as a dot on its interval, beside the line of no difference.

    A coloured dot has an interval without zero and is at least ``small``, a grey one has its interval inside the
    shaded strip of what is smaller, and a hollow one leaves open which. ``again`` adds rings: the same difference in
    other runs.
    """
    for name, (mean, low, high) in rows.items():
        if not low <= mean <= high:
            raise ValueError(f"intervals: {name!r} has the mean {mean}, which is not between {low} and {high}.")
    kinds = [_kind(*effect, small) for effect in rows.values()]
    rings = [list((again or {}).get(name, [])) for name in rows]
    found = [
        [name, *_numbers(effect), kind, _numbers(others)]
        for (name, effect), kind, others in zip(rows.items(), kinds, rings, strict=True)
    ]
    key = {kind: said for kind, said in _KINDS.items() if kind in kinds}
    key |= {"again": "re-runs"} if any(rings) else {}
    key |= {"small": "too small to be worth naming"} if small else {}
    _draw(
        lambda plt: _paint_intervals(plt, found, key, small, xlabel),
        {"intervals": found, "small": small, "key": key, "xlabel": xlabel},
    )


def _kind(mean: float, low: float, high: float, small: float) -> str:
    if -small < low and high < small:
        return "same"
    return "open" if low <= 0 <= high or abs(mean) < small else "named"


def _balanced(name: str, most: int = 34) -> str:
    """A name on lines of about one length."""
    rows = -(-len(name) // most)
    return "\n".join(textwrap.wrap(name, -(-len(name) // rows) + 4))


def _paint_intervals(plt: Any, rows: Sequence[Any], key: Mapping[str, str], small: float, xlabel: str) -> Any:
    figure, axes = plt.subplots(figsize=(6.5, 0.95 + 0.4 * len(rows)), layout="constrained")
    rings = {"color": _INK, "marker": "o", "markersize": 3, "markerfacecolor": "none", "linestyle": ""}
    looks = {
        "named": {"color": _ABOVE, "markerfacecolor": _ABOVE},
        "same": {"color": _COLOURS[4], "markerfacecolor": _COLOURS[4]},
        "open": {"color": _COLOURS[4], "markerfacecolor": _PAPER},
    }
    dot = {"marker": "o", "markersize": 6.5}
    for at, (_, mean, low, high, kind, others) in enumerate(rows):
        axes.plot([low, high], [at, at], color=looks[kind]["color"])
        axes.plot(mean, at, **looks[kind], **dot)
        axes.plot(others, [at + 0.27] * len(others), **rings)
    for kind in [kind for kind in key if kind != "small"]:
        axes.plot([], [], label=key[kind], **(rings if kind == "again" else looks[kind] | dot))
    axes.axvspan(-small, small, color=_RULE, alpha=0.7, linewidth=0, label=key.get("small"))
    axes.axvline(0, color=_INK, linewidth=1, zorder=1)
    axes.set_yticks(range(len(rows)), [_balanced(row[0]) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(xlabel)
    figure.legend(loc="outside lower center", ncols=4, columnspacing=1.2, handletextpad=0.5)
    return figure


def is_live() -> bool:
    """Whether a reader watches: a notebook kernel whose front end can answer (nbclient and nbval cannot)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class LiveCurve:
    """One curve per name that grows while a network trains.

    In a notebook somebody watches, one picture is redrawn in place; in a notebook executed by a program the
    picture is drawn once, by ``close``; in a plain script nothing is drawn. The axes are cleared each time,
    so there is never more than one line per name.
    """

    def __init__(self, xlabel: str, names: Sequence[str]) -> None:
        self._xlabel = xlabel
        self._points: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in names}
        self._handle: Any = None
        self._last = 0.0
        self._closed = False

    def add(self, name: str, x: float, y: float) -> None:
        """One more point of a curve."""
        if name not in self._points:
            raise ValueError(f"LiveCurve: {name!r} is not one of {', '.join(map(repr, self._points))}.")
        xs, ys = self._points[name]
        xs.append(float(x))
        ys.append(float(y))
        if is_live() and time.monotonic() - self._last > 0.25:
            self._update()
            self._last = time.monotonic()

    def close(self) -> None:
        """Draw the last state; a second call does nothing."""
        if self._closed or not any(xs for xs, _ in self._points.values()):
            return
        self._closed = True
        if self._handle is not None:
            self._update()
        elif _in_notebook():
            curves = [(name, {"x": _numbers(xs), "y": _numbers(ys)}) for name, (xs, ys) in self._points.items()]
            markers = max(len(xs) for xs, _ in self._points.values()) <= 40
            _draw(self._paint, {"lines": curves, "xlabel": self._xlabel, "ylabel": "", "markers": markers})

    def _paint(self, plt: Any) -> Any:
        figure, axes = plt.subplots(figsize=_CURVE, layout="constrained")
        self._fill(axes)
        return figure

    def _fill(self, axes: Any) -> None:
        axes.cla()
        for i, (name, (xs, ys)) in enumerate(self._points.items()):
            axes.plot(xs, ys, label=name, **{**_look(i), "marker": _MARKERS[i % 6] if len(xs) <= 40 else ""})
        _finish(axes, self._xlabel, "", legend=True)

    def _update(self) -> None:
        from IPython.display import display

        plt = _pyplot()
        with plt.rc_context(_rc()):
            if self._handle is None:
                self._figure = self._paint(plt)
                plt.close(self._figure)
                self._handle = display(self._figure, display_id=True)
            else:
                self._fill(self._figure.axes[0])
                self._handle.update(self._figure)
