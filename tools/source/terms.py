"""Read ``glossary.yml``, the one list of terms in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tools import ROOT
from tools.machine.fresh import remembered
from tools.source.words import is_han

FILE = ROOT / "glossary.yml"


def read_terms(file: Path = FILE) -> list[dict[str, Any]]:
    """The entries of the glossary file."""
    return _entries(file, file.read_text(encoding="utf-8"))


@remembered
def _entries(file: Path, text: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = yaml.safe_load(text)
    return entries


def names_elsewhere(entry: dict[str, Any], language: str) -> list[str]:
    """What other texts in a language call the term; a name that differs in a space alone is the same.

    >>> entry = {"en": "softmax regression", "forbidden": ["soft max regression"], "called": ["multinomial regression"]}
    >>> names_elsewhere(entry, "en")
    ['multinomial regression']
    """
    names = [*entry.get("forbidden", []), *entry.get("called", [])]
    own = entry[language]
    in_language = [name for name in names if is_han(name) == is_han(own)]
    return [name for name in in_language if name.replace(" ", "") != own.replace(" ", "")]
