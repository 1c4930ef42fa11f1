"""Every promise of ``coverage.yml`` is kept by a cell or a test, every claim named is a promise, and every number in
prose comes from a cell above it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from problems import none, told
from root import ROOT

from tools.rules import claims, numbers, pages
from tools.rules.claims import Row, read_rows
from tools.source import chapters
from tools.source.chapters import Chapter

# -- the repository -----------------------------------------------------------------------------------------------


def test_the_table_of_promises_is_in_order() -> None:
    assert len(read_rows(ROOT / "tests" / "coverage.yml")) == 39
    none(claims.table(ROOT / "tests" / "coverage.yml", pages(ROOT / "book")))


def test_every_promise_is_kept_and_every_claim_is_a_promise() -> None:
    none(claims.claims(ROOT / "tests" / "coverage.yml", pages(ROOT / "book"), ROOT / "tests"))


def test_every_question_is_asked_and_answered() -> None:
    none(claims.questions(ROOT / "tests" / "coverage.yml", pages(ROOT / "book")))


def test_every_number_in_prose_comes_from_a_cell() -> None:
    book = pages(ROOT / "book")
    none(problem for page in book.values() for problem in numbers.problems(page, book))


def test_every_number_in_chinese_prose_comes_from_a_cell() -> None:
    book = pages(ROOT / "zh" / "book")
    none(problem for page in book.values() for problem in numbers.problems(page, book))


# -- planted faults -----------------------------------------------------------------------------------------------

ROWS: list[Row] = [
    {"row": "S1", "pages": ["page"], "promise": "Counts."},
    {"row": "S2", "pages": ["page"], "promise": "Answers.", "question": "How many?"},
]
PAGE = """# Page

```{code-cell} ipython3
---
tags: [claim-S1]
---
60_000 + 1_706
```

It has 61,706 weights.

## Questions and answers

### How many?

Many.
"""


def planted(
    folder: Path, text: str = PAGE, rows: list[Row] = ROWS, tests: str = ""
) -> tuple[Path, dict[str, Chapter], Path]:
    """A table, a book of one page and a folder of tests."""
    for name in ("book", "tests"):
        (folder / name).mkdir(exist_ok=True)
    file = folder / "coverage.yml"
    file.write_text(yaml.safe_dump(rows, sort_keys=False))
    (folder / "book" / "page.md").write_text(text, encoding="utf-8")
    (folder / "tests" / "test_page.py").write_text(tests)
    return file, pages(folder / "book"), folder / "tests"


def test_kept_promises_have_no_problem(tmp_path: Path) -> None:
    file, book, tests = planted(tmp_path)
    assert claims.problems(file, book, tests) == []


def test_rows_out_of_order_are_caught(tmp_path: Path) -> None:
    file, book, _ = planted(tmp_path, rows=ROWS[::-1])
    (problem,) = told(claims.table(file, book))
    assert "coverage.yml:1: the rows are not S1 to S2" in problem


def test_a_row_without_promise_or_page_is_caught(tmp_path: Path) -> None:
    rows = [ROWS[0], ROWS[1] | {"promise": " ", "pages": ["lost"]}]
    file, book, _ = planted(tmp_path, rows=rows)
    no_promise, no_page = told(claims.table(file, book))
    assert "coverage.yml:5: S2 has no promise" in no_promise
    assert "S2 is on the page lost, which does not exist" in no_page


def test_a_promise_that_nothing_shows_is_caught(tmp_path: Path) -> None:
    file, book, tests = planted(tmp_path, PAGE.replace("tags: [claim-S1]", "tags: []"))
    (problem,) = told(claims.claims(file, book, tests))
    assert "coverage.yml:1: nothing shows S1" in problem


def test_a_marked_test_keeps_a_promise(tmp_path: Path) -> None:
    text = PAGE.replace("tags: [claim-S1]", "tags: []")
    assert claims.claims(*planted(tmp_path, text, tests='@claim("S1")\ndef test_it(): ...\n')) == []


def test_a_tag_or_a_mark_that_names_no_row_is_caught(tmp_path: Path) -> None:
    text = PAGE.replace("claim-S1", "claim-S1, claim-S7")
    tag, mark = told(claims.claims(*planted(tmp_path, text, tests='@claim("S8")\ndef test_it(): ...\n')))
    assert "page.md:3: S7 is no row of coverage.yml" in tag
    assert "test_page.py:1: S8 is no row of coverage.yml" in mark


def test_a_tag_on_another_page_does_not_keep_the_promise(tmp_path: Path) -> None:
    file, _, tests = planted(tmp_path)
    (tmp_path / "book" / "page.md").rename(tmp_path / "book" / "other.md")
    (tmp_path / "book" / "page.md").write_text("# Page\n")
    nothing, elsewhere = told(claims.claims(file, pages(tmp_path / "book"), tests))
    assert "nothing shows S1" in nothing
    assert "other.md:3: S1 belongs on page" in elsewhere


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("### How many?", "### How few?", "page.md:1: '### How many?' (S2) is not asked"),
        ("## Questions and answers", "## Summary", "page.md:1: '### How many?' (S2) is not asked"),
        ("Many.", "", "page.md:14: 'How many?' (S2) has no answer"),
    ],
)
def test_a_question_not_asked_or_not_answered_is_caught(tmp_path: Path, old: str, new: str, expected: str) -> None:
    file, book, _ = planted(tmp_path, PAGE.replace(old, new))
    (problem,) = told(claims.questions(file, book))
    assert expected in problem


def numbered(folder: Path, prose: str, *, source: str = "60_000 + 1_706", output: str = "61706") -> list[str]:
    """The problems of a page that says ``prose`` after a cell with this source and output."""
    file = folder / "page.md"
    file.write_text(f"# Page of 99\n\n```{{code-cell}} ipython3\n{source}\n```\n\n{prose}\n", encoding="utf-8")
    cell = {"cell_type": "code", "source": [source]}
    outputs = [{"output_type": "execute_result", "data": {"text/plain": [output]}}]
    file.with_suffix(".ipynb").write_text(json.dumps({"cells": [cell | {"outputs": outputs}]}))
    page = chapters.parse(file)
    return told(numbers.problems(page, {"page": page}))


@pytest.mark.parametrize(
    "prose",
    [
        "It has 61,706 weights, 60000 of them dense.",
        r"It has $61{,}706 = 60\,000 + 1706$ weights.",
        "Three of 12, `x[99]`, [page 99](page-99.md), {ref}`sec-99`, float32 and LeNet-99.",
        "In 1998 it had 99 layers {cite:p}`lecun1998`.",
        "With Python 3.11 and d2l 1.0.3.",
        "With Python 3.11 to 3.14.",
        "99. the list's number",
        "(sec-99)=\n## 99\n\n$$\n99\n$$ (eq-ninety-nine)",
        "```python\n99\n```",
    ],
)
def test_what_a_cell_shows_or_what_is_free_passes(tmp_path: Path, prose: str) -> None:
    assert numbered(tmp_path, prose) == []


@pytest.mark.parametrize(
    ("output", "prose"),
    [
        ("0.97", "It reads 97 % of the digits."),
        ("97", "It reads 97% of the digits."),
        ("0.9700", "Its accuracy is 0.97."),
        ("3600000000", r"It has 3.6 billion, $3.6\times10^9$, $3.6 \times 10^{9}$ or 3.6e9 weights."),
        ("3.6e9", "It has 3,600,000,000 weights."),
        ("| weights | 1,516 |", "It has 1516 weights."),
        ("{'GB': 14.4}", "It takes 14.4 GB."),
        ("3600000000", "它有 36 亿个权重，即 360,000 万个。"),
    ],
)
def test_a_number_is_the_same_however_it_is_written(tmp_path: Path, output: str, prose: str) -> None:
    assert numbered(tmp_path, prose, output=output) == []


@pytest.mark.parametrize(
    ("prose", "text"),
    [
        ("It has 61,707 weights.", "61,707"),
        ("It has $61{,}707$ weights.", "61707"),
        ("It reads 96 % of the digits.", "96 %"),
        ("It reads 5 % of the digits.", "5 %"),
        ("It is 0.5 wide.", "0.5"),
        ("It is of 1998.", "1998"),
        ("It is of 1998. That is old {cite:p}`lecun1998`.", "1998"),
        ("| maps | 28 |", "28"),
        ("```{note}\nIt has 28 rows.\n```", "28"),
        ("- It has 28 rows.", "28"),
        (r"It has $2^{20}$ rows.", "20"),
        ("From 13×3 to 3×3.", "13"),
        ("它有 28 行。", "28"),
        ("它有 6 亿个权重。", "6 亿"),
    ],
)
def test_a_number_from_nowhere_is_caught(tmp_path: Path, prose: str, text: str) -> None:
    (problem,) = numbered(tmp_path, prose)
    assert f"{text} comes from no cell above" in problem


def test_a_number_computed_only_below_is_caught(tmp_path: Path) -> None:
    numbered(tmp_path, "")
    text = (tmp_path / "page.md").read_text().replace("# Page of 99\n", "# Page\n\nIt has 61706 weights.\n")
    (tmp_path / "page.md").write_text(text)
    page = chapters.parse(tmp_path / "page.md")
    (problem,) = told(numbers.problems(page, {"page": page}))
    assert "page.md:3: 61706 comes from no cell above" in problem


def test_a_changed_output_is_caught_in_the_prose(tmp_path: Path) -> None:
    assert numbered(tmp_path, "It has 61,706 weights.") == []
    assert len(numbered(tmp_path, "It has 61,706 weights.", output="61705")) == 1


def test_a_page_without_cells_may_use_what_a_chapter_computes(tmp_path: Path) -> None:
    numbered(tmp_path, "")
    chapter = chapters.parse(tmp_path / "page.md")
    index = chapters.parse_text("# Index\n\nIt has 61,706 weights, 28 of them good.\n", tmp_path / "index.md")
    (problem,) = told(numbers.problems(index, {"page": chapter, "index": index}))
    assert "index.md:3: 28 comes from no cell above" in problem
