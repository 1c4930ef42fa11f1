"""What a cell of code needs and a reader does not: imports at its beginning, and assertions, are folded to a line.

On the site, whose slides leave it out; the notebook, EPUB and paper show the whole cell, and *Run live* runs it.
"""

from __future__ import annotations

import ast
import html
import itertools
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from tools.source.words import spoken, text

IMPORTS = text("Imports, {n} lines")
CHECK, CHECKS = text("Checked by an assertion"), text("Checked by {n} assertions")
FEWEST = 3  # lines of imports that are worth a fold


class Part(NamedTuple):
    """Whole lines of a cell: ``kind`` is "imports", "checks" or "" for what is shown; ``n`` counts lines, or checks."""

    kind: str
    n: int
    source: str


class Folded(nodes.Element):  # type: ignore[misc]
    """Code below a line that opens it; ``said`` is that line."""


def parts(source: str) -> list[Part]:
    r"""The cell in pieces, in its order; joined by newlines they are the cell without blank lines at the seams.

    >>> parts("import a\nfrom b import c\nimport d\n\nx = 1\nassert x == 1\nassert x\nx")
    ... # doctest: +NORMALIZE_WHITESPACE
    [Part(kind='imports', n=3, source='import a\nfrom b import c\nimport d'), Part(kind='', n=1, source='x = 1'),
     Part(kind='checks', n=2, source='assert x == 1\nassert x'), Part(kind='', n=1, source='x')]
    """
    lines = source.split("\n")
    whole = [Part("", len(lines), source)]
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a magic, which only IPython reads
        return whole
    ends = [node.end_lineno or node.lineno for node in body]
    if any(end >= node.lineno for end, node in zip(ends, body[1:], strict=False)):
        return whole  # two statements on one line
    kinds: list[str | None] = [None] * len(lines)  # of each line; None where no statement stands
    for kind, node, end in zip(_kinds(body), body, ends, strict=True):
        kinds[node.lineno - 1 : end] = [kind] * (end - node.lineno + 1)
    for i, line in enumerate(lines):
        if kinds[i] is None:  # a comment is shown, a blank line goes with the one before
            kinds[i] = kinds[i - 1] if i and not line.strip() else ""
    found = []
    for kind, group in itertools.groupby(range(len(lines)), key=lambda i: kinds[i] or ""):
        rows = list(group)
        piece = "\n".join(lines[rows[0] : rows[-1] + 1]).strip("\n")
        if piece.strip():
            begun = sum(node.lineno - 1 in rows for node in body)
            found.append(Part(kind, begun if kind == "checks" else piece.count("\n") + 1, piece))
    return found if any(part.kind for part in found) else whole


def _kinds(body: list[ast.stmt]) -> list[str]:
    """Of each statement: "imports" at the beginning, where they take some lines, "checks", or ""."""
    leading = list(itertools.takewhile(lambda node: isinstance(node, ast.Import | ast.ImportFrom), body))
    folded = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in leading) >= FEWEST
    kinds = ["imports" if folded else ""] * len(leading)
    return kinds + ["checks" if isinstance(node, ast.Assert) else "" for node in body[len(leading) :]]


def said(part: Part, language: str) -> str:
    """The line that opens a folded part.

    >>> said(Part("checks", 1, "assert x"), "en")
    'Checked by an assertion'
    """
    words = IMPORTS if part.kind == "imports" else CHECK if part.n == 1 else CHECKS
    return str(words[language]).format(n=part.n)


def fold(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put imports and assertions of each cell of a page below a line that opens them."""
    if app.builder.name != "html":
        return
    language = spoken(app.config.language)
    for cell in doctree.findall(nodes.container):
        block = cell.children[0] if cell.children else None
        if cell.get("nb_element") != "cell_code_source" or not isinstance(block, nodes.literal_block):
            continue
        pieces = parts(block.astext())
        if not any(piece.kind for piece in pieces):
            continue
        shown = nodes.container(classes=["pieces"])
        for piece in pieces:
            one = block.copy()  # its attributes, without what stands in it
            one.rawsource = piece.source
            one += nodes.Text(piece.source)
            shown += Folded("", one, said=said(piece, language)) if piece.kind else one
        cell.replace(block, shown)


def _visit(self: HTML5Translator, node: Folded) -> None:
    self.body.append(f'<details class="folded"><summary>{html.escape(node["said"])}</summary>')


def _depart(self: HTML5Translator, node: Folded) -> None:
    self.body.append("</details>")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(Folded, html=(_visit, _depart))
    app.connect("doctree-resolved", fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
