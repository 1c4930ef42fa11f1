"""Marks in the formats of the LMSs, and the class report."""

import csv
import io
import re
from dataclasses import replace

import pytest
from lms_classes import NAME, bundle, course_folder, people, roster_csv

from coursegrade.contract import Text
from coursegrade.files import Problem
from coursegrade.handback import export as module
from coursegrade.handback import report as report_module
from coursegrade.handback.export import Rules, export
from coursegrade.handback.report import report, summary
from coursegrade.intake.ingest import _csv as ingest_csv
from coursegrade.intake.roster import table_text
from coursegrade.records.gradebook import State
from coursegrade.sanitise import NOTHING, Untrusted, guard, said

SCORES = (0, 4, 8, 9.5, 10, 3.25, 7, 8, 10, 2, 6, 8, 9, 1, 5)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course and its students' states: 16 of them with every difficult name, the last handed in nothing."""
    students = people(16)
    made = course_folder(tmp_path, students=students)
    found = []
    for student, score in zip([s.student() for s in students], SCORES, strict=False):
        result = None
        points = {"pool-1d": min(score, 4.0), "pool-2d": min(max(score - 4.0, 0), 4.0), "why-max": max(score - 8.0, 0)}
        state = State(student, "graded", None, score, score, 0.0, 10.0, points, result, {}, {"submitted_at": None})
        found.append(state)
    found[0] = replace(found[0], status="failed", reason=said(Text(en='=broken, "JSON"', zh="=损坏")))
    found[2] = replace(found[2], status="partial", questions={**found[2].questions, "why-max": None})
    missing = {"pool-1d": 0.0, "pool-2d": 0.0, "why-max": 0.0}
    found.append(State(students[15].student(), "missing", None, 0, 0, 0, 10.0, missing, None, {}, {}))
    monkeypatch.setattr(module, "states", lambda *_: found)
    monkeypatch.setattr(report_module, "states", lambda *_: found)
    return made, found


def table(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def decided(states):
    """Those whose mark goes out: graded, with no written answer that waits."""
    return [s for s in states if s.status == "graded"]


def unguarded(value):
    return value[1:] if value[:1] == "'" and value[1:2] and value[1] in "=+-@\t" else value


@pytest.mark.parametrize(
    "value",
    ["=1+1", "+A1", "-x", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-2+3+cmd|' /C calc'!A0", "-1*2", "--A1", " =1+1", "+1=2"],
)
def test_nothing_looks_like_a_formula(value):
    assert guard(value) == f"'{value}"
    cell = next(csv.reader(io.StringIO(table_text([[value, 1.5, -2.0, None]]).decode(), newline="")))
    assert cell[0].startswith("'")
    assert cell[1:] == ["1.5", "-2", ""]  # numbers stay numbers


HARMLESS = ("-", "+", "--", "-3", "+3.5", "-1,5", "+49 (0)30 1234-56", "-12 %", "=", "@", "'", "'-5", '="007"')


def test_what_moodle_wrote_goes_back_as_it_was_where_it_is_harmless(course, tmp_path):
    """Through ``--template``, and through the roster that ``ingest`` keeps; a formula gets its apostrophe, once."""
    folder, _ = course
    cells = [*HARMLESS, "=1+1", "＝1+1", "a\x1b[2J\u202eb"]
    rows = list(csv.reader(io.StringIO(roster_csv(people(16), "moodle").decode())))
    rows[0].append("Telephone")
    for row, cell in zip(rows[1:], cells, strict=True):
        row.append(cell)
    rows[4][1] = "  王小明 "
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    given = tmp_path / "sheet.csv"
    given.write_text(buffer.getvalue(), newline="")
    path, _ = export(folder, NAME, "moodle", template=given)
    (folder.root / folder.roster_file).write_bytes(ingest_csv(folder.table(given)))
    again, _ = export(folder, NAME, "moodle")
    expected = [*HARMLESS, "'=1+1", "'＝1+1", "a[2Jb"]
    for made in (table(path), table(again)):
        assert [row[-1] for row in made[1:]] == expected
        place = rows[0].index("Last modified (grade)")
        assert {row[place] for row in made[1:]} == {"-"}  # as Moodle wrote it
        assert made[4][1] == "  王小明 "
        assert made[5][1].endswith("Eve =1+1")
    assert [s.name for s in folder.roster()] == [s.name for s in people(16)]


def test_names_round_trip_in_plain_csv(course):
    folder, found = course
    path, _ = export(folder, NAME, "csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # Excel reads the Chinese names
    rows = table(path)
    assert len({len(row) for row in rows}) == 1
    header = rows[0]
    for row, state in zip(rows[1:], found, strict=True):
        one = dict(zip(header, row, strict=True))
        assert unguarded(one["last_name"]) == state.student.last
        assert unguarded(one["first_name"]) == state.student.first
        assert one["student_id"] == state.student.id
        assert one["status"] == state.status
        if state.status == "graded":
            assert float(one["score"]) == state.score
        else:
            assert one["score"] == ""  # not decided is not zero
    assert rows[16][header.index("score")] == ""
    assert rows[1][header.index("reason")] == '\'=broken, "JSON"'
    assert rows[3][header.index("q:why-max")] == ""


def canvas_reads(rows):
    """The rules of Canvas's importer (lib/gradebook_importer.rb): the students' columns, then the assignments'."""
    header = rows[0]
    assert len(header) > 3
    assert "Student" in header[0]
    assert "ID" in header[1]
    columns = 3
    if re.search(r"SIS\s+User\s+ID", header[2]) and re.search(r"SIS\s+Login\s+ID", header[3]):
        columns = 5
    assert "Section" in header[columns - 1]
    points = next(row for row in rows[1:] if "Points Possible" in row[0])
    students = [row for row in rows[1:] if row is not points]
    return header[columns:], points[columns:], {row[1]: row[columns:] for row in students}


@pytest.mark.parametrize("template", [False, True])
def test_canvas_reads_its_file(course, tmp_path, template):
    folder, found = course
    given = tmp_path / "gradebook.csv"
    given.write_bytes(roster_csv(people(16), "canvas"))
    path, _ = export(folder, NAME, "canvas", template=given if template else None)
    assignments, points, marks = canvas_reads(table(path))
    assert assignments == ["Pooling (991)"]  # the roster is Canvas's gradebook and names the column as well
    assert [float(p) for p in points] == [10]
    assert {k: float(v[0]) for k, v in marks.items() if v[0]} == {s.student.canvas: s.score for s in decided(found)}
    assert marks["70015"] == [""]


def moodle_reads(rows):
    """The rules of Moodle's importer (assignfeedback_offline): three columns, a number ends the identifier."""
    header = rows[0]
    where = [header.index(c) for c in ("Identifier", "Grade", "Last modified (grade)")]
    assert all(len(row) == len(header) for row in rows)
    return {row[where[0]][len("Participant ") :]: row[where[1]] for row in rows[1:]}


def test_who_has_no_number_is_found_in_the_worksheet_by_a_name_that_nobody_else_has(tmp_path, monkeypatch, course):
    made, found = course
    names = [s.student.name for s in found]
    nothing = {"sis": "", "login": NOTHING, "canvas": "", "moodle": "", "email": NOTHING}
    bare = [
        replace(s, student=replace(s.student, id=f"own-{number}", **nothing))
        for number, s in enumerate(found) if names.count(s.student.name) == 1
    ]  # fmt: skip
    bare[1] = replace(bare[1], comments={"why-max": "Good =1"})
    monkeypatch.setattr(module, "states", lambda *_: bare)
    given = tmp_path / "worksheet.csv"
    given.write_bytes(roster_csv(people(16), "moodle"))
    path, _ = export(made, NAME, "moodle", template=given)
    rows = table(path)
    grade, comments = rows[0].index("Grade"), rows[0].index("Feedback comments")
    assert sum(bool(row[grade]) for row in rows[1:]) == len(decided(bare)) > 5
    assert sum("Why the maximum?: Good =1" in row[comments] for row in rows[1:]) == 1
    stranger = replace(
        bare[1].student, name=Untrusted("Nobody There"), first=Untrusted("Nobody"), last=Untrusted("There")
    )
    monkeypatch.setattr(module, "states", lambda *_: [*bare, replace(bare[1], student=replace(stranger, key="x1"))])
    with pytest.raises(Problem, match=r"1 student with a mark is not in the worksheet: Nobody There"):
        export(made, NAME, "moodle", template=given)


def test_comments_by_hand_are_in_the_table(monkeypatch, course):
    made, found = course
    said_to = [replace(found[1], comments={"why-max": "Good, but why?"}), *found[2:]]
    monkeypatch.setattr(module, "states", lambda *_: said_to)
    path, _ = export(made, NAME, "csv")
    assert table(path)[1][-1] == "Why the maximum?: Good, but why?"


@pytest.mark.parametrize("template", [True, False])
def test_moodle_reads_its_file(tmp_path, monkeypatch, template, course):
    _, found = course
    folder = course_folder(tmp_path / "m", students=people(16), lms="moodle")
    given = tmp_path / "worksheet.csv"
    given.write_bytes(roster_csv(people(16), "moodle"))
    path, _ = export(folder, NAME, "moodle", template=given if template else None)
    marks = moodle_reads(table(path))
    expected = {s.student.moodle: s.score * 10 for s in decided(found)}  # the worksheet's maximum is 100
    assert {k: float(v) for k, v in marks.items() if v} == expected
    again = table(path)
    assert unguarded(again[5][1]) == "Eve =1+1"
    assert again[1][header_of(again, "Feedback comments")].startswith("'=broken")


def header_of(rows, name):
    return rows[0].index(name)


def test_gradescope_has_its_own_columns(course):
    folder, _ = course
    path, _ = export(folder, NAME, "gradescope", rules=Rules(missing_as_zero=True))
    rows = table(path)
    assert rows[0][:4] == ["First Name", "Last Name", "SID", "Email"]
    assert rows[0][5:7] == [NAME, f"{NAME} - Max Points"]
    assert rows[16][5] == "0"


def test_a_template_that_does_not_fit_says_so(course, tmp_path):
    folder, _ = course
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    for form, word in (("canvas", "0 columns"), ("moodle", "participants' numbers")):
        with pytest.raises(Problem, match=word):
            export(folder, NAME, form, template=wrong)
    with pytest.raises(Problem, match="no file"):
        export(folder, NAME, "canvas", template=tmp_path / "absent.csv")
    with pytest.raises(Problem, match="no format"):
        export(folder, NAME, "xlsx")


def test_the_report_counts_right(course):
    _, found = course
    numbers = summary(bundle(), found)
    assert (numbers["students"], numbers["handed_in"], numbers["failed"], numbers["waiting"]) == (16, 15, 1, 1)
    decided = [s.score for s in found if s.status == "graded"]  # a failed or a waiting one is not 0
    assert len(decided) == 13
    assert numbers["mean"] == pytest.approx(sum(decided) / 13)
    one = {q["id"]: q for q in numbers["questions"]}
    assert one["pool-1d"]["graded"] == 14  # the failed one says nothing about the question
    assert one["why-max"]["graded"] == 13
    assert one["pool-1d"]["full"] == pytest.approx(sum(s >= 4 for s in SCORES[1:]) / 14)
    assert one["pool-2d"]["none"] == pytest.approx(sum(s <= 4 for s in SCORES[1:]) / 14)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_is_one_file_with_two_plots(course, tmp_path, language):
    folder = course_folder(tmp_path / language, students=people(16), language=language)
    path = report(folder, NAME)
    html = path.read_text()
    assert html.count("data:image/png;base64,") == 2
    assert html.count("alt=") == 2
    assert not re.search(r"(src|href)=[\"']?https?:", html)
    assert ("各题难度" in html) == (language == "zh")
    assert "<script" not in html
    rows = [re.findall("<td>(.*?)</td>", row) for row in html.partition("<h2>")[2].split("<tr>")]
    states = [row[2] for row in rows if len(row) == 8]
    assert len(states) == 16
    words = {"en": ("could not be graded", "waits for a person"), "zh": ("无法评分", "待人工评阅")}[language]
    assert [states.count(word) for word in words] == [1, 1]
    waiting, failed = (next(row for row in rows if len(row) == 8 and row[2] == word) for word in reversed(words))
    assert "–" in waiting[4:7]
    assert set(failed[3:7]) == {""}
    before = path.read_bytes()
    report(folder, NAME)
    assert path.read_bytes() == before


def test_a_report_of_nobody_still_opens(course):
    folder, found = course
    empty = [replace(s, status="missing", reason=None) for s in found]
    assert "0" in report(folder, NAME, empty).read_text()
