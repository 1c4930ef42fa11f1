"""Command line tools that build and check the book."""

import errno
import os
from pathlib import Path

from coursecode import _console

_console.forgive()
if not os.access(os.path.expanduser("~"), os.W_OK):
    # kernels, Jupyter and matplotlib write into the home, and matplotlib says on stderr that it cannot
    _home = Path(__file__).resolve().parent.parent / "_build" / "home"
    if os.access(_home.parent if _home.parent.exists() else _home.parent.parent, os.W_OK):
        _home.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(_home)


def unwritable(who: str, error: OSError) -> str:
    """What to do about a file that cannot be written; any other error of the system is raised again."""
    if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
        raise error
    if error.errno == errno.ENOSPC:
        return f"{who}: the disk is full at {error.filename}. Make room and run the same command again."
    return (
        f"{who}: {error.filename} cannot be written ({error.strerror}). What is built goes into this folder: copy the "
        "repository to a folder of yours and run the same command there."
    )
