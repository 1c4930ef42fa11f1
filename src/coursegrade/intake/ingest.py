"""From the LMS's zip to ``submitted/``: each student's answers in the released notebook, or the reason why not.

What students handed in is read in a child with limits (``supervised``), one student at a time. Each student's folder is
written on its own and ``ingest.json`` last, so that a killed run leaves every student either as before or done, and the
same command again gives the same files.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursegrade.cage.supervise import Broken, Caps, contained
from coursegrade.contract import LANGUAGES, Bundle, Text, joined, same, text
from coursegrade.course import Course
from coursegrade.files import Problem, named, private_folder, read_json, refused, sha256, write_atomic, write_json
from coursegrade.intake.archive import Entry, Reader, Unreadable, read_zip, shown
from coursegrade.intake.lms import Upload, canvas_return, detect, find_students, of_other_assignment, uploads
from coursegrade.intake.roster import Changes, Student, Table, add, normal, students_of, table_text
from coursegrade.intake.times import offset_of, read_times
from coursegrade.intake.transplant import broken_off, matches, plant, read_notebook
from coursegrade.masters.release import EARLIER
from coursegrade.sanitise import NOTHING, Untrusted

CAPS = Caps(memory=640 << 20, seconds=90.0, answer=48 << 20)  # of reading one student's files
MAX_NOTEBOOKS = 40  # of one student that are read
MAX_OTHERS = 5  # files with other names that are looked into
_TAKING = ".taking."  # a file that is being read
_NOTES = 12  # notes on one student that are kept


@dataclass
class Row:
    """What became of one upload."""

    student: str  # key, or "" where nobody of the roster handed it in
    name: Untrusted
    status: str  # ready, failed, missing, kept, unknown
    notes: list[Text] = field(default_factory=list)
    file: Untrusted = NOTHING  # the one that counts, its path in the zip
    when: str = ""  # handed in, with the zone; "" where the platform does not say
    answered: int | None = None  # answers that are not the stub
    answers: int = 0  # of so many

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {key: one.stored() if isinstance(one, Untrusted) else one for key, one in vars(self).items()}


@dataclass
class Report:
    """What became of the zips; also written as JSON and as a table."""

    assignment: str
    lms: str
    rows: list[Row]
    notes: list[Text] = field(default_factory=list)  # on the roster, the times and the zips as a whole
    changes: Changes | None = None  # what the given roster changed

    def count(self, status: str) -> int:
        """How many uploads or students have this status."""
        return sum(row.status == status for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """As plain lists and dictionaries."""
        return {
            "assignment": self.assignment,
            "lms": self.lms,
            "notes": self.notes,
            "rows": [row.to_json() for row in self.rows],
        }


def release_texts(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """The sources of the released notebooks by language and cell id."""
    found = {}
    for language in LANGUAGES:
        notebook = read_json(course.release_notebook(assignment, language))
        if isinstance(notebook, dict):
            found[language] = {
                str(cell.get("id")): "".join(cell.get("source", "")) for cell in notebook.get("cells", [])
            }
    return found


def earlier_texts(course: Course, assignment: str) -> dict[str, list[str]]:
    """By cell id, what stood in earlier releases and does not in this one."""
    found = read_json(course.release(assignment) / EARLIER)
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class _Class:
    """What is the same for every student."""

    course: Course
    bundle: Bundle
    texts: Mapping[str, Mapping[str, str]]
    earlier: Mapping[str, Sequence[str]]
    by_name: bool  # Moodle's numbers and times on the roster are another assignment's
    times: Mapping[str, datetime.datetime | None]  # by key, of the roster's worksheet
    zone: datetime.tzinfo
    dry_run: bool


# -- one student's files, in the child ----------------------------------------------------------------------------


@dataclass
class _Taken:
    """What was found in one student's files."""

    notes: list[Text]
    reason: Text | None = None  # why there is nothing to grade
    upload: int = 0  # the number of the upload that counts
    path: Untrusted = NOTHING
    outer: int = 0  # the number of its file in the upload
    digest: str = ""
    dump: str = ""
    language: str = ""
    answered: int = 0
    rank: tuple[Any, ...] = ()


def _take(here: _Class, several: Sequence[Upload], keep: Path) -> _Taken:
    """The notebook that counts among all files of a student: the one with most answers, of equals the latest.

    Its bytes go to ``keep``. Runs under ``supervised``.
    """
    reader = Reader()
    best: _Taken | None = None
    problems: list[Text] = []
    others: list[Untrusted] = []
    for number, upload in enumerate(several):
        if upload.reason:
            problems.append(upload.reason)
            continue
        files = _files(reader, upload, problems)
        for place, (n, file) in enumerate(_in_order(files, here.bundle.assignment, problems)):
            try:
                rank = _rank(upload, n, file, here.bundle.assignment, place)
                one = _candidate(here, file, reader, keep, best, rank)
            except Unreadable as error:
                reason, name = error.reason, shown(file.path)
                named = text("{name}: {reason}", name=name, reason=reason)
                problems.append(reason if name in reason["en"] else named)
                continue
            if one.rank <= (best.rank if best else ()):
                others.append(one.path)
                continue
            if best:
                others.append(best.path)
            best, one.upload, one.outer = one, number, n
    if best is None:
        return _Taken([], _why_none(problems))
    best.notes += [
        text(
            "several notebooks: {path} counts (most answers, then the latest), {path_2} does not",
            path=shown(best.path),
            path_2=shown(path),
        )
        for path in others[:4]
    ]
    best.notes = [*best.notes, *problems][:_NOTES]
    return best


def _files(reader: Reader, upload: Upload, problems: list[Text]) -> list[tuple[int, Entry]]:
    """The files of an upload, each with the number of its entry; what could not be opened is added to ``problems``."""
    files = []
    for number, entry in enumerate(upload.entries):
        try:
            found, some = reader.files_of([entry])
        except Unreadable as error:  # too many together
            problems.append(error.reason)
            break
        problems += some
        files += [(number, file) for file in found]
    return files


def _why_none(problems: Sequence[Text]) -> Text:
    nothing = text("no file was handed in, or none but what the system leaves beside files; hand in the notebook")
    reason = joined(text("; "), problems[:4] or [nothing])
    if len(problems) > 4:
        reason = joined(same(""), [reason, text(" (and {n_problems} more)", n_problems=len(problems) - 4)])
    return reason


def _order(upload: Upload) -> tuple[str, ...]:
    """The order of uploads, comparable whatever the platform: numbers and times as text of one length."""
    return tuple(f"{part:020d}" if isinstance(part, int) else str(part) for part in upload.order)


def _rank(upload: Upload, outer: int, file: Entry, assignment: str, place: int) -> tuple[Any, ...]:
    """Which of two files with equally many answers is the later one; Canvas numbers its files, others keep times."""
    named = assignment.lower() in file.name.raw().lower()
    first = outer if upload.lms == "canvas" else 0
    return (_order(upload), first, file.time or datetime.datetime.min, named, place)


def _in_order(files: list[tuple[int, Entry]], assignment: str, problems: list[Text]) -> list[tuple[int, Entry]]:
    """The files to look into: those named like the assignment first, then other notebooks, then a few others."""
    notebooks = [f for f in files if f[1].name.raw().lower().endswith(".ipynb")]
    notebooks.sort(key=lambda f: assignment.lower() not in f[1].path.raw().lower())
    renamed = [f for f in files if f not in notebooks]
    if len(notebooks) > MAX_NOTEBOOKS:
        problems.append(
            text(
                "of {n_notebooks} notebooks the first {max_notebooks} were read; hand in the one that counts",
                n_notebooks=len(notebooks),
                max_notebooks=MAX_NOTEBOOKS,
            )
        )
    return notebooks[:MAX_NOTEBOOKS] + renamed[:MAX_OTHERS]


def _candidate(
    here: _Class, file: Entry, reader: Reader, keep: Path, best: _Taken | None, rank: tuple[Any, ...]
) -> _Taken:
    """The answers of one file. Raises ``Unreadable``."""
    data = reader.read(file)
    plain = file.name.raw().lower().endswith(".ipynb")
    if not plain and b'"cell' not in data[:4096].replace(b"\0", b""):
        raise Unreadable(text("it is no notebook; hand in the file that ends in .ipynb"))
    cells, odd = read_notebook(data, language=here.course.language)
    if not matches(cells, here.bundle, here.texts):
        if broken_off(len(cells)) in odd:
            raise Unreadable(
                text(
                    "the file breaks off or is damaged before the first question of {assignment}; save the notebook, "
                    "download it anew and hand in again",
                    assignment=here.bundle.assignment,
                )
            )
        raise Unreadable(
            text(
                "it is a notebook, but not of {assignment}: it has none of its cells", assignment=here.bundle.assignment
            )
        )
    if not plain:
        odd = [*odd, text("the notebook was named {name}", name=shown(file.name))]
    planted = plant(cells, here.bundle, here.texts, here.earlier)
    rank = (planted.answered, *rank)
    one = _Taken(
        [*planted.notes, *odd], path=file.path, language=planted.language, answered=planted.answered, rank=rank
    )
    if best is None or rank > best.rank:
        one.digest, one.dump = sha256(data), planted.dump()
        with named(keep):
            keep.write_bytes(data)
    return one


# -- the class ----------------------------------------------------------------------------------------------------


def ingest(
    course: Course,
    assignment: str,
    *zips: Path,
    roster: Path | None = None,
    replace_roster: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Take the submissions of ``assignment`` out of the LMS's zips; writes ``submitted/`` and returns the report.

    A roster is added to the one that is there; with ``replace_roster`` it takes its place. Zips add up: who is not in
    them keeps what was there. ``dry_run``: nothing is written, the report says what would be.

    One bad submission stops nobody else. Raises ``Problem`` where nothing can be done at all (no zip, no roster, not
    released) and ``OSError`` on a full disk; then the same command continues.
    """
    bundle = course.bundle(assignment)
    table, changes = _roster(course, roster, replace_roster)
    students = students_of(table, name=course.roster_file)
    notes = list(table.notes)
    found, rows, platforms = _uploads(zips, students)
    by_name = of_other_assignment(found, students)
    if by_name:
        notes.append(
            text(
                "Moodle's numbers on the roster are those of another assignment: students were found by name, "
                "and when they handed in is not known. Give this assignment's grading worksheet with --roster"
            )
        )
    theirs = _theirs(found, students, rows, by_name=by_name)
    zone, source = course.zone(assignment)
    times = _times(students, found, by_name, zone)
    if any(time is not None for time in times.values()):
        notes.append(text("Moodle's worksheet names no time zone; assumed: {source}", source=source))
    texts, earlier = release_texts(course, assignment), earlier_texts(course, assignment)
    here = _Class(course, bundle, texts, earlier, by_name, times, zone, dry_run)
    if not dry_run:
        _clear(course)
        if roster is not None:
            write_atomic(course.root / course.roster_file, _csv(table))
    rows += _everybody(here, students, theirs, progress)
    rows.sort(key=lambda r: (r.status != "failed", r.status != "unknown", r.student, r.name))
    report = Report(assignment, ", ".join(dict.fromkeys(platforms)), rows, notes, changes)
    if not dry_run:
        write_json(course.root / "submitted" / f"{assignment}.ingest.json", report.to_json())
    return report


def _everybody(
    here: _Class,
    students: Sequence[Student],
    theirs: Mapping[str, list[Upload]],
    progress: Callable[[int, int], None] | None,
) -> list[Row]:
    """Take in what each student handed in; who handed in nothing now has a row as well."""
    rows, by_key = [], {s.key: s for s in students}
    for number, (key, several) in enumerate(sorted(theirs.items()), start=1):
        rows.append(_one(here, by_key[key], sorted(several, key=_order)))
        if progress:
            progress(number, len(theirs))
    for student in students:
        if student.key not in theirs:
            there = here.course.record(student.key, here.bundle.assignment)
            rows.append(Row(student.key, student.name, "kept" if there else "missing"))
    return rows


def _clear(course: Course) -> None:
    """Make the folder of the submissions, and take out what a run that was killed left in it."""
    private_folder(course.root / "submitted")
    for left in (course.root / "submitted").glob(f"{_TAKING}*"):
        left.unlink()


def _theirs(
    found: Sequence[Upload], students: Sequence[Student], rows: list[Row], *, by_name: bool
) -> dict[str, list[Upload]]:
    """The uploads by student; those that are nobody's become rows."""
    theirs: dict[str, list[Upload]] = {}
    for upload in found:
        owners, why = find_students(upload, students, by_name=by_name)
        if why:
            rows.append(Row("", upload.name.cut(80), "unknown", [why]))
        for student in owners:
            theirs.setdefault(student.key, []).append(upload)
    return theirs


def _roster(course: Course, given: Path | None, replace_all: bool) -> tuple[Table, Changes | None]:
    """The roster with the given one added to it or in its place."""
    if given is None:
        return course.table(), None
    new = course.table(given)
    path = course.root / course.roster_file
    if not path.is_file() or path.resolve() == given.resolve():
        return new, None
    old = course.table()
    if (old.header, old.rows) == (new.header, new.rows):  # the same once more: as it was written
        return new, Changes()
    return add(old, new, name=given.name, replace_all=replace_all)


def _csv(table: Table) -> bytes:
    return table_text(table.raw or [table.header, *table.rows], mark=True)


def _uploads(zips: Sequence[Path], students: Sequence[Student]) -> tuple[list[Upload], list[Row], list[str]]:
    """The uploads of all zips, the files that are nobody's, and the platforms."""
    found: list[Upload] = []
    rows: list[Row] = []
    platforms: list[str] = []
    for path in zips:
        entries = read_zip(path)
        platforms.append(detect(entries))
        some, nobody = uploads(entries, detect(entries), students)
        for upload in some:
            upload.zip = path.name
        found += some
        for entry in nobody:
            why = entry.refused or text("the file belongs to no submission")
            rows.append(Row("", Untrusted(shown(entry.path)), "unknown", [why]))
    return found, rows, platforms


def _times(
    students: Iterable[Student], found: Iterable[Upload], by_name: bool, zone: datetime.tzinfo
) -> dict[str, datetime.datetime | None]:
    """When each student handed in, as this assignment's Moodle worksheet says."""
    numbers = {upload.user for upload in found if upload.lms == "moodle"}
    if by_name or not numbers:
        return {}
    listed = [s for s in students if s.modified and s.moodle in numbers]
    return dict(zip((s.key for s in listed), read_times([s.modified for s in listed], zone), strict=True))


def _when(here: _Class, upload: Upload, student: Student) -> tuple[datetime.datetime | None, list[Text]]:
    """When it was handed in, and what had to be guessed."""
    due = here.course.due_for(here.bundle.assignment, student.key)
    if upload.time is not None:
        return upload.time, []
    if student.key in here.times:
        time = here.times[student.key]
        if time is None:
            return None, [
                text(
                    "the time {modified} in the worksheet cannot be read: it counts as on time, look at it yourself",
                    modified=shown(student.modified, 60),
                )
            ]
        return time, []
    if upload.late and due:
        note = text("Canvas marks it LATE and does not say when: one second after the deadline is assumed")
        return due + datetime.timedelta(seconds=1), [note]
    if upload.late:
        return None, [text("Canvas marks it LATE; grading.toml has no due date, so nothing is taken off")]
    return None, []


def _one(here: _Class, student: Student, several: Sequence[Upload]) -> Row:
    """Read one student's files and, unless it is a dry run, write the student's folder."""
    course, bundle = here.course, here.bundle
    folder = course.submitted(student.key, bundle.assignment)
    old = course.record(student.key, bundle.assignment)
    answers = sum(cell.role == "answer" for cell in bundle.cells)
    keep = _draft(Path(tempfile.gettempdir()) if here.dry_run else course.root / "submitted")
    try:
        taken = _taken(here, several, keep)
        upload = several[-1] if taken.reason else several[taken.upload]
        time, remarks = _when(here, upload, student)
        record = _record(here, student, upload, taken, time, remarks)
        row = Row(
            student.key, student.name, record["status"], [], taken.path.cut(200),
            offset_of(time.astimezone(here.zone)) if time else "", None if taken.reason else taken.answered, answers,
        )  # fmt: skip
        if old and (why := _stays(old, record)):
            row.status, row.notes = "kept", [why]
            return row
        row.notes = [*([taken.reason] if taken.reason else []), *taken.notes, *remarks]
        if not here.dry_run:
            _write(folder, bundle.assignment, record, taken, keep, old)
        return row
    finally:
        keep.unlink(missing_ok=True)


def _taken(here: _Class, several: Sequence[Upload], keep: Path) -> _Taken:
    """What was found in a student's files; whatever reading them ran into is that student's reason."""
    found = contained(_take, here, several, keep, caps=CAPS)
    if isinstance(found, Broken):
        return _Taken([], text("the files were not read: {reason}", reason=found.reason))
    return found


def _draft(folder: Path) -> Path:
    with named(folder):
        number, name = tempfile.mkstemp(dir=folder, prefix=_TAKING)
        os.close(number)
    return Path(name)


def resubmit(
    course: Course, assignment: str, student: Student, file: Path, *, at: datetime.datetime | None = None
) -> tuple[Row, list[Text]]:
    """Take in one notebook or zip of one student; returns what became of it and the titles of what changed.

    The submission before it is kept in ``submitted/STUDENT/NAME/earlier/``; where it came from, and when, stays, so
    that feedback finds its way back. What is taken in so is not replaced by a zip that holds nothing later.

    Raises ``Problem`` for a file that cannot be read at all; then nothing is changed.
    """
    bundle = course.bundle(assignment)
    folder = course.submitted(student.key, assignment)
    old = course.record(student.key, assignment) or _aside(folder)
    try:
        info = file.stat()
    except OSError as error:
        raise Problem("{file} cannot be read: {why}.", file=file, why=refused(error)) from None
    changed = datetime.datetime.fromtimestamp(info.st_mtime)
    entry = Entry(Untrusted(file.name), info.st_size, changed, None, file.read_bytes)
    upload = Upload("canvas", student.name, student.canvas, [entry], zip="")
    texts, earlier = release_texts(course, assignment), earlier_texts(course, assignment)
    here = _Class(course, bundle, texts, earlier, False, {}, course.zone(assignment)[0], False)
    private_folder(course.root / "submitted")
    keep = _draft(course.root / "submitted")
    try:
        taken = contained(_take, here, [upload], keep, caps=CAPS)
        if (why := taken.reason) is not None:
            raise Problem("{name} was not taken in, and nothing was changed: {why}.", name=file.name, why=why)
        assert isinstance(taken, _Taken)
        time = at or (datetime.datetime.fromisoformat(old["submitted_at"]) if old.get("submitted_at") else None)
        record = _record(here, student, upload, taken, time, [])
        for key in ("lms", "order", "origin", "late"):
            if key in old:
                record[key] = old[key]
        if not old:
            record |= {"lms": "", "order": [], "origin": {"name": student.name.cut(200).stored(), "user": ""}}
        record["resubmitted"] = True
        before = course.cells(student.key, assignment)
        if old and old != record and (folder / "ingest.json").is_file():
            _keep_earlier(folder, assignment, old)
        _write(folder, assignment, record, taken, keep, old)
    finally:
        keep.unlink(missing_ok=True)
    now = course.cells(student.key, assignment)
    titles = [q.title for q in bundle.questions if any(before.get(c) != now.get(c) for c in q.answer_cells)]
    answers = sum(cell.role == "answer" for cell in bundle.cells)
    row = Row(student.key, student.name, "ready", taken.notes, taken.path.cut(200), "", taken.answered, answers)
    return row, titles


def _aside(folder: Path) -> dict[str, Any]:
    """What was taken in last, where this command was stopped while it wrote."""
    kept = sorted(folder.glob("earlier/*/ingest.json"), key=lambda path: path.stat().st_mtime)
    found = read_json(kept[-1]) if kept else None
    return found if isinstance(found, dict) else {}


def _keep_earlier(folder: Path, assignment: str, old: Mapping[str, Any]) -> None:
    """Copy a submission aside, under a name that is the same when the command is repeated."""
    kept = folder / "earlier" / sha256(repr(sorted(old.items())).encode())[:12]
    for name in (f"{assignment}.ipynb", "original.ipynb"):
        if (folder / name).is_file():
            write_atomic(kept / name, (folder / name).read_bytes())
    write_json(kept / "ingest.json", old)


def _record(
    here: _Class,
    student: Student,
    upload: Upload,
    taken: _Taken,
    time: datetime.datetime | None,
    remarks: list[Text],
) -> dict[str, Any]:
    """What ``ingest.json`` says of a student."""
    origin = dict(upload.origin)
    of_group = student.group and student.canvas != upload.user and normal(student.group) == normal(upload.name)
    if upload.lms == "canvas" and upload.entries and not of_group:  # Canvas gives one file's feedback to all its group
        counts = upload.entries[taken.outer] if not taken.reason else upload.entries[-1]
        origin = canvas_return(counts, upload)
    return {
        "assignment": here.bundle.assignment,
        "student": student.key,
        "status": "failed" if taken.reason else "ready",
        "reason": taken.reason,
        "notes": taken.notes,  # also in the student's feedback
        "remarks": remarks,  # for the teacher
        "lms": upload.lms,
        "order": [str(part) for part in upload.order],
        "origin": {**origin, "name": upload.name.cut(200).stored(), "user": upload.user[:80]},
        "source": {"zip": upload.zip, "path": taken.path.stored(), "sha256": taken.digest},
        "notebook": sha256(taken.dump.encode()) if taken.dump else None,
        "bundle": here.bundle.version,
        "language": taken.language or None,
        "answered": None if taken.reason else taken.answered,
        "late": upload.late,
        "submitted_at": time.astimezone(datetime.UTC).isoformat() if time else None,
    }


def _stays(old: Mapping[str, Any], new: Mapping[str, Any]) -> Text | None:
    """Why what was taken in before stays: it is later, or the new one is empty and the old one is not."""
    before, now = old.get("order") or [], new["order"]
    comparable = old.get("lms") == new["lms"] and len(before) == len(now)
    later = comparable and [part.zfill(20) for part in before] < [part.zfill(20) for part in now]
    if old.get("resubmitted") and not later:
        return text("what was taken in by resubmit stays; give resubmit this file to take it instead")
    if comparable and [part.zfill(20) for part in before] > [part.zfill(20) for part in now]:
        return text("a later submission is there already; it stays")
    answered = old.get("answered")
    if isinstance(answered, int) and answered and new["answered"] == 0:
        return text("the notebook in this zip has no answer; the earlier one with {answered} stays", answered=answered)
    return None


def _write(
    folder: Path, assignment: str, record: dict[str, Any], taken: _Taken, keep: Path, old: dict[str, Any]
) -> None:  # fmt: skip
    record_file, notebook_file = folder / "ingest.json", folder / f"{assignment}.ipynb"
    original = folder / "original.ipynb"
    private_folder(folder)
    if old and old != record:
        record_file.unlink(missing_ok=True)  # while the files change, the folder says nothing
    if taken.reason is None:
        if old.get("source", {}).get("sha256") != taken.digest or not original.is_file():
            with named(original):
                with open(keep, "rb") as file:
                    os.fsync(file.fileno())
                os.replace(keep, original)
        write_atomic(notebook_file, taken.dump)
    else:
        notebook_file.unlink(missing_ok=True)  # an older submission must not be graded in its place
        original.unlink(missing_ok=True)
    write_json(record_file, record)
