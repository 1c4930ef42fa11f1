"""The words of tables that cells print and of pictures that they draw, in the language of the page.

Cells and notebooks are the same in both editions, and so are their outputs; only what a reader sees of them is
translated, when a page is written. ``LANGUAGE/labels.yml`` has the headers of tables, ``LANGUAGE/plots.yml`` the words
in pictures, for ``drawn.py``, and ``LANGUAGE/rows.yml`` what rows of tables have beside these. What the page names as
code stays, or the text would speak of another.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from tools import ROOT
from tools.site.drawn import speaker
from tools.source.settings import read_yaml
from tools.source.words import folder, spoken


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


def _plain(text: str) -> str:
    """As the cell printed it: the page may have made its apostrophes typographic."""
    return text.replace("’", "'")


def headers(doctree: nodes.Element) -> Iterator[nodes.Text]:
    """The texts of the headers of tables among the outputs of cells."""
    for output in _boxes(doctree, "cell_output"):
        for head in output.findall(nodes.thead):
            yield from head.findall(nodes.Text)


def cells(doctree: nodes.Element) -> Iterator[tuple[str, nodes.Text]]:
    """The header and the text of each cell below it that has nothing but text, of tables among the outputs of cells."""
    for output in _boxes(doctree, "cell_output"):
        for table in output.findall(nodes.table):
            names = [
                _plain(entry.astext()) for head in table.findall(nodes.thead) for entry in head.findall(nodes.entry)
            ]
            for body in table.findall(nodes.tbody):
                for row in body.findall(nodes.row):
                    for name, entry in zip(names, row.children, strict=False):
                        texts = list(entry.findall(nodes.Text))
                        if len(texts) == 1 and isinstance(texts[0].parent, nodes.paragraph):
                            yield name, texts[0]


def picture_speaker(language: str) -> Callable[[str], str]:
    """What says a word in a picture; a name that only rows of tables have, alone or as a part, is said as there."""
    rows, plots = (labels(language, name=name) for name in ("rows.yml", "plots.yml"))
    anywhere = {word: shown for word, shown in rows.items() if " | " not in word}
    said = speaker({**{word: shown for word, shown in anywhere.items() if "…" not in word}, **plots})
    as_in_a_table = speaker(anywhere)

    def say(word: str) -> str:
        word = " ".join(word.split())
        shown = said(word)
        return _BETWEEN_HAN.sub("", as_in_a_table(word) if shown == word else shown)

    return say


_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def row_speaker(
    rows: Mapping[str, str], plots: Mapping[str, str], as_code: Container[str] = ()
) -> Callable[[str, str], str]:
    """What says the text of a cell under a header: as for this header alone, or as anywhere, or as in pictures.

    What a page names in ``as_code`` stays, unless it is said for this header alone.

    >>> say = row_speaker({"less": "menos", "data | none": "nada", "… to …": "… a …"}, {"none": "ninguno"})
    >>> say("data", "none"), say("model", "none"), say("model", "1 to 2"), say("model", "LeNet")
    ('nada', 'ninguno', '1 a 2', 'LeNet')
    """
    here = speaker({word: shown for word, shown in rows.items() if " | " in word})
    anywhere = speaker({**plots, **{word: shown for word, shown in rows.items() if " | " not in word}})

    def say(header: str, text: str) -> str:
        whole = f"{header} | {text}"
        if (shown := here(whole)) != whole:
            return shown
        return text if text in as_code else anywhere(text)

    return say


def pages(doctree: nodes.document) -> list[nodes.Element]:
    """The pages of a document that holds the whole book, inner ones first, or the one page that it is."""
    return [*reversed(list(doctree.findall(addnodes.start_of_file))), doctree]


def translate(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Say headers and rows in the language of the edition."""
    language = spoken(app.config.language)
    known = labels(language)
    if not known:
        return
    rows, plots = (labels(language, name=name) for name in ("rows.yml", "plots.yml"))
    for page in pages(doctree):
        as_code = {literal.astext() for literal in page.findall(nodes.literal)}
        say = row_speaker(rows, plots, as_code)
        for header, text in list(cells(page)):
            if (shown := say(header, _plain(text))) != _plain(text):
                text.parent.replace(text, nodes.Text(shown))
        for name in list(headers(page)):
            if (said := known.get(_plain(name))) and str(name) not in as_code:
                name.parent.replace(name, nodes.Text(said))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", translate)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
