"""From the LMS's zip to ``submitted/``: each student's answers in the released notebook, or the reason why not.

Each student's folder is written on its own and ``ingest.json`` last, so that a killed run leaves every student either
as before or done, and the same command again gives the same files.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursecode.grading.archive import Entry, Unreadable, inner, read_zip
from coursecode.grading.contract import Bundle, Text, text
from coursecode.grading.course import Course, Student
from coursecode.grading.files import read_json, sha256, write_atomic, write_json
from coursecode.grading.lms import LMS, Upload, detect, find_student, uploads
from coursecode.grading.transplant import Loose, matches, plant, read_notebook

__all__ = ["Report", "Row", "ingest", "release_texts"]

_ARCHIVES = (".zip",)
_OTHERS = 5  # files with other names that are looked into


@dataclass
class Row:
    """What became of one upload."""

    student: str  # key, or "" where nobody of the roster handed it in
    name: str
    status: str  # ready, failed, missing, kept, unknown
    notes: list[Text] = field(default_factory=list)


@dataclass
class Report:
    """What became of the zip; also written as JSON and as a table."""

    assignment: str
    lms: LMS
    rows: list[Row]

    def count(self, status: str) -> int:
        """How many uploads or students have this status."""
        return sum(row.status == status for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """As plain lists and dictionaries."""
        return {
            "assignment": self.assignment,
            "lms": self.lms,
            "rows": [{"student": r.student, "name": r.name, "status": r.status, "notes": r.notes} for r in self.rows],
        }


def release_texts(course: Course, assignment: str) -> dict[str, dict[str, str]]:
    """The sources of the released notebooks by language and cell id."""
    folder = course.release(assignment)
    found = {}
    for language, path in (("en", folder / f"{assignment}.ipynb"), ("zh", folder / "zh" / f"{assignment}.ipynb")):
        notebook = read_json(path)
        if isinstance(notebook, dict):
            found[language] = {
                str(cell.get("id")): "".join(cell.get("source", "")) for cell in notebook.get("cells", [])
            }
    return found


@dataclass
class _Candidate:
    entry: Entry
    cells: list[Loose]
    notes: list[Text]
    data: bytes
    count: int


def _files(entries: Iterable[Entry], notes: list[Text]) -> list[Entry]:
    """The files of an upload, those inside a zip that the student handed in included."""
    found = []
    for entry in entries:
        if entry.name.lower().endswith(_ARCHIVES) and not entry.refused:
            try:
                found += inner(entry)
            except Unreadable as error:
                notes.append(error.reason)
        else:
            found.append(entry)
    return found


def _pick(upload: Upload, bundle: Bundle) -> tuple[_Candidate | None, list[Text], Text | None]:
    """The notebook to grade among the files of an upload, what was odd, and why there is none."""
    notes: list[Text] = []
    if upload.reason:
        return None, notes, upload.reason
    files = _files(upload.entries, notes)
    problems: list[Text] = list(notes)
    good: list[_Candidate] = []
    notebooks = [f for f in files if f.name.lower().endswith(".ipynb")]
    renamed = [f for f in files if f not in notebooks and not f.name.lower().endswith(_ARCHIVES)]
    for entry in notebooks + renamed[:_OTHERS]:
        try:
            if entry not in notebooks and not entry.refused and b'"cell' not in entry.read()[:4096].replace(b"\0", b""):
                problems.append(text(f"{entry.name!r} is no notebook (.ipynb)", f"{entry.name!r} 不是笔记本（.ipynb）"))
                continue
            data = entry.read()
            cells, odd = read_notebook(data)
        except Unreadable as error:
            reason = error.reason
            shown = entry.name[:120]
            named = text(f"{shown!r}: {reason['en']}", f"{shown!r}：{reason['zh']}")
            problems.append(reason if shown in reason["en"] else named)
            continue
        count = matches(cells, bundle)
        if not count:
            problems.append(
                text(
                    f"{entry.name!r} is a notebook, but not of {bundle.assignment}: it has none of its cells",
                    f"{entry.name!r} 是笔记本，但不属于 {bundle.assignment}：没有其中任何单元格",
                )
            )
            continue
        if entry not in notebooks:
            odd = [*odd, text(f"the notebook was named {entry.name!r}", f"笔记本文件名为 {entry.name!r}")]
        good.append(_Candidate(entry, cells, odd, data, count))
    if not good:
        reason = text("; ".join(p["en"] for p in problems[:4]), "；".join(p["zh"] for p in problems[:4]))
        return None, [], reason if problems else text("no file was handed in", "没有提交文件")
    # The LMS's rule: the latest file counts. The order in the zip decides between equals.
    best = max(range(len(good)), key=lambda n: (_rank(good[n].entry, upload), n))
    chosen = good[best]
    for other in good:
        if other is not chosen:
            chosen.notes.append(
                text(
                    f"several notebooks: {chosen.entry.name!r} counts as the latest, {other.entry.name!r} does not",
                    f"提交了两份笔记本：以最新的 {chosen.entry.name!r} 为准，{other.entry.name!r} 不计",
                )
            )
    chosen.notes += notes + [p for p in problems if p not in notes]
    return chosen, chosen.notes, None


def _rank(entry: Entry, upload: Upload) -> tuple[Any, ...]:
    if upload.lms == "canvas":
        numbers = [part for part in entry.path.rsplit("/", 1)[-1].split("_") if part.isdigit()]
        return (int(numbers[1]) if len(numbers) > 1 else 0,)
    return (entry.time or datetime.datetime.min,)


def _due_plus(course: Course, assignment: str, upload: Upload, student: Student) -> tuple[str | None, list[Text]]:
    """When it was handed in, as nbgrader reads it, and what had to be guessed."""
    if upload.time is not None:
        return upload.time.astimezone(datetime.UTC).isoformat(), []
    written = next(
        (
            v
            for k, v in student.row.items()
            if k.lower().startswith("last modified (submission)") and v not in ("", "-")
        ),
        "",
    )
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.datetime.strptime(written, form).astimezone().astimezone(datetime.UTC).isoformat(), []
        except ValueError:
            continue
    due = course.due.get(assignment)
    if upload.late and due:
        when = due.astimezone(datetime.UTC) + datetime.timedelta(seconds=1)
        note = text(
            "Canvas marks it LATE and does not say when: one second after the deadline is assumed",
            "Canvas 标记为迟交但未给出时间：按截止后一秒计",
        )
        return when.isoformat(), [note]
    if upload.late:
        return None, [
            text("Canvas marks it LATE; grading.toml has no due date", "Canvas 标记为迟交；grading.toml 中没有截止时间")
        ]
    return None, []


def ingest(
    course: Course,
    assignment: str,
    zip_file: Path,
    *,
    roster: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Take the submissions of ``assignment`` out of the LMS's zip; writes ``submitted/`` and returns the report.

    One bad submission stops nobody else. Raises ``Problem`` where nothing can be done at all (no zip, no roster, not
    released) and ``OSError`` on a full disk; then the same command continues.
    """
    bundle = course.bundle(assignment)
    students = course.roster(roster)
    if roster is not None:  # the later commands read the same names
        write_atomic(course.root / course.roster_file, roster.read_bytes())
    entries = read_zip(zip_file)
    lms = detect(entries)
    found, nobody = uploads(entries, lms)
    texts = release_texts(course, assignment)
    rows: list[Row] = []
    theirs: dict[str, list[Upload]] = {}
    by_key = {s.key: s for s in students}
    for upload in found:
        student, why = find_student(upload, students)
        if student is None and why:
            rows.append(Row("", upload.name, "unknown", [why]))
        elif student is not None:
            theirs.setdefault(student.key, []).append(upload)
    for entry in nobody:
        why = entry.refused or text("the file belongs to no submission", "该文件不属于任何提交")
        rows.append(Row("", entry.path[:200], "unknown", [why]))
    for number, (key, several) in enumerate(sorted(theirs.items()), start=1):
        several.sort(
            key=lambda u: tuple(str(part) if not isinstance(part, int) else f"{part:020d}" for part in u.order)
        )
        rows.append(_one(course, bundle, texts, by_key[key], several, zip_file))
        if progress:
            progress(number, len(theirs))
    for student in students:
        if student.key not in theirs:
            old = read_json(course.submitted(student.key, assignment) / "ingest.json")
            if isinstance(old, dict):
                note = text("not in this zip; what was there before stays", "不在此压缩包中；保留先前的提交")
                rows.append(Row(student.key, student.name, "kept", [note]))
            else:
                rows.append(Row(student.key, student.name, "missing", [text("nothing was handed in", "没有提交")]))
    rows.sort(key=lambda r: (r.status != "failed", r.status != "unknown", r.student, r.name))
    report = Report(assignment, lms, rows)
    write_json(course.root / "submitted" / f"{assignment}.ingest.json", report.to_json())
    return report


def _one(
    course: Course,
    bundle: Bundle,
    texts: Mapping[str, Mapping[str, str]],
    student: Student,
    several: Sequence[Upload],
    zip_file: Path,
) -> Row:
    """Write one student's folder."""
    assignment = bundle.assignment
    upload = several[-1]
    folder = course.submitted(student.key, assignment)
    record_file, notebook_file = folder / "ingest.json", folder / f"{assignment}.ipynb"
    old = read_json(record_file)
    order = [str(part) for part in upload.order]
    if (
        isinstance(old, dict)
        and old.get("lms") == upload.lms == "canvas"
        and len(old.get("order", [])) == len(order) == 1
        and int(old["order"][0]) > int(order[0])
    ):
        note = text("a later submission is there already; it stays", "已有更新的提交，予以保留")
        return Row(student.key, student.name, "kept", [note])
    try:
        chosen, notes, reason = _pick(upload, bundle)
        planted = plant(chosen.cells, bundle, texts) if chosen else None
    except (RecursionError, MemoryError, ValueError, TypeError, KeyError, AttributeError) as error:
        # A notebook odder than anything foreseen: this student gets the reason, the class goes on.
        what = f"{type(error).__name__}: {error}"[:160]
        chosen, planted, notes = None, None, []
        reason = text(f"the notebook could not be read ({what})", f"笔记本无法读取（{what}）")
    for other in several[:-1]:
        names = ", ".join(e.name for e in other.entries[:3]) or other.name
        notes = [
            *notes,
            text(f"an earlier submission does not count: {names[:160]}", f"较早的提交不计：{names[:160]}"),
        ]
    when, remarks = _due_plus(course, assignment, upload, student)
    dump = planted.dump() if planted else None
    if planted:
        notes = [*planted.notes, *notes]
    record = {
        "assignment": assignment,
        "student": student.key,
        "status": "ready" if dump is not None else "failed",
        "reason": reason,
        "notes": notes,  # also in the student's feedback
        "remarks": remarks,  # for the teacher
        "lms": upload.lms,
        "order": order,
        "origin": {**upload.origin, "name": upload.name, "user": upload.user},
        "source": {
            "zip": zip_file.name,
            "path": chosen.entry.path if chosen else "",
            "sha256": sha256(chosen.data) if chosen else "",
        },
        "notebook": sha256(dump.encode()) if dump is not None else None,
        "bundle": bundle.version,
        "language": planted.language if planted else None,
        "late": upload.late,
        "submitted_at": when,
    }
    if isinstance(old, dict) and old != record:
        record_file.unlink(missing_ok=True)  # while the files change, the folder says nothing
    if dump is not None and chosen is not None:
        write_atomic(folder / "original.ipynb", chosen.data)
        write_atomic(notebook_file, dump)
    else:
        notebook_file.unlink(missing_ok=True)  # an older submission must not be graded in its place
        (folder / "original.ipynb").unlink(missing_ok=True)
    write_json(record_file, record)
    return Row(student.key, student.name, str(record["status"]), [*([reason] if reason else []), *notes, *remarks])
