"""Every labelled formula of the book has a test, and every such test a formula; both ways, with the labels
that docstrings and pages name."""

from __future__ import annotations

from pathlib import Path

import pytest
from problems import none, told
from root import ROOT

from tools.rules import labels, pages


def missing(book: Path, tests: Path) -> list[str]:
    return told(labels.untested(pages(book), tests))


@pytest.mark.parametrize("edition", ["book", "zh/book"])
def test_labels_are_unique_and_references_resolve(edition: str) -> None:
    none(labels.equations(pages(ROOT / edition)))


def test_every_formula_has_a_test_and_every_mark_a_formula() -> None:
    none(missing(ROOT / "book", ROOT / "tests"))


def test_every_label_in_the_source_is_a_formula() -> None:
    none(labels.named_in_source(pages(ROOT / "book"), ROOT / "src" / "coursecode"))


def book_with(folder: Path, text: str) -> Path:
    book = folder / "book"
    book.mkdir(exist_ok=True)
    (book / "page.md").write_text(text, encoding="utf-8")
    return book


FORMULA = "# Page\n\n$$\ny = x\n$$ (eq-identity)\n\nSee {eq}`eq-identity`.\n"


def test_a_formula_is_found_on_one_line_and_on_many(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA + "\n$$z = x$$ (eq-copy)\n\n$$ w = x $$\n")
    assert list(labels.formulas(pages(book))) == ["eq-identity", "eq-copy"]


def test_a_label_used_twice_is_caught(tmp_path: Path) -> None:
    (problem,) = told(labels.equations(pages(book_with(tmp_path, FORMULA + FORMULA))))
    assert "page.md:10: the label eq-identity stands at" in problem


def test_a_badly_named_label_is_caught(tmp_path: Path) -> None:
    (problem,) = told(labels.equations(pages(book_with(tmp_path, "# Page\n\n$$ y = x $$ (identity)\n"))))
    assert "page.md:3: identity is not of the form" in problem


def test_a_reference_to_nothing_is_caught(tmp_path: Path) -> None:
    (problem,) = told(labels.equations(pages(book_with(tmp_path, "# Page\n\nSee {eq}`eq-lost`.\n"))))
    assert "page.md:3: {eq}`eq-lost` names no formula" in problem


def suite_with(folder: Path, text: str) -> Path:
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_page.py").write_text(text, encoding="utf-8")
    return tests


def test_a_formula_without_a_test_is_caught(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA)
    tests = suite_with(tmp_path, "def test_nothing(): ...\n")
    (problem,) = missing(book, tests)
    assert "page.md:3: the formula eq-identity has no test" in problem


def test_a_mark_without_a_formula_is_caught(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA)
    tests = suite_with(tmp_path, '@equation("eq-identity", "eq-lost")\ndef test_it(): ...\n')
    (problem,) = missing(book, tests)
    assert "test_page.py:1: no formula of the book is labelled eq-lost" in problem


def test_a_mark_on_what_is_not_a_test_does_not_count(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA)
    tests = suite_with(tmp_path, '@equation("eq-identity")\ndef helper(): ...\n')
    assert len(missing(book, tests)) == 1


def test_a_docstring_that_names_no_formula_is_caught(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA)
    source = tmp_path / "src"
    source.mkdir()
    (source / "page.py").write_text('def f():\n    """(``eq-identity``, ``eq-lost``)"""\n')
    (problem,) = told(labels.named_in_source(pages(book), source))
    assert "page.py:2: eq-lost is named here" in problem
