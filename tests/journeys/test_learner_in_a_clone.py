"""A learner in a clone answers, runs, builds and pulls in any order, and finds every byte that she typed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from root import ROOT
from small_pages import chapter

from tools import book
from tools.notebooks import lab, maker

GIT = ["git", "-c", "user.name=L", "-c", "user.email=l@example.org", "-c", "commit.gpgsign=false", "-c", "gc.auto=0"]
NOTEBOOKS = ["book/a.ipynb", "book/b.ipynb", "zh/book/a.ipynb", "zh/book/b.ipynb"]
PAGES = ["book/exercises-pooling.md", "zh/book/exercises-pooling.md"]


def git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GIT, *words], cwd=root, capture_output=True, text=True, encoding="utf-8", errors="replace")


def small_project(root: Path) -> Path:
    """Two chapters in both languages, the exercises of one, and a module: what `make notebooks` reads."""
    for language in ("", "zh"):
        for folder in ("book", "exercises"):
            (root / language / folder).mkdir(parents=True)
        for name in ("a", "b"):
            text = chapter(name, "from coursecode.left import f", "f(2)  # your answer", prose=f"Text {language}.")
            (root / language / "book" / f"{name}.md").write_text(text, encoding="utf-8")
        shutil.copy(ROOT / language / "exercises" / "pooling.md", root / language / "exercises")
        (root / language / "book" / "index.md").write_text("# Home\n")
    package = root / "src" / "coursecode"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "left.py").write_text("def f(x):\n    return x\n")
    (root / "requirements.txt").write_text("torch==2.13.0\n")
    (root / "_config.yml").write_text(
        "repository: {url: 'https://example.org/c.git', branch: main}\nhtml: {baseurl: 'https://example.org/c/'}\n"
    )
    (root / "_toc.yml").write_text(
        "root: book/index\nparts:\n  - chapters:\n      - file: book/a\n      - file: book/b\n"
    )
    for name in (".gitignore", ".gitattributes", "Makefile"):
        shutil.copy(ROOT / name, root)
    return root


MEANWHILE: list[Callable[[], None]] = []  # what she does while cells run


def executed(page: maker.Page, *, on_cell: object = None) -> list[nbformat.NotebookNode]:
    """In a kernel's place: the outputs are the sources, in capitals."""
    while MEANWHILE:
        MEANWHILE.pop()()
    return [
        nbformat.v4.new_code_cell(s, outputs=[nbformat.v4.new_output("stream", name="stdout", text=s.upper())])
        for s in page.code
    ]


def run(notebook: nbformat.NotebookNode) -> None:
    """What JupyterLab leaves in the cells of a notebook that was run."""
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 7):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"run {number}")]


@pytest.fixture(scope="module", autouse=True)
def no_kernel():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "execute", executed)
        yield


def make(root: Path, *, force: bool = False) -> None:
    """What every target that builds runs first."""
    book.make(root, only_notebooks=True, force=force)


class Learner(RuleBasedStateMachine):
    """Steps of a learner and of the course's authors; whatever she typed stays on her disk or in her repository."""

    @initialize()
    def clone(self):
        self.place = Path(tempfile.mkdtemp(prefix="learner-"))
        self.upstream = small_project(self.place / "upstream")
        make(self.upstream)
        git(self.upstream, "init", "--quiet", "--initial-branch=main")
        git(self.upstream, "add", "--all")
        assert git(self.upstream, "commit", "--quiet", "-m", "The course").returncode == 0
        assert git(self.place, "clone", "--quiet", "upstream", "clone").returncode == 0
        self.root = self.place / "clone"
        self.words: list[str] = []
        self.count = 0

    def teardown(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def word(self) -> str:
        self.count += 1
        self.words.append(f"typed {self.count} 手写;")
        return self.words[-1]

    def mine(self, choice: int) -> Path | None:
        """A notebook of hers: of the book, or of what lies in work/."""
        found = sorted([*(self.root / n for n in NOTEBOOKS), *(self.root / "work").rglob("*.ipynb")])
        return found[choice % len(found)] if found else None

    # -- she works

    @rule(choice=st.integers(0, 40), where=st.sampled_from(["answer", "cell", "text", "metadata"]))
    def types_into_a_notebook_and_saves(self, choice, where):
        path = self.mine(choice)
        try:
            notebook = nbformat.read(path, as_version=4)
        except (OSError, ValueError, AttributeError, nbformat.reader.NotJSONError):
            return
        word = self.word()
        if where == "cell":
            notebook.cells.append(nbformat.v4.new_code_cell(f"# {word}"))
        elif where == "metadata":
            notebook.metadata["note"] = notebook.metadata.get("note", "") + word
        else:
            kind = "code" if where == "answer" else "markdown"
            cell = next((c for c in reversed(notebook.cells) if c.cell_type == kind), None)
            if cell is None:
                notebook.cells.append(nbformat.v4.new_markdown_cell(word))
            else:
                cell.source += f"\n# {word}"
        nbformat.write(notebook, path)

    @rule(choice=st.integers(0, 40))
    def runs_a_notebook_and_saves(self, choice):
        path = self.mine(choice)
        try:
            notebook = nbformat.read(path, as_version=4)
        except (OSError, ValueError, AttributeError, nbformat.reader.NotJSONError):
            return
        run(notebook)
        nbformat.write(notebook, path)

    @rule(choice=st.integers(0, 40), how=st.sampled_from(["cut off", "no JSON", "no UTF-8", "line ends"]))
    def an_editor_leaves_a_damaged_file(self, choice, how):
        path = self.mine(choice)
        if path is None or not path.exists():
            return
        content, word = path.read_bytes(), self.word().encode()
        if how == "line ends":
            path.write_bytes(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + word)
        elif how == "no UTF-8":
            path.write_bytes(b"\xff\xfe" + word + content)
        else:
            path.write_bytes(word + content if how == "no JSON" else content + b'{"cells": [' + word)

    @rule(choice=st.integers(0, 11))
    def types_into_a_page(self, choice):
        names = [*PAGES, "notes.md", "book/a.md", "exercises/pooling.md", "zh/exercises/pooling.md"]
        path = self.root / names[choice % len(names)]
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(f"{text}\n% {self.word()}\n", encoding="utf-8")

    @rule(name=st.sampled_from(NOTEBOOKS))
    def copies_a_notebook_in_work(self, name):
        path = self.root / "work" / name
        if path.exists():
            shutil.copy(path, path.with_name(f"my {len(self.words)} {path.name}"))

    @rule(choice=st.integers(0, 40), where=st.sampled_from(["work", "beside", "git mv"]))
    def renames_a_notebook(self, choice, where):
        path = self.mine(choice)
        if path is None or not path.is_file():
            return
        self.count += 1
        goal = path.with_name(f"renamed {self.count}.ipynb")
        if where == "git mv":
            git(self.root, "mv", str(path), str(goal))
            return
        if where == "work":
            goal = self.root / "work" / goal.name
            goal.parent.mkdir(exist_ok=True)
        path.rename(goal)

    # -- make

    @rule(force=st.booleans())
    def makes(self, force):
        self.built(force=force)

    @rule(choice=st.integers(0, 40), page=st.booleans())
    def makes_and_goes_on_typing_meanwhile(self, choice, page):
        def types():
            if page:
                self.types_into_a_page(choice=choice)
            else:
                self.types_into_a_notebook_and_saves(choice=choice, where="cell")

        MEANWHILE.append(types)
        try:
            self.built(force=True)
        finally:
            MEANWHILE.clear()

    @rule()
    def opens_the_lab(self):
        if self.built():
            lab.fill(self.root)

    @rule()
    def makes_clean(self):
        assert subprocess.run(["make", "clean"], cwd=self.root, capture_output=True).returncode == 0

    def built(self, *, force: bool = False) -> bool:
        """Build; a source that a merge left torn ends the build with a sentence, and nothing is lost by that either."""
        try:
            make(self.root, force=force)
        except SystemExit:
            return False
        return True

    # -- the authors, and git

    @rule(what=st.sampled_from(["cell", "prose", "module", "exercise"]))
    def the_course_is_corrected(self, what):
        self.count += 1
        if what == "module":
            (self.upstream / "src/coursecode/left.py").write_text(f"def f(x):\n    return x + {self.count}\n")
        elif what == "exercise":
            for language in ("", "zh"):
                path = self.upstream / language / "exercises/pooling.md"
                text = path.read_text(encoding="utf-8").replace("{doc}`pooling`", f"{{doc}}`pooling`{self.count}", 1)
                path.write_text(text, encoding="utf-8")
        else:
            before, after = (r"f\(\d+\)", f"f({self.count})") if what == "cell" else (r"^Text.*", f"Text {self.count}.")
            for language in ("", "zh"):
                path = self.upstream / language / "book/a.md"
                path.write_text(re.sub(before, after, path.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
        make(self.upstream)
        git(self.upstream, "commit", "--quiet", "--all", "-m", f"Correction {self.count}")

    @rule(words=st.sampled_from(["commit", "stash", "stash --all", "stash pop", "pull", "merge --abort", "switch",
                                 "switch back", "switch --detach", "add", "rebase"]))  # fmt: skip
    def uses_git(self, words):
        commands = {
            "commit": ["commit", "--quiet", "--all", "-m", "mine"],
            "stash": ["stash", "push"],
            "stash --all": ["stash", "push", "--include-untracked"],
            "stash pop": ["stash", "pop"],
            "pull": ["pull", "--quiet", "--no-rebase", "--no-edit"],
            "merge --abort": ["merge", "--abort"],
            "switch": ["switch", "--quiet", "-c", f"branch-{self.count}"],
            "switch back": ["switch", "--quiet", "-"],
            "switch --detach": ["switch", "--quiet", "--detach", "origin/main"],
            "rebase": ["pull", "--quiet", "--rebase", "--autostash"],
            "add": ["add", "--all"],
        }
        if words == "merge --abort":
            git(self.root, "add", "--all")  # what an abort throws away is in the repository then
        git(self.root, *commands[words])  # git may refuse; that is its way of losing nothing

    @invariant()
    def every_word_she_typed_is_there(self):
        if not getattr(self, "words", None):
            return
        files = [path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.parts]
        there = b"\0".join(path.read_bytes() for path in files)
        gone = [word for word in self.words if word.encode() not in there]
        if gone:
            ask = [*GIT, "cat-file", "--batch", "--batch-all-objects"]
            objects = subprocess.run(ask, cwd=self.root, capture_output=True, check=True).stdout
            gone = [word for word in gone if word.encode() not in objects]
        assert not gone


TestLearner = Learner.TestCase
TestLearner.settings = settings(
    max_examples=max(4, settings().max_examples // 4), stateful_step_count=20, deadline=None
)


# -- the same, once, through the real commands ----------------------------------------------------------------------


def run_make(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A target in ``root`` with this environment in the place of one that would be installed there."""
    command = ["make", "-o", "environment", f"BIN={Path(sys.executable).parent}", *words]
    return subprocess.run(command, cwd=root, env=variables(root), capture_output=True, text=True, timeout=900)


def variables(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root / "src"), "LANGUAGE": "", "LC_ALL": "C.UTF-8"}


def answer(path: Path, text: str) -> None:
    """Type into the first answer of a notebook and save, as JupyterLab does."""
    notebook = nbformat.read(path, as_version=4)
    next(cell for cell in notebook.cells if "NotImplementedError" in cell.source).source += f"\n# {text}"
    nbformat.write(notebook, path)


@pytest.mark.slow
def test_she_answers_in_the_book_builds_pulls_and_goes_on_in_the_lab(tmp_path):
    upstream, root = tmp_path / "upstream", tmp_path / "我的 course"
    shutil.copytree(ROOT, upstream, ignore=shutil.ignore_patterns(".*", "_build", "__pycache__", "work", "tests"))
    for name in (".gitignore", ".gitattributes"):
        shutil.copy(ROOT / name, upstream)
    git(upstream, "init", "--quiet", "--initial-branch=main")
    git(upstream, "add", "--all")
    assert git(upstream, "commit", "--quiet", "-m", "The course").returncode == 0
    assert git(tmp_path, "clone", "--quiet", str(upstream), str(root)).returncode == 0

    # she works where the notebooks of the book lie, runs one, and builds
    answer(root / "book/exercises-pooling.ipynb", "my first answer")
    ran = nbformat.read(root / "book/where-texts-slip.ipynb", as_version=4)
    run(ran)
    nbformat.write(ran, root / "book/where-texts-slip.ipynb")
    (root / "zh/book/pooling.ipynb").write_text("我把它清空了", encoding="utf-8")
    made = run_make(root, "notebooks")
    assert made.returncode == 0, made.stdout + made.stderr
    for before, after in (
        ("book/exercises-pooling", "my first answer"),
        ("book/where-texts-slip", "run 7"),
        ("zh/book/pooling", "我把它清空了"),
    ):
        mine = f"work/{before}.mine.ipynb"
        assert after in (root / mine).read_text(encoding="utf-8")
        assert f"{before}.ipynb was changed since it was made: your version is now {mine}\n" in made.stdout
    assert "execute" not in made.stdout  # the other language has the outputs
    assert git(root, "status", "--porcelain").stdout == ""  # so that `git pull` has nothing in its way

    # in the lab she has a copy that is hers; its answers stay when the course is corrected
    with opened_lab(root, "LANGUAGE=zh") as (address, token):
        assert address.endswith("/lab/tree/zh/book/from-dense-to-convolution.ipynb")
        for folder in ("book", "zh/book"):
            names = {entry["name"] for entry in contents(address, token, folder)}
            assert {"pooling.ipynb", "exercises-pooling.ipynb"} <= names
    answer(root / "work/book/exercises-pooling.ipynb", "my second answer")
    page = upstream / "exercises/pooling.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("These exercises belong", "The exercises below belong"), encoding="utf-8")
    assert run_make(upstream, "notebooks").returncode == 0
    git(upstream, "commit", "--quiet", "--all", "-m", "A correction")
    assert git(root, "pull", "--quiet").returncode == 0
    opened = run_make(root, "lab", "LANGUAGE=fr")
    assert opened.returncode != 0
    assert "there is no edition in 'fr'; choose one: make lab LANGUAGE=en or LANGUAGE=zh" in opened.stderr
    with opened_lab(root) as (address, _):
        assert address.endswith("/lab/tree/book/from-dense-to-convolution.ipynb")
    assert "my second answer" in (root / "work/book/exercises-pooling.ipynb").read_text(encoding="utf-8")
    newer = (root / "work/book/exercises-pooling (new).ipynb").read_text(encoding="utf-8")
    assert "The exercises below belong" in newer
    assert "my second answer" not in newer

    # clean takes what was built, and nothing of hers
    assert run_make(root, "clean").returncode == 0
    assert "my first answer" in (root / "work/book/exercises-pooling.mine.ipynb").read_text(encoding="utf-8")


@contextlib.contextmanager
def opened_lab(root: Path, *words: str) -> Iterator[tuple[str, str]]:
    """The address that `make lab` opens, without its token, and the token."""
    command = ["make", "-o", "environment", f"BIN={Path(sys.executable).parent}", "lab", *words]
    with (root.parent / "lab.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=root, env=variables(root) | {"BROWSER": "true"}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            found = None
            while found is None:
                said = Path(log.name).read_text(encoding="utf-8")
                assert process.poll() is None, said
                found = re.search(r"(http://127\.0\.0\.1\S+)\?token=(\w+)", said)
                time.sleep(0.2)
            yield found[1], found[2]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def contents(address: str, token: str, folder: str) -> list[dict[str, str]]:
    """What JupyterLab shows in a folder."""
    server = address.split("/lab/")[0]
    with urllib.request.urlopen(f"{server}/api/contents/{folder}?token={token}") as answered:
        return json.load(answered)["content"]
