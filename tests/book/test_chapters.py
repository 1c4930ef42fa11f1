"""The form of the book's pages and of their committed notebooks: what a reader, a screen reader, the converter to
plain notebooks and nbval rely on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from problems import none

from coursecode import plotting
from tools.source import chapters
from tools.source.chapters import Chapter

ROOT = Path(__file__).resolve().parents[2]
FRONT_MATTER = {
    "jupytext": {"text_representation": {"extension": ".md", "format_name": "myst"}},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
DIRECTIVES = {
    "admonition",
    "code-cell",
    "dropdown",
    "figure",
    "important",
    "interactive",
    "list-table",
    "note",
    "quiz",
    "tip",
    "warning",
}
DIRECTIVES_OF = {
    "index": {"container"},
    "references": {"bibliography"},
    "glossary": {"course-glossary"},
    "status": {"course-status"},
}
ROLES = {"eq", "ref", "doc", "numref", "cite:t", "cite:p", "term"}
TAGS = re.compile(r"slide|claim-S\d+|nbval-ignore-output|raises-exception|hide-input|remove-input|remove-cell")
NOT_COMPARED = "nbval-ignore-output"
DRAWS = re.compile(r"\b(?:grid|show_images|lines|bars|LiveCurve)\(|\bplt\.show\(")
MAY_DRAW = re.compile(r"\bfit\(")
NO_ALT = "the cell draws and has no description: say in mystnb.image.alt, in a full sentence, what the picture shows."
WIDTH = 88
COMPARED = 0.8


def pages(book: Path) -> list[Chapter]:
    return [chapters.parse(path) for path in sorted(book.glob("*.md"))]


# -- the text -----------------------------------------------------------------------------------------------------


def heading_problems(page: Chapter) -> list[str]:
    """One heading of level 1, which opens the page; no level skipped; a label on levels 1 and 2."""
    problems = []
    tops = [heading.line for heading in page.headings if heading.level == 1]
    if len(tops) != 1 or page.headings[0].level != 1:
        problems.append(f"{page.path}:1: {len(tops)} headings of level 1: open the page with exactly one.")
    level = 0
    for heading in page.headings:
        here = f"{page.path}:{heading.line}"
        if heading.level > level + 1:
            problems.append(
                f"{here}: {heading.text!r} jumps from level {level} to {heading.level}: use level {level + 1}."
            )
        level = heading.level
        wanted = f"sec-{page.name}" + ("" if level == 1 else "-topic")
        stem = wanted.removesuffix("topic")
        if level <= 2 and not (heading.label or "").startswith(stem):
            problems.append(f"{here}: {heading.text!r} has no label ({wanted})= above it: add one.")
        if level == 1 and heading.label and heading.label != wanted:
            problems.append(f"{here}: the page's label is {heading.label}: name it {wanted}.")
    return problems


def label_problems(book: list[Chapter]) -> list[str]:
    """Labels used twice, and references to labels and pages that do not exist."""
    problems = []
    known: dict[str, str] = {}
    for page in book:
        for label in page.labels:
            here = f"{page.path}:{label.line}"
            if label.name in known:
                problems.append(f"{here}: the label {label.name} stands at {known[label.name]} already: rename it.")
            known.setdefault(label.name, here)
        known |= {
            str(directive.options["name"]): f"{page.path}:{directive.line}"
            for directive in page.directives
            if "name" in directive.options
        }
    names = {page.name for page in book}
    for page in book:
        for role in page.roles:
            target = role.target.rpartition("<")[2].rstrip(">").strip()
            lost = (role.name in {"ref", "numref"} and target not in known) or (
                role.name == "doc" and target not in names
            )
            if lost:
                problems.append(f"{page.path}:{role.line}: {{{role.name}}}`{target}` leads nowhere: mend the name.")
    return problems


def syntax_problems(page: Chapter) -> list[str]:
    """Constructs that the converter to plain notebooks does not know, and a wrong front matter."""
    problems = []
    allowed = DIRECTIVES | DIRECTIVES_OF.get(page.name, set())
    for directive in page.directives:
        if directive.name not in allowed:
            problems.append(
                f"{page.path}:{directive.line}: the directive {{{directive.name}}} is not one of "
                f"{', '.join(sorted(allowed))}: use one of these."
            )
    for role in page.roles:
        if role.name not in ROLES:
            problems.append(
                f"{page.path}:{role.line}: the role {{{role.name}}} is not one of {', '.join(sorted(ROLES))}: "
                "use one of these."
            )
    lines = page.path.read_text(encoding="utf-8").splitlines()
    for formula in page.equations:
        if formula.label and lines[formula.line - 1].strip() != "$$":
            problems.append(
                f"{page.path}:{formula.line}: the formula {formula.label} does not stand on lines of its own: "
                "put $$ alone on the line above it."
            )
    if page.cells and page.front_matter != FRONT_MATTER:
        problems.append(f"{page.path}:1: the front matter is not the one of every chapter: copy another chapter's.")
    return problems


def cell_problems(page: Chapter) -> list[str]:
    """Tags, options, line width, a description of every picture, and the share of compared cells."""
    problems = []
    for cell in page.cells:
        here = f"{page.path}:{cell.line}"
        if not cell.source.strip():
            problems.append(f"{here}: the cell is empty: remove it.")
        for tag in cell.tags:
            if not TAGS.fullmatch(tag):
                problems.append(f"{here}: nobody reads the tag {tag!r}: mend or remove it.")
        for key in cell.options.keys() - {"tags", "mystnb"}:
            problems.append(f"{here}: nobody reads the cell option {key!r}: remove it.")
        alt = _alt(cell.options)
        draws = DRAWS.search(cell.source)
        if draws and len(alt.split()) < 4:
            problems.append(f"{here}: {NO_ALT}")
        if alt and not draws and not MAY_DRAW.search(cell.source):
            problems.append(f"{here}: mystnb.image.alt describes a picture that the cell does not draw: remove it.")
        if NOT_COMPARED in cell.tags and "assert " not in cell.source:
            problems.append(f"{here}: {NOT_COMPARED} without an assert: assert the cell's claim inside it.")
        problems += [
            f"{page.path}:{cell.source_line + i}: {len(line)} characters of code: break the line at {WIDTH}."
            for i, line in enumerate(cell.source.splitlines())
            if len(line) > WIDTH
        ]
    return problems


def _alt(options: dict[str, Any]) -> str:
    image = (options.get("mystnb") or {}).get("image") or {}
    return str(image.get("alt") or "")


def compared_problems(page: Chapter) -> list[str]:
    """Too few cells whose outputs nbval compares."""
    compared = sum(NOT_COMPARED not in cell.tags for cell in page.cells)
    if compared >= COMPARED * len(page.cells):
        return []
    return [
        f"{page.path}:1: nbval compares {compared} of {len(page.cells)} cells: "
        f"make at least {COMPARED:.0%} exact and remove their {NOT_COMPARED}."
    ]


def chapter_problems(page: Chapter) -> list[str]:
    """What each of the six chapters ends with."""
    titles = [heading.text for heading in page.headings if heading.level == 2]
    return [
        f"{page.path}:1: the chapter has no section '## {wanted}': add it."
        for wanted in ("Summary", "Questions and answers", "Further reading")
        if wanted not in titles
    ]


# -- the table of contents ----------------------------------------------------------------------------------------


def toc_files(toc: Path) -> list[str]:
    tree = yaml.safe_load(toc.read_text(encoding="utf-8"))
    return [tree["root"], *(chapter["file"] for part in tree["parts"] for chapter in part["chapters"])]


def six_chapters(toc: Path) -> list[str]:
    """The names of the numbered pages."""
    tree = yaml.safe_load(toc.read_text(encoding="utf-8"))
    parts = [part for part in tree["parts"] if part.get("numbered")]
    return [Path(chapter["file"]).name for part in parts for chapter in part["chapters"]]


def toc_problems(root: Path) -> list[str]:
    """Entries with no page, pages with no entry."""
    toc = root / "_toc.yml"
    listed = toc_files(toc)
    found = [f"book/{path.stem}" for path in sorted((root / "book").glob("*.md"))]
    return (
        [f"{toc}:1: {name} is listed, but {name}.md does not exist: write it or remove it." for name in listed
         if name not in found]
        + [f"{root / name}.md:1: the page is not in {toc.name}: list it." for name in found if name not in listed]
        + [f"{toc}:1: {name} is listed twice: remove one." for name in sorted(set(listed)) if listed.count(name) > 1]
    )  # fmt: skip


# -- the committed notebooks --------------------------------------------------------------------------------------


def notebook_problems(page: Chapter) -> list[str]:
    """A missing notebook, cells that did not run, errors, output on stderr, a path of this machine."""
    path = page.path.with_suffix(".ipynb")
    if not page.cells:
        return []
    if not path.exists():
        return [f"{page.path}:1: {path.name} does not exist: run make notebooks."]
    problems = []
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    undescribed = {cell.source: cell.line for cell in page.cells if not _alt(cell.options)}
    for number, cell in enumerate(cells, 1):
        source = "".join(cell["source"])
        if source in undescribed and any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            problems.append(f"{page.path}:{undescribed[source]}: {NO_ALT}")
        here = f"{path}:cell {number}"
        if cell.get("execution_count") is None:
            problems.append(f"{here}: the cell was not run, so nbval compares nothing: run make notebooks.")
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                if "raises-exception" not in cell["metadata"].get("tags", []):
                    problems.append(f"{here}: the cell raised {output['ename']}: mend it.")
            elif output.get("name") == "stderr":
                text = "".join(output["text"]).strip()[:60]
                problems.append(f"{here}: the cell wrote {text!r} to stderr: mend what it warns of.")
            else:
                problems += [f"{here}: {problem}" for problem in _unstable(output)]
    return problems


def _unstable(output: dict[str, Any]) -> list[str]:
    """What differs from machine to machine in an output."""
    texts = [output.get("text", "")] + [
        value for kind, value in output.get("data", {}).items() if kind.startswith("text/")
    ]
    text = "\n".join("".join(part) for part in texts)
    patterns = {
        "a memory address": r"\bat 0x[0-9a-f]{6,}|<[\w.]+ object at",
        "a path of one machine": r"(?<![\w.])/(?:home|root|tmp|usr|work|Users)/",
        "a device": r"device='?cuda",
    }
    return [
        f"the output shows {what}, which differs elsewhere: print something else."
        for what, pattern in patterns.items()
        if re.search(pattern, text)
    ]


# -- the repository -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "check",
    [heading_problems, syntax_problems, cell_problems, compared_problems, notebook_problems],
    ids=lambda check: check.__name__.removesuffix("_problems"),
)
def test_every_page_keeps_the_form(check: Callable[[Chapter], list[str]]) -> None:
    none([problem for page in pages(ROOT / "book") for problem in check(page)])


def test_labels_are_unique_and_references_lead_somewhere() -> None:
    none(label_problems(pages(ROOT / "book")))


def test_every_chapter_ends_with_summary_answers_and_reading() -> None:
    names = six_chapters(ROOT / "_toc.yml")
    assert len(names) == 6
    none([p for page in pages(ROOT / "book") if page.name in names for p in chapter_problems(page)])


def test_every_page_is_in_the_table_of_contents() -> None:
    none(toc_problems(ROOT))


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
    assert heading_problems(page) + label_problems([page]) + syntax_problems(page) + cell_problems(page) == []


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
    assert any(f"page.md{expected}" in problem for problem in heading_problems(page_with(tmp_path, text)))


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
    (problem,) = label_problems([page_with(tmp_path, text)])
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
    (problem,) = syntax_problems(page_with(tmp_path, text))
    assert f"page.md{expected}" in problem


def test_a_nested_directive_is_read(tmp_path: Path) -> None:
    page = page_with(tmp_path, GOOD + "\n````{note}\n```{raw} html\n<b>\n```\n````\n")
    assert [directive.name for directive in page.directives] == ["note", "raw"]
    assert len(syntax_problems(page)) == 1


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
    (problem,) = cell_problems(page_with(tmp_path, code(source, header)))
    assert expected in problem


def test_too_few_compared_cells_are_caught(tmp_path: Path) -> None:
    ignored = "\n```{code-cell} ipython3\n---\ntags: [nbval-ignore-output]\n---\nassert True\n```\n"
    exact = "\n```{code-cell} ipython3\n1 + 1\n```\n"
    assert compared_problems(page_with(tmp_path, HEADER + GOOD + 4 * exact + ignored)) == []
    (problem,) = compared_problems(page_with(tmp_path, HEADER + GOOD + 3 * exact + ignored))
    assert "page.md:1: nbval compares 3 of 4 cells" in problem


def test_a_missing_closing_section_is_caught(tmp_path: Path) -> None:
    (problem,) = chapter_problems(page_with(tmp_path, "## Summary\n\n## Questions and answers\n"))
    assert "page.md:1: the chapter has no section '## Further reading'" in problem


def test_a_toc_and_a_folder_that_differ_are_caught(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    page_with(tmp_path / "book", GOOD, "index")
    page_with(tmp_path / "book", GOOD, "stray")
    parts = [{"chapters": [{"file": "book/lost"}, {"file": "book/lost"}]}]
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump({"root": "book/index", "parts": parts}))
    problems = "\n".join(toc_problems(tmp_path))
    assert "book/lost.md does not exist" in problems
    assert "stray.md:1: the page is not in _toc.yml" in problems
    assert "book/lost is listed twice" in problems


def notebook_with(folder: Path, *cells: dict[str, Any]) -> Chapter:
    filled = [
        {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": "1 + 1"} | cell
        for cell in cells
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
    (problem,) = notebook_problems(notebook_with(tmp_path, cell))
    assert expected in problem


def test_a_picture_that_no_known_function_drew_needs_a_description(tmp_path: Path) -> None:
    picture = {"outputs": [{"output_type": "display_data", "data": {"image/png": "", "text/plain": "<Figure>"}}]}
    (problem,) = notebook_problems(notebook_with(tmp_path, picture))
    assert f"page.md:22: {NO_ALT}" in problem


def test_a_deliberate_error_is_allowed(tmp_path: Path) -> None:
    error = {"output_type": "error", "ename": "ValueError"}
    cell = {"outputs": [error], "metadata": {"tags": ["raises-exception"]}}
    assert notebook_problems(notebook_with(tmp_path, cell)) == []


def test_a_missing_notebook_is_caught(tmp_path: Path) -> None:
    (problem,) = notebook_problems(page_with(tmp_path, code("1 + 1")))
    assert "page.ipynb does not exist: run make notebooks" in problem
