"""The form of the book's pages and of their committed notebooks: what a reader, a screen reader, the converter to
plain notebooks and nbval rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from problems import none, told

from coursecode import plotting
from tools.rules import Problem, cells, form, labels, pages
from tools.rules.cells import DRAWS, NO_ALT
from tools.rules.form import FRONT_MATTER
from tools.source import chapters
from tools.source.chapters import Chapter

ROOT = Path(__file__).resolve().parents[2]

# -- the repository -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [form.headings, form.syntax, cells.sources, cells.compared, cells.notebook],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize("edition", ["book", "zh/book"])
def test_every_page_keeps_the_form(edition: str, check: Callable[[Chapter], list[Problem]]) -> None:
    none(problem for page in pages(ROOT / edition).values() for problem in check(page))


def without_address(page: Chapter) -> list[str]:
    """The slips that nobody can link to."""
    slips = [heading for heading in page.headings if heading.level == 3]
    return [f"{page.path.name}:{h.line}: {h.text!r} has no label above it" for h in slips if not h.label]


@pytest.mark.parametrize("edition", ["book", "zh/book"])
def test_every_slip_has_an_address_of_its_own(edition: str) -> None:
    page = pages(ROOT / edition)["where-texts-slip"]
    assert len([heading for heading in page.headings if heading.level == 3]) >= 24
    none(without_address(page))


def test_a_slip_without_an_address_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("(sec-page)=\n# Page\n\n(sec-page-one)=\n### One\n\n### Two\n", encoding="utf-8")
    assert without_address(chapters.parse(tmp_path / "page.md")) == ["page.md:7: 'Two' has no label above it"]


@pytest.mark.parametrize("edition", ["book", "zh/book"])
def test_labels_are_unique_and_references_lead_somewhere(edition: str) -> None:
    none(labels.targets(pages(ROOT / edition)))


def test_every_chapter_ends_with_summary_answers_and_reading() -> None:
    book = pages(ROOT / "book")
    names = form.chapters(ROOT / "_toc.yml")
    assert {name.removeprefix("exercises-") for name in book if name.startswith("exercises-")} < set(names)
    none(problem for name in names for problem in form.closing(book[name]))


def test_every_page_is_in_the_table_of_contents() -> None:
    none(form.contents(ROOT))


def test_every_drawing_function_is_known_here() -> None:
    """A new function of ``plotting`` is either text (then name it here) or draws (then extend DRAWS)."""
    text = {"is_live", "show_source", "style", "table"}
    assert {name for name in plotting.__all__ if DRAWS.search(f"{name}(")} == set(plotting.__all__) - text


# -- planted faults -----------------------------------------------------------------------------------------------

HEADER = "---\n" + yaml.safe_dump(FRONT_MATTER) + "---\n\n"
GOOD = "(sec-page)=\n# Page\n\n(sec-page-topic)=\n## Topic\n\n### Detail\n\nText with {ref}`sec-page-topic`.\n"


def page_with(folder: Path, text: str, name: str = "page") -> Chapter:
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return chapters.parse(path)


def code(source: str, header: str = "") -> str:
    return f"{HEADER}{GOOD}\n```{{code-cell}} ipython3\n{header}{source}\n```\n"


def test_a_good_page_has_no_problem(tmp_path: Path) -> None:
    page = page_with(tmp_path, code("1 + 1", "---\ntags: [claim-S7]\n---\n"))
    assert form.problems(page) + labels.targets({"page": page}) + cells.sources(page) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "\n# Another\n", ":1: 2 headings of level 1"),
        ("(sec-page-topic)=\n## Topic\n", ":1: 0 headings of level 1"),
        (GOOD + "\n##### Deep\n", ":11: 'Deep' jumps from level 3 to 5"),
        (GOOD + "\n## Bare\n", ":11: 'Bare' has no label (sec-page-topic)="),
        (GOOD + "\n(other)=\n## Other\n", ":12: 'Other' has no label"),
        (GOOD.replace("(sec-page)=", "(sec-pages)="), ":2: the page's label is sec-pages"),
    ],
)
def test_a_wrong_heading_is_caught(tmp_path: Path, text: str, expected: str) -> None:
    assert any(f"page.md{expected}" in problem for problem in told(form.headings(page_with(tmp_path, text))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "\n(sec-page-topic)=\n### Again\n", ":11: the label sec-page-topic stands at"),
        (GOOD + "\nSee {ref}`sec-lost`.\n", ":11: {ref}`sec-lost` leads nowhere"),
        (GOOD + "\nSee {numref}`fig-lost`.\n", ":11: {numref}`fig-lost` leads nowhere"),
        (GOOD + "\nSee {doc}`the lost page <lost>`.\n", ":11: {doc}`lost` leads nowhere"),
    ],
)
def test_a_lost_reference_is_caught(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = told(labels.targets({"page": page_with(tmp_path, text)}))
    assert f"page.md{expected}" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "\n```{epigraph}\nWords.\n```\n", ":11: the directive {epigraph} is not one of"),
        (GOOD + "\n```{bibliography}\n```\n", ":11: the directive {bibliography} is not one of"),
        (GOOD + "\n{kbd}`x`\n", ":11: the role {kbd} is not one of"),
        (GOOD + "\n$$ y = x $$ (eq-y)\n", ":11: the formula eq-y does not stand on lines of its own"),
        (GOOD + "\n```{code-cell} ipython3\n1\n```\n", ":1: the front matter is not the one"),
    ],
)
def test_what_the_converter_does_not_know_is_caught(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = told(form.syntax(page_with(tmp_path, text)))
    assert f"page.md{expected}" in problem


def test_a_nested_directive_is_read(tmp_path: Path) -> None:
    page = page_with(tmp_path, GOOD + "\n````{note}\n```{raw} html\n<b>\n```\n````\n")
    assert [directive.name for directive in page.directives] == ["note", "raw"]
    assert len(form.syntax(page)) == 1


@pytest.mark.parametrize(
    ("source", "header", "expected"),
    [
        ("lines({})", "", "the cell draws and has no description"),
        ("lines({})", "---\nmystnb: {image: {alt: a plot}}\n---\n", "the cell draws and has no description"),
        ("1 + 1", "---\nmystnb: {image: {alt: A plot of two lines.}}\n---\n", "describes a picture that the cell"),
        ("1 + 1", "---\ntags: [claim-7]\n---\n", "nobody reads the tag 'claim-7'"),
        ("1 + 1", ":tags: [claim-S7, slow]\n", "nobody reads the tag 'slow'"),
        ("1 + 1", "---\ntag: [claim-S7]\n---\n", "nobody reads the cell option 'tag'"),
        ("x = 1", "---\ntags: [nbval-ignore-output]\n---\n", "nbval-ignore-output without an assert"),
        ("", "", "the cell is empty"),
        ("x = 1\n" + "y" * 89, "", ":24: 89 characters of code"),
    ],
)
def test_a_wrong_cell_is_caught(tmp_path: Path, source: str, header: str, expected: str) -> None:
    (problem,) = told(cells.sources(page_with(tmp_path, code(source, header))))
    assert expected in problem


def test_too_few_compared_cells_are_caught(tmp_path: Path) -> None:
    ignored = "\n```{code-cell} ipython3\n---\ntags: [nbval-ignore-output]\n---\nassert True\n```\n"
    exact = "\n```{code-cell} ipython3\n1 + 1\n```\n"
    assert cells.compared(page_with(tmp_path, HEADER + GOOD + 4 * exact + ignored)) == []
    (problem,) = told(cells.compared(page_with(tmp_path, HEADER + GOOD + 3 * exact + ignored)))
    assert "page.md:1: nbval compares 3 of 4 cells" in problem


def test_a_missing_closing_section_is_caught(tmp_path: Path) -> None:
    (problem,) = told(form.closing(page_with(tmp_path, "## Summary\n\n## Questions and answers\n")))
    assert "page.md:1: the chapter has no section '## Further reading'" in problem


def test_a_toc_and_a_folder_that_differ_are_caught(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    page_with(tmp_path / "book", GOOD, "index")
    page_with(tmp_path / "book", GOOD, "stray")
    parts = [{"chapters": [{"file": "book/lost"}, {"file": "book/lost"}]}]
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump({"root": "book/index", "parts": parts}))
    problems = "\n".join(told(form.contents(tmp_path)))
    assert "book/lost.md does not exist" in problems
    assert "stray.md:1: the page is not in _toc.yml" in problems
    assert "book/lost is listed twice" in problems


def notebook_with(folder: Path, *given: dict[str, Any]) -> Chapter:
    filled = [
        {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": "1 + 1"} | cell
        for cell in given
    ]
    (folder / "page.ipynb").write_text(json.dumps({"cells": filled}))
    return page_with(folder, code("1 + 1"))


def stream(name: str, text: str) -> dict[str, Any]:
    return {"outputs": [{"output_type": "stream", "name": name, "text": [text]}]}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"execution_count": None}, "cell 1: the cell was not run"),
        ({"outputs": [{"output_type": "error", "ename": "KeyError"}]}, "the cell raised KeyError"),
        (stream("stderr", "UserWarning: no"), "the cell wrote 'UserWarning: no' to stderr"),
        (stream("stdout", "<object object at 0x7f2b8c0d1e40>"), "shows a memory address"),
        (stream("stdout", "saved to /home/me/x.pt"), "shows a path of one machine"),
        (stream("stdout", "tensor([1], device='cuda:0')"), "shows a device"),
    ],
)
def test_a_wrong_notebook_is_caught(tmp_path: Path, cell: dict[str, Any], expected: str) -> None:
    (problem,) = told(cells.notebook(notebook_with(tmp_path, cell)))
    assert expected in problem


def test_a_picture_that_no_known_function_drew_has_no_description_and_cannot_be_drawn_by_a_page(tmp_path: Path) -> None:
    picture = {"outputs": [{"output_type": "display_data", "data": {"image/png": "", "text/plain": "<Figure>"}}]}
    undescribed, undrawn = told(cells.notebook(notebook_with(tmp_path, picture)))
    assert "draw it with coursecode.plotting" in undrawn
    assert f"page.md:22: {NO_ALT}" in undescribed


def test_a_deliberate_error_is_allowed(tmp_path: Path) -> None:
    error = {"output_type": "error", "ename": "ValueError"}
    cell = {"outputs": [error], "metadata": {"tags": ["raises-exception"]}}
    assert cells.notebook(notebook_with(tmp_path, cell)) == []


def test_a_missing_notebook_is_caught(tmp_path: Path) -> None:
    (problem,) = told(cells.notebook(page_with(tmp_path, code("1 + 1"))))
    assert "page.ipynb does not exist: run make notebooks" in problem
