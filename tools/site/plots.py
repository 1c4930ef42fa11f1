"""Plots on a page: one size of letters and cells, no bright card in the dark, and letters that a phone can read.

What the helpers of ``coursecode.plotting`` draw, a page draws itself (``drawn.py``). What follows is about the others.

A plot is a PNG of 144 dots an inch, made for a column of 7.5 inches. It is shown at 96, so that its letters are 12
pixels high and a cell of ``grid`` is as large as one of an interactive figure; its width and height stand in the page,
which does not move when it comes. On a phone it keeps three quarters of that and scrolls, as code does.

In the dark a plot has a twin, whose margins are clear. In that of a *drawing* (lines, bars, cells coloured by value)
light and dark have changed places, each hue is what it was, and any two colours have the contrast that they had: 0 is
black, blue is above it, orange below, as in the figures. A *picture* (an image, a digit, a photo) must not be turned
round, a negative is another image: its twin has light titles, and the images themselves.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from numpy.typing import NDArray
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from tools.site.colours import turned
from tools.site.drawn import html_of, words_of
from tools.site.labels import pages, picture_speaker
from tools.source.words import spoken, text

DOTS, SHOWN = 144, 96  # an inch: of the files (coursecode.plotting), and on a page
_BETWEEN = "  ·  "
_PICTURE = re.compile(r"\bshow_images\(|\bgray=True")
_TITLES = re.compile(r"\btitles=")
_WHITE, _PANEL = 245, 30  # as bright is paper; as many dots wide and high is an image, and no letter
_LETTER = 300  # so many white dots in one piece are paper, fewer are a letter's
_LIGHT = (219, 226, 236)  # --pst-color-text-base in the dark (course.css)


def kind(code: str) -> str:
    """Whether the cell with this code shows a ``drawing`` or a ``picture``.

    >>> kind("show_images([X])"), kind("grid(X, gray=True)"), kind("grid(X)")
    ('picture', 'picture', 'drawing')
    """
    return "picture" if _PICTURE.search(code) else "drawing"


def panels(pixels: NDArray[Any]) -> list[tuple[slice, slice]]:
    """Where the images lie on the white paper of a picture (height, width, 3): they stand in rows and columns."""
    from scipy import ndimage  # takes a quarter of a second, and only a new plot needs it

    inked = np.any(pixels < _WHITE, axis=2)
    parts = ndimage.find_objects(ndimage.label(inked)[0])
    large = [part for part in parts if all(side.stop - side.start >= _PANEL for side in part)]
    rows, columns = (_joined([part[axis] for part in large]) for axis in (0, 1))
    rows = [_without_title(row, [inked[row, column] for column in columns]) for row in rows]
    found = [(row, column) for row in rows for column in columns]
    covered = sum((row.stop - row.start) * (column.stop - column.start) for row, column in found)
    # a photo of white paper has no edge to be found: it is shown as it is, paper and all
    return found if covered > inked.size / 3 else [(slice(0, inked.shape[0]), slice(0, inked.shape[1]))]


def _without_title(row: slice, images: list[NDArray[np.bool_]]) -> slice:
    """A row of images without the letters above it that touch one: no line of a title is inked for half its length."""
    full = np.flatnonzero(np.max([image.mean(axis=1) for image in images], axis=0) > 0.5)
    return slice(row.start + int(full[0]), row.stop) if full.size else row


def _joined(sides: list[slice]) -> list[slice]:
    """Intervals, those that overlap as one."""
    joined: list[slice] = []
    for side in sorted(sides, key=lambda side: side.start):
        if joined and side.start < joined[-1].stop:
            joined[-1] = slice(joined[-1].start, max(joined[-1].stop, side.stop))
        else:
            joined.append(side)
    return joined


def dark_twin(plot: Image.Image, what: str) -> Image.Image:
    """The plot for a dark page: clear where its white paper was."""
    pixels = np.asarray(plot.convert("RGB"))
    return Image.fromarray(_turned(pixels) if what == "drawing" else _with_light_titles(pixels))


def _turned(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Light for dark, and clear where paper was."""
    from scipy import ndimage

    white = ndimage.label((pixels == 255).all(axis=2))[0]
    paper = np.bincount(white.ravel()) >= _LETTER
    paper[0] = False
    seen = ~paper[white]
    return np.dstack([np.round(turned(pixels)), seen * 255]).astype(np.uint8)


def _with_light_titles(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    twin = np.empty((*pixels.shape[:2], 4), dtype=np.uint8)
    twin[..., :3] = _LIGHT
    twin[..., 3] = 255 - pixels.min(axis=2)
    for panel in panels(pixels):
        twin[(*panel, slice(3))], twin[(*panel, 3)] = pixels[panel], 255
    return twin


class drawn_plot(nodes.General, nodes.Element):  # type: ignore[misc]
    """A plot that a page draws itself, as HTML."""


def lay_out(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Draw the plots of a page's cells, and give those that come as pictures alone their size, place and twins.

    Paper has the pictures; in another language than English a line below says what the words in them are called.
    """
    for page in pages(doctree):
        _lay_out_page(app, page, page.get("docname", docname), docname)


def _lay_out_page(app: Sphinx, page: nodes.Element, name: str, shown_on: str) -> None:
    """One page, which on paper stands in the document that holds the whole book; the pages in it come before."""
    cells = [node for node in page.findall(nodes.container) if "cell" in node["classes"]]
    known = drawings(Path(app.env.doc2path(name)).with_suffix(".ipynb")) if cells else {}
    language = spoken(app.config.language)
    said = picture_speaker(language)
    as_code = {literal.astext() for literal in page.findall(nodes.literal)}  # the text speaks of these as they are

    def say(word: str) -> str:
        return word if word in as_code else said(word)

    keep = functools.partial(_keep, app, shown_on)
    for cell in cells:
        if cell.get("laid-out"):
            continue
        cell["laid-out"] = True
        block = next(iter(cell.findall(nodes.literal_block)), None)
        code = block.astext() if block is not None else ""
        for image in list(cell.findall(nodes.image)):
            drawn = known.get(Path(str(image["uri"])).stem)
            if app.builder.name not in ("html", "dirhtml"):
                words = [f"{word} {say(word)}" for word in words_of(drawn or {}) if say(word) != word]
                if words:
                    line = f"{text('In the picture')[language]}{text(': ')[language]}{_BETWEEN.join(words)}"
                    image.parent.append(nodes.paragraph("", line, classes=["in-the-picture"]))
            elif drawn is not None:
                html = html_of(drawn, str(image.get("alt", "")), say=say, keep=keep)
                image.parent.replace(image, drawn_plot("", html=html))
            else:
                _lay_out(app, image, code)


def drawings(notebook: Path) -> dict[str, Any]:
    """What the pictures of a notebook show, by the digests by which MyST-NB names their files."""
    if not notebook.exists():
        return {}
    found = {}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            drawn = output.get("metadata", {}).get("image/png", {}).get("drawn")
            if drawn is not None:
                png = base64.b64decode("".join(output["data"]["image/png"]))
                found[hashlib.sha256(png).hexdigest()] = drawn
    return found


def _keep(app: Sphinx, docname: str, name: str, data: bytes) -> str:
    """Put an image beside the page's others; its address."""
    path = Path(app.doctreedir, "drawn", name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    app.builder.images[str(path)] = name
    return str(relative_uri(app.builder.get_target_uri(docname), f"{app.builder.imagedir}/{name}"))


def _lay_out(app: Sphinx, image: nodes.image, code: str) -> None:
    source = Path(app.srcdir, str(image["uri"]))
    if source.suffix != ".png" or not source.exists():
        return
    with Image.open(source) as picture:
        width, height = (round(side * SHOWN / DOTS) for side in picture.size)
        what = kind(code)
        titled = what == "drawing" or _TITLES.search(code)
        box = nodes.container(classes=["plot", what, *(["titled"] if titled else [])])
        image.parent.replace(image, box)
        image["width"], image["height"] = f"{width}px", f"{height}px"
        image["loading"] = "lazy"  # the one that is not shown is not loaded
        twin = Path(app.doctreedir, "dark", f"{source.stem}-dark.png")
        if not twin.exists():
            twin.parent.mkdir(parents=True, exist_ok=True)
            dark_twin(picture, what).save(twin)
        app.builder.images[str(twin)] = twin.name
        dark = image.deepcopy()
        dark.attributes.update(
            {"uri": str(twin), "candidates": {"*": str(twin)}, "classes": ["only-dark", "no-scaled-link"]}
        )
        image["classes"] += ["only-light", "no-scaled-link"]
        box += [image, dark]


def size_in_attributes(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Sizes as attributes, which a style sheet may change and which keep the room of what is yet to come."""
    if doctree is not None and app.builder.name in ("html", "dirhtml"):
        context["body"] = _SIZED.sub(r'\1 width="\2" height="\3"', context["body"])


_SIZED = re.compile(r'(<img [^>]*?) style="width: (\d+)px; height: (\d+)px;"')


def _write(translator: Any, node: drawn_plot) -> None:
    translator.body.append(f'<div class="plot">{node["html"]}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(drawn_plot, html=(_write, None))
    app.connect("doctree-resolved", lay_out)
    app.connect("html-page-context", size_in_attributes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
