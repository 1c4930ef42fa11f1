"""CI on a fresh machine: every test runs, or the run fails and its last line says what was left out and why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import left_out
import nbformat
import pytest
from root import ROOT

from tools.machine import system

RAN = "def test_runs(): pass\n"
SKIPS = RAN + "import pytest\n@pytest.mark.skip(reason='needs bubblewrap')\ndef test_wall(): pass\n"
XFAILS = RAN + "import pytest\n@pytest.mark.xfail(reason='some day')\ndef test_wish(): assert False\n"
WHOLE = "import pytest\npytest.importorskip('no_such_package')\n" + RAN
ALLOWED = RAN + "import pytest\n@pytest.mark.skip(reason='no GPU')\ndef test_cuda(): pass\n"


def run(folder: Path, *, ci: bool, workers: int = 0, **texts: str) -> tuple[int, str]:
    """The status and the last line of a run of these test files with the suite's own rules."""
    for name, text in texts.items():
        (folder / f"test_{name}.py").write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "CI": "true" if ci else ""}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # they take seconds to import
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist.plugin", "-p", "left_out"]
    command += ["-n", str(workers), "--rootdir", str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout.rstrip().splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "told"),
    [(SKIPS, "needs bubblewrap (1)"), (XFAILS, "some day (1)"), (WHOLE, "could not import 'no_such_package'")],
    ids=["skipped", "expected to fail", "not collected"],
)
def test_whatever_is_left_out_fails_in_ci(tmp_path, text, told):
    status, last = run(tmp_path, ci=True, a=text, b=RAN)
    assert (status, last.startswith("1 skipped: ")) == (1, True)
    assert told in last
    assert "python tools/machine/system.py" in last


@pytest.mark.parametrize("ci", [True, False])
def test_what_several_processes_leave_out_is_counted_once(tmp_path, ci):
    status, last = run(tmp_path, ci=ci, workers=2, a=SKIPS, b=XFAILS, c=WHOLE)
    assert (status, last.startswith("3 skipped: ")) == (int(ci), True)
    assert last.endswith("With CI=true this run would fail") != ci


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_leaves_nothing_out_says_so(tmp_path, workers):
    assert run(tmp_path, ci=True, workers=workers, a=RAN) == (0, "0 skipped")


def test_a_reason_of_the_list_is_told_and_fails_nothing(tmp_path):
    assert "no GPU" in left_out.ALLOWED
    told = "1 skipped, all for reasons that are allowed: no GPU (1)"
    assert run(tmp_path, ci=True, a=ALLOWED) == (0, told)


def test_a_failure_stays_a_failure(tmp_path):
    assert run(tmp_path, ci=False, a=SKIPS + "def test_wrong(): assert False\n")[0] == 1


def test_without_bubblewrap_a_run_of_the_suites_own_tests_fails_in_ci():
    """The sandbox's tests, on a machine that is this one without ``bwrap``."""
    folder = ROOT / "tests" / "coursegrade"
    arguments = (str(folder / "test_hostile.py"), "-k", "stub_gets_none")
    environment = {**os.environ, "CI": "true", "PATH": "/nowhere"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    assert (
        done.stdout.rstrip()
        .splitlines()[-1]
        .startswith("1 skipped: needs bubblewrap: sudo apt-get install bubblewrap (1)")
    )


@pytest.mark.parametrize(("tag", "said"), [("nbval-skip", "1 skipped: "), ("", "0 skipped")])
def test_a_cell_that_nbval_leaves_out_fails_in_ci(tmp_path, tag, said):
    status, last = nbval(tmp_path, "1 + 1", tag)
    assert (status, last.startswith(said)) == (int(bool(tag)), True)


def test_a_cell_that_writes_to_stderr_fails_even_where_outputs_are_not_compared(tmp_path):
    assert nbval(tmp_path, "print('fine')", "nbval-ignore-output")[0] == 0
    assert nbval(tmp_path, "import sys; print('careful', file=sys.stderr)", "nbval-ignore-output")[0] == 1


def nbval(folder: Path, source: str, tag: str) -> tuple[int, str]:
    """The status and the last line of the run of a notebook with one cell, as ``make nbval`` runs it."""
    cell = nbformat.v4.new_code_cell(source, execution_count=1, metadata={"tags": [tag] if tag else []})
    if source == "1 + 1":
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "one.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "--nbval", "-c", str(ROOT / "tests" / "nbval.ini")]
    command += ["--rootdir", str(folder), str(folder / "one.ipynb")]
    environment = {**os.environ, "CI": "true", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout.rstrip().splitlines()[-1]


# -- what the system must have --------------------------------------------------------------------------------------


def test_bubblewrap_is_among_what_is_installed(monkeypatch):
    asked: list[list[str]] = []
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(system.subprocess, "call", lambda command, **_: asked.append(command) or 0)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="nothing may be left out"):
        system.main()  # installed, as far as apt-get said, and still not there
    assert asked[0][:2] == ["apt-get", "update"]
    assert {"bubblewrap", "git", "npm", "fontconfig", "fonts-noto-cjk"} <= set(asked[1])


def test_who_may_not_install_is_told_the_one_command(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(system.subprocess, "call", lambda *_, **__: pytest.fail("it was tried to install"))
    monkeypatch.delenv("CI", raising=False)
    system.main()
    told = capsys.readouterr().out
    assert "bubblewrap: the sandbox of the grader" in told
    assert "sudo apt-get install" in told


def test_a_name_that_no_test_needs_is_refused_with_those_there_are():
    with pytest.raises(SystemExit, match=r"No test needs bubblewarp; they need .*bubblewrap"):
        system.main(["bubblewarp"])
