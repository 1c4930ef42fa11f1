"""d2l loads beside today's packages, says what is missing, draws only what is asked for, and computes as we do."""

import subprocess
import sys
from importlib.metadata import version

import matplotlib as mpl
import nbformat
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers
from nbclient import NotebookClient
from root import ROOT

from coursecode import d2l_bridge
from coursecode.correlation import corr2d
from coursecode.d2l_bridge import load, quiet

mpl.use("agg")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_bridge_imports_d2l_only_when_asked_and_then_in_silence():
    code = """
import sys
from coursecode.d2l_bridge import load
print(any(name in sys.modules for name in ("d2l", "torchvision", "pandas", "IPython")))
print(load().__name__, load() is load())
"""
    assert run(code).split() == ["False", "d2l.torch", "True"]


@pytest.mark.slow
@pytest.mark.parametrize("absent", ["d2l", "torchvision"])
def test_an_absent_package_is_named_with_the_command_that_installs_it(absent):
    code = f"""
import sys
sys.modules[{absent!r}] = None
from coursecode.d2l_bridge import load
try:
    load()
except ModuleNotFoundError as error:
    print(error)
"""
    message = run(code)
    assert absent in message
    assert "pip install --no-deps -r requirements-d2l.txt" in message


def test_another_failure_of_torchvision_is_not_hidden(monkeypatch):
    def fail(name):
        raise RuntimeError("another failure")

    monkeypatch.setattr(d2l_bridge.importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="another failure"):
        d2l_bridge._import_torchvision()


def test_a_torchvision_that_imports_needs_no_stub(monkeypatch):
    monkeypatch.setattr(d2l_bridge.importlib, "import_module", lambda name: None)
    kept = list(d2l_bridge.declared)
    d2l_bridge._import_torchvision()
    assert d2l_bridge.declared == kept


def test_the_pinned_versions_are_the_ones_tested():
    lines = (ROOT / "requirements-d2l.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert pins == {name: version(name) for name in ("d2l", "torchvision")}


def test_quiet_shows_nothing_and_closes_what_was_opened(capsys):
    plt = load().plt
    mine = plt.figure()
    board = load().ProgressBoard(xlabel="epoch")
    with quiet():
        for epoch in range(3):
            board.draw(epoch, 1.0, "loss")
    assert capsys.readouterr().out == ""
    assert len(board.fig.axes[0].lines) == 3
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_quiet_leaves_a_notebooks_picture_format_alone():
    draw = "grid([[1, 2]])"
    board = """
board = load().ProgressBoard(xlabel="epoch")
with quiet():
    board.draw(0, 1.0, "loss")
    board.draw(1, 1.0, "loss")
"""
    sources = [
        "from coursecode.d2l_bridge import load, quiet; from coursecode.plotting import grid; _ = load()",
        draw,
        board,
        draw,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [[sorted(output.data) for output in cell.outputs] for cell in notebook.cells]
    picture = [["image/png", "text/plain"]]
    assert outputs == [[], picture, [], picture]


@given(n_h=integers(1, 6), n_w=integers(1, 6), k_h=integers(1, 6), k_w=integers(1, 6))
def test_d2ls_corr2d_and_ours_agree_where_the_kernel_fits(n_h, n_w, k_h, k_w):
    X = torch.arange(float(n_h * n_w)).reshape(n_h, n_w)
    K = torch.arange(float(k_h * k_w)).reshape(k_h, k_w) - 2
    if k_h <= n_h and k_w <= n_w:
        assert torch.equal(load().corr2d(X, K), corr2d(X, K))
    else:
        with pytest.raises(ValueError, match="does not fit"):
            corr2d(X, K)
