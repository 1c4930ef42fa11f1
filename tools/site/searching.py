"""The search of the site: an index of sections, made when a page is written, and the script that asks it.

Sphinx indexes the words of pages: it knows no ``3×3``, no section and no synonym, and has to load every page that it
found to show an excerpt, which a page opened from the disk may not do. Here the index holds the sentences themselves,
section by section, so that the script (``search/search.js``) finds parts of words and of Chinese sentences without a
dictionary, shows the sentence that was found, and links to its section. The names of a thing, those of other texts and
of the other language among them, come from ``glossary.yml``.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config

from tools.site.api import LINKS
from tools.site.mathml import to_mathml
from tools.source.terms import read_terms

FILES = Path(__file__).resolve().parent / "search"
# how much a page that is not a chapter counts for: it speaks of everything and explains it elsewhere
WEIGHTS = {"index": 0.3, "status": 0.3, "references": 0.4, "glossary": 0.5, "notation": 0.5, "teaching": 0.5,
           "benchmarks": 0.6, "where-texts-slip": 0.6, "the-same-in-d2l": 0.5, "exercises": 0.55,
           "api": 0.5}  # fmt: skip
# what readers call the pages whose titles say it otherwise
CALLED = {
    "en": {"references": "bibliography literature sources", "where-texts-slip": "errata mistakes errors in textbooks",
           "teaching": "grading grade autograder homework assignments course instructors",
           "benchmarks": "speed timing performance GPU",
           "honest-numbers": "random seeds confidence interval statistics",
           "status": "what is done coverage", "notation": "symbols", "pooling": "downsampling",
           "api": "API reference docstrings",
           "channels": "RGB image", "lenet": "epochs", "from-dense-to-convolution": "fully connected",
           "convolutional-layer": "filter kernel",
           "the-same-in-d2l": "Dive into Deep Learning d2l"},
    "zh": {"references": "文献 书目", "where-texts-slip": "勘误 错误 笔误", "notation": "记号",
           "teaching": "教学 作业 评分 自动评分 批改 教师 布置", "benchmarks": "速度 性能 计时 显卡 基准",
           "honest-numbers": "可复现 随机种子 置信区间 统计", "glossary": "词汇表 名词解释",
           "status": "完成情况", "pooling": "下采样", "padding-and-stride": "补零 输出尺寸 输出大小",
           "convolutional-layer": "卷积核 滤波器 学习卷积核", "lenet": "手写数字识别 轮数",
           "the-same-in-d2l": "动手学深度学习 李沐", "api": "API 接口 函数 文档 参考手册"},
}  # fmt: skip
WORDS = {
    "en": {
        "found": "{pages} pages with “{query}”, the one that says most of it first.",
        "found_one": "One page with “{query}”.",
        "partly": "No page has all of “{query}”; these have a part of it.",
        "none": "Nothing here is called “{query}”. Try one word of it, or look for it in the ",
        "glossary": "glossary",
        "end": ".",
    },
    "zh": {
        "found": "有 {pages} 个页面提到“{query}”，讲得最多的排在最前面。",
        "found_one": "有 1 个页面提到“{query}”。",
        "partly": "没有页面完整提到“{query}”，下面的页面提到了其中一部分。",
        "none": "没有找到“{query}”。可以只搜其中一个词，或者查",
        "glossary": "术语表",
        "end": "。",
    },
}


# -- what a page says -------------------------------------------------------------------------------------------------


def formula(latex: str) -> str:
    r"""A formula as it is read on the page, without its LaTeX.

    >>> formula(r"3\times3"), formula("k_h")
    ('3×3', 'kh')
    """
    try:
        shown = re.sub(r"<annotation\b.*?</annotation>", "", to_mathml(latex), flags=re.DOTALL)
    except ValueError:
        return latex  # the page's writer reports it
    return re.sub("[\u2061-\u2064]", "", html.unescape(re.sub(r"<[^>]+>", "", shown)))


def text_of(node: nodes.Node) -> str:
    """What a reader reads of a paragraph: formulas once, no markup, a line break where the source has one."""
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.math):
        return formula(node.astext())
    if isinstance(node, nodes.raw | nodes.image | nodes.comment):
        return ""
    return "".join(map(text_of, node.children))


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; a line of the source is one at least.

    >>> sentences("One 1.5. Two\\nthree? 四。五")
    ['One 1.5.', 'Two', 'three?', '四。', '五']
    """
    parts = re.split(r"\n|(?<=[.?!])\s+(?=[A-Z“(\u4e00-\u9fff])|(?<=[。？！])(?![”）」])", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def blocks(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """What a section says itself, in order: ``("text", words)``, ``("row", of a table)`` and ``("code", lines)``."""
    if isinstance(node, nodes.section | addnodes.desc | nodes.title | nodes.raw | nodes.comment):
        return
    if isinstance(node, nodes.substitution_definition) or (
        isinstance(node, nodes.Element) and LINKS in node["classes"]
    ):
        return
    if isinstance(node, nodes.literal_block | addnodes.desc_signature):
        yield "code", node.astext()
    elif isinstance(node, nodes.math_block):
        yield "code", formula(node.astext())
    elif isinstance(node, nodes.row):
        yield "row", " · ".join(filter(None, (" ".join(text_of(cell).split()) for cell in node.children)))
    elif isinstance(node, nodes.TextElement) or any(isinstance(child, nodes.Text) for child in node.children):
        yield "text", text_of(node)
    else:
        for child in node.children:
            yield from blocks(child)


def anchor(section: nodes.Element) -> str:
    """The section's label, the same in both editions, or the id that its title or its signature gave it."""
    ids: list[str] = section["ids"] or section.children[0]["ids"]
    return next((name for name in ids if name.startswith("sec-")), ids[0] if ids else "")


def _is_title(node: nodes.Node) -> bool:
    return isinstance(node, nodes.title | addnodes.desc_name)


def sections(doctree: nodes.document, numbers: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """The sections of a page, and its functions: place, title, sentences, what is in bold, code and rows of tables."""
    found = []
    for section in doctree.findall(lambda node: isinstance(node, nodes.section | addnodes.desc)):
        title = next((text_of(name) for name in section.findall(_is_title)), "")
        number = next((numbers[f"#{name}"] for name in section["ids"] if numbers.get(f"#{name}")), ())
        said: dict[str, list[str]] = {"text": [], "row": [], "code": []}
        for child in section.children:
            for kind, text in blocks(child):
                said[kind] += sentences(text) if kind == "text" else text.splitlines()
        own = (part for part in section.children if not isinstance(part, nodes.section))
        bold = [text_of(strong) for part in own for strong in part.findall(nodes.strong)]
        found.append({
            "anchor": anchor(section),
            "title": " ".join(title.split()),
            "number": ".".join(map(str, number)),
            "text": said["text"],
            "bold": " ".join(bold),
            "code": [line.strip() for line in said["row"] + said["code"] if line.strip()],
        })  # fmt: skip
    return found


# -- the index --------------------------------------------------------------------------------------------------------


def names(entries: list[dict[str, Any]], language: str) -> list[dict[str, list[str]]]:
    """The glossary's things: how this edition's text names each (``text``), and all names that a reader may bring.

    >>> names([{"en": "stride", "zh": "步幅", "forbidden": ["步长"], "called": ["jump"]}], "zh")
    [{'text': ['步幅', 'stride'], 'all': ['步幅', 'stride', '步长', 'jump']}]
    """
    found = []
    for entry in entries:
        english = [entry["en"], *entry.get("also", [])]
        text = [entry["zh"], *english] if language == "zh" else english
        found.append({"text": text, "all": [*text, *([] if language == "zh" else [entry["zh"]]),
                                            *entry["forbidden"], *entry.get("called", [])]})  # fmt: skip
    return found


def weight(name: str) -> float:
    """How much a page counts for.

    >>> weight("pooling"), weight("exercises-pooling"), weight("glossary")
    (1, 0.55, 0.5)
    """
    return WEIGHTS.get("exercises" if name.startswith("exercises-") else name, 1)


def _kept(app: Sphinx) -> Path:
    return Path(app.outdir).parent / "search"  # beside the site: a page that is not written anew keeps its part


def keep(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Keep what a page says until all are written."""
    if doctree is None or not _is_site(app):
        return
    place = _kept(app) / f"{pagename}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    said = sections(doctree, app.env.toc_secnumbers.get(pagename, {}))
    place.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


def index(app: Sphinx) -> dict[str, Any]:
    """All pages with their sections, and the names of the glossary's things."""
    language = "zh" if (app.config.language or "en").startswith("zh") else "en"
    pages = []
    for name in sorted(app.env.found_docs):
        place = _kept(app) / f"{name}.json"
        if place.exists():
            said = json.loads(place.read_text(encoding="utf-8"))
            stem = Path(name).name
            called = CALLED[language].get(stem, "")
            pages.append({"page": f"{name}.html", "weight": weight(stem), "called": called, "sections": said})
    return {"pages": pages, "names": names(read_terms(), language), "words": WORDS[language]}


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """``searchindex.js``: a script, since a page that lies on a disk may load no other file."""
    if exception is None and _is_site(app):
        text = json.dumps(index(app), ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, "searchindex.js").write_text(f"courseSearch({text});\n", encoding="utf-8")


def _is_site(app: Sphinx) -> bool:
    return app.builder.name in ("html", "dirhtml")


def add_page(app: Sphinx, config: Config) -> None:
    """The page with the results, in the place of Sphinx's."""
    config.html_additional_pages = {**config.html_additional_pages, "search": "search.html"}


def replace_search(app: Sphinx) -> None:
    """No index of Sphinx's own; our script instead."""
    if app.builder.format != "html":
        return
    app.builder.search = False
    if _is_site(app):
        shutil.copytree(FILES, Path(app.outdir) / "_static" / "search", dirs_exist_ok=True)


def name_script(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """The script's address changes with it, or a browser would go on with the one that it has."""
    context["search_version"] = hashlib.sha256((FILES / "search.js").read_bytes()).hexdigest()[:8]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", add_page, priority=900)
    app.connect("builder-inited", replace_search)
    app.connect("html-page-context", keep)
    app.connect("html-page-context", name_script)
    app.connect("build-finished", write_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
