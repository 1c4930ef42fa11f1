"""Read ``glossary.yml``, the one list of terms in both languages."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import yaml

from tools import ROOT

FILE = ROOT / "glossary.yml"


def read_terms(file: Path = FILE) -> list[dict[str, Any]]:
    """The entries of the glossary file."""
    return _entries(file.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1)  # every page asks for them
def _entries(text: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = yaml.safe_load(text)
    return entries


def names_elsewhere(entry: dict[str, Any], *, chinese: bool) -> list[str]:
    """What other texts in a language call the term; a name that differs in a space alone is the same.

    >>> entry = {"zh": "softmax 回归", "forbidden": ["softmax回归", "软最大回归"], "called": ["multinomial regression"]}
    >>> names_elsewhere(entry, chinese=True), names_elsewhere(entry, chinese=False)
    (['软最大回归'], ['multinomial regression'])
    """
    names = [*entry.get("forbidden", []), *entry.get("called", [])]
    own = entry["zh"].replace(" ", "")
    in_language = [name for name in names if bool(re.search(r"[\u4e00-\u9fff]", name)) == chinese]
    return [name for name in in_language if name.replace(" ", "") != own]
