"""The page on which written answers are marked: what it saves, what it hides, and whom it lets in."""

import contextlib
import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from browser import axe
from lms_classes import NAME, course_folder, fake_run, lms_zip, notebook, people, right
from root import ROOT

from coursegrade.contract import Bundle, Text
from coursegrade.files import Problem, read_json, write_json
from coursegrade.intake.ingest import ingest
from coursegrade.records.gradebook import merge, states
from coursegrade.records.marking import Conflict, Mark, Marking, marks, rubric_items

QUESTION = "why-max"
ATTACK = (
    "<script>document.title='owned'</script><style>body{display:none}</style>"
    "<meta http-equiv=refresh content='0;url=//e'>"
    "<form action='/x'><button>go</button></form><base href='https://evil.example/'>"
    "<img src=x onerror=\"document.title='owned'\"><a href='javascript:document.title=1'>click</a>"
    "\n\n[click](javascript:document.title=1) $\\href{javascript:alert(1)}{x}$ \u202eabc"
)


def class_of(root: Path, answers: list[str], *, language: str = "en"):
    """A merged class whose students wrote these answers; the last of the roster handed in nothing."""
    students = people(len(answers) + 1)
    course = course_folder(root, students=students, language=language)
    work = []
    for student, answer in zip(students, answers, strict=False):
        made = right(language) if answer == "right" else notebook(language, why_max=answer)
        work.append((student, json.dumps(made).encode(), "pooling.ipynb"))
    ingest(course, NAME, lms_zip("canvas", work, root.parent / f"{root.name}.zip"))
    fake_run(course)
    merge(course, NAME)
    return course, students


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return class_of(tmp_path_factory.mktemp("mark") / "c", [f"answer number {n}" for n in range(6)])


def given(marking, ref, score, **more):
    shown = marking.answer(QUESTION, ref)
    return {"score": score, "comment": "", "items": [], "version": shown["version"],
            "submission": shown["submission"], **more}  # fmt: skip


# -- what is behind the page --


def test_a_rubric_is_read_line_by_line():
    en = "- 1 point: the mean,\n  because of the share\n- 2.5 points: form: both (1 point) fit"
    items = rubric_items(Text(en=en, zh="- 1 分：平均\n- 2.5 分：表单：都合适"))
    assert [(i.points, i.words["en"]) for i in items] == [
        (1.0, "the mean, because of the share"), (2.5, "form: both (1 point) fit"),
    ]  # fmt: skip
    assert [i.words["zh"] for i in items] == ["平均", "表单：都合适"]
    assert rubric_items(Text(en="Look whether it is right.", zh="看是否正确。")) == []
    assert rubric_items(Text(en="- 1 point: a", zh="- 2 分：甲")) == []


def test_every_rubric_of_the_course_can_be_given_item_by_item():
    from coursegrade.masters.release import assignment, bundle

    folder = ROOT / "exercises"
    found = 0
    for path in sorted(folder.glob("*.md")):
        for question in bundle(assignment(path.stem, folder), folder).questions:
            if question.rubric:
                found += 1
                assert sum(i.points for i in rubric_items(question.rubric)) >= question.points, (path, question.id)
    assert found >= 6


def test_the_order_is_no_order_of_names_and_stays(course):
    one, students = course
    first, again = (list(Marking(one, NAME).answers[QUESTION].students.values()) for _ in range(2))
    assert first == again
    assert sorted(first) == [s.key for s in students[:6]]
    assert first != sorted(first)
    data = json.dumps(Marking(one, NAME).overview(), ensure_ascii=False)
    for s in students:
        assert s.key not in data
        assert s.last not in data


def test_a_mark_is_in_the_gradebook_at_once_and_survives_run(tmp_path):
    course, _ = class_of(tmp_path / "c", ["a", "b"])
    marking = Marking(course, NAME)
    ref, student = next(iter(marking.answers[QUESTION].students.items()))
    marking.save(QUESTION, ref, given(marking, ref, 1.5, comment="Good **so far**", items=[0]))
    for _ in range(2):
        state = next(s for s in states(course, NAME) if s.student.key == student)
        assert (state.status, state.questions[QUESTION], state.comments) == (
            "graded",
            1.5,
            {QUESTION: "Good **so far**"},
        )
        merge(course, NAME)
    again = Marking(course, NAME).answer(QUESTION, ref)
    assert (again["score"], again["comment"], again["items"]) == (1.5, "Good **so far**", [0])
    assert marks(course, course.bundle(NAME))[student, QUESTION].items == (0,)
    assert Marking(course, NAME).answers[QUESTION].marked == {ref}
    for path in (course.root / "marking").iterdir():
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "score",
    [-0.001, 2.001, float("nan"), float("inf"), 1e308, None, True, "1", [1], {"a": 1}, 10**400],
    ids=lambda s: str(s)[:9],
)
def test_what_is_no_mark_changes_nothing(course, score):
    one, _ = course
    marking = Marking(one, NAME)
    ref = next(iter(marking.answers[QUESTION].students))
    before = marking.mark(QUESTION, ref)
    with pytest.raises(Problem):
        marking.save(QUESTION, ref, given(marking, ref, score))
    assert marking.mark(QUESTION, ref) == before
    for wrong in ({"items": [7]}, {"items": [-1]}, {"items": "0"}, {"items": [True]}, {"comment": 3},
                  {"comment": "x" * 10_001}, {"submission": "other"}):  # fmt: skip
        with pytest.raises(Problem):
            marking.save(QUESTION, ref, given(marking, ref, 1.0) | wrong)
    for no in ([], "x", None, 3):
        with pytest.raises(Problem):
            marking.save(QUESTION, ref, no)
    assert marking.mark(QUESTION, ref) == before


def test_two_windows_do_not_overwrite_each_other_unseen(tmp_path):
    course, _ = class_of(tmp_path / "c", ["a"])
    here, there = Marking(course, NAME), Marking(course, NAME)
    ref = next(iter(here.answers[QUESTION].students))
    mine, theirs = given(here, ref, 1.0, comment="mine"), given(there, ref, 2.0, comment="theirs")
    there.save(QUESTION, ref, theirs)
    with pytest.raises(Conflict) as caught:
        here.save(QUESTION, ref, mine)
    assert (caught.value.now.score, caught.value.now.comment) == (2.0, "theirs")
    assert here.mark(QUESTION, ref).comment == "theirs"
    here.save(QUESTION, ref, mine | {"version": caught.value.now.version})
    assert here.mark(QUESTION, ref).comment == "mine"
    log = [json.loads(line) for line in (course.root / "marking" / f"{NAME}.log").read_text().splitlines()]
    assert [(e["old"]["comment"], e["new"]["comment"]) for e in log] == [("", "theirs"), ("theirs", "mine")]


def test_who_handed_in_again_is_not_marked_for_what_was_shown(tmp_path):
    course, students = class_of(tmp_path / "c", ["old words"])
    marking = Marking(course, NAME)
    ref = next(iter(marking.answers[QUESTION].students))
    mark = given(marking, ref, 1.0)
    work = [(students[0], json.dumps(notebook(why_max="new words")).encode(), "pooling.ipynb")] * 2
    ingest(course, NAME, lms_zip("canvas", work, tmp_path / "again.zip"))
    with pytest.raises(Problem, match="handed in again"):
        marking.save(QUESTION, ref, mark)


def test_a_page_of_an_earlier_release_saves_nothing(tmp_path):
    course, _ = class_of(tmp_path / "c", ["a"])
    marking = Marking(course, NAME)
    ref = next(iter(marking.answers[QUESTION].students))
    mark = given(marking, ref, 1.0)
    path = course.release(NAME) / "bundle.json"
    data = Bundle.from_json(read_json(path))
    cheaper = [replace(q, points=1.0) if q.id == QUESTION else q for q in data.questions]
    newer = Bundle.make(assignment=NAME, questions=cheaper, cells=list(data.cells))
    write_json(path, newer.to_json())
    with pytest.raises(Problem, match="released again"):
        marking.save(QUESTION, ref, mark)
    assert Mark() == marking.mark(QUESTION, ref)


def test_a_locked_or_full_gradebook_is_said_and_nothing_is_half_done(tmp_path):
    course, _ = class_of(tmp_path / "c", ["a"])
    marking = Marking(course, NAME)
    ref = next(iter(marking.answers[QUESTION].students))
    mark = given(marking, ref, 1.0, comment="kept")
    other = sqlite3.connect(course.root / "gradebook.db")
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises((Problem, OSError)):
            marking.save(QUESTION, ref, mark)
    finally:
        other.rollback()
        other.close()
    assert marking.mark(QUESTION, ref).score is None
    assert QUESTION not in (course.root / "marking").name
    marking.save(QUESTION, ref, mark)
    assert marking.mark(QUESTION, ref).comment == "kept"


def test_a_question_that_is_not_there_is_named(course):
    one, _ = course
    with pytest.raises(Problem, match="there are: why-max"):
        Marking(one, NAME, question="pool-1d")


# -- the page, started by the command --


class Page:
    """``coursecode grade mark`` in a process of its own, and requests to it."""

    def __init__(self, root: Path, *more: str) -> None:
        code = "import sys; from coursegrade.__main__ import main; sys.exit(main(sys.argv[1:]))"
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, "grade", "mark", NAME, "-C", str(root), *more],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        timer = threading.Timer(120, self.process.kill)
        timer.start()
        assert self.process.stdout
        line = ""
        while "http://" not in line:
            line = self.process.stdout.readline()
            assert line, "the page did not start"
        timer.cancel()
        self.address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", line)[0]
        self.port, self.token = (
            int(self.address.split(":")[2].split("/")[0]),
            self.address.rstrip("/").rsplit("/", 1)[1],
        )
        self.origin = f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: object = None, *, method: str = "", raw: bytes | None = None, **headers: str):
        """Status, headers and text of an answer; ``{}`` in the path is the token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": f"127.0.0.1:{self.port}"}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent |= {"Content-Type": "application/json", "Origin": self.origin}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value}
        with contextlib.closing(connection):
            connection.putrequest(method or ("POST" if data is not None else "GET"), path.replace("{}", self.token),
                                  skip_host=True, skip_accept_encoding=True)  # fmt: skip
            for name, value in sent.items():
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A page with hostile, blank, huge and honest answers."""
    answers = [ATTACK, "*Write your answer here.*", "long " * 40_000, "right", "Because **it is**", "=1+1"]
    course, students = class_of(tmp_path_factory.mktemp("served") / "c", answers)
    page = Page(course.root)
    yield course, students, page
    page.close()


def scores(course) -> dict[str, float | None]:
    return {s.student.key: s.questions[QUESTION] for s in states(course, NAME)}


def refs(page: Page) -> list[str]:
    status, _, said = page.ask("/{}/api/overview")
    assert status == 200
    return [a["ref"] for q in json.loads(said)["questions"] for a in q["answers"]]


def mark_of(page: Page, ref: str, score: object = 1.0) -> dict:
    shown = json.loads(page.ask(f"/{{}}/api/answer/{QUESTION}/{ref}")[2])
    return {"score": score, "comment": "x", "items": [], "version": shown["version"], "submission": shown["submission"]}


REFUSED = {
    "another name for this machine (DNS rebinding)": {"Host": "evil.example"},
    "the same with the port": {"Host": "evil.example:{port}"},
    "no host": {"Host": ""},
    "this machine at another port": {"Host": "127.0.0.1:1"},
    "another page's request": {"Origin": "https://evil.example"},
    "a page of no origin": {"Origin": "null"},
    "no origin": {"Origin": ""},
    "another server of this machine": {"Origin": "http://127.0.0.1:8888"},
    "another site, as the browser says": {"Sec_Fetch_Site": "cross-site"},
    "a form": {"Content_Type": "application/x-www-form-urlencoded"},
    "a form of plain text": {"Content_Type": "text/plain"},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_mark_from_elsewhere_is_refused(served, kind):
    course, _, page = served
    before = scores(course)
    ref = refs(page)[0]
    headers = {k: v.replace("{port}", str(page.port)) for k, v in REFUSED[kind].items()}
    status, _, said = page.ask(f"/{{}}/api/mark/{QUESTION}/{ref}", mark_of(page, ref), **headers)
    assert status in (400, 403, 415)
    assert ref not in said
    if "Host" in headers:
        for path in (
            "/{}/",
            "/{}/api/overview",
            f"/{{}}/api/answer/{QUESTION}/{ref}",
            f"/{{}}/api/key/{QUESTION}/{ref}",
        ):
            assert page.ask(path, **headers)[0] in (400, 403)
    assert scores(course) == before


ADDRESSES = [
    "/", "/{}", "/x/", "/api/overview", "//api/overview", "/{}x/api/overview", "/{}/../../etc/passwd",
    "/{}/..%2f..%2fgradebook.db", "/{}/%2e%2e/gradebook.db", "/{}/mark.js/../../cli.py", "/{}/pages/mark.html",
    "/{}/mark.js%00.css", "/{}/api/answer/why-max/../../overview", "/{}/api/answer/..%2f..%2fseed/0000000000000000",
    "/{}/gradebook.db", "/{}/C:/x", "/{}/\\..\\seed.txt", "/{}/api/answer/pool-1d/{ref}",
    "/{}/api/answer/why-max/" + "0" * 16,
    "/{}/api/key/other-question/{ref}", "/{}/api/answer/" + "a" * 5000 + "/{ref}", "/" + "A" * 43 + "/api/overview",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_no_other_address_gives_anything(served, address):
    course, students, page = served
    status, _, said = page.ask(address.replace("{ref}", refs(page)[0]))
    assert status in (400, 403, 404)
    assert len(said) < 400
    for secret in (course.seed(), "root:", "SQLite", "def ", students[0].key, page.token):
        assert secret not in said


def test_no_method_deletes_and_no_get_saves(served):
    course, _, page = served
    before, ref = scores(course), refs(page)[0]
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "GET", "HEAD"):
        for path in (f"/{{}}/api/mark/{QUESTION}/{ref}", f"/{{}}/api/answer/{QUESTION}/{ref}", "/{}/"):
            status = page.ask(path, mark_of(page, ref), method=method)[0]
            assert status in (403, 404, 405, 415) or (method in ("GET", "HEAD") and "/mark/" not in path), (
                method,
                path,
            )
    status = page.ask(f"/{{}}/api/mark/{QUESTION}/{ref}?score=2")[0]
    assert status == 405
    assert scores(course) == before


BODIES = [b"", b"[]", b"null", b"{}", b'{"score": NaN}', b'{"score": Infinity}', b'{"score": 1e999}', b"{" * 50_000,
          b"[" * 100_000, b'{"score": "1"}', b"\xff\xfe", b'{"score": -1}', b'{"score": 2.5}']  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda b: repr(b[:20]))
def test_a_body_that_is_no_mark_saves_nothing(served, body):
    course, _, page = served
    before, ref = scores(course), refs(page)[0]
    if body.startswith(b'{"score"'):
        whole = json.dumps(mark_of(page, ref) | {"score": 0}).replace('"score": 0', body.decode()[1:-1])
        body = whole.encode()
    status, _, said = page.ask(f"/{{}}/api/mark/{QUESTION}/{ref}", raw=body)
    assert status in (400, 422)
    assert len(said) < 500
    assert scores(course) == before


def test_a_huge_body_is_not_read(served):
    course, _, page = served
    before, ref = scores(course), refs(page)[0]
    with contextlib.suppress(ConnectionError):
        status, *_ = page.ask(f"/{{}}/api/mark/{QUESTION}/{ref}", mark_of(page, ref) | {"comment": "x" * 3_000_000})
        assert status in (400, 413)
    assert scores(course) == before
    assert page.ask("/{}/")[0] == 200


def test_the_answers_of_the_server_let_a_browser_run_nothing_else(served):
    *_, page = served
    for path in ("/{}/", "/{}/mark.js", "/{}/mark.css", "/{}/api/overview", "/nothing"):
        _, headers, _ = page.ask(path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_only_this_machine_is_listened_to(served):
    *_, page = served
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = {row[1].split(":")[0] for row in listening if int(row[1].split(":")[1], 16) == page.port and row[3] == "0A"}
    assert mine == {"0100007F"}


def test_answers_are_small_and_harmless(served):
    _, _, page = served
    for ref in refs(page):
        status, headers, said = page.ask(f"/{{}}/api/answer/{QUESTION}/{ref}")
        assert status == 200
        assert headers["Content-Type"].startswith("application/json")
        assert len(said) < 100_000
        html = json.loads(said)["html"]
        assert not re.search(r"<(script|style|meta|form|button|base|img|svg|iframe|input)\b", html)
        assert (
            "javascript:" not in re.sub(r"\$[^$]*\$", "", re.sub(r"<[^>]*>", lambda m: m[0], html))
            or "href" not in html
        )
        assert "\u202e" not in html


# -- in a browser --


def until(tab, holds: str) -> None:
    """Wait for it; the page's policy lets Playwright's own waiting in no more than anybody else's code."""
    for _ in range(300):
        if tab.evaluate(holds):
            return
        tab.wait_for_timeout(100)
    raise AssertionError(f"{holds}: {tab.locator('#trouble').text_content()}")


@pytest.fixture
def tab(served, chromium):
    *_, page = served
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    opened = context.new_page()
    said = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: None if request.url.startswith(page.origin) else said.append(request.url))
    opened.goto(page.address)
    until(opened, "document.getElementById('which').textContent !== ''")
    yield opened
    context.close()
    assert [s for s in said if "409" not in s and "422" not in s and "ERR_CONNECTION" not in s] == []


@pytest.mark.slow
def test_a_class_is_marked_with_the_keyboard_alone(tmp_path, chromium):
    course, students = class_of(tmp_path / "c", [f"answer {n}" for n in range(4)])
    page = Page(course.root)
    context = chromium.new_context()
    try:
        tab = context.new_page()
        tab.goto(page.address)
        until(tab, "document.getElementById('answer').textContent.includes('answer')")
        assert tab.locator("#progress-text").text_content() == "0 of 4 marked"
        assert not any(s.name in tab.content() or s.key in tab.content() for s in students)
        for n in range(4):
            assert f"Answer {n + 1} of 4" in tab.locator("#which").text_content()
            tab.keyboard.press("1" if n % 2 == 0 else "0")
            assert tab.locator("#points").input_value() == ("2" if n % 2 == 0 else "0")
            if n == 0:
                tab.keyboard.press("c")
                tab.keyboard.type("jkn 1 clear")
                tab.keyboard.press("Control+Enter")
                until(tab, "document.getElementById('status').textContent.startsWith('Saved')")
                tab.keyboard.press("Escape")
                tab.keyboard.press("n")
            else:
                tab.keyboard.press("Enter")
                until(tab, "document.getElementById('status').textContent.startsWith('Saved')")
                tab.keyboard.press("j")
            if n < 3:
                until(tab, f"document.getElementById('which').textContent.includes('{n + 2} of')")
        assert tab.locator("#progress-text").text_content() == "4 of 4 marked"
        assert "All answers" in tab.locator("#status").text_content()
        tab.keyboard.press("k")
        until(tab, "document.getElementById('which').textContent.includes('3 of')")
        tab.locator("#show").focus()
        tab.keyboard.press("Enter")
        until(tab, "document.getElementById('name').textContent !== ''")
        shown = tab.locator("#name").text_content()
        assert any(s.key in shown for s in students)
        # Going on saves what was typed, and what is shown first next time is unchanged.
        tab.keyboard.press("p")
        tab.keyboard.type("1.5")
        tab.keyboard.press("Escape")
        tab.keyboard.press("k")
        until(tab, "document.getElementById('which').textContent.includes('2 of')")
        expected = list(Marking(course, NAME).answers[QUESTION].students.values())
        found = scores(course)
        assert [found[key] for key in expected] == [2, 0, 1.5, 0]
        comments = {s.student.key: s.comments for s in states(course, NAME)}
        assert comments[expected[0]] == {QUESTION: "jkn 1 clear"}
    finally:
        context.close()
        page.close()


@pytest.mark.slow
def test_what_cannot_be_saved_is_said_and_stays(tmp_path, chromium):
    course, _ = class_of(tmp_path / "c", ["one", "two"], language="zh")
    page = Page(course.root)
    context = chromium.new_context()
    try:
        tab = context.new_page()
        tab.goto(page.address)
        until(tab, "document.getElementById('answer').textContent !== ''")
        assert tab.locator("html").get_attribute("lang") == "zh-CN"
        assert "评阅" in tab.title()
        tab.locator("#comment").fill("不要丢失")
        tab.locator("#points").fill("7")
        tab.locator("#save").click()
        until(tab, "document.getElementById('trouble').textContent !== ''")
        assert "0 到 2 之间的分数" in tab.locator("#trouble").text_content()
        tab.locator("#points").fill("1")
        page.process.kill()
        page.process.wait()
        tab.keyboard.press("Escape")
        tab.locator("#next").click()
        until(tab, "document.getElementById('trouble').textContent.includes('没有响应')")
        assert tab.locator("#comment").input_value() == "不要丢失"
        assert tab.locator("#points").input_value() == "1"
        assert "1" in tab.locator("#which").text_content()  # it stays at this answer
        assert set(scores(course).values()) == {None, 0.0}
        stored = tab.evaluate("Object.values(sessionStorage).join()")
        assert "不要丢失" in stored
    finally:
        context.close()
        page.process.stdout.close()


@pytest.mark.slow
def test_a_hostile_answer_does_nothing_to_the_page(served, tab):
    *_, page = served
    title = tab.title()
    for n in range(6):
        until(tab, f"document.getElementById('which').textContent.includes('Answer {n + 1} ')")
        assert tab.title() == title
        assert tab.evaluate("getComputedStyle(document.body).display") == "block"
        assert (
            tab.evaluate("document.querySelectorAll('#answer :is(script,style,form,base,meta,img,button)').length") == 0
        )
        assert tab.evaluate("[...document.querySelectorAll('#answer a')].every(a => !/script/.test(a.href))")
        assert tab.url == page.address
        tab.keyboard.press("j")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_two_windows_and_the_later_one_is_asked(served, tab, chromium):
    course, _, page = served
    tab.keyboard.press("1")
    other = chromium.new_context().new_page()
    try:
        other.goto(page.address)
        until(other, "document.getElementById('which').textContent !== ''")
        other.locator("#points").fill("0.5")
        other.locator("#comment").fill("from the other window")
        other.locator("#save").click()
        until(other, "document.getElementById('status').textContent.startsWith('Saved')")
        tab.keyboard.press("Enter")
        until(tab, "document.getElementById('trouble').textContent.includes('another window')")
        assert "there now: 0.5. from the other window" in tab.locator("#trouble").text_content()
        assert tab.locator("#points").input_value() == "2"
        tab.keyboard.press("Enter")
        until(tab, "document.getElementById('status').textContent.startsWith('Saved')")
        assert 2 in scores(course).values()
    finally:
        other.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_fault_of_accessibility(served, tab, scheme):
    tab.emulate_media(color_scheme=scheme)
    for summary in tab.locator("summary").all():
        if summary.is_visible():
            summary.click()
    found = axe().run(tab).response["violations"]
    assert [(v["id"], [n["html"][:80] for n in v["nodes"]]) for v in found] == []
    tab.keyboard.press("Tab")
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"


@pytest.mark.slow
def test_a_class_is_marked_with_the_mouse_alone_and_stays_over_a_reload(tmp_path, chromium):
    """A rubric's item ticked, a comment, next and previous; what is typed and not saved is there after a reload."""
    course, students = class_of(tmp_path / "c", ["one", "two"])
    page = Page(course.root)
    context = chromium.new_context()
    try:
        tab = context.new_page()
        tab.goto(page.address)
        until(tab, "document.getElementById('which').textContent.includes('1 of')")
        assert not any(s.name in tab.content() or s.key in tab.content() for s in students)
        first = tab.locator("#answer").text_content()
        tab.locator("input[type=checkbox]").first.click()
        assert tab.locator("#points").input_value() == "2"
        tab.locator("#comment").fill("ticked")
        tab.locator("#save").click()
        until(tab, "document.getElementById('status').textContent.startsWith('Saved')")
        tab.locator("#next").click()
        until(tab, "document.getElementById('which').textContent.includes('2 of')")
        tab.locator("#comment").fill("a draft")
        tab.reload()
        until(tab, "document.getElementById('comment').value === 'a draft'")
        tab.locator("#points").fill("1")
        tab.locator("#previous").click()
        until(tab, "document.getElementById('which').textContent.includes('1 of')")
        assert tab.locator("#answer").text_content() == first
        assert tab.locator("input[type=checkbox]").first.is_checked()
        assert tab.locator("#comment").input_value() == "ticked"
        expected = list(Marking(course, NAME).answers[QUESTION].students.values())
        assert [scores(course)[key] for key in expected] == [2, 1]
    finally:
        context.close()
        page.close()
