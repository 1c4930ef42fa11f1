"""Where a Chinese title may break: between its words, as a person would say it, and never inside one.

A browser breaks Chinese after any character, and so *gra|dient* stood on two lines of a phone. The words come from the
glossary and from ``zh/phrases.yml``; what neither knows is kept together with what touches it.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from sphinx.application import Sphinx

from tools import ROOT
from tools.source.settings import read_yaml
from tools.source.words import spoken

WORDS = ROOT / "zh" / "phrases.yml"
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_TITLE = re.compile(r"(<h([1-4])(?: [^>]*)?>)(.*?)(</h\2>)", re.DOTALL)
_CODE = re.compile(r"(<(code|math)\b.*?</\2>|<[^>]*>|&[^;]*;)", re.DOTALL)


@functools.cache
def _words() -> tuple[frozenset[str], int, str]:
    """All words, the length of the longest, and the characters that may end a piece."""
    own = read_yaml(WORDS)
    known = {*own["words"].split(), *(entry["zh"] for entry in read_yaml(ROOT / "glossary.yml"))}
    return frozenset(known), max(map(len, known)), own["behind"]


def pieces(title: str) -> list[str]:
    """The parts of a run of Chinese characters between which a line may break."""
    known, longest, behind = _words()
    found: list[str] = []
    at, whole = 0, False  # whether the last piece ends where a word does
    while at < len(title):
        size = next((n for n in range(min(longest, len(title) - at), 1, -1) if title[at : at + n] in known), 0)
        part = title[at : at + (size or 1)]
        if found and not (whole and size):
            found[-1] += part
        else:
            found.append(part)
        whole = bool(size) or (whole and part in behind)
        at += len(part)
    return found


def phrased(title: str) -> str:
    """A title's HTML with a place to break between its words; tags, code and formulas stay as they are."""
    parts = _CODE.split(title)
    said = (part if i % 3 == 1 else _HAN.sub(lambda run: "<wbr>".join(pieces(run[0])), part or "")
            for i, part in enumerate(parts) if i % 3 != 2)  # fmt: skip
    return "".join(said)


def break_titles(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the titles of a Chinese page their places to break."""
    if doctree is not None and app.builder.name == "html" and spoken(app.config.language) == "zh" and WORDS.exists():
        context["body"] = _TITLE.sub(lambda title: title[1] + phrased(title[3]) + title[4], context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", break_titles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
