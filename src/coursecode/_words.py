"""All chapters: what is said in every language. English stands in the code, the other languages beside it as data.

A package has a folder ``words``; its file ``LANGUAGE.json`` gives each English sentence of the package in one language.
A language is there as soon as ``coursecode/words`` has its file; what a file lacks is said in English. Names in braces
are filled in. One English sentence with two meanings has a remark behind ``||``, which nobody is shown.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

__all__ = ["LANGUAGES", "ByLanguage", "Text", "Value", "Words", "every", "later", "same", "tag", "text"]

V = TypeVar("V")
Value = str | int | float | datetime.date | Path | Exception | Mapping[str, str]


class ByLanguage(dict[str, V]):
    """Something in each language; a language that has none of its own is given the English."""

    def __missing__(self, language: str) -> V:
        return self["en"]


Text = ByLanguage[str]


class Words:
    """The sentences of one package, from the files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.by_language: dict[str, dict[str, str]] = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
        }

    def text(self, sentence: str, /, **values: Value) -> Text:
        """The sentence in every language. A value that is there by language is taken in each.

        >>> text("got {got}, expected {right}", got=1, right=2)["en"]
        'got 1, expected 2'
        """
        return Text((language, self.say(language, sentence, **values)) for language in LANGUAGES)

    def say(self, language: str, sentence: str, /, **values: Value) -> str:
        """The sentence in one language."""
        known = self.by_language.get(language, {}).get(sentence, sentence.partition("||")[0])
        told = {key: value[language] if isinstance(value, Mapping) else value for key, value in values.items()}
        return known.format(**told) if told else known


def later(sentence: str) -> str:
    """Marks a sentence that is translated where it is used."""
    return sentence


def tag(language: str) -> str:
    """The language as HTML names it."""
    return text("en||the language as HTML names it")[language]


def same(value: str) -> Text:
    """What reads alike in every language."""
    return Text((language, value) for language in LANGUAGES)


def every(words: Mapping[str, str]) -> str:
    """A sentence in every language, one after the other, as labels have it: ``"one / two"``."""
    return " / ".join(dict.fromkeys(filter(None, words.values())))


def _ordered(languages: Iterable[str]) -> list[str]:
    """In the order in which a label has its languages: ``"one / two"``."""
    place = later("2||the place of this language in a label like one / two")
    return sorted(languages, key=lambda one: (int(_own.by_language[one].get(place, 99)), one))


_own = Words(Path(__file__).resolve().parent / "words")
LANGUAGES = ("en", *_ordered(_own.by_language))
text = _own.text
