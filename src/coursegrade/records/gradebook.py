"""Merging results into nbgrader's gradebook, so that its formgrader and its late policies work on them unchanged.

Only the coordinator writes the database, one student after the other, each in one transaction that sets every score of
that student; a merge that was killed and is repeated gives the same scores.
"""

from __future__ import annotations

import datetime
import importlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursegrade.cage.supervise import Broken, contained
from coursegrade.contract import Bundle, ContractError, Question, QuestionResult, Result, Text, Value, text
from coursegrade.course import Course
from coursegrade.files import Problem, read_json, sha256, write_atomic, write_json
from coursegrade.intake.ingest import release_texts
from coursegrade.intake.roster import Student
from coursegrade.records import removed
from coursegrade.records.removed import backup
from coursegrade.sanitise import Said, Untrusted, said

MAX_CODE = 200_000  # characters of a code cell that are shown


@dataclass
class Merge:
    """What a merge did."""

    graded: int = 0
    failed: int = 0
    missing: int = 0
    to_grade: int = 0  # written answers that wait for a person
    problems: tuple[tuple[str, Said], ...] = ()  # by student: why there is no grade
    said: tuple[Text, ...] = ()  # what became of points given by hand


@dataclass
class State:
    """Where one student stands in one assignment, the points given by hand included."""

    student: Student
    status: str  # missing, failed, partial (waits for a person), graded
    reason: Said | None
    score: float  # after the late penalty
    raw: float
    penalty: float
    max_score: float
    questions: dict[str, float | None]  # by id; None waits for a person
    result: Result | None
    comments: dict[str, str]  # by question, written by a person
    record: dict[str, Any]  # what ingest wrote


def needed(course: Course, student: str, assignment: str, bundle: Bundle) -> tuple[Result | None, Said | None]:
    """The result that belongs to what is submitted now, or why there is none. An older one never counts."""
    record = course.record(student, assignment)
    if not record:
        return None, None
    if record.get("status") != "ready":
        unknown = text("the submission could not be read")
        reason = record.get("reason")
        return None, said(reason if isinstance(reason, dict) and "en" in reason else unknown)
    notebook = course.submitted(student, assignment) / f"{assignment}.ipynb"
    now = sha256(notebook.read_bytes()) if notebook.is_file() else None
    if now != record.get("notebook"):
        return None, _own("the submitted notebook changed after it was taken in; repeat ingest")
    data = read_json(course.result(student, assignment))
    if data is None:
        return None, _own("not graded yet; repeat run")
    try:
        result = Result.from_json(data)
    except ContractError as error:
        return None, _own("the result file is damaged ({error}); repeat run", error=error)
    if result.submission != now or result.bundle != bundle.version or result.assignment != assignment:
        return None, _own("the result belongs to another version of the submission or of the exercise; repeat run")
    return result, None


def _usable(course: Course, student: str, assignment: str, bundle: Bundle) -> tuple[Result | None, Said | None]:
    """``needed``, and of a result that failed its reason alone."""
    result, reason = needed(course, student, assignment, bundle)
    return (None, result.reason) if result is not None and result.status == "failed" else (result, reason)


def _own(sentence: str, /, **values: Value) -> Said:
    """A sentence of ours where one that quotes a student may stand."""
    return said(text(sentence, **values))


@contextmanager
def database(course: Course) -> Iterator[Any]:
    """nbgrader's ``Gradebook`` of the course.

    Raises ``Problem`` where the database is damaged, ``OSError`` where the disk is full.
    """
    from nbgrader.api import Gradebook, InvalidEntry
    from sqlalchemy.exc import DatabaseError, SAWarning

    # nbgrader logs the trace that the sentence below replaces, in a log that Tornado uses as well.
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    log = logging.getLogger("tornado.application")
    loud, log.disabled = log.disabled, True
    gradebook = None
    # A new database asks the program alembic for its version; it lies beside this Python, activated or not.
    beside = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys([str(beside), *os.environ.get("PATH", "").split(os.pathsep)]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader links a submission before it adds it
            gradebook = Gradebook(_address(course.root / "gradebook.db"), course_id=_course_id(course))
            yield gradebook
    except (DatabaseError, InvalidEntry) as error:
        if gradebook is not None:
            with suppress(DatabaseError):
                gradebook.db.rollback()
        what = str(getattr(error, "orig", error))
        raise removed.refused(what, course.root / "gradebook.db") or Problem(
            "gradebook.db cannot be used ({what}). Move it away; the same command makes "
            "it again from results/ (points given by hand are in the database only).",
            what=what,
        ) from None
    finally:
        log.disabled = loud
        if gradebook is not None:
            gradebook.close()


def _address(path: Path) -> str:
    """The database as SQLAlchemy writes it: a ``?`` in a path ended it, and two folders would share one file."""
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def _course_id(course: Course) -> str:
    config = _nbgrader_config(course)
    return str(config.CourseDirectory.get("course_id") or "default_course")


def _nbgrader_config(course: Course) -> Any:
    from traitlets.config import Config
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        return PyFileConfigLoader("nbgrader_config.py", path=str(course.root)).load_config()
    except ConfigFileNotFound:
        return Config()
    except Exception as error:  # it is a Python file: anything may happen in it
        raise Problem(
            "nbgrader_config.py does not run: {name}: {error}", name=type(error).__name__, error=error
        ) from None


def _wanted(bundle: Bundle) -> tuple[dict[str, tuple[float, str]], set[str]]:
    """The grade cells (points, kind) and the solution cells of an assignment, by id."""
    grades = {t.id: (float(t.points), "code") for q in bundle.questions for t in q.tests}
    written = [q for q in bundle.questions if q.kind == "written"]
    grades |= {q.answer_cells[0]: (float(q.points), "markdown") for q in written}
    return grades, {c for q in bundle.questions for c in q.answer_cells}


def _structure(gradebook: Any, course: Course, bundle: Bundle) -> list[Text]:
    """Assignment, notebook and cells, as ``nbgrader generate_assignment`` would save them, in one transaction.

    A cell that stays keeps its points and comments, whatever becomes of the others. What a person gave for a cell that
    goes is written to ``gradebook-removed.csv`` first, and comes back with the cell. Returns what is to be said.
    """
    from nbgrader.api import GradeCell, MissingEntry, Notebook, SolutionCell

    name = bundle.assignment
    gradebook.update_or_create_assignment(name)
    grades, solutions = _wanted(bundle)
    try:
        notebook = gradebook.find_notebook(name, name)
    except MissingEntry:
        kernel = json.dumps({"name": "python3", "language": "python"})
        notebook = Notebook(name=name, assignment=gradebook.find_assignment(name), kernelspec=kernel)
        gradebook.db.add(notebook)
    there = {c.name: (c.max_score, c.cell_type) for c in notebook.grade_cells}
    if there == grades and {c.name for c in notebook.solution_cells} == solutions:
        _sources(gradebook, notebook, bundle)
        gradebook.db.commit()
        return []
    if notebook.submissions:
        backup(course)
    gone = [c for c in notebook.grade_cells if c.name not in grades or c.cell_type != grades[c.name][1]]
    gone += [c for c in notebook.solution_cells if c.name not in solutions]
    kept = {(type(c), c.name): c for c in [*notebook.grade_cells, *notebook.solution_cells] if c not in gone}
    by_hand = removed.of(gradebook, notebook, gone, lambda student: _given_for(course, student, name))
    said = removed.write(course, by_hand)
    moved = {(h.student, h.cell): h for h in by_hand}  # a cell whose kind changed takes them along
    _delete(gradebook, notebook, gone)
    new: list[Any] = []
    for identifier, (points, kind) in grades.items():
        cell = kept.get((GradeCell, identifier))
        if cell is None:
            new.append(GradeCell(name=identifier, notebook=notebook, max_score=points, cell_type=kind))
        elif cell.max_score != points:
            said += removed.above(notebook, cell, points)
            cell.max_score = points
    new += [SolutionCell(name=i, notebook=notebook) for i in sorted(solutions) if (SolutionCell, i) not in kept]
    gradebook.db.add_all(new)
    gradebook.db.flush()
    _add_to_submissions(gradebook, course, notebook, new, moved)
    _sources(gradebook, notebook, bundle)
    gradebook.db.commit()
    return said


def _delete(gradebook: Any, notebook: Any, cells: list[Any]) -> None:
    ids = {cell.id for cell in cells}
    for submission in notebook.submissions:
        for row in [*submission.grades, *submission.comments]:
            if row.cell_id in ids:
                gradebook.db.delete(row)
    gradebook.db.flush()
    for cell in cells:
        gradebook.db.delete(cell)
    gradebook.db.flush()
    gradebook.db.expire_all()


def _add_to_submissions(
    gradebook: Any, course: Course, notebook: Any, cells: list[Any], moved: dict[tuple[str, str], removed.ByHand]
) -> None:
    """A row for each new cell in every submission.

    What a person gave for such a cell before it was removed stands in it where the answer is known to be the same;
    else ``_merge_one`` puts it there, as soon as the answer is handed in again.
    """
    from nbgrader.api import Comment, Grade, GradeCell

    earlier = {**removed.read(course, notebook.name), **moved} if notebook.submissions else {}
    of = _submissions(gradebook, notebook.name)
    for submission in notebook.submissions:
        key = submission.student.id
        answers = _given_for(course, key, notebook.name)
        for cell in cells:
            before = earlier.get((key, cell.name))
            same = before is not None and before.fits(of.get(key, ("", ""))[0], answers.get(cell.name, "-"))
            if not same and (key, cell.name) not in moved:
                before = None
            if isinstance(cell, GradeCell):
                row = Grade(cell_id=cell.id, notebook=submission)
                if before is not None:
                    row.manual_score, row.extra_credit = before.points, before.extra
            else:
                row = Comment(cell_id=cell.id, notebook=submission)
                if before is not None:
                    row.manual_comment = before.comment or None
            gradebook.db.add(row)


def _sources(gradebook: Any, notebook: Any, bundle: Bundle) -> None:
    from nbgrader.api import SourceCell

    wanted = {c.id: c for c in bundle.cells if c.role in ("answer", "test")}
    there = {c.name: c for c in notebook.source_cells}
    for identifier in set(there) - set(wanted):
        gradebook.db.delete(there[identifier])
    for identifier, cell in wanted.items():
        row = there.get(identifier) or SourceCell(name=identifier, notebook=notebook)
        row.cell_type, row.locked, row.source, row.checksum = cell.type, cell.role == "test", cell.source, None
        gradebook.db.add(row)


# What of each submission the gradebook holds; written with the scores, in one transaction.
_MERGED = (
    "CREATE TABLE IF NOT EXISTS coursecode_merged (assignment VARCHAR(128), student VARCHAR(128), "
    "submission VARCHAR(128), result VARCHAR(128), PRIMARY KEY (assignment, student))"
)


def _submissions(gradebook: Any, assignment: str) -> dict[str, tuple[str, str]]:
    """By student: the submission and the result (its key) that the scores in the gradebook were taken from."""
    from sqlalchemy import inspect
    from sqlalchemy import text as sql

    if not inspect(gradebook.engine).has_table("coursecode_merged"):
        return {}
    question = sql("SELECT student, submission, result FROM coursecode_merged WHERE assignment = :a")
    rows = gradebook.db.execute(question, {"a": assignment}).fetchall()
    return {student: (submission, key) for student, submission, key in rows}


def _merged(gradebook: Any, assignment: str, student: str, submission: str, key: str) -> None:
    from sqlalchemy import text as sql

    gradebook.db.execute(
        sql("INSERT OR REPLACE INTO coursecode_merged VALUES (:a, :s, :n, :v)"),
        {"a": assignment, "s": student, "n": submission, "v": key},
    )


def _plain(name: Untrusted) -> str:
    """A name as formgrader may show it: its templates do not escape it."""
    return name.line(128).replace("<", "‹").replace(">", "›").replace("&", "＆").replace('"', "″")


def merge(course: Course, assignment: str, *, progress: Callable[[int, int], None] | None = None) -> Merge:
    """Write every student's state into ``gradebook.db`` and ``autograded/`` (what formgrader shows).

    A failed submission gets 0 points, ``needs_manual_grade`` and its reason. Points that a person gave stay as long as
    the answer is the same; for another answer they move to ``autograded/…/earlier-points.json``.
    """
    bundle = course.bundle(assignment)
    students = course.roster()
    done = Merge()
    strangers = sorted(set(course.ingested(assignment)) - {s.key for s in students})
    nobody = _own("submitted, but not on the roster any more: not graded")
    problems = [(key, nobody) for key in strangers]
    set_aside: list[str] = []  # whose answers are others than those that were marked by hand
    _listed(course, assignment)
    with database(course) as gradebook:
        from sqlalchemy import text as sql

        gradebook.db.execute(sql(_MERGED))
        gradebook.db.commit()
        done.said = tuple(_structure(gradebook, course, bundle))
        earlier = removed.read(course, assignment)
        for number, student in enumerate(students, start=1):
            gradebook.update_or_create_student(
                student.key,
                first_name=_plain(student.first),
                last_name=_plain(student.last),
                email=_plain(student.email),
            )
            record = course.record(student.key, assignment)
            if not record:
                done.missing += 1
            else:
                result, reason = _usable(course, student.key, assignment, bundle)
                if _merge_one(gradebook, course, bundle, student, record, result, reason, earlier):
                    set_aside.append(student.called.line(80))
                if result is None:
                    done.failed += 1
                    problems.append((student.called.line(80), reason or _own("no result")))
                else:
                    done.graded += 1
                    done.to_grade += _waiting(gradebook, bundle, student.key)
            if progress:
                progress(number, len(students))
        _late(gradebook, course, assignment)
    done.problems = tuple(problems)
    if set_aside:
        done.said += (_set_aside(set_aside, assignment),)
    return done


def _listed(course: Course, assignment: str) -> None:
    """Write the source that an assignment needs to be listed by formgrader."""
    sources = [course.release_notebook(assignment, language) for language in (course.language, "en")]
    for source in [one for one in sources if one.is_file()][:1]:
        write_atomic(course.root / "source" / assignment / f"{assignment}.ipynb", source.read_bytes())


def _set_aside(who: list[str], assignment: str) -> Text:
    return text(
        "{n_set_aside:| student| students} changed an answer that was marked by hand: {listed}. Its earlier "
        "points and comments are in autograded/STUDENT/{assignment}/earlier-points.json, and come back if "
        "the answer is handed in again.",
        n_set_aside=len(who),
        listed=", ".join(who[:10]) + (" …" if len(who) > 10 else ""),
        assignment=assignment,
    )


def _merge_one(
    gradebook: Any,
    course: Course,
    bundle: Bundle,
    student: Student,
    record: dict[str, Any],
    result: Result | None,
    reason: Said | None,
    earlier: Mapping[tuple[str, str], removed.ByHand],
) -> bool:
    """Whether points or comments by hand no longer count, since the answer they were given for is another."""
    name = bundle.assignment
    shown = course.root / "autograded" / student.key / name / f"{name}.ipynb"
    before = read_json(shown)
    merged = _submissions(gradebook, name).get(student.key, ("", ""))[0]
    merged = merged or (before or {}).get("metadata", {}).get("coursecode", {}).get("submission")
    now = record.get("notebook") or record.get("source", {}).get("sha256") or "unreadable"

    submission, notebook = _submission(gradebook, notebook_name=name, student=student.key)
    at = datetime.datetime.fromisoformat(record["submitted_at"]) if record.get("submitted_at") else None
    submission.timestamp = at.astimezone(datetime.UTC).replace(tzinfo=None) if at else None
    changed = merged is not None and merged != now
    digests = _answers(course, student.key, name, bundle)
    known = (before or {}).get("metadata", {}).get("coursecode", {}).get("answers") or {}
    other = {cell for cell in _graded_cells(bundle) if changed and not _same(cell, bundle, known, digests)}
    given_for = {cell: _digest_for(cell, bundle, digests) for cell in _graded_cells(bundle)}
    held = _given_for(course, student.key, name)
    path = shown.with_name("earlier-points.json")
    kept = [one for (who, _), one in earlier.items() if who == student.key]
    kept += _set_aside_for(path, bundle, student.key)
    back = _again(kept, now, given_for, held)
    aside = _keep_aside(path, merged, notebook, other, back, held)
    for row in [*notebook.grades, *notebook.comments]:
        _by_hand(row, other, back)
    for grade in notebook.grades:
        _score(grade, result)
    for comment in notebook.comments:
        comment.auto_comment = reason[course.language].line(500) if reason and result is None else None
    notebook.late_submission_penalty = None
    _merged(gradebook, name, student.key, now, result.key if result else "")
    gradebook.db.commit()  # all of one student or nothing
    _counts_again(path, notebook, back)
    made = contained(_formgrader_notebook, course, bundle, student.key, result, reason, now)
    if isinstance(made, Broken):  # what cannot be shown is said, and stops nobody else
        made = _formgrader_notebook(course, bundle, student.key, None, said(made.reason), now)
    made["metadata"]["coursecode"] |= {"answers": digests, "given_for": given_for}
    write_json(shown, made)
    return aside


def _again(
    kept: list[removed.ByHand], submission: str, given_for: Mapping[str, str], held: Mapping[str, str]
) -> dict[str, removed.ByHand]:
    """By cell, what was given for a question that was taken out, or before another answer was handed in, and whose
    answer is there again for the first time since. Of several the last of ``kept`` counts.
    """
    return {
        one.cell: one
        for one in kept
        if given_for.get(one.cell) and held.get(one.cell) != given_for[one.cell]
        and one.fits(submission, given_for[one.cell])
    }  # fmt: skip


def _set_aside_for(path: Path, bundle: Bundle, student: str) -> list[removed.ByHand]:
    """What was set aside, the last at the end; for which answer, ``fits`` of each knows."""
    found = []
    for entry in read_json(path) or []:
        grades = {one["cell"]: one for one in entry["grades"]}
        comments = {one["cell"]: str(one["comment"]) for one in entry["comments"]}
        for cell in sorted({*grades, *comments}):
            grade, answer = grades.get(cell, {}), entry.get("answers", {}).get(cell, "")
            words, submission = comments.get(cell, ""), str(entry["submission"] or "unknown")
            points, extra = grade.get("points"), grade.get("extra")
            found.append(removed.ByHand(bundle.assignment, student, cell, points, extra, words, submission, answer))
    return found


def _counts_again(path: Path, notebook: Any, back: Mapping[str, removed.ByHand]) -> None:
    """Take out of the file what is in the gradebook again, for the same answer."""
    history = read_json(path)
    if not history or not back:
        return
    grades = {g.name: (g.manual_score, g.extra_credit or None) for g in notebook.grades}
    comments = {c.name: c.manual_comment or "" for c in notebook.comments}

    def again(entry: Mapping[str, Any], cell: str) -> bool:
        one = back.get(cell)
        if one is None or (one.answer and entry.get("answers", {}).get(cell) != one.answer):
            return False
        given = (one.points, one.extra or None)
        return grades.get(cell, given) == given and comments.get(cell, one.comment) == one.comment

    left = [
        {
            **entry,
            "grades": [one for one in entry["grades"] if not again(entry, one["cell"])],
            "comments": [one for one in entry["comments"] if not again(entry, one["cell"])],
        }
        for entry in history
    ]
    write_json(path, [entry for entry in left if entry["grades"] or entry["comments"]])


def _keep_aside(
    path: Path,
    submission: str | None,
    notebook: Any,
    other: set[str],
    back: Mapping[str, removed.ByHand],
    held: Mapping[str, str],
) -> bool:
    """Whether what was given for answers that are others now was something; it is added to the file.

    ``held``: by cell, the digest of the answer that it was given for, by which it is put back.
    """

    def restored(grade: Any) -> bool:
        one = back.get(grade.name)
        return one is not None and (one.points, one.extra or None) == (grade.manual_score, grade.extra_credit or None)

    grades = [
        {"cell": g.name, "points": g.manual_score, "extra": g.extra_credit}
        for g in notebook.grades
        if g.name in other and (g.manual_score is not None or g.extra_credit) and not restored(g)
    ]
    comments = [
        {"cell": c.name, "comment": c.manual_comment}
        for c in notebook.comments
        if c.name in other and c.manual_comment and not (c.name in back and back[c.name].comment == c.manual_comment)
    ]
    if not grades and not comments:
        return False
    history = read_json(path) or []
    answers = {one["cell"]: held[one["cell"]] for one in (*grades, *comments) if one["cell"] in held}
    entry = {"submission": submission, "grades": grades, "comments": comments, "answers": answers}
    if entry not in history:
        write_json(path, [*history, entry])
    return True


def _by_hand(row: Any, other: set[str], back: Mapping[str, removed.ByHand]) -> None:
    """Take from a grade or a comment what was given for another answer, and put back what was given for this one."""
    from nbgrader.api import Grade

    one = back.get(row.name)
    if isinstance(row, Grade):
        if row.name in other:
            row.manual_score = row.extra_credit = None
        if one is not None and row.manual_score is None and not row.extra_credit:
            row.manual_score, row.extra_credit = one.points, one.extra
        return
    if row.name in other:
        row.manual_comment = None
    if one is not None and not row.manual_comment:
        row.manual_comment = one.comment or None


def _score(grade: Any, result: Result | None) -> None:
    """What the tests gave, and whether a person has to decide."""
    tests = {t.id: t for q in (result.questions if result else ()) for t in q.tests}
    test = tests.get(grade.name)
    if result is None:
        grade.auto_score, grade.needs_manual_grade = 0.0, grade.manual_score is None
    elif test is not None:
        grade.auto_score, grade.needs_manual_grade = float(test.earned), False
    elif grade.cell.cell_type == "code":  # a test that the result does not have
        grade.auto_score, grade.needs_manual_grade = 0.0, True
    else:
        grade.auto_score, grade.needs_manual_grade = None, grade.manual_score is None


def _graded_cells(bundle: Bundle) -> set[str]:
    """The cells to which points or comments may be given by hand."""
    return {name for q in bundle.questions for name in (*q.answer_cells, *(test.id for test in q.tests))}


def _same(cell: str, bundle: Bundle, known: Mapping[str, str], digests: Mapping[str, str]) -> bool:
    """Whether the answers to the cell's question are those for which its points were given."""
    return all(name in known and known[name] == digests.get(name) for name in _answer_cells(cell, bundle))


def _answer_cells(cell: str, bundle: Bundle) -> tuple[str, ...]:
    """The answer cells of the question that a cell, an answer or a test, belongs to."""
    return next(q.answer_cells for q in bundle.questions if cell in (*q.answer_cells, *(test.id for test in q.tests)))


def _answers(course: Course, student: str, assignment: str, bundle: Bundle) -> dict[str, str]:
    """Digests of the student's answers by cell: the release's text and due date are no part of them."""
    wanted = {name for q in bundle.questions for name in q.answer_cells}
    cells = course.cells(student, assignment).items()
    return {name: sha256(cell["source"].encode()) for name, cell in cells if name in wanted}


def _digest_for(cell: str, bundle: Bundle, digests: Mapping[str, str]) -> str:
    """The digest of the answers to the cell's question; empty where one is not there."""
    own = [digests.get(name, "") for name in _answer_cells(cell, bundle)]
    if not all(own):
        return ""
    return own[0] if len(own) == 1 else sha256("\0".join(own).encode())


def _given_for(course: Course, student: str, assignment: str) -> dict[str, str]:
    """By cell, the digest of the answers that the last merge saw, those to questions that are gone since included."""
    shown = read_json(course.root / "autograded" / student / assignment / f"{assignment}.ipynb")
    about = shown.get("metadata", {}).get("coursecode", {}) if isinstance(shown, dict) else {}
    return about.get("given_for") or about.get("answers") or {}


def _submission(gradebook: Any, *, notebook_name: str, student: str) -> tuple[Any, Any]:
    """The student's submission and its notebook, with a row for each cell; new ones are not committed yet."""
    from nbgrader.api import Comment, Grade, MissingEntry, SubmittedAssignment, SubmittedNotebook

    try:
        submission = gradebook.find_submission(notebook_name, student)
        return submission, submission.notebooks[0]
    except MissingEntry:
        assignment = gradebook.find_assignment(notebook_name)
    submission = SubmittedAssignment(assignment=assignment, student=gradebook.find_student(student))
    notebook = SubmittedNotebook(notebook=assignment.notebooks[0], assignment=submission)
    for cell in assignment.notebooks[0].grade_cells:
        Grade(cell_id=cell.id, notebook=notebook)
    for cell in assignment.notebooks[0].solution_cells:
        Comment(cell_id=cell.id, notebook=notebook)
    gradebook.db.add(submission)
    gradebook.db.flush()
    for row in [*notebook.grades, *notebook.comments]:
        gradebook.db.refresh(row)
    return submission, notebook


def _waiting(gradebook: Any, bundle: Bundle, student: str) -> int:
    """The written answers of a student that nobody has graded yet."""
    written = {q.answer_cells[0] for q in bundle.questions if q.kind == "written"}
    grades = gradebook.find_submission(bundle.assignment, student).notebooks[0].grades
    return sum(g.name in written and g.manual_score is None for g in grades)


def _late(gradebook: Any, course: Course, assignment: str) -> None:
    """The late policy of ``nbgrader_config.py``, as ``nbgrader autograde`` applies it, with each student's due date.

    Raises ``Problem`` where the policy cannot be loaded or fails.
    """
    import nbformat

    due = course.due.get(assignment)  # it may have moved since the merge
    gradebook.update_or_create_assignment(assignment, duedate=due.isoformat() if due else None)
    late = []
    for submission in gradebook.assignment_submissions(assignment):
        until = course.due_for(assignment, submission.student.id)
        submission.extension = until - due if until and due and until > due else None
        if submission.total_seconds_late > 0:
            late.append(submission)
        elif submission.notebooks:
            submission.notebooks[0].late_submission_penalty = None
    gradebook.db.commit()
    if not late:
        return
    with late_policy(course) as preprocessor:
        for submission in late:
            key = submission.student.id
            names = {"assignment": assignment, "notebook": assignment, "student": key}
            where = {"nbgrader": {**names, "db_url": str(gradebook.engine.url)}}
            preprocessor.preprocess(nbformat.v4.new_notebook(), where)
            gradebook.db.expire_all()


@contextmanager
def late_policy(course: Course) -> Iterator[Any]:
    """nbgrader's ``AssignLatePenalties`` with the policy of the class, which may be a class in a file of the folder.

    Raises ``Problem`` with the mend for whatever goes wrong in the configuration or in the policy.
    """
    from nbgrader.preprocessors import AssignLatePenalties
    from sqlalchemy.exc import SQLAlchemyError

    config = _nbgrader_config(course)
    named = config.AssignLatePenalties.get("plugin_class", "nbgrader's own")
    folder = str(course.root)
    before = set(sys.modules)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        preprocessor = AssignLatePenalties(config=config)
        preprocessor.log.setLevel(logging.ERROR)
        yield preprocessor
    except (SQLAlchemyError, OSError, Problem):
        raise
    except Exception as error:  # the policy is the class's own program: anything may happen in it
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise Problem(
            'The late policy {named} does not work: {what}. nbgrader_config.py names it as "file.Class", '
            "for a class with late_submission_penalty(self, student_id, score, total_seconds_late) in "
            "{folder}/file.py, which returns the points to take off.",
            named=named,
            what=what,
            folder=folder,
        ) from None
    finally:
        sys.path.remove(folder)
        for module in set(sys.modules) - before:  # another class may have a file of the same name
            if str(getattr(sys.modules[module], "__file__", None) or "").startswith(folder + os.sep):
                del sys.modules[module]


def _ticks(result: QuestionResult | None, test: str, language: str) -> str:
    lines = []
    for one in result.tests if result else ():
        if one.id == test:
            for tick in one.ticks:
                note = f" ({tick.note[language].line()})" if len(tick.note[language]) else ""
                lines.append(f"{'✓' if tick.passed else '✗'} {tick.label[language]}{note}")
            lines.append(f"{one.earned:g} / {one.points:g}")
    return "\n".join(lines)


def _formgrader_notebook(
    course: Course,
    bundle: Bundle,
    student: str,
    result: Result | None,
    reason: Said | None,
    submission: str,
) -> dict[str, Any]:
    """What formgrader shows: the answers, the ticks as outputs, a box for points and comments at each of them.

    formgrader renders Markdown unsanitised in the teacher's browser; what students wrote comes here sanitised.
    """
    language = course.language
    theirs = course.cells(student, bundle.assignment) if result else {}
    texts = release_texts(course, bundle.assignment).values()
    last_answer = {q.answer_cells[-1]: q for q in bundle.questions}
    results = {q.id: q for q in (result.questions if result else ())}
    cells: list[dict[str, Any]] = []
    if reason and result is None:
        cells.append(_shown("reason", "markdown", reason[language].markdown()))
    for identifier in list(theirs) or [c.id for c in bundle.cells]:
        cell, own = bundle.cell(identifier), theirs.get(identifier)
        given = Untrusted(own["source"] if own else cell.source if cell else "")
        if cell is None or cell.role == "answer":
            kind = str(own["cell_type"]) if own else cell.type if cell else "markdown"
            cells += _shown_answer(bundle, identifier, kind, given, result, language)
        elif cell.role == "text":
            released = (t[identifier] for t in texts if identifier in t)
            cells.append(_shown(identifier, "markdown", next((t for t in released if given == t), cell.source)))
        if (question := last_answer.pop(identifier, None)) is not None:
            cells += _shown_tests(question, results.get(question.id), language)
    for question in last_answer.values():
        cells += _shown_tests(question, results.get(question.id), language)
    about = {"assignment": bundle.assignment, "submission": submission}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "coursecode": about},
        "cells": cells,
    }


def _shown(identifier: str, kind: str, source: str, output: str = "", **nbgrader: Any) -> dict[str, Any]:
    """A cell; with ``nbgrader`` one that formgrader gives a box, named ``grade_id`` there."""
    locked = {"schema_version": 3, "task": False, **nbgrader}
    cell: dict[str, Any] = {
        "id": identifier[:64],
        "cell_type": kind,
        "metadata": {"nbgrader": locked} if nbgrader else {},
        "source": source,
    }
    if kind == "code":
        shown = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
        cell |= {"execution_count": None, "outputs": shown}
    return cell


def _shown_answer(
    bundle: Bundle, identifier: str, kind: str, given: Untrusted, result: Result | None, language: str
) -> list[dict[str, Any]]:
    """An answer with what it printed and the rubric below it, or a cell of the student's own."""
    source = given.plain(MAX_CODE) if kind == "code" else given.rendered_markdown()
    if bundle.cell(identifier) is None:
        return [_shown(identifier, kind, source)]
    printed = (result.outputs if result else {}).get(identifier)
    written = next((q for q in bundle.questions if q.kind == "written" and q.answer_cells[0] == identifier), None)
    about = {"grade_id": identifier, "grade": written is not None, "solution": True, "locked": False, "cell_type": kind}
    about |= {"points": written.points} if written else {}
    cells = [_shown(identifier, kind, source, printed.plain() if printed else "", **about)]
    if written and written.rubric:
        cells.append(_shown(f"r-{identifier}", "markdown", written.rubric[language]))
    return cells


def _shown_tests(question: Question, result: QuestionResult | None, language: str) -> list[dict[str, Any]]:
    """The tests of a question with their ticks; of a hidden one the name alone."""
    return [
        _shown(
            f"t-{test.id}",
            "code",
            f"# hidden test: {test.id}" if test.hidden else f"# test: {test.id}\n{test.source}",
            _ticks(result, test.id, language),
            grade_id=test.id, grade=True, solution=False, locked=True, points=test.points, cell_type="code",
        )
        for test in question.tests
    ]  # fmt: skip


def state(gradebook: Any, course: Course, bundle: Bundle, student: Student) -> State:
    """One student's state out of the database (points by hand, penalty) and the files (ticks, reasons)."""
    from nbgrader.api import MissingEntry

    name = bundle.assignment
    record = course.record(student.key, name)
    nothing: dict[str, float | None] = {q.id: 0.0 for q in bundle.questions}
    try:
        submission = gradebook.find_submission(name, student.key) if record else None
    except MissingEntry:
        submission = None
    if submission is None:
        reason = _own("not merged yet; repeat run") if record else None
        status = "failed" if record else "missing"
        return State(student, status, reason, 0, 0, 0, bundle.max_score, nothing, None, {}, record)
    result, reason = _usable(course, student.key, name, bundle)
    now = record.get("notebook") or record.get("source", {}).get("sha256") or "unreadable"
    held = _submissions(gradebook, name)
    if reason is None and held and held.get(student.key) != (now, result.key if result else ""):
        reason = _own("the gradebook holds another version of the submission or of the exercise; repeat run")
    notebook = submission.notebooks[0]
    grades = {g.name: g for g in notebook.grades}
    spoken = {c.name: c.manual_comment for c in notebook.comments if c.manual_comment}
    questions: dict[str, float | None] = {}
    comments = {}
    for question in bundle.questions:
        own = [grades[i] for i in ([t.id for t in question.tests] or [question.answer_cells[0]]) if i in grades]
        waits = question.kind == "written" and any(g.manual_score is None for g in own) and reason is None
        stale = reason is not None  # no score of an older result counts
        points = [float(g.manual_score or 0) + float(g.extra_credit or 0) if stale else float(g.score) for g in own]
        questions[question.id] = None if waits else round(sum(points), 6)
        if found := [spoken[c] for c in question.answer_cells if c in spoken]:
            comments[question.id] = "\n\n".join(found)
    raw = sum(v for v in questions.values() if v is not None)
    penalty = min(float(notebook.late_submission_penalty or 0), raw)
    waiting = any(v is None for v in questions.values())
    status = "failed" if reason is not None else "partial" if waiting else "graded"
    return State(
        student, status, reason, round(raw - penalty, 6), round(raw, 6), round(penalty, 6), bundle.max_score,
        questions, result, comments, record,
    )  # fmt: skip


@dataclass
class Change:
    """A score of the gradebook that another result of the same submission changes; by question as well."""

    student: Student
    before: float
    after: float | None  # None where there is no grade any more
    questions: dict[str, tuple[float | None, float | None]]  # by id, of the questions that change


def changes(course: Course, assignment: str) -> list[Change]:
    """Whose score the next ``merge`` would change although the submission is the same, in the roster's order."""
    bundle = course.bundle(assignment)
    if not (course.root / "gradebook.db").is_file():
        return []
    found = []
    with database(course) as gradebook:
        held = _submissions(gradebook, assignment)
        earlier = removed.read(course, assignment)
        for student in course.roster():
            record = course.record(student.key, assignment)
            submission = held.get(student.key, ("", ""))[0]
            if not record or submission != record.get("notebook") or not held[student.key][1]:
                continue  # another submission, or none that had a grade
            rows = gradebook.find_submission(assignment, student.key).notebooks[0].grades
            grades = {g.name: g for g in rows}
            result, _ = needed(course, student.key, assignment, bundle)
            digests = _answers(course, student.key, assignment, bundle)
            back = {
                cell: one
                for (who, cell), one in earlier.items()
                if who == student.key and result is not None and cell in _graded_cells(bundle)
                and one.fits(result.submission, _digest_for(cell, bundle, digests) or "-")
            }  # fmt: skip
            after = _expected(bundle, result, grades, back)
            before = _held(bundle, grades)
            sums = [round(sum(v or 0.0 for v in one.values()), 6) for one in (before, after)]
            differ = {q: (before.get(q), after.get(q)) for q in {**before, **after} if before.get(q) != after.get(q)}
            graded = result is not None and result.status == "graded"
            if differ:
                found.append(Change(student, sums[0], sums[1] if graded else None, differ))
    return found


def _held(bundle: Bundle, grades: dict[str, Any]) -> dict[str, float | None]:
    """The points in the gradebook by question; a cell that is in no question any more stands for itself."""
    of = {t.id: q.id for q in bundle.questions for t in q.tests}
    of |= {q.answer_cells[0]: q.id for q in bundle.questions if q.kind == "written"}
    sums: dict[str, float | None] = {}
    for name, grade in grades.items():
        question = of.get(name, name)
        waits = grade.cell.cell_type == "markdown" and grade.manual_score is None
        sums[question] = None if waits else round((sums.get(question) or 0.0) + float(grade.score), 6)
    return sums


def _expected(
    bundle: Bundle, result: Result | None, grades: dict[str, Any], earlier: dict[str, removed.ByHand]
) -> dict[str, float | None]:
    """The points by question after a merge of ``result``."""
    if result is None or result.status != "graded":
        return {}

    def by_hand(cell: str) -> tuple[float | None, float]:
        one = grades.get(cell)
        if one is not None:
            return one.manual_score, float(one.extra_credit or 0)
        back = earlier.get(cell)
        return (back.points, back.extra or 0.0) if back is not None else (None, 0.0)

    found: dict[str, float | None] = {}
    for question in bundle.questions:
        if question.kind == "written":
            points, extra = by_hand(question.answer_cells[0])
            found[question.id] = None if points is None else round(points + extra, 6)
    for graded in result.questions:
        if graded.earned is not None:
            given = [(by_hand(t.id), t.earned) for t in graded.tests]
            sums = [extra + (earned if points is None else points) for (points, extra), earned in given]
            found[graded.id] = round(sum(sums), 6)
    return found


def check_graded(course: Course, assignment: str) -> None:
    """Raises ``Problem`` where there is no gradebook yet."""
    if not (course.root / "gradebook.db").is_file():
        raise Problem(
            "Nothing has been graded yet: there is no gradebook.db. Do: coursecode grade run {assignment}",
            assignment=assignment,
        )


def states(course: Course, assignment: str) -> list[State]:
    """Every student of the roster, in its order; late penalties are computed anew, for points given since the merge."""
    bundle = course.bundle(assignment)
    students = course.roster()
    check_graded(course, assignment)
    with database(course) as gradebook:
        from nbgrader.api import MissingEntry

        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            raise Problem(
                "{assignment} is not in the gradebook. Do: coursecode grade run {assignment}", assignment=assignment
            ) from None
        _late(gradebook, course, assignment)
        return [state(gradebook, course, bundle, s) for s in students]
