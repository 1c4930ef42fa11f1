"""The one list of terms: complete, in order, without a name given twice; and every term that a page names is in it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import yaml

from tools.rules import Problem, line_of, meaning
from tools.source.chapters import Chapter
from tools.source.terms import names_elsewhere, read_terms
from tools.source.words import is_han, text

_KEYS = {"key", "en", "zh", "forbidden", "meaning_en", "meaning_zh"}


def problems(file: Path) -> list[Problem]:
    """What is wrong with the glossary."""
    return lacking(file) or shape(file) + names(file) + exchanged(file)


def lacking(file: Path) -> list[Problem]:
    """Terms without a twin: an English or Chinese name or meaning that is missing. Or what stops YAML from reading."""
    text = file.read_text(encoding="utf-8")
    try:
        terms = read_terms(file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        mend = "a text with a colon, a dash or a number sign in it needs quotation marks"
        return [Problem(file, line, f"{error.problem}; {mend}")]
    found = []
    for number, term in enumerate(terms, 1):
        name = term.get("en") or term.get("zh") or f"number {number}"
        line = next((i for i, row in enumerate(text.splitlines(), 1) if str(name) in row), 1)
        if gone := [key for key in ("en", "zh", "meaning_en", "meaning_zh") if not term.get(key)]:
            found.append(Problem(file, line, f"the term {name!r} lacks {', '.join(gone)}; add it"))
    return found


def exchanged(file: Path) -> list[Problem]:
    """Two terms whose Chinese meanings have changed places."""
    entries = read_terms(file)
    pairs = [(entry["meaning_en"], entry["meaning_zh"]) for entry in entries]
    return [
        Problem(file, _line_of(file, entries[i]["key"]),
                f"the meaning_zh of {entries[i]['zh']} and {entries[j]['zh']} have changed places; exchange them")
        for i, j in meaning.crossed(pairs, entries)
    ]  # fmt: skip


def _line_of(file: Path, key: object) -> int:
    return line_of(file, f"- key: {key}")


def shape(file: Path) -> list[Problem]:
    """Entries with a key too few or too many, not of one line, without their full stop, or out of order."""
    found = []
    entries = read_terms(file)
    for entry in entries:
        name = entry.get("key")

        def add(text: str, key: object = name) -> None:
            found.append(Problem(file, _line_of(file, key), text))

        for key in sorted(_KEYS - entry.keys()):
            add(f"{name} has no {key}: add it.")
        for key in sorted(entry.keys() - _KEYS - {"also", "called"}):
            add(f"nobody reads {key}: remove it.")
        for key in sorted((_KEYS - {"forbidden"}) & entry.keys()):
            value = entry[key]
            if not isinstance(value, str) or not value.strip() or "\n" in value:
                add(f"the {key} of {name} is not one line of text: write it as one.")
        for language, stop in text(".||at the end of a sentence").items():
            key = f"meaning_{language}"
            if not str(entry.get(key, stop)).endswith(stop):
                add(f"the {key} of {name} does not end with {stop}: make it a sentence.")
        if not is_han(str(entry.get("meaning_zh", "\u4e00"))):
            add(f"the meaning_zh of {name} is not Chinese: translate it.")
        if not all(isinstance(entry.get(key, []), list) for key in ("forbidden", "also", "called")):
            add("forbidden, also and called are lists: write [word, word].")
    found += [
        Problem(file, _line_of(file, key), f"{key} stands after {before}: sort the keys.")
        for before, key in pairwise(str(entry.get("key")) for entry in entries)
        if key < before
    ]
    return found


def names(file: Path) -> list[Problem]:
    """A name given twice, and a forbidden word that is (part of) a word the glossary itself uses."""
    found = []
    entries = read_terms(file)
    for given in (
        [(entry["key"], entry["key"]) for entry in entries],
        [
            (name.casefold(), entry["key"])
            for entry in entries
            for name in [entry["en"], *entry.get("also", []), *names_elsewhere(entry, "en")]
        ],
        [(name, entry["key"]) for entry in entries for name in [entry["zh"], *names_elsewhere(entry, "zh")]],
    ):
        seen: dict[str, str] = {}
        for name, key in given:
            if name in seen:
                text = f"{name} stands at {seen[name]} already: remove one."
                found.append(Problem(file, _line_of(file, key), text))
            seen.setdefault(name, key)
    for entry in entries:
        for word in entry["forbidden"]:
            found += [
                Problem(file, _line_of(file, entry["key"]),
                        f"the forbidden {word} is used by {other['key']}: mend one of the two.")
                for other in entries
                if word in other["zh"] or word in other["meaning_zh"]
            ]  # fmt: skip
    return found


def uses(file: Path, book: Mapping[str, Chapter]) -> list[Problem]:
    """Uses of ``{term}`` that name no term of the glossary."""
    known = {
        name.casefold() for entry in read_terms(file) for name in (entry["en"], entry["zh"], *entry.get("also", []))
    }
    return [
        Problem(page.path, role.line, f"{{term}}`{role.target}` is not in {file.name}: add it or mend the name.")
        for page in book.values()
        for role in page.roles
        if role.name == "term" and role.aim.casefold() not in known
    ]
