"""Say what is wrong with pages and their twins, one line a problem: ``file:line: problem; mend``.

    python -m tools.rules                      every page
    python -m tools.rules book/pooling.md      this page and its Chinese twin (or the other way round)

A page is one of the book, a master of the exercises, or the README. What stands in no page (the glossary, the promises,
the tests) is told in both cases. The exit status is 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT
from tools.rules import (
    Problem,
    cells,
    chinese,
    claims,
    editions,
    form,
    labels,
    lint_cells,
    numbers,
    pages,
    terms,
    words,
)
from tools.source.chapters import parse

Pair = tuple[Path, Path]


class NoPage(ValueError):
    """A path that is no page; the message names the pages there are."""


def chosen(names: list[str], root: Path = ROOT) -> list[Pair]:
    """The pages of these names, in either edition, each with its twin; without a name all of them."""
    pairs: dict[Path, Pair] = {}
    for source, twin in editions.twins(root):
        pairs |= {source.relative_to(root): (source, twin), twin.relative_to(root): (source, twin)}
    found = []
    for name in names:
        path = Path(name).resolve()
        page = path.relative_to(root) if path.is_relative_to(root) else path
        if page not in pairs:
            known = ", ".join(str(source.relative_to(root)) for source, _ in editions.twins(root))
            raise NoPage(f"{name} is no page: name one of {known}, or its twin in zh/.")
        found.append(pairs[page])
    return list(dict.fromkeys(found if names else pairs.values()))


def problems(pairs: list[Pair], root: Path = ROOT) -> list[Problem]:
    """Everything that is wrong with these pages, and with what stands in no page."""
    own = [path for pair in pairs for path in pair if path.exists()]
    every = {path for pair in chosen([], root) for path in pair if path.exists()}
    if found := [problem for path in (*own, *sorted(every.difference(own))) for problem in _unread(path)]:
        return found  # the other rules need all pages
    found = [problem for path in own for problem in _of_page(path, root)]
    linted = lint_cells.pages(root)
    found += lint_cells.problems(path for path in own if path in linted)
    found += editions.problems(root, pairs)
    others = every.difference(own)
    found += [problem for problem in _of_book(root, own) if root / problem.file not in others]
    return sorted({Problem(root / problem.file, problem.line, problem.text) for problem in found})


def _unread(path: Path) -> Iterator[Problem]:
    """What stops a page from being read."""
    try:
        cells = parse(path).cells
    except ValueError as error:
        yield Problem.read(str(error))
        return
    for cell in cells:
        try:
            compile(cell.source, "cell", "exec")
        except SyntaxError as error:
            line = cell.source_line + (error.lineno or 1) - 1
            yield Problem(path, line, f"the cell is no Python, {error.msg}: mend the line.")


def _of_page(path: Path, root: Path) -> Iterator[Problem]:
    """What a page says by itself."""
    page = parse(path)
    if path.is_relative_to(root / "zh"):
        yield from chinese.problems(path, root)
    if path.parent.name == "book":
        yield from form.problems(page)
        yield from cells.problems(page)
    elif path.parent == root / "exercises":
        yield from _of_master(path)


def _of_master(path: Path) -> Iterator[Problem]:
    from coursegrade.masters import lint, release
    from coursegrade.masters.master import MasterError

    try:
        found = lint.form_problems(release.assignment(path.stem, path.parent))
    except MasterError as error:
        found = [str(error)]
    yield from map(Problem.read, found)


def _of_book(root: Path, own: list[Path]) -> Iterator[Problem]:
    """What takes all pages: labels, formulas, numbers, claims, terms, the contents."""
    glossary = root / "glossary.yml"
    wrong = terms.problems(glossary)
    yield from wrong
    yield from form.contents(root)
    yield from editions.missing(root)
    yield from words.problems(root)
    yield from chinese.said(root)
    yield from chinese.glosses(root)
    english = pages(root / "book")
    for book in (english, pages(root / "zh" / "book")):
        yield from labels.problems(book)
        yield from labels.sources(book, root / "book" / "references.bib")
        yield from terms.uses(glossary, book) if not wrong else ()
        yield from (p for page in book.values() if page.path in own for p in numbers.problems(page, book))
    yield from labels.untested(english, root / "tests")
    yield from labels.named_in_source(english, root / "src" / "coursecode")
    yield from claims.problems(root / "tests" / "coverage.yml", english, root / "tests")
    numbered = form.chapters(root / "_toc.yml")
    yield from (problem for name in numbered if name in english for problem in form.closing(english[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="pages of either edition; none means all")
    arguments = parser.parse_args()
    try:
        pairs = chosen(arguments.pages)
    except NoPage as error:
        sys.exit(str(error))
    found = problems(pairs)
    told = f"{pairs[0][0].relative_to(ROOT)} and its twin" if len(pairs) == 1 else f"{len(pairs)} pages and their twins"
    print("\n".join(map(str, found)) or f"{told}: nothing to mend.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
