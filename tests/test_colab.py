"""Colab: the first cell of a notebook completes a machine that has torch and numpy, and changes no version of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import machines
import nbformat
import pytest
import yaml

from coursecode import colab
from tools import light

ROOT = Path(__file__).resolve().parent.parent
# What Colab's image has of what the notebooks import; it lacks coursecode and d2l, and may lack the others.
COLAB = ("torch", "torchvision", "numpy", "matplotlib", "pandas", "scipy", "requests", "tqdm", "safetensors",
         "pillow", "ipykernel", "ipython")  # fmt: skip


def nothing_installed_may(monkeypatch, *absent):
    monkeypatch.setattr(colab, "find_spec", lambda name: None if name in absent else object())


def test_only_what_is_missing_is_named(monkeypatch):
    nothing_installed_may(monkeypatch)
    assert colab.missing(d2l=True) == ([], [])
    nothing_installed_may(monkeypatch, "pooch", "mlxtend", "d2l", "PIL")
    assert colab.missing() == (["pooch"], ["mlxtend"])
    assert colab.missing(d2l=True) == (["pooch", "pillow"], ["mlxtend", "d2l==1.0.3"])


def test_what_is_there_binds_pip_and_what_is_missing_is_asked_for(monkeypatch):
    asked = []

    def run(command, **options):
        if "--constraint" in command:
            asked.append(Path(command[command.index("--constraint") + 1]).read_text())
        asked.append(command[command.index("--disable-pip-version-check") + 1 :])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(colab.subprocess, "run", run)
    nothing_installed_may(monkeypatch, "pooch", "mlxtend")
    assert colab.complete() == ["pooch", "mlxtend"]
    present, ordinary, alone = asked
    numpy = next(dist.version for dist in distributions() if dist.name == "numpy")
    assert f"numpy=={numpy}\n" in present
    assert ordinary[2:] == ["pooch"]
    assert alone == ["--no-deps", "mlxtend"]


def test_where_nothing_is_missing_pip_is_not_called(monkeypatch):
    monkeypatch.setattr(colab.subprocess, "run", lambda *args, **options: pytest.fail("pip was called"))
    nothing_installed_may(monkeypatch)
    assert colab.complete(d2l=True) == []


def test_a_failure_of_pip_says_what_to_do(monkeypatch):
    def run(command, **options):
        return subprocess.CompletedProcess(command, 1, "", "…\nERROR: No matching distribution found for mlxtend\n")

    monkeypatch.setattr(colab.subprocess, "run", run)
    nothing_installed_may(monkeypatch, "mlxtend")
    with pytest.raises(RuntimeError, match=r"install mlxtend: ERROR: No matching[\s\S]*run this cell again"):
        colab.complete()


def test_d2l_has_the_version_of_the_book():
    assert colab._D2L_ALONE["d2l"] in (ROOT / "requirements-d2l.txt").read_text().splitlines()


def setup_source(name: str) -> str:
    cells = nbformat.read(ROOT / f"book/{name}.ipynb", 4).cells
    return next(cell.source for cell in cells if cell.get("id") == "setup")


def test_in_an_installed_course_the_cell_does_nothing():
    from IPython.core.inputtransformer2 import TransformerManager

    for name in ("pooling", "the-same-in-d2l"):
        source = TransformerManager().transform_cell(setup_source(name))
        namespace = {"get_ipython": lambda: pytest.fail("the cell called pip")}
        exec(source, namespace)
    assert '"d2l"' in setup_source("the-same-in-d2l")
    assert '"d2l"' not in setup_source("pooling")


@pytest.fixture
def repository(tmp_path: Path) -> dict[str, str]:
    """The package as it is now, in a repository of its own, which git takes for the public address."""
    place = tmp_path / "published"
    place.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "src/coursecode"):
        subprocess.run(["cp", "-r", "--parents", name, str(place)], cwd=ROOT, check=True)
    git = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "now"]):
        subprocess.run([*git, *command], check=True)
    public = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{place.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": public,
        "PIP_RETRIES": "0",
    }


@pytest.mark.slow
def test_by_its_first_cell_alone_a_notebook_runs_where_colabs_packages_are(tmp_path, repository):
    machines.needs_index(tmp_path)
    python = machines.fresh(tmp_path / "colab")
    here = {dist.name.lower().replace("_", "-"): dist.version for dist in distributions()}
    cuda = {name for name in here if name.startswith(("nvidia-", "cuda-"))}  # torch asks for them by an extra
    machines.copy_packages(light.closure(set(COLAB) & here.keys(), here) | {"torchvision"} | cuda, python)
    before = machines.versions(python)
    assert not {"coursecode", "mlxtend", "d2l", "pooch"} & set(before)

    book = [ROOT / f"book/{name}.ipynb" for name in ("where-texts-slip", "the-same-in-d2l")]
    machines.run_notebooks(book, tmp_path, python=python, environment=repository)
    after = machines.versions(python)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"coursecode", "mlxtend", "d2l", "pooch"}


@pytest.mark.slow
def test_without_a_network_the_first_cell_says_what_is_wrong(tmp_path):
    python = machines.fresh(tmp_path / "bare")
    machines.copy_packages(light.closure({"ipykernel", "ipython"}, light.pins()), python)
    cell = nbformat.v4.new_code_cell(setup_source("pooling"))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "one.ipynb")
    command = machines.without_network(sys.executable, "-c", machines.RUNNER, "there", str(tmp_path))
    done = subprocess.run(
        [*command, str(tmp_path / "one.ipynb")],
        env={**machines.kernel_of(python, tmp_path / "jupyter"), "PIP_RETRIES": "0"},
        capture_output=True,
        text=True,
    )
    assert "The course was not installed, see above. With a network, run this cell again." in done.stderr


def test_the_kernels_of_the_stand_ins_are_found_by_jupyter(tmp_path):
    variables = machines.kernel_of(Path(sys.executable), tmp_path)
    command = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    listed = json.loads(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)
    assert os.path.samefile(listed["kernelspecs"]["there"]["resource_dir"], tmp_path / "kernels" / "there")
