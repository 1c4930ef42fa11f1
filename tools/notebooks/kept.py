"""What a person changed is kept: a generated file says what was written into it, and any other is put aside first.

A generated text carries a digest of all of itself. A file whose digest does not fit was run, answered, merged, emptied
or damaged since it was made; it is moved to the same place below ``work/``, which no tool writes over.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

WORK = "work"
BLANK = "0" * 16
_MARK = re.compile(r'(?<=written)("?: "?)([0-9a-f]{16})')


def signed(text: str) -> str:
    """``text`` with the digest of itself in the place of its last ``written: 0000000000000000``.

    >>> signed("% written: 0000000000000000")
    '% written: 02cc0402d6f64bbc'
    """
    before, found, after = text.rpartition(BLANK)
    if not found:
        raise ValueError(f"the text has no place for its digest; write 'written: {BLANK}' into it")
    return before + _digest(text) + after


def is_signed(text: str) -> bool:
    """Whether ``text`` is, letter for letter, what ``signed`` gave."""
    return any(_digest(text[: mark.start(2)] + BLANK + text[mark.end(2) :]) == mark[2] for mark in _MARK.finditer(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_made(path: Path) -> bool:
    """Whether a file holds what a tool wrote, whatever git did to its line ends; false where it cannot be read."""
    try:
        return is_signed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def write(path: Path, text: str, root: Path) -> bool:
    """Bring a generated file to ``text`` in one step; false when it held that already.

    What a person made of it is put aside first, and a line says where.
    """
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    if os.path.lexists(path) and not as_made(path):
        put_aside(path, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def put_aside(path: Path, root: Path) -> Path:
    """Move a file that a person changed to its place below ``work/``, under a name that is free; says where."""
    place = root / WORK / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    goal = free(place, "mine")
    if path.is_dir() and not path.is_symlink():
        goal.unlink()  # a file keeps the name, and a folder can only take a free one
    shutil.move(path, goal)  # a move, so that what is saved a moment later arrives there too
    print(f"{path.relative_to(root)} was changed since it was made: your version is now {goal.relative_to(root)}")
    return goal


def free(path: Path, word: str) -> Path:
    """``NAME.word.ipynb``, ``NAME.word-2.ipynb``, …: the first that nobody has, taken at once by an empty file."""
    count = 1
    while True:
        goal = path.with_name(f"{path.stem}.{word}{f'-{count}' if count > 1 else ''}{path.suffix}")
        try:
            goal.open("x").close()
        except FileExistsError:
            count += 1
        else:
            return goal
