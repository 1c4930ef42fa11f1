"""Make .venv hold what requirements.txt pins; nothing is done when it already does.

Runs before anything is installed and on any Python, so that an old one, even Python 2, gets a sentence and not a
traceback: what is written here must be read by Python 2.7.
"""

from __future__ import print_function

import argparse
import errno
import hashlib
import os
import re
import shlex
import shutil
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
    print("environment: " + text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def wanted(torch):
    # type: (str) -> str
    """What the stamp holds when .venv is complete: the pins, the Python and the place of the project."""
    digest = hashlib.sha256()
    for name in SOURCES:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    version = "{}.{}".format(*sys.version_info[:2])
    return "{} python{} torch:{} {}\n".format(digest.hexdigest(), version, torch or "default", ROOT)


def run(command, hint="", **settings):
    # type: (list[str], str, str) -> None
    """A command in the folder of the course; what to do where it fails, ``hint`` last."""
    environment = dict(os.environ, **settings)
    status = subprocess.call(command, env=environment, cwd=ROOT)
    if not status:
        return
    why = "Without a network the packages must be in the cache already."
    for place in full():
        why = "The disk is full at {}: make room there.".format(place)
    sys.exit(
        "environment: '{}' failed (exit status {}).\n{} What is complete is kept: run the same command again.{}".format(
            " ".join(command), status, why, hint and "\n" + hint
        )
    )


def full():
    # type: () -> list[str]
    """The places that installing writes to where less than 64 MB are left."""
    places = [ROOT, os.environ.get("UV_CACHE_DIR", os.path.expanduser("~/.cache")), "/tmp"]
    return [place for place in places if os.path.isdir(place) and shutil.disk_usage(place).free < 64 << 20]


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
            run(["apt-get", "update", "-qq"])
            run(["apt-get", "install", "-y", "-qq", package], DEBIAN_FRONTEND="noninteractive")
        else:
            sys.exit("environment: this Python has no venv module. Install it: sudo apt-get install " + package)
    run([sys.executable, "-m", "venv", "--clear", VENV])


def from_mirror(mirror):
    # type: (str) -> list[str]
    """What uv needs to take PyTorch alone from a mirror, which is an index or a page with links to the files."""
    pins = []
    for name in ("requirements.txt", "requirements-d2l.txt"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            pins += re.findall(r"^(?:torch|torchvision)==[\w.]+", file.read(), re.MULTILINE)
    return ["--no-deps", "--default-index", mirror, "--find-links", mirror] + pins


# What uv calls the settings of pip, so that one configuration serves both installers.
SAME = {
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


def settings_of_pip(listed):
    # type: (str) -> dict[str, str]
    """The settings for uv from what ``pip config list`` says: its variables before its files."""
    found = {}  # type: dict[str, tuple[int, str]]
    for place, name, value in re.findall(r"^(global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE):
        rank = ("global", "install", ":env:").index(place)
        if name in SAME and SAME[name] not in os.environ and found.get(name, (-1, ""))[0] <= rank:
            value = value.replace("\\n", " ")
            found[name] = rank, value if name in ("index-url", "cert") else ",".join(value.split())
    return dict((SAME[name], value) for name, (_, value) in found.items() if value)


def install(torch):
    # type: (str) -> None
    python = os.path.join(PROGRAMS, "python")
    pip = [python, "-m", "pip"]
    listed = subprocess.Popen(pip + ["config", "list"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    settings = settings_of_pip(listed.communicate()[0].decode("utf-8", "replace"))
    settings["VIRTUAL_ENV"] = VENV
    # user = true in pip.conf is not meant for an environment of its own
    run(pip + ["install", "--quiet", "--disable-pip-version-check", UV], PIP_USER="0")
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    mirror = os.environ.get("TORCH_INDEX")
    if mirror:
        hint = "TORCH_INDEX is {}: it must be an index of PyTorch's packages, or a page with links to them.".format(
            mirror
        )
        run(uv + from_mirror(mirror), hint, **settings)
    backend = ["--torch-backend", torch] if torch and not mirror else []
    hint = (
        "With TORCH={0} PyTorch comes from its own index, download.pytorch.org. Where that is slow or blocked, name "
        "a mirror of it: make book TORCH={0} TORCH_INDEX=ADDRESS".format(torch)
    )
    run(uv + backend + ["--requirement", "requirements.txt"], hint if backend else "", **settings)
    run(uv + ["--no-deps", "--requirement", "requirements-d2l.txt"], hint if backend else "", **settings)
    run(uv + ["--no-deps", "--editable", "."], **settings)


def alone():
    # type: () -> None
    """Until this program ends nobody else installs here: two who wrote into one folder would leave it torn."""
    try:
        import fcntl

        folder = os.open(ROOT, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (IOError, OSError) as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            report("another command works in this folder; waiting until it is done")
            fcntl.flock(folder, fcntl.LOCK_EX)
    except (ImportError, IOError, OSError):  # Windows, or a disk that has no locks
        pass


def main():
    # type: () -> None
    parser = argparse.ArgumentParser(description="Install the pinned environment into .venv.")
    parser.add_argument("--torch", default="", help="backend of PyTorch's own index, for example cpu")
    torch = parser.parse_args().torch
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        here, oldest, newest = ("{}.{}".format(*version[:2]) for version in (sys.version_info, OLDEST, NEWEST))
        sys.exit(
            "environment: Python {} is too {}, the course needs {} to {}.\n"
            "If you have one, name it: make book PYTHON=python3.12".format(
                here, "old" if sys.version_info < OLDEST else "new", oldest, newest
            )
        )
    goal = wanted(torch)
    if complete(goal, quiet=True):
        return
    if not os.access(ROOT, os.W_OK):
        sys.exit(
            "environment: nothing can be written to {}, which has no complete environment.\n"
            "Copy it to a folder of yours and run the same command there: cp -r {} ~/course".format(
                ROOT, shlex.quote(ROOT)
            )
        )
    alone()
    if complete(goal):  # somebody else made it meanwhile
        return
    try:
        make(torch, goal)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit("environment: the disk is full. Make room and run the same command again.")
    report("ready")


def complete(goal, quiet=False):
    # type: (str, bool) -> bool
    """Whether .venv is what is wanted, with no package lost."""
    if not os.path.exists(STAMP):
        return False
    with open(STAMP, "rb") as file:
        current = file.read() == os.fsencode(goal)
    lost = absent() if current else []
    if lost and not quiet:
        report("missing from .venv: {}".format(", ".join(lost)))
    return current and not lost


def make(torch, goal):
    # type: (str, str) -> None
    """Install; the stamp comes last: a half-installed environment has none and is completed next time."""
    if os.path.exists(STAMP):
        os.remove(STAMP)
    report("installing the pinned packages into .venv (once, a few minutes; README.md says how much it downloads)")
    if not same_python():
        create()
    install(torch)
    with open(STAMP, "wb") as file:
        file.write(os.fsencode(goal))


if __name__ == "__main__":
    main()
