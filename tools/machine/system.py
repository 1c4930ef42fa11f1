"""What the tests need from the system: installed where that is allowed, named with its one command where it is not.

python tools/machine/system.py               all of it
python tools/machine/system.py bubblewrap    what is named

Every package is Debian's. A test that needs one and does not find it is left out (``tests/left_out.py``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """How a package is recognised, and which tests it is for."""

    present: Callable[[], bool]
    tests: str

    def reason(self, package: str) -> str:
        """Why a test is left out."""
        return f"needs {package}: sudo apt-get install {package}"


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _has_font(family: str) -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", f":lang=zh-cn:family={family}"], capture_output=True).stdout)


NEEDS = {
    "dataset-fashion-mnist": Need(
        lambda: Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz").exists(),
        "the full-size tests on Fashion-MNIST (-m full_size)",
    ),
    "fontconfig": Need(_program("fc-list"), "finding fonts"),
    "fonts-noto-cjk": Need(
        lambda: _has_font("Noto Serif CJK SC"), "the Chinese PDF in its own letters (tests/tools/test_paper.py)"
    ),
    "chromium": Need(
        lambda: Path("/usr/bin/chromium").exists(),
        "the tests in a reader's browser (test_live.py, test_paper.py, tests/journeys/test_phone_reader.py)",
    ),
    "chromium-headless-shell": Need(
        lambda: Path("/usr/bin/chromium-headless-shell").exists(),
        "the tests in the same browser without a window, faster (test_pages.py, test_figures.py, tests/journeys)",
    ),
    "bubblewrap": Need(
        _program("bwrap"), "the sandbox of the grader (tests/coursegrade), and notebooks without a network (make nbval)"
    ),
    "git": Need(_program("git"), "the first cell of a notebook in Colab (tests/coursecode/test_colab.py)"),
    "npm": Need(_program("npm"), "live code with the published Thebe (tests/tools/test_live.py)"),
}


def missing(wanted: Sequence[str] = ()) -> list[str]:
    """Those of the packages (all, if none is named) that are not here."""
    return [package for package in wanted or NEEDS if not NEEDS[package].present()]


def install(packages: list[str]) -> None:
    """Install Debian's packages, as root."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lean = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], lean):
        if subprocess.call(command, env=environment):
            return


def main(wanted: Sequence[str] = ()) -> None:
    """Have the packages installed, or say how."""
    if unknown := [package for package in wanted if package not in NEEDS]:
        sys.exit(f"No test needs {', '.join(unknown)}; they need {', '.join(NEEDS)}.")
    absent = missing(wanted)
    if absent and shutil.which("apt-get") and os.geteuid() == 0:
        install(absent)
        absent = missing(wanted)
    if not absent:
        return
    print("Left out, because the system lacks a package:")
    for package in absent:
        print(f"  {package}: {NEEDS[package].tests}")
    print(f"To run them too: sudo apt-get install {' '.join(absent)}")
    if os.environ.get("CI") == "true":
        sys.exit("CI=true: nothing may be left out.")


if __name__ == "__main__":
    main(sys.argv[1:])
