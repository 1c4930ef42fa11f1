"""The book as EPUB: its title, its math font, and nothing that an e-reader cannot use."""

from __future__ import annotations

from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder
from sphinx.config import Config

from tools.source.words import spoken, tag


def name_the_book(app: Sphinx, config: Config) -> None:
    """Jupyter Book names the title ``html_title``; Sphinx's EPUB builder reads ``project`` and ``epub_*``."""
    title, author = config.html_title, config.author
    config.project = title
    for key, value in {
        "title": title,
        "author": author,
        "publisher": author,
        "copyright": config.copyright,
        "language": tag(spoken(config.language)),
        "identifier": config.html_baseurl or f"urn:uuid:{uuid5(NAMESPACE_URL, f'{title} {config.language}')}",
        "uid": "course",
        "basename": "from-dense-to-convolution",
        "show_urls": "no",
        "tocscope": "includehidden",
        "tocdepth": 2,
        "css_files": [("kept.css", {}), ("ebook.css", {})],
        "exclude_files": ["search.html", "index.html", "genindex.html", ".nojekyll", ".buildinfo"],
    }.items():
        setattr(config, f"epub_{key}", value)
    config.suppress_warnings.append("epub.unknown_project_files")


def prepare(app: Sphinx) -> None:
    if app.builder.name == "epub":
        cast(Epub3Builder, app.builder).media_types |= {".woff2": "font/woff2"}


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", name_the_book, priority=950)
    app.connect("builder-inited", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
