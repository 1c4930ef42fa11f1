"""The command line: help that teaches, sentences instead of traces, both languages."""

import csv
import io
import json
import re
import subprocess
import sys
import types
import zipfile

import pytest
from lms_classes import NAME, course_folder, fake_run, lms_zip, notebook, people, right, roster_csv, tree

from coursegrade.__main__ import main
from coursegrade.course import Course
from tools import ROOT
from tools.rules.words import sentences

COMMANDS = (
    *("init", "doctor", "release", "ingest", "run", "feedback", "export"),
    *("status", "resubmit", "regrade", "extend", "solutions", "mark"),
)


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_command_explains_itself_with_an_example(capsys, command, language):
    assert main(["grade", "--lang", language, command, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"coursecode grade {command}" in said
    assert ("Example:" in said) == (language == "en")
    assert ("示例：" in said) == (language == "zh")
    assert ("Usage:" in said) == (language == "en")
    assert ("Show this message" in said) == (language == "en")


def test_the_group_lists_every_command_and_the_four(capsys):
    assert main(["grade", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {command} " in said for command in COMMANDS)
    assert "..." not in said.partition("Commands:")[2]


def test_the_language_is_the_courses_or_the_systems(tmp_path, monkeypatch, capsys):
    course_folder(tmp_path, language="zh")
    assert main(["grade", "export", NAME, "--course", str(tmp_path)]) == 1
    assert "错误：" in capsys.readouterr().err
    assert main(["grade", "--lang", "en", "export", NAME, "--course", str(tmp_path)]) == 1
    assert "Error: " in capsys.readouterr().err
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.chdir("/")
    assert main(["grade", "--help"]) == 0
    assert "用法：" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["grade", "ingst"], 2, "There is no command ingst"),
        (["grade", "ingest"], 2, "'NAME' is missing"),
        (["grade", "run", NAME, "--jobs", "0"], 2, "1 or more"),
        (["grade", "run", NAME], 1, "no grading.toml"),
        (["grade", "run", "../x"], 1, "no grading.toml"),
        (["grade", "export", NAME, "--format", "xlsx"], 2, "'--format' is one of csv, canvas"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, monkeypatch, capsys, arguments, status, word):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    said = capsys.readouterr().err
    assert word in said
    assert "Traceback" not in said


SLIPS = {
    "run pooling --jobs 0": "'--jobs' / '-j' is a whole number, 1 or more.",
    "run pooling --jobs many": "'--jobs' / '-j' is a whole number, 1 or more.",
    "run pooling submissions.zip more": "The command has no use for submissions.zip more.",
    "run pooling --jobs": "--jobs needs a value behind it.",
    "run pooling --yes=3": "--yes takes no value.",
    "run": "'NAME' is missing.",
    "mark pooling --port 99999": "'--port' is a whole number from 1 to 65535.",
    "mark pooling --question": "--question needs a value behind it.",
    "extend pooling s1 +2d --remov": "The command has no use for --remov.",
    "export pooling --format xls": "'--format' is one of csv, canvas, moodle, gradescope.",
    "status -C": "-C needs a value behind it.",
    "frobnicate": "There is no command frobnicate.",
    "run pooling --nope": "There is no option --nope.",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_no_sentence_is_clicks_own(capsys, slip):
    """What was typed wrongly is said in the language of the session, with the command's own help."""
    assert main(["grade", "--lang", "en", *slip.split()]) == 2
    told, see = capsys.readouterr().err.splitlines()
    assert told == f"Error: {SLIPS[slip]}"
    first = slip.split()[0]
    command = f"coursecode grade {first}" if first != "frobnicate" else "coursecode grade"
    assert see == f"See {command} --help"
    assert main(["grade", "--lang", "zh", *slip.split()]) == 2
    told, _ = capsys.readouterr().err.splitlines()
    names = [*re.findall(r"[A-Za-z]{3,}", slip), "NAME", "csv", "canvas", "moodle", "gradescope"]
    assert not set(re.findall(r"[A-Za-z]{3,}", told)) - set(names)  # no English but what was typed and what there is
    assert re.search("[\u4e00-\u9fff]", told)


def test_init_makes_a_private_seed_and_leaves_what_is_there(tmp_path, capsys):
    folder = tmp_path / "my class, 班"
    assert main(["grade", "init", str(folder), "--name", 'Deep "Learning"\\ 深度']) == 0
    assert Course.load(folder).name == 'Deep "Learning"\\ 深度'
    assert (folder / "seed.txt").stat().st_mode & 0o077 == 0
    seed = Course.load(folder).seed()
    before = tree(folder)
    assert main(["grade", "init", str(folder), "--name", "other"]) == 0
    assert tree(folder) == before
    assert len(seed) > 20
    compile((folder / "nbgrader_config.py").read_text(), "nbgrader_config.py", "exec")


def test_without_the_extra_the_command_says_how_to_get_it():
    code = (
        "import sys, importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'nbgrader' else real(name, *a)\n"
        "from coursegrade.__main__ import main\n"
        "sys.exit(main(['grade', '--help']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install '.[grade]'" in done.stderr or "@ git+" in done.stderr  # as the public address is set or not
    assert "附加组件" in done.stderr
    assert "Traceback" not in done.stderr


def test_from_zip_to_files_for_the_lms_in_four_commands(tmp_path, monkeypatch, capsys):
    """With a stand-in for the sandbox; ``test_teaching.py`` runs the real one."""
    stand_in = types.ModuleType("coursegrade.cage.run")
    stand_in.run_class = lambda root, *_, **__: fake_run(Course.load(root))
    monkeypatch.setitem(sys.modules, "coursegrade.cage.run", stand_in)
    students = people(20)
    course_folder(tmp_path / "course")
    work = [
        (s, b"\x00\x01broken" if n == 7 else dump(right() if n % 2 else notebook()), "pooling.ipynb")
        for n, s in enumerate(students)
    ]
    lms_zip("moodle", work, tmp_path / "submissions.zip")
    (tmp_path / "roster.csv").write_bytes(roster_csv(students, "moodle"))
    monkeypatch.chdir(tmp_path / "course")
    commands = [
        f"ingest {NAME} ../submissions.zip --roster ../roster.csv",
        f"run {NAME}",
        f"feedback {NAME}",
        f"export {NAME} --format moodle --template ../roster.csv",
    ]
    for command in commands:
        assert main(["grade", *command.split()]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "[not readable] s1007" in said
    assert f"ask for the file again, then coursecode grade resubmit {NAME} STUDENT FILE" in said
    assert "19 written answers wait for you" in said
    assert (tmp_path / "course" / "export" / f"{NAME}-moodle.csv").is_file()
    assert (tmp_path / "course" / "export" / f"{NAME}-report.html").is_file()
    assert (tmp_path / "course" / "feedback" / NAME / "feedback-moodle.zip").is_file()
    before = tree(tmp_path / "course")
    for command in commands:
        assert main(["grade", *command.split()]) == 0
    after = tree(tmp_path / "course")
    assert {k for k in before if before[k] != after.get(k)} <= {"gradebook.db"}


def test_names_cannot_move_the_cursor_of_the_terminal(tmp_path, monkeypatch, capsys):
    s = people(1)[0]
    course_folder(tmp_path, students=[s])
    lms_zip("canvas", [(s, b"{", "\x1b[2J\x07evil.ipynb")], tmp_path / "c.zip")
    assert main(["grade", "ingest", NAME, str(tmp_path / "c.zip"), "--course", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "evil.ipynb" in said


@pytest.fixture
def stand_in(monkeypatch):
    """``run`` without the sandbox."""
    module = types.ModuleType("coursegrade.cage.run")
    module.run_class = lambda root, *_, **__: fake_run(Course.load(root))
    monkeypatch.setitem(sys.modules, "coursegrade.cage.run", module)


def test_a_file_that_breaks_off_is_told_so_wherever_it_does(tmp_path, capsys):
    """Cut in any place, a notebook of the assignment is never called another one's, nor no notebook."""
    students, whole = people(16), json.dumps(right(), indent=1).encode()
    places = [1, *(int(len(whole) * n / 16) for n in range(1, 16))]
    course_folder(tmp_path, students=students)
    work = [(s, whole[:cut], "pooling.ipynb") for s, cut in zip(students, places, strict=False)]
    lms_zip("canvas", work, tmp_path / "c.zip")
    for language, broken, mend, other in (
        ("en", "breaks off or is damaged", "hand in again", "not of pooling"),
        ("zh", "不完整或已损坏", "重新下载后再提交", "不是 pooling"),
    ):
        assert main(["grade", "--lang", language, "ingest", NAME, str(tmp_path / "c.zip"), "-C", str(tmp_path)]) == 0
        said = capsys.readouterr().out
        assert said.count(broken) >= len(places) - 1  # the last ones may lack no cell, and the list shows all the same
        assert mend in said
        assert other not in said
    records = Course.load(tmp_path).ingested(NAME)
    failed = [record["reason"]["en"] for record in records.values() if record["status"] == "failed"]
    assert failed
    assert all("breaks off or is damaged" in why and "hand in again" in why for why in failed)


def test_gradescope_is_told_how_late_each_is(tmp_path, stand_in):
    """By the student's own due date, with hours beyond a day; empty where nothing was handed in or is due."""
    students = people(4)
    course = course_folder(tmp_path, students=students, lms="gradescope")
    lms_zip("gradescope", [(s, dump(right()), "a.ipynb") for s in students[:3]], tmp_path / "c.zip")
    root = ["-C", str(tmp_path)]
    assert main(["grade", "ingest", NAME, str(tmp_path / "c.zip"), *root]) == 0
    assert main(["grade", "run", NAME, *root]) == 0

    def late():
        assert main(["grade", "export", NAME, "--format", "gradescope", *root]) == 0
        table = (tmp_path / "export" / f"{NAME}-gradescope.csv").read_text(encoding="utf-8-sig")
        return [row[f"{NAME} - Lateness (H:M:S)"] for row in csv.DictReader(table.splitlines())]

    assert late() == ["", "", "", ""]
    settings = (course.root / "grading.toml").read_text()  # they handed in at 10:00:00, :01 and :02 the day after
    (course.root / "grading.toml").write_text(settings.replace("[due]", f"[due]\n{NAME} = 2026-11-30T07:59:59Z"))
    assert late() == ["26:00:01", "26:00:02", "26:00:03", ""]
    assert main(["grade", "extend", NAME, students[1].key, "+2d", *root]) == 0
    assert late() == ["26:00:01", "00:00:00", "26:00:03", ""]


def test_one_is_said_in_the_singular(tmp_path, stand_in, capsys):
    """A class of one: no command says "1 students"."""
    students = people(2)
    course_folder(tmp_path, students=students)
    lms_zip("canvas", [(students[0], dump(right()), "a.ipynb"), (students[1], b"{", "b.ipynb")], tmp_path / "c.zip")
    for command in (
        f"ingest {NAME} {tmp_path / 'c.zip'}", f"run {NAME}", "status", f"feedback {NAME}",
        f"export {NAME} --format canvas", f"export {NAME} --format canvas --so-far",
    ):  # fmt: skip
        assert main(["grade", *command.split(), "-C", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert not re.findall(r"(?<![\d.])1 (?:\w+ )?(?:students|submissions|pages|files|answers|cells|points)\b", said)
    assert "1 written answer waits for you" in said
    assert "1 student has written answers" in said
    assert "1 submission has no grade" in said


def test_a_number_that_varies_has_both_forms():
    """In every sentence of the grading, a count before a noun in the plural says its singular, too."""
    fixed = (
        r"max_\w+|number|n_(?:path|archive|listed|notebooks|copies)|cells|code|seconds|answer|attempts|most|question"
    )
    nouns = "students|submissions|pages|files|cells|points|answers|columns|rows|times|notebooks|characters|comments"
    loose = re.compile(rf"\{{(?!(?:{fixed})\b)\w+(?::[,.\w]*)?\}} (?:\w+ )?(?:{nouns})\b")
    assert [sentence for sentence in sentences(ROOT / "src" / "coursegrade") if loose.search(sentence)] == []


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_whatever_is_handed_in_has_answers_or_a_reason_with_its_mend(tmp_path, capsys):
    """What systems put beside files counts for nothing; no reason is a library's English in a Chinese sentence."""
    whole = dump(right())
    junk = {"__MACOSX/._pooling.ipynb": b"\0\5\x16\7", "x/.DS_Store": b"\0\0\0\1Bud1"}
    inner, old = packed({"pooling.ipynb": whole}), packed({"XXXXXXXX.ipynb": whole})
    files = [
        ("a.zip", inner, ""),
        ("a.zip", packed({"mine/inner.zip": inner}), ""),
        ("a.zip", packed({"mine/pooling.ipynb": whole, **junk}), ""),
        ("a.zip", old.replace(b"XXXXXXXX", "作业池化".encode("gbk")), ""),
        ("a.zip", old.replace(b"XXXXXXXX", "Übung_éà".encode("cp1252")), ""),
        ("a.zip", packed(junk), "只有系统自动生成的附带文件；请提交笔记本"),
        ("a.zip", inner[:60], "不完整或不是 zip；请重新压缩"),
        ("a.zip", b"", "不完整或不是 zip；请重新压缩"),
        ("a.ipynb", b"", "文件是空的；请保存笔记本"),
        ("a.pdf", b"%PDF-1.7", "请提交以 .ipynb 结尾的文件"),
    ]
    students = people(len(files))
    course_folder(tmp_path, students=students)
    lms_zip("canvas", [(s, data, name) for s, (name, data, _) in zip(students, files, strict=True)], tmp_path / "c.zip")
    assert main(["grade", "--lang", "zh", "ingest", NAME, str(tmp_path / "c.zip"), "-C", str(tmp_path)]) == 0
    assert "就绪 5" in capsys.readouterr().out
    records = Course.load(tmp_path).ingested(NAME)
    for student, (_, _, why) in zip(students, files, strict=True):
        record = records[student.key]
        assert (record["status"] == "ready") == (not why)
        assert why in (record["reason"] or {"zh": ""})["zh"]
        assert "File is not" not in str(record)
