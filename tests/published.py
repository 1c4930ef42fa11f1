"""A copy of the course as somebody has published it: the files of a clone, an address, and a site built from them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock
from root import ROOT

REPOSITORY = "https://github.com/ada/course"
SITE = "https://ada.github.io/course/"
NOT_CLONED = (".git", ".venv", "_build", "build", "work", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")


class Published(NamedTuple):
    root: Path
    site: Path
    told: str  # by the command that wrote the address


def clone(target: Path, source: Path = ROOT) -> Path:
    """The files of the course, without anything that was built or installed."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_CLONED), dirs_exist_ok=True)
    return target


def run(root: Path, module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A module of the copy, in this environment: ``make`` there would install another one."""
    path = os.pathsep.join(map(str, (root, root / "src")))
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=root, env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True, text=True,
    )  # fmt: skip


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, continued lines joined."""
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line and not line.startswith("#")]


def image_context(target: Path) -> Path:
    """What ``docker build`` would take into the image from the clone: what the Dockerfile copies and lets through."""
    folder = ROOT / "container"
    allowed = [line[1:] for line in (folder / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    for name, value in instructions((folder / "Dockerfile").read_text(encoding="utf-8")):
        if name != "COPY":
            continue
        *sources, goal = value.split()
        for pattern in sources:
            for source in ROOT.glob(pattern):
                for path in [source, *source.rglob("*")]:
                    inside = path.relative_to(ROOT)
                    lets = any(inside.match(one) or inside.is_relative_to(one) for one in allowed)
                    if path.is_file() and lets and "__pycache__" not in inside.parts:
                        place = target / goal / (path.relative_to(source) if source.is_dir() else path.name)
                        place.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(path, place)
    return target


def published() -> Published:
    """The copy, made by the first process of a test run that asks for it; the others wait for that."""
    place = ROOT / "_build" / "published"
    place.mkdir(parents=True, exist_ok=True)
    root, mark = place / "course", place / "made-for"
    this_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process {os.getpid()}")
    with FileLock(place / "lock"):
        if not mark.exists() or mark.read_text() != this_run:
            for entry in root.glob("*"):  # what Sphinx remembers of an earlier copy is of use
                if entry.name != "_build":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            clone(root)
            told = []
            for module, *arguments in (("tools.site.address", "ada/course"), ("tools.site",)):
                done = run(root, module, *arguments)
                assert done.returncode == 0, f"{module} ended with {done.returncode}: {done.stdout}{done.stderr}"
                told.append(done.stdout)
            (place / "told").write_text(told[0], encoding="utf-8")
            mark.write_text(this_run)
    return Published(root, root / "_build" / "html", (place / "told").read_text(encoding="utf-8"))
