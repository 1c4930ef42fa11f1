"""Merging into nbgrader's database: right scores, no stale score, and nothing lost when killed or out of space."""

import atexit
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from lms_classes import (
    NAME,
    course_folder,
    database_rows,
    fake_result,
    fake_run,
    lms_zip,
    notebook,
    people,
    right,
    tree,
)

from coursegrade.contract import Result, Text
from coursegrade.course import Course
from coursegrade.files import Problem, write_json
from coursegrade.intake.ingest import ingest
from coursegrade.records.gradebook import database, merge, states


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def graded_course(
    root: Path,
    count: int = 6,
    *,
    bad: tuple[int, ...] = (),
    lms: str = "canvas",
    due: str = "",
    merged: bool = False,
) -> Course:
    """A course whose submissions are taken in and have results; the last student handed in nothing.

    ``merged``: and these are in its gradebook. Each kind is made once in a process, and then copied.
    """
    shutil.copytree(_made(count, bad, lms, due, merged), root, dirs_exist_ok=True)
    return Course.load(root)


@functools.cache
def _made(count: int, bad: tuple[int, ...], lms: str, due: str, merged: bool) -> Path:
    place = Path(tempfile.mkdtemp(prefix="graded-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    root = place / "course"
    if merged:
        merge(graded_course(root, count, bad=bad, lms=lms, due=due), NAME)
        return root
    students = people(count)
    course = course_folder(root, students=students, lms=lms)
    if due:
        (root / "grading.toml").write_text((root / "grading.toml").read_text() + f"{NAME} = {due}\n")
        course = Course.load(root)
    work = [
        (s, b"{broken" if n in bad else dump(right() if n % 2 else notebook()), "pooling.ipynb")
        for n, s in enumerate(students[:-1])
    ]
    ingest(course, NAME, lms_zip(lms, work, root / "class.zip"))
    fake_run(course)
    return root


def grade_by_hand(course: Course, student: str, cell: str, points: float, comment: str | None = None) -> None:
    """What formgrader's API does when a person grades."""
    with database(course) as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        if comment:
            gradebook.find_comment(cell, NAME, NAME, student).manual_comment = comment
        gradebook.db.commit()


def by_key(course):
    return {s.student.key: s for s in states(course, NAME)}


def test_scores_arrive_and_written_answers_wait(tmp_path):
    course = graded_course(tmp_path, bad=(2,))
    done = merge(course, NAME)
    assert (done.graded, done.failed, done.missing, done.to_grade) == (4, 1, 1, 4)
    found = by_key(course)
    assert (found["s1001"].status, found["s1001"].score, found["s1001"].max_score) == ("partial", 8, 10)
    assert found["s1000"].score == 0
    assert (found["s1002"].status, found["s1002"].score) == ("failed", 0)
    assert "no notebook" in found["s1002"].reason["en"]
    assert found["s1005"].status == "missing"
    with database(course) as gradebook:
        for grade in gradebook.find_submission(NAME, "s1002").notebooks[0].grades:
            assert (grade.auto_score, grade.needs_manual_grade) == (0, True)
        waiting = gradebook.find_grade("why-max", NAME, NAME, "s1001")
        assert (waiting.auto_score, waiting.needs_manual_grade) == (None, True)
        assert gradebook.find_assignment(NAME).max_score == 10


def test_points_given_by_hand_count_and_stay_when_the_merge_is_repeated(tmp_path):
    course = graded_course(tmp_path, merged=True)
    grade_by_hand(course, "s1001", "why-max", 1.5, "Good")
    merge(course, NAME)
    found = by_key(course)["s1001"]
    assert (found.status, found.score, found.questions["why-max"]) == ("graded", 9.5, 1.5)
    assert found.comments == {"why-max": "Good"}


def resubmit(course, data: bytes, order: int = 2):
    students = people(6)
    work = [(students[2], dump(right()), f"x{n}.ipynb") for n in range(order)] + [(students[1], data, "pooling.ipynb")]
    ingest(course, NAME, lms_zip("canvas", work, course.root / "again.zip"))


def test_a_failed_regrade_leaves_no_stale_score(tmp_path):
    course = graded_course(tmp_path, merged=True)
    grade_by_hand(course, "s1001", "why-max", 2)
    assert by_key(course)["s1001"].score == 10
    resubmit(course, b"{broken")
    assert by_key(course)["s1001"].status == "failed"  # at once, before any merge
    done = merge(course, NAME)
    found = by_key(course)["s1001"]
    assert (found.status, found.score) == ("failed", 0)
    assert done.problems[0][0] == "Ann-Lee O'Neil"
    history = json.loads((course.root / "autograded" / "s1001" / NAME / "earlier-points.json").read_text())
    assert history[0]["grades"] == [{"cell": "why-max", "points": 2.0, "extra": None}]


def test_points_by_hand_go_only_with_the_answer_they_were_given_for(tmp_path):
    course = graded_course(tmp_path, merged=True)
    grade_by_hand(course, "s1001", "why-max", 2, "Good")
    grade_by_hand(course, "s1001", "pool-1d-random", 2.5)
    newer = right()
    for cell in newer["cells"]:
        if cell["id"] == "pool-1d":
            cell["source"] += "\n# improved"
        if cell["id"] == "q1":
            cell["source"] += "\n\nDue tomorrow."
    resubmit(course, dump(newer))
    write_json(course.result("s1001", NAME), fake_result(course, "s1001").to_json())
    done = merge(course, NAME)
    found = by_key(course)["s1001"]
    assert (found.questions["why-max"], found.comments) == (2.0, {"why-max": "Good"})
    assert any("changed an answer that was marked by hand: Ann-Lee O'Neil" in note["en"] for note in done.said)
    history = json.loads((course.root / "autograded" / "s1001" / NAME / "earlier-points.json").read_text())
    assert history[-1]["grades"] == [{"cell": "pool-1d-random", "points": 2.5, "extra": None}]
    assert merge(course, NAME).said == ()


@pytest.mark.parametrize("case", ["no result", "damaged", "other submission", "other bundle", "failed", "edited"])
def test_a_result_that_does_not_belong_to_the_submission_never_counts(tmp_path, case):
    course = graded_course(tmp_path, merged=True)
    path = course.result("s1001", NAME)
    good = fake_result(course, "s1001").to_json()
    if case == "no result":
        path.unlink()
    elif case == "damaged":
        path.write_bytes(path.read_bytes()[:100])
    elif case == "other submission":
        write_json(path, {**good, "submission": "0" * 64})
    elif case == "other bundle":
        write_json(path, {**good, "bundle": "0" * 64})
    elif case == "failed":
        failed = {**good, "status": "failed", "reason": Text(en="it hung", zh="超时"), "score": 0, "questions": []}
        write_json(path, Result.from_json(failed).to_json())
    else:
        (course.submitted("s1001", NAME) / f"{NAME}.ipynb").write_text("{}")
    assert by_key(course)["s1001"].score == 0
    assert merge(course, NAME).failed == 1
    found = by_key(course)["s1001"]
    assert (found.status, found.score) == ("failed", 0)
    assert found.reason["en"]


def test_questions_that_change_are_merged_anew(tmp_path):
    course = graded_course(tmp_path, merged=True)
    from coursegrade.contract import Bundle

    old = course.bundle(NAME)
    new = Bundle.make(
        assignment=NAME, questions=old.questions[1:], cells=[c for c in old.cells if c.question != "pool-1d"]
    )
    write_json(course.release(NAME) / "bundle.json", new.to_json())
    assert merge(course, NAME).failed == 5  # results of the old questions do not count
    with database(course) as gradebook:
        assert gradebook.find_assignment(NAME).max_score == 6


def test_nbgraders_late_policy_works_unchanged(tmp_path):
    course = graded_course(tmp_path, lms="gradescope", due="2026-12-01T10:00:02Z", merged=True)
    assert by_key(course)["s1003"].score == 8
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace('penalty_method = "none"', 'penalty_method = "zero"'))
    merge(course, NAME)
    found = by_key(course)
    assert (found["s1001"].score, found["s1001"].penalty) == (8, 0)
    assert (found["s1003"].score, found["s1003"].penalty, found["s1003"].raw) == (0, 8, 8)


def test_a_late_policy_of_ones_own_is_a_class_in_a_file(tmp_path):
    course = graded_course(tmp_path, lms="gradescope", due="2026-12-01T10:00:02Z")
    (course.root / "nbgrader_config.py").write_text(
        textwrap.dedent("""
        from nbgrader.plugins import LateSubmissionPlugin
        class TenPercent(LateSubmissionPlugin):
            def late_submission_penalty(self, student_id, score, total_seconds_late):
                return 0.1 * score
        c = get_config()
        c.AssignLatePenalties.plugin_class = TenPercent
        """)
    )
    merge(course, NAME)
    assert by_key(course)["s1003"].score == pytest.approx(7.2)


def test_names_reach_formgrader_without_markup(tmp_path):
    course = graded_course(tmp_path, count=10, merged=True)
    with database(course) as gradebook:
        assert gradebook.find_student("s1007").last_name == "‹b›Tag‹/b›"
        assert gradebook.find_student("s1003").last_name == "王"


def test_what_formgrader_renders_holds_no_script(tmp_path):
    hostile = notebook(
        why_max="<script>alert(1)</script><img src=x onerror=alert(2)>\n\n"
        "[x](javascript:alert(3))\n\n`[y](javascript:alert(4))`"
    )
    s = people(1)[0]
    course = course_folder(tmp_path, students=[s])
    ingest(course, NAME, lms_zip("canvas", [(s, dump(hostile), "a.ipynb")], tmp_path / "c.zip"))
    fake_run(course)
    merge(course, NAME)
    import nbformat
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers

    shown = course.root / "autograded" / s.key / NAME / f"{NAME}.ipynb"
    nbformat.validate(nbformat.read(shown, as_version=4))
    exporter = HTMLExporter(template_name="formgrade", extra_template_basedirs=[handlers.template_path])
    names = {"assignment_id": NAME, "notebook_id": NAME, "submission_id": "x", "index": 0, "total": 1, "base_url": ""}
    html, _ = exporter.from_filename(
        str(shown), resources={**names, "student": s.key, "last_name": "", "first_name": ""}
    )
    assert "onerror" not in html
    assert "alert(1)</script>" not in html
    assert 'href="javascript:' not in html
    assert 'id="why-max"' in html  # the box for the points
    assert "2 points: invariance" in html  # the rubric


RUNNER = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from coursegrade.course import Course
from coursegrade.records import gradebook
course = Course.load(Path(sys.argv[1]))
print("start", flush=True)
gradebook.merge(course, {name!r}, progress=lambda n, total: print(n, flush=True))
"""


def start_merge(course, **kwargs) -> subprocess.Popen:
    code = RUNNER.format(paths=sys.path, name=NAME)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(course.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        **kwargs,
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Course:
    """A class whose scores were merged in one go; tests only read it."""
    return graded_course(tmp_path_factory.mktemp("clean") / "course", 14, bad=(3,), merged=True)


@pytest.mark.parametrize("stop_after", ["start", "1", "4", "11"])
def test_a_merge_killed_with_sigkill_and_repeated_equals_a_clean_one(tmp_path, clean, stop_after):
    course = graded_course(tmp_path / "killed", 14, bad=(3,))
    process = start_merge(course)
    for line in process.stdout:
        if line.strip() == stop_after:
            break
    time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    merge(course, NAME)
    assert database_rows(course.root / "gradebook.db") == database_rows(clean.root / "gradebook.db")
    assert tree(course.root / "autograded") == tree(clean.root / "autograded")


def test_no_space_for_the_database_loses_nothing_and_the_same_command_goes_on(tmp_path, clean):
    course = graded_course(tmp_path / "full", 14, bad=(3,))

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    process = start_merge(course, preexec_fn=small_files)
    said = process.communicate()[0].split()
    assert process.returncode != 0
    assert said != []
    before = tree(course.root / "submitted"), tree(course.root / "results")
    merge(course, NAME)
    assert (tree(course.root / "submitted"), tree(course.root / "results")) == before
    assert database_rows(course.root / "gradebook.db") == database_rows(clean.root / "gradebook.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system needs root")
def test_a_full_disk_loses_nothing_and_is_said_in_a_sentence(tmp_path, capsys):
    from coursegrade.cli import run

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount a small file system")
    try:
        clean = graded_course(tmp_path / "clean", 14, bad=(3,), merged=True)
        course = graded_course(disk / "course", 14, bad=(3,))
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"0" * 4096)
            except OSError:
                pass
        arguments = ["grade", "--lang", "en", "run", NAME, "--only-merge", "--course", str(course.root)]
        assert run(arguments) == 3
        assert "the disk is full" in capsys.readouterr().err
        filler.unlink()
        assert run(arguments) == 0
        assert database_rows(course.root / "gradebook.db") == database_rows(clean.root / "gradebook.db")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_ingest_on_a_full_disk_goes_on_with_the_same_command(tmp_path, monkeypatch):
    students = people(6)
    course = course_folder(tmp_path / "course", students=students)
    path = lms_zip("canvas", [(s, dump(right()), "a.ipynb") for s in students], tmp_path / "c.zip")
    from coursegrade.intake import ingest as module

    real, calls = module.write_atomic, []

    def full(target, data, **kwargs):
        calls.append(target)
        if len(calls) == 6:
            raise OSError(28, "No space left on device", str(target))
        return real(target, data, **kwargs)

    monkeypatch.setattr(module, "write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        ingest(course, NAME, path)
    half = [p for p in course.root.glob("submitted/*/pooling") if not (p / "ingest.json").exists()]
    assert len(half) == 1  # a folder without its record says nothing and is not graded
    monkeypatch.undo()
    assert ingest(course, NAME, path).count("ready") == 6


def test_a_damaged_database_is_said(tmp_path):
    course = graded_course(tmp_path)
    (tmp_path / "gradebook.db").write_bytes(b"this is no database, however long it is" * 100)
    with pytest.raises(Problem, match=r"gradebook\.db cannot be used"):
        merge(course, NAME)


def test_who_left_the_roster_is_named_and_stops_nobody(tmp_path):
    course = graded_course(tmp_path)
    lines = (tmp_path / "roster.csv").read_text().splitlines()
    (tmp_path / "roster.csv").write_text("\n".join(line for line in lines if "s1001" not in line))
    done = merge(course, NAME)
    assert done.graded == 4
    assert [who for who, _ in done.problems] == ["s1001"]


def test_a_broken_nbgrader_configuration_is_said(tmp_path):
    course = graded_course(tmp_path)
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.x = 1 / 0\n")
    with pytest.raises(Problem, match="ZeroDivisionError"):
        merge(course, NAME)


def test_nbgraders_own_autograde_refuses_to_run_students_code(tmp_path):
    course = graded_course(tmp_path, merged=True)
    before = database_rows(course.root / "gradebook.db")
    mark = tmp_path / "ran"
    planted = course.submitted("s1001", NAME) / f"{NAME}.ipynb"
    planted.write_text(planted.read_text().replace("def pool1d", f"open({str(mark)!r}, 'w')\\ndef pool1d"))
    command = [sys.executable, "-m", "nbgrader", "autograde", NAME, "--student", "s1001", "--force"]
    shown = tree(course.root / "autograded")
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    assert done.returncode != 0
    assert tree(course.root / "autograded") == shown  # --force deletes what it finds there
    theirs = course.root / "nbgrader" / "submitted" / "s1002" / NAME  # where it looks
    theirs.mkdir(parents=True)
    (theirs / f"{NAME}.ipynb").write_text(planted.read_text())
    command[-2] = "s1002"
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"coursecode grade run {NAME}" in done.stderr
    assert not mark.exists()
    assert database_rows(course.root / "gradebook.db") == before


def test_the_gradebook_of_a_folder_lies_in_it_whatever_the_folder_is_called(tmp_path):
    """A question mark ended the path: the marks of two classes were in one file beside them."""

    course = course_folder(tmp_path / "班 #1 50%?'s", students=people(1))
    with database(course) as gradebook:
        gradebook.update_or_create_student("s1000")
    assert (course.root / "gradebook.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [course.root.name]
