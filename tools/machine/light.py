"""What the notebooks alone need, with the versions of ``requirements.txt``: for Binder and for a class's container.

    python -m tools.machine.light    write binder/requirements.txt and container/requirements.txt

The rest of ``requirements.txt`` builds and tests the book; nobody who runs a notebook has to download it.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import ROOT

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
D2L_IMPORTS = ("pandas", "scipy", "requests", "pillow")  # and torchvision, which needs no more
PLATFORM = {"python_version": "3.11", "python_full_version": "3.11.9", "sys_platform": "linux", "extra": "",
            "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix",
            "platform_python_implementation": "CPython", "implementation_name": "cpython"}  # fmt: skip
HEAD = """\
# Made by `python -m tools.machine.light` from requirements.txt, whose versions these are: {what}.
# torch comes from PyTorch's own index, as the build for the CPU; PyPI's would bring CUDA along.
--extra-index-url {index}
"""
FILES = {
    "binder/requirements.txt": ("what the notebooks need; Binder brings Jupyter itself", ()),
    "container/requirements.txt": ("what the notebooks need, and JupyterLab", ("jupyterlab", "ipykernel")),
}


def pins(root: Path = ROOT) -> dict[str, str]:
    """The versions of ``requirements.txt``, by canonical name."""
    found = re.findall(r"^([\w.-]+)==(\S+)", (root / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def closure(names: set[str], pinned: dict[str, str]) -> set[str]:
    """``names`` and all that they need on Linux with Python 3.11, as the installed packages declare it."""
    found: set[str] = set()
    queue = sorted(names)
    while queue:
        name = queue.pop()
        if name in found or name not in pinned:  # a CUDA build of torch asks for more than the pinned CPU build
            continue
        found.add(name)
        for text in requires(name) or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate(PLATFORM):
                queue.append(canonicalize_name(need.name))
    return found


def content(file: str, root: Path = ROOT) -> str:
    """What ``file`` has to hold."""
    what, more = FILES[file]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    pinned = pins(root)
    names = sorted(closure(core | {*D2L_IMPORTS, *more}, pinned))
    lines = [f"{name}=={pinned[name]}" + ("+cpu" if name == "torch" else "") for name in names]
    return HEAD.format(what=what, index=CPU_INDEX) + "\n".join(lines) + "\n"


def main() -> None:
    for file in FILES:
        (ROOT / file).parent.mkdir(exist_ok=True)
        (ROOT / file).write_text(content(file), encoding="utf-8")
        print(f"wrote {file}")


if __name__ == "__main__":
    main()
