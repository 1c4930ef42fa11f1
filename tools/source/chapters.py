"""Read a chapter's MyST source: headings, code cells, labelled formulas, prose, each with its line number.

A reader of lines, not a Markdown parser: it knows the constructs that the book allows
(tests/book/test_chapters.py) and what they mean for a check. Line numbers count from 1.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where there is libyaml

__all__ = [
    "Cell",
    "Chapter",
    "Directive",
    "Equation",
    "Heading",
    "Label",
    "Prose",
    "Role",
    "parse",
    "parse_text",
]

_FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})\s*(.*)$")
_DIRECTIVE = re.compile(r"^\{([\w:-]+)\}\s*(.*)$")
_LABEL = re.compile(r"^\(([\w.-]+)\)=\s*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_OPTION = re.compile(r"^\s*:([\w-]+):\s*(.*)$")
_ROLE = re.compile(r"\{([\w:-]+)\}`([^`]*)`")
_DISPLAY_LINE = re.compile(r"^\$\$(.+?)\$\$\s*(?:\(([\w.-]+)\))?$")
_DISPLAY_END = re.compile(r"^(.*?)\$\$\s*(?:\(([\w.-]+)\))?\s*$")


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
    """A directive's opening line with its options."""

    name: str
    argument: str
    options: dict[str, Any]
    line: int


@dataclass(frozen=True)
class Cell:
    """A code cell. ``line`` is its fence, ``source_line`` the first line of code."""

    source: str
    tags: tuple[str, ...]
    options: dict[str, Any]
    line: int
    source_line: int

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
    return _parsed(path.read_text(encoding="utf-8"), path)


@functools.lru_cache(maxsize=128)
def _parsed(text: str, path: Path) -> Chapter:
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
    except _Fault as fault:
        line, problem = fault.args
        raise ValueError(f"{path}:{line}: {problem}") from None
    return chapter


class _Fault(Exception):
    """A line and what is wrong with it."""


def _read(chapter: Chapter, lines: list[str]) -> None:
    at = _front_matter(chapter, lines)
    open_fences: list[tuple[str, int]] = []
    label: str | None = None
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if not line.strip():
            continue
        if fence := _FENCE.match(line):
            marks, info = fence.groups()
            if open_fences and _closes(fence, open_fences[-1][0]):
                open_fences.pop()
                continue
            directive = _DIRECTIVE.match(info)
            if directive and directive[1] != "code-cell":
                at, options = _options(lines, at, number)
                chapter.directives.append(Directive(directive[1], directive[2].strip(), options, number))
                open_fences.append((marks, number))
                continue
            at, body = _verbatim(lines, at, marks)
            if directive:
                chapter.directives.append(Directive("code-cell", directive[2].strip(), {}, number))
                chapter.cells.append(_cell(body, number))
            continue
        if line.lstrip().startswith("$$"):
            at = _display(chapter, lines, at - 1)
            continue
        if target := _LABEL.match(line):
            label = target[1]
            chapter.labels.append(Label(label, number))
            continue
        if (heading := _HEADING.match(line)) and not open_fences:
            chapter.headings.append(Heading(len(heading[1]), heading[2], number, label))
        elif not line.startswith(("%", "+++", "<!--")):
            chapter.prose.append(Prose(number, line.strip()))
        chapter.roles += [Role(role[1], role[2], number) for role in _ROLE.finditer(line)]
        label = None
    if open_fences:
        marks, number = open_fences[-1]
        raise _Fault(number, f"the block that opens here is never closed: end it with {marks}.")


def _closes(fence: re.Match[str], marks: str) -> bool:
    """Whether this fence closes the one opened by ``marks``."""
    return not fence[2] and fence[1].startswith(marks)


def _front_matter(chapter: Chapter, lines: list[str]) -> int:
    """Read the YAML block at the top; the index of the first line after it."""
    if not lines or lines[0].rstrip() != "---":
        return 0
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        return 0
    chapter.front_matter = _yaml("\n".join(lines[1:end]), 1)
    return end + 1


def _yaml(text: str, line: int) -> dict[str, Any]:
    """The mapping that ``text`` holds; ``line`` is where its block opens."""
    try:
        loaded = yaml.load(text, Loader=_Loader)
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


def _verbatim(lines: list[str], at: int, marks: str) -> tuple[int, list[str]]:
    """The lines up to the fence that closes ``marks``, and the index after it."""
    body: list[str] = []
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence and _closes(fence, marks):
            return at + 1, body
        body.append(lines[at])
        at += 1
    raise _Fault(at - len(body), f"the block that opens here is never closed: end it with {marks}.")


def _cell(body: list[str], line: int) -> Cell:
    """The code cell with the given lines inside its fence."""
    start, options = _options(body, 0, line)
    while start < len(body) and not body[start].strip():
        start += 1
    tags = options.get("tags") or ()
    if isinstance(tags, str):
        tags = [tag for tag in re.split(r"[\s,\[\]]+", tags) if tag]
    source = "\n".join(body[start:]).rstrip()
    return Cell(source, tuple(str(tag) for tag in tags), options, line, line + 1 + start)


def _display(chapter: Chapter, lines: list[str], at: int) -> int:
    """Read the display formula that opens at index ``at``; the index after it."""
    number = at + 1
    first = lines[at].strip()
    if whole := _DISPLAY_LINE.match(first):
        chapter.equations.append(Equation(whole[2], whole[1].strip(), number))
        return at + 1
    latex = [first[2:]]
    at += 1
    while at < len(lines):
        end = _DISPLAY_END.match(lines[at])
        if end:
            latex.append(end[1])
            chapter.equations.append(Equation(end[2], "\n".join(latex).strip(), number))
            return at + 1
        latex.append(lines[at])
        at += 1
    raise _Fault(number, "the formula that opens here is never closed: end it with $$.")
