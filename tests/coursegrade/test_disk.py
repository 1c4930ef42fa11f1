"""A disk that is full, read-only or forbidden: every command says so in one sentence, and goes on where it stopped."""

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import pytest
from lms_classes import NAME, course_folder, database_rows, fake_run, lms_zip, notebook, people, right, roster_csv, tree
from root import ROOT
from test_lms_gradebook import dump

from coursegrade.__main__ import main
from coursegrade.course import Course, init
from coursegrade.files import Problem, read_json
from coursegrade.records.marking import Marking
from coursegrade.records.removed import refused

MASTERS = ROOT / "exercises"


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@contextlib.contextmanager
def refusing(number: int, after: int):
    """The next write to a disk after so many is refused: a draft, its content, or a commit of the database."""
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as Dialect

    left = [after]
    words = {errno.EROFS: "attempt to write a readonly database"}.get(number, "database or disk is full")

    def guarded(real, refuse):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                refuse()
            return real(*args, **kwargs)

        return call

    def system():
        raise OSError(number, os.strerror(number))

    def database():
        raise sqlite3.OperationalError(words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", guarded(os.fsync, system))
        patch.setattr(tempfile, "mkstemp", guarded(tempfile.mkstemp, system))
        patch.setattr(os, "replace", guarded(os.replace, system))
        patch.setattr(Dialect, "do_commit", guarded(Dialect.do_commit, database))
        yield left


def content(course: Path) -> dict[str, object]:
    """All that the folder holds but for times and copies; the database by its rows."""
    found = {k: v for k, v in tree(course).items() if not k.startswith(("gradebook.db", "backups/", "seed.txt"))}
    rows = database_rows(course / "gradebook.db") if (course / "gradebook.db").is_file() else []
    return {**found, "rows": rows}


def commands(folder: Path, root: Path) -> list[list[str]]:
    at = ["--course", str(root)]
    return [
        ["init", str(root), "--name", "x"],
        ["release", "padding-and-stride", "--exercises", str(MASTERS), "--due", "2026-10-01T23:59+08:00", *at],
        ["ingest", NAME, str(folder / "c.zip"), "--roster", str(folder / "roster.csv"), *at],
        ["run", NAME, *at],
        ["feedback", NAME, *at],
        ["export", NAME, "--format", "canvas", *at],
        ["extend", NAME, "s1001", "+2d", *at],
        ["resubmit", NAME, "s1001", str(folder / "mended.ipynb"), *at],
        ["regrade", NAME, "--yes", *at],
        ["status", *at],
    ]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """What the commands are given, and the exercise that is released."""
    folder = tmp_path_factory.mktemp("given")
    students = people(4)
    work = [(s, dump(right() if n % 2 else notebook()), "pooling.ipynb") for n, s in enumerate(students[:-1])]
    lms_zip("canvas", work, folder / "c.zip")
    (folder / "roster.csv").write_bytes(roster_csv(students, "canvas"))
    (folder / "mended.ipynb").write_bytes(dump(notebook(why_max="mended")))
    course_folder(folder / "released")
    return folder


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_every_command_stops_with_a_sentence_and_goes_on(given, tmp_path, monkeypatch, capsys, number):
    stand_in = types.ModuleType("coursegrade.cage.run")
    stand_in.run_class = lambda root, *_, **__: fake_run(Course.load(root))
    monkeypatch.setitem(sys.modules, "coursegrade.cage.run", stand_in)
    clean, faulty = tmp_path / "a" / "class", tmp_path / "b" / "class"
    refusals = 0
    for ours, theirs in zip(commands(given, clean), commands(given, faulty), strict=True):
        assert main(["grade", *ours]) == 0, ours
        for after in [1, 2, 3, 5, 8, 13, 21, 34, 55]:
            capsys.readouterr()
            with refusing(number, after) as left:
                status = main(["grade", *theirs])
            if left[0] > 0:
                assert status == 0
                break
            said = capsys.readouterr().err
            assert (status, len(said.splitlines())) == (3, 1), (theirs, after, said)
            assert str(faulty) in said, (theirs, after, said)
            assert "Nothing is lost" in said
            refusals += 1
        assert main(["grade", *theirs]) == 0, theirs
        if ours[0] == "init":  # the small exercise in the place of the book's
            for root in (clean, faulty):
                shutil.copytree(given / "released" / "release", root / "release")
                with open(root / "grading.toml", "a") as file:
                    file.write(f"{NAME} = 2026-12-01T00:00:00Z\n")
        one, other = content(clean), content(faulty)
        if ours[0] == "init":
            one = {k: v for k, v in one.items() if not k.startswith("release/")}
        for name in one:
            same = str(one[name]).replace(str(clean), str(faulty)) == str(other[name])
            assert same, (theirs, name)
        assert not [name for name in other if "/." in name and name not in one], theirs  # no drafts are left
    assert refusals > 20


def test_a_mark_is_not_half_written(given, tmp_path, capsys):
    students = people(3)
    course = course_folder(tmp_path / "c", students=students)
    work = [(s, dump(right()), "pooling.ipynb") for s in students]
    lms_zip("canvas", work, tmp_path / "c.zip")
    at = ["--course", str(course.root)]
    assert main(["grade", "ingest", NAME, str(tmp_path / "c.zip"), *at]) == 0
    fake_run(course)
    assert main(["grade", "run", NAME, "--only-merge", *at]) == 0
    marking = Marking(course, NAME)
    ref = next(iter(marking.answers["why-max"].students))
    log = course.root / "marking" / f"{NAME}.log"
    for after in range(1, 10):
        shown = marking.answer("why-max", ref)
        mark = {"score": 1.0, "comment": "Good", "items": [0], **{k: shown[k] for k in ("version", "submission")}}
        with refusing(errno.ENOSPC, after) as left, contextlib.suppress(OSError):
            marking.save("why-max", ref, mark)
        assert not log.is_file() or all(line.endswith("}") for line in log.read_text().splitlines())
        if left[0] > 0:
            break
    assert after > 3
    assert (marking.mark("why-max", ref).score, marking.mark("why-max", ref).items) == (1.0, (0,))


def test_a_file_that_may_not_be_read_is_not_taken_for_one_that_is_not_there(tmp_path, monkeypatch, capsys):
    students = people(3)
    course = course_folder(tmp_path, students=students)
    real = Path.read_text

    def forbidden(path, *args, **kwargs):
        if path.name == "bundle.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", forbidden)
    assert main(["grade", "--lang", "zh", "status", "--course", str(course.root)]) == 3
    said = capsys.readouterr().err
    assert "没有访问权限" in said
    assert "bundle.json" in said
    with pytest.raises(PermissionError):
        read_json(course.release(NAME) / "bundle.json")
    assert read_json(tmp_path / "none.json") is read_json(tmp_path / "grading.toml") is None


def test_what_sqlite_says_is_said_with_the_file(tmp_path):
    path = tmp_path / "gradebook.db"
    for words, number in (
        ("database or disk is full", errno.ENOSPC),
        ("attempt to write a readonly database", errno.EACCES),
    ):
        found = refused(words, path)
        assert isinstance(found, OSError)
        assert (found.errno, found.filename) == (number, str(path))
    assert isinstance(refused("database is locked", path), Problem)
    assert refused("file is not a database", path) is None


def test_an_output_that_is_full_or_closed_is_no_trace(tmp_path):
    init(tmp_path, name="x")
    command = [sys.executable, "-m", "coursegrade", "grade", "--lang", "en", "status", "-C", str(tmp_path)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: the disk is full (")
    assert len(done.stderr.splitlines()) == 1
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
