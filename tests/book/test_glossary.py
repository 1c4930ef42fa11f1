"""The one list of terms: complete, in order, and a page in both languages. test_chinese.py holds the text to it."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from problems import none

from tools.site.glossary import glossary_lines, names_elsewhere, read_terms
from tools.source import chapters

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"key", "en", "zh", "forbidden", "meaning_en", "meaning_zh"}
Entry = dict[str, Any]


def line_of(file: Path, key: object) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return f"{file}:{next((n for n, line in enumerate(lines, 1) if line.strip() == f'- key: {key}'), 1)}"


def shape_problems(file: Path) -> list[str]:
    """Entries with a key too few or too many, not of one line, without their full stop, or out of order."""
    problems = []
    entries = read_terms(file)
    for entry in entries:
        here, name = line_of(file, entry.get("key")), entry.get("key")
        problems += [f"{here}: {name} has no {key}: add it." for key in sorted(KEYS - entry.keys())]
        problems += [
            f"{here}: nobody reads {key}: remove it." for key in sorted(entry.keys() - KEYS - {"also", "called"})
        ]
        texts = {key: entry.get(key, "") for key in KEYS - {"forbidden"}}
        problems += [
            f"{here}: the {key} of {name} is not one line of text: write it as one."
            for key, text in texts.items()
            if key in entry and (not isinstance(text, str) or not text.strip() or "\n" in text)
        ]
        for key, stop in (("meaning_en", "."), ("meaning_zh", "。")):
            if not str(entry.get(key, stop)).endswith(stop):
                problems.append(f"{here}: the {key} of {name} does not end with {stop}: make it a sentence.")
        if not re.search(r"[\u4e00-\u9fff]", str(entry.get("meaning_zh", "一"))):
            problems.append(f"{here}: the meaning_zh of {name} is not Chinese: translate it.")
        if not all(isinstance(entry.get(key, []), list) for key in ("forbidden", "also", "called")):
            problems.append(f"{here}: forbidden, also and called are lists: write [word, word].")
    keys = [str(entry.get("key")) for entry in entries]
    problems += [
        f"{line_of(file, key)}: {key} stands after {before}: sort the keys."
        for before, key in pairwise(keys)
        if key < before
    ]
    return problems


def name_problems(file: Path) -> list[str]:
    """A name given twice, and a forbidden word that is (part of) a word the glossary itself uses."""
    problems = []
    entries = read_terms(file)
    for names in (
        [(entry["key"], entry["key"]) for entry in entries],
        [
            (name.casefold(), entry["key"])
            for entry in entries
            for name in [entry["en"], *entry.get("also", []), *names_elsewhere(entry, chinese=False)]
        ],
        [(name, entry["key"]) for entry in entries for name in [entry["zh"], *names_elsewhere(entry, chinese=True)]],
    ):
        seen: dict[str, str] = {}
        for name, key in names:
            if name in seen:
                problems.append(f"{line_of(file, key)}: {name} stands at {seen[name]} already: remove one.")
            seen.setdefault(name, key)
    for entry in entries:
        for word in entry["forbidden"]:
            users = [other["key"] for other in entries if word in other["zh"] or word in other["meaning_zh"]]
            problems += [
                f"{line_of(file, entry['key'])}: the forbidden {word} is used by {user}: mend one of the two."
                for user in users
            ]
    return problems


def term_problems(file: Path, book: Path) -> list[str]:
    """Uses of ``{term}`` that name no term of the glossary."""
    known = {
        name.casefold() for entry in read_terms(file) for name in (entry["en"], entry["zh"], *entry.get("also", []))
    }
    return [
        f"{page.path}:{role.line}: {{term}}`{role.target}` is not in {file.name}: add it or mend the name."
        for page in map(chapters.parse, sorted(book.glob("*.md")))
        for role in page.roles
        if role.name == "term" and role.target.rpartition("<")[2].rstrip(">").strip().casefold() not in known
    ]


# -- the repository -----------------------------------------------------------------------------------------------


def test_the_glossary_is_complete_and_in_order() -> None:
    assert len(read_terms()) >= 45
    none(shape_problems(ROOT / "glossary.yml"))


def test_every_name_is_given_once() -> None:
    none(name_problems(ROOT / "glossary.yml"))


def test_every_term_named_in_the_book_is_in_the_glossary() -> None:
    none([p for book in (ROOT / "book", ROOT / "zh" / "book") for p in term_problems(ROOT / "glossary.yml", book)])


# -- planted faults -----------------------------------------------------------------------------------------------

PADDING: Entry = {
    "key": "padding",
    "en": "padding",
    "zh": "填充",
    "forbidden": ["补边"],
    "meaning_en": "Rows around an input.",
    "meaning_zh": "加在输入四周的行。",
}
STRIDE: Entry = {
    "key": "stride",
    "en": "stride",
    "zh": "步幅",
    "also": ["step"],
    "forbidden": ["步长"],
    "meaning_en": "How far a window moves.",
    "meaning_zh": "窗口移动的距离。",
}


def glossary_with(folder: Path, *entries: Entry) -> Path:
    file = folder / "glossary.yml"
    file.write_text(yaml.safe_dump(list(entries), allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def without(entry: Entry, key: str) -> Entry:
    return {name: value for name, value in entry.items() if name != key}


def test_a_good_glossary_has_no_problem(tmp_path: Path) -> None:
    file = glossary_with(tmp_path, PADDING, STRIDE)
    assert shape_problems(file) + name_problems(file) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((without(PADDING, "zh"),), "glossary.yml:1: padding has no zh"),
        ((PADDING, without(STRIDE, "meaning_zh")), "glossary.yml:8: stride has no meaning_zh"),
        ((PADDING | {"note": "x"},), "nobody reads note"),
        ((PADDING | {"en": " "},), "the en of padding is not one line of text"),
        ((PADDING | {"meaning_en": "Rows\naround it."},), "the meaning_en of padding is not one line"),
        ((PADDING | {"meaning_en": "Rows around it"},), "the meaning_en of padding does not end with ."),
        ((PADDING | {"meaning_zh": "Rows。"},), "the meaning_zh of padding is not Chinese"),
        ((PADDING | {"forbidden": "补边"},), "forbidden, also and called are lists"),
        ((PADDING | {"called": "补边"},), "forbidden, also and called are lists"),
        ((STRIDE, PADDING), "glossary.yml:10: padding stands after stride"),
    ],
)
def test_a_misshapen_entry_is_caught(tmp_path: Path, entries: tuple[Entry, ...], expected: str) -> None:
    (problem,) = shape_problems(glossary_with(tmp_path, *entries))
    assert expected in problem


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (STRIDE | {"key": "padding"}, "padding stands at padding already"),
        (STRIDE | {"en": "Padding"}, "padding stands at padding already"),
        (STRIDE | {"also": ["padding"]}, "padding stands at padding already"),
        (STRIDE | {"zh": "填充"}, "填充 stands at padding already"),
        (STRIDE | {"called": ["补边"]}, "补边 stands at padding already"),
        (STRIDE | {"forbidden": ["补边"]}, "补边 stands at padding already"),
        (STRIDE | {"forbidden": ["填"]}, "glossary.yml:8: the forbidden 填 is used by padding"),
        (STRIDE | {"meaning_zh": "补边的距离。"}, "glossary.yml:1: the forbidden 补边 is used by stride"),
    ],
)
def test_a_name_given_twice_is_caught(tmp_path: Path, second: Entry, expected: str) -> None:
    (problem,) = name_problems(glossary_with(tmp_path, PADDING, second))
    assert expected in problem


def test_a_term_that_is_not_in_the_glossary_is_caught(tmp_path: Path) -> None:
    file = glossary_with(tmp_path, PADDING, STRIDE)
    (tmp_path / "page.md").write_text("{term}`Stride`, {term}`steps <step>`, {term}`步幅`, {term}`lost`\n")
    (problem,) = term_problems(file, tmp_path)
    assert "page.md:1: {term}`lost` is not in glossary.yml" in problem


# -- the page -----------------------------------------------------------------------------------------------------


def test_each_language_sorts_by_its_own_names() -> None:
    english, chinese = glossary_lines([STRIDE, PADDING], "en"), glossary_lines([STRIDE, PADDING], "zh_CN")
    assert english == [
        *("padding", "  Rows around an input. Chinese: 填充.", ""),
        *("stride", "step", "  How far a window moves. Chinese: 步幅.", ""),
    ]
    assert chinese == [
        *("步幅", "  窗口移动的距离。也叫步长。英文：stride、step。", ""),
        *("填充", "  加在输入四周的行。也叫补边。英文：padding。", ""),
    ]


@pytest.mark.parametrize(
    ("language", "term", "shown"),
    [("en", "receptive field", "Chinese: 感受野."), ("zh_CN", "感受野", "英文：receptive field。")],
)
def test_the_page_is_built_and_its_terms_are_linked(tmp_path: Path, language: str, term: str, shown: str) -> None:
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        f"extensions = ['myst_parser', 'tools.site.glossary']\nlanguage = {language!r}\n"
    )
    (tmp_path / "index.md").write_text(
        f"# Page\n\nThe {{term}}`{term}`.\n\n```{{course-glossary}}\n```\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-b", "html", str(tmp_path), str(tmp_path / "out")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert shown in page
    (anchor,) = re.findall(rf'<dt id="([^"]+)">{term}', page)
    assert f'<a class="reference internal" href="#{anchor}">' in page
    assert page.count("<dt id=") == len(read_terms()) + (
        sum(len(entry.get("also", [])) for entry in read_terms()) if language == "en" else 0
    )
