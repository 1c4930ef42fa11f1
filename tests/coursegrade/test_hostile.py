"""No submission changes a score, reads a test, reaches a socket, touches another's file or outlives grading."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import ATTACKS, CHANNELS, CLOCK, GATES, HEAVY, LEAVE, LOOK, OUTPUTS, SPIES, Attack, leaking
from left_out import needs
from root import ROOT
from test_door import CONTROL, alive

from benchmarks import standin
from coursegrade.cage.sandbox import Fault, Sandbox
from coursegrade.cage.unit import _builtin, grade, to_hide
from coursegrade.contract import Bundle, Cell, Limits, Question, Result, Test, same
from coursegrade.course import Course
from coursegrade.handback.feedback import gradescope_results, page
from coursegrade.intake.roster import Student
from coursegrade.masters.release import assignment
from coursegrade.masters.release import bundle as released_bundle
from coursegrade.records.gradebook import State

pytestmark = [pytest.mark.slow, needs("bubblewrap")]
LIMITS = Limits(call_seconds=6.0, question_seconds=20.0, own_seconds=20.0, memory=1 << 30)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def listeners() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0coursecode-{os.getpid()}")
        abstract.listen()
        for one in (tcp, abstract):
            one.settimeout(0.01)
        yield tcp, abstract


def run(sandbox: Sandbox, data: bytes, limits: Limits = LIMITS) -> Result:
    return grade(standin.bundle(), data, seed=standin.SEED, limits=limits, student="mallory", sandbox=sandbox)


def processes(parent: int) -> list[int]:
    """All processes below ``parent``."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                above = int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(above, []).append(int(entry))
    found, todo = list[int](), [parent]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def test_an_honest_submission_gets_all_points(sandbox: Sandbox) -> None:
    result = run(sandbox, standin.notebook(standin.SOLUTIONS))
    assert [q.earned for q in result.questions] == [2.0, 4.0, 2.0, None]
    assert result.flags == ()


def test_the_stub_gets_none(sandbox: Sandbox) -> None:
    assert run(sandbox, standin.notebook()).score == 0


def test_warnings_cost_nothing(sandbox: Sandbox) -> None:
    noisy = "import warnings, sys\nwarnings.warn('careful')\nprint('oops', file=sys.stderr)\n"
    answers = {name: noisy + source for name, source in standin.SOLUTIONS.items()}
    assert run(sandbox, standin.notebook(answers)).score == 8


def test_magics_are_left_out(sandbox: Sandbox) -> None:
    answers = {**standin.SOLUTIONS, "net": "%matplotlib inline\n!rm -rf /\n" + standin.SOLUTIONS["net"] + "net"}
    result = run(sandbox, standin.notebook(answers))
    assert result.score == 8
    assert "left out: !rm -rf /" in result.outputs["net"]
    assert "Sequential" in result.outputs["net"]


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack(
    attack: Attack, sandbox: Sandbox, listeners: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    tcp, _ = listeners
    cell = attack.cell.replace("@PORT@", str(tcp.getsockname()[1])).replace("@TMP@", str(tmp_path))
    cell = cell.replace("@ABSTRACT@", f"coursecode-{os.getpid()}")
    before, begin = sandbox.pid, time.monotonic()
    limits = replace(LIMITS, call_seconds=2.0) if attack.endless else LIMITS
    result = run(sandbox, standin.notebook({**standin.SOLUTIONS, "size": cell}), limits)

    size, *others = result.questions
    heart = attack.name == "the example by heart"
    assert size.earned == (1.0 if heart else 0.0)
    earned = sum(question.earned or 0.0 for question in others)
    assert earned <= 6.0 if attack.others is None else earned == attack.others
    if attack.flag is not None:
        assert attack.flag in result.flags

    said = json.dumps(result.to_json(), ensure_ascii=False)
    assert "REACHED" not in said
    assert standin.SECRET not in said
    hidden = [tick.note["en"] for q in result.questions for t in q.tests if t.hidden for tick in t.ticks]
    assert not any("SAW" in note for note in hidden)
    assert not any("SAW" in said for said in result.outputs.values())
    assert all(len(text) <= LIMITS.output for text in result.outputs.values())
    assert "from a classmate" not in said
    for listener in listeners:
        with pytest.raises(TimeoutError):
            listener.accept()
    assert list(tmp_path.iterdir()) == []

    assert time.monotonic() - begin <= LIMITS.bound(3)
    assert sandbox.pid == before  # the zygote is the same, and nothing but it is left
    if sandbox.mode == "zygote":
        assert sandbox.pid is not None
        for _ in range(100):  # a process that has ended is counted until the kernel has cleared it away
            if len(left := processes(sandbox.pid)) == 2:
                break
            time.sleep(0.05)
        assert len(left) == 2  # bubblewrap's own and the zygote


def test_the_next_submission_finds_nothing_of_the_one_before(sandbox: Sandbox) -> None:
    look = "import os\nprint(os.listdir('/scratch'), os.listdir('/dev/shm'), torch.allclose.__module__)\n"
    leave = "open('/scratch/left', 'w').write('x')\nopen('/dev/shm/left', 'w').write('x')\ntorch.allclose = print\n"
    run(sandbox, standin.notebook(standin.SOLUTIONS, extra=leave))
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | {"size": look + standin.SOLUTIONS["size"]}))
    assert result.outputs["size"].stored().startswith("[] []")
    assert result.score == 8


def looking_here() -> str:
    """The cell that looks, with what this process has itself."""
    return LOOK.replace("@CPUS@", str(len(os.sched_getaffinity(0)))).replace("@NICE@", str(os.nice(0)))


def test_nothing_of_what_twenty_six_tries_left_is_found_by_the_next(sandbox: Sandbox) -> None:
    look = looking_here()
    run(sandbox, standin.notebook(standin.SOLUTIONS, extra=LEAVE))
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | {"size": look + standin.SOLUTIONS["size"]}))
    assert result.outputs["size"].stored() == "looked\n"
    assert result.score == 8


def test_nothing_of_what_one_holds_is_found_by_another_at_the_same_time(sandbox: Sandbox) -> None:
    with sandbox.session(LIMITS) as holding, sandbox.session(LIMITS) as looking:
        for session in (holding, looking):
            session.cell("setup", standin.SETUP)
        holding.cell("leave", LEAVE)
        assert looking.cell("look", looking_here()) == ("looked\n", False)
        assert holding.get("held") is not None


def test_whatever_answers_print_is_short_and_harmless_where_it_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    run(sandbox, standin.notebook(standin.SOLUTIONS))
    before = peak_memory()
    cells = {}
    for n, name in enumerate(standin.SOLUTIONS):
        cells[name] = standin.SOLUTIONS[name] + "import sys\n" + "\n".join(OUTPUTS[n::3])
    result = run(sandbox, standin.notebook(cells))
    assert [q.earned for q in result.questions] == [2.0, 4.0, 2.0, None]
    assert all(len(said) <= LIMITS.output for said in result.outputs.values())
    told = page_of(result, Course(tmp_path))
    assert len(told) < 300_000
    assert alive(told) == []
    assert not CONTROL & set(told.replace("\t", ""))
    for said in result.outputs.values():
        assert not CONTROL & set(
            said.line() + said.csv() + said.filename() + said.markdown() + said.plain().replace("\t", "")
        )
    assert peak_memory() - before < 100 << 20


@pytest.mark.parametrize(
    ("line", "there"),
    [("step = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)", True), ("step = None", False)],
)
def test_torchs_compiler_is_imported_for_who_trains_and_before_the_student_pays(
    line: str, there: bool, sandbox: Sandbox
) -> None:
    look = f"import sys\nprint('torch._dynamo' in sys.modules)\n{line}\n"
    sandbox.close()  # what an earlier submission needed stays imported
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | {"size": look + standin.SOLUTIONS["size"]}))
    assert result.outputs["size"].stored().startswith(str(there))
    assert result.score == 8


def test_when_the_zygote_is_killed_another_takes_its_place(sandbox: Sandbox) -> None:
    assert sandbox.pid is not None
    os.kill(sandbox.pid, 9)
    time.sleep(0.5)
    assert run(sandbox, standin.notebook(standin.SOLUTIONS)).score == 8


@pytest.mark.parametrize("spy", SPIES)
def test_what_a_hidden_test_puts_in_is_in_nothing_that_a_student_gets(spy: str, sandbox: Sandbox) -> None:
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | SPIES[spy]))
    said = json.dumps(result.to_json(), ensure_ascii=False)
    assert "SPIED" not in said
    hidden = {
        tick.note["en"] for q in result.questions for t in q.tests if t.hidden for tick in t.ticks if not tick.passed
    }
    assert len(hidden) == 1  # one sentence, whatever happened
    for test in (test for q in result.questions for test in q.tests if not test.hidden):
        assert test.earned == test.points


@pytest.mark.parametrize("way", GATES)
def test_no_way_leads_round_the_gate(way: str, sandbox: Sandbox) -> None:
    result = run(sandbox, standin.notebook(standin.SOLUTIONS | {"corr": GATES[way]}))
    visible, hidden = result.questions[1].tests
    assert (visible.earned, hidden.earned) == (1.0, 0.0), way


THREE = [tuple(CHANNELS)[n : n + 3] for n in range(0, len(CHANNELS), 3)]


def page_of(result: Result, course: Course) -> str:
    """All that the student is told."""
    earned = {q.id: q.earned for q in result.questions}
    state = State(
        Student("mallory", "mallory"), "partial", result.reason, result.score, result.score, 0.0, result.max_score,
        earned, result, {}, {},
    )  # fmt: skip
    told = gradescope_results(state, standin.bundle(), "en")
    return page(course, standin.bundle(), state, language="both") + json.dumps(told)


@pytest.mark.parametrize("channels", THREE, ids=", ".join)
def test_what_a_student_is_told_is_the_same_whatever_a_hidden_test_put_in(
    channels: tuple[str, ...], sandbox: Sandbox, tmp_path: Path
) -> None:
    told = []
    for seed in ("one class", "another"):
        data = standin.notebook(leaking(*channels))
        result = grade(standin.bundle(), data, seed=seed, limits=LIMITS, student="mallory", sandbox=sandbox)
        tests = [test for q in result.questions for test in q.tests]
        assert [test.earned for test in tests] == [0.0 if test.hidden else test.points for test in tests]
        told.append(page_of(result, Course(tmp_path)))
    assert told[0] == told[1]


def test_no_cell_tells_by_the_clock_what_a_hidden_test_put_in(sandbox: Sandbox, tmp_path: Path) -> None:
    limits = Limits(call_seconds=90.0, question_seconds=100.0)
    for wait in (3, 12, 40):  # until then the visible tests must be through, on a busy machine too
        at = str(time.time() + wait)
        answers = {name: cell.replace("@AT@", at) for name, cell in CLOCK.items()}
        data = standin.notebook(standin.SOLUTIONS | answers)
        result = grade(standin.bundle(), data, seed=standin.SEED, limits=limits, student="mallory", sandbox=sandbox)
        visible, hidden = result.questions[1].tests
        if visible.earned:
            break
    assert (visible.earned, hidden.earned) == (1.0, 0.0)
    assert "SPIED" not in page_of(result, Course(tmp_path))
    assert result.flags == ("hidden:kernel-died",)


def drawing(hidden: str, *, setup: str = "") -> Bundle:
    """One question whose hidden test loads images."""
    source = (
        f"{hidden}\nshown = load('digits')\nfor n in range(20):\n"
        "    check('held out', lambda: close(student.read(shown.test_x[n, 0]), int(shown.test_y[n])))"
    )
    test = Test("read-hidden", 1.0, True, source)
    question = Question("read", same("read"), "code", 1.0, ("read",), (test,))
    cells = [Cell("setup", "code", "setup", None, f"import torch\n{setup}")]
    return Bundle.make(
        assignment="read", questions=[question], cells=[*cells, Cell("read", "code", "answer", "read", "")]
    )


@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration"])
def test_no_exception_of_an_answer_ends_the_loop_of_a_test(name: str) -> None:
    """``all(map(...))`` would take the end of its loop for the end of its questions, and find that all passed."""
    raised = _builtin(Fault([name, "Exception", "BaseException", "object"], "5", {}))

    def ask(_: int) -> bool:
        raise raised

    with pytest.raises(Exception, match="5"):
        all(map(ask, range(3)))


def test_the_labels_that_a_hidden_test_asks_for_are_not_within_reach() -> None:
    bundle = drawing("from coursecode.data import load")
    cell = (
        "import glob, os\n"
        "print([f for place in coursecode.__path__ for f in glob.glob(place + '/digits/*')])\n"
        "print(os.listdir('/usr/share/datasets') if os.path.isdir('/usr/share/datasets') else [])\n"
        "def read(image):\n    held = coursecode.data.load('digits', download=False)\n"
        "    same = (held.test_x[:, 0] == image).flatten(1).all(1)\n    return int(held.test_y[same][0])\n"
    )
    cells = [
        {"id": "setup", "cell_type": "code", "source": ""},
        {"id": "read", "cell_type": "code", "source": "import coursecode.data\n" + cell},
    ]
    result = grade(bundle, json.dumps({"cells": cells}).encode(), seed="s", limits=LIMITS, student="m")
    assert result.outputs["read"].stored() == "[]\n[]\n"
    assert result.score == 0


def test_nothing_is_hidden_from_an_assignment_that_needs_it() -> None:
    where = [path.name for path in to_hide(drawing("from coursecode.data import load"))]
    assert where[:2] == ["digits", "datasets"]
    assert [p.name for p in to_hide(drawing("from coursecode import data, lenet\nload = data.load"))] == where
    asked = drawing("from coursecode.data import load", setup="from coursecode.data import load")
    assert [p.name for p in to_hide(asked)] == where[1:]
    lenet = assignment("lenet", ROOT / "exercises")
    assert [p.name for p in to_hide(released_bundle(lenet, ROOT / "exercises"))] == where
    assert to_hide(standin.bundle()) == []
    assert to_hide(drawing("load = print")) == []


@pytest.mark.parametrize("attack", HEAVY)
def test_the_grader_pays_for_no_answer(attack: str, sandbox: Sandbox) -> None:
    """Its memory stays where it was, within the answers that may be under way."""
    run(sandbox, standin.notebook(standin.SOLUTIONS))
    before = peak_memory()
    result = run(sandbox, standin.notebook({**standin.SOLUTIONS, "size": HEAVY[attack]}))
    assert result.questions[0].earned == 0
    assert peak_memory() - before < 400 << 20


def peak_memory() -> int:
    """Bytes of this process, at most since it began."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def test_a_worker_that_takes_memory_or_time_is_stopped(tmp_path: Path) -> None:
    """The cap on a worker holds where a test of the instructor's multiplies what a student gave."""
    code = (
        "from coursegrade.cage import run\nimport torch\nrun._cap()\n"
        "try:\n    torch.zeros(1 << 30)\nexcept (RuntimeError, MemoryError):\n    print('refused')\n"
        "try:\n    list(range(10**8))\nexcept MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["refused", "refused"], done.stderr
