"""Read the exercises of a chapter as their author writes them: ``exercises/NAME.md`` and its Chinese twin.

A master is MyST Markdown with one tag line per cell; CONTRIBUTING.md shows one question. It holds solutions, hidden
tests and wrong answers, so it is never a source of the book: ``tools.source.exercises`` makes the book's pages from
it and ``coursegrade.masters.release`` the students' notebooks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path

LEVELS = ("warm-up", "core", "hard")

_FENCE = re.compile(r"^(`{3,}|:{3,}|~{3,})(.*)$")
_LABEL = re.compile(r"^\(([\w-]+)\)=\s*$")
_HEADING = re.compile(r"^(#{1,2}) (.+?)\s*$")
_TAGS = re.compile(r"^:tags:\s*\[(.*)\]\s*$")
_BREAK = re.compile(r"^\+\+\+\s*(\{.*\})?\s*$")
_STAMP = re.compile(r"^% en [0-9a-f]{8}\s*$")
_LEVEL = re.compile(r"^% level: (.+?)\s*$")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")
_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"

_ROLES = {
    "code": {"setup": set(), "answer": {"id"}, "test": {"id", "points"}, "wrong": {"id", "score"}},
    "markdown": {"answer": {"id", "points"}, "rubric": set(), "sample": {"id", "score"}, "solution": set(), "": set()},
}
_EXTRA = {"test": {"hidden"}, "answer": {"manual"}}


class MasterError(ValueError):
    """A master that cannot be read; the message names file, line and mend."""


@dataclass(frozen=True)
class Block:
    """A cell: code, or a run of Markdown. ``role`` is its first tag, or empty for plain text."""

    kind: str
    role: str
    source: str
    line: int
    id: str = ""
    points: float = 0.0
    score: float = 0.0
    hidden: bool = False


@dataclass
class Section:
    """What stands under one ``##`` heading: a question if it has an answer cell."""

    label: str
    title: str
    line: int
    level: str = ""
    blocks: list[Block] = dataclass_field(default_factory=list)
    path: Path = Path("page.md")
    own: bool = False  # of an overlay

    def of(self, role: str) -> list[Block]:
        return [block for block in self.blocks if block.role == role]

    @property
    def is_question(self) -> bool:
        return bool(self.of("answer"))

    @property
    def written(self) -> bool:
        return any(block.kind == "markdown" for block in self.of("answer"))

    @property
    def id(self) -> str:
        """The question's id: that of its first answer cell."""
        return self.of("answer")[0].id

    @property
    def points(self) -> float:
        blocks = self.of("answer") if self.written else self.of("test")
        return sum(block.points for block in blocks)

    @property
    def text(self) -> str:
        return "\n\n".join(block.source for block in self.of("") if block.source)


@dataclass
class Master:
    """One chapter's exercises in one language; ``opening`` is what stands above the first ``##``."""

    path: Path
    title: str
    label: str
    opening: list[Block]
    sections: list[Section]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def setup(self) -> str:
        """The code that every answer may use."""
        return "\n\n".join(block.source for block in self.opening if block.role == "setup")

    @property
    def questions(self) -> list[Section]:
        return [section for section in self.sections if section.is_question]

    def blocks(self) -> Iterator[Block]:
        yield from self.opening
        for section in self.sections:
            yield from section.blocks


def read(path: Path) -> Master:
    """The master in the file ``path``.

    Raises ``MasterError`` with file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MasterError(f"{path}:1: there is no such master; write it, or mend the name") from None
    except UnicodeDecodeError as error:
        raise MasterError(f"{path}:1: the file is not UTF-8 ({error.reason}); save it as UTF-8") from None
    return read_text(text, path)


def read_text(text: str, path: Path = Path("page.md")) -> Master:
    """The master with the given text."""
    reader = _Reader(path)
    reader.read(text.splitlines())
    return reader.master()


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.title = self.label = ""
        self.opening: list[Block] = []
        self.sections: list[Section] = []
        self.prose: list[str] = []
        self.prose_line = 1
        self.tags: list[str] = []
        self.pending: tuple[str, int] | None = None

    def fail(self, line: int, problem: str) -> MasterError:
        return MasterError(f"{self.path}:{line}: {problem}")

    @property
    def blocks(self) -> list[Block]:
        return self.sections[-1].blocks if self.sections else self.opening

    def read(self, lines: list[str]) -> None:
        at = self._after_front_matter(lines)
        while at < len(lines):
            line, number = lines[at], at + 1
            at += 1
            if line.startswith("```{code-cell}"):
                self._flush()
                at = self._code(lines, at, number)
            elif fence := _FENCE.match(line):
                at = self._fenced(lines, at, number, fence[1])
            elif found := _BREAK.match(line):
                self._flush()
                self.tags = self._json_tags(found[1], number) if found[1] else []
                self.prose_line = number
            elif label := _LABEL.match(line):
                if self.pending:
                    raise self.fail(number, f"two labels in a row, {self.pending[0]} and {label[1]}; keep one")
                self._flush()
                self.pending = (label[1], number)
            elif heading := _HEADING.match(line):
                self._flush()
                self._heading(heading, number)
            elif _STAMP.match(line):
                continue
            elif level := _LEVEL.match(line):
                self._level(level[1], number)
            elif line.startswith("%"):
                continue
            else:
                if not any(text.strip() for text in self.prose):
                    self.prose_line = number
                self.prose.append(line)
        self._flush()

    def master(self) -> Master:
        if not self.title:
            raise self.fail(1, "there is no title; write '(ex-NAME)=' and '# Title' at the top")
        return Master(self.path, self.title, self.label, self.opening, self.sections)

    # -- lines --------------------------------------------------------------------------------------------------
    def _after_front_matter(self, lines: list[str]) -> int:
        if not lines or lines[0].rstrip() != "---":
            return 0
        end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
        if end is None:
            raise self.fail(1, "the front matter is not closed with ---")
        return end + 1

    def _heading(self, heading: re.Match[str], number: int) -> None:
        label, self.pending = self.pending, None
        if label is None:
            raise self.fail(number, f"the heading {heading[2]!r} has no label; write (ex-NAME-topic)= above it")
        if len(heading[1]) == 1:
            if self.title:
                raise self.fail(number, "a second title; use ## for questions")
            self.title, self.label = heading[2], label[0]
        else:
            self.sections.append(Section(label[0], heading[2], number, path=self.path))

    def _level(self, level: str, number: int) -> None:
        if level not in LEVELS:
            raise self.fail(number, f"the level {level!r} is none of {', '.join(LEVELS)}")
        if self.sections:
            self.sections[-1].level = level

    def _code(self, lines: list[str], at: int, number: int) -> int:
        tags: list[str] = []
        if at < len(lines) and (found := _TAGS.match(lines[at])):
            tags = [tag.strip() for tag in found[1].split(",") if tag.strip()]
            at += 1
        end = next((i for i in range(at, len(lines)) if lines[i].rstrip() == "```"), None)
        if end is None:
            raise self.fail(number, "the code cell that opens here is not closed with ```")
        source = "\n".join(lines[at:end]).strip("\n")
        self.blocks.append(self._block("code", tags, source, number))
        return end + 1

    def _fenced(self, lines: list[str], at: int, number: int, fence: str) -> int:
        """Anything between fences is text, whatever it looks like."""
        end = next((i for i in range(at, len(lines)) if lines[i].strip() == fence), None)
        if end is None:
            raise self.fail(number, f"the block that opens here is not closed with {fence}")
        if not any(text.strip() for text in self.prose):
            self.prose_line = number
        self.prose += lines[number - 1 : end + 1]
        return end + 1

    def _flush(self) -> None:
        source = "\n".join(self.prose).strip("\n")
        if source.strip() or self.tags:
            self.blocks.append(self._block("markdown", self.tags, source, self.prose_line))
        self.prose, self.tags = [], []

    # -- tags ---------------------------------------------------------------------------------------------------
    def _json_tags(self, text: str, number: int) -> list[str]:
        try:
            tags = json.loads(text)["tags"]
        except (ValueError, KeyError, TypeError):
            raise self.fail(number, f'{text} is not {{"tags": ["answer", …]}}; write it like that') from None
        return [str(tag) for tag in tags]

    def _block(self, kind: str, tags: list[str], source: str, number: int) -> Block:
        flags = [tag for tag in tags if "=" not in tag]
        options = dict(tag.split("=", 1) for tag in tags if "=" in tag)
        role = flags[0] if flags else ""
        known = _ROLES[kind]
        if role not in known:
            allowed = ", ".join(name for name in known if name)
            raise self.fail(number, f"a {kind} cell cannot be {role or 'without a tag'!r}; it is one of {allowed}")
        if strange := [flag for flag in flags[1:] if flag not in _EXTRA.get(role, set())]:
            raise self.fail(number, f"nobody reads the tag {strange[0]!r} of this {role} cell; remove it")
        needed = known[role]
        if lacking := sorted(needed - set(options)):
            raise self.fail(number, f"this {role} cell lacks {lacking[0]}=…; add it")
        if strange := sorted(set(options) - needed):
            raise self.fail(number, f"nobody reads {strange[0]}= of this {role} cell; remove it")
        if "id" in options and not _ID.fullmatch(options["id"]):
            raise self.fail(number, f"the id {options['id']!r} is not made of small letters, digits and '-'")
        values = {name: self._number(options[name], name, number) for name in ("points", "score") if name in options}
        if self.pending:
            raise self.fail(self.pending[1], f"the label {self.pending[0]} has no heading below it")
        return Block(kind, role, source, number, options.get("id", ""), hidden="hidden" in flags, **values)

    def _number(self, text: str, name: str, line: int) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < 1000:
            raise self.fail(line, f"{name}={text} is not a number from 0 up")
        return value


# -- answers ------------------------------------------------------------------------------------------------------


def released(source: str) -> str:
    """An answer cell without its solution: a region inside a function becomes ``raise NotImplementedError``.

    >>> print(released("def f(x):\\n    ### BEGIN SOLUTION\\n    return 2 * x\\n    ### END SOLUTION"))
    def f(x):
        raise NotImplementedError
    """
    out: list[str] = []
    for kind, line in _marked(source):
        if kind == "begin" and line[0].isspace():
            out.append(line[: len(line) - len(line.lstrip())] + "raise NotImplementedError")
        elif kind == "outside":
            out.append(line)
    return "\n".join(out).strip("\n")


def reference(source: str) -> str:
    """An answer cell with its solution and without the marks."""
    return "\n".join(line for kind, line in _marked(source) if kind in {"outside", "inside"}).strip("\n")


def _marked(source: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in source.split("\n"):
        mark = line.strip()
        if mark in (_BEGIN, _END):
            if inside == (mark == _BEGIN):
                raise MasterError(f"{mark} without its partner; write {_BEGIN} … {_END}")
            inside = not inside
            yield ("begin" if inside else "end"), line
        else:
            yield ("inside" if inside else "outside"), line
    if inside:
        raise MasterError(f"{_BEGIN} without {_END}; close it")


def solution_lines(source: str) -> list[str]:
    """The lines between the marks, stripped."""
    return [line.strip() for kind, line in _marked(source) if kind == "inside" and line.strip()]
