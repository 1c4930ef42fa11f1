"""One command at a time makes the book in a checkout: two that write the same files would leave them torn."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import ROOT

_held: list[int] = []


@contextmanager
def alone(root: Path = ROOT) -> Iterator[None]:
    """Within it no other command makes the book, the site or its papers in ``root``; the second says so and waits.

    The installer of the environment (``environment.py``) waits at the same lock. Where there are no locks, nobody does.
    """
    try:
        lock = _locked(root)
    except (ImportError, OSError):  # Windows, or a disk that has no locks
        yield
        return
    _held.append(lock)
    try:
        yield
    finally:
        _held.remove(lock)
        os.close(lock)


def _locked(root: Path) -> int:
    import fcntl

    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            os.close(folder)
            raise
        print("Another command works in this folder; waiting until it is done.", file=sys.stderr, flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
    return folder


def held() -> tuple[int, ...]:
    """A writing child keeps this open (``pass_fds``): the lock of a command that was killed ends with its children."""
    return tuple(_held)
