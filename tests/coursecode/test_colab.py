"""Colab: the first cell of a notebook completes a machine that has torch and numpy, and changes no version of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import machines
import pytest
from root import ROOT

from coursecode import _install, colab

# What Colab's image has of what the notebooks import; it lacks coursecode and d2l, and may lack the others.
COLAB = ("torch", "torchvision", "numpy", "matplotlib", "pandas", "scipy", "requests", "tqdm", "safetensors",
         "pillow", "ipykernel", "ipython")  # fmt: skip


def nothing_installed_may(monkeypatch, *absent):
    monkeypatch.setattr(colab, "find_spec", lambda name: None if name in absent else object())


def test_only_what_is_missing_is_named(monkeypatch):
    nothing_installed_may(monkeypatch)
    assert colab.missing(d2l=True) == ([], [])
    nothing_installed_may(monkeypatch, "pooch", "d2l", "PIL")
    assert colab.missing() == (["pooch"], [])
    assert colab.missing(d2l=True) == (["pooch", "pillow"], ["d2l==1.0.3"])


def test_what_is_there_binds_pip_and_what_is_missing_is_asked_for(monkeypatch):
    asked = []

    def run(command, **options):
        if "--constraint" in command:
            asked.append(Path(command[command.index("--constraint") + 1]).read_text())
        asked.append(command[command.index("--disable-pip-version-check") + 1 :])
        assert (sys.prefix == sys.base_prefix) == (options["env"]["PIP_USER"] == "1")  # a venv has no user's folder
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("PIP_USER", "1")

    monkeypatch.setattr(colab.subprocess, "run", run)
    nothing_installed_may(monkeypatch, "pooch", "d2l")
    assert colab.complete(d2l=True) == ["pooch", "d2l==1.0.3"]
    present, ordinary, alone = asked
    numpy = next(dist.version for dist in distributions() if dist.name == "numpy")
    assert f"numpy=={numpy}\n" in present
    assert ordinary[2:] == ["pooch"]
    assert alone == ["--no-deps", "d2l==1.0.3"]


def test_where_nothing_is_missing_pip_is_not_called(monkeypatch):
    monkeypatch.setattr(colab.subprocess, "run", lambda *args, **options: pytest.fail("pip was called"))
    nothing_installed_may(monkeypatch)
    assert colab.complete(d2l=True) == []


def test_a_failure_of_pip_says_what_to_do(monkeypatch):
    def run(command, **options):
        return subprocess.CompletedProcess(command, 1, "", "…\nERROR: No matching distribution found for pooch\n")

    monkeypatch.setattr(colab.subprocess, "run", run)
    nothing_installed_may(monkeypatch, "pooch")
    with pytest.raises(RuntimeError, match=r"install pooch: ERROR: No matching[\s\S]*run this cell again"):
        colab.complete()


def test_d2l_has_the_version_of_the_book():
    assert colab._D2L_ALONE["d2l"] in (ROOT / "requirements-d2l.txt").read_text().splitlines()


@pytest.mark.parametrize("address", ["", "https://github.com/ada/course"])
@pytest.mark.parametrize("d2l", [False, True])
def test_in_an_installed_course_the_cell_does_nothing(monkeypatch, address, d2l):
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("the cell ran a command"))
    exec(_install.cell(d2l=d2l, repository=address), {})
    assert ("d2l=True" in _install.cell(d2l=d2l, repository=address)) == d2l


def test_the_kernels_of_the_stand_ins_are_found_by_jupyter(tmp_path):
    variables = machines.kernel_of(Path(sys.executable), tmp_path)
    command = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    listed = json.loads(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)
    assert os.path.samefile(listed["kernelspecs"]["there"]["resource_dir"], tmp_path / "kernels" / "there")
