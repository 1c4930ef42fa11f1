"""Stand-ins for the machines on which readers run the notebooks: a fresh environment, no network, little memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from importlib.metadata import distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from root import ROOT

from tools.machine import light, offline
from tools.machine.system import NEEDS

RUNNER = """
import sys, nbformat
from nbclient import NotebookClient
name, folder, *paths = sys.argv[1:]
for path in paths:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name=name, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", output.text
    print("ran", path)
"""


def notebooks(language: str = "en") -> list[Path]:
    return sorted((ROOT / ("book" if language == "en" else f"{language}/book")).glob("*.ipynb"))


def without_network(*command: str) -> list[str]:
    """The command in a network of its own that has the loopback only; the test is left out where that cannot be."""
    wrapped = offline.without_network(*command)
    if wrapped is None:
        pytest.skip(NEEDS["bubblewrap"].reason("bubblewrap"))
    return wrapped


def kernel_of(python: Path, folder: Path) -> dict[str, str]:
    """Environment variables with which Jupyter knows ``python`` as the kernel ``there``."""
    place = folder / "kernels" / "there"
    place.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "there", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))
    return {**os.environ, "JUPYTER_PATH": str(folder), "OMP_NUM_THREADS": "1", "IPYTHONDIR": str(folder / "ipython")}


def run_notebooks(
    paths: Iterable[Path], folder: Path, *, python: Path | None = None, wrap: Callable[..., list[str]] | None = None,
    memory: int | None = None, environment: dict[str, str] | None = None,
) -> None:  # fmt: skip
    """Run the notebooks in fresh kernels of ``python``, with ``folder`` as working directory."""
    variables = kernel_of(python or Path(sys.executable), folder / "jupyter")
    command = [sys.executable, "-c", RUNNER, "there", str(folder), *map(str, paths)]
    done = subprocess.run(
        wrap(*command) if wrap else command,
        env={**variables, **(environment or {})},
        preexec_fn=offline.capped(memory) if memory else None,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]


def fresh(folder: Path) -> Path:
    """A new virtual environment with pip and nothing else; its Python.

    By virtualenv, which pre-commit brings: it keeps an unpacked pip, where venv unpacks and installs one every time.
    """
    kept = ROOT / "_build" / "virtualenv"
    command = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", "--no-periodic-update"]
    subprocess.run([*command, "--no-setuptools", "--app-data", str(kept), str(folder)], check=True)
    return folder / "bin" / "python"


def _packages(python: Path) -> Path:
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def copy_packages(names: Iterable[str], python: Path) -> None:
    """Copy installed packages, with what was compiled of them, by hard links where the file system allows."""
    target = _packages(python)
    for name in names:
        dist = distribution(name)
        for file in dist.files or []:
            origin, goal = Path(str(file.locate())), target / file
            if ".." in file.parts or not origin.is_file():
                continue
            _link(origin, goal)
            if file.suffix == ".py" and (compiled := Path(cache_from_source(str(origin)))).exists():
                _link(compiled, Path(cache_from_source(str(goal))))
        for command in dist.entry_points.select(group="console_scripts"):
            script = python.with_name(command.name)
            called = f"from {command.module} import {command.attr}\nsys.exit({command.attr}())\n"
            script.write_text(f"#!{python}\nimport sys\n{called}")
            script.chmod(0o755)


def _link(origin: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(origin, goal)
    except OSError:
        if not goal.exists():
            shutil.copy2(origin, goal)


def copy_pinned(python: Path, *lists: Path, also: Iterable[str] = ()) -> set[str]:
    """Copy what the lists pin where it is installed here in just that version, and what ``also`` names; what that was.

    pip then finds that it is there and that all fits together, and fetches the rest.
    """
    pins = dict(line.split("==") for path in lists for line in path.read_text().splitlines() if "==" in line[1:])
    here = {canonicalize_name(dist.name): dist.version for dist in distributions()}
    names = {*(name for name, pinned in pins.items() if here.get(name) == pinned), *also}
    copy_packages(names, python)
    return names


def wheels(names: Iterable[str], folder: Path) -> Path:
    """Installed packages, packed again: with ``PIP_FIND_LINKS`` pip installs them where it reaches no index."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        dist = distribution(name)
        stem = f"{re.sub(r'[-_.]+', '_', dist.name)}-{dist.version}"
        own = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        files = [f for f in dist.files or [] if ".." not in f.parts and f.suffix != ".pyc" and f.name not in own]
        info = next(f.parts[0] for f in files if f.parts[0].endswith(".dist-info"))
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for file in files:
                wheel.write(str(file.locate()), str(file))
            wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return folder


def versions(python: Path) -> dict[str, str]:
    """What is installed, as pip lists it."""
    command = [str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {entry["name"].lower(): entry["version"] for entry in listed}


def needs_index(folder: Path) -> None:
    """Leave the test out where pip reaches no package index."""
    small = f"pooch=={light.pins()['pooch']}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), small]
    if subprocess.call(command, stderr=subprocess.DEVNULL) and os.environ.get("CI") != "true":
        pytest.skip("needs a package index that pip can reach")
