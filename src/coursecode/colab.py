"""Shared by all chapters: complete a machine that lacks the course's packages, such as Colab, and change nothing else.

The first code cell of every notebook calls this; where nothing is missing it does nothing.
"""

from __future__ import annotations

import importlib
import os
import site
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

__all__ = ["complete", "missing"]

# The module to look for, and the package that brings it. These accept what a machine has, within their own bounds;
_ORDINARY = {
    "torch": "torch", "numpy": "numpy", "matplotlib": "matplotlib", "pooch": "pooch", "safetensors": "safetensors",
    "tqdm": "tqdm",
}  # fmt: skip
_FOR_D2L = {
    "torchvision": "torchvision", "pandas": "pandas", "scipy": "scipy", "requests": "requests", "PIL": "pillow",
    "IPython": "ipython", "matplotlib_inline": "matplotlib-inline",
}  # fmt: skip
# d2l comes without what it asks for: versions of 2023.
_D2L_ALONE = {"d2l": "d2l==1.0.3"}


def missing(*, d2l: bool = False) -> tuple[list[str], list[str]]:
    """The packages to install: those that may bring others with them, and those that come alone."""
    ordinary = {**_ORDINARY, **(_FOR_D2L if d2l else {})}
    alone = _D2L_ALONE if d2l else {}
    return (
        [package for module, package in ordinary.items() if find_spec(module) is None],
        [package for module, package in alone.items() if find_spec(module) is None],
    )


def complete(*, d2l: bool = False) -> list[str]:
    """Install what the notebooks need and the machine lacks; the packages that were installed.

    Every version that is already there stays: pip gets them all as constraints. With ``d2l`` also what the page
    *The same in d2l* needs. Raises ``RuntimeError`` when pip fails, with what to do.
    """
    ordinary, alone = missing(d2l=d2l)
    if not ordinary and not alone:
        return []
    with tempfile.TemporaryDirectory() as folder:
        present = Path(folder, "present.txt")
        # a direct reference (an editable install, say) is no constraint that pip accepts; none of these is needed here
        names = {dist.name: dist.version for dist in distributions() if not dist.read_text("direct_url.json")}
        present.write_text("".join(f"{name}=={version}\n" for name, version in sorted(names.items())), encoding="utf-8")
        if ordinary:
            _pip("--constraint", str(present), *ordinary)
        if alone:
            _pip("--no-deps", *alone)
    if site.ENABLE_USER_SITE:  # it may have been made just now
        site.addsitedir(site.getusersitepackages())
    importlib.invalidate_caches()
    return ordinary + alone


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    # a virtual environment has no folder of the user's own, whatever pip's settings say
    here = {"PIP_USER": "0"} if sys.prefix != sys.base_prefix else {}
    done = subprocess.run(command, env=os.environ | here, capture_output=True, text=True)
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(
            f"colab.complete: pip could not install {', '.join(a for a in arguments if a[0] not in '-/')}: {told[-1]}\n"
            "With a network, run this cell again; on Kaggle turn on Internet in the notebook's settings. Without one, "
            "install the course on a machine that has one: `make book` in a copy of the repository."
        )
