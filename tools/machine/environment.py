"""Make .venv hold what requirements.txt pins; nothing is done when it already does.

Runs before anything is installed and on any Python 3, so that an old one gets a sentence and not a traceback.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PROGRAMS = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
STAMP = os.path.join(VENV, "installed.txt")
SOURCES = ("requirements.txt", "requirements-d2l.txt", "pyproject.toml")
UV = "uv==0.13.9"
OLDEST, NEWEST = (3, 11), (3, 14)  # the pinned packages have wheels for these; README and pages say the same


def report(text):
    # type: (str) -> None
    """A line that every console can write: a path may hold letters that it has not."""
    encoding = sys.stdout.encoding or "ascii"
    print("environment: " + text.encode(encoding, "replace").decode(encoding), flush=True)


def wanted(torch):
    # type: (str) -> str
    """What the stamp holds when .venv is complete: the pins, the Python and the place of the project."""
    digest = hashlib.sha256()
    for name in SOURCES:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    version = "{}.{}".format(*sys.version_info[:2])
    return "{} python{} torch:{} {}\n".format(digest.hexdigest(), version, torch or "default", ROOT)


def run(*command, **settings):
    # type: (str, str) -> None
    environment = dict(os.environ, **settings)
    status = subprocess.call(command, env=environment, cwd=ROOT)
    if status:
        sys.exit(
            "environment: '{}' failed (exit status {}).\n"
            "Without a network the packages must be in the cache already. What is complete is kept: "
            "run the same command again.".format(" ".join(command), status)
        )


def same_python():
    # type: () -> bool
    """Whether .venv exists and was made by this Python version."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg"), encoding="utf-8", errors="surrogateescape") as file:
            lines = dict(line.strip().split(" = ", 1) for line in file if " = " in line)
    except (IOError, OSError):
        return False
    version = "{}.{}.".format(*sys.version_info[:2])
    return lines.get("version", "").startswith(version) and any(
        os.path.exists(os.path.join(PROGRAMS, name)) for name in ("python", "python.exe")
    )


def absent():
    # type: () -> list[str]
    """The pinned packages that .venv has no record of: somebody deleted them."""
    library = "Lib" if os.name == "nt" else os.path.join("lib", "python{}.{}".format(*sys.version_info[:2]))
    folder = os.path.join(VENV, library, "site-packages")
    records = [name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith(".dist-info")]
    present = {re.sub("[-_.]+", "-", name.split("-")[0]).lower() for name in records}
    with open(os.path.join(ROOT, "requirements.txt"), encoding="utf-8", errors="surrogateescape") as file:
        # what a marker keeps from some machines may be absent
        pinned = re.findall(r"^([\w.-]+)==[^;\n]+$", file.read(), re.MULTILINE)
    return [name for name in pinned if re.sub("[-_.]+", "-", name).lower() not in present]


def create():
    # type: () -> None
    """A fresh .venv; Debian and Ubuntu ship Python without the venv package."""
    if subprocess.call([sys.executable, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        if os.path.exists("/usr/bin/apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
            run("apt-get", "update", "-qq")
            run("apt-get", "install", "-y", "-qq", package, DEBIAN_FRONTEND="noninteractive")
        else:
            sys.exit("environment: this Python has no venv module. Install it: sudo apt-get install " + package)
    run(sys.executable, "-m", "venv", "--clear", VENV)


def from_mirror(mirror):
    # type: (str) -> list[str]
    """What uv needs to take PyTorch alone from a mirror, which is an index or a page with links to the files."""
    pins = []
    for name in ("requirements.txt", "requirements-d2l.txt"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            pins += re.findall(r"^(?:torch|torchvision)==[\w.]+", file.read(), re.MULTILINE)
    return ["--no-deps", "--default-index", mirror, "--find-links", mirror, *pins]


def install(torch):
    # type: (str) -> None
    python = os.path.join(PROGRAMS, "python")
    settings = {"VIRTUAL_ENV": VENV}
    for ours, theirs in (("UV_FIND_LINKS", "PIP_FIND_LINKS"), ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")):
        if theirs in os.environ and ours not in os.environ:  # one configuration serves both installers
            settings[ours] = ",".join(os.environ[theirs].split())
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, UV, PIP_USER="0")  # user = true in pip.conf is not meant for an environment of its own
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    mirror = os.environ.get("TORCH_INDEX")
    if mirror:
        run(*uv, *from_mirror(mirror), **settings)
    backend = ["--torch-backend", torch] if torch and not mirror else []
    run(*uv, *backend, "--requirement", "requirements.txt", **settings)
    run(*uv, "--no-deps", "--requirement", "requirements-d2l.txt", **settings)
    run(*uv, "--no-deps", "--editable", ".", **settings)


def main():
    # type: () -> None
    parser = argparse.ArgumentParser(description="Install the pinned environment into .venv.")
    parser.add_argument("--torch", default="", help="backend of PyTorch's own index, for example cpu")
    torch = parser.parse_args().torch
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            "environment: Python {}.{} is too {}, the course needs {}.{} to {}.{}.\n"
            "If you have one, name it: make book PYTHON=python3.12".format(
                *sys.version_info[:2], "old" if sys.version_info < OLDEST else "new", *OLDEST, *NEWEST
            )
        )
    goal = wanted(torch)
    if os.path.exists(STAMP):
        with open(STAMP, "rb") as file:
            current = file.read() == os.fsencode(goal)
        lost = absent() if current else []
        if current and not lost:
            return
        if lost:
            report("missing from .venv: {}".format(", ".join(lost)))
    if not os.access(ROOT, os.W_OK):
        sys.exit(
            "environment: nothing can be written to {}, which has no complete environment.\n"
            "Copy it to a folder of yours and run the same command there: cp -r '{}' ~/course".format(ROOT, ROOT)
        )
    if os.path.exists(STAMP):
        os.remove(STAMP)
    report("installing the pinned packages into .venv (once, a few minutes; README.md says how much it downloads)")
    if not same_python():
        create()
    install(torch)
    with open(STAMP, "wb") as file:  # last: a half-installed environment has no stamp and is completed next time
        file.write(os.fsencode(goal))
    report("ready")


if __name__ == "__main__":
    main()
