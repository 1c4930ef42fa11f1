"""The one door for what students wrote: ``Untrusted`` text becomes HTML, Markdown, CSV, a file's name or a line here.

Answers, outputs, names of files, and every sentence that quotes one of them are ``Untrusted``. It is no ``str``: a
format string, ``str()``, ``+`` and ``join`` refuse it, when they run and before, in the type checker. What comes out of
the door is harmless in its place: no script, no handler, no address that a browser runs or fetches, no formula, no
control character, and no more characters than asked for.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import NoReturn

from coursecode._words import ByLanguage

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "b", "i", "u", "s", "del", "sub", "sup"),
    *("code", "pre", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "a", "span", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "th": {"align"}, "td": {"align"}, "ol": {"start"}}
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
# A lone sign, a dash, a number, a telephone number, digits that Excel shall keep as text (="007"): none of them names
# a function, a cell or a program.
_NUMBER = re.compile(r"[=+@＝＋－＠-]|=\"[0-9A-Za-z .-]*\"|[+＋－-]?[0-9 \u00a0\u202f().,:/%-]*(?:[eE][+-]?[0-9]+)?")
_APART = re.compile(r"[;|](?=\s*[=+@＝＋＠-])")  # where a spreadsheet of another country begins a new cell
_LINKS = {"http", "https", "mailto"}
_PASTED = re.compile(r"!\[([^\[\]\n]*)\]\(\s*attachment:[^)\n]*\)", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)
_WHOLE = re.compile(r"\s*(?:https?://|mailto:)", re.IGNORECASE)
_EMPTY = {"script", "style", "title", "noscript", "template", "iframe", "object", "svg", "math"}
_REFUSED = "a student's text: say where it goes, with .html(), .markdown(), .csv(), .filename() or .line()"
MAX_MARKDOWN = 20_000  # characters of one written answer that are rendered


class Untrusted:
    """Text that a student wrote or that quotes one. Its methods say where it goes; there is no other way out.

    It can be counted, compared and searched, which shows nothing to anybody.

    >>> Untrusted("[x](javascript:alert(1))").line()
    '[x](javascript:alert(1))'
    >>> f"{Untrusted('x')}"
    Traceback (most recent call last):
    ...
    TypeError: a student's text: say where it goes, with .html(), .markdown(), .csv(), .filename() or .line()
    """

    __slots__ = ("_text",)

    def __init__(self, value: object) -> None:
        self._text: str = value._text if isinstance(value, Untrusted) else value if isinstance(value, str) else ""

    def __str__(self) -> NoReturn:
        raise TypeError(_REFUSED)

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError(_REFUSED)

    def __repr__(self) -> str:
        return f"Untrusted(… {len(self._text)} characters)"

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == (other._text if isinstance(other, Untrusted) else other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __contains__(self, part: str) -> bool:
        return part in self._text

    def blank(self) -> bool:
        """Whether there is nothing but spaces in it."""
        return not self._text.strip()

    def __lt__(self, other: Untrusted) -> bool:
        return self._text < other._text

    def cut(self, limit: int) -> Untrusted:
        """The first ``limit`` characters, still untrusted."""
        return Untrusted(self._text[:limit])

    # -- the ways out --

    def html(self, limit: int = MAX_MARKDOWN) -> str:
        """The text itself, for an element or an attribute of an HTML page."""
        return escape(_shorter(self._text, limit))

    def rendered(self, limit: int = MAX_MARKDOWN) -> str:
        """Their Markdown as harmless HTML; where it cannot be rendered, the text itself."""
        return _rendered(self._text[:limit]) + (f"<p>… ({len(self) - limit})</p>" if len(self) > limit else "")

    def markdown(self, limit: int = 1000) -> str:
        """The text itself for a Markdown cell: one line of HTML in which nothing is a link, a formula or an element."""
        plain = self.line(limit)
        return "<p><code>" + "".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in plain) + "</code></p>"

    def rendered_markdown(self, limit: int = MAX_MARKDOWN) -> str:
        """Their Markdown for a Markdown cell: one line of harmless HTML, which a renderer passes on as it is."""
        return "<div>" + re.sub(r"\r\n|\r|\n", "&#10;", self.rendered(limit)) + "</div>"

    def csv(self, limit: int = 500) -> str:
        """One line for a cell of a table, which no spreadsheet takes for a formula."""
        return guard(_APART.sub(" ", self.line(limit)).lstrip())

    def filename(self, limit: int = 100) -> str:
        """A name for a file in a folder or a zip: no path, no control character; its ending stays."""
        plain = re.sub(r'[/\\:*?"<>|]', "-", self.line(10_000)).strip(" .")
        stem, dot, ending = plain.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 10 else ""
        return (plain[: len(plain) - len(ending)][: limit - len(ending)] + ending) or "file"

    def line(self, limit: int = 300) -> str:
        """One line for a terminal or a table: nothing that moves the cursor or turns the direction of the text."""
        flat = re.sub(r"[^\S ]+", " ", self._text[: 20 * limit + 1000])  # spaces stay: they align tables
        return _shorter("".join(c if c.isprintable() else "�" for c in flat), limit)

    def plain(self, limit: int = MAX_MARKDOWN) -> str:
        """Lines of plain text, for a code cell or a platform that shows text as it is."""
        return _shorter(_INVISIBLE.sub("", self._text).replace("\r\n", "\n").replace("\r", "\n"), limit)

    def raw(self) -> str:
        """The text itself, to look into it with a pattern or to compare it; from there it goes nowhere."""
        return self._text

    def stored(self) -> str:
        """The text itself, for our own JSON files, from which it comes back as ``Untrusted``."""
        return self._text


NOTHING = Untrusted("")
Said = ByLanguage[Untrusted]  # a sentence in every language that may quote a student


def said(words: Mapping[str, str | Untrusted]) -> Said:
    """A sentence in every language as one that may quote a student."""
    return Said((language, Untrusted(told)) for language, told in words.items())


def _shorter(value: str, limit: int) -> str:
    return value if len(value) <= limit else f"{value[: max(0, limit - 1)]}…"


def is_formula(value: str) -> bool:
    """Whether a spreadsheet may take the text for a formula that does something."""
    bare = value.lstrip()
    return value.startswith(("\t", "\r")) or (bare.startswith(_FORMULA) and not _NUMBER.fullmatch(bare))


def guard(value: str) -> str:
    """Text that a spreadsheet does not take for a formula: an apostrophe before one; a sign or a number stays.

    >>> guard("=1+1"), guard("King, Jr."), guard("-3"), guard("-"), guard("+49 (0)30 1234")
    ("'=1+1", 'King, Jr.', '-3', '-', '+49 (0)30 1234')
    """
    return f"'{value}" if is_formula(value) else value


def escape(value: str) -> str:
    """Text for HTML; control characters and those that turn the direction of a line are dropped."""
    return html.escape(_INVISIBLE.sub("", value), quote=True)


def clean(source: str) -> str:
    """HTML with harmless tags only; links lead to http, https and mailto, images and styles are dropped."""
    import nh3

    made: str = nh3.clean(
        _INVISIBLE.sub("", source),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=_LINKS,
        clean_content_tags=_EMPTY,
        link_rel="noopener noreferrer nofollow",
    )
    return _INVISIBLE.sub("", made)  # what stood there as an entity


def _attribute(element: str, name: str, value: str) -> str | None:
    """A link leads to a whole address: a part of one leads into the page's own host, whose pages may do things."""
    return None if name == "href" and not _WHOLE.match(value) else value


def prepare() -> None:
    """Import what rendering needs, so that the children of ``supervised`` have it."""
    _rendered("x")


def _rendered(source: str) -> str:
    """Takes as long as the renderer wants: whoever renders for a class does it under ``supervised``."""
    try:
        from nbconvert.filters import markdown2html

        made = str(markdown2html(_PASTED.sub(r"🖼 \1", source)))
        return clean(_PICTURE.sub("🖼", made))  # a picture is not fetched; that there is one is shown
    except MemoryError:  # the limit of ``supervised``
        raise
    except Exception:  # a renderer of others, which refuses a picture pasted into a cell, for one
        return f"<pre>{escape(source)}</pre>"
