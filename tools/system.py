"""What the tests need from the system: installed where that is allowed, named with its one command where it is not."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "dataset-fashion-mnist": (
        lambda: Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz").exists(),
        "the full-size tests on Fashion-MNIST (-m full_size)",
    ),
    "fonts-noto-cjk": (
        lambda: (
            bool(shutil.which("fc-list"))
            and bool(subprocess.run(["fc-list", ":lang=zh-cn:family=Noto Serif CJK SC"], capture_output=True).stdout)
        ),
        "the Chinese PDF in its own letters (tests/test_paper.py)",
    ),
    "chromium": (lambda: Path("/usr/bin/chromium").exists(), "the tests in a real browser (tests/test_pages.py)"),
}


def main() -> None:
    missing = [package for package, (present, _) in NEEDS.items() if not present()]
    if not missing:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *missing]):
            if subprocess.call(command, env=environment):
                break
        missing = [package for package, (present, _) in NEEDS.items() if not present()]
    if missing:
        print(f"Left out, because the system lacks a package: {'; '.join(NEEDS[m][1] for m in missing)}.")
        print(f"To run them too: sudo apt-get install {' '.join(missing)}")
        if os.environ.get("CI") == "true":
            sys.exit("CI=true: nothing may be left out.")


if __name__ == "__main__":
    main()
