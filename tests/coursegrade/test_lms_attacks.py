"""What a stranger can put into a submission against the machine that takes it in: memory, time, files, names."""

import errno
import io
import json
import struct
import subprocess
import sys
import zipfile

import pytest
from lms_classes import NAME, bundle, canvas_name, course_folder, lms_zip, notebook, people, right

from coursegrade.cage.supervise import Broken, supervised
from coursegrade.intake import archive
from coursegrade.intake.ingest import CAPS, ingest
from coursegrade.intake.transplant import MAX_CELLS, plant, read_notebook

GIGABYTE = 1 << 30


def dump(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            made.writestr(name, data)
    return buffer.getvalue()


def code(source: str) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "id": "pool-1d"}


def many_cells(count: int) -> bytes:
    cell = b'{"cell_type":"code","source":"x","metadata":{},"id":"pool-1d"}'
    return b'{"nbformat":4,"cells":[' + b",".join([cell] * count) + b"]}"


def bomb(*sizes: tuple[str, int]) -> bytes:
    """A zip whose members unpack to so many megabytes of nothing."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, size in sizes:
            with made.open(name, "w") as file:
                for _ in range(size):
                    file.write(b" " * (1 << 20))
    return buffer.getvalue()


def liar() -> bytes:
    """A zip whose member says it has 10 bytes and unpacks to 300 MB."""
    data = bytearray(bomb(("pooling.ipynb", 300)))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + place
        data[at : at + 4] = struct.pack("<I", 10)
    return bytes(data)


def nested(depth: int) -> bytes:
    data = zipped(("pooling.ipynb", dump(right())))
    for _ in range(depth):
        data = zipped(("a.zip", data))
    return data


def with_answer(source: str) -> bytes:
    return dump(notebook(pool_1d=source))


QUOTES = "'\"<&" * 8000
DOTS = "import " + ".".join("a" * 60_000)
# By name: the file of one student, made when it is needed. What a review of this course and the reports of other
# graders brought up.
ATTACKS = {
    "import of 60,000 dots": lambda: ("pooling.ipynb", with_answer(DOTS)),
    "the same in a zip of 5 kB": lambda: ("p.zip", zipped(("pooling.ipynb", with_answer(DOTS)))),
    "ten notebooks of 16 MB": lambda: (
        "p.zip",
        zipped(*((f"{n}/pooling.ipynb", many_cells(270_000)) for n in range(10))),
    ),
    "a million keys": lambda: ("pooling.ipynb", b'{"cells":{' + b",".join(b'"%d":1' % n for n in range(10**6)) + b"}}"),
    "JSON of 100,000 brackets": lambda: ("pooling.ipynb", b'{"cells":' + b"[" * 100_000),
    "an integer of 100,000 digits": lambda: ("pooling.ipynb", b'{"nbformat":' + b"9" * 100_000 + b',"cells":[]}'),
    "a bomb of 1 GB": lambda: ("p.zip", bomb(("pooling.ipynb", 1024))),
    "three bombs of 120 MB": lambda: ("p.zip", bomb(*((f"{n}.ipynb", 120) for n in range(3)))),
    "a bomb that lies": lambda: ("p.zip", liar()),
    "a zip 30 deep": lambda: ("p.zip", nested(30)),
    "3,000 files": lambda: ("p.zip", zipped(*((f"{n}.txt", b"x") for n in range(3000)))),
    "names of 32,000 quotes": lambda: ("p.zip", zipped(*((f"{n}{QUOTES}.txt", b"x") for n in range(6)))),
    "a path up": lambda: ("p.zip", zipped(("../../../roster.csv", b"x"), ("/etc/cron.d/x.ipynb", dump(right())))),
    "code without end": lambda: ("pooling.ipynb", dump({"cells": [code("x = [1, (2, 3)]\n" * 12_000)] * 12})),
    "a link in the name": lambda: ("p.zip", zipped(("[Open](javascript:alert(1)).txt", b"x"))),
    "bytes of no encoding": lambda: ("pooling.ipynb", b'{"cells": "' + bytes(range(128, 256)) * 40_000 + b'"'),
}
HARMLESS = {  # large or odd, and still graded
    "brackets of pictures that never close": lambda: ("pooling.ipynb", dump(notebook(why_max="![" * 95_000))),
    "5,000 brackets in an answer": lambda: ("pooling.ipynb", with_answer("(" * 5000)),
    "a line of 10 MB": lambda: ("pooling.ipynb", with_answer("x = '" + "a" * (10 << 20) + "'")),
    "4,900 copies of an answer": lambda: ("pooling.ipynb", many_cells(MAX_CELLS - 100)),
}

PROGRAM = """
import resource, sys
from pathlib import Path
from coursegrade.__main__ import main
status = main(sys.argv[1:])
own = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print("PEAK", own << 10, child << 10)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A class in which every kind of attack sits between two honest students; taken in by the command itself."""
    folder = tmp_path_factory.mktemp("attacked")
    work = {**ATTACKS, **HARMLESS}
    students = people(2 * len(work) + 1)
    course = course_folder(folder / "course", students=students)
    path = folder / "c.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for n, student in enumerate(students):
            name, data = list(work.values())[n // 2]() if n % 2 else ("pooling.ipynb", dump(right()))
            made.writestr(f"{canvas_name(student)}_{student.canvas}_{880000 + n}_{name}", data)
    command = [sys.executable, "-c", PROGRAM, "grade", "ingest", NAME, str(path), "-C", str(course.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((course.root / "submitted" / f"{NAME}.ingest.json").read_text())
    rows = {row["student"]: row for row in report["rows"]}
    return course, students, rows, done


def test_honest_students_beside_them_are_taken_in(taken):
    _, students, rows, _ = taken
    assert {rows[s.key]["status"] for s in students[::2]} == {"ready"}
    assert {rows[s.key]["answered"] for s in students[::2]} == {3}


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_is_its_students_named_reason(taken, name):
    _, students, rows, _ = taken
    row = rows[students[2 * list(ATTACKS).index(name) + 1].key]
    assert row["status"] == "failed", row
    reason = row["notes"][0]
    assert all(20 < len(reason[language]) < 1200 for language in ("en", "zh"))
    assert QUOTES[:200] not in reason["en"]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_large_is_graded(taken, name):
    _, students, rows, _ = taken
    row = rows[students[2 * (len(ATTACKS) + list(HARMLESS).index(name)) + 1].key]
    assert row["status"] == "ready", row


def test_the_host_stays_below_a_gigabyte(taken):
    *_, done = taken
    own, child = map(int, done.stdout.rsplit("PEAK", 1)[1].split())
    assert own + child < GIGABYTE
    assert own < 200 << 20


def test_nothing_is_left_or_written_elsewhere(taken):
    course, students, *_ = taken
    assert not list((course.root / "submitted").glob(".taking.*"))
    assert {p.name for p in course.root.iterdir()} == {
        *(".gitignore", "grading.toml", "nbgrader_config.py", "release", "roster.csv", "seed.txt", "submitted"),
    }  # fmt: skip
    assert {p.name for p in (course.root / "submitted").iterdir() if p.is_dir()} == {s.key for s in students}


def test_nothing_on_the_screen_moves_the_cursor_or_fills_it(taken):
    *_, done = taken
    assert not set(done.stdout) & {chr(n) for n in range(32) if n != 10}
    assert max(map(len, done.stdout.splitlines())) < 400


def test_feedback_has_a_page_for_each_of_them(taken):
    """One student's page, however long its parts, stops nobody else's."""
    from coursegrade.handback.feedback import MAX_BYTES, feedback
    from coursegrade.records.gradebook import merge

    course, students, *_ = taken
    record_file = course.submitted(students[1].key, NAME) / "ingest.json"
    before = record_file.read_text()
    record = json.loads(before)
    record["notes"] = [{"en": QUOTES * 20, "zh": QUOTES * 20}] * 12  # as if no text had been cut
    record["reason"] = {"en": QUOTES * 20, "zh": QUOTES * 20}
    record_file.write_text(json.dumps(record))
    try:
        merge(course, NAME)
        made = feedback(course, NAME)
    finally:
        record_file.write_text(before)
    assert made.pages == len(students)
    sizes = {p.name: p.stat().st_size for p in (course.root / "feedback" / NAME).glob("*.html")}
    assert len(sizes) == len(students)
    assert max(sizes.values()) <= MAX_BYTES


def test_a_reader_that_dies_is_that_students_reason(tmp_path, monkeypatch):
    """Whatever kills the child (a fault in a library), the next student is taken in."""
    import os
    import signal

    from coursegrade.intake import ingest as module

    real = module.read_notebook

    def read(data, **options):
        if b"dies here" in data:
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(data, **options)

    monkeypatch.setattr(module, "read_notebook", read)
    students = people(3)
    path = tmp_path / "c.zip"
    with zipfile.ZipFile(path, "w") as made:
        for n, s in enumerate(students):
            made.writestr(f"x_{s.canvas}_{n}_pooling.ipynb", with_answer("# dies here") if n == 1 else dump(right()))
    course = course_folder(tmp_path / "course")
    rows = [["student_id", "name", "Student", "ID"], *([s.id, "", "x", s.canvas] for s in students)]
    (course.root / "roster.csv").write_text("\n".join(",".join(row) for row in rows))
    report = ingest(course, NAME, path)
    assert [r.status for r in report.rows] == ["failed", "ready", "ready"]
    assert "crash" in report.rows[0].notes[0]["en"]


def test_odd_structures_end_in_cells_or_a_reason():
    """Fifty shapes of notebook that no editor writes."""
    values = [None, True, 3, -1.5, "x", [], {}, [None], {"a": 1}, ["x", 3]]
    shapes = [{"cells": v} for v in values] + [{"cells": [v]} for v in values]
    for key in ("source", "metadata", "id"):
        shapes += [{"cells": [{"cell_type": "code", "source": "x", "id": "pool-1d", key: v}]} for v in values]

    def read() -> int:
        done = 0
        for shape in shapes:
            try:
                cells, _ = read_notebook(dump(shape))
                plant(cells, bundle(), {})
            except archive.Unreadable:
                pass
            done += 1
        return done

    done = supervised(read, caps=CAPS)
    assert not isinstance(done, Broken)
    assert done == len(shapes) == 50


def test_whatever_the_reader_raises_is_that_students_reason(tmp_path, monkeypatch):
    """A fault of ours that one student's files meet: the others are taken in. A full disk still stops the command."""
    students = people(3)
    course = course_folder(tmp_path, students=students)
    path = lms_zip("canvas", [(s, dump(right()), "pooling.ipynb") for s in students], tmp_path / "c.zip")
    module = sys.modules["coursegrade.intake.ingest"]
    real, raised = module._take, [ZeroDivisionError("odd"), OSError(errno.ENOSPC, "full", "x")]

    def faulty(here, several, *rest):
        if several[0].user == students[1].canvas:
            raise raised[0]
        return real(here, several, *rest)

    monkeypatch.setattr(module, "_take", faulty)
    by_student = {row.student: row for row in module.ingest(course, NAME, path).rows}
    assert [by_student[s.key].status for s in students] == ["ready", "failed", "ready"]
    assert "ZeroDivisionError" in by_student[students[1].key].notes[0]["zh"]
    raised.pop(0)
    with pytest.raises(OSError, match="full"):
        module.ingest(course, NAME, path)
