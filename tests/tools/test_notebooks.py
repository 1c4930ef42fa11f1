"""Notebooks follow their sources: what makes them stale, what does not, and what an accident leaves behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from root import ROOT
from small_pages import chapter

from tools.notebooks import maker
from tools.notebooks.plain import PlainError, edition, plain_markdown


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two chapters, one module each, and a package with one shared module."""
    package = tmp_path / "src" / "coursecode"
    (tmp_path / "book").mkdir()
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "_shared.py").write_text("ONE = 1\n")
    (package / "left.py").write_text("from coursecode._shared import ONE\n\ndef f(x):\n    return x + ONE\n")
    (package / "right.py").write_text("def g(x):\n    return x - 1\n")
    (tmp_path / "book" / "a.md").write_text(chapter("a", "from coursecode.left import f", "f(2)"))
    (tmp_path / "book" / "b.md").write_text(chapter("b", "from coursecode.right import g", "g(2)"))
    (tmp_path / "book" / "index.md").write_text("# Home\n")
    (tmp_path / "requirements.txt").write_text("# pins\ntorch==2.13.0\n")
    (tmp_path / "_config.yml").write_text(
        "repository:\n  url: https://example.org/course.git\n  branch: main\nhtml:\n  baseurl: https://example.org/course/\n"
    )
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nparts:\n  - numbered: 2\n    chapters:\n      - file: book/a\n      - file: book/b\n"
    )
    return tmp_path


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The chapters that were executed, with a stand-in for the kernel: the outputs are numbers of the run."""
    names: list[str] = []

    def execute(page: maker.Page, *, on_cell: object = None) -> list[nbformat.NotebookNode]:
        names.append(page.name)
        return [
            nbformat.v4.new_code_cell(
                source, outputs=[nbformat.v4.new_output("stream", name="stdout", text=f"{len(names)}\n")]
            )
            for source in page.code
        ]

    monkeypatch.setattr(maker, "execute", execute)
    return names


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_current_notebook_is_not_executed_again(project, executions, capsys):
    assert maker.make(project) == 0
    assert sorted(executions) == ["a", "b"]
    assert maker.make(project) == 0
    assert len(executions) == 2
    assert "no cell was run" in capsys.readouterr().out


def test_a_helper_makes_exactly_the_chapters_stale_that_import_it(project, executions, capsys):
    maker.make(project)
    executions.clear()
    edit(project / "src/coursecode/right.py", "x - 1", "x + 1")
    assert maker.make(project, check=True) == 1
    maker.make(project)
    assert executions == ["b"]
    assert "execute b: coursecode.right changed" in capsys.readouterr().out


def test_a_helper_of_a_helper_counts_too(project, executions):
    maker.make(project)
    executions.clear()
    edit(project / "src/coursecode/_shared.py", "1", "-1")
    maker.make(project)
    assert executions == ["a"]


def test_a_stored_result_makes_the_chapters_stale_that_name_it(project, executions, capsys):
    results = project / "src" / "coursecode" / "experiments" / "results"
    results.mkdir(parents=True)
    for folder in ("benchmarks", "sceptic"):
        (results / folder).mkdir()
    for name in ("wide", "other", "benchmarks/epoch", "sceptic/wide"):
        (results / f"{name}.json").write_text("{}")
    (results.parent / "__init__.py").write_text("load = str\n")
    edit(project / "book/a.md", "f(2)", 'f(len("wide"))')
    edit(project / "book/b.md", "g(2)", "from coursecode.experiments import load")
    maker.make(project)
    for changed, expected in (("wide", ["a"]), ("benchmarks/epoch", ["b"]), ("sceptic/wide", ["a"]), ("other", [])):
        executions.clear()
        (results / f"{changed}.json").write_text("[]")
        maker.make(project)
        assert executions == expected
    assert "execute a: wide.json changed" in capsys.readouterr().out


def test_a_changed_cell_is_named(project, executions, capsys):
    maker.make(project)
    executions.clear()
    edit(project / "book/a.md", "f(2)", "f(3)")
    maker.make(project)
    assert executions == ["a"]
    assert "execute a: code cell 2 changed" in capsys.readouterr().out


def test_the_pinned_environment_makes_all_stale_but_its_comments_do_not(project, executions):
    maker.make(project)
    executions.clear()
    edit(project / "requirements.txt", "# pins", "# the pins")
    maker.make(project)
    assert executions == []
    edit(project / "requirements.txt", "2.13.0", "2.14.0")
    maker.make(project)
    assert sorted(executions) == ["a", "b"]


def test_prose_is_rewritten_without_running_a_cell(project, executions):
    maker.make(project)
    before = nbformat.read(project / "book/a.ipynb", 4)
    executions.clear()
    edit(project / "book/a.md", "Text.", "Other text.")
    assert maker.make(project, check=True) == 1
    maker.make(project)
    after = nbformat.read(project / "book/a.ipynb", 4)
    assert executions == []
    assert any("Other text." in cell.source for cell in after.cells)
    outputs = [[c.outputs for c in nb.cells if c.cell_type == "code"] for nb in (before, after)]
    assert outputs[0] == outputs[1]


def test_a_damaged_notebook_is_made_again(project, executions):
    maker.make(project)
    executions.clear()
    (project / "book/a.ipynb").write_text('{"cells": [')
    maker.make(project)
    assert executions == ["a"]
    nbformat.validate(nbformat.read(project / "book/a.ipynb", 4))


def test_the_other_edition_gets_the_same_outputs_and_must_have_the_same_cells(project, executions, capsys):
    (project / "zh/book").mkdir(parents=True)
    for name in ("a", "b"):
        text = (project / f"book/{name}.md").read_text().replace("Text.", "正文。")
        (project / f"zh/book/{name}.md").write_text(text)
    assert maker.make(project) == 0
    assert sorted(executions) == ["a", "b"]
    english, chinese = (nbformat.read(project / f"{folder}book/a.ipynb", 4) for folder in ("", "zh/"))
    assert [c for c in english.cells if c.cell_type == "code"] == [c for c in chinese.cells if c.cell_type == "code"]
    edit(project / "zh/book/b.md", "g(2)", "g(3)")
    assert maker.make(project) == 1
    assert "code cell 2 differs" in capsys.readouterr().err


def test_a_cell_that_raises_is_named_and_the_old_notebook_stays(project, capsys):
    edit(project / "book/b.md", "from coursecode.right import g", "g = abs")
    assert maker.make(project, only=["b"]) == 0
    before = (project / "book/b.ipynb").read_bytes()
    edit(project / "book/b.md", "g(2)", "raise ValueError('no kernel')")
    assert maker.make(project, only=["b"]) == 1
    assert "book/b.md:21: the cell raised ValueError: no kernel" in capsys.readouterr().err
    assert (project / "book/b.ipynb").read_bytes() == before


def test_a_cell_that_writes_to_stderr_fails(project, capsys):
    edit(project / "book/b.md", "from coursecode.right import g", "")
    edit(project / "book/b.md", "g(2)", "import warnings; warnings.warn('old')")
    assert maker.make(project, only=["b"]) == 1
    assert "wrote to stderr" in capsys.readouterr().err
    assert not (project / "book/b.ipynb").exists()


def test_what_a_cell_prints_is_one_output_however_slowly_it_comes(project):
    edit(project / "book/b.md", "from coursecode.right import g", "import time")
    edit(project / "book/b.md", "g(2)", "for n in 'ab':\n    print(n, flush=True)\n    time.sleep(0.4)")
    assert maker.make(project, only=["b"]) == 0
    cells = nbformat.read(project / "book/b.ipynb", as_version=4).cells
    assert [out.text for cell in cells for out in cell.get("outputs", [])] == ["a\nb\n"]


@pytest.mark.parametrize("wait", [0.2, 1, 5])  # the kernel is asked for, starts, runs
def test_an_interrupted_run_leaves_every_notebook_whole(project, executions, wait):
    maker.make(project)
    before = {path: path.read_bytes() for path in project.glob("book/*.ipynb")}
    (project / "book/a.md").write_text(chapter("a", "import time; time.sleep(600)"))
    # a shell's background job ignores the signal, and what it starts inherits that
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listen}; from pathlib import Path; from tools.notebooks.maker import make; make(Path({str(project)!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "execute a" in process.stdout.readline()
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert {path: path.read_bytes() for path in project.glob("book/*.ipynb")} == before
    assert not list(project.glob("book/.*"))


def test_an_unknown_directive_or_label_stops_with_file_and_line(project):
    book = edition(project)
    for text, told in (
        ("one\n\n```{mermaid}\nx\n```", r"a\.md:12: the directive \{mermaid\}"),
        ("one {eq}`eq-none`", r"a\.md:10: \{eq\} names the label 'eq-none'"),
        ("one\n{doc}`nowhere`", r"a\.md:11: \{doc\} names the page 'nowhere'"),
        ("one {abbr}`x`", r"a\.md:10: the role \{abbr\}"),
        ("one {cite:t}`ghost`", r"a\.md:10: \{cite\} names 'ghost'"),
        ("$$\nx", r"a\.md:10: the formula"),
        ("```{note}\nx", r"a\.md:10: the block"),
    ):
        with pytest.raises(PlainError, match=told):
            plain_markdown(text, book, "a", line=10)


def test_plain_markdown_keeps_code_spans_and_formulas(project):
    book = edition(project)
    text = "`{eq}` and ``a `b` {ref}`` and $x_{i}$ and {doc}`b`"
    assert plain_markdown(text, book, "a") == "`{eq}` and ``a `b` {ref}`` and $x_{i}$ and [b](b.ipynb)"


def test_an_interactive_figure_becomes_its_picture_its_caption_and_the_ways_to_see_it_live(project):
    text = "```{interactive} pool-shift\n:name: fig-shift\n:settings: shift=2&mode=avg\n:alt: A map.\n\nA *shift*.\n```"
    page = project / "book" / "a.md"
    page.write_text(page.read_text().replace("Text.", text))
    (project / "zh" / "book").mkdir(parents=True)
    (project / "zh" / "book" / "a.md").write_text(page.read_text())
    plain = plain_markdown(text, edition(project), "a")
    assert plain.startswith("![A map.](../src/coursecode/figures/posters/shift.en.png)\n\n**Figure 1.1**. A *shift*.\n")
    assert "(https://example.org/course/book/a.html#fig-shift)" in plain
    assert 'figures.show("pool-shift", shift=2, mode="avg")\n' in plain
    chinese = plain_markdown(text, edition(project, "zh"), "a")
    assert "![A map.](../../src/coursecode/figures/posters/shift.zh.png)" in chinese
    assert 'figures.show("pool-shift", shift=2, mode="avg", language="zh")' in chinese
    with pytest.raises(PlainError, match=r"the figure pool-shift has no label"):
        plain_markdown(text.replace(":name: fig-shift\n", ""), edition(project), "a")


# -- the book itself ------------------------------------------------------------------------------------------------


def test_the_committed_notebooks_are_current():
    assert maker.make(ROOT, check=True) == 0


def test_no_notebook_shows_raw_directives_or_roles():
    found = []
    for path in sorted([*ROOT.glob("book/*.ipynb"), *ROOT.glob("zh/book/*.ipynb")]):
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "markdown":
                text = cell.source
                for raw in ("```{", ":::", "{eq}`", "{ref}`", "{doc}`", "{cite", "{numref}`", "{term}`", ")=\n"):
                    if raw in text:
                        found.append(f"{path.name}: {raw}")
    assert found == []


MUTATIONS = {
    # one sign in one helper: (file, before, after, the test file that must fail, a chapter whose outputs must change)
    "geometry": (
        "geometry.py",
        "(n - span + p + s) // s for",
        "(n - span - p + s) // s for",
        "test_geometry.py",
        "padding-and-stride",
    ),
    "correlation": (
        "correlation.py",
        "return K.flip(",
        "return -K.flip(",
        "test_correlation.py",
        "convolutional-layer",
    ),
}


@pytest.fixture(params=MUTATIONS.values(), ids=MUTATIONS)
def mutated(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, str, str, str]:
    """A copy of the project in which one sign of one helper is changed."""
    module, before, after, test, name = request.param
    for folder in ("src", "book", "tests", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "requirements.txt", "requirements-d2l.txt", "_config.yml", "_toc.yml"):
        shutil.copy(ROOT / file, tmp_path)
    edit(tmp_path / "src/coursecode" / module, before, after)
    return tmp_path, module.removesuffix(".py"), test, name


def run_pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"}
    environment["HYPOTHESIS_PROFILE"] = "fast"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_one_changed_sign_fails_a_test_fails_nbval_and_makes_its_chapters_stale(mutated, capsys):
    project, module, test, name = mutated
    unit = run_pytest(project, f"tests/coursecode/{test}")
    assert unit.returncode == 1, unit.stdout

    nbval = ["--nbval", "--nbval-sanitize-with", "tests/nbval.cfg", "-c", "tests/nbval.ini", "--rootdir", "."]
    compared = run_pytest(project, *nbval, f"book/{name}.ipynb")
    assert compared.returncode == 1, compared.stdout
    assert "FAILED" in compared.stdout

    maker.make(project, check=True)
    stale = dict(re.findall(r"stale ([\w-]+): (.*)", capsys.readouterr().out))
    assert name in stale
    for chapter_name in edition(project).notebooks:
        page = maker.pages(project, "en", edition(project), [chapter_name])[0]
        uses = f"coursecode.{module}" in maker.module_files(page.code, project / "src/coursecode")
        assert (chapter_name in stale) == uses
        assert stale.get(chapter_name, f"coursecode.{module} changed") == f"coursecode.{module} changed"
