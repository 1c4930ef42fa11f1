"""What is wrong with a page or its twin; ``make page`` says all of it for one page.

A module a subject: ``form``, ``cells``, ``labels``, ``claims``, ``numbers``, ``terms``, ``chinese``, ``editions``, and
``lint_cells`` (Ruff). Each rule is a function that gives a list of ``Problem``; none of them runs a cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools import ROOT
from tools.source.chapters import Chapter, parse


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong at a place and how to mend it, on one line."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line}: {self.text}"

    @classmethod
    def read(cls, line: str) -> Problem:
        """The problem that another tool wrote as ``file:line: problem``."""
        found = re.fullmatch(r"(.+?):(\d+): (.+)", line, re.DOTALL)
        return cls(Path(found[1]), int(found[2]), found[3]) if found else cls(ROOT, 1, line)


def shown(path: Path) -> Path:
    """A path as it is told: inside the repository from its root."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def line_of(file: Path, text: str) -> int:
    """The number of the first line of a file that says this and nothing else; 1 where none does."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.strip() == text), 1)


def pages(folder: Path) -> dict[str, Chapter]:
    """The pages of a folder, by name."""
    return {path.stem: parse(path) for path in sorted(folder.glob("*.md"))}
