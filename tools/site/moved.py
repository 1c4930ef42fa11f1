"""Sections that went to another page: their old addresses still lead somewhere.

The page that an old address names holds a line for each section that left it, with the section's old anchor. It is seen
only where an address asks for it (``:target`` in ``course.css``), and links to the section where it is now.
"""

from __future__ import annotations

from html import escape
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from tools.source.words import spoken, text

MOVED = {  # page: the anchor that it had, and the label that the section has now
    "padding-and-stride": {
        "sec-padding-and-stride-receptive-field": "sec-receptive-field-size",
        "sec-padding-and-stride-effective-field": "sec-receptive-field-effective",
        "sec-padding-and-stride-dilation": "sec-receptive-field-dilation",
        "sec-padding-and-stride-qa-small-kernels": "sec-receptive-field-qa-small-kernels",
        "fig-rf-explorer": "sec-receptive-field-size",
        "equation-eq-jump": "sec-receptive-field-size",
        "equation-eq-receptive-field": "sec-receptive-field-size",
        "equation-eq-dilated-size": "sec-receptive-field-dilation",
    },
}
NOW = text("This part has moved to")


def say_where(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the lines of the sections that left this page above its text."""
    if doctree is None or app.builder.name != "html":  # an EPUB has no addresses that anybody keeps
        return
    moved = MOVED.get(pagename.removeprefix("book/"), {})
    labels = app.env.get_domain("std").data["labels"]
    lines = []
    for anchor, label in moved.items():
        if label not in labels:
            raise ExtensionError(f"{pagename}: {anchor} moved to {label}, which no page has; mend tools/site/moved.py")
        page, place, title = labels[label]
        address = f"{app.builder.get_relative_uri(pagename, page)}#{place}"
        where = f'<a href="{escape(address)}">{escape(title)}</a>'
        lines.append(f'<p class="course-moved" id="{anchor}">{NOW[spoken(app.config.language)]} {where}</p>\n')
    context["body"] = "".join(lines) + context.get("body", "")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", say_where)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
