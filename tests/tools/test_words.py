"""Words are data: every sentence in every language, and a further language is files alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import author_book
import pytest
import yaml
from problems import none

from coursecode import _words
from tools.rules import words

ROOT = Path(__file__).resolve().parents[2]
NEW = "eo"  # Esperanto's code; its words are made by a rule
# what is no sentence, as a new language has to say it; without an entry the English holds
OTHERWISE = {
    "en||the language as HTML names it": NEW,
    "en_GB||the language as Open Graph names it": "eo_EO",
    "english||the language as Windows begins the name of a locale": "esperanto",
    "2||the place of this language in a label like one / two": "3",
    "English||the name of this language in itself": "⟦Esperanto⟧",
    "English||the name of this language in English": "Esperanto",
    "coursecode grade init my-class --name \"Deep Learning, autumn\"": "coursecode grade init klaso",
}  # fmt: skip
PATTERN = re.compile(r"\|\|.*(?:pattern|encodings|begins|powers of ten|between two versions)")


def made_up(sentence: str) -> str:
    """A sentence of the new language: the English one in brackets, with the names in it as they are."""
    if sentence in OTHERWISE:
        return OTHERWISE[sentence]
    shown = sentence.partition("||")[0]
    if PATTERN.search(sentence) or not re.search(r"[a-zA-Z]", re.sub(r"\{.*?\}", "", shown)):
        return shown
    return f"⟦{shown}⟧"


def add_language(root: Path) -> None:
    """The files of the new language, beside those that are there: nothing else is touched."""
    for package in words.PACKAGES:
        said = {sentence: made_up(sentence) for sentence in words.sentences(root / package)}
        (root / package / "words" / f"{NEW}.json").write_text(words.written(said), encoding="utf-8")
    figures = root / "src/coursecode/figures/words"
    texts = json.loads((figures / "en.json").read_text(encoding="utf-8"))
    said = {group: {key: made_up(text) for key, text in some.items()} for group, some in texts.items()}
    (figures / f"{NEW}.json").write_text(json.dumps(said), encoding="utf-8")


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a copy of the packages."""
    path = f"{root / 'src'}:{root}:{ROOT / 'tests'}:{ROOT / 'tests/coursegrade'}"
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "HOME": str(root)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what learners and instructors run, with one language more."""
    root = tmp_path_factory.mktemp("further")
    for package in ("src/coursecode", "src/coursegrade", "tools"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "posters"))
    add_language(root)
    return root


def test_every_sentence_is_in_every_language_and_nothing_else_is() -> None:
    none(words.problems())


def test_the_files_of_words_travel_with_the_packages() -> None:
    carried = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    for package, patterns in carried.items():
        folder = ROOT / "src" / package
        files = {path for pattern in patterns for path in folder.glob(pattern)}
        none(f"{path} is in no wheel" for path in folder.rglob("*.json") if "words" in path.parts and path not in files)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Three empty packages but for two sentences and their Chinese."""
    for name in words.PACKAGES:
        (tmp_path / name / "words").mkdir(parents=True)
        (tmp_path / name / "words" / "zh.json").write_text("{}\n")
    (tmp_path / "tools" / "a.py").write_text('say("{n} pages", n=3)\nraise Problem(text("Not " "saved."))\n')
    (tmp_path / "tools" / "words" / "zh.json").write_text(
        words.written({"{n} pages": "{n} 页", "Not saved.": "未保存"})
    )
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Not saved.": None}, r"'Not saved.' \(tools/a.py:2\) is missing"),
        ({"Not saved.": ""}, "'Not saved.' is not translated"),
        ({"Saved.": "已保存"}, "nothing says 'Saved.'"),
        ({"{n} pages": "{m} 页"}, "fills in other names"),
        ({"{n} pages": "页"}, "fills in other names"),
    ],
)
def test_a_wrong_entry_is_named(package: Path, change: dict[str, str | None], said: str) -> None:
    none(words.problems(package))
    file = package / "tools" / "words" / "zh.json"
    entries = {**json.loads(file.read_text()), **change}
    file.write_text(words.written({key: value for key, value in entries.items() if value is not None}))
    (problem,) = words.problems(package)
    assert re.search(said, problem.text)


def test_an_entry_that_stands_twice_and_chinese_in_code_are_named(package: Path) -> None:
    file = package / "tools" / "words" / "zh.json"
    file.write_text(file.read_text().replace("{\n", '{\n"Not saved.": "没有保存",\n', 1))
    (package / "tools" / "b.js").write_text('const words = { save: "保存" };\n')
    texts = sorted(problem.text for problem in words.problems(package))
    assert [text.partition(":")[0] for text in texts] == [
        "Chinese inside code",
        "a sentence stands twice, or they are not sorted",
    ]


def test_fix_adds_and_takes_out_what_the_code_says(package: Path) -> None:
    (package / "tools" / "a.py").write_text('tell("{n} pages", n=3)\ntell("New.")\n')
    words.fix(package)
    assert json.loads((package / "tools" / "words" / "zh.json").read_text()) == {"New.": "", "{n} pages": "{n} 页"}


def test_values_by_language_are_taken_in_each_and_what_a_language_lacks_is_english(tmp_path: Path) -> None:
    (tmp_path / "zh.json").write_text('{"{why}, so nothing was written": "{why}，没有写入", "full||of a disk": "满"}')
    some = _words.Words(tmp_path)
    why = some.text("full||of a disk")
    assert why == {"en": "full", "zh": "满"}
    assert some.text("{why}, so nothing was written", why=why)["zh"] == "满，没有写入"
    assert some.text("{n} of {all:,}", n=1, all=2000) == {"en": "1 of 2,000", "zh": "1 of 2,000"}
    assert some.text("a {brace} without values")["en"] == "a {brace} without values"
    assert why["xx"] == "full"


def test_a_further_language_speaks_in_the_commands(copy: Path) -> None:
    shown = run(copy, "-m", "coursegrade", "grade", "--lang", NEW, "--help").stdout
    assert "⟦Usage:⟧ coursecode grade ⟦[OPTIONS]⟧ ⟦COMMAND [ARGS]...⟧" in shown
    assert f"--lang [en|zh|{NEW}]  ⟦Language of the words.⟧" in shown
    named = [line.split(maxsplit=1)[1] for line in shown.partition("⟦Commands:⟧")[2].splitlines() if line.strip()]
    assert len(named) == 13
    assert all(re.fullmatch("⟦.+⟧", line) for line in named)
    failed = run(copy, "-m", "coursegrade", "grade", "status", "--lang", NEW, "-C", "/nowhere")
    assert failed.returncode == 1
    assert failed.stderr.startswith("⟦Error: ⟦/nowhere is no course folder: it has no grading.toml.")


FEEDBACK = """
from pathlib import Path
from lms_classes import bundle, course_folder, people
from coursegrade.contract import text
from coursegrade.handback.feedback import page
from coursegrade.records.gradebook import State
from coursegrade.sanitise import said

course = course_folder(Path("class"), students=people(1), language={language!r})
reason = said(text("the submission could not be read"))
state = State(people(1)[0].student(), "failed", reason, 0.0, 0.0, 0.0, 10.0, {{}}, None, {{}}, {{}})
print(page(course, bundle(), state, language={language!r}))
"""


def test_a_further_language_speaks_on_the_page_of_feedback(copy: Path) -> None:
    made = run(copy, "-c", FEEDBACK.format(language=NEW))
    assert not made.returncode, made.stderr
    assert f'<html lang="{NEW}">' in made.stdout
    shown = [text for text in re.findall(r">([^<>]+)<", re.sub(r"<style>.*?</style>", "", made.stdout)) if text.strip()]
    assert "⟦Feedback⟧: pooling" in shown
    assert any(
        "⟦This submission could not be graded⟧" in text and "⟦the submission could not be read⟧" in text
        for text in shown
    )
    assert run(copy, "-c", "from coursecode.check import speak, check; speak('eo'); check('a / b / c', lambda: False)"
               ).stdout == "✗ c: ⟦this does not hold⟧\n"  # fmt: skip


def test_a_further_language_speaks_in_the_figures_and_what_it_lacks_is_english(copy: Path) -> None:
    code = "from coursecode import figures; print(figures.element('param-calc', language='eo'))"
    shown = run(copy, "-c", code).stdout
    assert "lang='eo'" in shown
    assert "⟦Settings⟧" in shown
    file = copy / "src/coursecode/figures/words" / f"{NEW}.json"
    texts = json.loads(file.read_text(encoding="utf-8"))
    del texts["param-calc"]
    file.write_text(json.dumps(texts), encoding="utf-8")
    assert "⟦Settings⟧" in (shown := run(copy, "-c", code).stdout)
    assert '"image":"Image"' in shown


@pytest.mark.slow
def test_a_further_language_is_an_edition_of_the_site_with_its_own_furniture(tmp_path: Path) -> None:
    root = author_book.write(tmp_path)
    add_language(root)
    shutil.copytree(root / "book", root / NEW / "book", ignore=shutil.ignore_patterns("*.bib"))
    shutil.copyfile(root / "book" / "references.bib", root / NEW / "book" / "references.bib")
    captions = {"The course": "⟦The course⟧", "Reference": "⟦Reference⟧"}
    settings = {"title": "⟦Title⟧", "captions": captions, "sphinx": {"config": {"language": NEW}}}
    (root / NEW / "_config.yml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    theme = yaml.safe_load((root / "zh" / "interface.yml").read_text(encoding="utf-8"))
    (root / NEW / "interface.yml").write_text(
        yaml.safe_dump({word: f"⟦{word}⟧" for word in theme}, allow_unicode=True), encoding="utf-8"
    )
    terms = yaml.safe_load((root / "glossary.yml").read_text(encoding="utf-8"))
    for term in terms:
        term |= {NEW: f"⟦{term['en']}⟧", f"meaning_{NEW}": f"⟦{term['meaning_en']}⟧"}
    (root / "glossary.yml").write_text(yaml.safe_dump(terms, allow_unicode=True), encoding="utf-8")
    for picture in (root / "src/coursecode/figures/posters").glob("*.en.png"):
        shutil.copyfile(picture, picture.with_name(picture.name.replace(".en.", f".{NEW}.")))
    made = author_book.run(root, "tools.notebooks")
    assert not made.returncode, made.stderr
    for language in ("en", NEW):
        built = author_book.run(root, "tools.site", language)
        assert not built.returncode, built.stderr
    page = (root / "_build/html" / NEW / "book" / "one.html").read_text(encoding="utf-8")
    assert f'<html lang="{NEW}"' in page
    for said in ("Skip to the text", "Footer", "Cover", "Your machine", "Close"):
        assert f"⟦{said}⟧" in page
    assert not re.search(r">\s*(?:Skip to the text|Cover|Your machine|Report a mistake|Fullscreen mode)\s*<", page)
    assert "Figure" not in re.sub(r"⟦.*?⟧", "", page)
    english = (root / "_build/html/book/one.html").read_text(encoding="utf-8")
    assert f'hreflang="{NEW}" href="../{NEW}/book/one.html"' in english
    assert "⟦Slides⟧" in (root / "_build/html" / NEW / "slides/one.html").read_text(encoding="utf-8")
    glossary = (root / "_build/html" / NEW / "book/glossary.html").read_text(encoding="utf-8")
    assert "⟦stride⟧" in glossary
    assert "⟦There is no such page.⟧" in (root / "_build/html/404.html").read_text(encoding="utf-8")
