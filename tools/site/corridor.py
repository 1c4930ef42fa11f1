"""At the end of a chapter: where to practise it. The next page is the theme's card; course.js ticks what was read."""

from __future__ import annotations

import html
import posixpath
from typing import Any

from sphinx.application import Sphinx

from tools.source.words import spoken, text

HEAD = text("Practise this chapter")


def exercises_of(pagename: str) -> str:
    """The page with the exercises of a chapter.

    >>> exercises_of("book/pooling")
    'book/exercises-pooling'
    """
    folder, name = posixpath.split(pagename)
    return posixpath.join(folder, f"exercises-{name}")


def add_card(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """A card below the text of a chapter that has exercises."""
    page = exercises_of(pagename)
    if doctree is None or page not in app.env.found_docs or app.builder.name != "html":
        return
    title = html.escape(app.env.titles[page].astext())
    said = html.escape(str(HEAD[spoken(app.config.language)]))
    address = app.builder.get_relative_uri(pagename, page)
    context["body"] += (
        f'<p class="practise d-print-none"><a href="{address}"><span class="practise-head">{said}</span> '
        f"<span>{title}</span></a></p>"
    )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_card)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
