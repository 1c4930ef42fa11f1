"""The directive ``{course-glossary}``: the terms of ``glossary.yml`` as a Sphinx glossary in the page's language.

Each term shows its meaning and its equivalent in the other language; ``{term}`receptive field``` links to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.domains.std import Glossary

FILE = Path(__file__).resolve().parent.parent / "glossary.yml"


def read_terms(file: Path = FILE) -> list[dict[str, Any]]:
    """The entries of the glossary file."""
    entries: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return entries


def glossary_lines(entries: list[dict[str, Any]], language: str) -> list[str]:
    """The content of a Sphinx glossary: terms at the margin, what they mean indented.

    >>> entry = {"en": "stride", "zh": "步幅", "meaning_en": "A step.", "meaning_zh": "一步。"}
    >>> glossary_lines([entry], "en")
    ['stride', '  A step. Chinese: 步幅.', '']
    >>> glossary_lines([entry], "zh_CN")
    ['步幅', '  一步。英文：stride。', '']
    """
    chinese = language.startswith("zh")
    lines: list[str] = []
    for entry in sorted(entries, key=_chinese_order if chinese else _english_order):
        also = entry.get("also", [])
        if chinese:
            english = "、".join([entry["en"], *also])
            lines += [entry["zh"], f"  {entry['meaning_zh']}英文：{english}。", ""]
        else:
            lines += [entry["en"], *also, f"  {entry['meaning_en']} Chinese: {entry['zh']}.", ""]
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


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("course-glossary", CourseGlossary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
