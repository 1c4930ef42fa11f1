"""Grades as files that an LMS takes: plain CSV, Canvas, Moodle, Gradescope."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from coursegrade.contract import Bundle, joined, text
from coursegrade.course import Course
from coursegrade.files import Problem, write_atomic
from coursegrade.intake.roster import Table, normal, same, students_of, table_text, worksheet
from coursegrade.records.gradebook import State, states
from coursegrade.sanitise import NOTHING, Untrusted

FORMATS = ("csv", "canvas", "moodle", "gradescope")


@dataclass(frozen=True)
class Rules:
    """Which marks go out: a submission that is not decided (nobody could read it, or a person has still to grade it)
    and one that is missing leave the mark empty, unless told otherwise."""

    missing_as_zero: bool = False
    failed_as_zero: bool = False
    so_far: bool = False  # what is there of a submission whose written answers are not graded yet

    def score(self, state: State) -> float | None:
        """The mark, or None where it is to stay empty."""
        if state.status == "missing":
            return 0.0 if self.missing_as_zero else None
        if state.status == "failed":
            return 0.0 if self.failed_as_zero else None
        return state.score if state.status == "graded" or self.so_far else None


def _csv(bundle: Bundle, everyone: list[State], rules: Rules, language: str) -> list[list[str | float | None]]:
    header = ["assignment", "student_id", "last_name", "first_name", "name", "email", "section", "status"]
    header += ["submitted_at", "raw_score", "late_penalty", "score", "max_score"]
    rows: list[list[str | float | None]] = [[*header, *(f"q:{q.id}" for q in bundle.questions), "reason", "comments"]]
    for state in everyone:
        s = state.student
        gone = state.status in ("missing", "failed")
        numbers = [*([None, None] if gone else [state.raw, state.penalty]), rules.score(state)]
        points = [None if gone else state.questions[q.id] for q in bundle.questions]
        about: list[str | float | None] = [
            bundle.assignment,
            *_cells(s.id, s.last, s.first, s.name, s.email, s.section),
        ]
        about += [state.status, str(state.record.get("submitted_at") or "")]
        reason = state.reason[language].csv() if state.reason else ""
        rows.append([*about, *numbers, state.max_score, *points, reason, _spoken(bundle, state, language)])
    return rows


def _cells(*of_roster: str | Untrusted) -> list[str]:
    """What stands on the roster, where students may have written it, for cells of a table."""
    return [Untrusted(one).csv() for one in of_roster]


def _spoken(bundle: Bundle, state: State, language: str) -> str:
    """The comments that a person gave, each after its question."""
    titles = {q.id: q.title[language] for q in bundle.questions}
    between = text(": ")[language]
    return "\n".join(f"{titles.get(name, name)}{between}{comment}" for name, comment in state.comments.items())


def _canvas(
    bundle: Bundle, everyone: list[State], title: str | None, template: Table, rules: Rules, *, given: bool
) -> list[list[str | float | None]]:
    """Canvas's gradebook: the students' columns, the line "Points Possible", one column for the assignment.

    Canvas puts marks into the column whose name, with its number, is that of an assignment; another name makes a new
    one. So the name comes from the template, and without one from the roster, if that is Canvas's gradebook.
    """
    column = title or bundle.assignment
    header = [h for h in template.header if re.search(r"\(\d+\)$", h) or given]
    named = [h for h in header if h == column or re.sub(r"\s*\(\d+\)$", "", h).strip() == column]
    if not named and title is None:
        named = [h for h in header if normal(bundle.assignment) in normal(h)]
    if len(named) == 1:
        column = named[0]
    elif title is None and (given or header):
        some = "; ".join(header[:8])[:200]
        raise Problem(
            "{n_named:| column of Canvas's file is| columns of Canvas's file are} for {assignment}; name "
            "the assignment as Canvas "
            "does, with its number: --title 'Pooling (12345)'. Its columns are: {some}.",
            n_named=len(named),
            assignment=bundle.assignment,
            some=some,
        )
    rows: list[list[str | float | None]] = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column],
        ["    Points Possible", "", "", "", "", bundle.max_score],
    ]
    for state in everyone:
        s = state.student
        rows.append([*_cells(s.sortable, s.canvas, s.sis or s.id, s.login, s.section), rules.score(state)])
    return rows


_MOODLE_HEADER = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
_MOODLE_HEADER += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"]


def _moodle(
    bundle: Bundle, everyone: list[State], template: Table, rules: Rules, language: str, *, given: bool
) -> list[list[str | float | None]]:
    """Moodle's grading worksheet, with the grades and comments filled in; or one like it in English.

    Moodle finds its columns by their names in the teacher's language, and a participant by the word before the number
    as well. So both come from the worksheet: the template, and without one the roster, if that is a worksheet.
    """
    where = worksheet(template)
    if where is None or where.grade is None:
        if given:
            raise Problem(
                "The worksheet's first line is {header!r}; in Moodle's the first column has the "
                "participants' numbers, and there is one for the grade. Take it from View all "
                "submissions, Download grading worksheet.",
                header=", ".join(template.header)[:200],
            )
        return _own_worksheet(everyone, rules, language)
    by_key = {s.student.key: s for s in everyone}
    listed = students_of(template, name="the worksheet")
    theirs = same([s.student for s in everyone], listed, by_name=True)
    by_number = {s.moodle: by_key[other.key] for s in listed if (other := theirs[s.key])}
    as_is = template.raw or [template.header, *template.rows]  # what Moodle wrote goes back as it wrote it
    filled: list[list[str | float | None]] = [list(as_is[0])]
    for line, theirs_own in zip(template.rows, as_is[1:], strict=True):
        row: list[str | float | None] = [*theirs_own, *[""] * (len(template.header) - len(theirs_own))]
        known_as = line[where.identifier] if where.identifier < len(line) else ""
        found = by_number.get("".join(re.findall(r"\d+$", known_as)))
        if found is None and not given:
            continue  # of the roster, but not of this worksheet
        if found is not None:
            if (score := rules.score(found)) is not None:
                most = str(row[where.maximum]) if where.maximum is not None else ""
                row[where.grade] = score * _scale(most, found.max_score)
            if where.comments is not None:
                spoken = _spoken(bundle, found, language)
                row[where.comments] = found.reason[language].csv() if found.reason else spoken
        filled.append(row)
    there = {one.key for one in theirs.values() if one is not None}
    marked = [s.student for s in everyone if rules.score(s) is not None]
    lost = [one.called.line(80) for one in marked if one.key not in there]
    if given and lost:
        some = ", ".join(lost[:10]) + (" …" if len(lost) > 10 else "")
        raise Problem(
            "{n_lost:| student with a mark is| students with a mark are} not in the worksheet: {some}. Take "
            "the worksheet of the whole class, or name a group with --section.",
            n_lost=len(lost),
            some=some,
        )
    return filled


def _own_worksheet(everyone: list[State], rules: Rules, language: str) -> list[list[str | float | None]]:
    """A worksheet like Moodle's in English."""
    rows: list[list[str | float | None]] = [list(_MOODLE_HEADER)]
    for state in everyone:
        s = state.student
        known = _cells(f"Participant {s.moodle}" if s.moodle else s.id, s.name, s.email)
        note = state.reason[language].csv() if state.reason else ""
        rows.append([*known, "", rules.score(state), state.max_score, "Yes", "-", "-", note])
    return rows


def _scale(most: str, max_score: float) -> float:
    """By how much a mark is to be multiplied for the worksheet's own maximum."""
    try:
        return float(most.replace(",", ".")) / max_score
    except (ValueError, ZeroDivisionError):
        return 1.0


def _lateness(course: Course, assignment: str, state: State) -> str:
    """By how much a submission is late, after the student's own due date, in hours as Gradescope writes them."""
    until, when = course.due_for(assignment, state.student.key), state.record.get("submitted_at")
    if until is None or not when:
        return ""
    seconds = max(0, int((datetime.datetime.fromisoformat(when) - until).total_seconds()))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _gradescope(course: Course, bundle: Bundle, everyone: list[State], rules: Rules) -> list[list[str | float | None]]:
    """The columns of the grades that Gradescope itself lets download."""
    name = bundle.assignment
    header = ["First Name", "Last Name", "SID", "Email", "Sections", name, f"{name} - Max Points"]
    header += [f"{name} - Submission Time", f"{name} - Lateness (H:M:S)"]
    rows: list[list[str | float | None]] = [list(header)]
    for state in everyone:
        s = state.student
        when = str(state.record.get("submitted_at") or "")
        about = _cells(s.first, s.last, s.id, s.email, s.section)
        rows.append([*about, rules.score(state), state.max_score, when, _lateness(course, name, state)])
    return rows


def export(
    course: Course,
    assignment: str,
    form: str,
    *,
    template: Path | None = None,
    title: str | None = None,
    section: str | None = None,
    rules: Rules = Rules(),
) -> tuple[Path, list[State]]:
    """Write ``export/NAME-FORMAT.csv``; returns its path and the states of the students in it.

    ``template``: the LMS's own file (Canvas: gradebook export; Moodle: grading worksheet), whose column names are used;
    without one those of the roster are, if the roster is such a file. ``section``: only who is in it.
    """
    bundle = course.bundle(assignment)
    everyone = states(course, assignment)
    if section is not None:
        everyone = _in_section(everyone, section)
    given = template is not None
    if template is not None and not template.is_file():
        raise Problem("There is no file {template}.", template=template)
    table = course.table(template)
    if form == "csv":
        data = table_text(_csv(bundle, everyone, rules, course.language), mark=True)
    elif form == "canvas":
        data = table_text(_canvas(bundle, everyone, title, table, rules, given=given))
    elif form == "moodle":
        data = table_text(_moodle(bundle, everyone, table, rules, course.language, given=given))
    elif form == "gradescope":
        data = table_text(_gradescope(course, bundle, everyone, rules))
    else:
        raise Problem("There is no format {form!r}; there are {formats}.", form=form, formats=", ".join(FORMATS))
    path = course.root / "export" / f"{course.check_name(assignment)}-{form}.csv"
    write_atomic(path, data)
    return path, everyone


def _in_section(everyone: list[State], section: str) -> list[State]:
    there = [one.line(60) for one in sorted({s.student.section for s in everyone} - {NOTHING})]
    found = [s for s in everyone if normal(s.student.section) == normal(section)]
    if not found:
        known = joined(text(", ||between the items of a list"), there) if there else text("none")
        raise Problem(
            "Nobody on the roster is in the section {section!r}; there are: {known}.", section=section, known=known
        )
    return found
