"""Where a line may not break: no line begins with a closing mark, or ends with an opening one, or parts 97 and %.

A browser knows that for text, and forgets it beside a formula or code, which it takes for boxes of their own. So each
of them and the marks that touch it become one piece; code may still break inside itself.

A line of code that is longer than its column goes on below, two places further in than it began: each line is an
element that knows how far that is.
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
_AFTER_FORMULA = re.compile(rf"[{CLOSING},.;:!?)]+")  # a word keeps its comma by itself
_BEFORE_FORMULA = re.compile(rf"[{OPENING}(]+$")
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
        formula = isinstance(box, nodes.math)
        closing = (_AFTER_FORMULA if formula else _AFTER).match(after) if isinstance(after, nodes.Text) else None
        opening = (_BEFORE_FORMULA if formula else _BEFORE).search(before) if isinstance(before, nodes.Text) else None
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
    """In Chinese, mark the emphasis that has no dots below it: Latin letters, or a paragraph of its own."""
    if app.builder.format != "html" or spoken(app.config.language) == "en":
        return
    for emphasis in list(doctree.findall(nodes.emphasis)):
        whole = isinstance(emphasis.parent, nodes.paragraph) and len(emphasis.parent) == 1
        if whole or not is_han(emphasis.astext()):
            holder = nodes.inline("", "", classes=["whole" if whole else "latin"])
            emphasis.parent.replace(emphasis, holder)
            holder.append(emphasis)


_BLOCK = re.compile(r"(<div class=\"highlight\"><pre>(?:<span></span>)?)(.*?)(</pre></div>)", re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>")
_ONE = re.compile(r"(?<=[\s>])(--?[A-Za-z][\w-]*|-&gt;)(?=[\s<=])")  # --option and -> have no place to break
_OPENED, _MAY_BREAK = re.compile(r"(?<=\()(</span>)"), r"\1<wbr>"  # a call's arguments may begin on the next line


def hang(highlighted: str) -> str:
    """Highlighted code with each of its lines as an element ``code-line``; ``--i`` says how far it is indented.

    >>> hang('<div class="highlight"><pre>  b\\n</pre></div>')
    '<div class="highlight"><pre><span class="code-line" style="--i:2">  b\\n</span></pre></div>'
    """

    def line(one: str) -> str:
        one = _ONE.sub(r'<span class="one">\1</span>', one)
        plain = _MARKUP.sub("", one)
        indent = len(plain) - len(plain.lstrip(" "))
        style = f' style="--i:{indent}"' if indent and plain.strip() else ""
        return f'<span class="code-line"{style}>{_OPENED.sub(_MAY_BREAK, one)}</span>'

    def lines(block: re.Match[str]) -> str:
        if any(one.count("<span") != one.count("</span>") for one in block[2].splitlines()):
            return block[0]  # a piece that goes over several lines: they stay as they are
        return block[1] + "".join(map(line, block[2].splitlines(keepends=True))) + block[3]

    return _BLOCK.sub(lines, highlighted)


_SHORT, _LONG = 16, 100  # places, of which a Chinese character takes two


def align_numbers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A column of a printed table that holds nothing but numbers, with a unit or a ± perhaps, stands at the right."""
    if app.builder.format != "html":
        return
    for group in doctree.findall(nodes.tgroup):
        rows = [list(row.findall(nodes.entry)) for row in group.findall(nodes.row)]
        for column in zip(*rows, strict=False):
            body = [entry.astext().strip() for entry in column if not isinstance(entry.parent.parent, nodes.thead)]
            if body and all(map(_NUMBER.fullmatch, body)):
                for entry in column:
                    entry["classes"].append("numeric")
                    if not isinstance(entry.parent.parent, nodes.thead):
                        _set_number(entry)


def _set_number(entry: nodes.entry) -> None:
    """A minus instead of a hyphen, and a star behind the number hangs beyond the column's edge."""
    for node in [one for one in entry.findall(nodes.Text) if not _is_code(one)]:
        said = re.sub(r"^-(?=\d)", "−", str(node))
        parts: list[nodes.Node] = [nodes.Text(said.removesuffix("*"))]
        if said.endswith("*"):
            parts.append(nodes.inline("", "*", classes=["hung"]))
        node.parent.replace(node, parts)


_NUMBER = re.compile(
    r"[−+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?(?:[\s\u00a0]?(?:%|[kMG]?B))?(?:\s?±\s?\d[\d,]*(?:\.\d+)?(?:[\s\u00a0]?%)?)?\*?|–|—|-|"
)


def keep_cells(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A number, a name or a word in a cell of a table is not broken: a narrow table scrolls. A long cell stays wide."""
    if app.builder.format != "html":
        return
    for entry in doctree.findall(nodes.entry):
        text = entry.astext()
        places = len(text) + sum(map(is_han, text))
        if places <= _SHORT or places > _LONG:
            entry["classes"].append("short" if places <= _SHORT else "long")


def hang_code(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the lines of code on a page go on below, where its column is too narrow."""
    if doctree is not None and app.builder.name == "html":
        context["body"] = hang(context["body"])


def _is_code(text: nodes.Text) -> bool:
    """Whether a text is shown as it is typed."""
    node: nodes.Node | None = text.parent
    while node is not None and not isinstance(node, nodes.literal | nodes.FixedTextElement | nodes.math | nodes.raw):
        node = node.parent
    return node is not None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", keep_marks, priority=900)
    app.connect("doctree-resolved", tell_latin, priority=901)
    app.connect("doctree-resolved", keep_cells, priority=902)  # after labels.py
    app.connect("doctree-resolved", align_numbers, priority=903)
    app.connect("html-page-context", hang_code)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
