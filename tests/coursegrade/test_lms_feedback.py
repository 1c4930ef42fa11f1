"""The pages that students get: harmless, self-contained, small, in both languages, nothing of a hidden test."""

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from lms_classes import (
    HIDDEN_1,
    HIDDEN_2,
    NAME,
    bundle,
    course_folder,
    fake_result,
    fake_run,
    lms_zip,
    notebook,
    people,
    right,
    roster_csv,
)
from root import ROOT

from benchmarks.standin import hidden_sources
from coursegrade.__main__ import main
from coursegrade.contract import Text
from coursegrade.course import Course, init
from coursegrade.files import write_json
from coursegrade.handback import feedback as module
from coursegrade.handback.export import FORMATS
from coursegrade.handback.feedback import MAX_BYTES, gradescope_results, page
from coursegrade.handback.worked import Worked, read_worked
from coursegrade.intake.ingest import ingest
from coursegrade.records.gradebook import State, merge
from coursegrade.sanitise import Untrusted, clean, escape, said

PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><circle/></svg>",
    "<svg><script>alert(1)</script></svg>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&#58;alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![x](https://evil.example/pixel.png)",
    "<iframe src='https://evil.example'></iframe>",
    "<object data='x.swf'></object><embed src=x>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='#' onclick='alert(1)'>x</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<form action='https://evil.example'><input name=p><button formaction='javascript:alert(1)'>go</button></form>",
    "<style>@import 'https://evil.example/a.css'; body{background:url(https://evil.example/b)}</style>",
    "<div style='position:fixed;inset:0;background:url(https://evil.example)'>cover</div>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/a.css'>",
    "</pre></section></main></body></html><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "`` ` ``<img src=x onerror=alert(1)>\n\n```\n</code></pre><script>alert(1)</script>\n```",
    "<x onmouseover=alert(1)>custom</x>",
    "<details open ontoggle=alert(1)>x</details>",
    "$<img src=x onerror=alert(1)>$ and $$<script>alert(1)</script>$$",
    "\u202eevil\u202c \x00<scr\x00ipt>alert(1)</scr\x00ipt>",
]  # fmt: skip

_LIVE = re.compile(
    r"<(script|img|svg|iframe|object|embed|form|input|button|link|base|video|audio|template|math|x|details)\b"
    r"|<[^>]*\son\w+\s*=|<[^>]*\sstyle\s*=|href\s*=\s*[\"']?\s*(javascript|data|vbscript)",
    re.IGNORECASE,
)


class Elements(HTMLParser):
    """The attributes of all elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_a_student_writes_comes_alive(payload):
    theirs = Untrusted(payload)
    ways = (theirs.rendered(), theirs.rendered_markdown(), theirs.markdown(), f"<p>{theirs.html()}</p>")
    for made in (clean(payload), *ways):
        assert not _LIVE.search(made), made
    assert "\n" not in theirs.rendered_markdown() + theirs.markdown()


def test_what_is_harmless_stays():
    made = Untrusted(
        "# Title\n\n**bold**, `a < b`, [link](https://example.org), $x^2$\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|"
    ).rendered()
    for part in (
        "<strong>bold</strong>",
        "a &lt; b",
        'href="https://example.org"',
        "<li>one</li>",
        "<td>1</td>",
        "x^2",
    ):
        assert part in made


def a_state(course, student, **changes) -> State:
    record = {"status": "ready", "notes": [Text(en="repaired", zh="已修复")], "lms": "canvas", "origin": {}}
    points = {"pool-1d": 4.0, "pool-2d": 0.0, "why-max": 1.5}
    result = fake_result(course, student.key)
    base = State(
        student.student(), "graded", None, 5.5, 5.5, 0.0, 10.0, points, result, {"why-max": "Well **said**"}, record
    )
    return replace(base, **changes)


@pytest.fixture
def taken(tmp_path):
    """A course with one submission taken in; its written answer is hostile."""
    students = people(8)
    course = course_folder(tmp_path, students=students)
    hostile = notebook(pool_1d="x = '</pre><script>alert(1)</script>'", why_max="\n\n".join(PAYLOADS))
    work = [(s, json.dumps(hostile).encode(), "a.ipynb") for s in students]
    ingest(course, NAME, lms_zip("canvas", work, tmp_path / "c.zip"))
    return course, students


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_a_page_is_self_contained_and_harmless(taken, language):
    course, students = taken
    for student in students:  # names with markup, quotes, formulas
        html = page(course, bundle(), a_state(course, student), language=language)
        body = html.partition("<body>")[2]
        assert not _LIVE.search(body)
        assert "default-src 'none'" in html
        assert "script-src" not in html  # default-src forbids them
        reader = Elements()
        reader.feed(html)
        known = {
            "lang",
            "charset",
            "http-equiv",
            "content",
            "name",
            "class",
            "role",
            "aria-label",
            "href",
            "rel",
            "title",
        }
        assert reader.attributes <= known
        assert not re.search(r"@import|url\(", html)
        assert len(html.encode()) <= MAX_BYTES
        assert "5.5 / 10" in html
        assert ("Pool a line" in html) == (language != "zh")
        assert ("一维池化" in html) == (language != "en")
        assert "<strong>said</strong>" in html


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_no_text_of_a_hidden_test_is_in_a_page_or_in_results(taken, language):
    course, students = taken
    secret = hidden_sources(bundle())
    assert len(secret) == 2
    html = page(course, bundle(), a_state(course, students[0]), language=language)
    tongue = language if language != "both" else "en"
    results = json.dumps(gradescope_results(a_state(course, students[0]), bundle(), tongue), ensure_ascii=False)
    for made in (html, results):
        for word in [
            *secret,
            "secret_numbers",
            "reference_answer",
            "ragged_matrix",
            "ragged_reference",
            HIDDEN_1,
            HIDDEN_2,
        ]:
            assert word not in made
            assert escape(word) not in made


def test_on_gradescope_what_waits_for_a_person_is_no_zero(taken):
    course, students = taken
    state = a_state(course, students[0])
    waiting = replace(state, questions={**state.questions, "why-max": None})
    tests = {test["number"]: test for test in gradescope_results(waiting, bundle(), "en")["tests"]}
    assert "score" not in tests["why-max"]
    assert all("score" in tests[name] for name in ("pool-1d", "pool-2d"))


def test_a_page_stays_small_whatever_was_handed_in(tmp_path):
    s = people(1)[0]
    course = course_folder(tmp_path, students=[s])
    long = notebook(pool_1d="# 长 " * 60_000, pool_2d="<&>" * 60_000, why_max="*很长* " * 60_000)
    ingest(course, NAME, lms_zip("canvas", [(s, json.dumps(long).encode(), "a.ipynb")], tmp_path / "c.zip"))
    result = replace(fake_result(course, s.key), outputs={"pool-1d": "<" * 20_000, "pool-2d": "长" * 20_000})
    html = page(course, bundle(), a_state(course, s, result=result), language="both")
    assert len(html.encode()) <= MAX_BYTES


def test_a_failed_submission_gets_its_reason_in_both_languages(taken):
    course, students = taken
    nothing = {"pool-1d": 0.0, "pool-2d": 0.0, "why-max": 0.0}
    failed = a_state(
        course, students[0], status="failed", reason=said(Text(en="the file is empty", zh="文件是空的")),
        score=0.0, raw=0.0, questions=nothing, result=None, comments={},
    )  # fmt: skip
    html = page(course, bundle(), failed, language="both")
    assert "the file is empty" in html
    assert "文件是空的" in html
    assert "– / 10" in html  # ungraded is not zero
    assert "0 / " not in html
    assert "– / 4" in html
    by_hand = replace(failed, questions={**nothing, "pool-1d": 3.0}, raw=3.0, score=3.0)
    assert "3 / 10" in page(course, bundle(), by_hand, language="en")


def test_what_could_not_be_graded_has_no_score_on_gradescope_and_is_named(tmp_path, monkeypatch, capsys):
    students = people(5)
    course = course_folder(tmp_path / "c", students=students, lms="gradescope")
    work = [(s, b"broken" if n == 2 else json.dumps(right()).encode(), "a.ipynb") for n, s in enumerate(students)]
    ingest(course, NAME, lms_zip("gradescope", work, tmp_path / "c.zip"))
    fake_run(course)
    merge(course, NAME)
    for language, word in (("en", "1 submission has no grade: Robert Bell"), ("zh", "1 份提交未能评分：Robert Bell")):
        assert main(["grade", "--lang", language, "feedback", NAME, "-C", str(course.root)]) == 0
        assert word in capsys.readouterr().out
    names, contents, _ = names_in(course.root / "feedback" / NAME / "feedback-gradescope.zip")
    assert sorted(n for n in names if n.startswith("results/")) == [
        f"results/{n}.json" for n in (9000, 9001, 9003, 9004)
    ]
    scores = [json.loads(contents[f"results/{n}.json"]) for n in (9000, 9001, 9003, 9004)]
    assert {one["score"] for one in scores} == {8}
    assert all("still to be graded by a person so far" in one["output"] for one in scores)
    for form in FORMATS:
        for more in ([], ["--so-far"]):
            template = ["--template", str(tmp_path / "t.csv")] if form == "moodle" else []
            (tmp_path / "t.csv").write_bytes(roster_csv(students, "moodle"))
            title = ["--title", "Pooling (1)"] if form == "canvas" else []
            command = ["grade", "--lang", "en", "export", NAME, "--format", form, *more, *template, *title]
            assert main([*command, "-C", str(course.root)]) == 0
            made = (course.root / "export" / f"{NAME}-{form}.csv").read_text(encoding="utf-8-sig")
            rows = list(csv.reader(io.StringIO(made)))
            place = next(n for n, h in enumerate(rows[0]) if h in ("score", "Grade", NAME, "Pooling (1)"))
            marks = [row[place] for row in rows[1:] if "Points Possible" not in row[0]]
            assert marks[2] == "", form  # Bell's
            assert all(mark == "" for mark in marks) == (not more)


@pytest.mark.slow
def test_the_page_opens_offline_in_a_browser_without_errors(taken, tmp_path, chromium):
    course, students = taken
    path = tmp_path / "page.html"
    path.write_text(page(course, bundle(), a_state(course, students[7]), language="both"))
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    try:
        tab = context.new_page()
        seen, said = [], []
        tab.on("request", lambda request: seen.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        tab.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
        tab.goto(path.as_uri())
        assert seen == [path.as_uri()]
        assert said == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.locator("h2").count() == 3
        assert tab.locator("ul.ticks li").count() == 3
        color = tab.evaluate("getComputedStyle(document.querySelector('section')).borderTopWidth")
        assert color == "1px"  # the policy lets the page's own styles in
    finally:
        context.close()


def names_in(path):
    with zipfile.ZipFile(path) as archive:
        return archive.namelist(), {n: archive.read(n) for n in archive.namelist()}, archive.infolist()


def with_states(monkeypatch, course, students, lms):
    """``feedback`` on given states, so that its own work is what is tested."""
    records = course.ingested(NAME)
    found = [a_state(course, s, record=records[s.key]) for s in students]
    found[-1] = replace(found[-1], status="missing", record={}, result=None)
    monkeypatch.setattr(module, "states", lambda *_: found)
    return found


@pytest.mark.parametrize("lms", ["canvas", "moodle", "gradescope"])
def test_the_zip_has_the_layout_that_the_lms_takes_back(tmp_path, monkeypatch, lms):
    students = people(8)
    course = course_folder(tmp_path, students=students, lms=lms)
    work = [(s, json.dumps(right()).encode(), "my_answer.ipynb") for s in students]
    ingest(course, NAME, lms_zip(lms, work, tmp_path / "c.zip"))
    with_states(monkeypatch, course, students, lms)
    made = module.feedback(course, NAME)
    assert made.pages == 7
    path = course.root / "feedback" / NAME / f"feedback-{lms}.zip"
    assert path in made.zips
    names, contents, infos = names_in(path)
    if lms == "canvas":  # Canvas takes the first two numbers between underscores: the user and one of their files
        numbers = [[int(p) for p in n.split("_") if p.isdigit()][:2] for n in names]
        assert sorted(numbers) == [[70000 + n, 880000 + n] for n in range(7)]
    elif lms == "moodle":  # Moodle: name_number_assignfeedback_file_ and then the file
        parts = [n.split("/")[0].split("_", 4) for n in names]
        assert sorted(p[1] for p in parts) == [str(500 + n) for n in range(7)]
        assert {(p[2], p[3], p[4]) for p in parts} == {("assignfeedback", "file", "")}
        assert any("王小明" in n for n in names)
    else:
        assert {"run_autograder", "setup.sh", "results/9000.json"} <= set(names)
        runner = next(i for i in infos if i.filename == "run_autograder")
        assert runner.external_attr >> 16 & 0o111
        one = json.loads(contents["results/9001.json"])
        assert one["score"] == 5.5
        assert [t["max_score"] for t in one["tests"]] == [4, 4, 2]
        assert sum(t["score"] for t in one["tests"]) == 5.5
    again = path.read_bytes()
    module.feedback(course, NAME)
    assert path.read_bytes() == again


def test_the_gradescope_runner_hands_out_the_result(tmp_path, monkeypatch):
    root = tmp_path / "autograder"
    (root / "source" / "results").mkdir(parents=True)
    (root / "results").mkdir()
    (root / "source" / "results" / "9001.json").write_text('{"score": 5.5}')
    script = module._RUN.replace("/autograder", str(root)).replace("python3", sys.executable)
    for number in (4, 9001):
        (root / "submission_metadata.json").write_text(json.dumps({"id": number}))
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        if number == 4:  # no file: Gradescope says that there is no result, and shows no 0
            assert done.returncode == 1
            assert "Submission 4 has not been graded" in done.stdout
            assert not (root / "results" / "results.json").exists()
    assert done.returncode == 0
    assert json.loads((root / "results" / "results.json").read_text()) == {"score": 5.5}


def test_the_chinese_course_gets_chinese_pages(tmp_path, monkeypatch):
    students = people(2)
    course = course_folder(tmp_path, students=students, language="zh")
    work = [(s, json.dumps(right("zh"), ensure_ascii=False).encode(), "a.ipynb") for s in students]
    ingest(course, NAME, lms_zip("canvas", work, tmp_path / "c.zip"))
    with_states(monkeypatch, course, students, "canvas")
    module.feedback(course, NAME)
    html = (course.root / "feedback" / NAME / "s1000.html").read_text()
    assert 'lang="zh-CN"' in html
    assert "评阅反馈" in html
    assert "一维池化" in html
    assert "Pool a line" not in html


# -- what is shown once the solutions are open --

SOLVED = Worked(
    {
        "pool-1d": Text(en="Take the **largest** <value>.", zh="取**最大**值。"),
        "why-max": Text(en="Small shifts.", zh="小平移。"),
    },
    {},
    Text(en="Pooling", zh="池化"),
    Text(en="https://course.example/book/pooling.html", zh="https://course.example/zh/book/pooling.html"),
)


def settings(course, extra: str):
    path = course.root / "grading.toml"
    path.write_text(f"{path.read_text()}\n{extra}\n")
    return Course.load(course.root)


def open_pages(tmp_path, monkeypatch, extra: str, *, tongues=("en", "zh"), marked=True) -> dict[str, str]:
    """The pages of a class whose students write in these languages, with the first one's answer marked by item."""
    students = people(len(tongues) + 1)
    course = settings(course_folder(tmp_path, students=students), extra)
    write_json(course.release(NAME) / "solutions.json", SOLVED.to_json())
    work = [
        (s, json.dumps(right(t), ensure_ascii=False).encode(), "a.ipynb")
        for s, t in zip(students, (*tongues, "en"), strict=True)
    ]
    ingest(course, NAME, lms_zip("canvas", work, tmp_path / "c.zip"))
    if marked:
        one = {"why-max": {students[0].key: {"items": [0], "score": 1.5}}}
        write_json(course.root / "marking" / f"{NAME}.json", one)
    with_states(monkeypatch, course, students, "canvas")
    module.feedback(course, NAME)
    return {p.stem: p.read_text() for p in (course.root / "feedback" / NAME).glob("*.html")}


SHOWN = ["Take the <strong>largest</strong>", "What earns the points", "invariance to small shifts",
         "A worked solution",
         'href="https://course.example/book/pooling.html"']  # fmt: skip
SOON, LONG_AGO = "2099-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
WHEN = {  # settings: whether the solutions are shown
    "": False,
    f"[due]\npooling = {SOON}": False,
    f"[due]\npooling = {LONG_AGO}": True,
    "[assignments.pooling]\nshow_solutions = true": True,
    f"[assignments.pooling]\nshow_solutions = false\n[due]\npooling = {LONG_AGO}": False,
    f"[assignments.pooling]\nshow_solutions = true\n[due]\npooling = {SOON}": True,
    "[assignments.other]\nshow_solutions = true": False,
}


@pytest.mark.parametrize("extra", WHEN, ids=range(len(WHEN)))
def test_solutions_rubric_and_chapter_are_shown_when_they_are_open(tmp_path, monkeypatch, extra):
    made = (tmp_path / "c", monkeypatch)
    base = course_folder(tmp_path / "plain").root / "grading.toml"
    assert base.read_text().count("[due]") == 1
    monkeypatch.setattr("lms_classes.init", lambda root, **kw: plain_init(root, **kw))
    page = open_pages(*made, extra)["s1000"]
    assert [part in page for part in SHOWN] == [WHEN[extra]] * len(SHOWN)
    assert not _LIVE.search(page.partition("<body>")[2])


def plain_init(root, **kw):
    """``init`` whose settings have no table of due dates, so that a test can add one."""
    init(root, **kw)
    path = root / "grading.toml"
    path.write_text(path.read_text().partition("[due]")[0])


def test_each_student_reads_their_own_language(tmp_path, monkeypatch):
    pages = open_pages(tmp_path, monkeypatch, "[assignments.pooling]\nshow_solutions = true")
    assert 'lang="en"' in pages["s1000"]
    assert 'lang="zh-CN"' in pages["s1001"]
    assert "取<strong>最大</strong>值" in pages["s1001"]
    assert "largest" not in pages["s1001"]
    assert 'href="https://course.example/zh/book/pooling.html">池化' in pages["s1001"]
    assert "对小平移不变" in pages["s1001"]


def test_the_items_that_were_given_are_ticked_for_that_student_alone(tmp_path, monkeypatch):
    pages = open_pages(tmp_path, monkeypatch, "[assignments.pooling]\nshow_solutions = true", tongues=("en", "en"))
    rubric = {key: page.partition("What earns the points</h3>")[2].partition("</ul>")[0] for key, page in pages.items()}
    assert 'aria-label="given"' in rubric["s1000"]
    assert "aria-label" not in rubric["s1001"]
    assert "2 points" in re.sub(r"<[^>]+>", "", rubric["s1000"])


def test_a_release_keeps_its_solutions_and_none_of_them_is_public(tmp_path):
    from coursegrade.masters.release import release

    exercises = ROOT / "exercises"
    [folder] = release(["pooling"], out=tmp_path / "release", exercises=exercises)
    course = settings(course_folder(tmp_path), "")
    kept = read_worked(replace(course, exercises=str(tmp_path / "nowhere")), "pooling")
    assert set(kept.solutions) >= {"pool1d", "choose-pooling"} or len(kept.solutions) == 7
    for words in kept.solutions.values():
        assert words["en"]
        assert words["zh"]
    assert "global average" in kept.samples["choose-pooling"]["en"]
    assert kept.chapter["en"]
    for language in ("en", "zh"):
        with zipfile.ZipFile(folder / f"pooling-{language}.zip") as public:
            assert public.namelist() == ["pooling/pooling.ipynb"]
            assert "global average: the mean of zeros" not in public.read("pooling/pooling.ipynb").decode()
    (folder / "solutions.json").unlink()  # a release of an earlier version
    assert read_worked(replace(course, exercises=str(exercises)), "pooling") == kept
