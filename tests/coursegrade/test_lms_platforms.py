"""Canvas, Moodle and Gradescope as they are: languages, zones, sections, groups, names, and what goes back to them.

The formats are the platforms' own, each with where it was read: the zips of Canvas in ``lib/content_zipper.rb``, the
worksheet of Moodle in ``mod/assign/gradingtable.php`` and ``feedback/offline/importgradeslib.php`` with the words of
its language packs, Gradescope's in its exports.
"""

import csv
import datetime
import io
import json
import zipfile
from dataclasses import replace

import pytest
from lms_classes import (
    NAME,
    RIGHT_1,
    RIGHT_2,
    canvas_name,
    course_folder,
    fake_run,
    lms_zip,
    notebook,
    people,
    roster_csv,
    tree,
)
from root import ROOT

from coursegrade.course import Course
from coursegrade.files import Problem
from coursegrade.handback.export import Rules, export
from coursegrade.handback.giveback import as_handed_in
from coursegrade.intake.ingest import ingest
from coursegrade.intake.lms import _canvas_parts
from coursegrade.intake.roster import add, read_roster, read_table, students_of, worksheet
from coursegrade.intake.times import read_times

EXERCISES = ROOT / "exercises"


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def table(*rows: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def row_of(report, key):
    return next(r for r in report.rows if r.student == key)


def zip_file(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


# -- which notebook counts ----------------------------------------------------------------------------------------

PART = dump(notebook(pool_1d=RIGHT_1))
WHOLE = dump(notebook(pool_1d=RIGHT_1, pool_2d=RIGHT_2))
BLANK = dump(notebook())
BLANK_ZH = dump(notebook("zh"))


def inner(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


FOLDER = inner(("pooling/pooling.ipynb", WHOLE), ("pooling/zh/pooling.ipynb", BLANK_ZH))
MOODLE = "Martin King, Jr._500_assignsubmission_file"


@pytest.mark.parametrize(
    ("lms", "files", "answered"),
    [
        ("canvas", [("kingjrmartin_70000_1_pooling.zip", FOLDER)], 2),
        ("canvas", [("kingjrmartin_70000_1_pooling.ipynb", WHOLE), ("kingjrmartin_70000_2_pooling-1.ipynb", BLANK)], 2),
        ("canvas", [("kingjrmartin_70000_9_pooling.ipynb", WHOLE), ("kingjrmartin_70000_10_p.ipynb", PART)], 2),
        ("moodle", [(f"{MOODLE}/pooling.zip", FOLDER)], 2),
        ("moodle", [(f"{MOODLE}/pooling.ipynb", WHOLE), (f"{MOODLE}/zh/pooling.ipynb", BLANK_ZH)], 2),
        ("moodle", [(f"{MOODLE}/zh/pooling.ipynb", BLANK_ZH), (f"{MOODLE}/a.ipynb", PART)], 1),
    ],
)
def test_the_notebook_with_most_answers_counts_and_paths_tell_them_apart(tmp_path, lms, files, answered):
    course = course_folder(tmp_path / "course", students=people(1), lms=lms)
    report = ingest(course, NAME, zip_file(tmp_path / "x.zip", files))
    row = row_of(report, "s1000")
    assert (row.status, row.answered, row.answers) == ("ready", answered, 3)
    note = next(n for n in row.notes if "several notebooks" in n["en"])
    for language in ("en", "zh"):
        names = note[language].split("'")[1::2]
        assert len(set(names)) == 2
    assert ("zh/pooling.ipynb" in note["en"]) == any("zh/" in n or d is FOLDER for n, d in files)


def test_of_equally_many_answers_the_latest_counts(tmp_path):
    other = dump(notebook(pool_1d=RIGHT_1 + "  # again"))
    files = [("kingjrmartin_70000_10_b.ipynb", other), ("kingjrmartin_70000_9_pooling.ipynb", PART)]
    course = course_folder(tmp_path / "course", students=people(1))
    report = ingest(course, NAME, zip_file(tmp_path / "x.zip", files))
    assert row_of(report, "s1000").file == "kingjrmartin_70000_10_b.ipynb"


def test_an_empty_resubmission_does_not_take_the_answers_place(tmp_path):
    s, other = people(2)
    course = course_folder(tmp_path / "course", students=[s, other])
    ingest(course, NAME, lms_zip("canvas", [(s, WHOLE, "pooling.ipynb")], tmp_path / "1.zip"))
    later = lms_zip("canvas", [(other, WHOLE, "p.ipynb"), (s, BLANK, "pooling-1.ipynb")], tmp_path / "2.zip")
    row = row_of(ingest(course, NAME, later), s.key)
    assert row.status == "kept"
    assert "has no answer" in row.notes[0]["en"]
    assert "right" in (course.submitted(s.key, NAME) / f"{NAME}.ipynb").read_text()


def test_a_dry_run_shows_all_and_writes_nothing(tmp_path, capsys):
    from coursegrade.__main__ import main

    students = people(3)
    course = course_folder(tmp_path / "course", lms="moodle")
    (tmp_path / "r.csv").write_bytes(roster_csv(students, "moodle"))
    path = lms_zip("moodle", [(s, WHOLE if n else b"%PDF", "pooling.ipynb") for n, s in enumerate(students[:2])],
                   tmp_path / "m.zip")  # fmt: skip
    before = tree(course.root)
    command = ["grade", "ingest", NAME, str(path), "--roster", str(tmp_path / "r.csv"), "-C", str(course.root)]
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if "s1001" in line)
    assert "2/3" in line
    assert "2026-12-01 21:15 +00:00" in line.replace(str(datetime.datetime.now().astimezone())[-6:], "+00:00")
    assert "assignsubmission_file/pooling.ipynb" in line
    assert "Nothing was written" in said
    assert tree(course.root) == before
    assert main(command) == 0
    assert tree(course.root) != before


# -- Moodle in its teachers' languages ----------------------------------------------------------------------------

# Columns as mod/assign/gradingtable.php orders them in a worksheet; words of lang packs de, es, fr, it, nl, zh_cn
# ("recordid", "lastmodifiedsubmission", "lastmodifiedgrade" of mod_assign); times in each pack's strftimedaydatetime.
WORKSHEETS = {
    "en": (
        ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Marking workflow state",
         "Grade can be changed", "Last modified (submission)", "Last modified (grade)", "Feedback comments"],
        "Participant ", ["Submitted for grading - Released", "", "100.00", "Released", "Yes"],
        "Wednesday, 23 September 2026, 9:00 PM",
    ),
    "en_us": (
        ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed",
         "Last modified (submission)", "Last modified (grade)", "Feedback comments"],
        "Participant ", ["Submitted for grading", "", "100.00", "Yes"], "Wednesday, September 23, 2026, 9:00 PM",
    ),
    "de": (
        ["ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung",
         "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)", "Zuletzt geändert (Bewertung)",
         "Feedback als Kommentar"],
        "Teilnehmer/in", ["Zur Bewertung abgegeben", "", "100,00", "Ja"], "Mittwoch, 23. September 2026, 21:00",
    ),
    "es": (
        ["Identificador", "Nombre completo", "Dirección de correo", "Estado", "Calificación", "Calificación máxima",
         "La calificación puede ser cambiada", "Última modificación (entrega)", "Última modificación (calificación)",
         "Comentarios de retroalimentación"],
        "Participante", ["Enviado para calificar", "", "100,00", "Sí"], "miércoles, 23 de septiembre de 2026, 21:00",
    ),
    "fr": (
        ["Identifiant", "Nom complet", "Adresse de courriel", "Statut", "Note", "Note maximale",
         "La note peut être modifiée", "Dernière modification (travail remis)", "Dernière modification (note)",
         "Feedback par commentaires"],
        "Participant", ["Remis pour évaluation", "", "100,00", "Oui"], "mercredi 23 septembre 2026, 21:00",
    ),
    "zh_cn": (
        ["编号", "全名", "电子邮件地址", "状态", "成绩", "最高分", "成绩可以修改", "最后修改（学生）",
         "最后修改（教师）", "反馈评语"],
        "参与者", ["已提交", "", "100.00", "是"], "2026年9月23日 星期三 21:00",
    ),
    "pl": (  # a language with no word of it in any table of ours
        ["Identyfikator", "Imię i nazwisko", "Adres e-mail", "Status", "Ocena", "Maksymalna ocena",
         "Ocena może zostać zmieniona", "Ostatnio modyfikowane (przesłane)", "Ostatnio modyfikowane (ocena)",
         "Komentarz zwrotny"],
        "Uczestnik", ["Przesłane do oceny", "", "100,00", "Tak"], "środa, 23 września 2026, 21:00",
    ),
}  # fmt: skip


def moodle_worksheet(language, students, *, when=None, shift=0) -> bytes:
    header, word, middle, time = WORKSHEETS[language]
    rows = [
        [f"{word}{int(s.moodle) + shift}", s.name, s.email, *middle, (when or time) if n else "-", "-", ""]
        for n, s in enumerate(students)
    ]
    return table(header, *rows)


@pytest.mark.parametrize("language", WORKSHEETS)
def test_a_worksheet_in_any_language_is_roster_clock_and_template(tmp_path, monkeypatch, language):
    students = people(4)
    data = moodle_worksheet(language, students)
    found = read_roster(data)
    assert [(s.moodle, s.name, s.email) for s in found] == [(s.moodle, s.name, s.email) for s in students]

    course = course_folder(tmp_path / "course")
    settings = course.root / "grading.toml"
    settings.write_text(settings.read_text() + "pooling = 2026-09-23T23:59:00+08:00\n")
    course = Course.load(course.root)
    (tmp_path / "w.csv").write_bytes(data)
    zipped = lms_zip("moodle", [(s, WHOLE, "pooling.ipynb") for s in students], tmp_path / "m.zip")
    monkeypatch.setenv("TZ", "America/New_York")  # the machine's zone decides nothing
    report = ingest(course, NAME, zipped, roster=tmp_path / "w.csv")
    assert report.count("ready") == 4
    records = course.ingested(NAME)
    assert [records[s.key]["submitted_at"] for s in found[1:]] == ["2026-09-23T13:00:00+00:00"] * 3
    assert records[found[0].key]["submitted_at"] is None
    assert any("UTC+08:00" in note["en"] and "UTC+08:00" in note["zh"] for note in report.notes)

    where = worksheet(read_table(data, name="w"))
    header = WORKSHEETS[language][0]
    assert (where.grade, where.maximum, where.submitted, where.comments) == (
        4, 5, len(header) - 3, len(header) - 1,
    )  # fmt: skip


def test_the_zone_of_the_settings_is_taken_before_that_of_the_due_date(tmp_path):
    course = course_folder(tmp_path)
    path = tmp_path / "grading.toml"
    path.write_text('[course]\ntimezone = "Asia/Shanghai"\n[due]\npooling = 2026-09-23T23:59:00\n')
    course = Course.load(tmp_path)
    assert course.due[NAME].isoformat() == "2026-09-23T23:59:00+08:00"
    assert "Asia/Shanghai" in course.zone(NAME)[1]["en"]
    path.write_text('[course]\ntimezone = "Shanghai time"\n')
    with pytest.raises(Problem, match="Asia/Shanghai, Europe/Berlin"):
        Course.load(tmp_path)


def test_a_time_that_cannot_be_read_is_a_note_for_the_teacher_only(tmp_path):
    students = people(3)
    course = course_folder(tmp_path / "course")
    (tmp_path / "w.csv").write_bytes(moodle_worksheet("en", students, when="sometime 9:00"))
    zipped = lms_zip("moodle", [(s, WHOLE, "pooling.ipynb") for s in students], tmp_path / "m.zip")
    report = ingest(course, NAME, zipped, roster=tmp_path / "w.csv")
    key = report.rows[1].student
    record = course.ingested(NAME)[key]
    assert record["submitted_at"] is None
    assert "sometime 9:00" in record["remarks"][0]["en"]
    assert record["notes"] == []


# The forms that Moodle's language packs and their changes give ("strftimedaydatetime", "strftimedatetimeshort"), and
# that public tools for Moodle and Canvas parse.
NINE = [
    "Wednesday, 23 September 2026, 9:00 PM", "Wednesday, September 23, 2026, 9:00 PM", "23/09/26, 21:00",
    "2026年9月23日 星期三 21:00", "2026年09月23日 下午 9:00", "2026/09/23 21:00", "Mittwoch, 23. September 2026, 21:00",
    "mercredi 23 septembre 2026 à 21h00", "miércoles, 23 de septiembre de 2026, 21:00", "23.9.2026 klo 21.00",
    "środa, 23 września 2026, 21:00", "středa, 23. září 2026, 21.00", "среда, 23 сентября 2026, 21:00",
    "2026年 09月 23日(水曜日) 21:00", "2026년 9월 23일 수요일, 오후 9:00", "quarta, 23 de setembro de 2026, 21:00",
    "Dimecres, 23 de setembre 2026, 21:00", "Wed, 23 Sep 2026, 9:00 p.m.", "2026-09-23T13:00:00+00:00",
    "srijeda, 23. rujna 2026., 21:00", "الأربعاء، 23 سبتمبر 2026، 9:00 م",
]  # fmt: skip


@pytest.mark.parametrize("value", NINE)
def test_times_are_read_in_every_form(value):
    zone = datetime.timezone(datetime.timedelta(hours=8))
    (found,) = read_times([value], zone)
    assert found is not None
    assert found.astimezone(datetime.UTC).isoformat() == "2026-09-23T13:00:00+00:00"


@pytest.mark.parametrize("value", ["", "-", "Yes", "9:00", "23 September 2026", "31/31/26, 9:00", "9/8/26, 9:00"])
def test_what_is_no_time_or_can_be_two_is_none(value):
    assert read_times([value], datetime.UTC) == [None]


@pytest.mark.parametrize(
    ("value", "hour"), [("12:05 AM", 0), ("12:05 PM", 12), ("上午 12:05", 0), ("下午 12:05", 12), ("凌晨 1:05", 1)]
)
def test_noon_and_midnight(value, hour):
    assert read_times([f"2026-09-23 {value}"], datetime.UTC)[0].hour == hour


def test_the_worksheet_of_another_assignment_is_noticed(tmp_path):
    students = people(4)
    course = course_folder(tmp_path / "course")
    (tmp_path / "w.csv").write_bytes(moodle_worksheet("de", students, shift=1000))
    zipped = lms_zip("moodle", [(s, WHOLE, "pooling.ipynb") for s in students], tmp_path / "m.zip")
    report = ingest(course, NAME, zipped, roster=tmp_path / "w.csv")
    assert report.count("ready") == 4
    assert any("another assignment" in note["en"] for note in report.notes)
    assert {r["submitted_at"] for r in course.ingested(NAME).values()} == {None}
    keys = {r.student for r in report.rows}
    (tmp_path / "w.csv").write_bytes(moodle_worksheet("de", students))  # this assignment's: the same people
    report = ingest(course, NAME, zipped, roster=tmp_path / "w.csv")
    assert {r.student for r in report.rows} == keys
    assert not any("another assignment" in note["en"] for note in report.notes)


def test_hidden_names_are_said(tmp_path):
    students = [replace(s, name="Teilnehmer in") for s in people(4)]
    course = course_folder(tmp_path / "course", students=people(4), lms="canvas")
    report = ingest(course, NAME, lms_zip("moodle", [(s, WHOLE, "p.ipynb") for s in students], tmp_path / "m.zip"))
    assert report.count("unknown") == 4
    assert "reveal student identities" in report.rows[0].notes[0]["en"]


def test_a_group_submission_of_moodle_names_the_group_first(tmp_path):
    students = people(3)
    course = course_folder(tmp_path / "course", students=students, lms="moodle")
    files = [(f"Group 7-{s.name}_{s.moodle}_assignsubmission_file/pooling.ipynb", WHOLE) for s in students]
    assert ingest(course, NAME, zip_file(tmp_path / "m.zip", files)).count("ready") == 3


# -- whose it is --------------------------------------------------------------------------------------------------


def test_nobody_hands_in_as_somebody_else(tmp_path):
    """A name of Canvas can be made to look like another student's numbers; its file is not that student's."""
    victim, mallory, honest = (
        replace(s, first=f, last=n, name=f"{f} {n}")
        for s, f, n in zip(people(3), ("John", "Bob", "Ann"), ("Smith", "Mallory", "Lee"), strict=True)
    )
    roster = table(
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"],
        *([f"{s.last}, {s.first}", s.canvas, s.sis, s.login, "A"] for s in (victim, mallory, honest)),
    )
    evil = dump(notebook(pool_1d="def pool1d(x, size): return 'evil'", pool_2d="x = 'evil'", why_max="evil"))
    files = [
        (f"smithjohn_{victim.canvas}_880001_pooling.ipynb", PART),
        (f"mallorybob_{victim.canvas}_999999999_{mallory.canvas}_880002_pooling.ipynb", evil),
        (f"smithjohnmallory_{victim.canvas}_999999999_{mallory.canvas}_880003_pooling.ipynb", evil),
        (f"leeann_{honest.canvas}_880004_{victim.canvas}_7_pooling.ipynb", WHOLE),  # an odd name, but her own
    ]
    course = course_folder(tmp_path / "course")
    (course.root / "roster.csv").write_bytes(roster)
    report = ingest(course, NAME, zip_file(tmp_path / "c.zip", files))
    assert "evil" not in (course.submitted(victim.key, NAME) / f"{NAME}.ipynb").read_text()
    assert row_of(report, victim.key).answered == 1
    assert row_of(report, honest.key).status == "ready"
    doubt = next(r for r in report.rows if r.status == "unknown")
    assert "several students" in doubt.notes[0]["en"]


def test_nobody_hands_in_as_somebody_else_whose_name_they_took_after_the_roster_was_made(tmp_path):
    victim, mallory, honest = people(3)
    stolen = canvas_name(victim)
    evil = dump(notebook(pool_1d="def pool1d(x, size): return 'evil'", pool_2d="x = 'evil'", why_max="evil"))
    files = [
        (f"{stolen}_{victim.canvas}_880001_pooling.ipynb", PART),
        (f"{stolen}_{victim.canvas}_999999999_{mallory.canvas}_880002_pooling.ipynb", evil),
        (f"{canvas_name(honest)}_{honest.canvas}_880003_{victim.canvas}_7_pooling.ipynb", WHOLE),
    ]
    course = course_folder(tmp_path / "course", students=[victim, mallory, honest])
    report = ingest(course, NAME, zip_file(tmp_path / "c.zip", files))
    assert "evil" not in (course.submitted(victim.key, NAME) / f"{NAME}.ipynb").read_text()
    assert row_of(report, honest.key).status == "ready"
    assert mallory.canvas in next(r for r in report.rows if r.status == "unknown").notes[0]["en"]


@pytest.mark.parametrize("lms", ["canvas", "moodle"])
def test_a_number_and_a_name_that_contradict_are_unknown_with_a_sentence(tmp_path, lms):
    a, b, c = people(3)
    swapped = [(replace(a, moodle=b.moodle, canvas=b.canvas), WHOLE, "p.ipynb"), (c, WHOLE, "p.ipynb")]
    course = course_folder(tmp_path / "course", students=[a, b, c], lms=lms)
    report = ingest(course, NAME, lms_zip(lms, swapped, tmp_path / "x.zip"))
    unknown = next(r for r in report.rows if r.status == "unknown")
    assert "the names differ" in unknown.notes[0]["en"]
    assert "--roster" in unknown.notes[0]["en"]
    assert row_of(report, c.key).status == "ready"
    assert {r.status for r in report.rows if r.student in (a.key, b.key)} == {"missing"}


def test_a_students_file_does_not_decide_which_platform_it_is(tmp_path):
    students = people(2)
    files = [(f"{s.name}_{s.moodle}_assignsubmission_file/pooling.ipynb", WHOLE) for s in students]
    files.append((f"{students[0].name}_{students[0].moodle}_assignsubmission_file/submission_metadata.yml", b"a: [1,"))
    course = course_folder(tmp_path / "course", students=students, lms="moodle")
    report = ingest(course, NAME, zip_file(tmp_path / "m.zip", files))
    assert (report.lms, report.count("ready")) == ("moodle", 2)


@pytest.mark.parametrize("lms", ["canvas", "gradescope"])
def test_a_students_own_name_does_not_decide_either(tmp_path, lms):
    """A sortable name, or a folder in a zip without the folder around it, that looks like one of Moodle's."""
    students = people(4)
    course = course_folder(tmp_path, students=students, lms=lms)
    whole = lms_zip(lms, [(s, WHOLE, "pooling.ipynb") for s in students], tmp_path / "whole.zip")
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(whole) as given, zipfile.ZipFile(path, "w") as made:
        for name in given.namelist():
            made.writestr(name.removeprefix("assignment_55_export/"), given.read(name))
        odd = {"canvas": "bob_1_assignsubmission_file_70001_990001_x.txt",
               "gradescope": "submission_9001/bob_1_assignsubmission_file/x.txt"}  # fmt: skip
        made.writestr(odd[lms], b"x")
    report = ingest(course, NAME, path)
    assert report.lms == lms
    assert report.count("ready") >= 3


def test_a_name_of_thousands_of_numbers_is_read_in_few_ways():
    name = "ann" + "_70001_1" * 7000 + "_x.ipynb"
    assert 0 < len(_canvas_parts(name)) <= 50
    assert _canvas_parts("ann_70001_" + "9" * 50_000 + "_x.ipynb") == []


def test_a_group_of_canvas_counts_for_its_members(tmp_path):
    """Canvas's zip names the group and the number of one member (``representatives``); its list names the members."""
    students = people(5)
    course = course_folder(tmp_path / "course", students=students)
    header = ["name", "canvas_user_id", "user_id", "login_id", "sections", "group_name", "canvas_group_id", "group_id"]
    groups = table(
        header,
        *([s.sortable, s.canvas, s.sis, s.login, "A", "Tide Clock", "55", "7"] for s in students[:3]),
        *([s.sortable, s.canvas, s.sis, s.login, "A", "", "", ""] for s in students[3:]),
    )
    (tmp_path / "groups.csv").write_bytes(groups)
    files = [(f"tideclock_{students[1].canvas}_880001_pooling.ipynb", WHOLE)]
    path = zip_file(tmp_path / "c.zip", files)
    before = ingest(course, NAME, path, dry_run=True)
    assert before.count("unknown") == 1
    assert "list of groups with --roster" in next(r for r in before.rows if r.status == "unknown").notes[0]["en"]
    report = ingest(course, NAME, path, roster=tmp_path / "groups.csv")
    assert [r.student for r in report.rows if r.status == "ready"] == [s.key for s in students[:3]]
    assert report.changes.added == ()
    given = [r["origin"].get("prefix") for r in course.ingested(NAME).values()]
    assert sorted(g for g in given if g) == [f"tideclock_{students[1].canvas}_880001"]  # one file goes back


# -- rosters ------------------------------------------------------------------------------------------------------


def test_sections_add_up_and_nothing_of_others_is_lost(tmp_path):
    students = people(8)
    course = course_folder(tmp_path / "course")
    for n, some in enumerate((students[:4], students[4:])):
        (tmp_path / f"{n}.csv").write_bytes(roster_csv(some, "canvas"))
        work = [(s, WHOLE, "pooling.ipynb") for s in some]
        report = ingest(course, NAME, lms_zip("canvas", work, tmp_path / f"{n}.zip"), roster=tmp_path / f"{n}.csv")
    assert report.changes.added == tuple(s.name for s in read_roster(roster_csv(students[4:], "canvas")))
    assert report.count("ready") == 4
    assert report.count("kept") == 4
    assert [row.notes for row in report.rows if row.status == "kept"] == [[]] * 4
    assert {s.key for s in course.roster()} == {s.key for s in students}
    assert len(course.ingested(NAME)) == 8
    report = ingest(course, NAME, tmp_path / "0.zip", tmp_path / "1.zip")  # or both at once
    assert report.count("ready") == 8
    report = ingest(course, NAME, tmp_path / "0.zip", roster=tmp_path / "0.csv", replace_roster=True)
    assert len(report.changes.removed) == 4
    assert {s.key for s in course.roster()} == {s.key for s in students[:4]}
    assert len(course.ingested(NAME)) == 8  # their files stay


def test_a_roster_with_other_ids_keeps_everybodys_folder(tmp_path):
    old = read_table(table(["Email", "Name"], ["a@x", "Ann Lee"], ["b@x", "Bo Li"]), name="old")
    new = read_table(
        table(
            ["Student", "ID", "SIS User ID", "Email"], ["Lee, Ann", "70", "s1", "a@x"], ["Ng, Cy", "72", "s3", "c@x"]
        ),
        name="new",
    )
    both, changes = add(old, new, name="new")
    found = {s.name: s for s in students_of(both, name="both")}
    before = {s.name: s for s in students_of(old, name="old")}
    assert found["Ann Lee"].key == before["Ann Lee"].key
    assert found["Ann Lee"].canvas == "70"
    assert found["Bo Li"].key == before["Bo Li"].key
    assert changes.added == ("Cy Ng",)
    again, changes = add(both, new, name="new")
    assert (again.header, again.rows) == (both.header, both.rows)
    assert (changes.added, changes.changed, changes.removed) == ((), (), ())


NAMES = {
    "cp1252": ["Jürgen Müller", "José García", "François Noël", "Bjørn Sørensen"],
    "cp1250": ["Łukasz Żak", "Antonín Dvořák", "Jana Nováková", "Győrfi Ödön"],
    "cp1251": ["Иванов Пётр", "Смирнова Анна"],
    "cp1254": ["Yıldız Şahin", "Çağrı Öztürk"],
    "gb18030": ["王小明", "欧阳娜娜", "李", "张喆"],
    "cp950": ["陳大文", "林志玲", "鄭成功", "劉德華"],
}


@pytest.mark.parametrize("course_language", ["en", "zh"])
@pytest.mark.parametrize("encoding", NAMES)
def test_rosters_of_old_encodings_are_read_and_the_assumption_is_said(encoding, course_language):
    header = {"gb18030": "学号,姓名", "cp950": "學號,姓名"}.get(encoding, "student_id,name")
    data = "\n".join([header, *(f"s{n},{name}" for n, name in enumerate(NAMES[encoding]))]).encode(encoding)
    read = read_table(data, name="list.csv", language=course_language)
    assert [s.name for s in students_of(read, name="list.csv")] == NAMES[encoding]
    labels = {"gb18030": "GB 18030", "cp950": "Big5"}
    label = labels.get(encoding, f"Windows-{encoding[2:]}")
    assert all(label in read.notes[0][language] and "UTF-8" in read.notes[0][language] for language in ("en", "zh"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["Jürgen Müller", "王小明", "Łukasz"])
def test_unicode_is_read_as_it_is(encoding, name):
    assert read_roster(f"student_id;name\n001;{name}\n".encode(encoding))[0].name == name


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ('student_id,name\n="00123",A\n="00124",B\n', ["00123", "00124"]),
        ("student_id,name\n20231234.0,A\n20231235.0,B\n", ["20231234", "20231235"]),
        ("sep=;\nstudent_id;name\n1;A, B\n2;C\n", ["1", "2"]),
        ("﻿学号\t姓名\r\n001\t甲\r\n002\t乙\r\n", ["001", "002"]),
        ("SID,First Name,Last Name,Email,Role\n1,A,B,a@x,Student\n,T,C,t@x,TA\n,I,D,i@x,Instructor\n", ["1"]),
        ("Matrikelnummer;Nachname;Vorname\n77;Müller;Jürgen\n", ["77"]),
    ],
)
def test_what_spreadsheets_and_platforms_do_to_ids(content, ids):
    assert [s.id for s in read_roster(content.encode())] == ids


@pytest.mark.parametrize("number", ["1.2E+11", "1,23457E+11", "2.02312E+7"])
def test_a_number_that_excel_shortened_is_named_with_the_mend(number):
    with pytest.raises(Problem, match=r"line 3.*Excel.*as text"):
        read_roster(f'student_id;name\n1;A\n"{number}";B\n'.encode())


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Jürgen", "Müller", "Jürgen Müller"),
        ("María José", "García Márquez", "María José García Márquez"),
        ("Пётр", "Иванов", "Пётр Иванов"),
        ("小明", "王", "王小明"),
        ("민수", "김", "김민수"),
    ],
)
def test_only_names_of_east_asia_are_written_in_one(first, last, name):
    assert read_roster(table(["SID", "First Name", "Last Name"], ["1", first, last]))[0].name == name


# -- back to the platform -----------------------------------------------------------------------------------------


def graded(tmp_path, lms, work):
    from coursegrade.records.gradebook import merge

    students = people(len(work))
    course = course_folder(tmp_path / "course", students=students, lms=lms)
    ingest(course, NAME, lms_zip(lms, [(s, *w) for s, w in zip(students, work, strict=True)], tmp_path / "x.zip"))
    fake_run(course)
    merge(course, NAME)
    return course


def test_canvas_gets_back_the_kind_of_file_that_it_will_show(tmp_path):
    """It shows the name of the file that was handed in (``infer_comment_context_from_filename``)."""
    import nbformat

    from coursegrade.handback.feedback import feedback

    work = [(WHOLE, "pooling.ipynb"), (FOLDER, "work.zip"), (b"%PDF", "report.pdf"), (WHOLE, "a_1_2_b.ipynb")]
    course = graded(tmp_path, "canvas", work)
    feedback(course, NAME)
    with zipfile.ZipFile(course.root / "feedback" / NAME / "feedback-canvas.zip") as back:
        files = {name.split("_", 1)[1]: back.read(name) for name in back.namelist()}
    assert set(files) == {"70000_880000_pooling.ipynb", "70001_880001_work.zip", "LATE_70003_880003_a_1_2_b.ipynb"}
    opened = nbformat.reads(files["70000_880000_pooling.ipynb"].decode(), as_version=4)
    nbformat.validate(opened)
    assert [c.cell_type for c in opened.cells] == ["markdown"]
    assert "Pool a line" in opened.cells[0].source
    assert "\n" not in opened.cells[0].source
    with zipfile.ZipFile(io.BytesIO(files["70001_880001_work.zip"])) as archive:
        assert archive.namelist() == ["feedback.html"]
    with zipfile.ZipFile(course.root / "feedback" / NAME / "feedback.zip") as everybody:
        assert len(everybody.namelist()) == 4  # who cannot get it in Canvas has a page all the same


def test_a_page_goes_back_as_html_where_html_was_handed_in():
    assert as_handed_in("a.HTML", "<main>x</main>") == b"<main>x</main>"
    assert as_handed_in("a.docx", "<main>x</main>") is None


def test_what_is_not_decided_has_no_mark(tmp_path):
    course = graded(tmp_path, "canvas", [(WHOLE, "p.ipynb"), (b"%PDF", "report.pdf")])
    by_rules = {}
    for rules in (Rules(), Rules(so_far=True), Rules(failed_as_zero=True)):
        path, _ = export(course, NAME, "canvas", rules=rules)
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0][5] == "Pooling (991)"
        by_rules[rules] = [row[5] for row in rows[2:]]
    assert list(by_rules.values()) == [["", ""], ["8", ""], ["", "0"]]


def test_canvas_says_when_no_column_is_the_assignments(tmp_path):
    course = graded(tmp_path, "canvas", [(WHOLE, "p.ipynb")])
    path = course.root / "roster.csv"
    path.write_text(path.read_text().replace("Pooling (991)", "Homework 3 (991)"))
    with pytest.raises(Problem, match=r"--title .*Homework 3 \(991\)"):
        export(course, NAME, "canvas")
    made, _ = export(course, NAME, "canvas", title="Homework 3 (991)")
    assert next(csv.reader(made.read_text().splitlines()))[5] == "Homework 3 (991)"


def test_a_german_worksheet_comes_back_german(tmp_path):
    students = people(4)
    course = course_folder(tmp_path / "course")
    (tmp_path / "w.csv").write_bytes(moodle_worksheet("de", students))
    zipped = lms_zip("moodle", [(s, WHOLE, "pooling.ipynb") for s in students], tmp_path / "m.zip")
    ingest(course, NAME, zipped, roster=tmp_path / "w.csv")
    from coursegrade.records.gradebook import merge

    fake_run(course)
    merge(course, NAME)
    for template in (None, tmp_path / "w.csv"):
        path, _ = export(course, NAME, "moodle", template=template, rules=Rules(so_far=True))
        rows = list(csv.reader(path.read_text().splitlines()))
        assert rows[0][:10] == WORKSHEETS["de"][0]
        assert [(r[0], r[4], r[5]) for r in rows[1:]] == [
            (f"Teilnehmer/in{s.moodle}", "80", "100,00") for s in students
        ]


def test_one_section_is_exported(tmp_path):
    course = graded(tmp_path, "canvas", [(WHOLE, "p.ipynb"), (WHOLE, "p.ipynb")])
    path = course.root / "roster.csv"
    path.write_text(path.read_text().replace("login1,A", "login1,B"))
    _, everyone = export(course, NAME, "csv", section="b")
    assert [s.student.login for s in everyone] == ["login1"]
    with pytest.raises(Problem, match="there are: A, B"):
        export(course, NAME, "csv", section="C")


def test_everything_is_the_instructors_alone(tmp_path, capsys):
    from coursegrade.__main__ import main

    folder = tmp_path / "class"
    assert main(["grade", "init", str(folder)]) == 0
    assert main(["grade", "release", NAME, "-C", str(folder), "--exercises", str(EXERCISES)]) == 0
    students = people(2)
    (tmp_path / "r.csv").write_bytes(roster_csv(students, "canvas"))
    task = json.loads((folder / "release" / NAME / f"{NAME}.ipynb").read_text())
    path = lms_zip(
        "canvas", [(students[0], dump(task), "p.ipynb"), (students[1], b"%PDF", "r.pdf")], tmp_path / "x.zip"
    )
    for command in (
        ["ingest", NAME, str(path), "--roster", str(tmp_path / "r.csv")],
        ["run", NAME, "--only-merge"],
        ["feedback", NAME],
        ["export", NAME, "--format", "canvas"],
    ):
        assert main(["grade", *command, "-C", str(folder)]) == 0, capsys.readouterr()
    made = [folder, *folder.rglob("*")]
    assert {"gradebook.db", "bundle.json", "roster.csv", "s1000.html", f"{NAME}-canvas.csv"} <= {p.name for p in made}
    assert [str(p) for p in made if p.stat().st_mode & 0o077] == []
    with zipfile.ZipFile(folder / "release" / NAME / f"{NAME}-en.zip") as one:
        assert one.namelist() == [f"{NAME}/{NAME}.ipynb"]
