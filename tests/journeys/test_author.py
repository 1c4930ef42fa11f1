"""An author changes something and runs ``make book``: it is soon on every page that shows it, as after a full build."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import author_book
import pytest

from tools.book import MASTERS
from tools.machine.fresh import snapshot
from tools.site import builder

pytestmark = pytest.mark.slow
LANGUAGES = ("en", "zh")
SPY = """import os, sys
if log := os.environ.get("OPENED_FILES"):
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    def note(event, arguments):
        if event == "open" and isinstance(arguments[0], (str, os.PathLike)):
            os.write(handle, (os.path.abspath(os.fspath(arguments[0])) + "\\n").encode())
    sys.addaudithook(note)
"""


class Author:
    """A small book with the course's machinery, and what its last build did."""

    def __init__(self, root: Path) -> None:
        self.root, self.site = root, root / "_build" / "html"

    def make(self, *arguments: str, module: str = "tools.book", succeeds: bool = True) -> str:
        for log in self.root.glob("_build/*/build.log"):
            log.unlink()
        done = author_book.run(self.root, module, *arguments)
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout + done.stderr

    def log(self, language: str) -> str:
        """What Sphinx said, nothing if it was not started."""
        path = self.root / "_build" / language / "build.log"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r", "\n"))

    def pages(self, what: str, language: str = "en") -> list[str]:
        """The pages that were read, or written."""
        kind = {"read": "reading sources", "written": "writing output"}[what]
        return re.findall(rf"{kind}\.\.\. \[ *\d+%\] (\S+)", self.log(language))

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def tree(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.site).as_posix(): path.read_bytes() for path in self.site.rglob("*") if path.is_file()
        }

    def html(self, page: str) -> str:
        return (self.site / "book" / f"{page}.html").read_text(encoding="utf-8")

    def differs_from_a_build_from_nothing(self) -> list[str]:
        """The files of the site that a build of the English edition from nothing makes otherwise, or not at all."""
        ours = self.tree()
        for folder in ("en/_build", "en/slides"):
            shutil.rmtree(self.root / "_build" / folder)
        (self.root / "_build" / "made-site.json").unlink()
        self.make("en", module="tools.site")
        assert sorted(self.pages("read")) == sorted(self.sources())
        full = self.tree()
        return sorted(name for name in {*ours, *full} if ours.get(name) != full.get(name))

    def sources(self) -> list[str]:
        return [f"book/{path.stem}" for path in (self.root / "book").glob("*.md")]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = author_book.write(tmp_path_factory.mktemp("author"))
    (root / "src" / "sitecustomize.py").write_text(SPY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENED_FILES", str(root / "opened.txt"))
        told = Author(root).make()
    assert "changed:" not in told  # all of it is new
    return root


@pytest.fixture(scope="module")
def pristine(book: Path) -> Path:
    """The book as it was built first."""
    return Path(shutil.copytree(book, book.with_name(f"{book.name}-pristine")))


@pytest.fixture
def author(book: Path, pristine: Path) -> Author:
    """The book as it was built first, in its place."""
    shutil.rmtree(book)
    shutil.copytree(pristine, book)
    return Author(book)


def test_with_nothing_changed_no_page_is_read_and_the_answer_is_the_address(author):
    before = author.tree()
    told = author.make()
    assert told == f"The book is ready: {(author.site / 'index.html').as_uri()}\n"
    assert [author.log(language) for language in LANGUAGES] == ["", ""]
    assert author.tree() == before


def test_every_file_that_a_build_opens_decides_whether_there_is_a_next_one(book):
    opened = {Path(line) for line in (book / "opened.txt").read_text(encoding="utf-8").splitlines()}
    made = {book / "_build", book / "opened.txt", book / "src" / "sitecustomize.py"}
    inside = {
        path.relative_to(book).as_posix()
        for path in opened
        if path.is_relative_to(book) and path.is_file() and not made & {path, *path.parents}
    }
    used = {name for name in inside if "__pycache__" not in name}
    assert {"glossary.yml", "book/two.md", "zh/book/two.md", "src/coursecode/figures/base.js"} <= used
    known = set(snapshot(book, *builder.READ_BY["zh"], *MASTERS))
    assert used - known <= {"requirements-d2l.txt"}  # pins of a page that this book has not


def test_after_a_sentence_one_page_is_read_and_its_twin_is_said_to_be_behind(author):
    author.edit("book/one.md", "counts.", "counts with care.")
    told = author.make().splitlines()
    assert author.pages("read") == ["book/one"]
    assert set(author.pages("written")) == {"book/index", "book/one"}
    assert author.pages("read", "zh") == []
    assert f"changed: {(author.site / 'book' / 'one.html').as_uri()}" in told
    behind = [line for line in told if line.startswith("zh/book/one.md:")]
    assert len(behind) == 1
    assert "'sec-one' is behind book/one.md:" in behind[0]
    assert "python -m tools.rules.editions --stamp zh/book/one.md" in behind[0]
    for made in ("book/one.html", "slides/one.html", "_sources/book/one.ipynb"):
        assert "with care" in (author.site / made).read_text(encoding="utf-8"), made
    assert author.differs_from_a_build_from_nothing() == []


def test_a_sentence_in_chinese_does_not_start_the_english_edition(author):
    author.edit("zh/book/two.md", "一节中有", "一节里有")
    author.make()
    assert author.log("en") == ""
    assert author.pages("read", "zh") == ["book/two"]
    assert "一节里有" in (author.site / "zh/book/two.html").read_text(encoding="utf-8")


def test_a_mistake_in_the_glossary_is_named_with_its_line(author):
    author.edit("glossary.yml", "meaning_en: ", "meaning_en: As authors say: ")
    told = author.make(succeeds=False)
    assert re.fullmatch(r"glossary\.yml:\d+: mapping values are not allowed here; .* needs quotation marks\n", told)


def test_a_change_is_on_every_page_that_shows_it_and_costs_the_pages_that_hold_it(author):
    def change(name: str, old: str, new: str, *, reads: set[str], shows: str = "", gone: str = "") -> None:
        """Edit and build; the page *two*, shows it, or no longer shows what it did."""
        author.edit(name, old, new)
        author.make("en", module="tools.site")
        assert set(author.pages("read")) == reads, name
        assert shows in author.html("two")
        assert not gone or gone not in author.html("two")

    def on_two(pattern: str) -> str:
        found = re.search(pattern, author.html("two"))
        assert found is not None
        return found[0]

    change("book/one.md", "## A sum", "## A difference", reads={"book/one"}, shows="A difference")
    change("book/one.md", "# One", "# The first", reads={"book/one"}, shows="The first")
    number = on_two(r"\(\d+\.1\)")
    formula = "$$\nc = d\n$$ (eq-zero)\n\nA formula says"
    change("book/one.md", "A formula says", formula, reads={"book/one"}, shows=number.replace(".1", ".2"))
    meaning = re.search(
        r"en: padding\n(?:.*\n)*?\s+meaning_en: (.{20})", (author.root / "glossary.yml").read_text("utf-8")
    )
    assert meaning is not None
    change("glossary.yml", meaning[1], f"In short, {meaning[1]}", reads={"book/glossary"}, shows="In short,")
    script = on_two(r'data-figures="[^"]*"')
    change(
        "src/coursecode/figures/base.js",
        'use strict";',
        'use strict";\n  globalThis.courseBase = 2;',
        reads=set(),
        gone=script,
    )
    style = on_two(r"site\.css\?v=\w+")
    change("tools/site/static/course.css", "\n", "\nbody { --an-author: 1px; }\n", reads=set(), gone=style)
    cites = "It follows {cite:t}`euclid`. The section"
    change("book/two.md", "The section", cites, reads={"book/two"}, shows="Euclid")
    assert "Elements" in author.html("references")
    author.edit("book/references.bib", "1956", "1957")
    author.make("en", module="tools.site")
    assert "1957" in author.html("two")
    assert author.differs_from_a_build_from_nothing() == []


def test_content_decides_and_not_the_time_of_a_file(author):
    path = author.root / "book/two.md"
    times = path.stat()
    author.edit("book/two.md", "explained", "described")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    os.utime(author.root / "book/one.md")
    author.make("en", module="tools.site")
    assert author.pages("read") == ["book/two"]
    assert "described" in author.html("two")


def test_a_warning_is_given_until_it_is_mended_and_costs_one_page(author):
    before = author.tree()
    author.edit("book/two.md", "explained", "explained in {doc}`nowhere`")
    for _ in range(2):
        told = author.make(succeeds=False)
        assert re.search(r"book/two\.md:\d+: WARNING: .*nowhere", told)
        assert "zh/book/two.md" in told  # and the twin is behind
        assert author.pages("read") == ["book/two"]
        assert author.tree() == before
    author.edit("book/two.md", "{doc}`nowhere`", "{doc}`one`")
    author.edit("book/one.md", "(sec-one-sum)=\n", "")
    for _ in range(2):
        told = author.make("en", module="tools.site", succeeds=False)
        assert re.search(r"book/two\.md:\d+: WARNING: .*sec-one-sum", told)
    author.edit("book/one.md", "## A sum", "(sec-one-sum)=\n## A sum")
    author.make("en", module="tools.site")
    assert set(author.pages("read")) <= {"book/one", "book/two"}
    assert author.differs_from_a_build_from_nothing() == []


def test_what_was_changed_or_deleted_in_the_site_is_put_right(author):
    before = author.tree()
    (author.site / "book" / "two.html").write_text("spoilt")
    (author.site / "zh" / "book" / "one.html").unlink()
    author.make()
    assert author.tree() == before
    assert author.log("en") == ""  # the editions themselves were whole

    (author.root / "_build/en/_build/html/book/two.html").write_text("spoilt")
    (author.site / "index.html").unlink()
    author.make()
    assert sorted(author.pages("read")) == sorted(author.sources())
    assert author.tree() == before


def test_a_page_that_is_taken_out_leaves_nothing(author):
    author.edit("_toc.yml", "      - file: book/two\n", "")
    author.edit("book/index.md", " and {doc}`two`", "")
    (author.root / "book/two.md").unlink()
    author.make("en", module="tools.site")
    left = [name for name in author.tree() if "two" in name and not name.startswith(("zh/", "_static/"))]
    assert left == []
    assert author.differs_from_a_build_from_nothing() == []
