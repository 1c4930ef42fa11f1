"""One command says what is wrong with a page and its twin, each with its line, and the pages there are."""

import shutil
import subprocess
import sys
from pathlib import Path

import author_book
import pytest
from problems import told
from root import ROOT

from tools.rules.__main__ import NoPage, chosen, problems
from tools.rules.editions import stamp


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of few pages without the machinery."""
    for name, text in author_book.PAGES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "glossary.yml", tmp_path)
    for name in author_book.PAGES:
        if name.startswith("zh/book/"):
            stamp(tmp_path / name, tmp_path)
    return tmp_path


def of(book: Path, name: str) -> str:
    """What is told of a page, with paths from the root of its book."""
    found = problems(chosen([str(book / name)], book), book)
    return "\n".join(told(found)).replace(f"{book}/", "")


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("book/two.md", "(sec-two)=", "(sec-too)=", "book/two.md:2: the page's label is sec-too"),
        ("book/two.md", "{eq}`eq-one`", "{eq}`eq-lost`", "book/two.md:4: {eq}`eq-lost` names no formula"),
        ("book/two.md", "padding", "{term}`pudding`", "book/two.md:4: {term}`pudding` is not in glossary.yml"),
        ("book/two.md", "the padding", "61,706 weights", "book/two.md:4: 61,706 comes from no cell above"),
        ("book/two.md", "the padding", "{cite:p}`nobody1999`", "book/two.md:4: nobody1999 is not in references.bib"),
        ("book/two.md", "the padding", "[it](lost.md#a)", "book/two.md:4: the link to lost.md#a leads nowhere"),
        ("book/two.md", "```{interactive}", "```{epigraph}", "book/two.md:6: the directive {epigraph} is not one of"),
        ("book/two.md", "the padding", "padding", "zh/book/two.md:2: section 'sec-two' is behind book/two.md:2"),
        ("book/two.md", ":alt: A window.\n\nA window moves.\n```", "", "book/two.md:6: the block that opens here is"),
        ("zh/book/two.md", "窗口在移动", "窗口在移动,", "zh/book/two.md:11: half-width ','"),
        ("zh/book/two.md", "{ref}`sec-one-sum`", "{ref}`sec-lost`", "zh/book/two.md:5: {ref}`sec-lost` leads nowhere"),
    ],
)
@pytest.mark.parametrize("asked", ["book/two.md", "zh/book/two.md"])
def test_each_fault_is_told_whichever_twin_is_named(book, asked, name, old, new, expected):
    text = (book / name).read_text(encoding="utf-8")
    assert old in text
    assert expected not in of(book, asked)
    (book / name).write_text(text.replace(old, new), encoding="utf-8")
    assert expected in of(book, asked)
    assert f"\n{name}" not in of(book, "book/index.md")


def test_what_the_glossary_says_in_chinese_is_told_too(book):
    file = book / "glossary.yml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("meaning_zh: "))
    lines[at] = lines[at].replace("meaning_zh: ", "meaning_zh: 您", 1)
    file.write_text("".join(lines), encoding="utf-8")
    assert f"glossary.yml:{at + 1}: '您'; the course says 你" in of(book, "book/two.md")


def test_an_english_name_that_stands_behind_its_term_twice_is_told_of_the_page_that_repeats_it(book):
    for name in ("one", "two"):
        page = book / "zh" / "book" / f"{name}.md"
        page.write_text(page.read_text(encoding="utf-8") + "\n步幅（stride）在这里。\n", encoding="utf-8")
    assert "（stride） stands in zh/book/one.md" in of(book, "book/two.md")
    assert "（stride） stands in" not in of(book, "book/one.md")


def test_a_cell_is_linted_and_its_notebook_missed(book):
    text = (book / "book/one.md").read_text(encoding="utf-8")
    (book / "book/one.md").write_text(text.replace("print(1 + 1)", "print(1+1)"), encoding="utf-8")
    assert "book/one.md:18: not laid out as ruff would" in of(book, "book/one.md")
    assert "book/one.md:1: one.ipynb does not exist: run make notebooks." in of(book, "book/one.md")


def test_a_cell_that_is_no_python_is_told_with_its_line(book):
    page = book / "book" / "two.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\n```{{code-cell}} ipython3\nx = 1\nx = = 2\n```\n", encoding="utf-8")
    line = len(text.splitlines()) + 4
    assert of(book, "book/two.md") == f"book/two.md:{line}: the cell is no Python, invalid syntax: mend the line."


def test_a_path_that_is_no_page_names_those_there_are(book):
    with pytest.raises(NoPage, match=r"lost\.md is no page: name one of book/glossary\.md, .*, or its twin in zh/"):
        chosen([str(book / "book/lost.md")], book)


@pytest.mark.parametrize(
    ("page", "status", "answer"),
    [("zh/book/pooling.md", 0, "book/pooling.md and its twin: nothing to mend.\n"), ("book/lost.md", 1, "")],
)
def test_the_command_exits_with_1_where_something_is_wrong(page, status, answer):
    done = subprocess.run([sys.executable, "-m", "tools.rules", page], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, answer)
    assert done.stderr.count("\n") == status


def test_nothing_is_wrong_with_the_exercises_and_the_readme():
    assert told(problems(chosen([str(ROOT / "exercises/pooling.md"), str(ROOT / "README.md")]))) == []
