"""Names and paths that a student can choose, followed to every output of every command."""

import csv
import io
import json
import zipfile
from dataclasses import replace

import pytest
import yaml
from lms_classes import NAME, course_folder, fake_result, fake_run, notebook, right
from test_door import CONTROL, alive
from test_lms_gradebook import dump

from coursegrade.__main__ import main
from coursegrade.course import Course
from coursegrade.files import write_json
from coursegrade.records.gradebook import merge
from coursegrade.records.marking import Marking
from coursegrade.sanitise import is_formula

NAMES = [
    "\x1b[2J\x1b]0;owned\x07Eve", "\u202egnp.exe\u202c\u2066Bob", "two\nlines\r\nhere", "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "@SUM(1+1)*x", "\t=1+1",
    "\x9b31mred\u200b", "../../etc/passwd",
]  # fmt: skip


def again(root, name, *, students=None, **_) -> None:
    """In place of the sandbox: every answer of these students is wrong now."""
    course = Course.load(root)
    for student in students or course.ingested(name):
        made = fake_result(course, student)
        tests = [replace(q, earned=q.earned and 0.0, tests=tuple(replace(t, earned=0.0) for t in q.tests))
                 for q in made.questions]  # fmt: skip
        write_json(course.result(student, name), replace(made, score=0.0, questions=tuple(tests)).to_json())


def said_by(capsys) -> str:
    both = capsys.readouterr()
    text = both.out + both.err
    assert not (CONTROL & set(text)), {c for c in CONTROL if c in text}
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_name_of_a_person_or_a_file_does_anything_anywhere(tmp_path, capsys, monkeypatch, language):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    course = course_folder(tmp_path / "c", language=language)
    with open(course.root / "grading.toml", "a") as file:
        file.write(f"{NAME} = 2026-12-01T10:00:03Z\n")
    buffer = io.StringIO()
    rows = [["First Name", "Last Name", "SID", "Email", "Role", "Section"]]
    rows += [[name, f"{name}{n}", f"s{n}", f"{name}{n}@x.example", "Student", name] for n, name in enumerate(NAMES)]
    csv.writer(buffer).writerows(rows)
    (tmp_path / "roster.csv").write_text(buffer.getvalue(), newline="")
    about = {}
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as made:
        for n, name in enumerate(NAMES[:-1]):
            bad = name.replace("/", "-")
            data = b"broken" if n % 3 == 2 else dump(right() if n % 2 else notebook(why_max="x"))
            made.writestr(f"x/submission_{n}/{bad}.ipynb", data)
            made.writestr(f"x/submission_{n}/../{bad}.txt", b"x")
            person = {":name": f"{name} {name}{n}", ":sid": f"s{n}", ":email": f"{name}{n}@x.example"}
            about[f"submission_{n}"] = {":submitters": [person], ":created_at": f"2026-12-01 10:00:{n:02d} Z"}
        about["submission_99"] = {":submitters": [{":name": NAMES[0], ":sid": NAMES[1], ":email": NAMES[2]}]}
        made.writestr("x/submission_99/p.ipynb", dump(right()))
        made.writestr("x/submission_metadata.yml", yaml.safe_dump(about, allow_unicode=True))
    at = ["--course", str(course.root)]

    def run(*words: str, status: int = 0) -> str:
        assert main(["grade", *words, *at]) == status, capsys.readouterr()
        return said_by(capsys)

    run("ingest", NAME, str(tmp_path / "s.zip"), "--roster", str(tmp_path / "roster.csv"), "--dry-run")
    assert "SUM" in run("ingest", NAME, str(tmp_path / "s.zip"), "--roster", str(tmp_path / "roster.csv"))
    fake_run(course)
    run("run", NAME, "--only-merge")
    run("status", NAME)
    run("feedback", NAME)
    run("extend", NAME, "s0", "+2d")
    run("extend", NAME, NAMES[0], "+2d", status=1)
    odd = tmp_path / "\x1b[2J\u202e<script>.ipynb"
    odd.write_bytes(dump(right()))
    run("resubmit", NAME, "s0", str(odd))
    odd.write_bytes(b"broken")
    run("resubmit", NAME, "s0", str(odd), status=1)
    fake_run(course)
    merge(course, NAME)
    for form in ("csv", "canvas", "moodle", "gradescope"):
        run("export", NAME, "--format", form, "--so-far")
        made = (course.root / "export" / f"{NAME}-{form}.csv").read_text(encoding="utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(made)) for cell in row]
        assert not [cell for cell in cells if is_formula(cell)]
        assert not [cell for cell in cells if (CONTROL | {"\n"}) & set(cell)]
    marking = Marking(course, NAME)
    told = [marking.key(question, ref) for question, one in marking.answers.items() for ref in one.students]
    assert len(told) > len(NAMES) // 2
    assert not CONTROL & set("".join(part for one in told for part in one.values()))
    run("mark", NAME, "--question", NAMES[0], status=1)
    monkeypatch.setattr("coursegrade.cage.run.run_class", again)
    run("regrade", NAME, "--student", "s1", "--diff", status=1)  # no terminal to ask in: the list is on the screen
    assert "SUM" in run("regrade", NAME, "--student", "s7", "--diff", "--yes")
    run("regrade", NAME, "--student", NAMES[1], "--diff", status=1)
    for odd_name in NAMES[::3]:
        run("release", odd_name, status=1)
        run("release", NAME, "--questions", odd_name, status=1)
        run("release", NAME, "--points", f"{odd_name}=1", status=1)
        run("solutions", odd_name, "--anyway", status=1)
        run("mark", odd_name, status=1)
    monkeypatch.chdir(course.root)
    assert main(["grade", "doctor"]) in (0, 1)
    said_by(capsys)
    run("export", NAME, "--section", NAMES[0] + "none", status=1)
    (tmp_path / "sheet.csv").write_text("a,b\n1,2\n")
    run("export", NAME, "--format", "moodle", "--template", str(tmp_path / "sheet.csv"), status=1)
    pages = [*(course.root / "feedback" / NAME).glob("*.html"), *(course.root / "export").glob("*.html")]
    assert len(pages) == len(NAMES)
    for page in pages:
        words = page.read_text()
        assert not (CONTROL & set(words)), page
        assert [one for one in alive(words) if not one.startswith(("img", "link"))] == []  # the report's own pictures
        assert "<script" not in words
        assert "<img src=x" not in words
    for path in (course.root / "feedback" / NAME).glob("*.zip"):
        with zipfile.ZipFile(path) as made:
            assert not [n for n in made.namelist() if CONTROL & set(n) or ".." in n.split("/") or n.startswith("/")]
    for path in course.root.rglob("*"):
        assert not CONTROL & set(path.name)
    shown = (course.root / "autograded" / "s0" / NAME / f"{NAME}.ipynb").read_text()
    assert not (CONTROL & set("".join("".join(c["source"]) for c in json.loads(shown)["cells"])))
    import sqlite3

    with sqlite3.connect(course.root / "gradebook.db") as database:
        people = database.execute("SELECT first_name, last_name, email FROM student").fetchall()
    database.close()
    assert len(people) == len(NAMES)
    for value in (value for row in people for value in row):
        assert not (CONTROL | set('<>"\n')) & set(value)
