"""Work on what strangers wrote, in a child with limits: what breaks there is a named reason and touches nobody else.

Whatever parses a student's file (a zip, a notebook, Python source, Markdown) is called through ``supervised``. The
child is a fork, so that it starts in milliseconds and knows all that its caller knows; what it uses up ends with it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from coursegrade.contract import Text, text
from coursegrade.files import NO_ROOM, Problem

T = TypeVar("T")
Cause = Literal["memory", "time", "crash", "size"]


@dataclass(frozen=True)
class Caps:
    """What one piece of work may use: bytes of memory beyond its caller's, seconds, bytes of its answer."""

    memory: int = 640 << 20
    seconds: float = 60.0
    answer: int = 64 << 20


@dataclass(frozen=True)
class Broken:
    """The work did not end as it should: what it ran into, in a word and as a sentence, and the memory it had used."""

    cause: Cause
    reason: Text
    peak: int = 0  # bytes of resident memory at most, what it shares with its caller included


def _broken(cause: Cause, caps: Caps, peak: int = 0) -> Broken:
    memory, seconds = caps.memory >> 20, f"{caps.seconds:g}"
    reasons = {
        "memory": text(
            "reading it takes more than {memory} MB of memory; clear the outputs (Kernel, Restart "
            "and Clear Outputs), look for a line or a list without end, and hand in again",
            memory=memory,
        ),
        "time": text(
            "reading it takes longer than {seconds} seconds; clear the outputs and hand in the notebook by itself",
            seconds=seconds,
        ),
        "crash": text("reading it made the reader crash; look for code that is nested very deeply, and hand in again"),
        "size": text(
            "what is to be kept of it is longer than {answer} MB; shorten it and hand in again",
            answer=caps.answer >> 20,
        ),
    }
    return Broken(cause, reasons[cause], peak)


def supervised(function: Callable[..., T], *args: Any, caps: Caps = Caps(), **kwargs: Any) -> T | Broken:
    """``function(*args, **kwargs)`` in a child process; its result, or what it broke.

    Exceptions come through as they are (they are the function's own answer), but for ``MemoryError``, which is the
    limit. The function gets a copy of everything: what it changes in memory is not seen here, what it writes is. It may
    not use threads or a database connection that were opened before.

    Raises ``Problem`` on a system without ``fork`` and ``OSError`` where no process can be started.
    """
    if not hasattr(os, "fork"):
        raise Problem("Taking in and grading submissions needs Linux (on Windows: WSL), where they can be contained.")
    incoming, outgoing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads beside a fork; the child runs only this function and leaves without cleaning up.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(incoming)
        _child(outgoing, caps, lambda: function(*args, **kwargs))
    os.close(outgoing)
    try:
        answer, timed_out = _listen(incoming, caps)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(incoming)
    if answer is None:
        os.kill(child, signal.SIGKILL)  # not yet waited for: the number is still its own
    _, status, usage = os.wait4(child, 0)
    peak = usage.ru_maxrss << 10
    if answer is None:
        return _broken("time" if timed_out else "size", caps, peak)
    if not answer:
        spent = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        return _broken("time" if spent else "crash", caps, peak)
    kind, value = pickle.loads(answer)  # written by this very program, not by what it read
    if kind == "broken":
        return _broken(value, caps, peak)
    if kind == "raised":
        raise value
    result: T = value
    return result


def contained(function: Callable[..., T], *args: Any, caps: Caps = Caps(), **kwargs: Any) -> T | Broken:
    """``supervised`` for one student of a class: whatever is raised is broken as well, and stops nobody else.

    Raises ``Problem``, and ``OSError`` where the disk is full or forbidden: those are no student's.
    """
    try:
        return supervised(function, *args, caps=caps, **kwargs)
    except Problem:
        raise
    except Exception as error:  # a fault of ours, or of a library, that one student's files meet
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        return Broken("crash", text("the reader failed ({what}); please report this", what=type(error).__name__))


def _listen(incoming: int, caps: Caps) -> tuple[bytes | None, bool]:
    """What the child says until it closes its end; None where it says too much or (True) takes too long."""
    end = time.monotonic() + caps.seconds
    parts: list[bytes] = []
    size = 0
    while True:
        if not select.select([incoming], [], [], max(0.0, end - time.monotonic()))[0]:
            return None, True
        part = os.read(incoming, 1 << 20)
        if not part:
            return b"".join(parts), False
        parts.append(part)
        size += len(part)
        if size > caps.answer:
            return None, False


def _child(outgoing: int, caps: Caps, work: Callable[[], Any]) -> None:
    """Run the work under its limits and write what came of it; never returns."""
    status = 1
    try:
        _limit(caps)
        try:
            said: tuple[str, Any] = ("done", work())
            answer = pickle.dumps(said, pickle.HIGHEST_PROTOCOL)
        except MemoryError:
            answer = pickle.dumps(("broken", "memory"))
        except Exception as error:
            answer = _portable(error)
        with open(outgoing, "wb", closefd=False) as out:
            out.write(answer)
        status = 0
    finally:
        # Nothing of the caller's is flushed, closed or deleted here: it is all still in use there.
        os._exit(status)


def _portable(error: Exception) -> bytes:
    """The exception for the other process, or one of the same words where it cannot travel."""
    with contextlib.suppress(Exception):
        data = pickle.dumps(("raised", error))
        if type(pickle.loads(data)[1]) is type(error):
            return data
    return pickle.dumps(("raised", RuntimeError(f"{type(error).__name__}: {error}"[:500])))


def _limit(caps: Caps) -> None:
    import faulthandler
    import resource
    import sys

    faulthandler.disable()  # a crash is told by the caller, in a sentence
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears it and ends the child
    signal.set_wakeup_fd(-1)
    seconds = int(caps.seconds) + 1
    limits = [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)]
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        limits.append((resource.RLIMIT_AS, now + caps.memory))
        _die_with(os.getppid())
    for which, value in limits:
        _, most = resource.getrlimit(which)
        resource.setrlimit(which, (value if most == resource.RLIM_INFINITY else min(value, most), most))


def _die_with(parent: int) -> None:
    """Linux ends this process when the one that started it is gone, so that no work is left behind."""
    import ctypes

    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
