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
from tools.source.words import LANGUAGES, is_han, spoken, words


def glossary_lines(entries: list[dict[str, Any]], language: str) -> list[str]:
    """The content of a Sphinx glossary: terms at the margin, what they mean indented.

    >>> entry = {"en": "stride", "zh": "bufu", "meaning_en": "A step.", "forbidden": ["jump"]}
    >>> glossary_lines([entry], "en")
    ['stride', '  A step. Also called jump. Chinese: bufu.', '']
    """

    def say(sentence: str, **values: str) -> str:
        return words.say(language, sentence, **values)

    lines: list[str] = []
    between = say(", ||between names")
    for entry in sorted(entries, key=lambda one: _order(one[language])):
        also, elsewhere = entry.get("also", []), names_elsewhere(entry, language)
        if language == "en":
            terms = [entry["en"], *also]
            others = {one: entry[one] for one in LANGUAGES[1:] if entry.get(one)}
        else:
            terms, others = [entry[language]], {"en": between.join([entry["en"], *also])}
        lines += [*terms, f"  {entry[f'meaning_{language}']}"]
        if elsewhere:
            lines[-1] += say(" Also called {names}.", names=between.join(elsewhere))
        for other, names in others.items():
            name = words.say(other, "English||the name of this language in English") if language == "en" else ""
            name = name or say("English||the name of English in this language")
            lines[-1] += say(" {language}: {names}.", language=name, names=names)
        lines.append("")
    return lines


def _order(term: str) -> bytes:
    """A key for sorting; in GB 18030 the common Chinese characters stand in the order of pinyin."""
    return term.encode("gb18030") if is_han(term) else term.casefold().encode()


class CourseGlossary(Glossary):  # type: ignore[misc]
    """``{course-glossary}``, without content."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(FILE))
        lines = glossary_lines(read_terms(), spoken(self.env.config.language))
        self.content = StringList(lines, source=str(FILE))
        entries: list[nodes.Node] = super().run()
        return entries


_NOT_PROSE = (
    nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.term,
    nodes.raw, nodes.rubric,
)  # fmt: skip


def _pattern(terms: list[str], *, whole: bool) -> re.Pattern[str]:
    """All terms in one expression, longest first; ``whole`` ones as words, in any case, also in the plural."""
    choices = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    return re.compile(rf"\b(?P<word>{choices})s?\b" if whole else f"(?P<word>{choices})", re.IGNORECASE)


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
    own = spoken(app.config.language)
    meaning, entries = f"meaning_{own}", read_terms()
    by_word = {word.casefold(): e for e in entries for word in [e[own], *(e.get("also", []) if own == "en" else [])]}
    used: set[str] = set()
    for link in doctree.findall(nodes.reference):
        marked = any("std-term" in child.get("classes", []) for child in link.findall(nodes.inline))
        entry = by_word.get(link.astext().casefold())
        if marked and entry:
            link["reftitle"] = entry[meaning]
            link["classes"].append("glossary-term")
            used.add(entry["key"])
    pattern = _pattern(list(by_word), whole=not any(is_han(entry[own]) for entry in entries))
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
