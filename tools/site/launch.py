"""Where a page's code can be run and its notebook be had: no button of a page leads nowhere.

The theme's buttons for Binder, Colab, repository, issues and edits need the public address of the course. Without one
(``repository: url`` in ``_config.yml``, see ``make publish-as``) none of them is there. The first entry of the launch
menu always works: how to run the page on one's own machine. ``launch_elsewhere`` names hosts that open a notebook by
its address on GitHub, as the part of the address before that: the Chinese edition has one in the place of Colab.

The notebook that a page offers for download is the committed one: plain Markdown, with its outputs. The theme would
hand out the page's own source in the shape of a notebook, directives and roles included.

The whole book as PDF is offered where there is one: ``builder.py`` names it (``course_pdf``) when ``make pdf`` has
printed one of the same text, and puts it beside the pages.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from tools.source.words import spoken, text

NEED_AN_ADDRESS = ("use_repository_button", "use_issues_button", "use_edit_page_button")
RUN_IT = "book/index", "sec-index-run"


def choose_buttons(app: Sphinx, config: Config) -> None:
    """The buttons that need a public address are there when it is set, and only then."""
    if not isinstance(config.launch_elsewhere, dict):
        raise ConfigError("_config.yml: launch_elsewhere is no mapping; write it as {NAME: https://HOST/…/}")
    options = dict(config.html_theme_options)
    published = bool(options.get("repository_url"))
    options |= dict.fromkeys(NEED_AN_ADDRESS, published)
    if not published:
        for name in ("repository_url", "launch_buttons"):
            options.pop(name, None)
    config.html_theme_options = options


def launch_group(context: dict[str, Any], language: str) -> dict[str, Any]:
    """The launch menu of a page: the theme's, or a new one where the theme has made none."""
    groups = context.setdefault("header_buttons", [])
    for group in groups:
        if group.get("label") == "launch-buttons":
            return group  # type: ignore[no-any-return]
    group = {
        "type": "group",
        "tooltip": text("Run this page")[language],
        "icon": "fas fa-rocket",
        "buttons": [],
        "label": "launch-buttons",
    }
    groups.insert(0, group)
    return group


def _notebook(app: Sphinx, pagename: str) -> Path | None:
    path = Path(app.srcdir, f"{pagename}.ipynb")
    return path if path.exists() and path.with_suffix(".md").exists() else None


def offer_download(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Tell the theme of the page's notebook, also where it makes no launch button."""
    if app.builder.format == "html" and _notebook(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def add_buttons(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The ways to run a page with a notebook that the theme does not know."""
    if app.builder.name != "html" or doctree is None or not _notebook(app, pagename):
        return
    language = spoken(app.config.language)
    buttons = launch_group(context, language)["buttons"]
    page, section = RUN_IT
    if page in app.env.found_docs:
        here = {
            "type": "link",
            "url": f"{context['pathto'](page)}#{section}",
            "icon": "fas fa-home",
            "label": "run-here",
        }
        words = {"text": text("Your machine"), "tooltip": text("How to run this page on your machine")}
        buttons.insert(0, here | {key: said[language] for key, said in words.items()})
    theme = app.config.html_theme_options
    repository = theme.get("repository_url", "")
    if not repository.startswith("https://github.com/"):
        return
    folder = f"{theme['path_to_docs'].strip('/')}/" if theme.get("path_to_docs", "").strip("/") else ""
    address = f"{repository}/blob/{theme.get('repository_branch') or 'main'}/{folder}{pagename}.ipynb"
    for name, opener in app.config.launch_elsewhere.items():
        button = {"type": "link", "text": name, "tooltip": name, "icon": "fas fa-share", "label": "launch-elsewhere"}
        buttons.append(button | {"url": f"{opener}{address}"})


def offer_pdf(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The book's PDF among a page's downloads, where there is one."""
    file = app.config.course_pdf
    if not file or app.builder.name != "html" or doctree is None:
        return
    said = text("The whole book as PDF")[spoken(app.config.language)]
    button = {"type": "link", "url": "../" * pagename.count("/") + file, "text": said, "tooltip": said}
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].append(button | {"icon": "fas fa-file-pdf", "label": "download-book-button"})


def offer_plain_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Put the committed notebooks in place of the theme's copies."""
    if exception or app.builder.format != "html":
        return
    sources = Path(app.outdir, "_sources", "book")
    for notebook in sorted(Path(app.srcdir, "book").glob("*.ipynb")):
        if notebook.with_suffix(".md").exists():
            sources.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, sources / notebook.name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("launch_elsewhere", {}, "html", [dict])
    app.connect("config-inited", choose_buttons, priority=850)
    app.connect("html-page-context", offer_download, priority=400)  # the theme makes its buttons at 501
    app.add_config_value("course_pdf", "", "html", [str])
    app.connect("html-page-context", offer_pdf, priority=590)
    app.connect("html-page-context", add_buttons, priority=590)  # before live.py, whose button comes first
    app.connect("build-finished", offer_plain_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
