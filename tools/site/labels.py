"""The headers of tables that cells print, and the words in the pictures that they draw, in the language of the page.

Cells and notebooks are the same in both editions, and so are their outputs; only what a reader sees of them is
translated, when a page is written. ``LANGUAGE/labels.yml`` has the headers, and a header that the page names as code
stays, or the text would speak of another. A picture is made of pixels: what ``LANGUAGE/plots.yml`` has for the words
in it stands in a line below. They are found in the source of the cell, which shows what it computes as ….
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools import ROOT
from tools.source.settings import read_yaml
from tools.source.words import folder, spoken, text

__all__ = ["headers", "labels", "pictured", "setup", "translate"]

_DRAWN = {"lines": 1, "bars": 0, "grid": None, "show_images": None}  # where the names of what is drawn stand
_NAMED = ("titles", "xlabel", "ylabel")
_BETWEEN = "  ·  "
_Values = Mapping[str, list[ast.expr]]
_INSIDE: dict[type[ast.expr], Callable[[Any], list[ast.expr | None]]] = {
    ast.Dict: lambda node: node.keys,
    ast.DictComp: lambda node: [node.key],
    ast.ListComp: lambda node: [node.elt],
    ast.GeneratorExp: lambda node: [node.elt],
    ast.List: lambda node: node.elts,
    ast.Tuple: lambda node: node.elts,
    ast.BinOp: lambda node: [node.left, node.right],
    ast.Starred: lambda node: [node.value],
    ast.Call: lambda node: node.args if isinstance(node.func, ast.Name) and node.func.id in {"dict", "list"} else [],
}


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


def _said(node: ast.expr | None, assigned: _Values) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.Name):
        for value in assigned.get(node.id, []):
            yield from _said(value, {**assigned, node.id: []})
    elif node is not None and type(node) in _INSIDE:
        for part in _INSIDE[type(node)](node):
            yield from _said(part, assigned)


def pictured(source: str) -> list[str]:
    """The words in the pictures that a cell draws: titles, axes, names of curves, as far as its source says them.

    >>> pictured("lines(x, {'loss': y, f'{n} layers': z}, xlabel='step', ylabel='loss')")
    ['step', 'loss', '… layers']
    """
    try:
        nodes_of = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a magic of IPython
        return []
    assigned: dict[str, list[ast.expr]] = {}
    for made in (node for node in nodes_of if isinstance(node, ast.Assign)):
        for target in made.targets:
            if isinstance(target, ast.Name):
                assigned.setdefault(target.id, []).append(made.value)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                assigned.setdefault(target.value.id, []).append(ast.List([target.slice], ast.Load()))
    found: list[str] = []
    for node in nodes_of:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _DRAWN:
            at = _DRAWN[node.func.id]
            places = [word.value for word in node.keywords if word.arg in _NAMED]
            for place in places + (node.args[at : at + 1] if at is not None else []):
                found += _said(place, assigned)
    return list(dict.fromkeys(found))


def _below_pictures(doctree: nodes.document, language: str) -> None:
    """Say the words of a cell's picture below it."""
    known = labels(language, name="plots.yml")
    for cell in list(_boxes(doctree, "cell")) if known else []:
        source = next(
            (code.astext() for box in _boxes(cell, "cell_input") for code in box.findall(nodes.literal_block)), ""
        )
        said = [f"{' '.join(word.split())} {known[word]}" for word in pictured(source) if word in known]
        pictures = [image for box in _boxes(cell, "cell_output") for image in box.findall(nodes.image)]
        if said and pictures:
            line = f"{text('In the picture')[language]}{text(': ')[language]}{_BETWEEN.join(said)}"
            pictures[-1].parent.append(nodes.paragraph("", line, classes=["in-the-picture"]))


def translate(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say headers and words of pictures in the language of the edition."""
    language = spoken(app.config.language)
    _below_pictures(doctree, language)
    known = labels(language)
    if not known:
        return
    as_code = {literal.astext() for literal in doctree.findall(nodes.literal)}
    for header in list(headers(doctree)):
        if (shown := known.get(str(header))) and str(header) not in as_code:
            header.parent.replace(header, nodes.Text(shown))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", translate)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
