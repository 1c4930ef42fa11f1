"""The first command a stranger runs tells what is wrong in a sentence."""

import ast
import hashlib
import runpy
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from root import ROOT

SCRIPT = ROOT / "tools" / "machine" / "environment.py"


def run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


@pytest.mark.parametrize(("version", "told"), [((3, 9, 18), "3.9 is too old"), ((3, 15, 0), "3.15 is too new")])
def test_another_python_is_told_what_it_needs(monkeypatch, version, told):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit, match=rf"Python {told}, the course needs 3\.11 to 3\.14\.[\s\S]*PYTHON="):
        run(monkeypatch)


def test_the_stamp_follows_every_file_that_names_packages(monkeypatch, tmp_path):
    script = runpy.run_path(str(SCRIPT))
    for name in script["SOURCES"]:
        assert (SCRIPT.parents[2] / name).exists()
    first, second = script["wanted"](""), script["wanted"]("cpu")
    assert first != second
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}" in first
    digest = hashlib.sha256(b"".join((SCRIPT.parents[2] / n).read_bytes() for n in script["SOURCES"]))
    assert digest.hexdigest() in first


NOT_IN_PYTHON_2 = (ast.JoinedStr, ast.AnnAssign, ast.Nonlocal, ast.AsyncFunctionDef, ast.NamedExpr, ast.Match,
                   ast.YieldFrom, ast.MatMult, ast.TryStar)  # fmt: skip


def test_even_python_2_reads_the_file_that_tells_it_what_it_needs():
    text = SCRIPT.read_text(encoding="ascii")  # no other letter without a line that names the encoding
    tree = ast.parse(text)
    found = [node for node in ast.walk(tree) if isinstance(node, NOT_IN_PYTHON_2)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            notes = [one.annotation for one in (*arguments.args, *arguments.posonlyargs)]
            found += [node] * bool(any(notes) or node.returns or arguments.kwonlyargs or arguments.posonlyargs)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Assign):
            found += [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.Starred)]
        elif isinstance(node, ast.Dict):
            found += [node] * (None in node.keys)
        elif isinstance(node, ast.Call):  # after *arguments only names may follow
            stars = [isinstance(one, ast.Starred) for one in node.args]
            found += [node] * (True in stars[:-1])
        elif isinstance(node, ast.Raise):
            found += [node] * (node.cause is not None)
        elif isinstance(node, ast.ClassDef):
            found += [node] * bool(node.keywords)
    assert [ast.unparse(node) for node in found] == []
    assert "from __future__ import print_function" in text
    if python := shutil.which("python2.7"):
        done = subprocess.run([python, str(SCRIPT)], capture_output=True, text=True)
        assert "SyntaxError" not in done.stderr


def test_what_pip_is_told_in_a_file_or_by_a_variable_uv_is_told_as_well(monkeypatch):
    script = runpy.run_path(str(SCRIPT))
    for name in script["SAME"].values():
        monkeypatch.delenv(name, raising=False)
    listed = (
        "global.index-url='https://file.example/simple'\nglobal.timeout='60'\n"
        "install.find-links='/a/wheels\\nhttps://b.example/'\n:env:.index-url='https://variable.example/simple'\n"
        "install.trusted-host='one.example two.example'\n"
    )
    assert script["settings_of_pip"](listed) == {
        "UV_DEFAULT_INDEX": "https://variable.example/simple",
        "UV_FIND_LINKS": "/a/wheels,https://b.example/",
        "UV_INSECURE_HOST": "one.example,two.example",
    }
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    assert "UV_DEFAULT_INDEX" not in script["settings_of_pip"](listed)


@pytest.mark.parametrize(
    ("torch", "mirror", "told"),
    [("cpu", "", "TORCH=cpu TORCH_INDEX=ADDRESS"), ("cpu", "https://m.example/", "TORCH_INDEX is https://m.example/")],
)
def test_where_pytorchs_index_is_not_reached_the_sentence_names_the_setting(monkeypatch, torch, mirror, told):
    script = runpy.run_path(str(SCRIPT))
    monkeypatch.setenv("TORCH_INDEX", mirror)
    failing = ("--torch-backend", mirror or "none")
    monkeypatch.setattr(subprocess, "call", lambda command, **_: int(any(word in command for word in failing)))
    with pytest.raises(SystemExit) as stopped:
        script["install"](torch)
    assert told in str(stopped.value)
    assert "run the same command again" in str(stopped.value)


def test_a_full_disk_is_named_with_its_place(monkeypatch):
    script = runpy.run_path(str(SCRIPT))
    monkeypatch.setattr(subprocess, "call", lambda command, **_: 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1 << 20))
    with pytest.raises(SystemExit, match=r"The disk is full at \S.*: make room there"):
        script["install"]("")


def test_of_two_who_install_in_one_folder_the_second_waits_for_the_first(tmp_path):
    (tmp_path / "tools" / "machine").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "tools" / "machine")
    program = "import runpy; runpy.run_path('tools/machine/environment.py')['alone'](); print('mine', flush=True)"
    command = [sys.executable, "-c", f"{program}; input()"]
    ends = {"cwd": tmp_path, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **ends) as first:
        assert first.stdout.readline() == "mine\n"
        with subprocess.Popen(command, **ends) as second:
            assert second.stdout.readline() == (
                "environment: another command works in this folder; waiting until it is done\n"
            )
            first.communicate("\n")
            assert second.communicate("\n")[0] == "mine\n"
