"""Where a line may not break: no line begins with a closing mark, or ends with an opening one, or parts 97 and %.

A browser knows that for text, and forgets it beside a formula or code, which it takes for boxes of their own. So each
of them and the marks that touch it become one piece; code may still break inside itself.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools.source.words import is_han, spoken

CLOSING, OPENING = "。，、；：？！”’）》」』】%", "“‘（《「『【"
_AFTER = re.compile(rf"[{CLOSING}]+")
_BEFORE = re.compile(rf"[{OPENING}]+$")
_PERCENT = re.compile(r"(?<=\d) (?=%)")


def keep_marks(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put each formula and each piece of code together with the marks beside it."""
    if app.builder.format != "html":
        return
    for text in list(doctree.findall(nodes.Text)):
        if _PERCENT.search(text) and not _is_code(text):
            text.parent.replace(text, nodes.Text(_PERCENT.sub("\u00a0", text)))
    for box in list(doctree.findall(lambda node: isinstance(node, nodes.math | nodes.literal))):
        parent = box.parent
        if isinstance(parent, nodes.literal_block):
            continue
        at = parent.index(box)
        after = parent[at + 1] if at + 1 < len(parent) else None
        before = parent[at - 1] if at else None
        closing = _AFTER.match(after) if isinstance(after, nodes.Text) else None
        opening = _BEFORE.search(before) if isinstance(before, nodes.Text) else None
        if not (closing or opening):
            continue
        kept = nodes.inline("", "", classes=["kept"])
        if isinstance(before, nodes.Text) and opening:
            parent[at - 1] = nodes.Text(before[: opening.start()])
            kept.append(nodes.Text(opening[0]))
        if isinstance(after, nodes.Text) and closing:
            parent[at + 1] = nodes.Text(after[closing.end() :])
        parent[at] = kept
        kept.append(box)
        if closing:
            kept.append(nodes.inline("", closing[0]))


def tell_latin(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """In Chinese, mark what is emphasised and holds no Chinese character: it is slanted, and has no dots below it."""
    if app.builder.format != "html" or spoken(app.config.language) == "en":
        return
    for emphasis in list(doctree.findall(nodes.emphasis)):
        if not is_han(emphasis.astext()):
            holder = nodes.inline("", "", classes=["latin"])
            emphasis.parent.replace(emphasis, holder)
            holder.append(emphasis)


def _is_code(text: nodes.Text) -> bool:
    """Whether a text is shown as it is typed."""
    node: nodes.Node | None = text.parent
    while node is not None and not isinstance(node, nodes.literal | nodes.FixedTextElement | nodes.math | nodes.raw):
        node = node.parent
    return node is not None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep_marks, priority=900)
    app.connect("doctree-resolved", tell_latin, priority=901)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
