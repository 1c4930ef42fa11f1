"""The one list of terms: complete, in order, and a page in both languages. test_chinese.py holds the text to it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from problems import none, told
from root import ROOT

from tools.rules import pages, terms
from tools.site.glossary import glossary_lines
from tools.source.terms import read_terms

Entry = dict[str, Any]

# -- the repository -----------------------------------------------------------------------------------------------


def test_the_glossary_is_complete_and_in_order() -> None:
    assert len(read_terms()) >= 45
    none(terms.lacking(ROOT / "glossary.yml") + terms.shape(ROOT / "glossary.yml"))


def test_every_name_is_given_once() -> None:
    none(terms.names(ROOT / "glossary.yml"))


def test_every_term_named_in_the_book_is_in_the_glossary() -> None:
    none(p for book in ("book", "zh/book") for p in terms.uses(ROOT / "glossary.yml", pages(ROOT / book)))


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
    assert terms.problems(file) == []


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
    (problem,) = told(terms.shape(glossary_with(tmp_path, *entries)))
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
    (problem,) = told(terms.names(glossary_with(tmp_path, PADDING, second)))
    assert expected in problem


def test_a_term_that_is_not_in_the_glossary_is_caught(tmp_path: Path) -> None:
    file = glossary_with(tmp_path, PADDING, STRIDE)
    (tmp_path / "page.md").write_text("{term}`Stride`, {term}`steps <step>`, {term}`步幅`, {term}`lost`\n")
    (problem,) = told(terms.uses(file, pages(tmp_path)))
    assert "page.md:1: {term}`lost` is not in glossary.yml" in problem


# -- the page -----------------------------------------------------------------------------------------------------


def test_each_language_sorts_by_its_own_names() -> None:
    english, chinese = glossary_lines([STRIDE, PADDING], "en"), glossary_lines([STRIDE, PADDING], "zh")
    assert english == [
        *("padding", "  Rows around an input. Chinese: 填充.", ""),
        *("stride", "step", "  How far a window moves. Chinese: 步幅.", ""),
    ]
    assert chinese == [
        *("步幅", "  窗口移动的距离。又称步长。英文：stride、step。", ""),
        *("填充", "  加在输入四周的行。又称补边。英文：padding。", ""),
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
