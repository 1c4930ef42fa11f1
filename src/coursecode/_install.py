"""How the course is installed where it is missing: the one module of the package that knows its public address.

``make publish-as OWNER/REPO`` writes the address. No sentence and no cell that is made here names a package to an index
by the course's name alone: the name is not registered there, so it could become anybody's.
"""

from __future__ import annotations

import textwrap

from coursecode._words import Text, every, text

__all__ = ["advice", "cell", "requirement"]

REPOSITORY = ""
BRANCH = "main"


def requirement(extra: str = "", *, repository: str | None = None, branch: str | None = None) -> str:
    """What pip takes for the course: from the public address, or else from the folder of the course.

    >>> requirement("grade", repository="https://github.com/a/b", branch="main")
    'coursecode[grade] @ git+https://github.com/a/b@main'
    >>> requirement("grade", repository="")
    '.[grade]'
    """
    address = REPOSITORY if repository is None else repository
    extras = f"[{extra}]" if extra else ""
    return f"coursecode{extras} @ git+{address}@{branch or BRANCH}" if address else f".{extras}"


def advice(extra: str) -> Text:
    """What to do where the packages of an extra are missing."""
    command = f"pip install '{requirement(extra)}'"
    if REPOSITORY:
        return text("Do: {command}", command=command)
    return text(
        "Do in the folder of the course (the one with pyproject.toml): make book, or {command}", command=command
    )


# Where these sentences break, the lines of the cell do.
_NOTHING = text("Where the course is installed this cell does nothing; Colab, Kaggle and others get what they lack.")
_NOT_INSTALLED = text(
    "The course was not installed. It needs the network; on Kaggle turn on Internet in the \n"
    "notebook's settings. Then run this cell again."
)
_NOTHING_HERE = text("Where the course is installed this cell does nothing.")
_NO_ADDRESS = text(
    "The course is not installed here, and this copy of it has no public address. Ask whoever gave you the \n"
    "notebook for the course's folder: `make lab` in it opens all notebooks, `%pip install FOLDER` installs the \n"
    "course into this Python."
)

_FROM_ADDRESS = """\
{nothing}
import importlib
import os
import site
import subprocess
import sys
from importlib.util import find_spec

if not find_spec("coursecode"):
    course = "{requirement}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", course]
    here = {{"PIP_USER": "0"}} if sys.prefix != sys.base_prefix else {{}}
    done = subprocess.run(pip, env=os.environ | here, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
{not_installed}
        )
    if site.ENABLE_USER_SITE:
        site.addsitedir(site.getusersitepackages())
    importlib.invalidate_caches()

from coursecode import colab

_ = colab.complete({options})"""

_FROM_FOLDER = """\
# {nothing_here}
from importlib.util import find_spec

if not find_spec("coursecode"):
    raise RuntimeError(
{no_address}
    )

from coursecode import colab

_ = colab.complete({options})"""


_SPEAK = """

from coursecode.check import speak

speak("{language}")"""


def cell(*, d2l: bool = False, speak: str = "", repository: str | None = None, branch: str | None = None) -> str:
    """The first code cell of every notebook, those of the book and those that a class gets.

    With ``speak``, a language, the checks of its exercises speak that.
    """
    address = REPOSITORY if repository is None else repository
    source = _FROM_ADDRESS if address else _FROM_FOLDER
    wanted = requirement(repository=repository, branch=branch)
    said = [f'"{one}"' for one in every(_NOT_INSTALLED).split("\n")]
    said[-1] = f"f{said[-1][:-1]}" + '\\n{done.stderr.strip()[-600:]}"'  # what pip said comes last
    source = source.format(
        requirement=wanted,
        options="d2l=True" if d2l else "",
        nothing="\n".join(f"# {one}" for one in _NOTHING.values()),
        not_installed=textwrap.indent("\n".join(said), " " * 12),
        nothing_here=" ".join(_NOTHING_HERE.values()),
        no_address=textwrap.indent("\n".join(f'"{one}"' for one in every(_NO_ADDRESS).split("\n")), " " * 8),
    )
    return source + (_SPEAK.format(language=speak) if speak else "")
