"""Two editions of one book: the language switch, ``hreflang`` links, and a search that finds Chinese words.

A page and its twin have the same address but for ``/zh``, and the same labels, so that the switch leads to the same
section. The English edition is built from the root into ``_build/html``, the Chinese one from ``zh/`` into
``_build/html/zh``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jieba
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.search.zh import SearchChinese

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

SPLIT_QUERY = """
// Cut a query as the index was cut: the longest word of the index that starts at each place, Latin words whole.
var splitQuery = (query) => {
  const index = Search._index || {};
  const known = (word) => word in (index.terms || {}) || word in (index.titleterms || {});
  const words = [];
  for (const run of query.match(/[\\p{Script=Han}]+|[^\\p{Script=Han}\\P{L}]+[\\p{L}\\p{N}_]*|[\\p{N}_]+/gu) || []) {
    if (!/\\p{Script=Han}/u.test(run)) { words.push(run); continue; }
    for (let i = 0; i < run.length;) {
      let length = Math.min(8, run.length - i);
      while (length > 1 && !known(run.slice(i, i + length))) length--;
      if (length > 1) words.push(run.slice(i, i + length));
      i += length;
    }
  }
  return words;
};
"""


class CourseChinese(SearchChinese):  # type: ignore[misc]
    """Sphinx's Chinese search with the glossary's terms as words, and a browser that cuts queries the same way."""

    js_splitter_code = SPLIT_QUERY

    def init(self, options: dict[str, str]) -> None:
        super().init(options)
        jieba.setLogLevel(60)
        for term in yaml.safe_load((ROOT / "glossary.yml").read_text(encoding="utf-8")):
            jieba.add_word(term["zh"])


def _is_chinese(config: Config) -> bool:
    return bool(config.language.startswith("zh"))


def add_paths(app: Sphinx, config: Config) -> None:
    """Our templates and style sheet, after Jupyter Book listed its own."""
    config.templates_path.append(str(HERE / "templates"))
    config.html_static_path.append(str(HERE / "static"))
    options = dict(config.html_theme_options)
    options["article_header_end"] = ["language-switch.html", "article-header-buttons.html"]
    config.html_theme_options = options


def add_links(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """What the switch and the search engines need: the twin's address, relative and absolute."""
    chinese = _is_chinese(app.config)
    up = "../" * pagename.count("/")
    page = f"{pagename}.html"
    context["twin_url"] = f"{up}../{page}" if chinese else f"{up}zh/{page}"
    base = app.config.html_baseurl.rstrip("/")
    site = base.removesuffix("/zh") if chinese else base
    addresses = {"en": f"{site}/{page}", "zh-CN": f"{site}/zh/{page}", "x-default": f"{site}/{page}"}
    links = [f'<link rel="alternate" hreflang="{lang}" href="{url}" />' for lang, url in addresses.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(links) + "\n"


_FULL_WIDTH = "，。；：？！、）》”’…"


def join_chinese_lines(app: Sphinx, doctree: nodes.document) -> None:
    """Take out the line breaks of the source inside Chinese text: a browser would show each as a space."""
    if not _is_chinese(app.config):
        return
    for text in list(doctree.findall(nodes.Text)):
        if text == "\n" and text.parent is not None:
            siblings = text.parent.children
            at = next(i for i, node in enumerate(siblings) if node is text)
            before = siblings[at - 1].astext()[-1:] if at else ""
            after = siblings[at + 1].astext()[:1] if at + 1 < len(siblings) else ""
            if before in _FULL_WIDTH or ("\u4e00" <= before <= "\u9fff" and "\u4e00" <= after <= "\u9fff"):
                text.parent.replace(text, nodes.Text(""))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(CourseChinese)
    app.connect("config-inited", add_paths, priority=900)
    app.connect("doctree-read", join_chinese_lines)
    app.connect("html-page-context", add_links)
    app.add_css_file("course.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
