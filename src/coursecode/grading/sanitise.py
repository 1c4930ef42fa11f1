"""What students wrote, made harmless before anybody opens it: no scripts, no handlers, nothing from other hosts."""

from __future__ import annotations

import html
import re

from coursecode import _install
from coursecode.grading.files import Problem

__all__ = ["clean", "escape", "markdown", "markdown_block"]

_TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "b", "i", "u", "s", "del", "sub", "sup"),
    *("code", "pre", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "a", "span", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "th": {"align"}, "td": {"align"}, "ol": {"start"}}
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MAX_MARKDOWN = 20_000  # characters of one written answer that are rendered


def escape(value: str) -> str:
    """Text for HTML; control characters and those that turn the direction of a line are dropped."""
    return html.escape(_INVISIBLE.sub("", value), quote=True)


def clean(source: str) -> str:
    """HTML with harmless tags only; links lead to http, https and mailto, images and styles are dropped."""
    try:
        import nh3
    except ImportError:
        english, chinese = _install.advice("grade")
        raise Problem(f"nh3 is not installed. {english}", f"没有安装 nh3。{chinese}") from None
    return nh3.clean(
        _INVISIBLE.sub("", source),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        clean_content_tags={"script", "style", "title", "noscript", "template", "iframe", "object", "svg", "math"},
        link_rel="noopener noreferrer nofollow",
    )


def markdown(source: str) -> str:
    """A student's Markdown as harmless HTML; where it cannot be rendered, as plain text."""
    cut = source[:MAX_MARKDOWN]
    try:
        from nbconvert.filters import markdown2html

        rendered = str(markdown2html(cut))
    except (ImportError, RecursionError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return f"<pre>{escape(cut)}</pre>"
    rest = f"<p>… ({len(source) - MAX_MARKDOWN})</p>" if len(source) > MAX_MARKDOWN else ""
    return clean(rendered) + rest


def markdown_block(source: str) -> str:
    """A student's Markdown as one line of harmless HTML, which a Markdown renderer passes on as it is."""
    return "<div>" + re.sub(r"\r\n|\r|\n", "&#10;", markdown(source)) + "</div>"
