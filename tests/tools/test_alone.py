"""Two commands in one folder wait for each other, and also for what a killed one left running."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from root import ROOT

from tools.machine.alone import alone, held

WAITS = "Another command works in this folder; waiting until it is done.\n"
PROGRAM = """
import subprocess, sys
from pathlib import Path
from tools.machine.alone import alone, held
with alone(Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=held()) if sys.argv[2:] else None
    print(child.pid if child else "mine", flush=True)
    input()
"""
ENDS = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@pytest.mark.parametrize("killed", [False, True])
def test_the_second_waits_for_the_first_and_for_the_children_of_one_that_was_killed(tmp_path, killed):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen([*command, "with a child"], **ENDS) as first:
        child = int(first.stdout.readline())
        if killed:
            first.kill()
            first.wait()
        with subprocess.Popen(command, **ENDS) as second:
            second.stdin.write("\n")  # so that it ends if it does not wait
            second.stdin.flush()
            assert second.stderr.readline() == WAITS
            os.kill(child, signal.SIGKILL)
            if not killed:
                first.communicate("\n")
            assert second.communicate()[0] == "mine\n"


def test_the_lock_is_free_again_after_an_error_and_needs_no_write_access(tmp_path):
    tmp_path.chmod(0o500)
    for _ in range(2):
        with suppress(ZeroDivisionError), alone(tmp_path):
            assert len(held()) == 1
            _ = 1 / 0
        assert held() == ()


@pytest.mark.parametrize("module", ["tools.book", "tools.site", "tools.paper"])
def test_what_makes_the_book_the_site_or_its_papers_waits(tmp_path, module):
    """In place of the lock stands one that ends the command: it is asked for before anything is made."""
    program = f"""
import runpy, sys
from contextlib import contextmanager
from tools.machine import alone
@contextmanager
def stop(root=None):
    raise SystemExit("waits")
    yield
alone.alone = stop
sys.argv = ["it", *{["epub"] if module == "tools.paper" else []!r}]
runpy.run_module({module!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (1, "waits\n")
