"""Every labelled formula of the book has a test, and every such test a formula; both ways, with the labels
that docstrings and pages name."""

from __future__ import annotations

import re
from pathlib import Path

from problems import marks, none

from tools.source import chapters

ROOT = Path(__file__).resolve().parents[2]
LABEL = re.compile(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*")


def formulas(book: Path) -> dict[str, str]:
    """Each label of a display formula and where it stands; the last place where one is used twice."""
    return {
        formula.label: f"{page.path}:{formula.line}"
        for page in map(chapters.parse, sorted(book.glob("*.md")))
        for formula in page.equations
        if formula.label
    }


def label_problems(book: Path) -> list[str]:
    """Labels that are used twice, are badly named, or are referred to and do not exist."""
    problems = []
    seen: dict[str, str] = {}
    known = formulas(book)
    for page in map(chapters.parse, sorted(book.glob("*.md"))):
        for formula in page.equations:
            here = f"{page.path}:{formula.line}"
            if not formula.label:
                continue
            if formula.label in seen:
                problems.append(
                    f"{here}: the label {formula.label} stands at {seen[formula.label]} already: rename one."
                )
            if not LABEL.fullmatch(formula.label):
                problems.append(f"{here}: {formula.label} is not of the form eq-name: rename it.")
            seen.setdefault(formula.label, here)
        for role in page.roles:
            if role.name == "eq" and role.target not in known:
                problems.append(
                    f"{page.path}:{role.line}: {{eq}}`{role.target}` names no formula: label it or mend this."
                )
    return problems


def missing(book: Path, tests: Path) -> list[str]:
    """Formulas without a test, and marks without a formula."""
    known = formulas(book)
    marked = marks(tests, "equation")
    labels = {label for label, _ in marked}
    return [
        f'{place}: the formula {label} has no test: write one and mark it @equation("{label}").'
        for label, place in known.items()
        if label not in labels
    ] + [
        f"{place}: no formula of the book is labelled {label}: label it `$$ … $$ ({label})` or mend the mark."
        for label, place in marked
        if label not in known
    ]


def source_problems(book: Path, source: Path) -> list[str]:
    """Labels that a module's text names and the book does not have."""
    known = formulas(book)
    return [
        f"{file}:{number}: {label} is named here, but no formula has it: label the formula or mend this."
        for file in sorted(source.rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for label in LABEL.findall(line)
        if label not in known
    ]


def test_labels_are_unique_and_references_resolve() -> None:
    none(label_problems(ROOT / "book"))


def test_every_formula_has_a_test_and_every_mark_a_formula() -> None:
    none(missing(ROOT / "book", ROOT / "tests"))


def test_every_label_in_the_source_is_a_formula() -> None:
    none(source_problems(ROOT / "book", ROOT / "src" / "coursecode"))


def book_with(folder: Path, text: str) -> Path:
    book = folder / "book"
    book.mkdir(exist_ok=True)
    (book / "page.md").write_text(text, encoding="utf-8")
    return book


FORMULA = "# Page\n\n$$\ny = x\n$$ (eq-identity)\n\nSee {eq}`eq-identity`.\n"


def test_a_formula_is_found_on_one_line_and_on_many(tmp_path: Path) -> None:
    book = book_with(tmp_path, FORMULA + "\n$$z = x$$ (eq-copy)\n\n$$ w = x $$\n")
    assert list(formulas(book)) == ["eq-identity", "eq-copy"]


def test_a_label_used_twice_is_caught(tmp_path: Path) -> None:
    (problem,) = label_problems(book_with(tmp_path, FORMULA + FORMULA))
    assert "page.md:10: the label eq-identity stands at" in problem


def test_a_badly_named_label_is_caught(tmp_path: Path) -> None:
    (problem,) = label_problems(book_with(tmp_path, "# Page\n\n$$ y = x $$ (identity)\n"))
    assert "page.md:3: identity is not of the form" in problem


def test_a_reference_to_nothing_is_caught(tmp_path: Path) -> None:
    (problem,) = label_problems(book_with(tmp_path, "# Page\n\nSee {eq}`eq-lost`.\n"))
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
    (problem,) = source_problems(book, source)
    assert "page.py:2: eq-lost is named here" in problem
