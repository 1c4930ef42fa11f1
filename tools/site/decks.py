"""A link from each chapter to its slides, which ``tools.paper.slides`` makes of cells tagged ``slide``."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

MARK = "tag_slide"


def place_link(app: Sphinx, config: Config) -> None:
    """The link stands beside the language switch."""
    options = dict(config.html_theme_options)
    before = list(options.get("article_header_end", []))
    options["article_header_end"] = ["slides-link.html", *before]
    config.html_theme_options = options


def add_link(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    marked = doctree is not None and any(MARK in node.get("classes", []) for node in doctree.findall(nodes.container))
    context["slides_url"] = "../" * pagename.count("/") + f"slides/{pagename.rsplit('/', 1)[-1]}.html" if marked else ""


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", place_link, priority=950)
    app.connect("html-page-context", add_link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
