"""Ruff on the code cells of the book, both editions: rules and layout, with file and line of the source.

    python -m tools.rules.lint_cells              every page
    python -m tools.rules.lint_cells FILE …       these pages
    python -m tools.rules.lint_cells --fix        write ruff's layout back into the pages

A chapter goes to ruff as one notebook, so that names defined in one cell are known in the next.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools import ROOT
from tools.rules import Problem
from tools.rules.cells import WIDTH
from tools.source.chapters import Cell, Chapter, parse

# A last value is shown, zip and loops stay short, keywords may be written as dict(k=1), imports may come late; in the
# masters of the exercises wrong answers define a name again, and checks run at once inside their loop.
_NOT_IN_CELLS = "B018,B905,B007,C408,E402,F811,B023"
_LAYOUT = "not laid out as ruff would; run python -m tools.rules.lint_cells --fix"
_MAGIC = re.compile(r"\s*[%!]|.*\?\s*$")


def pages(root: Path = ROOT) -> list[Path]:
    """Every page of both editions; of the exercises the masters, from which their pages are made."""
    folders = [root / part / kind for kind in ("book", "exercises") for part in ("", "zh")]
    found = [path for folder in folders for path in sorted(folder.glob("**/*.md"))]
    return [path for path in found if not (path.parent.name == "book" and path.stem.startswith("exercises-"))]


def problems(paths: Iterable[Path], *, fix: bool = False) -> list[Problem]:
    """What Ruff says; with ``fix`` the layout is mended instead of reported."""
    chapters = [chapter for chapter in map(parse, paths) if chapter.cells]
    found = [line for chapter in chapters for line in _magics(chapter)]
    if not chapters:
        return found
    with tempfile.TemporaryDirectory() as folder:
        notebooks = {}
        for number, chapter in enumerate(chapters):
            notebooks[f"{number}.ipynb"] = chapter
            (Path(folder) / f"{number}.ipynb").write_text(_notebook(chapter.cells), encoding="utf-8")
        if fix:
            _ruff(folder, "check", "--fix-only", "--select", "I", f"--extend-ignore={_NOT_IN_CELLS}")
            _ruff(folder, "format")
            for name, chapter in notebooks.items():
                notebooks[name] = _written_back(chapter, _sources(Path(folder) / name))
        report = _ruff(folder, "check", "--output-format=json", f"--extend-ignore={_NOT_IN_CELLS}")
        for problem in json.loads(report):
            chapter = notebooks[Path(problem["filename"]).name]
            cell = chapter.cells[problem["cell"] - 1]
            line = cell.source_line + problem["location"]["row"] - 1
            found.append(Problem(chapter.path, line, f"{problem['code']} {problem['message']}"))
        _ruff(folder, "format")
        for name, chapter in notebooks.items() if not fix else ():
            for cell, formatted in zip(chapter.cells, _sources(Path(folder) / name), strict=True):
                if cell.source != formatted:
                    line = cell.source_line + _first_difference(cell.source, formatted)
                    found.append(Problem(chapter.path, line, _LAYOUT))
    return sorted(found)


def _magics(chapter: Chapter) -> Iterable[Problem]:
    for cell in chapter.cells:
        try:
            compile(cell.source, "cell", "exec")
        except SyntaxError as error:
            line = (error.lineno or 1) - 1
            code = cell.source.splitlines()[line] if cell.source else ""
            if _MAGIC.match(code):
                yield Problem(chapter.path, cell.source_line + line, f"{code.strip()!r} is a magic, not Python")


def _notebook(cells: Sequence[Cell]) -> str:
    blocks: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": str(number),
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": cell.source.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells)
    ]
    return json.dumps(
        {"cells": blocks, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    )


def _sources(path: Path) -> list[str]:
    return ["".join(cell["source"]).rstrip() for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def _first_difference(before: str, after: str) -> int:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), 0)


def _written_back(chapter: Chapter, sources: Sequence[str]) -> Chapter:
    lines = chapter.path.read_text(encoding="utf-8").split("\n")
    for cell, source in reversed(list(zip(chapter.cells, sources, strict=True))):
        start = cell.source_line - 1
        lines[start : start + len(cell.source.splitlines())] = source.split("\n")
    text = "\n".join(lines)
    if text != chapter.path.read_text(encoding="utf-8"):
        chapter.path.write_text(text, encoding="utf-8")
    return parse(chapter.path)


def _ruff(folder: str, command: str, *options: str) -> str:
    # The project excludes notebooks, which are made from the pages; a path that is named is read nevertheless.
    settings = ["--no-cache", "--quiet", f"--config={ROOT / 'pyproject.toml'}", f"--line-length={WIDTH}"]
    files = sorted(path.name for path in Path(folder).iterdir())
    call = [sys.executable, "-m", "ruff", command, *settings, *options, *files]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1) or (done.returncode and command == "format"):
        raise RuntimeError(f"ruff {command} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="pages; none means all")
    parser.add_argument("--fix", action="store_true", help="write ruff's layout back")
    arguments = parser.parse_args()
    found = problems(arguments.files or pages(), fix=arguments.fix)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
