"""The commands of the instructor's page are run as they stand there, with the real exercises and the real sandbox."""

import csv
import io
import json
import re
import shlex
import zipfile
from pathlib import Path

import pytest
from lms_classes import NAME, canvas_name, course_folder, people, roster_csv
from root import ROOT
from test_door import CONTROL, alive

from benchmarks.standin import hidden_sources
from coursegrade.__main__ import main
from coursegrade.contract import text
from coursegrade.course import Course
from coursegrade.masters.master import reference
from coursegrade.masters.release import assignment

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """The lines of the page's bash blocks, in order."""
    return [line for block in _BLOCK.findall(page.read_text(encoding="utf-8")) for line in block.splitlines() if line]


def test_both_pages_show_the_same_commands():
    english = commands(ROOT / "book" / "teaching.md")
    assert english == commands(ROOT / "zh" / "book" / "teaching.md")
    assert len(english) > 8


def sections(page: Path) -> dict[str, list[str]]:
    """The commands of the page by the label of their section."""
    parts = re.split(r"^\(([\w-]+)\)=$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for label, body in zip(parts[1::2], parts[2::2], strict=True):
        found[label] = [line for block in _BLOCK.findall(body) for line in block.splitlines() if line]
    return found


MAIN_ROAD = ("sec-teaching-before", "sec-teaching-assignment")


@pytest.mark.parametrize("page", ["book/teaching.md", "zh/book/teaching.md"])
def test_from_clone_to_graded_class_it_takes_at_most_ten_commands(page):
    road = [line for label in MAIN_ROAD for line in sections(ROOT / page)[label]]
    assert road[0] == "make book"
    assert road[-1].startswith("coursecode grade export")
    assert len(road) <= 10


def test_after_the_zip_it_takes_at_most_four_commands():
    block = next(b for b in _BLOCK.findall((ROOT / "book" / "teaching.md").read_text()) if "grade ingest" in b)
    lines = block.splitlines()
    assert "ingest" in lines[0]
    assert any("feedback" in line for line in lines)
    assert any("export" in line for line in lines)
    assert len(lines) <= 4


def handed_in(course: Course, name: str) -> dict[str, bytes]:
    """A class: right, right in Chinese, nothing done, cut in half, no notebook, one wrong, an empty file, an attack."""
    task = assignment(name, ROOT / "exercises")
    answers = {
        b.id: reference(b.source) for s in task.masters["en"].questions for b in s.of("answer") if b.kind == "code"
    }

    def notebook(path: Path, *, right: bool, first: str = "") -> bytes:
        found = json.loads(path.read_text(encoding="utf-8"))
        for cell in found["cells"]:
            if right and cell["id"] in answers:
                cell["source"] = answers[cell["id"]]
            if first and cell["id"] == next(iter(answers)):
                cell["source"] = first
        return json.dumps(found, ensure_ascii=False).encode()

    english = course.release(name) / f"{name}.ipynb"
    chinese = course.release(name) / "zh" / f"{name}.ipynb"
    whole = notebook(english, right=True)
    return {
        "s1000": whole,
        "s1001": notebook(chinese, right=True),
        "s1002": notebook(english, right=False),
        "s1003": whole[: len(whole) // 2],
        "s1004": b"%PDF-1.7",
        "s1005": notebook(english, right=True, first="def pool1d(*args, **kwargs):\n    return 0\n"),
        "s1006": b"",
        "s1007": notebook(
            english,
            right=True,
            first="print('\\x1b[2J<script>alert(1)</script>')\nimport os\nos.kill(os.getpid(), 9)\n",
        ),
    }


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["en", "zh"])
def test_the_commands_of_the_page_lead_from_a_clone_to_a_graded_class(tmp_path, monkeypatch, capsys, edition):
    """Nothing but the lines of the page is typed; what the platform and a student give lies there by itself."""
    (tmp_path / "clone").mkdir()
    for part in ("exercises", "zh", "_config.yml", "_toc.yml", "book"):
        (tmp_path / "clone" / part).symlink_to(ROOT / part)
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("LC_ALL", {"en": "C.UTF-8", "zh": "zh_CN.UTF-8"}[edition])
    teaching = {"en": "book/teaching.md", "zh": "zh/book/teaching.md"}[edition]
    students = people(9)
    here = tmp_path / "my-class"
    ran = []
    by_section = sections(ROOT / teaching)
    road = [line for label in MAIN_ROAD for line in by_section[label]]
    for line in road:
        words = shlex.split(line)
        if words[0] == "cd":
            monkeypatch.chdir(tmp_path / "clone" / words[1])
        elif words[0] == "coursecode":
            if "ingest" in words:  # what the platform would have given
                (here / "roster.csv").write_bytes(roster_csv(students, "canvas"))
                with zipfile.ZipFile(here / "submissions.zip", "w") as zipped:
                    work = handed_in(Course.load(here), "pooling")
                    for n, s in enumerate(students[:8]):
                        zipped.writestr(f"{canvas_name(s)}_{s.canvas}_{100 + n}_pooling.ipynb", work[s.key])
            assert main(words[1:]) == 0, capsys.readouterr()
            ran.append(words[2])
    assert ran == ["init", "doctor", "release", "ingest", "run", "feedback", "export"]

    course = Course.load(here)
    bundle = course.bundle("pooling")
    by_code = sum(q.points for q in bundle.questions if q.kind == "code")

    def exported() -> tuple[list[list[str]], dict[str, str]]:
        rows = list(csv.reader(io.StringIO((here / "export" / "pooling-canvas.csv").read_text())))
        return rows, {row[1]: row[5] for row in rows[2:]}

    rows, marks = exported()
    assert rows[0][5] == "Pooling (991)"  # the column that Canvas has for it
    assert float(rows[1][5]) == bundle.max_score
    assert set(marks.values()) == {""}  # written answers wait, one file is no notebook: nothing is decided yet
    assert main(["grade", "export", "pooling", "--format", "canvas", "--so-far", "--failed-as-zero"]) == 0
    rows, marks = exported()
    assert float(marks["70000"]) == float(marks["70001"]) == pytest.approx(by_code)  # right, in either language
    assert float(marks["70002"]) == 0  # nothing done
    assert 0 < float(marks["70003"]) < by_code  # what could be read of the half
    assert float(marks["70004"]) == 0  # named, with its reason
    assert 0 < float(marks["70005"]) < by_code  # one answer is wrong
    assert float(marks["70006"]) == 0  # an empty file
    assert float(marks["70007"]) == float(marks["70005"])  # the attack costs its own question
    assert marks["70008"] == ""  # handed in nothing
    said = capsys.readouterr().out
    for student in ("s1004", "s1006"):
        assert f"[{text('not readable')[edition]}] {student}" in said
    assert not CONTROL & set(said)

    secret = hidden_sources(bundle)
    assert secret
    pages = {p.name: p.read_text() for p in (here / "feedback" / "pooling").glob("*.html")}
    assert set(pages) == {f"s100{n}.html" for n in range(8)}
    assert [name for name, words in pages.items() if alive(words)] == []
    for language in ("en", "zh"):
        with zipfile.ZipFile(here / "release" / "pooling" / f"pooling-{language}.zip") as students_zip:
            pages |= {f"{language}/{n}": students_zip.read(n).decode() for n in students_zip.namelist()}
    import html

    for name, page in pages.items():
        plain = html.unescape(page).replace('\\"', '"')
        found = [line for line in secret if line in plain]
        visible = "\n".join(t.source for q in bundle.questions for t in q.tests if not t.hidden)
        assert not [line for line in found if line not in visible], name
    with zipfile.ZipFile(here / "feedback" / "pooling" / "feedback-canvas.zip") as back:
        assert len(back.namelist()) == 8

    (here / "mended.ipynb").write_bytes(work["s1000"])
    told = [shlex.split(line.replace("s1234", "s1004"))[1:] for line in by_section["sec-teaching-term"]]
    assert [words[1] for words in told] == ["status", "extend", "resubmit", "regrade", "solutions"]
    capsys.readouterr()
    assert main(told[0]) == 0
    assert main(told[1]) == 1
    assert "--due" in capsys.readouterr().err  # the sentence says where to give one
    due = ["grade", "release", "pooling", "--due", "2026-10-01T23:59+08:00"]
    assert main(due) == 0
    for words in told[1:3]:
        assert main(words) == 0
    assert main(["grade", "run", "pooling"]) == 0
    for words in told[3:4]:
        assert main(words) == 0
    said = capsys.readouterr().out
    assert "2026-10-03T23:59+08:00" in said
    assert text("No score changes.")[edition] in said
    assert main([*told[4], "--anyway"]) == 0
    assert main(["grade", "export", "pooling", "--format", "canvas", "--so-far"]) == 0
    assert float(exported()[1]["70004"]) == pytest.approx(by_code)


# What a hand slips into on the road, and what the answer must name: the mend, or what there is instead.
SLIPS = {
    "status poling": [NAME, "grade release poling"],
    "release nothing": ["padding-and-stride, pooling", "--exercises", "grading.toml"],
    "release pooling --questions pool-one": ["pool-1d, "],
    "release pooling --points pool-1d": ["pool-1d=6"],
    "release pooling --points choose-pooling=3 --questions pool-1d": ["choose-pooling"],
    "release pooling --due tomorrow": ["2026-10-03T23:59+08:00"],
    "ingest pooling roster.csv": ["roster.csv"],
    "ingest pooling there-is-none.zip": ["there-is-none.zip"],
    "ingest pooling submissions.zip --roster roster.xlsx": ["roster.xlsx", "CSV UTF-8"],
    "run poling": ["grade release poling"],
    "feedback pooling": ["grade run pooling"],
    "export pooling --format blackboard": ["--format", "canvas", "moodle"],
    "export pooling --for canvas": ["--for", "grade export --help"],
    "mark pooling": ["grade run pooling"],
    "extend pooling s1000 +2d": ["--due"],
    "resubmit pooling s1000 there-is-none.ipynb": ["there-is-none.ipynb"],
    "resubmit pooling nobody roster.csv": ["'nobody'"],
    "regrade pooling --diff": ["grade run pooling"],
    "gradde": ["gradde", "grade --help"],
    "init": ["FOLDER", "grade init --help"],
    "solutions pooling": ["--anyway"],
}
ENGLISH = re.compile(r"(?:\b[a-z]{2,} ){3,}")  # a sentence, which no path and no command is


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_slip_on_the_road_is_answered_with_its_mend_and_in_the_words_of_the_class(
    tmp_path, monkeypatch, capsys, language
):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    course = course_folder(tmp_path / "my-class", language=language, students=people(2))
    monkeypatch.chdir(course.root)
    toml = course.root / "grading.toml"
    toml.write_text(re.sub(r"exercises = .*", "", toml.read_text()).replace(
        "[course]", f'[course]\nexercises = "{ROOT.as_posix()}/exercises"'))  # fmt: skip
    for name in ("roster.xlsx", "submissions.zip"):
        with zipfile.ZipFile(name, "w") as made:
            made.writestr(f"{canvas_name(people(1)[0])}_70000_1_pooling.ipynb", b"{}")
    for words, named in SLIPS.items():
        assert main(["grade", *shlex.split(words)]) != 0, words
        both = capsys.readouterr()
        said = both.err
        assert [part for part in named if part not in said] == [], (words, both)
        assert "Traceback" not in said
        assert len(said) < 900, said
        if language == "zh":
            bare = re.sub(r"coursecode grade [ -~]+|\([^)]*\)", "", said)
            assert not ENGLISH.search(bare), (words, said)
            assert re.search("[\u4e00-\u9fff]", said)
