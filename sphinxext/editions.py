"""Two editions of one book: the language switch, ``hreflang`` links, and a search that finds Chinese words.

A page and its twin have the same address but for ``/zh``, and the same labels, so that the switch leads to the same
section. The English edition is built from the root into ``_build/html``, the Chinese one from ``zh/`` into
``_build/html/zh``.
"""

from __future__ import annotations

import json
import re
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

SCORER = """
// The chapters that speak most of a glossary term come first when a query names it; reference pages come last.
var Scorer = {
  taught: %(taught)s,
  score: ([docname, title, anchor, descr, score, filename]) => {
    const query = (new URLSearchParams(location.search).get("q") || "").toLowerCase();
    const terms = Object.keys(Scorer.taught).filter((term) => query.includes(term));
    const longest = Math.max(0, ...terms.map((term) => term.length));
    const places = terms.filter((term) => term.length === longest).map((term) => Scorer.taught[term].indexOf(docname));
    if (places.some((place) => place >= 0)) score += 200 - 20 * Math.min(...places.filter((place) => place >= 0));
    return %(reference)s.includes(docname) ? score - 20 : score;
  },
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
"""
REFERENCE = ("glossary", "notation", "references", "index", "where-texts-slip", "the-same-in-d2l", "status")


def _uses(book: Path, key: str) -> dict[str, list[str]]:
    """For each term's name in a language the three chapters that speak most of it, as document names.

    A heading or a definition (in bold) counts like twenty uses.
    """
    texts = {}
    for path in sorted(book.glob("*.md")):
        if path.stem not in REFERENCE:
            prose = re.sub(r"`{3,}\{code-cell\}.*?\n`{3,}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            marked = "\n".join(re.findall(r"^#+ .*|\*\*.+?\*\*", prose, flags=re.MULTILINE))
            texts[f"book/{path.stem}"] = (prose.lower(), marked.lower())
    found = {}
    for term in yaml.safe_load((ROOT / "glossary.yml").read_text(encoding="utf-8")):
        for name in [term[key], *(term.get("also", []) if key == "en" else [])]:
            word = name.lower()
            uses = {doc: prose.count(word) + 20 * marked.count(word) for doc, (prose, marked) in texts.items()}
            found[word] = [doc for doc in sorted(uses, key=lambda d: -uses[d]) if uses[doc]][:3]
    return found


def taught_where(book: Path, chinese: bool) -> dict[str, list[str]]:
    """Where the glossary's terms are taught: English names, and in the Chinese edition the Chinese ones as well."""
    return _uses(ROOT / "book", "en") | (_uses(book, "zh") if chinese else {})


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
    scorer = Path(app.outdir).parent / "search-scorer.js"
    scorer.parent.mkdir(parents=True, exist_ok=True)
    taught = json.dumps(taught_where(Path(app.srcdir, "book"), _is_chinese(config)), ensure_ascii=False)
    reference = json.dumps([f"book/{name}" for name in REFERENCE])
    scorer.write_text(SCORER % {"taught": taught, "reference": reference}, encoding="utf-8")
    config.html_search_scorer = str(scorer)
    options = dict(config.html_theme_options)
    options["article_header_end"] = ["language-switch.html", "article-header-buttons.html"]
    config.html_theme_options = options


def add_links(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """What the switch and the search engines need: the twin's address, absolute where the site has one."""
    chinese = _is_chinese(app.config)
    up = "../" * pagename.count("/")
    page = f"{pagename}.html"
    context["twin_url"] = f"{up}../{page}" if chinese else f"{up}zh/{page}"
    base = app.config.html_baseurl.rstrip("/")
    site = base.removesuffix("/zh") if chinese else base
    english, translated = f"{site}/{page}", f"{site}/zh/{page}"
    if not base:  # search engines ask for absolute addresses; a copy without one gets what browsers understand
        own = page.rsplit("/", 1)[-1]
        english, translated = (context["twin_url"], own) if chinese else (own, context["twin_url"])
    addresses = {"en": english, "zh-CN": translated, "x-default": english}
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


def translate_interface(app: Sphinx, exception: Exception | None) -> None:
    """Replace the theme's English words, as whole texts or attributes, by those of ``zh/interface.yml``."""
    if exception or not _is_chinese(app.config) or app.builder.format != "html":
        return
    words = yaml.safe_load((ROOT / "zh" / "interface.yml").read_text(encoding="utf-8"))
    choices = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    whole = re.compile(rf'(>\s*|(?:title|aria-label|placeholder|alt)=")({choices})(?=\s*<|")')
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        mended = whole.sub(lambda match: match[1] + words[match[2]], text)
        if mended != text:
            page.write_text(mended, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_search_language(CourseChinese)
    app.connect("config-inited", add_paths, priority=900)
    app.connect("doctree-read", join_chinese_lines)
    app.connect("html-page-context", add_links)
    app.connect("build-finished", translate_interface)
    app.add_css_file("course.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
