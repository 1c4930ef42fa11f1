"""The exercises: their masters, what the book and the release show of them, and what they must never show."""

from __future__ import annotations

import ast
import dis
import html
import importlib
import itertools
import json
import math
import re
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import CodeType

import nbformat
import pytest
import torch
import torch.nn.functional as F
import yaml
from problems import none
from right_answers import TRAINS
from root import ROOT
from torch import nn

from coursecode.check import close
from coursegrade.contract import Bundle
from coursegrade.masters import lint, master, release
from coursegrade.masters.master import MasterError
from tools.source import chapters, exercises, quiz

MASTERS = ROOT / "exercises"
NAMES = release.available(MASTERS)
LANGUAGES = ("en", "zh")


# A question whose right answer trains for many seconds is a part of its own, left out by `make check`.
TRAINING = sorted({question.partition("-")[0] for question in TRAINS})
PARTS = [*NAMES, *(pytest.param(f"{name}, what trains", marks=pytest.mark.slow) for name in TRAINING)]


@pytest.fixture(scope="module")
def tasks() -> dict[str, release.Assignment]:
    return {name: release.assignment(name, MASTERS) for name in NAMES}


@pytest.fixture
def part(request: pytest.FixtureRequest, tasks: dict[str, release.Assignment]) -> release.Assignment:
    """The questions of a chapter that train for many seconds, or the others."""
    name, _, trains = request.param.partition(", ")
    pages = tasks[name].masters.values()
    found = [
        replace(page, sections=[one for one in page.questions if (one.id in TRAINS) == bool(trains)]) for page in pages
    ]
    assert all(page.questions for page in found)
    return release.Assignment(*found)


def test_every_question_is_in_one_of_the_parts(tasks):
    ids = {question.id for task in tasks.values() for question in task.en.questions}
    assert set(TRAINS) <= ids
    assert set(TRAINING) <= set(NAMES)


# -- the masters --------------------------------------------------------------------------------------------------


# Side roads: their exercises, where they have some, stand in the set of the chapter that they leave from.
WITHOUT = (
    *("circular-convolution", "receptive-field", "causal-and-dilated", "separable-kernels", "after-lenet"),
    *("looking-inside", "your-own", "backward-pass", "how-it-is-computed"),
)


def test_every_chapter_has_its_exercises():
    tree = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    numbered = [part for part in tree["parts"] if part.get("numbered")]
    names = [Path(chapter["file"]).name for part in numbered for chapter in part["chapters"]]
    assert sorted(names) == sorted([*NAMES, *WITHOUT])


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_has_enough_of_every_kind(tasks, name):
    questions = tasks[name].en.questions
    assert len(questions) >= 5
    assert {question.level for question in questions} == set(master.LEVELS)
    assert {question.written for question in questions} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_a_master_keeps_the_form(tasks, name):
    none(lint.form_problems(tasks[name]))


def test_ids_are_unique_over_all_chapters(tasks):
    ids = [block.id for task in tasks.values() for block in task.en.blocks() if block.id]
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("seed", ["lint", "another class"])
@pytest.mark.parametrize("part", PARTS, indirect=True)
def test_solutions_get_all_points_stubs_none_and_wrong_answers_what_was_declared(part, seed):
    none(lint.behaviour_problems(part, seed=seed))


@pytest.mark.parametrize("name", NAMES)
def test_a_test_cell_leaves_no_name_where_answers_look(tasks, name):
    """A learner's own helper of the same name would be replaced before her answer runs."""
    cells = [block for one in tasks[name].masters.values() for block in one.blocks() if block.role == "test"]
    assert cells
    none(
        [
            f"{cell.id} binds {step.argval}; put the test into a function, def _tests():"
            for cell in cells
            for code in codes(compile(cell.source, cell.id, "exec"))
            for step in dis.get_instructions(code)
            if step.opname in {"STORE_NAME", "STORE_GLOBAL"} and not str(step.argval).startswith("_")
        ]
    )


def codes(code: CodeType) -> list[CodeType]:
    """The code of a cell and of everything in it."""
    return [code, *(inner for part in code.co_consts if isinstance(part, CodeType) for inner in codes(part))]


@pytest.mark.parametrize("part", PARTS, indirect=True)
def test_a_right_answer_that_prints_and_warns_loses_no_points_by_it(part):
    noise = "import warnings as _w\n_w.warn('a warning')\nprint('a line')\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for question in part.en.questions:
            if not question.written:
                answers = [master.reference(block.source) for block in question.of("answer")]
                points = question.points
                if question.id in TRAINS:  # for an epoch, which gets what it gets without them
                    whole, short = TRAINS[question.id]
                    assert whole in answers[0]
                    answers = [answer.replace(whole, short) for answer in answers]
                    points = lint.earned(question.of("test"), answers, setup=part.en.setup)
                    assert points >= question.points / 2
                noisy = [noise + answer for answer in answers]
                assert lint.earned(question.of("test"), noisy, setup=part.en.setup) == pytest.approx(points)


@pytest.mark.parametrize("name", NAMES)
def test_samples_of_written_answers_span_the_scale(tasks, name):
    for question in tasks[name].en.questions:
        if question.written:
            scores = {block.score for block in question.of("sample")}
            assert question.points in scores
            assert 0 in scores


# -- quick questions ----------------------------------------------------------------------------------------------


def names_of_checks() -> dict[str, object]:
    names = {"torch": torch, "F": F, "nn": nn, "math": math, "partial": partial, "itertools": itertools}
    for part in ("dense", "correlation", "geometry", "channels", "pooling", "lenet"):
        module = importlib.import_module(f"coursecode.{part}")
        names |= {name: getattr(module, name) for name in module.__all__}
    return names


def questions_of(name: str, language: str) -> list[quiz.Quiz]:
    folder = MASTERS if language == "en" else ROOT / "zh" / "exercises"
    return quiz.blocks((folder / f"{name}.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_code_proves_the_marked_answers(name):
    found = questions_of(name, "en")
    assert len(found) >= 4
    torch.manual_seed(0)
    none([problem for one in found if (problem := quiz.wrong(one, names_of_checks()))])


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_question_is_the_same_in_both_languages(name):
    one, two = questions_of(name, "en"), questions_of(name, "zh")

    def form(q: quiz.Quiz) -> tuple[object, ...]:
        options = [(o.right, o.text if q.kind == "number" else "") for o in q.options]
        return q.name, q.kind, q.check, options

    assert [form(q) for q in one] == [form(q) for q in two]
    for q in two:
        assert re.search("[\u4e00-\u9fff]", q.question)
        assert all(re.search("[\u4e00-\u9fff]", option.feedback) for option in q.options)


# Words of a question that asks about somebody's text instead of about convolution; the other edition's script is one.
ABOUT_TEXTS = {
    "en": re.compile(r"\b(?:texts?|books?|textbooks?|notes?|slides?|lists?|authors?)\b|[\u4e00-\u9fff]", re.IGNORECASE),
    "zh": re.compile("教材|讲义|笔记|幻灯片|一本书|作者|译作|错字"),
}


def about_texts(question: quiz.Quiz, language: str) -> list[str]:
    """What a quick question says of other people's texts."""
    words = [question.question, *(part for o in question.options for part in (o.text, o.feedback))]
    return [f"{question.name}: {m[0]!r} in {one!r}" for one in words for m in ABOUT_TEXTS[language].finditer(one)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quick_question_asks_about_convolution_and_not_about_other_texts(language):
    none([told for name in NAMES for one in questions_of(name, language) for told in about_texts(one, language)])


def test_a_quick_question_about_a_typing_error_is_told():
    settings = {"name": "quiz-a", "check": "[True, False]"}
    for language, question in (("en", "A slide says 输出通达. Which word is meant?"), ("zh", "笔记写的是哪个词？")):
        assert about_texts(quiz.parse(question, GOOD_QUIZ, settings), language)
        assert not about_texts(quiz.parse("3 × 1 = ?", GOOD_QUIZ, settings), language)
        slip = ["- [x] 3", "  The text has 4. 教材写的是 4。", *GOOD_QUIZ[2:]]
        assert about_texts(quiz.parse("3 × 1 = ?", slip, settings), language)


def test_names_of_quick_questions_are_unique():
    names = [q.name for name in NAMES for q in questions_of(name, "en")]
    assert sorted(names) == sorted(set(names))


GOOD_QUIZ = ["- [x] 3", "  Yes.", "- [ ] 4", "  No."]


@pytest.mark.parametrize(
    ("body", "settings", "told"),
    [
        (GOOD_QUIZ, {}, "give :name: quiz-CHAPTER-topic"),
        (GOOD_QUIZ, {"name": "quiz-a", "kind": "essay"}, "the kind is 'essay'"),
        (GOOD_QUIZ[:2], {"name": "quiz-a"}, "write two or more"),
        (["- [x] 3", "  a", "- [x] 4", "  b"], {"name": "quiz-a"}, "exactly one"),
        (["- [x] 3", "- [ ] 4", "  b"], {"name": "quiz-a"}, "the option '3' has no feedback"),
        (["Words."], {"name": "quiz-a"}, "'Words.' is neither an option"),
        (GOOD_QUIZ, {"name": "quiz-a", "kind": "number"}, "end with '- \\[ \\] \\*'"),
        (["- [x] three", "  a", "- [ ] *", "  b"], {"name": "quiz-a", "kind": "number"}, "'three' is no plain number"),
    ],
)
def test_a_faulty_quick_question_is_told(body, settings, told):
    with pytest.raises(quiz.QuizError, match=told):
        quiz.parse("How many?", body, settings)


def test_a_wrong_mark_and_a_missing_check_are_told():
    def made(**settings: str) -> quiz.Quiz:
        return quiz.parse("How many?", GOOD_QUIZ, {"name": "quiz-a"} | settings)

    assert quiz.wrong(made(check="[6 // 2 == m for m in (3, 4)]"), {}) == ""
    assert "the marks are [True, False]" in quiz.wrong(made(check="[8 // 2 == m for m in (3, 4)]"), {})
    assert "no :check:" in quiz.wrong(made(), {})
    number = quiz.parse("?", ["- [x] 3", "  a", "- [ ] *", "  b"], {"name": "quiz-n", "kind": "number", "check": "4"})
    assert "the marked answer is 3" in quiz.wrong(number, {})


# -- what is practised --------------------------------------------------------------------------------------------


def wanted() -> dict[str, str]:
    """What has to be practised: heading -> where it stands."""
    found = {}
    for name in (*NAMES, "receptive-field"):  # its exercises are in the set on padding and stride
        page = chapters.parse(ROOT / "book" / f"{name}.md")
        answers = [page.section(h) for h in page.headings if h.level == 2 and h.text == "Questions and answers"]
        for heading in page.headings:
            if heading.level == 3 and any(heading.line in section for section in answers):
                found[heading.text] = f"{page.path.name}:{heading.line}"
    page = chapters.parse(ROOT / "book" / "where-texts-slip.md")
    return found | {h.text: f"{page.path.name}:{h.line}" for h in page.headings if h.level == 3}


def test_every_answer_and_every_slip_is_practised(tasks):
    told = yaml.safe_load((ROOT / "tests" / "practice.yml").read_text(encoding="utf-8")) or {}
    known = {section.label for task in tasks.values() for section in task.en.questions}
    known |= {q.name for name in NAMES for q in questions_of(name, "en")}
    problems = [
        f"{place}: {heading!r} is practised nowhere" for heading, place in wanted().items() if not told.get(heading)
    ]
    problems += [f"practice.yml: there is no {heading!r} any more" for heading in told if heading not in wanted()]
    problems += [
        f"practice.yml: {one} does not exist" for labels in told.values() for one in labels if one not in known
    ]
    none(problems)


# -- the pages of the book ----------------------------------------------------------------------------------------


def test_the_pages_are_made_from_the_masters():
    assert exercises.make(ROOT, check=True) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_learner_alone_has_every_test_and_every_solution(tasks, name):
    for language, titles in (
        ("en", ("Worked solution", "Model answer")),
        ("zh", ("参考解答", "参考答案")),
    ):
        one = tasks[name].masters[language]
        page = exercises.page(one, language)
        for title, written in zip(titles, (False, True), strict=True):
            questions = [question for question in one.questions if question.written == written]
            assert page.count(f"::::{{dropdown}} {title}") == len(questions) > 0
        for block in one.blocks():
            if block.role in {"test", "solution", "rubric"}:
                assert block.source in page
            elif block.role == "answer" and block.kind == "code":
                none([line for line in master.solution_lines(block.source) if line not in page])
        none([line for line in secrets_of(tasks[name], {"wrong", "sample"}) - own_answers(one) if line in page])


@pytest.mark.parametrize("name", NAMES)
def test_where_a_class_is_graded_the_page_holds_no_secret_and_says_so(tasks, name):
    for language, said in (("en", "this book holds no solutions"), ("zh", "本书不含解答")):
        one = tasks[name].masters[language]
        page = exercises.page(one, language, graded=True)
        common = common_text()
        none([line for line in secrets_of(tasks[name]) if line in page and line not in common])
        assert said in page
        assert said not in exercises.page(one, language)
        ids = {block.id for block in one.blocks() if block.hidden or block.role in {"wrong", "sample"}}
        none([one for one in ids if one in page])


def own_answers(one: master.Master) -> set[str]:
    """Lines that a learner sees as the model answer, or in the solution or the tests."""
    shown = [b for b in one.blocks() if b.role in {"test", "solution", "rubric"}]
    best = [b for q in one.questions for b in q.of("sample") if b.score == q.points]
    lines = [line.strip() for block in [*shown, *best] for line in block.source.split("\n")]
    return {*lines, *(line for b in one.blocks() if b.role == "answer" for line in master.solution_lines(b.source))}


def test_an_answer_and_the_tests_of_its_notebook_use_different_names(tasks):
    """A test that binds a name of an answer, or of an import, would change the learner's work."""

    def bound(source: str) -> set[str]:
        found: set[str] = set()
        for node in ast.parse(source).body:
            for part in ast.walk(node) if not isinstance(node, ast.FunctionDef) else [node]:
                if isinstance(part, ast.FunctionDef):
                    found.add(part.name)
                elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    found.add(part.id)
        return found

    problems = []
    for task in tasks.values():
        blocks = [block for block in task.en.blocks() if block.kind == "code"]
        answers = {n for b in blocks if b.role == "answer" for n in bound(master.reference(b.source))}
        imports = {"torch", "F", "nn", "check", "close", "holds", "rand", "student", "corr2d", "itertools"}
        problems += [f"{b.id}: {n}" for b in blocks if b.role == "test" for n in bound(b.source) & (answers | imports)]
    none(problems)


def test_settings_that_name_no_chapter_are_told(tmp_path):
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "pooling.md").write_text("")
    assert exercises.graded(tmp_path) == set()
    settings = tmp_path / "exercises" / "settings.yml"
    for text, told in (
        ("graded: [pool]", "graded names 'pool'; write all, or a list of: pooling"),
        ("graded: yes", "graded names True"),
        ("publish_solutions: []", "nobody reads publish_solutions; the one setting is graded"),
    ):
        settings.write_text(text)
        with pytest.raises(MasterError, match=re.escape(told)):
            exercises.graded(tmp_path)
    settings.write_text("graded: all")
    assert exercises.graded(tmp_path) == {"pooling"}
    settings.write_text("graded: []")
    assert exercises.graded(tmp_path) == set()


# -- secrecy ------------------------------------------------------------------------------------------------------


def secrets_of(task: release.Assignment, kinds: set[str] | None = None) -> set[str]:
    """The lines of an assignment that nobody but its authors may see; ``kinds`` are roles, or "hidden"."""
    found: set[str] = set()
    shown: set[str] = set()
    for one in task.masters.values():
        for block in one.blocks():
            role = "hidden" if block.hidden else block.role
            lines = {line.strip() for line in block.source.split("\n") if len(line.strip()) >= 12}
            if role in {"", "setup", "test"}:
                shown |= lines
            elif role == "answer":
                shown |= {line.strip() for line in master.released(block.source).split("\n")}
                solution = {line for line in master.solution_lines(block.source) if len(line) >= 12}
                if kinds is None:
                    found |= solution
                else:
                    shown |= solution
            elif kinds is None or role in kinds:
                found |= lines
    known = "\n".join(shown)
    return {line for line in found if line not in known}


def common_text() -> str:
    """The public code and the chapters: whoever writes a line of these gives nothing away."""
    code = [path for folder in ("src", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    files = [*code, *(ROOT / "book").glob("*.md"), *(ROOT / "zh" / "book").glob("*.md")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files if not path.stem.startswith("exercises-"))


def public_text(path: Path) -> str:
    """What a reader can get out of a file: highlighted code without its marks, JSON without its escapes."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        return text + html.unescape(re.sub(r"<[^>]+>", "", text))
    if path.suffix in {".ipynb", ".json"}:
        cells = json.loads(text).get("cells", []) if path.suffix == ".ipynb" else []
        return text + "\n".join("".join(cell["source"]) for cell in cells)
    return text


def leaks(paths: list[Path], secrets: dict[str, set[str]]) -> list[str]:
    """Where a file shows one of the lines that are secret in the exercises of a chapter."""
    common = common_text()
    found = []
    for path in paths:
        text = public_text(path)
        found += [
            f"{path}: shows {line!r} of exercises/{name}.md"
            for name, lines in secrets.items()
            for line in lines
            if line in text and line not in common
        ]
    return found


def secrets_of_the_book(tasks: dict[str, release.Assignment]) -> dict[str, set[str]]:
    """What no page may show: wrong answers and the lesser samples, and all that is secret where a class is graded."""
    closed = exercises.graded(ROOT)
    return {
        name: secrets_of(task)
        if name in closed
        else secrets_of(task, {"wrong", "sample"}).difference(*map(own_answers, task.masters.values()))
        for name, task in tasks.items()
    }


TEXT = {".md", ".ipynb", ".html", ".js", ".txt", ".json", ".xml", ".css"}


def test_no_secret_line_in_the_sources_of_the_book(tasks):
    folders = [ROOT / "book", ROOT / "zh" / "book"]
    files = [p for folder in folders for p in folder.iterdir() if p.suffix in TEXT]
    none(leaks(files, secrets_of_the_book(tasks)))


@pytest.mark.slow
def test_no_secret_line_on_the_site(tasks, built):
    files = [path for path in built.rglob("*") if path.suffix in TEXT and path.is_file()]
    assert any("_sources" in str(path) for path in files)
    assert any(path.name == "searchindex.js" for path in files)
    none(leaks(files, secrets_of_the_book(tasks)))
    ids = {block.id for task in tasks.values() for block in task.en.blocks() if block.role == "wrong"}
    texts = ((path, path.read_text(errors="replace")) for path in files)
    none([f"{path}: names {one}" for path, text in texts for one in ids if one in text])


def test_no_line_of_a_solution_or_a_hidden_test_in_what_students_get(tasks, released):
    files = [path for path in released.rglob("*") if path.suffix == ".ipynb"]
    assert len(files) == 2 * len(NAMES)
    none(leaks(files, {name: secrets_of(task) for name, task in tasks.items()}))


def test_a_planted_leak_is_found(tasks, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<pre><span>winner</span> = start + int(x[start : start + k].<b>argmax</b>())</pre>")
    assert leaks([page], {name: secrets_of(task) for name, task in tasks.items()})


# -- the release --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release")
    made = release.release(NAMES, out=out, exercises=MASTERS)
    assert [path.name for path in made] == NAMES
    return out


@pytest.mark.parametrize("name", NAMES)
def test_a_release_holds_notebooks_bundle_and_archive(released, name):
    from nbgrader.nbgraderformat.v3 import MetadataValidatorV3

    bundle = Bundle.from_json(json.loads((released / name / "bundle.json").read_text(encoding="utf-8")))
    for language, path in (("en", f"{name}.ipynb"), ("zh", f"zh/{name}.ipynb")):
        notebook = nbformat.read(released / name / path, as_version=4)
        nbformat.validate(notebook)
        MetadataValidatorV3().validate_nb(notebook)
        assert [cell.id for cell in notebook.cells] == [cell.id for cell in bundle.cells]
        assert all(cell.id == cell.metadata.nbgrader.grade_id for cell in notebook.cells)
        graded = sum(c.metadata.nbgrader.points for c in notebook.cells if c.metadata.nbgrader.grade)
        assert graded == bundle.max_score
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert not re.search(r"^:::|\{\w+\}`", text, re.MULTILINE)
        assert bool(re.search("[\u4e00-\u9fff]", text.replace("汇聚", ""))) == (language == "zh")
        code = [(c, b) for c, b in zip(notebook.cells, bundle.cells, strict=True) if b.type == "code"]
        assert [b.id for c, b in code if c.source != b.source] == ([] if language == "en" else ["install"])
        install = next(cell.source for cell in notebook.cells if cell.id == "install")
        assert install.endswith(f'speak("{language}")')
    for language, path in (("en", f"{name}.ipynb"), ("zh", f"zh/{name}.ipynb")):  # one notebook and one zip each
        with zipfile.ZipFile(released / name / f"{name}-{language}.zip") as archive:
            assert archive.namelist() == [f"{name}/{name}.ipynb"]
            assert archive.read(archive.namelist()[0]) == (released / name / path).read_bytes()


def test_a_release_is_the_same_every_time(released, tmp_path):
    release.release(["pooling"], out=tmp_path, exercises=MASTERS)
    for name in ("pooling.ipynb", "zh/pooling.ipynb", "bundle.json", "pooling-en.zip", "pooling-zh.zip"):
        assert (tmp_path / "pooling" / name).read_bytes() == (released / "pooling" / name).read_bytes()


OPEN = {"pool1d", "shift_right", "edges_near", "lost", "tolerated", "average_kernel", "counterexample",
        "pool1d_backward"}  # fmt: skip


def test_the_released_notebook_runs_and_says_that_nothing_is_answered(released, capsys):
    bundle = Bundle.from_json(json.loads((released / "pooling" / "bundle.json").read_text(encoding="utf-8")))
    import __main__

    before = dict(vars(__main__))
    try:
        for cell in bundle.cells:
            if cell.type == "code":
                exec(compile(cell.source, cell.id, "exec"), vars(__main__))
    finally:
        for name in set(vars(__main__)) - set(before):
            del vars(__main__)[name]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 6
    assert set(lines) == {f"○ {name}" for name in OPEN}


OWN = """(ex-{name})=
# {title}

```{{code-cell}} ipython3
:tags: [setup]
import torch
```

({label})=
## {question}
% level: core

Write `double(x)`.

:::{{dropdown}} {hint} 1
Add.
:::

:::{{dropdown}} {hint} 2
Twice.
:::

```{{code-cell}} ipython3
:tags: [answer, id=double]
def double(x):
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION
```

```{{code-cell}} ipython3
:tags: [test, id=double-visible, points=1]
check("one / 一", lambda: close(student.double(1), 2))
```

```{{code-cell}} ipython3
:tags: [test, hidden, id=double-hidden, points=2]
n = rand(low=2, high=9)
check("another / 另一个", lambda: close(student.double(n), 2 * n))
check("negative / 负数", lambda: close(student.double(-n), -2 * n))
```

```{{code-cell}} ipython3
:tags: [wrong, id=double-two, score=1]
def double(x):
    return 2
```

```{{code-cell}} ipython3
:tags: [wrong, id=double-add, score=1]
def double(x):
    return x + 1
```

```{{code-cell}} ipython3
:tags: [wrong, id=double-absolute, score=2]
def double(x):
    return 2 * abs(x)
```

+++ {{"tags": ["solution"]}}

{question}
"""


def write_own(folder: Path, *, name: str = "exam", label: str = "ex-exam-double", zh: Path | None = None) -> Path:
    """A master with one question, and its twin."""
    for path, words in (
        (folder / f"{name}.md", {"title": "Exam", "question": "Double", "hint": "Hint"}),
        ((zh or folder / "zh") / f"{name}.md", {"title": "考试", "question": "翻倍", "hint": "提示"}),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OWN.format(name=name, label=label, **words), encoding="utf-8")
    return folder


def test_a_private_overlay_adds_assignments_and_questions_and_replaces_some(tmp_path):
    private = write_own(tmp_path / "private")
    assert lint.behaviour_problems(release.assignment("exam", MASTERS, overlay=private)) == []
    write_own(private, name="pooling", label="ex-pooling-double")
    more = release.assignment("pooling", MASTERS, overlay=private)
    public = release.assignment("pooling", MASTERS)
    assert [q.id for q in more.en.questions] == [*(q.id for q in public.en.questions), "double"]
    write_own(private, name="pooling", label="ex-pooling-shift")
    other = release.assignment("pooling", MASTERS, overlay=private)
    assert [q.id for q in other.en.questions] == [
        "double" if q.label == "ex-pooling-shift" else q.id for q in public.en.questions
    ]
    made = release.release(["exam", "pooling"], out=tmp_path / "out", exercises=MASTERS, overlay=private)
    assert {path.name for path in made} == {"exam", "pooling"}


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(MasterError, match=r"There are no exercises 'poling' in .*; there are: .*pooling"):
        release.release(["poling"], out=tmp_path, exercises=MASTERS)
    with pytest.raises(MasterError, match="name what to release"):
        release.release([], out=tmp_path, exercises=MASTERS)
    assert list(tmp_path.iterdir()) == []


# -- planted faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("id=double-hidden", "id=double-visible", "exam.md:31 already; rename one"),
        (", points=1]", "]", "this test cell lacks points="),
        ("points=2]", "points=many]", "points=many is not a number"),
        ("[test, hidden, id=double-hidden, points=2]", "[test, id=double-hidden, points=2]", "no hidden test"),
        ("% level: core\n", "", "no level"),
        ("% level: core", "% level: easy", "the level 'easy' is none of"),
        (":::{dropdown} Hint 2\nTwice.\n:::\n", "", "1 hints"),
        ("score=2]", "score=3]", "declare less"),
        ("score=2]", "score=1.5]", "earns 2 points of 3, but it deserves 1.5"),
        ("return x + x", "return x * x", "the solution earns"),
        ("    ### BEGIN SOLUTION\n", "", "### END SOLUTION without its partner"),
        ("    ### END SOLUTION\n", "", "### BEGIN SOLUTION without ### END SOLUTION"),
        ("    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION", "    return x + x", "no solution"),
        ("[wrong, id=double-add, score=1]", "[wrong, id=double-two, score=1]", "two wrong answers are called"),
        ("[wrong, id=double-add, score=1]", "[wrnog, id=double-add, score=1]", "a code cell cannot be 'wrnog'"),
        ("[test, hidden,", "[test, hiden,", "nobody reads the tag 'hiden'"),
        ("(ex-exam-double)=", "(double)=", "begin it with ex-exam-"),
        ("(ex-exam-double)=\n", "", "has no label"),
        ('+++ {"tags": ["solution"]}', "```{code-cell} ipython3\nx = 1", "not closed"),
        ('+++ {"tags": ["solution"]}', "+++ {solution}", "write it like that"),
        ("Write `double(x)`.", "Write {numref}`fig-1`.", "has no plain form"),
        ("\nDouble\n", "\n", "no worked solution"),
        ("check(\"one / 一\", lambda: close(student.double(1), 2))", "check(", "its source is not Python"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(tmp_path, before, after, told):
    folder = write_own(tmp_path / "exercises", zh=tmp_path / "zh" / "exercises")
    for path in (folder / "exam.md", tmp_path / "zh" / "exercises" / "exam.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert before in OWN.format(name="exam", label="ex-exam-double", title="Exam", question="Double", hint="Hint")
    found = lint.problems(folder)
    assert any(told in problem for problem in found), found
    assert all(re.match(r".+\.md:\d+: ", line) for problem in found for line in problem.split("\n"))


def test_a_twin_that_differs_is_found(tmp_path):
    folder = write_own(tmp_path / "exercises", zh=tmp_path / "zh" / "exercises")
    assert lint.problems(folder) == []
    twin = tmp_path / "zh" / "exercises" / "exam.md"
    text = twin.read_text(encoding="utf-8")
    for before, after, told in (
        ("return x + x", "return 2 * x", "the code differs from"),
        ("points=2", "points=4", "are not those of"),
        ("ex-exam-double", "ex-exam-twice", "both need the same questions"),
        ("% level: core", "% level: hard", "the level is 'hard', but"),
    ):
        twin.write_text(text.replace(before, after), encoding="utf-8")
        assert any(told in problem for problem in lint.problems(folder))
    twin.unlink()
    (problem,) = lint.problems(folder)
    assert "there is no such master" in problem
    twin.write_bytes(b"\xff\xfe")
    (problem,) = lint.problems(folder)
    assert "save it as UTF-8" in problem


def test_a_region_inside_a_function_leaves_a_stub_and_one_outside_leaves_nothing():
    value = "K = ...\n### BEGIN SOLUTION\nK = 3\n### END SOLUTION\n\n\n"
    source = value + "def f(x):\n    ### BEGIN SOLUTION\n    return K\n    ### END SOLUTION"
    assert master.released(source) == "K = ...\n\n\ndef f(x):\n    raise NotImplementedError"
    assert "SOLUTION" not in master.reference(source)
    names: dict[str, object] = {}
    exec(master.reference(source), names)
    assert close(names["f"](0), 3)  # type: ignore[operator]
