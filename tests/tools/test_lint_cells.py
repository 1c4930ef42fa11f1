"""Ruff reads the code cells of a page as one notebook and names the page's own lines."""

import subprocess
import sys
from pathlib import Path

import pytest
from problems import told

from tools import ROOT
from tools.rules.lint_cells import problems

CLEAN = "x = 1\nx + 1"


def page(folder: Path, *cells: str, header: str = "") -> Path:
    path = folder / "page.md"
    blocks = [f"Text.\n\n```{{code-cell}} ipython3\n{header}{cell}\n```\n" for cell in cells]
    path.write_text("# Title\n\n" + "\n".join(blocks), encoding="utf-8")
    return path


def line_of(path: Path, text: str) -> int:
    return path.read_text(encoding="utf-8").splitlines().index(text) + 1


def test_clean_cells_have_no_problem(tmp_path):
    assert problems([page(tmp_path, "import torch", "X = torch.zeros(2)\nX", "pairs = zip(X, X)\npairs")]) == []


@pytest.mark.parametrize("header", ["", "---\ntags: [a]\n---\n", ":tags: [a]\n\n"])
@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ("x = 2\nprint(y)", "print(y)", "F821 Undefined name `y`"),
        ("import os\nx = 2", "import os", "F401 `os` imported but unused"),
        ("x = 2\nx = [1,2]", "x = [1,2]", "not laid out as ruff would"),
        ("x = 3\n%timeit x", "%timeit x", "'%timeit x' is a magic, not Python"),
        ("x = 3\n!ls", "!ls", "'!ls' is a magic, not Python"),
        (f"x = '{'a' * 88}'", f"x = '{'a' * 88}'", "E501 Line too long"),
    ],
)
def test_a_problem_is_named_with_the_line_of_the_page(tmp_path, header, source, line, problem):
    path = page(tmp_path, CLEAN, source, header=header)
    found = told(problems([path]))
    assert any(entry.startswith(f"{path}:{line_of(path, line)}: {problem}") for entry in found), found


def test_fix_mends_the_layout_and_nothing_else(tmp_path):
    path = page(tmp_path, "import sys\nimport os\nprint(os,sys)", "x=[1,\n   2]\nx", CLEAN, header=":tags: [a]\n")
    before = path.read_text(encoding="utf-8")
    assert problems([path], fix=True) == []
    after = path.read_text(encoding="utf-8")
    mended = before.replace("import sys\nimport os\nprint(os,sys)", "import os\nimport sys\n\nprint(os, sys)")
    assert after == mended.replace("x=[1,\n   2]", "x = [1, 2]")
    assert problems([path]) == []


def test_the_command_exits_with_1_where_there_is_a_problem(tmp_path):
    command = [sys.executable, "-m", "tools.rules.lint_cells", str(page(tmp_path, "print(y)"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert "page.md:6: F821" in done.stdout
