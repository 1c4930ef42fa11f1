"""Plots on a page: what the helpers of ``coursecode.plotting`` draw, a page draws itself (``drawn.py``).

Notebooks and paper keep the picture. On paper, in another language than English, a line below says what the words in it
are called.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

from tools.site.drawn import html_of, words_of
from tools.site.labels import pages, picture_speaker
from tools.source.words import spoken, text

_BETWEEN = "  ·  "


class drawn_plot(nodes.General, nodes.Element):  # type: ignore[misc]
    """A plot that a page draws itself, as HTML."""


def lay_out(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Draw the plots of a page's cells; on paper, say their words below their pictures."""
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
        for image in list(cell.findall(nodes.image)):
            drawn = known.get(Path(str(image["uri"])).stem)
            if app.builder.name != "html":
                words = [f"{word} {say(word)}" for word in words_of(drawn or {}) if say(word) != word]
                if words:
                    line = f"{text('In the picture')[language]}{text(': ')[language]}{_BETWEEN.join(words)}"
                    image.parent.append(nodes.paragraph("", line, classes=["in-the-picture"]))
            elif drawn is not None:
                html = html_of(drawn, str(image.get("alt", "")), say=say, keep=keep)
                image.parent.replace(image, drawn_plot("", html=html))


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


def _write(translator: Any, node: drawn_plot) -> None:
    translator.body.append(f'<div class="plot">{node["html"]}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(drawn_plot, html=(_write, None))
    app.connect("doctree-resolved", lay_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
