"""Copies of the gradebook, and what a person gave for cells that an assignment no longer has.

``backups/gradebook-TIME.db`` is made before the structure of the gradebook changes; to go back, copy one over
``gradebook.db``. ``gradebook-removed.csv`` lists points and comments for removed cells, readable in any spreadsheet.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import errno
import io
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursegrade.contract import Text, text
from coursegrade.course import Course
from coursegrade.files import Problem, named, private_folder, write_atomic
from coursegrade.intake.encodings import decode
from coursegrade.sanitise import is_formula

KEPT = 10  # copies of the gradebook
_HEADER = ["assignment", "student", "cell", "points", "extra", "comment", "submission", "removed", "answer"]


@dataclass(frozen=True)
class ByHand:
    """What a person gave one student for one cell."""

    assignment: str
    student: str
    cell: str
    points: float | None
    extra: float | None
    comment: str
    submission: str  # for which it was given; empty where that is not known
    answer: str = ""  # the digest of the answer for which it was given; empty in what an earlier version wrote

    def fits(self, submission: str, answer: str) -> bool:
        """Whether it was given for this answer, whatever else has changed in the notebook since."""
        if self.answer:
            return self.answer == answer
        return self.submission in ("", submission)


# -- copies -------------------------------------------------------------------------------------------------------


def backup(course: Course) -> Path | None:
    """Copy ``gradebook.db`` with SQLite's own backup, check the copy and keep the last ten; None where there is none.

    Raises ``Problem`` where the copy is not whole (then nothing else should be written) and ``OSError``.
    """
    source = course.root / "gradebook.db"
    if not source.is_file():
        return None
    folder = course.root / "backups"
    private_folder(folder)
    for left in folder.glob(".copy-*"):  # of a run that was killed
        left.unlink()
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    draft, path = folder / f".copy-{now}", folder / f"gradebook-{now}.db"
    try:
        _copy(source, draft)
        earlier = sorted(folder.glob("gradebook-*.db"))
        if earlier and earlier[-1].read_bytes() == draft.read_bytes():  # the same command, repeated
            return earlier[-1]
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    for old in sorted(folder.glob("gradebook-*.db"))[:-KEPT]:
        old.unlink()
    return path


def _copy(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            answer = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise refused(str(error), target) or Problem(
            "{source} cannot be copied ({error}), so it was not changed. Copy the newest file of backups/ over it.",
            source=source,
            error=error,
        ) from None
    if answer != "ok":
        raise Problem(
            "{source} cannot be copied whole ({answer}), so it was not changed. Copy the newest file of "
            "backups/ over it.",
            source=source,
            answer=answer[:100],
        )
    with named(target), open(target, "rb") as file:
        os.fsync(file.fileno())


def refused(what: str, path: Path) -> OSError | Problem | None:
    """What SQLite says as the system would have said it of the file; None where it is no matter of the system."""
    if "full" in what or "disk I/O" in what:
        return OSError(errno.ENOSPC, what, str(path))
    if "readonly" in what or ("unable to open" in what and not os.access(path.parent, os.W_OK)):
        read_only = os.statvfs(path.parent).f_flag & os.ST_RDONLY
        return OSError(errno.EROFS if read_only else errno.EACCES, what, str(path))
    if "locked" in what:
        return Problem(
            "{path} is in use by another program (formgrader, or a command that still runs); when it "
            "has ended, repeat the command.",
            path=path,
        )
    return None


# -- what was given for cells that are gone -------------------------------------------------------------------------


def of(
    gradebook: Any, notebook: Any, cells: Iterable[Any], answers: Callable[[str], Mapping[str, str]]
) -> list[ByHand]:
    """What persons gave for these cells, by student and cell; ``answers``: of a student, what it was given for."""
    from coursegrade.records.gradebook import _submissions

    ids = {cell.id for cell in cells}
    known = _submissions(gradebook, notebook.name)
    found = []
    for submission in notebook.submissions:
        key = submission.student.id
        grades = {g.name: g for g in submission.grades if g.cell_id in ids}
        said = {c.name: c.manual_comment or "" for c in submission.comments if c.cell_id in ids}
        for cell in sorted({*grades, *said}):
            grade = grades.get(cell)
            points, extra = (grade.manual_score, grade.extra_credit) if grade else (None, None)
            if points is not None or extra or said.get(cell):
                where = known.get(key, ("", ""))[0]
                words = said.get(cell, "")
                found.append(ByHand(notebook.name, key, cell, points, extra, words, where, answers(key).get(cell, "")))
    return found


def _file(course: Course) -> Path:
    return course.root / "gradebook-removed.csv"


def _rows(course: Course) -> list[list[str]]:
    path = _file(course)
    if not path.is_file():
        return []
    content = decode(path.read_bytes())[0].lstrip("\ufeff")
    separator = max(",;\t", key=content.split("\n", 1)[0].count)  # a spreadsheet may have saved it again
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=separator))[1:]


def _row(one: ByHand) -> list[str]:
    numbers = ["" if value is None else f"{value:.12g}" for value in (one.points, one.extra)]
    return [one.assignment, one.student, one.cell, *numbers, _shielded(one.comment), one.submission]


def _shielded(comment: str) -> str:
    """A comment that no spreadsheet runs; ``_bare`` gives it back as it was, apostrophes included."""
    return f"'{comment}" if is_formula(comment.lstrip("'")) else comment


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and is_formula(cell.lstrip("'")) else cell


def write(course: Course, by_hand: list[ByHand]) -> list[Text]:
    """Add to ``gradebook-removed.csv`` what is not in it yet; says so."""
    if not by_hand:
        return []
    rows = _rows(course)
    last = {tuple(row[:3]): [*row[:7], *row[8:9]] for row in rows}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    for one in by_hand:
        row = _row(one)
        if last.get(tuple(row[:3])) != [*row, one.answer]:
            rows.append([*row, now, one.answer])
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([_HEADER, *rows])
    write_atomic(_file(course), buffer.getvalue())
    cells = ", ".join(sorted({one.cell for one in by_hand}))
    students = len({one.student for one in by_hand})
    return [
        text(
            "{cells} is no longer asked; the points and comments given by hand for it ({students:| student| students}) "
            "are in {course}, and come back if it is asked again",
            cells=cells,
            students=students,
            course=_file(course),
        )
    ]


def read(course: Course, assignment: str) -> dict[tuple[str, str], ByHand]:
    """The last that was removed, by student and cell."""
    found = {}
    for line, row in enumerate(_rows(course), start=2):
        if len(row) >= 7 and row[0] == assignment:
            points, extra = (_points(course, line, cell) for cell in row[3:5])
            answer = row[8] if len(row) > 8 else ""
            found[row[1], row[2]] = ByHand(row[0], row[1], row[2], points, extra, _bare(row[5]), row[6], answer)
    return found


def _points(course: Course, line: int, cell: str) -> float | None:
    try:
        return float(cell.replace(",", ".")) if cell.strip() else None
    except ValueError:
        raise Problem(
            "{file}, line {line}: {cell} is no number of points. Put it right, or delete the line; nothing was "
            "changed.",
            file=_file(course),
            line=line,
            cell=repr(cell[:40]),
        ) from None


def above(notebook: Any, cell: Any, points: float) -> list[Text]:
    """Says who has more points by hand for the cell than it is worth now; they stay as they were given."""
    who = [
        s.student.id
        for s in notebook.submissions
        for g in s.grades
        if g.cell_id == cell.id and g.manual_score is not None and g.manual_score > points
    ]
    if not who:
        return []
    some = ", ".join(who[:5]) + (" …" if len(who) > 5 else "")
    return [
        text(
            "{name} is worth {points:g| point| points} now; {n_who:| student has| students have} more by "
            "hand: {some}. Look at them",
            name=cell.name,
            points=points,
            n_who=len(who),
            some=some,
        )
    ]
