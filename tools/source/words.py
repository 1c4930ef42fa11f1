"""The words of the tools in every language of the course, and the editions that the book has.

Both are data: the words lie in ``tools/words``, and an edition is a folder with the name of its language.
"""

from __future__ import annotations

import re
from pathlib import Path

from coursecode._words import LANGUAGES, Words, later, tag
from tools import ROOT

__all__ = ["LANGUAGES", "editions", "folder", "is_han", "later", "script", "spoken", "tag", "text", "words"]

words = Words(ROOT / "tools" / "words")
text = words.text


def editions(root: Path = ROOT) -> tuple[str, ...]:
    """The languages in which there is a book below ``root``, English first."""
    return ("en", *(one for one in LANGUAGES[1:] if (root / one).is_dir()))


def folder(language: str) -> Path:
    """Where an edition's ``book/`` lies, below the root."""
    return Path() if language == "en" else Path(language)


def spoken(language: str | None) -> str:
    """Our name of a language that Sphinx calls ``zh_CN``; English for one that we do not know."""
    short = re.split("[-_]", language or "en")[0]
    return short if short in LANGUAGES else "en"


def script(path: Path, language: str) -> dict[str, str]:
    """What a script says in a language, by the English that stands in it: ``t("Run")``."""
    source = path.read_text(encoding="utf-8")
    said = {one: words.say(language, one) for one in re.findall(r'\bt\("((?:[^"\\]|\\.)*)"', source)}
    return {one: other for one, other in said.items() if one != other}


def is_han(text: str) -> bool:
    """Whether there are Chinese characters in a text: words of it stand without spaces between them."""
    return any("\u4e00" <= character <= "\u9fff" for character in text)
