"""Two editions of one book: the language switch, ``hreflang`` links, and Chinese text without spaces in it.

A page and its twin have the same address but for ``/zh``, and the same labels, so that the switch leads to the same
section. The English edition is built from the root into ``_build/html``, the Chinese one from ``zh/`` into
``_build/html/zh``.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from tools import ROOT
from tools.source.settings import read_yaml
from tools.source.words import editions, folder, is_han, script, spoken, tag, words

HERE = Path(__file__).resolve().parent


EDITIONS = editions()


def add_paths(app: Sphinx, config: Config) -> None:
    """Our templates and style sheet, after Jupyter Book listed its own."""
    config.templates_path.insert(0, str(HERE / "templates"))  # before the components of the theme
    config.html_static_path.append(str(HERE / "static"))
    options = dict(config.html_theme_options)
    options["article_header_end"] = ["language-switch.html", "article-header-buttons.html"]
    config.html_theme_options = options


def add_links(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """What the templates say, and what the switch and the search engines need: the addresses of the page's twins.

    The switch leads to the next edition. Addresses are absolute where the site has one.
    """
    language = spoken(app.config.language)
    other = EDITIONS[(EDITIONS.index(language) + 1) % len(EDITIONS)] if language in EDITIONS else "en"
    context |= {"say": functools.partial(words.say, language), "say_there": functools.partial(words.say, other)}
    up = "../" * (pagename.count("/") + (language != "en"))
    page = f"{pagename}.html"
    context |= {"twin_url": f"{up}{(folder(other) / page).as_posix()}", "twin_tag": tag(other)}
    base = app.config.html_baseurl.rstrip("/").removesuffix(f"/{language}")
    addresses = {tag(one): f"{base}/{(folder(one) / page).as_posix()}" for one in EDITIONS}
    if not base:  # search engines ask for absolute addresses; a copy without one gets what browsers understand
        own = page.rsplit("/", 1)[-1]
        addresses = {tag(one): own if one == language else f"{up}{(folder(one) / page).as_posix()}" for one in EDITIONS}
    addresses["x-default"] = addresses[tag("en")]
    links = [f'<link rel="alternate" hreflang="{lang}" href="{url}" />' for lang, url in addresses.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(links) + "\n"


def add_script(app: Sphinx) -> None:
    """Our script, with what it says in the language of the edition."""
    said = script(HERE / "static" / "course.js", spoken(app.config.language))
    data = {"data-words": json.dumps(said, ensure_ascii=False)} if said else {}
    app.add_js_file("course.js", loading_method="defer", **data)


_FULL_WIDTH = "，。；：？！、）》”’…"


def join_chinese_lines(app: Sphinx, doctree: nodes.document) -> None:
    """Take out the line breaks of the source inside Chinese text: a browser would show each as a space."""
    for text in list(doctree.findall(nodes.Text)):
        if text == "\n" and text.parent is not None:
            siblings = text.parent.children
            at = next(i for i, node in enumerate(siblings) if node is text)
            before = siblings[at - 1].astext()[-1:] if at else ""
            after = siblings[at + 1].astext()[:1] if at + 1 < len(siblings) else ""
            if (before and before in _FULL_WIDTH) or (is_han(before) and is_han(after)):
                text.parent.replace(text, nodes.Text(""))


def translate_interface(app: Sphinx, exception: Exception | None) -> None:
    """Replace the theme's English words, as whole texts or attributes, by those of ``LANGUAGE/interface.yml``."""
    theirs = ROOT / folder(spoken(app.config.language)) / "interface.yml"
    if exception or not theirs.exists() or app.builder.format != "html":
        return
    words = read_yaml(theirs)
    choices = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    whole = re.compile(rf'(>\s*|(?:title|aria-label|placeholder|alt)=")({choices})(?=\s*<|")')
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        mended = whole.sub(lambda match: match[1] + words[match[2]], text)
        if mended != text:
            page.write_text(mended, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", add_paths, priority=900)
    app.connect("doctree-read", join_chinese_lines)
    app.connect("html-page-context", add_links)
    app.connect("builder-inited", add_script)
    app.connect("build-finished", translate_interface)
    app.add_css_file("kept.css")
    app.add_css_file("drawn.css")
    app.add_css_file("course.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
