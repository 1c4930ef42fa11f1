"""How the course is installed where it is missing: the one module of the package that knows its public address.

``make publish-as OWNER/REPO`` writes the address. No sentence and no cell that is made here names a package to an index
by the course's name alone: the name is not registered there, so it could become anybody's.
"""

from __future__ import annotations

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


def advice(extra: str) -> tuple[str, str]:
    """What to do where the packages of an extra are missing, in English and in Chinese."""
    command = f"pip install '{requirement(extra)}'"
    if REPOSITORY:
        return f"Do: {command}", f"请运行：{command}"
    return (
        f"Do in the folder of the course (the one with pyproject.toml): make book, or {command}",
        f"请在课程的文件夹（含 pyproject.toml 的那个）中运行：make book，或 {command}",
    )


_FROM_ADDRESS = """\
# Where the course is installed this cell does nothing; Colab, Kaggle and others get what they lack.
# 已经装好课程的机器上，这个单元格什么也不做；Colab、Kaggle 等缺什么就装什么。
import importlib
import subprocess
import sys
from importlib.util import find_spec

if not find_spec("coursecode"):
    course = "{requirement}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", course]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            "The course was not installed. It needs the network; on Kaggle turn on Internet in the "
            "notebook's settings. Then run this cell again. / 课程没有装上。安装需要联网；在 Kaggle 上，"
            f"请先在笔记本设置中打开 Internet，再运行这个单元格。\\n{{done.stderr.strip()[-600:]}}"
        )
    importlib.invalidate_caches()

from coursecode import colab

_ = colab.complete({options})"""

_FROM_FOLDER = """\
# Where the course is installed this cell does nothing. 已经装好课程的机器上，这个单元格什么也不做。
from importlib.util import find_spec

if not find_spec("coursecode"):
    raise RuntimeError(
        "The course is not installed here, and this copy of it has no public address. Ask whoever gave you the "
        "notebook for the course's folder: `make lab` in it opens all notebooks, `%pip install FOLDER` installs the "
        "course into this Python. / 这里没有安装课程，而这份课程没有公开地址。请向给你笔记本的人要课程的文件夹："
        "在其中运行 `make lab` 可以打开所有笔记本，`%pip install FOLDER` 可以把课程装进这个 Python。"
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
    source = source.format(requirement=wanted, options="d2l=True" if d2l else "")
    return source + (_SPEAK.format(language=speak) if speak else "")
