"""The headers of tables that cells print, in the language of the page: ``LANGUAGE/labels.yml`` says them.

Cells and notebooks are the same in both editions, and so are their outputs; only what a reader sees of a header is
translated, when a page is written. A header that the page names as code stays, or the text would speak of another.
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


@functools.cache
def labels(language: str, root: Path = ROOT) -> dict[str, str]:
    """What each header is called in a language; empty where it has no file."""
    file = root / folder(language) / "labels.yml"
    if language == "en" or not file.exists():
        return {}
    loaded: dict[str, str] = read_yaml(file)
    return {str(name): str(shown) for name, shown in loaded.items()}


def headers(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of the headers of tables among the outputs of cells."""
    for output in doctree.findall(lambda node: isinstance(node, nodes.container) and "cell_output" in node["classes"]):
        for head in output.findall(nodes.thead):
            yield from head.findall(nodes.Text)


def translate(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say the headers in the language of the edition."""
    known = labels(spoken(app.config.language))
    if not known:
        return
    as_code = {literal.astext() for literal in doctree.findall(nodes.literal)}
    for text in list(headers(doctree)):
        if (shown := known.get(str(text))) and str(text) not in as_code:
            text.parent.replace(text, nodes.Text(shown))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", translate)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
