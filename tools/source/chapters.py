"""Read a chapter's MyST source: headings, code cells, labelled formulas, prose, each with its line number.

It reads the tokens of MyST-Parser's own parser, markdown-it; which constructs a page may use says tools/rules/form.py.
Line numbers count from 1.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from tools.machine.fresh import remembered
from tools.source.settings import YamlLoader

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
_OPTION = re.compile(r"\s*:([\w-]+):\s*(.*)")
_FENCES = ("fence", "colon_fence")
_BLOCKS = ("math_block", "math_block_label", "myst_target", "myst_line_comment", *_FENCES)
_NO_PROSE = ("front_matter", "heading_open", "myst_block_break", *_BLOCKS)


@functools.cache
def _markdown() -> MarkdownIt:
    """What MyST-Parser reads a page with, without the Sphinx around it; text inside a line only where it is asked."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.colon_fence import colon_fence_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin
    from mdit_py_plugins.myst_blocks import myst_block_plugin
    from mdit_py_plugins.myst_role import myst_role_plugin

    markdown = MarkdownIt("commonmark").use(front_matter_plugin).use(myst_block_plugin).use(myst_role_plugin)
    return markdown.use(dollarmath_plugin).use(colon_fence_plugin).disable("inline")


class Heading(NamedTuple):
    """A heading with the label above it, if there is one."""

    level: int
    text: str
    line: int
    label: str | None


class Label(NamedTuple):
    """A target ``(name)=``."""

    name: str
    line: int


class Equation(NamedTuple):
    """A display formula; ``label`` is None where it has none."""

    label: str | None
    latex: str
    line: int


class Prose(NamedTuple):
    """A line of text: a paragraph's, a list's, a table's, a caption's or a note's."""

    line: int
    text: str


class Role(NamedTuple):
    """A role in the prose, such as {eq}`eq-corr2d`."""

    name: str
    target: str
    line: int

    @property
    def aim(self) -> str:
        """What the role points to: of ``text <label>`` the label."""
        return self.target.rpartition("<")[2].rstrip(">").strip()


class Directive(NamedTuple):
    """A directive with its options and the lines below them."""

    name: str
    argument: str
    options: dict[str, Any]
    line: int
    body: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A code cell. ``line`` is its fence, ``source_line`` the first line of code, ``end`` the closing fence."""

    source: str
    tags: tuple[str, ...]
    options: dict[str, Any]
    line: int
    source_line: int
    end: int = field(default=0, repr=False)

    @property
    def alt(self) -> str:
        """What the cell says of its picture, or the empty string."""
        mystnb = self.options.get("mystnb")
        image = mystnb.get("image") if isinstance(mystnb, dict) else None
        return str(image.get("alt") or "") if isinstance(image, dict) else ""


@dataclass(eq=False)
class Chapter:
    """What a page is made of, in the order of its lines."""

    path: Path
    front_matter: dict[str, Any] = field(default_factory=dict)
    headings: list[Heading] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    prose: list[Prose] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name without ``.md``, which is also its name in ``{doc}``."""
        return self.path.stem

    @property
    def title(self) -> str:
        """The first heading of level 1, or the empty string."""
        return next((h.text for h in self.headings if h.level == 1), "")

    def section(self, heading: Heading) -> range:
        """The lines of a heading's section, its subsections included."""
        later = (h.line for h in self.headings if h.line > heading.line and h.level <= heading.level)
        return range(heading.line, next(later, 10**9))


def parse(path: Path) -> Chapter:
    """The chapter in the file ``path``; read once, however many ask."""
    return parsed(path, path.read_text(encoding="utf-8"))


@remembered
def parsed(path: Path, text: str) -> Chapter:
    """The chapter with the text that ``path`` holds, or is about to hold."""
    return parse_text(text, path)


def parse_text(text: str, path: Path = Path("page.md")) -> Chapter:
    """The chapter with the given text.

    >>> chapter = parse_text("# Pooling\\n\\nTake the largest.\\n\\n```{code-cell} ipython3\\n1 + 1\\n```\\n")
    >>> chapter.title, chapter.cells[0].source, chapter.prose
    ('Pooling', '1 + 1', [Prose(line=3, text='Take the largest.')])
    """
    chapter = Chapter(path)
    try:
        _read(chapter, text.splitlines())
        for part in (
            chapter.labels,
            chapter.cells,
            chapter.equations,
            chapter.prose,
            chapter.roles,
            chapter.directives,
        ):
            part.sort(key=lambda item: item.line)
    except _Fault as fault:
        line, problem = fault.args
        raise ValueError(f"{path}:{line}: {problem}") from None
    return chapter


class _Fault(Exception):
    """A line and what is wrong with it."""


def blocks(lines: list[str]) -> Iterator[tuple[Token | None, int, int]]:
    """The fences, formulas, targets and comments of a text, where each begins and ends, and the text between (None)."""
    at = 0
    for token in _markdown().parse("\n".join(lines)):
        if token.level == 0 and token.map and token.type in _BLOCKS:
            if token.map[0] > at:
                yield None, at, token.map[0]
            at = token.map[1]
            yield token, token.map[0], at
    if at < len(lines):
        yield None, at, len(lines)


def closed(lines: list[str], token: Token) -> bool:
    """Whether the last of its lines ends a fence."""
    return len(lines) > 1 and not (end := lines[-1].strip()).strip(token.markup[0]) and end.startswith(token.markup)


def directive(token: Token) -> tuple[str, str]:
    """Name and argument of a fence that is a directive; empty otherwise."""
    found = _DIRECTIVE.match(token.info.strip())
    return (found[1], found[2].strip()) if found else ("", "")


def _read(chapter: Chapter, lines: list[str], first: int = 1) -> None:
    """Take in the blocks of these lines, of which the first has that number, and of the directives among them."""
    taken: set[int] = set()
    label: str | None = None
    tokens = _markdown().parse("\n".join(lines))
    for i, token in enumerate(tokens):
        if token.nesting < 0 or token.map is None:
            continue
        at, end = token.map
        line = first + at
        comment = token.type == "html_block" and token.content.startswith("<!--")
        if comment or (token.type in _NO_PROSE and (token.type != "heading_open" or first == 1)):
            taken |= set(range(at, end))
        if token.type == "front_matter" and first == 1:
            chapter.front_matter = _yaml(token.content, line)
        elif token.type == "myst_target":
            label = token.content
            chapter.labels.append(Label(label, line))
            continue
        elif token.type == "heading_open" and first == 1:
            text = tokens[i + 1].content
            chapter.headings.append(Heading(int(token.tag[1]), text, line, label))
            chapter.roles += _roles(text, line)
        elif token.type.startswith("math_block"):
            chapter.equations.append(Equation(token.info or None, token.content.strip(), line))
        elif token.type in _FENCES:
            if not closed(lines[at:end], token):
                raise _Fault(line, f"the block that opens here is never closed: end it with {token.markup}.")
            name, argument = directive(token)
            if name:
                _directive(chapter, name, argument, token.content.splitlines(), line)
        label = None
    for number, text in enumerate(lines, first):
        if text.strip() and number - first not in taken:
            if text.lstrip().startswith("$$"):
                raise _Fault(number, "the formula that opens here is never closed: end it with $$.")
            chapter.prose.append(Prose(number, text.strip()))
            chapter.roles += _roles(text, number)


def _roles(text: str, line: int) -> Iterator[Role]:
    """The roles in a line of text; what stands in code is none."""
    if "}`" in text:
        found: list[Token] = []
        _markdown().inline.parse(text, _markdown(), {}, found)
        for token in found:
            if token.type == "myst_role":
                yield Role(token.meta["name"], token.content, line)


def _directive(chapter: Chapter, name: str, argument: str, body: list[str], line: int) -> None:
    """Take in a directive: a cell, or its options and the blocks in it."""
    at, options = _options(body, 0, line)
    options = {} if name == "code-cell" else options
    chapter.directives.append(Directive(name, argument, options, line, tuple(body[at:])))
    if name == "code-cell":
        chapter.cells.append(_cell(body, line))
    else:
        _read(chapter, body[at:], line + 1 + at)


def _yaml(text: str, line: int) -> dict[str, Any]:
    """The mapping that ``text`` holds; ``line`` is where its block opens."""
    try:
        loaded = yaml.load(text, Loader=YamlLoader)
    except yaml.YAMLError as error:
        raise _Fault(line, f"the options are no YAML ({str(error).splitlines()[0]}): quote the text.") from None
    return loaded if isinstance(loaded, dict) else {}


def _options(lines: list[str], at: int, line: int) -> tuple[int, dict[str, Any]]:
    """A directive's options, from ``:key: value`` lines or a YAML block, and the index after them."""
    if at < len(lines) and lines[at].strip() == "---":
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "---"), at)
        if end > at:
            return end + 1, _yaml("\n".join(lines[at + 1 : end]), line)
    options: dict[str, Any] = {}
    while at < len(lines) and (option := _OPTION.match(lines[at])):
        options[option[1]] = option[2]
        at += 1
    return at, options


def _cell(body: list[str], line: int) -> Cell:
    """The code cell with the given lines inside its fence."""
    start, options = _options(body, 0, line)
    while start < len(body) and not body[start].strip():
        start += 1
    tags = options.get("tags") or ()
    if isinstance(tags, str):
        tags = [tag for tag in re.split(r"[\s,\[\]]+", tags) if tag]
    source = "\n".join(body[start:]).rstrip()
    return Cell(source, tuple(str(tag) for tag in tags), options, line, line + 1 + start, line + 1 + len(body))
