"""What a person gave (points, comments, extra credit) is never lost, whatever becomes of the assignment."""

import contextlib
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys

import hypothesis
import pytest
from hypothesis import strategies as st
from lms_classes import (
    NAME,
    RIGHT_1,
    RIGHT_2,
    database_rows,
    fake_result,
    fake_run,
    lms_zip,
    notebook,
    people,
    right,
)
from test_lms_gradebook import by_key, dump, grade_by_hand, graded_course

from coursegrade.__main__ import main
from coursegrade.contract import Bundle, Question, QuestionResult, Result, TestResult, Text
from coursegrade.course import Course
from coursegrade.files import Problem, read_json, write_json
from coursegrade.intake.ingest import ingest, resubmit
from coursegrade.records import removed
from coursegrade.records.gradebook import changes, database, merge


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def change(course: Course, *, drop: str = "", worth: dict[str, float] | None = None) -> None:
    """Release again, without a test or a question, or with other points; every result is made anew."""
    old, worth = course.bundle(NAME), worth or {}
    questions = []
    for q in old.questions:
        if q.id == drop:
            continue
        tests = [t for t in q.tests if t.id != drop]
        points = worth.get(q.id, q.points if q.kind == "written" else sum(t.points for t in tests))
        if q.kind == "code" and q.id in worth:
            tests = [type(t)(t.id, points / len(tests), t.hidden, t.source) for t in tests]
        questions.append(Question(q.id, q.title, q.kind, points, q.answer_cells, tuple(tests), q.rubric))
    kept = {q.id for q in questions}
    cells = [c for c in old.cells if c.id != drop and (c.question is None or c.question in kept)]
    write_json(course.release(NAME) / "bundle.json", Bundle.make(
        assignment=NAME, questions=questions, cells=cells).to_json())  # fmt: skip
    graded_anew(course)


def graded_anew(course: Course) -> None:
    """Results of what is released now, from the stand-in's."""
    one = course.bundle(NAME)
    for student in [p.stem for p in (course.root / "results" / NAME).glob("*.json")]:
        if read_json(course.result(student, NAME))["status"] == "failed":
            continue
        found = fake_result(course, student)
        full = {q.id: bool(q.earned) for q in found.questions}
        questions = []
        for q in one.questions:
            tests = tuple(TestResult(t.id, t.hidden, t.points, t.points * full[q.id]) for t in q.tests)
            earned = None if q.kind == "written" else sum(t.earned for t in tests)
            questions.append(QuestionResult(q.id, q.points, earned, tests))
        score = sum(q.earned or 0 for q in questions)
        data = {**found.to_json(), "questions": [q.to_json() for q in questions], "score": score}
        data |= {"max_score": one.max_score, "bundle": one.version, "key": "k" + one.version[:62]}
        write_json(course.result(student, NAME), Result.from_json(data).to_json())


def given(course: Course, commented: str = "s1003") -> None:
    """Points, a comment and extra credit in three places."""
    grade_by_hand(course, "s1001", "why-max", 1.5, "Good")
    grade_by_hand(course, "s1000", "pool-1d-random", 2.5)
    with database(course) as gradebook:
        gradebook.find_grade("pool-2d-random", NAME, NAME, "s1001").extra_credit = 0.5
        gradebook.find_comment("pool-1d", NAME, NAME, commented).manual_comment = "See me"
        gradebook.db.commit()


def hand(course: Course) -> set[tuple]:
    """All that a person gave, out of the database and out of the file of what was removed."""
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as connection:
        rows = connection.execute(
            "SELECT sa.student_id, bc.name, g.manual_score, g.extra_credit, NULL FROM grade g "
            "JOIN submitted_notebook sn ON sn.id = g.notebook_id JOIN submitted_assignment sa ON "
            "sa.id = sn.assignment_id JOIN base_cell bc ON bc.id = g.cell_id "
            "WHERE g.manual_score IS NOT NULL OR g.extra_credit IS NOT NULL UNION "
            "SELECT sa.student_id, bc.name, NULL, NULL, c.manual_comment FROM comment c "
            "JOIN submitted_notebook sn ON sn.id = c.notebook_id JOIN submitted_assignment sa ON "
            "sa.id = sn.assignment_id JOIN base_cell bc ON bc.id = c.cell_id WHERE c.manual_comment IS NOT NULL"
        ).fetchall()
    return set(rows)


ALL = {
    ("s1001", "why-max", 1.5, None, None),
    ("s1001", "why-max", None, None, "Good"),
    ("s1000", "pool-1d-random", 2.5, None, None),
    ("s1001", "pool-2d-random", None, 0.5, None),
    ("s1003", "pool-1d", None, None, "See me"),
}


def test_one_test_taken_out_costs_nobody_a_point_given_by_hand(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    change(course, drop="pool-1d-visible")
    done = merge(course, NAME)
    assert hand(course) == ALL
    assert done.said == ()
    found = by_key(course)
    assert (found["s1001"].score, found["s1001"].max_score) == (3 + 4 + 0.5 + 1.5, 9)
    assert (found["s1000"].questions["pool-1d"], found["s1003"].comments) == (2.5, {"pool-1d": "See me"})
    assert found["s1001"].comments == {"why-max": "Good"}


def test_what_was_given_for_a_question_that_goes_is_in_a_file_and_comes_back_with_it(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    bundle = course.bundle(NAME)
    change(course, drop="why-max")
    done = merge(course, NAME)
    assert "gradebook-removed.csv" in done.said[0]["en"]
    assert "why-max" in done.said[0]["zh"]
    assert hand(course) == {row for row in ALL if row[1] != "why-max"}
    rows = list(csv.DictReader(io.StringIO((course.root / "gradebook-removed.csv").read_text())))
    assert [(r["student"], r["cell"], r["points"], r["comment"]) for r in rows] == [("s1001", "why-max", "1.5", "Good")]
    merge(course, NAME)
    assert len((course.root / "gradebook-removed.csv").read_text().splitlines()) == 2
    write_json(course.release(NAME) / "bundle.json", bundle.to_json())
    graded_anew(course)
    merge(course, NAME)
    assert hand(course) == ALL
    assert by_key(course)["s1001"].score == 10


def taken_in(course: Course, **answers: str) -> None:
    """The class's zip once more, into whatever is released now; s1001 has these answers."""
    students = people(6)
    work = [(s, dump(right() if n % 2 else notebook()), "pooling.ipynb") for n, s in enumerate(students[:-1])]
    if answers:
        work[1] = (students[1], dump(notebook(**{"pool_1d": RIGHT_1, "pool_2d": RIGHT_2, **answers})), "pooling.ipynb")
    ingest(course, NAME, lms_zip("canvas", work, course.root / "again.zip"))
    graded_anew(course)
    merge(course, NAME)


@pytest.mark.parametrize("drop", ["why-max", "pool-2d"])
@pytest.mark.parametrize("between", ["a new zip", "nothing"])
def test_a_question_that_comes_back_with_a_new_zip_brings_the_points_for_the_same_answer(tmp_path, drop, between):
    course = graded_course(tmp_path, merged=True)
    given(course)
    grade_by_hand(course, "s1003", "why-max", 0.5, "=Good -1")  # a comment that a spreadsheet would run
    everything = hand(course)
    assert everything > ALL
    bundle = course.bundle(NAME)
    change(course, drop=drop)
    if between == "a new zip":
        taken_in(course)
    else:
        merge(course, NAME)
    assert hand(course) == {row for row in everything if not row[1].startswith(drop)}
    if drop == "why-max":
        assert "'=Good -1" in (course.root / "gradebook-removed.csv").read_text()
    write_json(course.release(NAME) / "bundle.json", bundle.to_json())
    taken_in(course)
    assert hand(course) == everything
    assert by_key(course)["s1001"].score == 10
    with database(course) as gradebook:  # a person takes them away: they do not come back by themselves
        gradebook.find_grade("why-max", NAME, NAME, "s1001").manual_score = None
        gradebook.db.commit()
    taken_in(course)
    assert hand(course) == everything - {("s1001", "why-max", 1.5, None, None)}


def test_they_do_not_come_back_for_another_answer_and_do_for_the_first_one(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    bundle = course.bundle(NAME)
    change(course, drop="why-max")
    merge(course, NAME)
    write_json(course.release(NAME) / "bundle.json", bundle.to_json())
    taken_in(course, why_max="Something else.")
    assert hand(course) == {row for row in ALL if row[1] != "why-max"}
    grade_by_hand(course, "s1001", "why-max", 1, "Less")
    taken_in(course)
    assert hand(course) == ALL
    (kept,) = read_json(course.root / "autograded" / "s1001" / NAME / "earlier-points.json")
    assert (kept["grades"], kept["comments"]) == (
        [{"cell": "why-max", "points": 1.0, "extra": None}],
        [{"cell": "why-max", "comment": "Less"}],
    )


def with_a_question_taken_out(tmp_path):
    """A class marked by hand after *why-max* was taken out, its release before, and where the marks went."""
    course = graded_course(tmp_path, merged=True)
    given(course)
    bundle = course.bundle(NAME)
    change(course, drop="why-max")
    merge(course, NAME)
    return course, bundle, course.root / "gradebook-removed.csv"


def test_what_an_earlier_version_wrote_comes_back_for_the_same_notebook(tmp_path):
    course, bundle, path = with_a_question_taken_out(tmp_path)
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()) + "\n")
    write_json(course.release(NAME) / "bundle.json", bundle.to_json())
    graded_anew(course)
    merge(course, NAME)
    assert hand(course) == ALL


def test_what_a_spreadsheet_saved_again_comes_back_and_what_is_no_number_is_named(tmp_path, capsys):
    """In much of Europe and South America a spreadsheet writes semicolons, and a comma into numbers."""
    course, bundle, path = with_a_question_taken_out(tmp_path)
    rows = list(csv.reader(io.StringIO(path.read_text())))
    (row,) = [row for row in rows if row[3] == "1.5"]
    row[3] = "1,5"
    path.write_bytes("\r\n".join(";".join(row) for row in rows).encode("utf-8-sig"))
    write_json(course.release(NAME) / "bundle.json", bundle.to_json())
    graded_anew(course)
    merge(course, NAME)
    assert hand(course) == ALL
    path.write_text(path.read_text(encoding="utf-8-sig").replace("1,5", "one and a half"))
    assert main(["grade", "--lang", "zh", "run", NAME, "--only-merge", "--course", str(course.root)]) == 1
    said = capsys.readouterr().err
    assert "gradebook-removed.csv 第 2 行" in said
    assert hand(course) == ALL


def test_other_points_leave_what_was_given_and_say_who_has_more_than_the_question_is_worth(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    change(course, worth={"why-max": 1, "pool-2d": 6})
    done = merge(course, NAME)
    assert hand(course) == ALL
    assert "s1001" in done.said[0]["en"]
    assert by_key(course)["s1001"].score == 4 + 6 + 0.5 + 1.5


def test_the_gradebook_is_copied_before_its_structure_changes_and_ten_copies_are_kept(tmp_path, monkeypatch):
    course = graded_course(tmp_path, merged=True)
    given(course)
    folder = course.root / "backups"
    assert not folder.exists()
    before = database_rows(course.root / "gradebook.db")
    change(course, drop="pool-1d-visible")
    merge(course, NAME)
    (copy,) = folder.iterdir()
    assert database_rows(copy) == before
    assert copy.stat().st_mode & 0o077 == 0
    for n in range(12):
        with database(course) as gradebook:
            gradebook.update_or_create_student(f"x{n}")
        removed.backup(course)
    assert len(list(folder.iterdir())) == removed.KEPT == 10
    assert not copy.exists()  # the oldest went


def test_a_copy_that_is_not_whole_stops_the_change(tmp_path, monkeypatch):
    course = graded_course(tmp_path, merged=True)
    given(course)
    real = sqlite3.connect

    class Broken(sqlite3.Connection):
        def execute(self, sql, *args):
            return super().execute("SELECT 'row 7 missing'" if "integrity" in sql else sql, *args)

    monkeypatch.setattr(removed.sqlite3, "connect", lambda *a, **k: real(*a, **k, factory=Broken))
    change(course, drop="pool-1d-visible")
    with pytest.raises(Problem, match="row 7 missing"):
        merge(course, NAME)
    monkeypatch.undo()
    assert hand(course) == ALL


def stopped_after(course: Course, writes: int, work) -> bool:
    """Do the work in a child that ends at once, as by a power cut, after so many writes; False where it got through."""
    child = os.fork()
    if not child:
        left = [writes]

        def wrote(*_) -> None:
            left[0] -= 1
            if left[0] <= 0:
                os._exit(9)

        real = os.replace

        def replace(*args) -> None:
            real(*args)
            wrote()

        os.replace = replace
        real_unlink = os.unlink

        def unlink(*args, **kwargs) -> None:
            real_unlink(*args, **kwargs)
            wrote()

        os.unlink = unlink
        from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as Dialect

        real_commit = Dialect.do_commit

        def do_commit(self, connection) -> None:
            real_commit(self, connection)
            wrote()

        Dialect.do_commit = do_commit
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(7)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


@pytest.mark.slow
@pytest.mark.parametrize("drop", ["pool-1d-visible", "why-max"])
def test_a_stop_after_any_write_loses_nothing_and_the_same_command_ends_as_if_it_had_not_been(tmp_path, drop):
    import shutil

    start = graded_course(tmp_path / "start", 3, merged=True)
    given(start, "s1000")
    change(start, drop=drop)
    clean = Course.load(shutil.copytree(start.root, tmp_path / "clean"))
    merge(clean, NAME)
    end = database_rows(clean.root / "gradebook.db")
    by_csv = removed.read(clean, NAME)
    everything = {("s1000", *row[1:]) if row[0] == "s1003" else row for row in ALL}
    kept = {row for row in everything if row[1] != drop}
    writes = 0
    while True:
        writes += 1
        course = Course.load(shutil.copytree(start.root, tmp_path / f"stop-{writes}"))
        stopped = stopped_after(course, writes, lambda course=course: merge(course, NAME))
        left = removed.read(course, NAME)
        assert hand(course) == everything or (hand(course) == kept and (left == by_csv or drop == "pool-1d-visible"))
        merge(course, NAME)
        assert database_rows(course.root / "gradebook.db") == end, writes
        assert removed.read(course, NAME) == by_csv
        assert not list((course.root / "backups").glob(".copy-*"))
        assert len(list((course.root / "backups").iterdir())) >= 1
        shutil.rmtree(course.root)
        if not stopped:
            break
    assert writes > 10


def test_a_stop_between_a_resubmission_and_its_page_does_not_move_new_points_aside(tmp_path):
    from test_lms_gradebook import dump, notebook, resubmit

    course = graded_course(tmp_path, merged=True)
    grade_by_hand(course, "s1001", "why-max", 2)
    resubmit(course, dump(notebook(why_max="new words")))
    fake_run(course)
    shown = course.root / "autograded" / "s1001" / NAME / f"{NAME}.ipynb"
    before = shown.read_bytes()
    merge(course, NAME)
    assert by_key(course)["s1001"].questions["why-max"] is None
    grade_by_hand(course, "s1001", "why-max", 1)
    shown.write_bytes(before)  # the file was not written when the power went
    merge(course, NAME)
    assert by_key(course)["s1001"].questions["why-max"] == 1


# -- asking -------------------------------------------------------------------------------------------------------


def ask(course: Course, *more: str) -> int:
    return main(["grade", "--lang", "en", "run", NAME, "--only-merge", "--course", str(course.root), *more])


def test_changed_scores_are_listed_and_not_written_without_a_yes(tmp_path, monkeypatch, capsys):
    course = graded_course(tmp_path, merged=True)
    given(course)
    assert ask(course) == 0  # nothing changed: nobody is asked
    assert "→" not in capsys.readouterr().out
    change(course, worth={"pool-2d": 6})
    before = database_rows(course.root / "gradebook.db")
    assert ask(course) == 1
    said = capsys.readouterr()
    assert "(s1001): 10 → 12" in said.out
    assert "(s1000)" not in said.out
    assert "--yes" in said.err
    assert database_rows(course.root / "gradebook.db") == before
    assert by_key(course)["s1001"].status == "failed"  # no mark of a half-changed state goes out
    assert ask(course, "--yes") == 0
    assert by_key(course)["s1001"].score == 12


def test_in_a_terminal_a_person_is_asked_and_no_means_no(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    change(course, worth={"pool-2d": 6})
    command = [sys.executable, "-m", "coursegrade", "grade", "--lang", "en", "run", NAME, "--only-merge"]

    def answer(word: bytes) -> int:
        ours, theirs = pty.openpty()
        os.write(ours, word + b"\n")
        try:
            done = subprocess.run(
                [*command, "--course", str(course.root)], stdin=theirs, capture_output=True, text=True
            )
        finally:
            os.close(theirs)
            os.close(ours)
        assert "Traceback" not in done.stderr
        return done.returncode

    before = database_rows(course.root / "gradebook.db")
    assert answer(b"n") == 1
    assert database_rows(course.root / "gradebook.db") == before
    assert answer(b"y") == 0
    assert by_key(course)["s1001"].score == 12


def test_a_first_grade_a_resubmission_and_a_mended_failure_are_not_changes(tmp_path):
    course = graded_course(tmp_path)
    assert changes(course, NAME) == []
    good = fake_result(course, "s1001").to_json()
    bad = {**good, "status": "failed", "reason": Text(en="it hung", zh="超时"), "score": 0, "questions": []}
    write_json(course.result("s1001", NAME), bad)
    merge(course, NAME)
    write_json(course.result("s1001", NAME), good)
    assert changes(course, NAME) == []
    merge(course, NAME)
    write_json(course.result("s1001", NAME), bad)
    (one,) = changes(course, NAME)
    assert (one.student.key, one.before, one.after) == ("s1001", 8, None)


def test_what_run_says_is_waiting_counts_the_gradebook(tmp_path, capsys):
    course = graded_course(tmp_path)
    assert ask(course) == 0
    assert "5 written answers wait" in capsys.readouterr().out
    for student in ("s1000", "s1001", "s1002", "s1003", "s1004"):
        grade_by_hand(course, student, "why-max", 1)
    assert ask(course) == 0
    assert "0 written answers wait" in capsys.readouterr().out
    assert json.loads(json.dumps(list(hand(course))))


def test_what_was_set_aside_comes_back_with_the_answer_and_only_once(tmp_path):
    course = graded_course(tmp_path, merged=True)
    given(course)
    grade_by_hand(course, "s1001", "pool-1d-random", 2.5)
    everything = hand(course)
    path = course.root / "autograded" / "s1001" / NAME / "earlier-points.json"
    taken_in(course, why_max="Something else.")
    assert hand(course) == {row for row in everything if row[:2] != ("s1001", "why-max")}
    grade_by_hand(course, "s1001", "why-max", 0.5, "Less")
    taken_in(course)
    assert hand(course) == everything
    (kept,) = read_json(path)  # what was given for the other answer, and nothing that counts
    assert kept["grades"] == [{"cell": "why-max", "points": 0.5, "extra": None}]
    grade_by_hand(course, "s1001", "why-max", 2.0, "Good")  # what is given since is what comes back
    taken_in(course, why_max="Something else.")
    assert ("s1001", "why-max", 0.5, None, None) in hand(course)
    taken_in(course)
    assert ("s1001", "why-max", 2.0, None, None) in hand(course)
    with database(course) as gradebook:  # a person takes them away: they do not come back by themselves
        gradebook.find_grade("why-max", NAME, NAME, "s1001").manual_score = None
        gradebook.find_comment("why-max", NAME, NAME, "s1001").manual_comment = None
        gradebook.db.commit()
    taken_in(course, why_max="Something else.")
    taken_in(course)
    assert not [row for row in hand(course) if row[:2] == ("s1001", "why-max")]


# -- one student who hands in again and again ------------------------------------------------------------------------

ANSWERS = {  # by the cell that is marked: the answer's name and texts
    "why-max": ("why_max", ("", "shift", "because")),
    "pool-2d-random": ("pool_2d", (RIGHT_2, RIGHT_2 + "  # b")),
}
STEPS = st.one_of(
    st.tuples(st.just("mark"), st.sampled_from(sorted(ANSWERS)), st.sampled_from([0.0, 0.5, 2.0])),
    st.tuples(st.just("hand in"), st.integers(0, 2), st.integers(0, 1)),
    st.tuples(st.just("run"), st.none(), st.none()),
    st.tuples(st.just("ask"), st.booleans(), st.none()),
)
BACK_AND_FORTH = [
    ("mark", "why-max", 2.0), ("mark", "pool-2d-random", 0.5), ("hand in", 1, 0), ("hand in", 0, 0),
    ("run", None, None), ("ask", False, None), ("hand in", 0, 1), ("run", None, None), ("ask", True, None),
    ("hand in", 2, 1), ("run", None, None), ("mark", "why-max", 0.0), ("hand in", 0, 0),
]  # fmt: skip

THERE_AND_BACK = [
    ("mark", "why-max", 0.5), ("ask", False, None), ("run", None, None), ("ask", True, None), ("run", None, None),
    ("mark", "why-max", 2.0), ("hand in", 1, 0), ("run", None, None), ("hand in", 0, 0), ("run", None, None),
]  # fmt: skip


@hypothesis.given(steps=st.lists(STEPS, min_size=3, max_size=6))
@hypothesis.example(steps=BACK_AND_FORTH)
@hypothesis.example(steps=THERE_AND_BACK)
@hypothesis.settings(max_examples=2, deadline=None)
def test_a_mark_counts_as_long_as_its_answer_is_the_one_it_was_given_for_and_is_never_lost(tmp_path_factory, steps):
    course = graded_course(tmp_path_factory.mktemp("again") / "c", 2)
    (student,) = [s for s in course.roster() if s.key == "s1000"]
    whole = course.bundle(NAME)
    wrote = dict.fromkeys(ANSWERS, 0)  # which answer is handed in, by the cell that is marked
    merged: dict[str, int] = {}  # and which one the gradebook has seen
    marks: dict[tuple[str, int], float] = {}  # what was given last, by cell and answer
    latest: dict[str, int] = {}  # the answer for which something was given last
    counts: set[str] = set()  # the cells whose answer has been the same in every run since
    every: set[tuple[str, float]] = set()  # all that was given, but for what a person put something else in place of
    resubmit(course, NAME, student, _file(course, wrote))
    for what, first, second in [("run", None, None), *steps, ("ask", True, None), ("run", None, None)]:
        asked = {q.answer_cells[0] for q in course.bundle(NAME).questions} | {"pool-2d-random"}
        if what == "mark" and merged == wrote and first in asked:
            grade_by_hand(course, student.key, first, second)
            every.discard((first, marks.get((first, wrote[first]))))
            marks[first, wrote[first]] = second
            latest[first] = wrote[first]
            counts.add(first)
            every.add((first, second))
        elif what == "hand in":
            wrote = dict(zip(ANSWERS, (first, second), strict=True))
            resubmit(course, NAME, student, _file(course, wrote))
        elif what == "ask" and first:
            write_json(course.release(NAME) / "bundle.json", whole.to_json())
        elif what == "ask" and "why-max" in asked:
            change(course, drop="why-max")
        if what == "run":
            resubmit(course, NAME, student, _file(course, wrote))  # into what is released now
            graded_anew(course)
            merge(course, NAME)
            merged = dict(wrote)
            counts = {cell for cell in counts if latest[cell] == wrote[cell]}
            held = {row[1]: row[2] for row in hand(course) if row[2] is not None}
            assert {cell for cell in counts if cell in asked} <= set(held)
            assert {cell for cell in wrote if cell in asked and (cell, wrote[cell]) in marks} <= set(held), "came back"
            for cell, points in held.items():
                assert marks[cell, wrote[cell]] == points, (cell, held, marks)
        kept = read_json(course.root / "autograded" / student.key / NAME / "earlier-points.json") or []
        aside = {(g["cell"], g["points"]) for one in kept for g in one["grades"]}
        gone = {(cell, one.points) for (_, cell), one in removed.read(course, NAME).items()}
        now = {(row[1], row[2]) for row in hand(course) if row[2] is not None}
        assert every <= aside | gone | now, (every, aside, gone, now)


def _file(course: Course, wrote: dict[str, int]):
    """The notebook with these answers, as somebody would send it by e-mail."""
    path = course.root.parent / "mended.ipynb"
    answers = {name: texts[wrote[cell]] for cell, (name, texts) in ANSWERS.items()}
    path.write_bytes(dump(notebook(**{"pool_1d": RIGHT_1, **{k: v for k, v in answers.items() if v}})))
    return path
