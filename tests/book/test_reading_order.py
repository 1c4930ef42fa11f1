"""Nothing is used before it is introduced: terms of the glossary and symbols of the notation page, in reading order.

``tests/reading_order.yml`` says which chapter introduces a term. An earlier chapter may use it where the same
paragraph points to the chapter that does, or a later one; or where the list ``may_use`` allows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from problems import none
from root import ROOT

from tools.source.chapters import Chapter, parse
from tools.source.terms import read_terms

PARTS = 5  # of the contents: the course, after LeNet, under the hood, measured answers, measured
_CODE = re.compile(r"`[^`]*`")
_MATH = re.compile(r"\$[^$]*\$")
_POINTER = re.compile(r"\{(?:doc|ref|eq)\}`(?:[^`<]*<)?(?:(?:sec|fig|eq)-)?([\w-]+)>?`")


def told() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "reading_order.yml").read_text(encoding="utf-8"))
    return found


def in_order() -> list[str]:
    """The chapters, as a reader meets them."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [Path(chapter["file"]).name for part in toc["parts"][:PARTS] for chapter in part["chapters"]]


def named(entry: dict[str, Any]) -> re.Pattern[str]:
    """A term in running prose, by any of its English names, in singular and plural."""
    names = [entry["en"], *entry.get("also", [])]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(re.escape(name) for name in names)})(?:e?s)?(?![\w-])", re.IGNORECASE)


def paragraphs(page: Chapter) -> Iterator[tuple[int, str]]:
    """Where each paragraph, item or row begins, and its text."""
    line, lines, last = 0, list[str](), -1
    for prose in page.prose:
        for n, text in enumerate(prose.text.split("\n"), prose.line):
            if lines and (n != last + 1 or not text.strip() or re.match(r"\s*(?:[-*+]|\d+[.)]|\|)\s", text)):
                yield line, "\n".join(lines)
                lines = []
            if text.strip():
                line, last = (n if not lines else line), n
                lines.append(text)
    if lines:
        yield line, "\n".join(lines)


def points_to(paragraph: str, pages: set[str], equations: dict[str, str]) -> bool:
    """Whether a paragraph names one of ``pages``, a section of it or a formula of it."""
    for aim in _POINTER.findall(paragraph):
        if aim in pages or equations.get(aim) in pages or any(aim.startswith(f"{page}-") for page in pages):
            return True
    return False


def too_early(order: list[str], pages: dict[str, Chapter], known: dict[str, Any], terms: list[Any]) -> list[str]:
    """The uses of a term in a chapter before the one that introduces it."""
    home = {key: name for name, keys in known["introduced"].items() for key in keys}
    equations = {eq.label[3:]: name for name, page in pages.items() for eq in page.equations if eq.label}
    found = []
    for place, name in enumerate(order):
        allowed = {*known["assumed"], *known["may_use"].get(name, [])}
        last = [
            pages[name].section(h) for h in pages[name].headings if h.text == "Further reading"
        ]  # other texts' words
        for line, paragraph in paragraphs(pages[name]):
            if any(line in section for section in last):
                continue
            words = _MATH.sub(" ", _CODE.sub(" ", paragraph))
            for entry in terms:
                where = home.get(entry["key"])
                if where is None or where not in order or entry["key"] in allowed or order.index(where) <= place:
                    continue
                if named(entry).search(words) and not points_to(paragraph, {*order[place + 1 :]}, equations):
                    found.append(
                        f"{pages[name].path.name}:{line}: {entry['en']} is introduced in {where}; say what it is"
                    )
    return found


def written(page: Chapter, symbol: str) -> bool:
    """Whether a formula of the page, in a line or displayed, holds the symbol as a whole."""
    whole = re.compile(rf"{re.escape(symbol)}(?![a-zA-Z])")
    inline = (m for prose in page.prose for m in _MATH.findall(_CODE.sub(" ", prose.text)))
    return any(whole.search(latex) for latex in (*inline, *(equation.latex for equation in page.equations)))


# -- the book ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> dict[str, Chapter]:
    return {name: parse(ROOT / "book" / f"{name}.md") for name in in_order()}


def test_every_term_is_introduced_once_or_assumed() -> None:
    known = told()
    keys = [*known["assumed"], *known["unsaid"], *(key for keys in known["introduced"].values() for key in keys)]
    assert sorted(keys) == sorted(entry["key"] for entry in read_terms())
    assert [*known["introduced"]] == [name for name in in_order() if name in known["introduced"]]
    assert not set(known["may_use"]) - set(in_order())


def test_the_chapter_that_introduces_a_term_says_it(pages: dict[str, Chapter]) -> None:
    terms = {entry["key"]: entry for entry in read_terms()}
    texts = {
        name: "\n".join([*(h.text for h in page.headings), *(p.text for p in page.prose)])
        for name, page in pages.items()
    }
    none(
        f"reading_order.yml: {name} does not speak of {terms[key]['en']}"
        for name, keys in told()["introduced"].items()
        for key in keys
        if not named(terms[key]).search(texts[name])
    )


def test_a_term_that_is_listed_as_unsaid_is_not_said(pages: dict[str, Chapter]) -> None:
    terms = {entry["key"]: entry for entry in read_terms()}
    unsaid = {key: named(terms[key]) for key in told()["unsaid"]}
    none(
        f"{name}.md:{line}: {terms[key]['en']} is said here; list it under introduced"
        for name, page in pages.items()
        for line, paragraph in paragraphs(page)
        for key, pattern in unsaid.items()
        if pattern.search(_CODE.sub(" ", paragraph))
    )


def test_no_term_is_used_before_it_is_introduced(pages: dict[str, Chapter]) -> None:
    none(too_early(in_order(), pages, told(), read_terms()))


def test_no_use_is_allowed_that_is_not_made(pages: dict[str, Chapter]) -> None:
    terms = {entry["key"]: entry["en"] for entry in read_terms()}
    made = too_early(in_order(), pages, {**told(), "may_use": {}}, read_terms())
    none(
        f"reading_order.yml: {name} does not use {terms[key]} before its time; take it from may_use"
        for name, keys in told()["may_use"].items()
        for key in keys
        if not any(re.match(rf"{name}\.md:\d+: {re.escape(terms[key])} is introduced", line) for line in made)
    )


def test_a_symbol_is_first_written_where_the_list_says(pages: dict[str, Chapter]) -> None:
    notation = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    found = []
    for symbol, where in told()["symbols"].items():
        first = next((name for name in in_order() if written(pages[name], symbol)), None)
        if first != where:
            found.append(f"reading_order.yml: {symbol} is first written in {first}, not in {where}")
        if symbol not in notation:
            found.append(f"notation.md: {symbol} of {where} is not on the page")
    none(found)


def test_the_notation_page_names_chapters_that_write_the_symbol(pages: dict[str, Chapter]) -> None:
    table = (ROOT / "book" / "notation.md").read_text(encoding="utf-8").partition("(sec-notation-more)=")[2]
    rows = re.findall(r"^\* - (\$.+)\n  - .+\n  - (.+)$", table.partition("(sec-notation-twice)=")[0], re.MULTILINE)
    assert len(rows) >= 6
    none(
        f"notation.md: {symbol} is said to be in {name}, which does not write it"
        for symbols, where in rows
        for symbol in re.findall(r"\$([^$]+)\$", symbols)
        for name in re.findall(r"\{doc\}`([\w-]+)`", where)
        if not written(pages[name], re.sub(r"_.*", "", symbol))
    )


# -- planted faults ------------------------------------------------------------------------------------------------

STRIDE: dict[str, Any] = {"key": "stride", "en": "stride", "also": ["step width"]}
KNOWN: dict[str, Any] = {"assumed": [], "introduced": {"second": ["stride"]}, "may_use": {}}
FIRST = "(sec-first)=\n# First\n\nA window.\n"
SECOND = "(sec-second)=\n# Second\n\n(sec-second-stride)=\n## Stride\n\nHow far it moves.\n\n$$\ns\n$$ (eq-stride)\n"


def small(folder: Path, first: str) -> dict[str, Chapter]:
    found = {}
    for name, text in (("first", first), ("second", SECOND)):
        path = folder / f"{name}.md"
        path.write_text(text, encoding="utf-8")
        found[name] = parse(path)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "Its stride is 2.",
        "Strides save work.",
        "The step width is 2.",
        "- an item on the stride",
        "`stride` is the stride",
    ],
)
def test_a_term_that_comes_too_early_is_told(tmp_path: Path, line: str) -> None:
    (problem,) = too_early(["first", "second"], small(tmp_path, f"{FIRST}\n{line}\n"), KNOWN, [STRIDE])
    assert problem == "first.md:6: stride is introduced in second; say what it is"


@pytest.mark.parametrize(
    "line",
    [
        "It goes astride, in large-stride steps.",
        "`stride` is code, and so is $stride$.",
        "The stride comes in {doc}`second`.",
        "The stride ({ref}`sec-second-stride`) is 2.",
        "The stride is in a formula, {eq}`eq-stride`.",
        "(sec-first-reading)=\n## Further reading\n\n- A text on the stride.",
    ],
)
def test_what_is_no_use_or_points_ahead_is_not_told(tmp_path: Path, line: str) -> None:
    assert too_early(["first", "second"], small(tmp_path, f"{FIRST}\n{line}\n"), KNOWN, [STRIDE]) == []


def test_the_order_of_the_contents_decides_and_the_lists_allow(tmp_path: Path) -> None:
    pages = small(tmp_path, f"{FIRST}\nIts stride is 2.\n")
    assert too_early(["second", "first"], pages, KNOWN, [STRIDE]) == []
    assert too_early(["first", "second"], pages, KNOWN | {"assumed": ["stride"]}, [STRIDE]) == []
    assert too_early(["first", "second"], pages, KNOWN | {"may_use": {"first": ["stride"]}}, [STRIDE]) == []
    assert too_early(["first", "second"], pages, KNOWN | {"may_use": {"second": ["stride"]}}, [STRIDE])


def test_a_pointer_back_or_in_another_paragraph_does_not_help(tmp_path: Path) -> None:
    for line in ("Its stride is 2 ({doc}`first`).", "Its stride is 2.\n\nSee {doc}`second`."):
        assert too_early(["first", "second"], small(tmp_path, f"{FIRST}\n{line}\n"), KNOWN, [STRIDE])


def test_a_symbol_is_seen_in_formulas_only(tmp_path: Path) -> None:
    page = small(tmp_path, FIRST + "\nHere $\\lambda_k$ is new, `\\mu` is code, and \\nu is prose.\n")["first"]
    assert written(page, r"\lambda")
    assert not any(written(page, symbol) for symbol in (r"\mu", r"\nu", r"\lamb"))
