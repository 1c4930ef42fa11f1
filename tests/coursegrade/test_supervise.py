"""Work on strangers' files in a child: it gives its result or says what it broke, and the host stays as it was."""

import ast
import os
import resource
import signal
import threading
import time

import psutil
import pytest

from coursegrade.cage.supervise import Broken, Caps, supervised
from coursegrade.contract import LANGUAGES
from coursegrade.files import Problem

SMALL = Caps(memory=128 << 20, seconds=5.0, answer=1 << 20)


def resident() -> int:
    """Bytes of resident memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def test_the_result_comes_back_whatever_it_is():
    assert supervised(lambda a, *, b: {"sum": a + b, "bytes": b"\0"}, 1, b=2) == {"sum": 3, "bytes": b"\0"}
    assert supervised(lambda: None) is None
    assert supervised(lambda: os.getpid()) != os.getpid()


def test_its_own_exceptions_come_through():
    def wrong() -> None:
        raise Problem("no")

    class Odd(Exception):
        pass

    def cannot_travel() -> None:
        raise Odd("only here")

    with pytest.raises(Problem, match="no"):
        supervised(wrong)
    with pytest.raises(RuntimeError, match="Odd: only here"):
        supervised(cannot_travel)


HUNGRY = {
    "a list without end": lambda: [0] * (1 << 30),
    "a string doubled": lambda: "x" * (1 << 30),
    "import a.a.a": lambda: ast.parse("import " + ".".join("a" * 60_000)),
}


@pytest.mark.parametrize("name", HUNGRY)
def test_too_much_memory_is_the_childs_trouble(name):
    before = resident()
    broken = supervised(HUNGRY[name], caps=SMALL)
    assert isinstance(broken, Broken)
    assert broken.cause == "memory"
    assert "128 MB" in broken.reason["en"]
    assert "128 MB" in broken.reason["zh"]
    assert broken.peak < before + (256 << 20)
    assert resident() < before + (32 << 20)


def test_work_without_end_is_ended():
    def hang() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)

    broken = supervised(hang, caps=Caps(seconds=0.2))
    assert isinstance(broken, Broken)
    assert broken.cause == "time"


def test_an_answer_without_end_is_not_kept():
    before = resident()
    broken = supervised(lambda: b"x" * (16 << 20), caps=SMALL)
    assert isinstance(broken, Broken)
    assert broken.cause == "size"
    assert resident() < before + (32 << 20)


@pytest.mark.parametrize("how", [lambda: os.kill(os.getpid(), signal.SIGSEGV), lambda: os._exit(3)])
def test_a_crash_is_a_reason_in_both_languages(how):
    broken = supervised(how)
    assert isinstance(broken, Broken)
    assert broken.cause == "crash"
    assert all(broken.reason[language] for language in LANGUAGES)


def test_no_child_and_no_file_is_left():
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children()}

    before, others = open_files(), children()
    for caps in (SMALL, Caps(seconds=0.05)):
        supervised(time.sleep, 0.1, caps=caps)
    supervised(HUNGRY["a list without end"], caps=SMALL)
    assert open_files() == before
    assert children() <= others


def test_it_works_beside_threads():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert [supervised(lambda n=n: n * n) for n in range(20)] == [n * n for n in range(20)]
    finally:
        stop.set()
        thread.join()


def test_nothing_of_the_callers_is_flushed_or_run_twice(tmp_path):
    path = tmp_path / "log"
    with path.open("w") as file:
        file.write("once\n")  # in the buffer when the child is forked
        supervised(lambda: None)
    assert path.read_text() == "once\n"
