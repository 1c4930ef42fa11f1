"""Grades as files that an LMS takes: plain CSV, Canvas, Moodle, Gradescope."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from coursecode.grading.contract import Bundle
from coursecode.grading.course import Course, normal, rows_of
from coursecode.grading.files import Problem, write_atomic
from coursecode.grading.gradebook import State, states

__all__ = ["FORMATS", "export", "guard", "table_text"]

FORMATS = ("csv", "canvas", "moodle", "gradescope")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def guard(value: str) -> str:
    """Text that a spreadsheet does not take for a formula: an apostrophe before a leading ``= + - @`` or tab.

    >>> guard("=1+1"), guard("King, Jr."), guard("-3")
    ("'=1+1", 'King, Jr.', "'-3")
    """
    return f"'{value}" if value.startswith(_FORMULA) else value


def table_text(rows: Iterable[Sequence[str | float | None]], *, mark: bool = False) -> bytes:
    """Rows as CSV (RFC 4180): text is guarded, None is empty; ``mark``: with the mark by which Excel knows UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow(
            "" if cell is None else guard(cell) if isinstance(cell, str) else f"{round(cell, 4):g}" for cell in row
        )
    return buffer.getvalue().encode("utf-8-sig" if mark else "utf-8")


def _score(state: State, missing: float | None) -> float | None:
    return missing if state.status == "missing" else state.score


def _csv(bundle: Bundle, everyone: list[State], language: str) -> list[list[str | float | None]]:
    header = ["assignment", "student_id", "last_name", "first_name", "name", "email", "section", "status"]
    header += ["submitted_at", "raw_score", "late_penalty", "score", "max_score"]
    rows: list[list[str | float | None]] = [[*header, *(f"q:{q.id}" for q in bundle.questions), "reason"]]
    for state in everyone:
        s = state.student
        gone = state.status == "missing"
        numbers = [None, None, None] if gone else [state.raw, state.penalty, state.score]
        points = [None if gone else state.questions[q.id] for q in bundle.questions]
        about: list[str | float | None] = [bundle.assignment, s.id, s.last, s.first, s.name, s.email, s.section]
        about += [state.status, str(state.record.get("submitted_at") or "")]
        reason = state.reason[language] if state.reason else ""
        rows.append([*about, *numbers, state.max_score, *points, reason])
    return rows


def _canvas(
    bundle: Bundle, everyone: list[State], title: str | None, template: list[list[str]] | None, missing: float | None
) -> list[list[str | float | None]]:
    """Canvas's gradebook: the students' columns, the line "Points Possible", one column for the assignment."""
    column = title or bundle.assignment
    if template:
        named = [h for h in template[0] if re.sub(r"\s*\(\d+\)$", "", h).strip() == column or h == column]
        if title is None and not named:
            named = [h for h in template[0] if normal(bundle.assignment) in normal(h)]
        if len(named) == 1:
            column = named[0]
        elif title is None:
            raise Problem(
                f"The Canvas file has {len(named)} columns for {bundle.assignment}; "
                "name the assignment as Canvas does, with its number: --title 'Pooling (12345)'.",
                f"Canvas 文件中有 {len(named)} 列对应 {bundle.assignment}；请按 Canvas 的写法给出含编号的名称："
                "--title 'Pooling (12345)'。",
            )
    rows: list[list[str | float | None]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column],
        ["    Points Possible", "", "", "", "", bundle.max_score],
    ]
    for state in everyone:
        s = state.student
        rows.append([s.sortable, s.canvas, s.sis or s.id, s.login, s.section, _score(state, missing)])
    return rows


_MOODLE_HEADER = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
_MOODLE_HEADER += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"]
_MOODLE_COLUMNS = {  # in the languages of the course's editions; Moodle writes them in the teacher's
    "id": ("identifier", "编号", "识别码"),
    "grade": ("grade", "成绩", "分数"),
    "maximum": ("maximumgrade", "最高成绩", "最高分"),
    "comments": ("feedbackcomments", "反馈评语", "反馈意见"),
}


def _moodle(
    bundle: Bundle, everyone: list[State], template: list[list[str]] | None, missing: float | None, language: str
) -> list[list[str | float | None]]:
    """Moodle's grading worksheet; in a worksheet that Moodle gave only the grades and comments are filled in."""
    note = {s.student.moodle: s.reason[language] if s.reason else "" for s in everyone}
    if template is None:
        rows: list[list[str | float | None]] = [list(_MOODLE_HEADER)]
        for state in everyone:
            s = state.student
            known = f"Participant {s.moodle}" if s.moodle else s.id
            rows.append(
                [known, s.name, s.email, "", _score(state, missing), state.max_score, "Yes", "-", "-", note[s.moodle]]
            )
        return rows
    header = [normal(h) for h in template[0]]
    where = {k: next((i for i, h in enumerate(header) if h in names), None) for k, names in _MOODLE_COLUMNS.items()}
    identifier, grade = where["id"], where["grade"]
    if identifier is None or grade is None:
        raise Problem(
            f"The worksheet's first line is {', '.join(template[0])[:200]!r}; Moodle's has Identifier and Grade.",
            f"工作表首行是 {', '.join(template[0])[:200]!r}；Moodle 的工作表应含 Identifier 与 Grade。",
        )
    by_number = {s.student.moodle: s for s in everyone if s.student.moodle}
    filled: list[list[str | float | None]] = [list(template[0])]
    for line in template[1:]:
        row: list[str | float | None] = [*line, *[""] * (len(header) - len(line))]
        found = by_number.get("".join(re.findall(r"\d+$", line[identifier] if identifier < len(line) else "")))
        if found is not None:
            score = _score(found, missing)
            if score is not None:
                most = where["maximum"]
                try:
                    scale = float(line[most].replace(",", ".")) / found.max_score if most is not None else 1.0
                except (ValueError, IndexError, ZeroDivisionError):
                    scale = 1.0
                row[grade] = score * scale
            if where["comments"] is not None and found.reason:
                row[where["comments"]] = found.reason[language]
        filled.append(row)
    return filled


def _gradescope(bundle: Bundle, everyone: list[State], missing: float | None) -> list[list[str | float | None]]:
    """The columns of the grades that Gradescope itself lets download."""
    name = bundle.assignment
    header = ["First Name", "Last Name", "SID", "Email", "Sections", name, f"{name} - Max Points"]
    header += [f"{name} - Submission Time", f"{name} - Lateness (H:M:S)"]
    rows: list[list[str | float | None]] = [list(header)]
    for state in everyone:
        s = state.student
        when = str(state.record.get("submitted_at") or "")
        rows.append([s.first, s.last, s.id, s.email, s.section, _score(state, missing), state.max_score, when, ""])
    return rows


def export(
    course: Course,
    assignment: str,
    form: str,
    *,
    template: Path | None = None,
    title: str | None = None,
    missing_as_zero: bool = False,
) -> tuple[Path, list[State]]:
    """Write ``export/NAME-FORMAT.csv``; returns its path and the students' states.

    ``template``: the LMS's own file (Canvas: gradebook export; Moodle: grading worksheet), whose column names are used.
    Who handed in nothing has an empty grade, so that the LMS's own rule decides, or 0 with ``missing_as_zero``.
    """
    bundle = course.bundle(assignment)
    everyone = states(course, assignment)
    missing = 0.0 if missing_as_zero else None
    given = None
    if template is not None:
        if not template.is_file():
            raise Problem(f"There is no file {template}.", f"没有文件 {template}。")
        given = [row for row in rows_of(template.read_bytes()) if any(row)]
        if not given:
            raise Problem(f"{template} is empty.", f"{template} 是空的。")
    if form == "csv":
        data = table_text(_csv(bundle, everyone, course.language), mark=True)
    elif form == "canvas":
        data = table_text(_canvas(bundle, everyone, title, given, missing))
    elif form == "moodle":
        data = table_text(_moodle(bundle, everyone, given, missing, course.language))
    elif form == "gradescope":
        data = table_text(_gradescope(bundle, everyone, missing))
    else:
        raise Problem(
            f"There is no format {form!r}; there are {', '.join(FORMATS)}.",
            f"没有格式 {form!r}；可用的有 {', '.join(FORMATS)}。",
        )
    path = course.root / "export" / f"{course.check_name(assignment)}-{form}.csv"
    write_atomic(path, data)
    return path, everyone
