"""A term: limits, choices at release, own questions, late policies, status, resubmit, regrade, extend, solutions."""

import datetime
import json
import re
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from lms_classes import NAME, RIGHT_1, course_folder, fake_run, lms_zip, notebook, people, right, roster_csv
from root import ROOT
from test_lms_gradebook import by_key, dump, grade_by_hand, graded_course

from benchmarks.standin import hidden_sources
from coursegrade.__main__ import main
from coursegrade.cage import jobs
from coursegrade.contract import Bundle, Limits
from coursegrade.course import Course, init
from coursegrade.files import Problem, read_json, write_json
from coursegrade.intake.ingest import resubmit
from coursegrade.masters import lint, release
from coursegrade.masters.master import MasterError
from coursegrade.records.gradebook import merge
from coursegrade.term import solutions, standings, status_lines

MASTERS = ROOT / "exercises"


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def write(root: Path, more: str) -> Course:
    path = root / "grading.toml"
    path.write_text(path.read_text() + more)
    return Course.load(root)


def grade(course: Course, *words: str) -> int:
    return main(["grade", "--lang", "en", *words, "--course", str(course.root)])


# -- limits -------------------------------------------------------------------------------------------------------


def test_limits_hold_for_the_class_and_for_an_assignment(tmp_path):
    init(tmp_path, name="x")
    path = tmp_path / "grading.toml"
    path.write_text(re.sub(r"(?m)^\[limits\].*$", "[limits]\ncall_seconds = 7\nmemory_mb = 1024", path.read_text()))
    course = write(tmp_path, "[assignments.pooling.limits]\nquestion_seconds = 90\nown_seconds = 5\n")
    assert course.settings("pooling").limits == Limits(
        call_seconds=7, question_seconds=90, own_seconds=5, memory=1 << 30
    )
    assert course.settings("other").limits == Limits(call_seconds=7, memory=1 << 30)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[limitz]\ncall_seconds = 1", ["limitz", "did you mean limits?"]),
        ("[assignments.pooling]\nquestion = ['a']", ["question", "did you mean questions?"]),
        ("[assignments.pooling.limits]\nmemory_mb = 3", ["memory_mb is 3", "from 256 to 1,048,576"]),
        ("[assignments.pooling.limits]\nmemory_mb = 1e7", ["memory_mb is 10000000.0", "from 256 to 1,048,576"]),
        ("[assignments.pooling.limits]\ncall_seconds = 'long'", ["call_seconds", "seconds"]),
        ("[assignments.pooling]\ndue = 5", ["is no time"]),
        ("[assignments.pooling]\npoints = { a = -1 }", ["points of a"]),
        ("[assignments]\npooling = 3", ["is a table"]),
        ("[assignments.pooling]\nshow_solutions = 'yes'", ["true or false"]),
    ],
)
def test_a_wrong_key_or_value_is_one_sentence_with_the_line(tmp_path, capsys, more, words):
    init(tmp_path, name="x")
    path = tmp_path / "grading.toml"
    path.write_text(path.read_text() + more + "\n")
    assert main(["grade", "--lang", "en", "status", "--course", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"grading.toml:{len(path.read_text().splitlines())}: " in said or "limitz" in said
    assert all(word in said for word in words)
    assert len(said.strip().splitlines()) == 1


ABSURD = {
    "[limits]\nmemory_mb": (
        *("1e7", "10_000_000", "4096.0", "-4096", "0", "true", "'4096'", "inf", "nan", "[4096]", "9" * 400),
        *("0x" + "f" * 5000, "2026-01-01"),
    ),
    **{f"[limits]\n{k}_seconds": ("0", "-1.5", "1e7", "3601", "true", "'9'", "inf", "-inf", "nan", "9" * 400)
       for k in ("call", "question", "own")},
    "[assignments.a.points]\nq": ("0", "1000", "-1", "true", "nan", "'9'", "9" * 400),
}  # fmt: skip


@pytest.mark.parametrize("key", ABSURD)
def test_an_absurd_number_is_named_with_its_key_and_the_range(tmp_path, key):
    init(tmp_path, name="x")
    path = tmp_path / "grading.toml"
    before = re.sub(r"(?m)^\[limits\].*$", "", path.read_text())
    ranges = {"m": "256 to 1,048,576", "c": "0.1 to 3,600", "q": "0.1 to 3,600", "o": "0.1 to 3,600"}
    name = key.split("\n")[1]
    for value in ABSURD[key]:
        path.write_text(f"{before}\n{key} = {value}\n")
        with pytest.raises(Problem) as wrong:
            Course.load(tmp_path)
        for said in wrong.value.text.values():
            assert name in said
            assert len(said) < 400
        assert ("below 1000" if name == "q" else ranges[name[0]]) in str(wrong.value), value
    path.write_text(f"{before}\n{key} = {'9' * 5000}\n")
    with pytest.raises(Problem, match="is not TOML"):
        Course.load(tmp_path)


def test_a_limit_at_the_end_of_its_range_is_taken_and_a_name_is_text(tmp_path, capsys):
    init(tmp_path, name="x")
    course = write(tmp_path, "[assignments.a.limits]\nmemory_mb = 1_048_576\ncall_seconds = 0.1\nown_seconds = 3600\n")
    assert course.settings("a").limits == Limits(memory=1 << 40, call_seconds=0.1, own_seconds=3600)
    path = tmp_path / "grading.toml"
    path.write_text(re.sub(r"(?m)^name = .*$", "name = 2026", path.read_text()))
    assert main(["grade", "--lang", "zh", "status", "--course", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "name 是 2026，应为文本" in said
    assert "grading.toml:3：" in said


def test_as_many_jobs_as_memory_allows(monkeypatch):
    monkeypatch.setattr(jobs.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(jobs, "memory_free", lambda: 16 << 30)
    assert jobs.safe_jobs(Limits()) == 3  # 4 GiB each and what the tests may add
    assert jobs.safe_jobs(Limits(memory=1 << 30)) == 8
    assert jobs.safe_jobs(Limits(memory=64 << 30)) == 1
    monkeypatch.setattr(jobs, "memory_free", lambda: None)
    assert jobs.safe_jobs(Limits()) == 8


@pytest.mark.parametrize("group", [("memory.max", "memory.current"),
                                     ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")])  # fmt: skip
def test_a_container_s_limit_counts_in_either_version(tmp_path, monkeypatch, group):
    monkeypatch.setattr(jobs, "_GROUP", tmp_path)
    unlimited = jobs.memory_free()
    for name, value in zip(group, (100 << 20, 30 << 20), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    assert jobs.memory_free() == 70 << 20 < unlimited
    (tmp_path / group[0]).write_text("max\n")
    assert jobs.memory_free() > 70 << 20


# -- released again ---------------------------------------------------------------------------------------------------


def handed_in(course: Course, students, edit=lambda cells: None, language: str = "en") -> bytes:
    """The notebook that is released now, with one answer and what ``edit`` does to it."""
    name = "pooling.ipynb" if language == "en" else "zh/pooling.ipynb"
    made = json.loads((course.root / "release" / "pooling" / name).read_text())
    by_id = {cell["id"]: cell for cell in made["cells"]}
    by_id["pool-1d"]["source"] = "def pool_1d(x, size):\n    return 7\n"
    edit(by_id)
    return dump(made)


def test_who_has_an_earlier_release_changed_nothing_by_that(tmp_path, capsys):
    """Another due date, other points and another language between; only what a student changed is put back."""
    students = people(5)
    init(tmp_path / "c", name="x", exercises=MASTERS)
    course = Course.load(tmp_path / "c")
    (course.root / "roster.csv").write_bytes(roster_csv(students, "canvas"))

    def windows(cells):
        for cell in cells.values():
            cell["source"] = "".join(cell["source"]).replace("\n", "  \r\n")

    def tamper(cells):
        cells["setup"]["source"] = "import os"

    assert grade(course, "release", "pooling", "--due", "2026-10-01T23:59+08:00") == 0
    work = [(students[0], handed_in(course, students), "pooling.ipynb")]
    assert grade(course, "release", "pooling", "--points", "pool-1d=6") == 0
    work += [(students[1], handed_in(course, students, language="zh"), "pooling.ipynb")]
    work += [(students[2], handed_in(course, students, tamper), "pooling.ipynb")]
    assert grade(course, "release", "pooling", "--questions", "pool-1d,choose-pooling") == 0
    work += [(students[3], handed_in(course, students, windows), "pooling.ipynb")]
    assert grade(course, "release", "pooling", "--due", "2026-11-01T23:59+08:00") == 0
    work += [(students[4], handed_in(course, students), "pooling.ipynb")]
    assert grade(course, "release", "pooling") == 0
    assert (course.root / "release" / "pooling" / "earlier.json").stat().st_mode & 0o077 == 0
    assert grade(course, "ingest", "pooling", str(lms_zip("canvas", work, tmp_path / "c.zip"))) == 0
    records = {s.key: read_json(course.submitted(s.key, "pooling") / "ingest.json") for s in students}
    assert {key: one["answered"] for key, one in records.items()} == dict.fromkeys(records, 1)
    notes = {key: [note["en"] for note in one["notes"]] for key, one in records.items()}
    assert notes.pop(students[2].key) == ["cells that are not for answers had been changed and were put back: setup"]
    assert notes == {key: [] for key in notes}
    planted = read_json(course.submitted(students[0].key, "pooling") / "pooling.ipynb")
    assert not [cell for cell in planted["cells"] if cell["id"].startswith("own-")]  # what is asked no more is gone


# -- late work ----------------------------------------------------------------------------------------------------


def policy_of_the_page(page: str, course: Course) -> None:
    """The file and the line of the page, as they stand there."""
    file, line = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    (course.root / "my_policy.py").write_text(file)
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + line)


@pytest.fixture
def new_york(monkeypatch):
    """The machine's own zone, which is not the class's."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("settings", "written", "means"),
    [
        ("", "2026-12-03", "2026-12-03T23:59:59+08:00"),
        ("", "2026-12-03T12:00", "2026-12-03T12:00+08:00"),
        ("", "2026-12-03T12:00Z", "2026-12-03T12:00+00:00"),
        ('timezone = "Europe/Berlin"\n', "2026-12-03", "2026-12-03T23:59:59+01:00"),
    ],
)
def test_a_day_alone_lasts_to_its_end_and_a_time_without_a_zone_is_the_class_s(
    tmp_path, capsys, new_york, settings, written, means
):
    course = graded_course(tmp_path, lms="gradescope", due="2026-12-01T10:00:02+08:00")
    file = tmp_path / "grading.toml"
    file.write_text(file.read_text().replace("[course]\n", f"[course]\n{settings}"))
    assert grade(course, "extend", NAME, "s1003", written) == 0
    until = datetime.datetime.fromisoformat(means)
    assert until.isoformat(timespec="minutes") in capsys.readouterr().out
    assert Course.load(tmp_path).due_for(NAME, "s1003") == until
    (tmp_path / "again.ipynb").write_text("{}")
    assert grade(course, "resubmit", NAME, "s1003", str(tmp_path / "again.ipynb"), "--at", "2026-12-03") == 1
    assert "2026-12-03 is a day: say at what time" in capsys.readouterr().err


@pytest.mark.parametrize("page", ["book/teaching.md", "zh/book/teaching.md"])
def test_the_late_policy_of_the_page_loads_from_the_folder_and_honours_an_extension(tmp_path, capsys, page):
    course = graded_course(tmp_path, lms="gradescope", due="2026-12-01T10:00:02Z")
    policy_of_the_page(page, course)
    merge(course, NAME)
    assert by_key(course)["s1003"].penalty == pytest.approx(0.8)
    assert by_key(course)["s1001"].penalty == 0
    assert grade(course, "extend", NAME, "s1003", "2026-12-01T09:00:00Z") == 1
    assert "not after the due date" in capsys.readouterr().err
    for wrong, words in {
        "-5d": "write +5d, or take an extension back with --remove",
        "−12h": "write +12h",
        "+0h": "not after the due date",
        "+9999d": "+9999d is more than 366 days after the due date; an extension ends on 2027-12-02 at the latest",
        "+99999999999999h": "more than 366 days",
        "2099-01-01T00:00Z": "more than 366 days",
        "0001-01-01T00:00+08:00": "is no date; write it as",
        "9999-12-31T23:59-08:00": "is no date; write it as",
    }.items():
        assert grade(course, "extend", NAME, "s1003", wrong) == 1, wrong
        said = capsys.readouterr().err
        assert words in said
        assert len(said.splitlines()) == 1
    assert main(["grade", "--lang", "zh", "extend", NAME, "s1003", "-5d", "--course", str(course.root)]) == 1
    assert "请写成 +5d" in capsys.readouterr().err
    assert grade(course, "extend", NAME, "s1003", "--remov") == 2
    assert "There is no option --remov" in capsys.readouterr().err
    assert grade(course, "release", NAME, "--due", "-5d") == 1
    assert "'-5d' is no date" in capsys.readouterr().err
    assert not course.settings(NAME).extensions
    assert grade(course, "extend", NAME, "s1003", "+2d") == 0
    course = Course.load(tmp_path)
    assert by_key(course)["s1003"].penalty == 0
    lines = "\n".join(status_lines(course, [NAME], "en"))
    assert "(s1003) may hand in until 2026-12-03T10:00+00:00" in lines
    # The class gets more time than that student had: nobody's own date is earlier than everybody's.
    settings = tmp_path / "grading.toml"
    before = settings.read_text()
    settings.write_text(before.replace("2026-12-01T10:00:02Z", "2026-12-09T10:00:02Z"))
    assert Course.load(tmp_path).due_for(NAME, "s1003") == Course.load(tmp_path).due[NAME]
    assert by_key(Course.load(tmp_path))["s1003"].penalty == 0
    settings.write_text(before)
    assert grade(course, "extend", NAME, "s1003", "--remove") == 0
    assert by_key(Course.load(tmp_path))["s1003"].penalty == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (None, "could not be imported"),
        ("class Other: pass", "PerDay"),
        ("1 / 0", "my_policy.PerDay"),
        (
            "from nbgrader.plugins import LateSubmissionPlugin\nclass PerDay(LateSubmissionPlugin):\n"
            "    def late_submission_penalty(self, *a):\n        return 'much'\n",
            "TypeError",
        ),
    ],
)
def test_what_is_wrong_with_a_policy_is_one_sentence(tmp_path, capsys, body, word):
    course = graded_course(tmp_path, lms="gradescope", due="2026-12-01T10:00:02Z")
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.AssignLatePenalties.plugin_class = "my_policy.PerDay"\n')
    if body is not None:
        (course.root / "my_policy.py").write_text(body)
    assert grade(course, "run", NAME, "--only-merge") == 1
    said = capsys.readouterr().err
    assert word in said
    assert "late_submission_penalty" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert str(course.root) not in sys.path


# -- release ------------------------------------------------------------------------------------------------------


def test_the_notebook_shows_the_chosen_questions_with_their_points_and_the_date(tmp_path, capsys):
    init(tmp_path, name="x", exercises=MASTERS)
    course = Course.load(tmp_path)
    chosen = ["--questions", "pool-1d,choose-pooling", "--points", "pool-1d=6", "--due", "2026-10-01T23:59+08:00"]
    assert grade(course, "release", "pooling", *chosen) == 0
    course = Course.load(tmp_path)
    bundle = course.bundle("pooling")
    assert [(q.id, q.points) for q in bundle.questions] == [("pool-1d", 6), ("choose-pooling", 4)]
    for path, words in (("pooling.ipynb", ["10 points", "due 1 October 2026, 23:59 (UTC+08:00)", "6 points"]),
                        ("zh/pooling.ipynb", ["10 分", "2026 年 10 月 1 日 23:59（UTC+08:00）", "6 分"])):  # fmt: skip
        shown = json.dumps(read_json(tmp_path / "release" / "pooling" / path), ensure_ascii=False)
        assert all(word in shown for word in words)
        assert "shift-right" not in shown
    assert course.due["pooling"].isoformat() == "2026-10-01T23:59:00+08:00"
    assert grade(course, "release", "pooling") == 0  # the choice is kept
    assert course.bundle("pooling") == bundle
    assert grade(course, "release", "pooling", "--due", "2026-10-02T23:59+08:00") == 0
    assert course.bundle("pooling") == bundle  # another date makes no result void
    assert grade(course, "release", "pooling", "--questions", "pool-2d") == 1
    assert "has no question 'pool-2d'; there are: pool-1d" in capsys.readouterr().err
    assert grade(course, "release", "pooling", "--points", "pool-1d=many") == 1
    assert "QUESTION=POINTS" in capsys.readouterr().err
    course = write(tmp_path, '[assignments.pooling]\nquestions = ["pool-1d"]\n')
    assert grade(course, "release", "pooling", "--questions", "all") == 1
    assert "grading.toml says questions" in capsys.readouterr().err


def test_without_a_clone_init_and_release_say_where_they_looked_and_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["grade", "--lang", "en", "init", "my-class"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "exercises") in said
    assert "--exercises" in said
    assert main(["grade", "--lang", "en", "release", "pooling", "--course", "my-class"]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "exercises") in said
    assert "clone" in said
    assert main(["grade", "release", "pooling", "--course", "my-class", "--exercises", str(MASTERS)]) == 0


OWN = """\
(ex-exam)=
# Exam

(ex-exam-double)=
## Double it

Write `double(x)`.

```{code-cell} ipython3
:tags: [answer, id=double]
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```

```{code-cell} ipython3
:tags: [test, id=double-visible, points=2]
check("one / 一", lambda: close(student.double(1), 2))
```
"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_own_question_in_one_language_without_hints_and_wrong_answers_is_released(tmp_path, capsys, language):
    private = tmp_path / "private"
    path = private / ("pooling.md" if language == "en" else "zh/pooling.md")
    path.parent.mkdir(parents=True)
    path.write_text(OWN, encoding="utf-8")
    init(tmp_path / "class", name="x", exercises=MASTERS)
    course = Course.load(tmp_path / "class")
    assert grade(course, "release", "pooling", "--overlay", str(private)) == 0
    said = capsys.readouterr().out
    for word in ("hints", "wrong answers", "no hidden test", "one language only"):
        assert any(word in line and f"{path}:5:" in line for line in said.splitlines()), word
    for name in ("pooling.ipynb", "zh/pooling.ipynb"):
        assert "double(x)" in (course.release("pooling") / name).read_text()
    assert course.bundle("pooling").question("double").points == 2
    assert grade(course, "release", "pooling") == 0  # with the overlay of the last time
    assert course.bundle("pooling").question("double").points == 2


def test_an_own_assignment_in_one_language(tmp_path):
    (tmp_path / "exam.md").write_text(OWN, encoding="utf-8")
    task = release.assignment("exam", MASTERS, overlay=tmp_path)
    assert lint.form_problems(task) == []
    assert lint.behaviour_problems(task) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("points=2", "points=0", 5, "no points"),
        ("### END SOLUTION\n", "", 9, "SOLUTION"),
        ("Write `double(x)`.", "See {ref}`x`.", 7, "no plain form"),
        ("id=double-visible", "id=pool-1d", 17, "stands at"),
    ],
)
def test_a_fault_of_an_own_question_names_its_own_file_and_line(tmp_path, old, new, line, word):
    path = tmp_path / "pooling.md"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(MasterError) as caught:
        release.release(["pooling"], out=tmp_path / "out", exercises=MASTERS, overlay=tmp_path)
    (found,) = [one for one in str(caught.value).splitlines() if word in one]
    assert found.startswith(f"{path}:{line}:") or (word == "no points" and f"{path}:5:" in found)


# -- status, resubmit, regrade, solutions ---------------------------------------------------------------------------


def test_status_counts_by_section_and_names_who_is_concerned(tmp_path, capsys):
    course = course_folder(tmp_path / "new", students=people(3))
    assert [s.status for s in standings(course, NAME)] == ["missing"] * 3
    course = graded_course(tmp_path / "c", bad=(2,))
    roster = course.root / "roster.csv"
    roster.write_text(roster.read_text().replace("login0,A", "login0,B"))
    assert {s.student.key: s.status for s in standings(course, NAME)}["s1001"] == "new"
    merge(course, NAME)
    grade_by_hand(course, "s1001", "why-max", 1)
    main(["grade", "feedback", NAME, "--course", str(course.root)])
    capsys.readouterr()
    assert grade(course, "status", NAME) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["B", "1", "1", "0", "0", "0", "1", "0", "1"] in said
    assert ["all", "6", "5", "0", "0", "1", "3", "1", "5"] in said
    text = " ".join(word for line in said for word in line)
    assert "not handed in: 娜娜" not in text
    assert re.search(r"not handed in: .*\(s1005\)", text)
    assert re.search(r"unreadable: .*\(s1002\)", text)
    assert main(["grade", "--lang", "zh", "status", NAME, "--course", str(course.root)]) == 0
    chinese = capsys.readouterr().out
    assert re.search(r"未提交：.*\(s1005\)", chinese)
    assert re.search(r"待人工评阅：.+、.+、", chinese)


def test_a_result_of_another_release_is_to_run_and_not_unreadable(tmp_path):
    course = graded_course(tmp_path, bad=(2,), merged=True)
    path = course.result("s1000", NAME)
    write_json(path, read_json(path) | {"bundle": "0" * 64})
    found = {s.student.key: s.status for s in standings(course, NAME)}
    assert (found["s1000"], found["s1001"], found["s1002"]) == ("new", "partial", "failed")


def test_a_resubmit_that_is_stopped_while_it_writes_keeps_time_and_origin(tmp_path, monkeypatch):
    course = graded_course(tmp_path)
    record = course.submitted("s1000", NAME) / "ingest.json"
    write_json(record, read_json(record) | {"submitted_at": "2026-12-25T00:00:00+00:00", "late": True})
    before = read_json(record)
    file = tmp_path / "mended.ipynb"
    file.write_bytes(dump(notebook(pool_1d=RIGHT_1)))

    unlink = Path.unlink

    def stop(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        if path == record:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stop)
        with pytest.raises(KeyboardInterrupt):
            resubmit(course, NAME, next(s for s in course.roster() if s.key == "s1000"), file)
    assert not record.exists()
    assert grade(course, "resubmit", NAME, "s1000", str(file)) == 0
    now = read_json(record)
    assert {key: now[key] for key in ("submitted_at", "late", "lms", "origin")} == {
        key: before[key] for key in ("submitted_at", "late", "lms", "origin")
    }


def test_resubmit_takes_one_file_says_what_changed_and_keeps_the_earlier(tmp_path, capsys):
    course = graded_course(tmp_path, merged=True)
    folder = course.submitted("s1000", NAME)
    before = read_json(folder / "ingest.json")
    old = (folder / f"{NAME}.ipynb").read_bytes()
    file = tmp_path / "mended.ipynb"
    file.write_bytes(dump(notebook(pool_1d=RIGHT_1)))
    for _ in range(2):  # repeating it changes nothing
        assert grade(course, "resubmit", NAME, "s1000", str(file)) == 0
    said = capsys.readouterr().out
    assert "changed: Pool a line\n" in said
    (kept,) = (folder / "earlier").iterdir()
    assert (kept / f"{NAME}.ipynb").read_bytes() == old
    now = read_json(folder / "ingest.json")
    assert (now["origin"], now["submitted_at"], now["lms"]) == (
        before["origin"], before["submitted_at"], before["lms"],
    )  # fmt: skip
    fake_run(course)
    merge(course, NAME)
    assert by_key(course)["s1000"].score == 4
    file.write_bytes(b"%PDF")
    assert grade(course, "resubmit", NAME, "s1000", str(file)) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert grade(course, "resubmit", NAME, "nobody", str(file)) == 1
    assert "0 students" in capsys.readouterr().err
    assert grade(course, "ingest", NAME, str(tmp_path / "class.zip")) == 0  # the class's zip once more
    assert read_json(folder / "ingest.json") == now
    zipped = shutil.make_archive(str(tmp_path / "by-mail"), "zip", tmp_path, "class.zip")
    assert zipped
    file.write_bytes(dump(right()))
    assert grade(course, "resubmit", NAME, "s1005", str(file)) == 0  # had handed in nothing
    assert read_json(course.submitted("s1005", NAME) / "ingest.json")["status"] == "ready"


@pytest.mark.slow
def test_regrade_shows_before_and_after_by_question_and_a_refusal_leaves_all_as_it_was(tmp_path, capsys):
    course = graded_course(tmp_path, 2)
    merge(course, NAME)  # the stand-in gave 0; the sandbox gives the point of the visible test
    result = course.result("s1000", NAME)
    before = result.read_bytes()
    assert grade(course, "regrade", NAME, "--student", "s1000", "--diff") == 1
    said = capsys.readouterr()
    assert "(s1000): 0 → 1" in said.out
    assert "(pool-1d): 0 → 1" in said.out
    assert "--yes" in said.err
    assert result.read_bytes() == before
    assert by_key(course)["s1000"].score == 0
    assert grade(course, "regrade", NAME, "--diff", "--yes") == 0
    assert by_key(course)["s1000"].score == 1


@pytest.mark.slow
def test_a_changed_hidden_test_is_asked_about_and_points_by_hand_stay(tmp_path, capsys):
    course = graded_course(tmp_path, 2)
    merge(course, NAME)
    grade_by_hand(course, "s1000", "why-max", 1.5, "well seen")
    assert grade(course, "regrade", NAME, "--diff", "--yes") == 0  # the stand-in's scores become the sandbox's
    before, result = by_key(course)["s1000"], course.result("s1000", NAME).read_bytes()
    one = course.bundle(NAME)
    first, *others = one.questions
    tests = tuple(replace(test, source="check('any', lambda: True)") for test in first.tests)
    changed = Bundle.make(assignment=NAME, questions=[replace(first, tests=tests), *others], cells=list(one.cells))
    write_json(course.release(NAME) / "bundle.json", changed.to_json())
    capsys.readouterr()
    assert grade(course, "regrade", NAME, "--diff") == 1
    said = capsys.readouterr()
    assert "(s1000): 2.5 → 5.5" in said.out
    assert "(pool-1d): 1 → 4" in said.out
    assert "Scores change for 1 student. Write them?" in said.out + said.err
    assert course.result("s1000", NAME).read_bytes() == result
    assert grade(course, "regrade", NAME, "--diff", "--yes") == 0
    after = by_key(course)["s1000"]
    assert (before.score, after.score) == (2.5, 5.5)
    assert (after.questions["why-max"], after.comments) == (1.5, {"why-max": "well seen"})


def test_solutions_open_after_the_last_due_date_and_never_hold_a_hidden_test(tmp_path, capsys):
    init(tmp_path, name="x", exercises=MASTERS)
    course = Course.load(tmp_path)
    (tmp_path / "roster.csv").write_text("name,id\nAda,a1\n")
    assert grade(course, "release", "pooling", "--due", "2099-10-01T23:59+08:00") == 0
    assert grade(course, "solutions", "pooling") == 1
    assert "2099-10-01" in capsys.readouterr().err
    assert not course.settings("pooling").show_solutions
    over = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    assert grade(course, "release", "pooling", "--due", over.isoformat(timespec="minutes")) == 0
    assert grade(course, "extend", "pooling", "a1", "+30d") == 0
    with pytest.raises(Problem, match=(over + datetime.timedelta(days=30)).date().isoformat()):
        solutions(Course.load(tmp_path), "pooling")
    assert grade(course, "extend", "pooling", "a1", "--remove") == 0
    assert grade(course, "solutions", "pooling") == 0
    course = Course.load(tmp_path)
    assert course.settings("pooling").show_solutions
    bundle = course.bundle("pooling")
    visible = "\n".join(t.source for q in bundle.questions for t in q.tests if not t.hidden)
    for language, words in (("en", ["**Rubric**", "**Model answer**"]), ("zh", ["**评分标准**", "**参考答案**"])):
        path = tmp_path / "solutions" / f"pooling-{language}.ipynb"
        made = read_json(path)
        sources = "\n".join("".join(cell["source"]) for cell in made["cells"])
        assert all(word in sources for word in words)
        assert "NotImplementedError" not in "".join(c["source"][0] for c in made["cells"] if c["id"] == "pool-1d")
        assert not [line for line in hidden_sources(bundle) if line in sources and line not in visible]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        import nbformat

        nbformat.validate(nbformat.read(path, as_version=4))
        code = "\n\n".join("".join(c["source"]) for c in made["cells"] if c["cell_type"] == "code")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
