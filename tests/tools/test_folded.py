"""Imports and assertions of a cell are folded on the site, and nothing of the cell is lost."""

from __future__ import annotations

import ast
import itertools
import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from root import ROOT

from tools.site.folded import FEWEST, parts, said
from tools.source.chapters import parse

_STATEMENTS = st.sampled_from(
    ["import a", "from b import (\n    c,\n    d,\n)", "x = 1", "assert x == 1", "assert (\n    x\n    == 1\n)",
     "def f():\n    assert x\n\n    return x", "# why\nx = '''\nassert no\n'''", "x", "for i in x:\n    assert i",
     "# of its own", "assert x  # behind it", "y = '\u2028'"]
)  # fmt: skip


@given(st.lists(_STATEMENTS, min_size=1, max_size=8), st.integers(1, 3))
def test_the_pieces_are_the_cell_in_its_order(statements: list[str], blank: int) -> None:
    source = ("\n" * blank).join(statements)
    pieces = parts(source)
    assert ast.dump(ast.parse("\n".join(piece.source for piece in pieces))) == ast.dump(ast.parse(source))
    for piece in pieces:
        kinds = {type(node).__name__ for node in ast.parse(piece.source).body}
        if piece.kind == "checks":
            assert kinds == {"Assert"}
            assert piece.n == len(ast.parse(piece.source).body)
        elif piece.kind == "imports":
            assert not any(ast.parse(one.source).body for one in pieces[: pieces.index(piece)])
            assert kinds <= {"Import", "ImportFrom"}
            assert piece.n >= FEWEST
        else:
            assert "Assert" not in kinds
        assert not piece.kind or not re.search("^#", piece.source, re.MULTILINE), "a comment is shown"
    assert all(one.kind != two.kind for one, two in itertools.pairwise(pieces))


@pytest.mark.parametrize(
    "source",
    [
        "%%time\nimport a\nassert a",
        "x = ",
        "",
        "# a comment",
        "x = 1; assert (\n    x\n)",
        "import a\nimport b\nimport c; x = 1",
    ],
)
def test_what_cannot_be_taken_apart_stays_whole(source: str) -> None:
    assert "\n".join(piece.source for piece in parts(source)) == source
    assert not any(piece.kind for piece in parts(source))


def test_the_line_says_how_much_it_opens_in_both_languages() -> None:
    pieces = parts("import a\nimport b\nimport c\nassert a\nassert b")
    assert [said(piece, "en") for piece in pieces] == ["Imports, 3 lines", "Checked by 2 assertions"]
    assert [said(piece, "zh") for piece in pieces] == ["导入语句，3 行", "有 2 条断言检查"]


@pytest.mark.parametrize("name", ["lenet", "channels", "pooling"])
def test_a_page_shows_every_line_of_its_cells_and_folds_what_is_scaffolding(built, name: str) -> None:
    for edition in ("", "zh"):
        page = BeautifulSoup((built / edition / "book" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        assert page.select_one("details.folded:not([open]) > summary"), "folded from the start"
        boxes = page.select("article .cell_input")
        cells = [cell for cell in parse(ROOT / edition / "book" / f"{name}.md").cells if "remove-cell" not in cell.tags]
        assert len(boxes) == len(cells)
        for box, cell in zip(boxes, cells, strict=True):
            shown = "\n".join(pre.get_text().rstrip("\n") for pre in box.select("pre"))
            assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(cell.source))
            for folded in box.select("details.folded"):
                folded.extract()
            body = ast.parse("\n".join(pre.get_text() for pre in box.select("pre"))).body
            assert not any(isinstance(node, ast.Assert) for node in body)


def test_one_button_copies_a_cell_that_is_in_pieces(built, chromium) -> None:
    page = chromium.new_page()
    page.goto((built / "book" / "lenet.html").as_uri())
    page.wait_for_function("document.querySelector('.pieces')?.id && document.readyState === 'complete'")
    copied = page.evaluate(
        """() => [...document.querySelectorAll('.pieces')].map((cell) => {
            const { clipboardTarget } = cell.querySelector('.copybtn').dataset;
            const target = document.querySelector(clipboardTarget).cloneNode(true);
            for (const left of target.querySelectorAll('.linenos, .folded > summary, .copybtn')) left.remove();
            return [cell.querySelectorAll('.copybtn').length, target.textContent];
        })"""
    )
    sources = [cell.source for cell in parse(ROOT / "book" / "lenet.md").cells]
    folded = [source for source in sources if any(piece.kind for piece in parts(source))]
    assert len(copied) == len(folded) > 5
    for (buttons, text), source in zip(copied, folded, strict=True):
        assert buttons == 1
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(source))
    page.close()
