"""The face of the site: its mark, and what a page shows where its address is shared (Open Graph)."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from coursecode import figures
from tools import ROOT
from tools.source.words import editions, spoken, text

HERE = Path(__file__).resolve().parent
SHARED = {".html", ".js", ".json", ".svg"}
LOGO = HERE / "static" / "logo.svg"
CARDS = HERE / "static" / "cards"
LOCALES = text("en_GB||the language as Open Graph names it")


def mark() -> str:
    """The logo as inline SVG that says nothing: the course's name stands beside it."""
    text = LOGO.read_text(encoding="utf-8").strip()
    return re.sub(r'role="img" aria-label="[^"]*"', 'aria-hidden="true"', re.sub(r">\s+<", "><", text))


def description(doctree: nodes.document | None, *, longest: int = 200) -> str:
    """The first sentences of a page's first paragraph of text, at most ``longest`` characters."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree is not None else ():
        text = " ".join(paragraph.astext().split())
        if len(text) >= 20 and isinstance(paragraph.parent, nodes.section):
            sentences = re.findall(r".+?(?:[.?!](?=\s|$)|[。？！]|$)\s*", text)
            found = ""
            for sentence in sentences:
                if found and len(found) + len(sentence) > longest:
                    break
                found += sentence
            return found.strip()[:longest]
    return ""


def card(name: str, language: str) -> str:
    """The file name of a page's picture; pages without one of their own show that of the cover."""
    own = f"{language}-{name}.png"
    return own if (CARDS / own).exists() else f"{language}-index.png"


def describe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The mark for the templates, and the page's title, description and picture for those who link to it."""
    context["logo_svg"] = mark()
    # docutils names sources by a role that ARIA has withdrawn, in a list that then has no items
    context["body"] = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    base = app.config.html_baseurl.rstrip("/")
    language = spoken(app.config.language)
    about = description(doctree)
    name = pagename.removeprefix("book/")
    title = re.sub(r"<[^>]+>", "", context.get("title", "")).strip() or app.config.project
    absolute = {"og:url": f"{base}/{pagename}.html", "og:image": f"{base}/_static/cards/{card(name, language)}",
                "og:image:width": "1200", "og:image:height": "630", "og:image:alt": title} if base else {}  # fmt: skip
    values = {
        "og:type": "website" if name == "index" else "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": title,
        "og:description": about,
        **absolute,
        "og:locale": LOCALES[language],
    }
    others = [("og:locale:alternate", LOCALES[one]) for one in editions() if one != language]
    tags = [
        f'<meta property="{key}" content="{escape(value)}" />' for key, value in [*values.items(), *others] if value
    ]
    if base:
        tags.append('<meta name="twitter:card" content="summary_large_image" />')
    if about:
        tags.append(f'<meta name="description" content="{escape(about)}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags) + "\n"


def set_up(app: Sphinx, config: Config) -> None:
    """The favicon; and pages are read anew when the code that makes them changes, written anew with what stands in all.

    The style sheet is not in these: each build bundles it, and gives every page the address of the bundle.
    """
    config.html_favicon = str(LOGO)
    code = {Path(found) for module in list(sys.modules.values()) if (found := getattr(module, "__file__", None))}
    own = {path for path in code if path.is_relative_to(ROOT) and not {".venv", "site-packages"} & set(path.parts)}
    config.course_extensions = _digest({*own, ROOT / "requirements.txt"})
    shared = [path for folder in (HERE, figures.FOLDER) for path in folder.rglob("*") if path.suffix in SHARED]
    fonts = HERE / "static" / "fonts.css"  # pages that are opened from a disk hold its rules
    config.course_files = _digest([*shared, fonts, ROOT / "glossary.yml", *ROOT.glob("*/interface.yml")])


def _digest(files: Iterable[Path]) -> str:
    """One digest of the content of files, those that are there."""
    found = hashlib.sha256()
    for path in sorted(files):
        if path.is_file():
            found.update(os.path.relpath(path, ROOT).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("course_extensions", "", "env")
    app.add_config_value("course_files", "", "html")
    app.connect("config-inited", set_up, priority=700)
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
