"""The headers of tables that cells print, and the words in the pictures that they draw, in the language of the page.

Cells and notebooks are the same in both editions, and so are their outputs; only what a reader sees of them is
translated, when a page is written. ``LANGUAGE/labels.yml`` has the headers, and a header that the page names as code
stays, or the text would speak of another. ``LANGUAGE/plots.yml`` has the words in pictures, for ``drawn.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools import ROOT
from tools.source.settings import read_yaml
from tools.source.words import folder, spoken

__all__ = ["headers", "labels", "setup", "translate"]


@functools.cache
def labels(language: str, root: Path = ROOT, *, name: str = "labels.yml") -> dict[str, str]:
    """What each header (or, in ``plots.yml``, each word of a picture) is called; empty where there is no such file."""
    file = root / folder(language) / name
    if language == "en" or not file.exists():
        return {}
    loaded: dict[str, str] = read_yaml(file)
    return {str(one): str(shown) for one, shown in loaded.items()}


def _boxes(node: nodes.Node, kind: str) -> Iterator[nodes.container]:
    yield from node.findall(lambda one: isinstance(one, nodes.container) and kind in one["classes"])


def headers(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of the headers of tables among the outputs of cells."""
    for output in _boxes(doctree, "cell_output"):
        for head in output.findall(nodes.thead):
            yield from head.findall(nodes.Text)


def translate(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say headers in the language of the edition."""
    known = labels(spoken(app.config.language))
    if not known:
        return
    as_code = {literal.astext() for literal in doctree.findall(nodes.literal)}
    for header in list(headers(doctree)):
        if (shown := known.get(str(header))) and str(header) not in as_code:
            header.parent.replace(header, nodes.Text(shown))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", translate)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
