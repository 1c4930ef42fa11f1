"""A small assignment, synthetic classes handing it in through each LMS, and a stand-in for the sandbox.

The stand-in (``fake_run``) is for tests of what lies around the sandbox: it gives points by looking at the text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursegrade.contract import (
    Bundle,
    Cell,
    Question,
    QuestionResult,
    Result,
    Test,
    TestResult,
    Text,
    Tick,
    result_key,
)
from coursegrade.course import Course, init
from coursegrade.files import write_json
from coursegrade.intake.encodings import is_cjk
from coursegrade.intake.roster import Student
from coursegrade.intake.transplant import release_notebook
from coursegrade.sanitise import Untrusted

NAME = "pooling"
STUB_1 = "def pool1d(x, size):\n    raise NotImplementedError"
STUB_2 = "def pool2d(x, size):\n    raise NotImplementedError"
WRITTEN = "*Write your answer here.*"
RIGHT_1 = "def pool1d(x, size):\n    return [max(x[i:i + size]) for i in range(0, len(x), size)]"
RIGHT_2 = "def pool2d(x, size):\n    return 'right'"
HIDDEN_1 = "check('随机输入 / random input', lambda: close(student.pool1d(secret_numbers, 2), reference_answer))"
HIDDEN_2 = "check('不能整除 / ragged', lambda: close(student.pool2d(ragged_matrix, 3), ragged_reference))"


def bundle() -> Bundle:
    """Two code questions (1 + 3 and 4 points) and a written one (2 points)."""
    return Bundle.make(
        assignment=NAME,
        questions=[
            Question(
                "pool-1d", Text(en="Pool a line", zh="一维池化"), "code", 4, ("pool-1d",),
                (
                    Test("pool-1d-visible", 1, False, "check('book', lambda: True)"),
                    Test("pool-1d-random", 3, True, HIDDEN_1),
                ),
            ),
            Question(
                "pool-2d", Text(en="Pool a plane", zh="二维池化"), "code", 4, ("pool-2d",),
                (Test("pool-2d-random", 4, True, HIDDEN_2),),
            ),
            Question(
                "why-max", Text(en="Why the maximum?", zh="为什么取最大值？"), "written", 2, ("why-max",),
                rubric=Text(en="2 points: invariance to small shifts", zh="2 分：对小平移不变"),
            ),
        ],
        cells=[
            Cell("intro", "markdown", "text", None, "# Pooling exercises\n\nRead the chapter, then answer."),
            Cell("setup", "code", "setup", None, "import torch"),
            Cell("q1", "markdown", "text", "pool-1d", "## Pool a line\n\nWrite `pool1d`, the maximum of windows."),
            Cell("pool-1d", "code", "answer", "pool-1d", STUB_1),
            Cell("pool-1d-visible", "code", "test", "pool-1d", "check('book', lambda: True)"),
            Cell("pool-2d", "code", "answer", "pool-2d", STUB_2),
            Cell("q3", "markdown", "text", "why-max", "## Why the maximum?\n\nIn two sentences."),
            Cell("why-max", "markdown", "answer", "why-max", WRITTEN),
        ],
    )  # fmt: skip


CHINESE = {
    "intro": "# 池化练习\n\n请先阅读本章，再在下面作答。",
    "q1": "## 一维池化\n\n编写 `pool1d`，对每个窗口取最大值。",
    "q3": "## 为什么取最大值？\n\n用两句话说明。",
    "why-max": "*在此作答。*",
}

# Names as they occur: commas, quotes, CJK, a formula, apostrophes, markup.
PEOPLE = [
    ("King, Jr.", "Martin"), ("O'Neil", "Ann-Lee"), ('Bell "Bo"', "Robert"), ("王", "小明"), ("=1+1", "Eve"),
    ("García Márquez", "José"), ("Ng", "Li"), ("<b>Tag</b>", "Ida"), ("de la Cruz", "María José"), ("欧阳", "娜娜"),
    ("@home", "Otto"), ("-Minus", "Mia"), ("+Plus", "Pia"), ("Σμιθ", "Άννα"), ("Smith", "John"), ("Smith", "Jane"),
]  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody as a platform knows them, in plain text; ``Student`` is what the roster makes of it."""

    key: str
    id: str
    first: str
    last: str
    name: str
    email: str
    section: str
    canvas: str
    sis: str
    login: str
    moodle: str

    @property
    def sortable(self) -> str:
        """``Last, First``, as Canvas writes it."""
        return f"{self.last}, {self.first}"

    def student(self) -> Student:
        """What the roster makes of them."""
        plain = {"key", "id", "canvas", "sis", "moodle"}
        return Student(**{k: v if k in plain else Untrusted(v) for k, v in vars(self).items()})


def people(count: int) -> list[Person]:
    """A class; the first ones have the difficult names."""
    found = []
    for n in range(count):
        last, first = PEOPLE[n] if n < len(PEOPLE) else (f"Last{n}", f"First{n}")
        found.append(
            Person(
                key=f"s{1000 + n}", id=f"s{1000 + n}", first=first, last=last,
                name=f"{last}{first}" if is_cjk(last + first) else f"{first} {last}",
                email=f"s{1000 + n}@uni.example", section="A", canvas=str(70000 + n), sis=f"s{1000 + n}",
                login=f"login{n}", moodle=str(500 + n),
            )
        )  # fmt: skip
    return found


def roster_csv(students: list[Person], lms: str) -> bytes:
    """The roster as that LMS exports it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    if lms == "canvas":
        writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Pooling (991)", "Final Score"])
        writer.writerow(["    Points Possible", "", "", "", "", "10", "(read only)"])
        writer.writerows(
            [f"{s.last.replace(',', '')}, {s.first}", s.canvas, s.sis, s.login, "A", "", ""] for s in students
        )
        writer.writerow(["Student, Test", "1", "", "x", "A", "", ""])
    elif lms == "moodle":
        header = ["Identifier", "Full name", "ID number", "Email address", "Status", "Grade", "Maximum Grade"]
        times = ["Last modified (submission)", "Last modified (grade)"]
        writer.writerow([*header, "Grade can be changed", *times, "Feedback comments"])
        for s in students:
            when = "Tuesday, 1 December 2026, 9:15 PM"
            writer.writerow(
                [f"Participant {s.moodle}", s.name, s.id, s.email, "Submitted", "", "100.00", "Yes", when, "-", ""]
            )
    else:
        writer.writerow(["First Name", "Last Name", "SID", "Email", "Role"])
        writer.writerows([s.first, s.last, s.id, s.email, "Student"] for s in students)
    return buffer.getvalue().encode()


def notebook(language: str = "en", **answers: str) -> dict[str, Any]:
    """A notebook as a student hands it in: released cells with answers, outputs, execution counts."""
    found = release_notebook(bundle(), CHINESE if language == "zh" else None)
    for cell in found["cells"]:
        cell["source"] = answers.get(cell["id"].replace("-", "_"), cell["source"])
        cell["metadata"] = {"nbgrader": {"grade_id": cell["id"]}} if cell["id"] in ("pool-1d", "why-max") else {}
        if cell["cell_type"] == "code":
            cell["execution_count"] = 7
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello\n"]}]
    return found


def right(language: str = "en") -> dict[str, Any]:
    """A complete answer."""
    return notebook(language, pool_1d=RIGHT_1, pool_2d=RIGHT_2, why_max="Small shifts do not matter. $a<b$")


def damaged(kind: int) -> tuple[bytes, str]:
    """The bytes of a damaged notebook and what has to become of it: graded, or the reason's word."""
    whole = json.dumps(right(), ensure_ascii=False)
    cells = json.loads(whole)
    if kind == 0:
        cells["cells"] = [c for c in cells["cells"] if c["id"] not in ("pool-2d", "pool-1d-visible")]
        return json.dumps(cells).encode(), "graded"
    if kind == 1:
        cells["cells"] += [dict(c) for c in cells["cells"]]
        return json.dumps(cells).encode(), "graded"
    if kind == 2:
        for cell in cells["cells"]:
            cell["cell_type"] = "markdown" if cell["cell_type"] == "code" else "code"
        return json.dumps(cells).encode(), "graded"
    if kind == 3:
        return whole[: len(whole) * 2 // 3].encode(), "graded"
    if kind == 4:
        return b"%PDF-1.7 this is a report", "no notebook"
    if kind == 5:
        return b"", "empty"
    if kind == 6:
        return whole.encode("utf-16"), "graded"
    if kind == 7:
        return json.dumps(right("zh"), ensure_ascii=False).encode("gb18030"), "graded"
    if kind == 8:
        return b'{"cells": 3}', "no cells"
    if kind == 9:
        return b"\xef\xbb\xbf" + whole.encode(), "graded"
    if kind == 10:
        cells["cells"].reverse()
        return json.dumps(cells).encode(), "graded"
    if kind == 11:
        for cell in cells["cells"]:
            del cell["id"]
            cell["metadata"] = {}
        cells["nbformat_minor"] = 2
        return json.dumps(cells).encode(), "graded"
    return b"[" * 100_000, "deeply"


def canvas_name(student: Person) -> str:
    """The sortable name as Canvas writes it into a file's name: word characters in lower case."""
    return "".join(c for c in (student.last + student.first).lower() if c.isalnum() or c == "_")


def lms_zip(lms: str, work: list[tuple[Person, bytes, str]], path: Path) -> Path:
    """The zip of a class: who handed in which bytes under which file name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        metadata = {}
        for n, (s, data, file) in enumerate(work):
            if lms == "canvas":
                late = "_LATE" if n % 7 == 3 else ""
                archive.writestr(f"{canvas_name(s)}{late}_{s.canvas}_{880000 + n}_{file}", data)
            elif lms == "moodle":
                archive.writestr(
                    f"{s.name.replace('_', ' ').replace('/', ' ')}_{s.moodle}_assignsubmission_file/{file}", data
                )
            else:
                archive.writestr(f"assignment_55_export/submission_{9000 + n}/{file}", data)
                person = {":name": s.name, ":sid": s.id, ":email": s.email}
                when = f"2026-12-01 10:00:{n % 60:02d}.000000000 Z"
                metadata[f"submission_{9000 + n}"] = {":submitters": [person], ":created_at": when, ":score": None}
        if lms == "gradescope":
            import yaml

            archive.writestr(
                "assignment_55_export/submission_metadata.yml", yaml.safe_dump(metadata, allow_unicode=True)
            )
    return path


def course_folder(
    root: Path, *, language: str = "en", students: list[Person] | None = None, lms: str = "canvas"
) -> Course:
    """A course with the assignment released and, if given, its roster in place."""
    init(root, name="Test course", language=language)
    one = bundle()
    write_json(root / "release" / NAME / "bundle.json", one.to_json())
    write_json(root / "release" / NAME / f"{NAME}.ipynb", release_notebook(one))
    write_json(root / "release" / NAME / "zh" / f"{NAME}.ipynb", release_notebook(one, CHINESE))
    if students is not None:
        (root / "roster.csv").write_bytes(roster_csv(students, lms))
    return Course.load(root)


def fake_result(course: Course, student: str, *, flags: tuple[str, ...] = ()) -> Result:
    """What the sandbox would find, guessed from the text of the planted notebook."""
    one = course.bundle(NAME)
    data = (course.submitted(student, NAME) / f"{NAME}.ipynb").read_bytes()
    sources = {c["id"]: c["source"] for c in json.loads(data)["cells"]}
    code = "\n".join(
        v for k, v in sources.items() if k not in ("intro", "setup", "q1", "q3", "why-max", "pool-1d-visible")
    )

    def test(identifier: str, hidden: bool, points: float, good: bool) -> TestResult:
        tick = Tick(
            Text(en="random input" if hidden else "book", zh="随机输入" if hidden else "书中例子"),
            good,
            Text(en="", zh=""),
        )
        return TestResult(identifier, hidden, points, points if good else 0.0, (tick,))

    first, second = RIGHT_1 in code, RIGHT_2 in code
    q1 = (test("pool-1d-visible", False, 1, first), test("pool-1d-random", True, 3, first))
    q2 = (test("pool-2d-random", True, 4, second),)
    submission = hashlib.sha256(data).hexdigest()
    return Result(
        assignment=NAME, student=student, submission=submission, bundle=one.version, environment="e" * 64,
        status="graded", reason=None, score=4.0 * first + 4.0 * second, max_score=one.max_score,
        questions=(
            QuestionResult("pool-1d", 4, 4.0 * first, q1),
            QuestionResult("pool-2d", 4, 4.0 * second, q2),
            QuestionResult("why-max", 2, None),
        ),
        flags=flags, outputs={"pool-1d": "hello\n<script>alert(1)</script>"}, seconds=0.1,
        key=result_key(submission=submission, bundle=one.version, environment="e" * 64, seed="x"),
    )  # fmt: skip


def fake_run(course: Course) -> None:
    """Results for every submission that can be graded."""
    for student, record in course.ingested(NAME).items():
        if record["status"] == "ready":
            write_json(course.result(student, NAME), fake_result(course, student).to_json())


def database_rows(path: Path) -> list[tuple[Any, ...]]:
    """All scores, flags and comments of a ``gradebook.db``, without its random ids: for comparing two of them."""
    import sqlite3

    grades = """
        SELECT sa.student_id, bc.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade,
               sn.late_submission_penalty, sa.timestamp
        FROM grade g JOIN submitted_notebook sn ON sn.id = g.notebook_id
        JOIN submitted_assignment sa ON sa.id = sn.assignment_id JOIN base_cell bc ON bc.id = g.cell_id"""
    comments = """
        SELECT sa.student_id, bc.name, c.auto_comment, c.manual_comment
        FROM comment c JOIN submitted_notebook sn ON sn.id = c.notebook_id
        JOIN submitted_assignment sa ON sa.id = sn.assignment_id JOIN base_cell bc ON bc.id = c.cell_id"""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = connection.execute(grades).fetchall() + connection.execute(comments).fetchall()
        rows += connection.execute("SELECT id, first_name, last_name FROM student").fetchall()
    finally:
        connection.close()
    return sorted(rows, key=repr)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and os.path.basename(p)
    }
