"""The terms of ``glossary.yml``: a glossary page in each language, and the meaning of a term where it is first used.

``{course-glossary}`` renders the glossary; each term shows its meaning and its equivalent in the other language. On
every other page the first use of a term links to it and carries the meaning as hover text, with no mark in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.domains.std import Glossary

from tools.source.terms import FILE, names_elsewhere, read_terms


def glossary_lines(entries: list[dict[str, Any]], language: str) -> list[str]:
    """The content of a Sphinx glossary: terms at the margin, what they mean indented.

    >>> entry = {"en": "stride", "zh": "步幅", "meaning_en": "A step.", "meaning_zh": "一步。", "forbidden": ["步长"]}
    >>> glossary_lines([entry], "en")
    ['stride', '  A step. Chinese: 步幅.', '']
    >>> glossary_lines([entry], "zh_CN")
    ['步幅', '  一步。也叫步长。英文：stride。', '']
    """
    chinese = language.startswith("zh")
    lines: list[str] = []
    for entry in sorted(entries, key=_chinese_order if chinese else _english_order):
        also = entry.get("also", [])
        elsewhere = names_elsewhere(entry, chinese=chinese)
        if chinese:
            called = f"也叫{'、'.join(elsewhere)}。" if elsewhere else ""
            english = "、".join([entry["en"], *also])
            lines += [entry["zh"], f"  {entry['meaning_zh']}{called}英文：{english}。", ""]
        else:
            called = f" Also called {', '.join(elsewhere)}." if elsewhere else ""
            lines += [entry["en"], *also, f"  {entry['meaning_en']}{called} Chinese: {entry['zh']}.", ""]
    return lines


def _english_order(entry: dict[str, Any]) -> str:
    return str(entry["en"]).casefold()


def _chinese_order(entry: dict[str, Any]) -> bytes:
    return str(entry["zh"]).encode("gb18030")  # its common characters stand in the order of pinyin


class CourseGlossary(Glossary):  # type: ignore[misc]
    """``{course-glossary}``, without content."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(FILE))
        lines = glossary_lines(read_terms(), self.env.config.language or "en")
        self.content = StringList(lines, source=str(FILE))
        entries: list[nodes.Node] = super().run()
        return entries


_NOT_PROSE = (
    nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.term,
    nodes.raw, nodes.rubric,
)  # fmt: skip


def _pattern(words: list[str], chinese: bool) -> re.Pattern[str]:
    """All terms in one expression, longest first; English ones as whole words, in any case, also in the plural."""
    choices = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(f"(?P<word>{choices})" if chinese else rf"\b(?P<word>{choices})s?\b", re.IGNORECASE)


def _prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The text of paragraphs, in reading order, without titles, links, code, formulas and the titles of sources."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if isinstance(paragraph.parent, nodes.citation):
            continue
        for text in list(paragraph.findall(nodes.Text)):
            above: nodes.Node | None = text.parent
            while above not in (None, paragraph) and not isinstance(above, _NOT_PROSE):
                above = above.parent if above else None
            if above is paragraph:
                yield text


def mark_first_uses(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give the first use of each term on a page a link to the glossary and its meaning as hover text."""
    places = app.env.get_domain("std").objects
    page = next((place[0] for (kind, _), place in places.items() if kind == "term"), None)
    if page is None or docname == page or app.builder.format != "html":
        return
    chinese = (app.config.language or "en").startswith("zh")
    own, meaning = ("zh", "meaning_zh") if chinese else ("en", "meaning_en")
    entries = read_terms()
    by_word = {word.casefold(): e for e in entries for word in [e[own], *([] if chinese else e.get("also", []))]}
    used: set[str] = set()
    for link in doctree.findall(nodes.reference):
        marked = any("std-term" in child.get("classes", []) for child in link.findall(nodes.inline))
        entry = by_word.get(link.astext().casefold())
        if marked and entry:
            link["reftitle"] = entry[meaning]
            link["classes"].append("glossary-term")
            used.add(entry["key"])
    pattern = _pattern(list(by_word), chinese)
    for text in _prose(doctree):
        pieces: list[nodes.Node] = []
        rest = 0
        for match in pattern.finditer(text):
            entry = by_word[match["word"].casefold()]
            place = places.get(("term", entry[own]))
            if entry["key"] in used or place is None:
                continue
            used.add(entry["key"])
            address = f"{app.builder.get_relative_uri(docname, place[0])}#{place[1]}"
            link = nodes.reference("", match[0], internal=True, refuri=address, reftitle=entry[meaning])
            link["classes"].append("glossary-term")
            pieces += [nodes.Text(text[rest : match.start()]), link]
            rest = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[rest:])])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("course-glossary", CourseGlossary)
    app.connect("doctree-resolved", mark_first_uses)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
