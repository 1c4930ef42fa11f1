"""Plots as part of a page: their words are text in the page's language, their colours those of its theme.

``coursecode.plotting`` keeps what a picture shows beside its PNG in the notebook. Notebooks and paper show the PNG; a
page draws the same again, in HTML and SVG that take the width there is: on a phone grids stand below one another, a
curve keeps letters of 13 pixels, and nothing scrolls unless a number would become too small to be read.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from tools.site.colours import lightness, turned

_Say = Callable[[str], str]
_Keep = Callable[[str, bytes], str]
_INLINE = 3000  # characters of base64: a larger image is a file of its own
_SMOOTH = 100  # dots: a wider image is a photo, a smaller one is shown dot by dot
_UNNAMED = 'alt=""'
_PLAIN = (1e-3, 1e6)  # numbers on an axis that are written out


def words_of(drawn: Mapping[str, Any]) -> list[str]:
    """The words that a plot shows: titles, axes, names of curves and bars."""
    parts = [part["title"] for kind in ("grid", "images") for part in drawn.get(kind, [])]
    named = [row[0] for kind in ("lines", "bars", "intervals", "nets", "blocks") for row in drawn.get(kind, [])]
    for _, branches, join in drawn.get("blocks", []):
        named += [*(word for branch in branches for word in branch), join]
    axes = [drawn.get(axis, "") for axis in ("xlabel", "ylabel")]
    words = (*parts, *named, *drawn.get("key", {}).values(), *axes)
    return list(dict.fromkeys(" ".join(word.split()) for word in words if word))


def speaker(known: Mapping[str, str]) -> _Say:
    """What says a word in another language; ``…`` in a word stands for what a cell computed, said likewise.

    >>> say = speaker({"shirt": "camisa", "…, not …": "es …, no …"})
    >>> say("shirt"), say("shirt, not 2")
    ('camisa', 'es camisa, no 2')
    """
    plain = {" ".join(word.split()): said for word, said in known.items()}
    gaps = {word: "(.+?)".join(map(re.escape, word.split("…"))) for word in plain if "…" in word}
    open_ = {re.compile(gap): plain[word] for word, gap in gaps.items()}

    def say(word: str) -> str:
        word = " ".join(word.split())
        if word in plain:
            return plain[word]
        for pattern, said in open_.items():
            if found := pattern.fullmatch(word):
                return "".join(sum(zip(said.split("…"), (*map(say, found.groups()), ""), strict=True), ()))
        return word

    return say


def html_of(drawn: Mapping[str, Any], alt: str, *, say: _Say = str, keep: _Keep | None = None) -> str:
    """A plot as HTML. ``keep`` takes an image's name and bytes, and gives the address of a file that holds them."""
    kind, draw = next((kind, draw) for kind, draw in _DRAWN.items() if kind in drawn)
    named = escape(alt)
    inside = draw(drawn, say, keep).replace(_UNNAMED, f'alt="{named}"')  # for who sees an image of the plot alone
    return f'<div class="drawn {kind}" role="img" aria-label="{named}">{inside}</div>'


# -- grids and images -----------------------------------------------------------------------------------------------


def _grids(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    parts, columns = drawn["grid"], drawn["columns"]
    rows = [parts[i : i + columns] for i in range(0, len(parts), columns)]
    wide = max(sum(_width(part) for part in row) for row in rows)
    gaps = max(len(row) for row in rows) - 1
    high = sum(max(part["size"][0] for part in row) + 1.2 for row in rows)
    inside = "".join(
        f'<div class="abreast">{"".join(_grid(part, say, keep, gray=drawn["gray"]) for part in row)}</div>'
        for row in rows
    )
    return f'<div class="grids" style="--wide:{wide:g};--gaps:{gaps};--rows:{high:g}">{inside}</div>'


def _width(part: Mapping[str, Any]) -> float:
    return float(max(part["size"][1], 0.22 * len(part["title"])))


def _grid(part: Mapping[str, Any], say: _Say, keep: _Keep | None, *, gray: bool) -> str:
    n_h, n_w = part["size"]
    longest = max((len(text) for row in part.get("cells", []) for text in row), default=0)
    if "image" in part:
        inside = _both(part["image"], part["size"], keep, gray=gray)
    else:
        inside = "".join(
            _cell(text, colour, gray=gray)
            for texts, colours in zip(part["cells"], part["colours"], strict=True)
            for text, colour in zip(texts, colours, strict=True)
        )
    if part["box"]:
        inside += '<u style="--r:{};--c:{};--h:{};--w:{}"></u>'.format(*part["box"])
    kind = "cells" if "cells" in part else "cells dots"
    style = f"--n:{n_w};--m:{n_h};--long:{max(longest, 2)}"
    return f'<div class="one" style="{style}">{_title(part, say)}<div class="{kind}">{inside}</div></div>'


def _title(part: Mapping[str, Any], say: _Say) -> str:
    return f'<span class="title">{escape(say(part["title"]))}</span>' if part["title"] else ""


def _cell(text: str, colour: str, *, gray: bool) -> str:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)])
    ink = "" if lightness(rgb) > 0.179 else ' class="w"'
    if gray:
        return f'<i{ink or " class=k"} style="--l:#{colour};--d:#{colour}">{escape(text)}</i>'
    if colour == "ffffff":  # the page itself, in the dark as well
        return f"<i>{escape(text)}</i>"
    return f'<i{ink} style="--l:#{_short(colour)};--d:#{_short(_hex(turned(rgb)))}">{escape(text)}</i>'


def _hex(rgb: Any) -> str:
    return "".join(f"{round(float(v)):02x}" for v in rgb)


def _short(colour: str) -> str:
    return colour[::2] if colour[::2] == colour[1::2] else colour


def _both(image: str, size: Sequence[int], keep: _Keep | None, *, gray: bool) -> str:
    """An image of cells, and in the dark its twin."""
    if gray:
        return _image(image, size, keep)
    from io import BytesIO

    from PIL import Image

    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(image))).convert("RGB"))
    made = BytesIO()
    Image.fromarray(np.round(turned(pixels)).astype(np.uint8)).save(made, format="png", optimize=True)
    twin = base64.b64encode(made.getvalue()).decode()
    return _image(image, size, keep, "only-light") + _image(twin, size, keep, "only-dark")


def _image(image: str, size: Sequence[int], keep: _Keep | None, shown: str = "") -> str:
    data = base64.b64decode(image)
    address = f"data:image/png;base64,{image}"
    if keep is not None and len(image) > _INLINE:
        address = keep(f"{hashlib.sha256(data).hexdigest()[:16]}.png", data)
    classes = " ".join(filter(None, (shown, "" if size[1] >= _SMOOTH else "dotted")))
    named = f' class="{classes}"' if classes else ""
    return f'<img{named} src="{address}" width="{size[1]}" height="{size[0]}" {_UNNAMED} loading="lazy">'


def _images(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    parts, columns = drawn["images"], drawn["columns"]
    titled = any(part["title"] for part in parts)
    few = columns if columns <= 2 or (not titled and columns <= 10) else _fewer(columns, 3 if titled else 8)
    tiles = "".join(f"<span>{_title(part, say)}{_image(part['image'], part['size'], keep)}</span>" for part in parts)
    rows = -(-len(parts) // columns)
    tall = rows * (max(part["size"][0] / part["size"][1] for part in parts) + (0.1 if titled else 0))
    return f'<div class="tiles" style="--k:{columns};--few:{few};--tall:{tall:.3g}">{tiles}</div>'


def _fewer(columns: int, most: int) -> int:
    """So many in a row of a phone that the rows of the plot are cut evenly, where that can be.

    >>> _fewer(4, 3), _fewer(10, 3), _fewer(6, 3), _fewer(5, 3)
    (2, 2, 3, 3)
    """
    even = [few for few in range(2, most + 1) if columns % few == 0]
    return even[-1] if even else most


# -- curves ---------------------------------------------------------------------------------------------------------


def _curves(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    curves = drawn["lines"]
    log_x, log_y = drawn.get("log_x", False), drawn.get("log_y", False)
    xs = [x for _, curve in curves for x in curve["x"] if x is not None]
    ys = [y for _, curve in curves for side in ("y", "low", "high") for y in curve.get(side, []) if y is not None]
    if log_y:
        ys = [y for y in ys if y > 0]
    across, up = _Axis(xs, log=log_x, room=0.03, most=44), _Axis(ys, log=log_y, room=0.06, most=5 * 9)
    rules = "".join(f"M0 {1000 - _at(share)}H1000" for share, _ in up.ticks)
    rules += "".join(f"M{_at(share)} 0V1000" for share, _ in across.ticks)
    paths, marks, key = [f'<path class="rules" d="{rules}"/>'], [], []
    for i, (name, curve) in enumerate(curves):
        points = [(across(x), up(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]
        if "low" in curve:
            there, back = (list(zip(curve["x"], curve[side], strict=True)) for side in ("low", "high"))
            band = [(across(x), up(y)) for x, y in [*there, *reversed(back)]]
            if all(None not in point for point in band):
                paths.append(f'<path class="band c{i % 6}" d="{_path(band)}Z"/>')
        paths.append(f'<path class="c{i % 6}" d="{_path(points)}"/>')
        if drawn.get("markers"):
            marks += [
                f'<b class="c{i % 6}" style="left:{100 * x:.4g}%;top:{100 - 100 * y:.4g}%"></b>'
                for x, y in points
                if x is not None and y is not None
            ]
        mark = f'<b class="c{i % 6}"></b>' if drawn.get("markers") else ""
        sample = f'<svg viewBox="0 0 30 8"><path class="c{i % 6}" d="M0 4H30"/></svg>'
        key.append(f'<span class="name">{sample}{mark}{escape(say(name))}</span>')
    labels = [f'<i class="y" style="top:{100 - 100 * share:.4g}%">{said}</i>' for share, said in up.ticks]
    labels += [f'<i class="x" style="left:{100 * share:.4g}%">{said}</i>' for share, said in across.ticks]
    wide = max((len(re.sub("<[^>]+>", "", said)) for _, said in up.ticks), default=1)
    area = f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none">{"".join(paths)}</svg>'
    return (
        (f'<div class="key">{"".join(key)}</div>' if len(curves) > 1 or not drawn["ylabel"] else "")
        + (f'<div class="axis">{escape(say(drawn["ylabel"]))}</div>' if drawn["ylabel"] else "")
        + f'<div class="frame" style="--left:{wide}">{area}{"".join(labels)}{"".join(marks)}</div>'
        + f'<div class="axis x">{escape(say(drawn["xlabel"]))}</div>'
    )


def _at(share: float) -> int:
    return round(1000 * share)


def _path(points: Iterable[tuple[float | None, float | None]]) -> str:
    said, pen = [], "M"
    for x, y in points:
        if x is None or y is None:
            pen = "M"
            continue
        said.append(f"{pen}{_at(x)} {1000 - _at(y)}")
        pen = "L"
    return "".join(said)


class _Axis:
    """Where values stand between an axis's ends, as shares of its length, and what is written on it."""

    def __init__(self, values: Sequence[float], *, log: bool, room: float, most: int) -> None:
        from matplotlib.ticker import MaxNLocator

        self.log = log
        places = [self._place(v) for v in values if not log or v > 0] or [0.0, 1.0]
        low, high = min(places), max(places)
        if low == high:  # one value stands in the middle, and is what the axis says
            self.low, self.high = low - 0.5, high + 0.5
            self.ticks = [(0.5, _said(values[0]))]
            return
        space = room * (high - low)
        floor = 0.0 if not log and low >= 0 else -math.inf
        self.low, self.high = max(low - space, floor) if low > 0 or log else low - space, high + space
        whole = all(float(v).is_integer() for v in values)
        if log:
            ticks = _log_ticks(sorted(set(values)), self.low, self.high)
            self.ticks = [(self._share(math.log10(t)), _said(t)) for t in ticks]
            return
        for count in (6, 5, 4, 3, 2):
            found = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(low, high)
            inside = [float(t) for t in found if self.low - 1e-12 <= t <= self.high + 1e-12]
            texts = _written(inside)
            if sum(len(text) + 2 for text in texts) <= most:
                break
        self.ticks = [(self._share(t), text) for t, text in zip(inside, texts, strict=True)]

    def _place(self, value: float) -> float:
        return math.log10(value) if self.log else float(value)

    def _share(self, place: float) -> float:
        return (place - self.low) / (self.high - self.low)

    def __call__(self, value: float | None) -> float | None:
        return None if value is None or (self.log and value <= 0) else self._share(self._place(value))


def _log_ticks(values: Sequence[float], low: float, high: float) -> list[float]:
    """The values themselves where they are few and far apart, else powers of ten and what stands between them."""
    places = [math.log10(v) for v in values if v > 0]
    if 2 <= len(places) <= 7 and min(np.diff(places)) >= 0.11 * (high - low):
        return [v for v in values if v > 0]
    decades = range(math.floor(low), math.ceil(high) + 1)
    span = high - low
    step = max(1, math.ceil(span / 5))
    between = (1,) if span > 2.5 else (1, 3) if span > 1.3 else (1, 2, 5)
    found = [10.0**d * b for d in decades if d % step == 0 for b in between]
    return [t for t in found if low <= math.log10(t) <= high]


def _said(value: float) -> str:
    power = round(math.log10(value)) if value > 0 else 0
    if not _PLAIN[0] <= value < _PLAIN[1] and math.isclose(value, 10.0**power, rel_tol=1e-9):
        return f"10<sup>{power}</sup>".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")


def _written(ticks: Sequence[float]) -> list[str]:
    """Numbers of an axis with the same digits behind the point."""
    for digits in range(7):
        if all(math.isclose(t, round(t, digits), abs_tol=1e-9 * max(map(abs, ticks))) for t in ticks):
            break
    return [f"{t + 0.0:,.{digits}f}".replace("-", "−") for t in ticks]


# -- bars -----------------------------------------------------------------------------------------------------------


def _bars(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    rows, log = drawn["bars"], drawn["log"]
    ends = [value + error for _, value, error, _ in rows]
    low, high = 0.0, max(ends) or 1.0
    rules = ""
    if log:
        low, high = math.log10(min(value for _, value, _, _ in rows)), math.log10(high)
        low = math.floor(low - 0.3)
        ticks = [d for d in range(low, math.floor(high) + 1) if (d - low) % max(1, math.ceil((high - low) / 3)) == 0]
        marked = [(f"{(d - low) / (high - low):.4g}", _said(10.0**d)) for d in ticks]
        rules = "".join(f'<i class="tick" style="--v:{share}">{said}</i>' for share, said in marked)

    def share(value: float) -> str:
        place = math.log10(value) if log and value > 0 else low if log else value
        return f"{min(max((place - low) / (high - low), 0), 1):.4g}"

    said = []
    for name, value, error, text in rows:
        whisker = f'<u style="--a:{share(value - error)};--b:{share(value + error)}"></u>' if error else ""
        number = f'<i style="--v:{share(value + error)}">{escape(text)}</i>'
        said.append(
            f'<span class="name">{escape(say(name))}</span>'
            f'<span class="track"><b style="--v:{share(value)}"></b>{whisker}{number}</span>'
        )
    longest = max(len(text) for *_, text in rows)
    axis = f'<span class="name"></span><span class="track ticks">{rules}</span>' if rules else ""
    return (
        f'<div class="chart" style="--long:{longest}">{"".join(said)}{axis}</div>'
        f'<div class="axis x">{escape(say(drawn["xlabel"]))}</div>'
    )


def _intervals(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    """A line for each difference with its interval, and below it rings for the same difference in other runs."""
    rows, small = drawn["intervals"], drawn["small"]
    axis = _Axis([0, -small, small, *(v for row in rows for v in (*row[1:4], *row[5]))], log=False, room=0.03, most=40)

    def share(value: float) -> str:
        return f"{axis(value):.4g}"

    strip = f'<s style="--a:{share(-small)};--b:{share(small)}"></s>' if small else ""
    zero = f'{strip}<em style="--v:{share(0)}"></em>'
    said = []
    for name, mean, low, high, kind, again in rows:
        rings = "".join(f'<q style="--v:{share(value)}"></q>' for value in again)
        line = f'<u class="{kind}" style="--a:{share(low)};--b:{share(high)}"></u>'
        dot = f'<b class="{kind}" style="--v:{share(mean)}"></b>'
        said.append(f'<span class="name">{escape(say(name))}</span><span class="track">{zero}{line}{dot}{rings}</span>')
    ticks = "".join(f'<i class="tick" style="--v:{at:.4g}">{text}</i>' for at, text in axis.ticks)
    samples = {"again": "<q></q>", "small": "<s></s>"}
    samples |= {kind: f'<u class="{kind}"></u><b class="{kind}"></b>' for kind in drawn["key"] if kind not in samples}
    key = "".join(
        f'<span class="name"><span class="track">{samples[kind]}</span>{escape(say(drawn["key"][kind]))}</span>'
        for kind in sorted(drawn["key"], key=("named", "same", "open", "again", "small").index)
    )
    return (
        f'<div class="key">{key}</div><div class="chart">{"".join(said)}'
        f'<span class="name"></span><span class="track ticks">{ticks}</span></div>'
        f'<div class="axis x">{escape(say(drawn["xlabel"]))}</div>'
    )


# -- nets and their blocks --------------------------------------------------------------------------------------------


def _nets(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    """A box for each layer, as high as its map and as wide as it has channels, both on a logarithmic scale."""
    said = []
    for name, shapes in drawn["nets"]:
        before: list[int] = []
        layers = []
        for channels, *sides in shapes:
            shape = [channels, *sides]
            top = f"<i>{channels}</i>" if shape != before else ""
            below = f"<u>{sides[0]}</u>" if sides and sides != before[1:] else ""
            high, wide = (math.log2(2 * size) for size in (sides[0] if sides else 1, channels))
            kind = "" if sides else ' class="dense"'
            layers.append(f'<b{kind} style="--h:{high:.3g};--w:{wide:.3g}">{top}{below}</b>')
            before = shape
        said.append(f'<span class="name">{escape(say(name))}</span><div class="layers">{"".join(layers)}</div>')
    return "".join(said)


def _blocks(drawn: Mapping[str, Any], say: _Say, keep: _Keep | None) -> str:
    """The branches of each block, one under the other, and what joins them."""
    said = []
    for name, branches, join in drawn["blocks"]:
        rows = "".join(
            f'<div class="branch">{"".join(f"<span>{escape(say(word))}</span>" for word in branch)}</div>'
            for branch in branches
        )
        end = f'<span class="join">{escape(say(join))}</span>' if join else ""
        kind = "branches" if len(branches) > 1 else "branches single"
        flow = f'<i>x</i><div class="{kind}">{rows}</div>{end}'
        said.append(f'<span class="name">{escape(say(name))}</span><div class="flow">{flow}</div>')
    return "".join(said)


_DRAWN = {
    "nets": _nets,
    "blocks": _blocks,
    "grid": _grids,
    "images": _images,
    "lines": _curves,
    "bars": _bars,
    "intervals": _intervals,
}
