"""What a term needs besides the four commands: status, resubmit, regrade, extend, solutions."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from coursecode._words import later
from coursegrade import settings
from coursegrade.console import (
    PATH,
    SHOWN,
    bar,
    command,
    course_option,
    in_a_row,
    language,
    line,
    lines,
    of,
    said,
    say,
    tell,
    yes_option,
)
from coursegrade.contract import Text, joined, text
from coursegrade.course import Course
from coursegrade.files import Problem, write_atomic
from coursegrade.intake.roster import Student, normal
from coursegrade.records.gradebook import Change, State, changes, check_graded, merge, needed, states

_LONGEST = datetime.timedelta(days=366)  # of an extension


def find(course: Course, who: str) -> Student:
    """The student of the roster with this id, number, e-mail address or name; raises ``Problem``."""
    everyone = course.roster()
    wanted = normal(who)
    marks = [{s.key, s.id, s.sis, s.login.raw(), s.email.raw(), s.canvas, s.moodle} - {""} for s in everyone]
    found = [s for s, own in zip(everyone, marks, strict=True) if who in own or wanted in map(normal, own)]
    found = found or [s for s in everyone if normal(s.name) == wanted]
    if len(found) != 1:
        some = ", ".join(s.shown for s in found[:5])
        if not found:
            raise Problem("0 students of the roster are {who!r}; give the id of one.", who=who)
        raise Problem(
            "{n:| student of the roster is| students of the roster are} {who!r}: {some}; give the id of one.",
            n=len(found),
            who=who,
            some=some,
        )
    return found[0]


def due_date(
    value: str, course: Course, assignment: str = "", *, base: datetime.datetime | None = None
) -> datetime.datetime:
    """``2026-10-03T23:59+08:00``, or ``+2d`` and ``+12h`` after ``base``; raises ``Problem``.

    Without a zone the one that counts is the class's: that of ``grading.toml``, or of the assignment's due date.
    """
    step = re.fullmatch(r"([+−–-])\s?(\d+)\s?([dh])", value.strip())
    if step and base is not None:
        if step[1] != "+":
            raise Problem(
                "{value} would be before the due date, and an extension gives more time: write "
                "+{step}{step_2}, or take an extension back with --remove.",
                value=value,
                step=step[2],
                step_2=step[3],
            )
        hours = int(step[2][:9]) * (24 if step[3] == "d" else 1)
        if hours > _LONGEST / datetime.timedelta(hours=1):
            raise _too_long(value, base)
        return base + datetime.timedelta(hours=hours)
    when = settings.moment(value, course.zone(assignment)[0])
    if when is None:
        if base is None:
            raise Problem("{value!r} is no date; write it as 2026-10-03T23:59+08:00.", value=value)
        raise Problem(
            "{value!r} is no date; write it as 2026-10-03T23:59+08:00, or +2d and +12h for two days and twelve hours "
            "after the due date.",
            value=value,
        )
    return when


def _too_long(value: str, due: datetime.datetime) -> Problem:
    most, last = _LONGEST.days, (due + _LONGEST).date().isoformat()
    return Problem(
        "{value} is more than {most} days after the due date; an extension ends on {last} at the "
        "latest. If the whole class has longer, move its due date with release --due.",
        value=value[:40],
        most=most,
        last=last,
    )


# -- asking -------------------------------------------------------------------------------------------------------


def _points(value: float | None, language: str) -> str:
    return text("no grade")[language] if value is None else f"{value:g}"


def listed(course: Course, assignment: str, found: Sequence[Change], language: str, *, by_question: bool) -> list[str]:
    """Whose score changes, from what to what, a line each; names are those of the roster."""
    titles = {q.id: q.title[language] for q in course.bundle(assignment).questions}
    lines, colon = [], text(": ")[language]
    for change in found:
        points = f"{_points(change.before, language)} → {_points(change.after, language)}"
        lines.append(change.student.shown + colon + points)
        if by_question:
            for question, (old, new) in change.questions.items():
                pair = ["–" if value is None else f"{value:g}" for value in (old, new)]
                lines.append(f"    {titles.get(question, question)} ({question}){colon}{pair[0]} → {pair[1]}")
    return lines


def agree(question: Text, *, yes: bool) -> None:
    """Go on only if a person says so, or ``--yes``; raises ``Problem``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem(
            "{question} Nothing was written, since there is no terminal to ask in: look at the list, "
            "then repeat the command with --yes.",
            question=question,
        )
    typed = click.prompt(line(said(question), 2000) + " [y/N]", default="n", show_default=False)
    if typed.strip().lower() not in say("y yes||words for yes").split():
        raise Problem(
            "Nothing was written: the gradebook is as it was. To keep the old scores, release the "
            "exercise again as it was, or put the limits back."
        )


# -- status -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Where one student stands: what was handed in, what became of it, and what they have been given back."""

    student: Student
    status: str  # missing, new (not graded yet), failed, partial, graded
    late: bool
    due: datetime.datetime | None  # an own due date
    feedback: bool  # there is a page


def standings(course: Course, assignment: str) -> list[Standing]:
    """Every student of the roster."""
    bundle = course.bundle(assignment)
    try:
        known: dict[str, State] = {s.student.key: s for s in states(course, assignment)}
    except Problem:
        if (course.root / "gradebook.db").is_file() and (course.root / "results" / assignment).is_dir():
            raise
        known = {}
    ingested = course.ingested(assignment)
    found = []
    for student in course.roster():
        record = ingested.get(student.key)
        state = known.get(student.key)
        status = "missing" if record is None else "new" if state is None else state.status
        if record is not None and record.get("status") != "ready":
            status = "failed"
        elif status == "failed":  # of what is submitted and released now, or only of what was
            result, _ = needed(course, student.key, assignment, bundle)
            status = "failed" if result is not None and result.status == "failed" else "new"
        due = course.due_for(assignment, student.key)
        when = record.get("submitted_at") if record else None
        late = bool(due and when and datetime.datetime.fromisoformat(when) > due)
        page = (course.root / "feedback" / assignment / f"{student.key}.html").is_file()
        found.append(Standing(student, status, late, course.settings(assignment).extensions.get(student.key), page))
    return found


_COLUMNS = (
    text("section"),
    text("students"),
    text("handed in"),
    text("late"),
    text("to run"),
    text("unreadable"),
    text("to mark"),
    text("graded"),
    text("feedback||there is a page of it"),
)


def _counts(name: str, some: Sequence[Standing]) -> list[str]:
    handed = [s for s in some if s.status != "missing"]
    numbers = [len(some), len(handed), sum(s.late for s in handed)]
    numbers += [sum(s.status == status for s in some) for status in ("new", "failed", "partial", "graded")]
    return [name, *map(str, [*numbers, sum(s.feedback for s in some)])]


def status_lines(course: Course, names: Sequence[str], language: str) -> list[str]:
    """A table by assignment and section, and under one assignment who is concerned."""
    everything = {name: standings(course, name) for name in names}
    lines = []
    for name, everyone in everything.items():
        due = course.due.get(name)
        head = f"{name}" + (f" · {text('due')[language]} {due.isoformat(timespec='minutes')}" if due else "")
        rows = [[title[language] for title in _COLUMNS]]
        sections = sorted({s.student.section for s in everyone})
        if len(sections) > 1:
            none = text("(none)")[language]
            for one in sections:
                rows.append(_counts(one.line(40) or none, [s for s in everyone if s.student.section == one]))
        rows.append(_counts(text("all")[language], everyone))
        wide = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += [head, *("  " + "  ".join(_pad(cell, wide[i], i) for i, cell in enumerate(row)) for row in rows)]
        if len(names) == 1:
            lines += _concerned(everyone, language)
    return lines


def _width(value: str) -> int:
    return sum(2 if ord(c) > 0x2E7F else 1 for c in value)


def _pad(value: str, width: int, column: int) -> str:
    space = " " * (width - _width(value))
    return value + space if column == 0 else space + value


def _concerned(everyone: Sequence[Standing], language: str) -> list[str]:
    lines = []
    for status, title in (
        ("missing", text("not handed in")),
        ("new", text("to run")),
        ("failed", text("unreadable")),
        ("partial", text("to mark by hand")),
    ):
        some = [s.student.shown for s in everyone if s.status == status]
        if some:
            rest = f" … (+{len(some) - SHOWN})" if len(some) > SHOWN else ""
            names = joined(text(", ||between the items of a list"), some[:SHOWN])
            colon = text(": ")
            lines.append(f"  {title[language]}{colon[language]}{names[language]}{rest}")
    for s in everyone:
        if s.due is not None:
            until = text("may hand in until")[language]
            lines.append(f"  {s.student.shown} {until} {s.due.isoformat(timespec='minutes')}")
    return lines


# -- extend -------------------------------------------------------------------------------------------------------


def extend(course: Course, assignment: str, who: str, date: str | None) -> tuple[Student, datetime.datetime | None]:
    """Give a student an own due date (None takes it back). The late policy reads it whenever scores are shown.

    Raises ``Problem`` where the assignment has no due date, or the own one would be earlier or a year later.
    """
    course.bundle(assignment)
    due = course.due.get(assignment)
    if due is None:
        raise Problem(
            "{assignment} has no due date, so nothing is late. Give it one first: under [due] of "
            "grading.toml, or with coursecode grade release {assignment} --due DATE.",
            assignment=assignment,
        )
    student = find(course, who)
    until = due_date(date, course, assignment, base=due) if date is not None else None
    if until is not None and until <= due:
        raise Problem(
            "{until} is not after the due date {due}; give a later one, or take an extension back with --remove.",
            until=until.isoformat(timespec="minutes"),
            due=due.isoformat(timespec="minutes"),
        )
    if until is not None and until - due > _LONGEST:
        raise _too_long(until.isoformat(timespec="minutes"), due)
    own = {key: value.isoformat() for key, value in course.settings(assignment).extensions.items()}
    own.pop(student.key, None)
    if until is not None:
        own[student.key] = until.isoformat()
    settings.remember(course.root, assignment, extensions=own)
    return student, until


# -- solutions ----------------------------------------------------------------------------------------------------


def worked_notebook(task: Any, language: str, exercises: Path) -> dict[str, Any]:
    """The released notebook with the solutions in place, model answers and rubrics; no hidden test."""
    from coursegrade.masters import master, release

    site, titles = release._site(exercises, language)
    made = release.notebook(task, language, exercises)
    sections = {section.id: section for section in task.masters[language].questions}
    by_cell = {block.id: (section, block) for section in sections.values() for block in section.of("answer")}
    hidden = {block.id for section in sections.values() for block in section.of("test") if block.hidden}
    cells: list[dict[str, Any]] = []

    def add(identifier: str, title: Text, section: Any, role: str, best: float | None = None) -> None:
        blocks = [b for b in section.of(role) if best is None or b.score == best][: 1 if best is not None else None]
        sources = [
            release.plain(b.source, language, site=site, titles=titles, where=f"{section.path}:{b.line}")
            for b in blocks
            if b.source.strip()
        ]
        if sources:
            source = f"**{title[language]}**\n\n" + "\n\n".join(sources)
            cells.append({"cell_type": "markdown", "id": identifier[:64], "metadata": {}, "source": source})

    for cell in made["cells"]:
        if cell["id"] in hidden:
            continue
        cell["metadata"] = {}
        section, block = by_cell.get(cell["id"], (None, None))
        if section is None:
            cells.append(cell)
            continue
        last = section.of("answer")[-1].id == cell["id"]
        if block.kind == "code":
            cells.append(cell | {"source": master.reference(block.source)})
        else:
            scores = [b.score for b in section.of("sample")]
            add(f"model-{cell['id']}", text("Model answer"), section, "sample", max(scores, default=0.0))
            add(f"rubric-{cell['id']}", text("Rubric"), section, "rubric")
        if last:
            add(f"solution-{cell['id']}", text("Solution"), section, "solution")
    return made | {"cells": cells}


def solutions(course: Course, assignment: str, *, anyway: bool = False, overlay: Path | None = None) -> list[Path]:
    """Write ``solutions/NAME-LANGUAGE.ipynb`` and let the feedback show solutions from now on.

    Raises ``Problem`` before the last due date, extensions included, unless ``anyway``.
    """
    from coursegrade.masters import release

    bundle, told = course.bundle(assignment), course.settings(assignment)
    until = told.until
    now = datetime.datetime.now(datetime.UTC)
    if not anyway and (until is None or now <= until):
        when = text("it has no due date")
        if until is not None:
            when = text("it may be handed in until {until}", until=until.isoformat(timespec="minutes"))
        raise Problem(
            "The solutions of {assignment} stay closed: {when}, extensions included. --anyway opens them now.",
            assignment=assignment,
            when=when,
        )
    masters = Path(told.exercises or course.root / course.exercises)
    private = overlay or (Path(told.overlay) if told.overlay else None)
    task = release.assignment(assignment, masters, overlay=private)
    task = release.chosen(task, told.questions, told.points)
    if release.bundle(task, masters).version != bundle.version:
        raise Problem(
            "The masters of {assignment} in {masters} are not those of the release any more; release it "
            "again first: coursecode grade release {assignment}",
            assignment=assignment,
            masters=masters,
        )
    written = []
    for edition in release.EDITIONS:
        content = json.dumps(worked_notebook(task, edition, masters), ensure_ascii=False, indent=1) + "\n"
        path = course.root / "solutions" / f"{assignment}-{edition}.ipynb"
        write_atomic(path, content)
        written.append(path)
    if not told.show_solutions:
        settings.remember(course.root, assignment, show_solutions=True)
    return written


# -- regrade ------------------------------------------------------------------------------------------------------


def _aside(paths: Sequence[Path]) -> dict[Path, Path]:
    """Second names for files that are about to be replaced, so that they can be put back on a full disk as well."""
    kept = {path: path.with_name(f".{path.stem}.before") for path in paths}
    for path, other in kept.items():
        other.unlink(missing_ok=True)  # of a run that was killed
        try:
            os.link(path, other)
        except OSError:  # a file system without second names
            write_atomic(other, path.read_bytes())
    return kept


def regrade(
    course: Course,
    assignment: str,
    students: Sequence[str] | None,
    *,
    jobs: int,
    ask: Callable[[list[Change]], None],
    progress: Callable[[int, int], None] | None = None,
) -> list[Change]:
    """Grade anew, ask with what changes, and write the gradebook; where the answer is no, all is as it was.

    ``ask`` raises ``Problem`` to refuse.
    """
    from coursegrade.cage.run import run_class

    who = list(students) if students is not None else sorted(course.ingested(assignment))
    before = _aside([path for key in who if (path := course.result(key, assignment)).is_file()])
    try:
        run_class(
            course.root, assignment, seed=course.seed(), jobs=jobs, students=students, anew=True, progress=progress
        )
        found = changes(course, assignment)
        if found:
            ask(found)
    except BaseException:
        for path, kept in before.items():
            os.replace(kept, path)  # needs no room
        raise
    finally:
        for kept in before.values():
            kept.unlink(missing_ok=True)
    merge(course, assignment)
    return found


# -- the commands -------------------------------------------------------------------------------------------------


@command(
    "status",
    later("Who handed in, what waits for you."),
    [later("Show by section who handed in, what is graded and what waits for you.")],
    ["coursecode grade status", "coursecode grade status pooling"],
)
@click.argument("name", required=False)
@course_option
def status(name: str | None, root: Path) -> None:
    course = Course.load(root)
    names = [name] if name else course.assignments()
    if not names:
        tell("Nothing has been released yet. Do: coursecode grade release NAME")
    lines(status_lines(course, names, language()), 10_000)


@command(
    "resubmit",
    later("Take one student's file in."),
    [later("Take in one notebook or zip of one student, for an appeal or from an e-mail; the earlier one is kept.")],
    ["coursecode grade resubmit pooling s1234 mended.ipynb"],
)
@click.argument("name")
@click.argument("student")
@click.argument("file", type=PATH)
@click.option("--at", help=later("When it was handed in; else as before."))
@course_option
def resubmit(name: str, student: str, file: Path, at: str | None, root: Path) -> None:
    from coursegrade.intake.ingest import resubmit as take

    course = Course.load(root)
    who = find(course, student)
    if at is not None and settings.DAY.fullmatch(at.strip()):
        raise Problem("{value} is a day: say at what time it was handed in, as in {value}T23:59.", value=at.strip())
    row, titles = take(course, name, who, file, at=due_date(at, course, name) if at else None)
    click.echo(line(of(who.shown, row.file.line(200)), 300))
    for note in row.notes:
        click.echo(line(f"  {said(note)}", 300))
    if titles:
        click.echo(say("  changed: ") + in_a_row(said(one) for one in titles))
    else:
        tell("  no answer changed")
    if row.status == "ready":
        tell("Next: coursecode grade run {name}", name=name)


@command(
    "regrade",
    later("Grade again, say what changes."),
    [later("Grade again what is graded, show whose score changes, and ask before it is written.")],
    ["coursecode grade regrade pooling --diff", "coursecode grade regrade pooling --student s1234 --diff"],
)
@click.argument("name")
@click.option("--student", "students", multiple=True, help=later("Only this one; repeatable."))
@click.option("--diff", is_flag=True, help=later("Before and after by question."))
@click.option("--jobs", "-j", type=click.IntRange(min=1), help=later("As for run."))
@yes_option
@course_option
def regrade_command(name: str, students: tuple[str, ...], diff: bool, jobs: int | None, yes: bool, root: Path) -> None:
    from coursegrade.cage.jobs import safe_jobs

    course = Course.load(root)
    course.bundle(name)
    check_graded(course, name)
    keys = [find(course, one).key for one in students] or None

    def ask(found: list[Change]) -> None:
        lines(listed(course, name, found, language(), by_question=diff), 10_000)
        agree(_question(found), yes=yes)

    with bar(say("grading")) as progress:
        found = regrade(
            course, name, keys, jobs=jobs or safe_jobs(course.settings(name).limits), ask=ask, progress=progress
        )
    if not found:
        tell("No score changes.")


def _question(found: Sequence[Change]) -> Text:
    return text("Scores change for {n_found:| student| students}. Write them?", n_found=len(found))


def ask_about_changes(course: Course, name: str, *, yes: bool) -> None:
    """Before ``run`` writes: whose score changes though they handed in nothing new; raises ``Problem``."""
    found = changes(course, name)
    if found:
        tell("The exercise, the limits or the versions changed, and with them these scores:")
        lines(["  " + one for one in listed(course, name, found, language(), by_question=False)], 10_000)
        agree(_question(found), yes=yes)


@command(
    "extend",
    later("Give a student more time."),
    [later("Give one student an own due date, which the late policy honours.")],
    [
        "coursecode grade extend pooling s1234 2026-10-03T23:59+08:00",
        "coursecode grade extend pooling s1234 +2d",
        "coursecode grade extend pooling s1234 --remove",
    ],
    context_settings={"ignore_unknown_options": True},
)
@click.argument("name")
@click.argument("student")
@click.argument("date", required=False)
@click.option("--remove", is_flag=True, help=later("Take it back."))
@course_option
def extend_command(name: str, student: str, date: str | None, remove: bool, root: Path) -> None:
    for given in (name, student, date or ""):
        if re.match(r"-[^\d\s]", given):  # "-5d" is a date that is wrong, "--remov" an option that is
            raise click.NoSuchOption(given)
    if (date is None) != remove:
        raise Problem("Give a date, or --remove.")
    who, until = extend(Course.load(root), name, student, date)
    shown = who.shown
    if until is None:
        tell("{shown}: the due date of the class.", shown=shown)
    else:
        at = until.isoformat(timespec="minutes")
        tell(
            "{shown} may hand in {name} until {at}. Repeat feedback and export if they are out already.",
            shown=shown,
            name=name,
            at=at,
        )


@command(
    "solutions",
    later("Open the worked solutions."),
    [later("After the due date: write notebooks with worked solutions and rubrics, and let the feedback show them.")],
    ["coursecode grade solutions pooling"],
)
@click.argument("name")
@click.option("--anyway", is_flag=True, help=later("Before the due date as well."))
@click.option("--overlay", type=PATH, help=later("As for release; else the one of the release."))
@course_option
def solutions_command(name: str, anyway: bool, overlay: Path | None, root: Path) -> None:
    for path in solutions(Course.load(root), name, anyway=anyway, overlay=overlay):
        click.echo(f"  {path}")
    tell("Give them to the class; from now on coursecode grade feedback {name} shows the solutions as well.", name=name)
