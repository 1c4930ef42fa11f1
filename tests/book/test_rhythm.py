"""The prose of the chapters is no metronome: few sentences of eight words or fewer, and some that are long."""

from __future__ import annotations

import re

import pytest
from root import ROOT

from tools.rules.numbers import sentences
from tools.source.chapters import parse_text
from tools.source.settings import read_yaml

SHORT, LONG = 8, 25  # words of a sentence
_ROLE = re.compile(r"\{[\w:]+\}`([^`<]*)(?:<[^>]*>)?`")
_WORD = re.compile(r"[\w$\\]\S*")
CHAPTERS = [
    chapter["file"].removeprefix("book/")
    for part in read_yaml(ROOT / "_toc.yml")["parts"]
    if part["caption"] in ("The course", "Measured answers", "Under the hood", "After LeNet", "Measured")
    for chapter in part["chapters"]
]


def lengths(text: str) -> list[int]:
    """Words of each sentence in running text: no lists, tables, headings or captions of pictures."""
    lines = [one.text for one in parse_text(text).prose]
    running = [line for line in lines if not re.match(r"(?:[-*+:|#]|\d+\.) ?", line)]
    found = (len(_WORD.findall(one)) for line in running for one in sentences(_ROLE.sub(r"\1", line)))
    return [words for words in found if words]


def shares(found: list[int]) -> tuple[float, float]:
    """The shares of short and of long sentences."""
    return sum(n <= SHORT for n in found) / len(found), sum(n >= LONG for n in found) / len(found)


def test_short_and_long_sentences_are_told_from_others() -> None:
    nine = "This one {term}`kernel` has nine words, if counted well."
    text = f"# Title\n\nThey do not.\nNothing is free.\n\n- an item\n\n{nine}\n"
    assert lengths(text) == [3, 3, 9]
    assert shares([3, 3, 9, 30]) == (0.5, 0.25)


def test_sentences_of_the_chapters_are_of_many_lengths() -> None:
    assert len(CHAPTERS) >= 20
    found = [n for name in CHAPTERS for n in lengths((ROOT / f"book/{name}.md").read_text(encoding="utf-8"))]
    short, long = shares(found)
    assert short <= 0.15
    assert long >= 0.10


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_chapter_is_a_metronome(name: str) -> None:
    short, _ = shares(lengths((ROOT / f"book/{name}.md").read_text(encoding="utf-8")))
    assert short <= 0.20
