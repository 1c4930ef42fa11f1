"""Hostile words in every place that a student can write to, followed to every place where anybody reads them."""

import contextlib
import csv
import html as html_module
import io
import json
import operator
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lms_classes import NAME, bundle, canvas_name, course_folder, fake_result, notebook, people, right
from nbconvert.filters import markdown2html
from root import ROOT

from coursegrade.__main__ import main
from coursegrade.contract import Text, Tick
from coursegrade.files import write_json
from coursegrade.handback.feedback import MAX_BYTES, feedback
from coursegrade.records.gradebook import merge
from coursegrade.records.marking import Marking
from coursegrade.sanitise import Untrusted, said

LINK = "[Open the submission](javascript:fetch%28%27%2Fapi%27%29)"
WORDS = {
    "a link that is a program": LINK,
    "a link by reference": "[x][1]\n\n[1]: javascript:alert(1)",
    "an address in brackets": "<javascript:alert(1)>",
    "an element": "<img src=x onerror=alert(1)><svg onload=alert(1)><script>alert(1)</script>",
    "an attribute's end": "\"><b onmouseover='alert(1)'>",
    "a formula": "=cmd|' /C calc'!A0",
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a formula after a tab": "\t=1+1",
    "a formula behind a separator": "x;=cmd|' /C calc'!A0;-1+1|@SUM(1)",
    "a terminal's escape": "\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31mred",
    "lines": "one\r\ntwo\n\n# A heading\n\n---\n",
    "right to left": "\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c",
    "long": "A" * 60_000,
    "mathematics": r"$\href{javascript:alert(1)}{x}$ $\style{position:fixed}{x}$ \unicode{x41}",
    "a comment's end": "--></script></style></title></textarea><script>alert(1)</script>",
    "a page of the same host": "[x](/logout) [y](//evil.example/) [z](?reset) <a href='api/shutdown'>a</a> [b](#save)",
    "a picture pasted into the cell": "![mine](attachment:mine.png) ![a][1]\n\n[1]: attachment:no.png",
    "entities": "&#60;script&#62;alert(1)&lt;/script&gt; [x](&#106;avascript:alert(1))",
    "a name that looks like its number": "anna_70000_1_x 70000",
    "right to left, by entities": (
        "&#x202E;gnp.exe&#8236; &rlm;&#x2066;x &#x1b;[2J&#133;&ZeroWidthSpace; <b title='&#8238;x'>y</b>"
    ),
}
CONTROL = {chr(n) for n in [*range(32), *range(127, 160), 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                            *range(0x2060, 0x2070), 0xFEFF]} - {"\n"}  # fmt: skip
HARMLESS = {"http", "https", "mailto"}


class Reader(HTMLParser):
    """What of a page is alive: elements that load or run, handlers, addresses of programs."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag, attrs):
        loads = {"script", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "base", "link", "img"}
        if tag in loads:
            self.live.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.live.append(f"{tag} {name}")
            scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", (value or "").lower())
            whole = scheme and scheme[1] in HARMLESS  # a part of one leads into the page's own host
            if name in ("href", "src", "action") and not whole and not (value or "").startswith("#"):
                self.live.append(f"{tag} {name}={value}")


def alive(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    return reader.live


# -- the door itself --


@pytest.mark.parametrize("name", WORDS)
def test_each_way_out_is_harmless_in_its_place(name):
    theirs = Untrusted(WORDS[name])
    assert not alive(f'<p title="{theirs.html()}">{theirs.html()}</p>')
    assert not alive(theirs.rendered())
    assert not CONTROL & set(theirs.rendered().replace("\t", ""))
    for made in (theirs.markdown(), theirs.rendered_markdown()):
        assert "\n" not in made
        shown = str(markdown2html(made))
        assert not alive(shown)
    assert "<a" not in str(markdown2html(f"**{theirs.markdown()}**"))
    assert not theirs.csv().startswith(("=", "+", "-", "@", "\t", "\r", " "))
    for part in re.split(r"[;|]", theirs.csv())[1:]:  # as a spreadsheet reads it where the comma stands in numbers
        assert not part.lstrip().startswith(("=", "+", "-", "@"))
    for one in (theirs.line(), theirs.csv(), theirs.filename()):
        assert not CONTROL & set(one)
        assert "\n" not in one
        assert one
    assert not CONTROL & set(theirs.plain().replace("\t", ""))
    assert len(theirs.line(50)) <= 50
    assert len(theirs.csv(50)) <= 51
    assert len(theirs.filename(50)) <= 50
    assert not set(theirs.filename()) & set('/\\:*?"<>|')
    assert theirs.stored() == WORDS[name]


def test_what_is_said_in_markdown_is_what_was_written():
    shown = str(markdown2html(Untrusted("**no** [x](y) `z` <b> $a$").markdown()))
    assert html_module.unescape(re.sub(r"<[^>]+>", "", shown)).strip() == "**no** [x](y) `z` <b> $a$"


def test_a_name_keeps_its_ending():
    assert Untrusted("a" * 300 + ".ipynb").filename(40) == "a" * 34 + ".ipynb"
    assert Untrusted("../../etc/passwd").filename() == "-..-etc-passwd"
    assert Untrusted("\x00").filename() == "�"
    assert Untrusted("...").filename() == "file"


@pytest.mark.parametrize(
    "use",
    [lambda u: f"{u}", lambda u: f"{u:>10}", str, lambda u: "<p>" + u, lambda u: "".join(["x", u]), "{}".format, print,
     lambda u: operator.mod("%s", u), lambda u: operator.mod("<p>%s</p>", (u,))],
)  # fmt: skip
def test_no_other_way_leads_out(use):
    with pytest.raises(TypeError):
        use(Untrusted("<script>"))
    assert "<script>" not in repr(Untrusted("<script>"))


PROBE = """\
from pathlib import Path
from coursegrade.contract import Result, Tick, text
from coursegrade.intake.archive import Entry
from coursegrade.intake.ingest import Row
from coursegrade.intake.lms import Upload
from coursegrade.records.gradebook import State
from coursegrade.sanitise import Untrusted, escape
def page(u: Untrusted, tick: Tick, result: Result, state: State,
         entry: Entry, upload: Upload, row: Row) -> list[object]:
    fine = f"<p>{u.html()}</p>" + u.markdown() + u.csv() + u.filename() + u.line()
    return [
        fine,
        f"<p>{u}</p>",
        "<p>{}</p>".format(u),
        str(u),
        "<p>" + u,
        escape(u),
        f"{tick.note['en']}",
        f"{result.outputs['x']}",
        f"{state.reason['en'] if state.reason else ''}",
        f"{tick.note}",
        f"<td>{state.student.name}</td>",
        "<td>" + state.student.sortable,
        ", ".join([state.student.section]),
        escape(state.student.email),
        text("{name}", name=state.student.called),
        Path("feedback") / entry.name,
        f"[{entry.path}]",
        f"{upload.name} <{upload.email}>",
        print(row.name, row.file),
    ]
"""


@pytest.mark.slow
def test_the_type_checker_refuses_a_students_text_in_a_page(tmp_path):
    (tmp_path / "probe.py").write_text(PROBE)
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(tmp_path / "probe.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    refused = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    first = PROBE.splitlines().index('        f"<p>{u}</p>",') + 1
    assert refused == set(range(first, first + 18)), done.stdout


def test_the_text_itself_is_taken_only_where_it_is_looked_into_or_stored():
    """A pattern, a comparison, our own JSON: in no module that makes a page, a table, a file's name or a line."""
    own = ROOT / "src" / "coursegrade"
    takes = {str(path.relative_to(own)) for path in own.rglob("*.py") if ".raw()" in path.read_text(encoding="utf-8")}
    assert takes == {
        "intake/archive.py",
        "intake/ingest.py",
        "intake/lms.py",
        "intake/roster.py",
        "term.py",
    }
    keeps = {
        str(path.relative_to(own)) for path in own.rglob("*.py") if ".stored()" in path.read_text(encoding="utf-8")
    }
    assert keeps == {"contract.py", "intake/ingest.py"}


# -- from the zip to everything that is read --


def hostile_zip(students, path: Path) -> None:
    """Between an honest first and last student, one for each of the words: in names of files, answers and cells."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for n, (student, words) in enumerate(zip(students, [None, *WORDS.values(), None], strict=True)):
            start = f"{canvas_name(student)}_{student.canvas}_{880000 + n}_"
            if words is None:
                made.writestr(f"{start}pooling.ipynb", json.dumps(right()))
            elif n % 2:  # a file that is none: the reason quotes its name
                inner = io.BytesIO()
                with zipfile.ZipFile(inner, "w") as zipped:
                    zipped.writestr(f"{words}.txt", "x")
                made.writestr(f"{start}p.zip", inner.getvalue())
            else:  # the notebook's name, its answers and a cell of their own
                answers = notebook(pool_1d=f"x = {words!r}", why_max=words)
                own = {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": words}
                answers["cells"].append(own)
                name = re.sub(r"[/\\\0]", "-", words)[:200]
                made.writestr(f"{start}{name}.ipynb", json.dumps(answers))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class, taken in by the command and merged; what ran is replaced by results that hold the words as well."""
    folder = tmp_path_factory.mktemp("door")
    students = people(len(WORDS) + 2)
    course = course_folder(folder / "course", students=students)
    hostile_zip(students, folder / "c.zip")
    screen = command("ingest", NAME, str(folder / "c.zip"), "-C", str(course.root))
    for words, student in zip([None, *WORDS.values(), None], students, strict=True):
        if course.ingested(NAME)[student.key]["status"] != "ready":
            continue
        result = fake_result(course, student.key).to_json()
        if words is not None:
            result["outputs"] = {"pool-1d": words[:20_000]}
            for question in result["questions"]:
                for test in question["tests"]:
                    test["ticks"] = [
                        Tick(Text(en="book", zh="书"), False, said(Text(en=words[:2000], zh=words[:2000]))).to_json()
                    ]
        write_json(course.result(student.key, NAME), result)
    screen += command("run", NAME, "--only-merge", "-C", str(course.root))
    screen += command("feedback", NAME, "-C", str(course.root))
    for form in ("csv", "canvas", "moodle", "gradescope"):
        screen += command("export", NAME, "--format", form, "-C", str(course.root), "--so-far", "--failed-as-zero")
    return course, students, screen


def command(*words: str) -> str:
    """What the command puts on the screen."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        status = main(["grade", *words])
    assert status == 0, screen.getvalue()
    return screen.getvalue()


def test_the_screen_shows_lines(graded):
    *_, screen = graded
    assert not CONTROL & set(screen.replace("\r", ""))
    assert "\r" not in re.sub(r"\r[^\n]*(it/s|\d%|s/it)", "", screen)
    assert max(map(len, screen.splitlines())) < 400


def test_no_cell_that_nbgrader_shows_is_alive(graded):
    course, students, _ = graded
    for student in students:
        shown = json.loads((course.root / "autograded" / student.key / NAME / f"{NAME}.ipynb").read_text())
        for cell in shown["cells"]:
            if cell["cell_type"] == "markdown":
                assert not alive(str(markdown2html(cell["source"]))), (student.key, cell["id"])
            else:
                outputs = "".join(o["text"] for o in cell["outputs"])
                assert not CONTROL & set((cell["source"] + outputs).replace("\t", ""))
    failed = [s for s in students if course.ingested(NAME)[s.key]["status"] == "failed"]
    assert len(failed) == (len(WORDS) + 1) // 2
    for student in failed:
        shown = json.loads((course.root / "autograded" / student.key / NAME / f"{NAME}.ipynb").read_text())
        reason = next(c for c in shown["cells"] if c["id"] == "reason")
        assert reason["cell_type"] == "markdown"
        assert "<a" not in str(markdown2html(reason["source"]))


def test_the_page_for_marking_shows_each_of_them_as_text(graded):
    course, *_ = graded
    marking = Marking(course, NAME)
    (question,) = marking.answers
    shown = [marking.answer(question, ref) for ref in marking.answers[question].students]
    names = [marking.key(question, ref) for ref in marking.answers[question].students]
    assert len(shown) > len(WORDS) // 2
    for one in shown:
        assert alive(one["html"]) == []
        assert not CONTROL & set(one["html"].replace("\t", ""))
        assert len(one["html"]) < 100_000
    assert not [n for n in names if CONTROL & set("".join(n.values()))]
    json.dumps(marking.overview())


def test_no_row_of_the_gradebook_holds_what_moves_a_page_or_a_table(graded):
    from lms_classes import database_rows

    course, *_ = graded
    for row in database_rows(course.root / "gradebook.db"):
        for value in filter(lambda v: isinstance(v, str), row):
            assert not CONTROL & set(value)
            assert len(value) <= 500


def test_every_page_and_zip_for_students_is_harmless_and_small(graded):
    course, students, _ = graded
    folder = course.root / "feedback" / NAME
    pages = {p.stem: p.read_text() for p in folder.glob("*.html")}
    assert set(pages) == {s.key for s in students}
    for page in pages.values():
        assert not [x for x in alive(page) if x != "link"]
        assert not CONTROL & set(page.replace("\t", ""))
        assert len(page.encode()) <= MAX_BYTES
    with zipfile.ZipFile(folder / "feedback-canvas.zip") as back:
        for name in back.namelist():
            assert not CONTROL & set(name)
            assert "\n" not in name
            assert "/" not in name
            assert ".." not in name.replace("...", "")
            data = back.read(name)
            if name.endswith(".ipynb"):
                for cell in json.loads(data)["cells"]:
                    assert not alive(str(markdown2html(cell["source"])))


def test_no_cell_of_a_table_is_a_formula(graded):
    course, *_ = graded
    tables = list((course.root / "export").glob("*.csv"))
    assert len(tables) == 4
    for path in tables:
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "@", "\t", "\r", "＝"))
                assert not cell.startswith("-") or cell == "-"
                assert not CONTROL & set(cell)
                assert len(cell) <= 600


def test_the_report_is_harmless(graded):
    course, *_ = graded
    report = (course.root / "export" / f"{NAME}-report.html").read_text()
    own = 'src="data:image/png;base64,'  # its two figures
    assert report.count(own) == 2
    assert not [x for x in alive(report.replace(own, 'src="https://')) if x != "img"]
    assert "e submission](javascript:fetch" in report  # the name is told, cut in the middle, as text
    assert not CONTROL & set(report)


def test_nobody_elses_page_changes(graded, tmp_path):
    """The honest students' pages are those of a class in which nobody else handed in."""
    course, students, _ = graded
    honest = [students[0], students[-1]]
    alone = course_folder(tmp_path / "alone", students=people(len(WORDS) + 2))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as made:
        for n, s in ((0, honest[0]), (len(WORDS) + 1, honest[1])):
            made.writestr(f"{canvas_name(s)}_{s.canvas}_{880000 + n}_pooling.ipynb", json.dumps(right()))
    assert main(["grade", "ingest", NAME, str(tmp_path / "c.zip"), "-C", str(alone.root)]) == 0
    for s in honest:
        write_json(alone.result(s.key, NAME), fake_result(alone, s.key).to_json())
    merge(alone, NAME)
    feedback(alone, NAME)
    for s in honest:
        here, there = (c.root / "feedback" / NAME / f"{s.key}.html" for c in (course, alone))
        assert here.read_bytes() == there.read_bytes()


def test_a_renderer_that_hangs_costs_one_page(graded, monkeypatch):
    """Whatever a student's Markdown does to the renderer, the others get their pages and this one its points."""
    from coursegrade import sanitise
    from coursegrade.cage.supervise import Caps
    from coursegrade.handback import feedback as module

    course, students, _ = graded
    real = sanitise._rendered

    def render(source: str) -> str:
        while "gnp.exe\u202c" in source:  # one of the texts
            pass
        return real(source)

    monkeypatch.setattr(sanitise, "_rendered", render)
    monkeypatch.setattr(module, "_CAPS", Caps(seconds=1.5))
    made = feedback(course, NAME)
    assert made.pages == len(students)
    pages = {p.stem: p.read_text() for p in (course.root / "feedback" / NAME).glob("*.html")}
    long = [key for key, page in pages.items() if "too long to be shown" in page]
    assert len(long) == 1
    assert bundle().questions[0].title["en"] in pages[students[0].key]


def test_a_renderer_that_raises_costs_nobody_a_page(graded, monkeypatch):
    from coursegrade import sanitise

    course, students, _ = graded

    def refuse(source: str) -> str:
        if source == "x":  # what is rendered before, to have it imported
            return source
        raise LookupError(source)

    monkeypatch.setattr(sanitise, "_rendered", refuse)
    made = feedback(course, NAME)
    assert made.pages == len(students)
    page = (course.root / "feedback" / NAME / f"{students[0].key}.html").read_text()
    assert bundle().questions[0].title["en"] in page
