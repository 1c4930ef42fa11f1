"""Every promise of ``tests/coverage.yml`` is kept by a cell or a test, and every claim named is a promise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.rules import Problem, line_of
from tools.source.chapters import Chapter
from tools.source.marks import marks
from tools.source.settings import read_yaml

_TAG = re.compile(r"claim-(\w+)")
_ANSWERS = "Questions and answers"
Row = dict[str, Any]
Book = Mapping[str, Chapter]


def problems(file: Path, book: Book, tests: Path) -> list[Problem]:
    """What is wrong with the promises of ``file`` and with what keeps them."""
    return table(file, book) + claims(file, book, tests) + questions(file, book)


def read_rows(file: Path) -> list[Row]:
    rows: list[Row] = read_yaml(file)
    return rows


def table(file: Path, book: Book) -> list[Problem]:
    """Rows out of order or twice, without a promise, or on a page that does not exist."""
    rows = read_rows(file)
    found = []
    expected = [f"S{number}" for number in range(1, len(rows) + 1)]
    if [row["row"] for row in rows] != expected:
        text = f"the rows are not {expected[0]} to {expected[-1]}, each once, in order: sort them."
        found.append(Problem(file, 1, text))
    for row in rows:
        line = _line_of(file, row["row"])
        if not row.get("promise", "").strip():
            found.append(Problem(file, line, f"{row['row']} has no promise: say in one line what the reader sees."))
        found += [
            Problem(file, line, f"{row['row']} is on the page {page}, which does not exist: mend the name.")
            for page in row["pages"]
            if page not in book
        ]
    return found


def _line_of(file: Path, row: str) -> int:
    return line_of(file, f"- row: {row}")


def claims(file: Path, book: Book, tests: Path) -> list[Problem]:
    """Rows that nothing shows, and tags or marks that name no row or stand on another page."""
    rows = {row["row"]: row for row in read_rows(file)}
    tagged = [
        (match[1], page, cell.line)
        for page in book.values()
        for cell in page.cells
        for tag in cell.tags
        if (match := _TAG.fullmatch(tag))
    ]
    marked = marks(tests, "claim")
    shown = {name for name, page, _ in tagged if name in rows and page.name == rows[name]["pages"][0]}
    shown |= {name for name, *_ in marked}
    return [
        Problem(file, _line_of(file, name), f"nothing shows {name}: tag the cell of {row['pages'][0]}.md that does "
                f'with claim-{name}, or mark a test @claim("{name}").')
        for name, row in rows.items()
        if name not in shown and not row.get("question")
    ] + [
        Problem(path, line, f"{name} is no row of {file.name}: mend the name.")
        for name, path, line in [*((name, page.path, line) for name, page, line in tagged), *marked]
        if name not in rows
    ] + [
        Problem(page.path, line, f"{name} belongs on {', '.join(rows[name]['pages'])}: move the tag, or name the page "
                f"in {file.name}.")
        for name, page, line in tagged
        if name in rows and page.name not in rows[name]["pages"]
    ]  # fmt: skip


def questions(file: Path, book: Book) -> list[Problem]:
    """Questions that their chapter does not ask, or asks and does not answer."""
    found = []
    for row in read_rows(file):
        question, page = row.get("question"), book.get(row["pages"][0])
        if not question or page is None:
            continue
        sections = [page.section(h) for h in page.headings if h.level == 2 and h.text == _ANSWERS]
        asked = [
            h
            for h in page.headings
            if h.level == 3 and h.text == question and any(h.line in section for section in sections)
        ]
        if not asked:
            text = (
                f"'### {question}' ({row['row']}) is not asked under '## {_ANSWERS}': ask it there, or mend the "
                f"question in {file.name}."
            )
            found.append(Problem(page.path, 1, text))
        elif not any(line in page.section(asked[0]) for line, _ in page.prose):
            found.append(Problem(page.path, asked[0].line, f"'{question}' ({row['row']}) has no answer: write one."))
    return found
