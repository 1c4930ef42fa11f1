"""What an author runs: the book's sources read, its rules, and everything that is made of it.

``source`` reads the pages; ``rules`` says what is wrong with one; ``notebooks``, ``site`` (one Sphinx package) and
``paper`` are made of them; ``pictures`` are drawn by code; ``machine`` is what all of that stands on.
"""

import errno
import os
import re
import shutil
from pathlib import Path

from coursecode import _console

ROOT = Path(__file__).resolve().parent.parent

_console.forgive()
if not os.access(os.path.expanduser("~"), os.W_OK):
    # kernels, Jupyter and matplotlib write into the home, and matplotlib says on stderr that it cannot
    _home = ROOT / "_build" / "home"
    if os.access(_home.parent if _home.parent.exists() else _home.parent.parent, os.W_OK):
        _home.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(_home)


def unwritable(who: str, error: OSError) -> str:
    """What to do about a file that cannot be written; any other error of the system is raised again."""
    if isinstance(error, shutil.Error) and isinstance(
        error.args[0], list
    ):  # of copytree, which goes on: what it says is of many files
        _, place, why = error.args[0][0]
        number = re.search(r"\[Errno (\d+)\]", str(why))
        error = OSError(int(number[1]), os.strerror(int(number[1])), place) if number else error
    if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
        raise error
    if error.errno == errno.ENOSPC:
        return f"{who}: the disk is full at {error.filename}. Make room and run the same command again."
    return (
        f"{who}: {error.filename} cannot be written ({error.strerror}). What is built goes into this folder: copy the "
        "repository to a folder of yours and run the same command there."
    )
