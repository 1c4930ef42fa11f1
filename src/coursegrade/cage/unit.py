"""The unit of work: one notebook in, one result out. The student's cells run in the sandbox, the tests run here.

What a test can do (its names: ``student``, ``check``, ``close``, ``rand``, ``torch``, ``nn``, ``F``, ``np``,
``math``, ``holds``, ``floats``; they behave as in the reader's notebook, see ``coursecode.check``):

- ``student.NAME`` is a copy of a value that is data: None, bool, int, float, complex, str, bytes, list, tuple, dict,
  set, range, slice, tensor, array, dtype, size. At most 100,000 values, 32 deep, and the limit of a message in bytes.
- Anything else is a handle to an object that stays in the sandbox: ``student.f(x, k=2)``, ``student.Net(3)(x)``,
  ``student.net.weight``, ``student.net[0].kernel_size``, ``len(student.net)``, ``list(student.net.parameters())``,
  ``student.net.is_a("torch.nn.modules.module.Module")``. A generator arrives as a list of at most 10,000 items.
- ``student.without("convolution").f(x)`` calls it behind a gate of ``coursecode._gate`` in the student's process.
- Arguments are data and handles; a function of the test cannot be given.
- A tensor argument with ``requires_grad`` makes the answer differentiable: ``student.f(x).sum().backward(); x.grad``.
- What a student's code raises arrives as the built-in exception that it is or derives from.

Every question has a process of its own: forked from the warm sandbox, it runs the cells up to the question's last
answer, then the visible tests, and dies. Only when this is done for all questions do the hidden tests run, again with a
process for each question. So nothing that a student reads (outputs, notes of visible tests) is made after a hidden test
of theirs began, and a hidden test is only ever said to have passed or not. What a test draws is drawn for this student
and this code: an accomplice who is graded at the same time can tell from the clock when this submission ended, but
whoever changes a line gets other inputs.

Times (``Limits``): a cell or a call has ``call_seconds``; the answers and tests of a question have
``question_seconds``; cells that are no answers have ``own_seconds`` together, in the whole submission. What such a cell
uses up costs no question anything: once it is known to be slow, it is left out, and runs after all only where a
question fails without it. A submission therefore ends within ``Limits.bound``.
A call that takes too long, or a process that dies, is replaced by another in which the cells run again. When that
happens twice in one question, the rest of it fails.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import math
import platform
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import coursecode
from coursecode import __version__
from coursecode._gate import Forbidden, Gate
from coursecode.check import NotAnswered, Rand, StudentError, close, floats, holds, judge
from coursegrade.cage import _wire
from coursegrade.cage.sandbox import Died, Fault, Handle, Missing, Sandbox, Session, Unsendable, datasets
from coursegrade.contract import (
    Bundle,
    Limits,
    Question,
    QuestionResult,
    Result,
    Test,
    TestResult,
    Text,
    Tick,
    Value,
    environment_digest,
    result_key,
    text,
)
from coursegrade.sanitise import said

NOTEBOOK_BYTES = 30 << 20
_CELLS, _CODE = 2_000, 1_000_000  # cells of a notebook, characters of their code together
_PRINTED = 5  # times the limit of one cell: all cells that are no answers together
_DEATHS = 2  # of the process, in the tests of one question
_SYMBOLIC = re.compile(r"optim|compile|SGD|Adam|autograd|backward\(\s*[^\s)]")  # see _worker.warm_symbolic
_DRAWS = re.compile(r"coursecode\.data\b|from coursecode import [^\n]*\bdata\b")  # a test or a cell loads images
_SLOW = 1.0  # seconds from which a cell is left out where it may not be needed

# the modules of coursecode that an answer or a test can lead to
_DECIDE = ("_arguments", "_checks", "_compare", "_gate", "_nets", "channels", "check", "correlation", "data", "dense",
           "device", "geometry", "lenet", "pooling", "training/*")  # fmt: skip

_NOTES: dict[str, Text] = {
    "time-limit": text("it took too long and was stopped"),
    "process-died": text("the Python process ended while it ran"),
    "bad-message": text("it disturbed the grading process, so it was stopped"),
    "budget": text("the time for this question was used up"),
    "hidden": text("this does not hold for an input that is not shown"),
    "missing": text("the answer's cell is missing"),
    "again": text("not run: this question was stopped twice before"),
    "unsendable": text("what it gave is no plain data (numbers, text, lists, tensors), or too large"),
    "forbidden": text(
        "it did what this task forbids (a function of a library, a loop, or a change of an argument); "
        "write it out as the task says"
    ),
    "test": text("the test could not be carried out"),
}
_FLAGS = {"process-died": "kernel-died"}


class Unreadable(ValueError):
    """A notebook that cannot be read; ``text`` says why in every language."""

    def __init__(self, sentence: str, /, **values: Value) -> None:
        self.text = text(sentence, **values)
        super().__init__(self.text["en"])


@dataclass(frozen=True)
class _Source:
    """A code cell of the student's notebook that is run."""

    id: str
    source: str
    role: Literal["setup", "answer", "own"]


@cache
def environment(limits: Limits | None = None) -> str:
    """The digest of what decides a result besides submission, bundle and seed: versions, our own code, limits."""
    cage, learner = Path(__file__).resolve().parent, Path(coursecode.__file__).resolve().parent
    own = [cage / f"{name}.py" for name in ("_wire", "_cage", "_worker", "sandbox", "unit")]
    decide = [path for name in _DECIDE for path in sorted(learner.glob(f"{name}.py"))]
    files = [*decide, *own, cage.parent / "contract.py"]
    code = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
    parts = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    return environment_digest({**parts, "coursecode": __version__, "code": code, "limits": str(limits or Limits())})


def failed(
    bundle: Bundle,
    *,
    student: str,
    seed: str,
    limits: Limits,
    reason: Text,
    data: bytes = b"",
    flags: Iterable[str] = (),
) -> Result:
    """A result that says why there is none."""
    submission = hashlib.sha256(data).hexdigest()
    return Result(
        assignment=bundle.assignment,
        student=student,
        submission=submission,
        bundle=bundle.version,
        environment=environment(limits),
        status="failed",
        reason=said(reason),
        score=0.0,
        max_score=bundle.max_score,
        flags=tuple(flags),
        key=result_key(submission=submission, bundle=bundle.version, environment=environment(limits), seed=seed),
    )


def grade(
    bundle: Bundle, notebook: Path | bytes, *, seed: str, limits: Limits, student: str, sandbox: Sandbox | None = None
) -> Result:
    """Grade one transplanted notebook (its path or its bytes).

    ``seed`` is the class's secret, from which the tests draw. A ``sandbox`` that is open already is used, else one is
    started for this submission. A notebook that cannot be read gives a result with status "failed".

    Raises ``ContainmentError`` where there is no sandbox: then nothing was run.
    """
    begin = time.monotonic()
    data = notebook if isinstance(notebook, bytes) else notebook.read_bytes()
    try:
        cells = _read(data, bundle)
    except Unreadable as error:
        return failed(bundle, student=student, seed=seed, limits=limits, reason=error.text, data=data)
    if sandbox is None:
        with Sandbox(size=limits.files, hidden=to_hide(bundle)) as own:
            return grade(bundle, data, seed=seed, limits=limits, student=student, sandbox=own)
    run = _Run(bundle, cells, student=student, seed=seed, limits=limits, sandbox=sandbox)
    questions = run.questions()
    base = failed(bundle, student=student, seed=seed, limits=limits, reason=text(""), data=data)
    return replace(
        base,
        status="graded",
        reason=None,
        score=sum(question.earned or 0.0 for question in questions),
        questions=questions,
        flags=tuple(sorted(run.flags)),
        outputs=said(run.outputs),
        seconds=round(time.monotonic() - begin, 3),
    )


def to_hide(bundle: Bundle) -> list[Path]:
    """The data sets that a hidden test draws on: an answer that could read them would look the labels up.

    Where the released notebook itself loads the package's digits, those stay: its cells would not run without them.
    """
    hidden = [test.source for q in bundle.questions for test in q.tests if test.hidden]
    if not any(map(_DRAWS.search, hidden)):
        return []
    shown = [cell.source for cell in bundle.cells if cell.type == "code" and cell.role != "test"]
    digits, *others = datasets()
    return others if any(map(_DRAWS.search, shown)) else [digits, *others]


def _read(data: bytes, bundle: Bundle) -> list[_Source]:
    """The code cells to run. A setup cell runs as it was released; a test cell of the notebook is never run."""
    if len(data) > NOTEBOOK_BYTES:
        size, limit = len(data) >> 20, NOTEBOOK_BYTES >> 20
        raise Unreadable("the notebook has {size} MB; at most {limit} are read", size=size, limit=limit)
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("the notebook is not JSON") from None
    except MemoryError:
        raise Unreadable("reading the notebook takes too much memory") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise Unreadable("the file is JSON but no notebook: it has no cells")
    if len(cells) > _CELLS:
        raise Unreadable("the notebook has more than {cells:,} cells", cells=_CELLS)
    known = {cell.id: cell for cell in bundle.cells}
    found: list[_Source] = []
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else source
        if not isinstance(source, str):
            raise Unreadable("cell {number} of the notebook has no text", number=number + 1)
        name = str(cell.get("id", ""))
        released = known.get(name) if name not in seen else None
        seen.add(name)
        if released is not None and released.role == "test":
            continue
        if released is not None and released.role == "setup":
            source = released.source
        role: Literal["setup", "answer", "own"] = "own"
        if released is not None and released.role in ("setup", "answer"):
            role = released.role
        name = name if released is not None else f"cell-{number + 1}"
        found.append(_Source(name, _wire.plain(source, len(source)), role))
    if sum(len(cell.source) for cell in found) > _CODE:
        raise Unreadable("the notebook has more than {code:,} characters of code", code=_CODE)
    return found


class _Run:
    """The cells and tests of one submission: what is known of its cells, and a process for each question."""

    def __init__(
        self, bundle: Bundle, cells: list[_Source], *, student: str, seed: str, limits: Limits, sandbox: Sandbox
    ) -> None:
        self.bundle, self.sources, self.limits, self.sandbox = bundle, cells, limits, sandbox
        # Another notebook gets other inputs, so that what a student learns of these is of no use to the next one.
        code = "\0".join(cell.source for cell in cells if cell.role != "setup")
        drawn = hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
        self.seed = "\0".join([seed, bundle.assignment, student, drawn])
        self.own_seconds = limits.own_seconds  # left for the cells that are no answers
        self.flags: set[str] = set()
        self.outputs: dict[str, str] = {}
        self.printed = _PRINTED * limits.output  # characters left of what cells print that are no answers
        self.stopped: set[str] = set()  # cells that are not run again
        self.slow: dict[str, float] = {}  # seconds of the cells that took long
        self.symbolic = any(_SYMBOLIC.search(cell.source) for cell in cells)

    def questions(self) -> tuple[QuestionResult, ...]:
        """All visible tests, the cells that no question needed, then all hidden tests."""
        attempts = {q.id: self._visible(q) for q in self.bundle.questions if q.kind == "code"}
        self._rest()
        found = []
        for question in self.bundle.questions:
            if (attempt := attempts.get(question.id)) is None:
                found.append(QuestionResult(question.id, question.points, None))
                continue
            attempt.tests(hidden=True)
            found.append(attempt.result())
        return tuple(found)

    def _visible(self, question: Question) -> _Attempt:
        """The question's process, its visible tests done. A second one, where the first did not do well, takes in the
        cells that were left out for being slow and, where a name was missing, those below the answer: in a notebook
        they may have been run first. It counts where it does better.
        """
        here = [number for number, cell in enumerate(self.sources) if cell.id in question.answer_cells]
        cells = self.sources[: here[-1] + 1] if here else []
        spared = {cell.id for cell in cells if cell.id in self.slow and cell.id not in question.answer_cells}
        attempt = self._attempt(question, [cell for cell in cells if cell.id not in spared])
        spared = {cell.id for cell in cells if cell.id in self.slow} - attempt.ran  # some were found slow only now
        cost = sum(self.slow[name] for name in spared)
        lacking = attempt.lacking and len(cells) < len(self.sources)
        if attempt.perfect or not (spared or lacking) or cost >= self.own_seconds:
            return attempt
        self.own_seconds -= cost
        if lacking:
            cells = [*self.sources, *(self.sources[number] for number in here)]
        with_all = self._attempt(question, cells, all_of_them=True)
        return with_all if with_all.earned > attempt.earned else attempt

    def _attempt(self, question: Question, cells: list[_Source], *, all_of_them: bool = False) -> _Attempt:
        attempt = _Attempt(self, question, cells, spare=not all_of_them)
        attempt.tests(hidden=False)
        return attempt

    def _rest(self) -> None:
        """Run what no question needed, for its output alone."""
        if any(cell.id not in self.outputs and cell.id not in self.stopped for cell in self.sources):
            rest = _Attempt(self, None, [cell for cell in self.sources if cell.id not in self.slow])
            try:
                rest.begin()
            finally:
                rest.close()

    def saw(self, cell: _Source, said: str, *, cut: bool) -> None:
        """Keep what a cell printed when it ran first; of cells that are no answers, little enough for a class."""
        if cell.id in self.outputs:
            return
        room = len(said) if cell.role == "answer" else max(0, self.printed)
        if cell.role != "answer":
            self.printed -= len(said)
        self.outputs[cell.id] = said[:room]
        if cut or len(said) > room:
            self.flags.add("output-cut")


class _Attempt:
    """One question in a process of its own, which is replaced when it dies. Without a question only cells are run.

    With ``spare``, a cell that turns out to be slow is left out where the process has to begin anew.
    """

    def __init__(self, run: _Run, question: Question | None, cells: list[_Source], *, spare: bool = True) -> None:
        self.run, self.question, self.cells, self.spare = run, question, cells, spare
        self.left = run.limits.question_seconds
        self.hidden = False  # whether hidden tests are running
        self.deaths = 0
        self.bad: dict[str, Text] = {}  # cells that were stopped, or raised, before any hidden test ran: why
        self.ran: set[str] = set()
        self.lacking = False  # whether a name was not defined
        self.found: dict[str, TestResult] = {}
        self.session: Session | None = None

    def close(self) -> None:
        """End the process."""
        if self.session is not None:
            self.session.close()
            self.session = None

    # -- cells --

    def begin(self) -> None:
        """Run the cells that can be run. One that has to be stopped is left out, and all begin anew without it."""
        while self.session is None and self.left > 0:
            self.session = self.run.sandbox.session(self.run.limits, symbolic=self.run.symbolic)
            self.session.guard = self.guard
            self.ran.clear()
            for cell in self.cells:
                if self._wanted(cell) and not self._cell(self.session, cell):
                    self.close()
                    break

    def _mine(self, cell: _Source) -> bool:
        return cell.role == "setup" or (self.question is not None and cell.id in self.question.answer_cells)

    def _wanted(self, cell: _Source) -> bool:
        if cell.id in self.run.stopped or self._mine(cell):
            return cell.id not in self.run.stopped
        if self.spare and cell.id in self.run.slow:
            return False
        return cell.role != "own" or self.run.own_seconds > 0

    def _cell(self, session: Session, cell: _Source) -> bool:
        """Run a cell; false where the process is lost."""
        known = cell.id in self.run.slow  # paid for already
        own = cell.role == "own"
        limit = min(self.run.limits.call_seconds, self.run.own_seconds if own and not known else self.left)
        begin = time.monotonic()
        said, cut, note = "", False, None
        try:
            session.seconds = limit
            if limit <= 0:
                raise Died("time-limit")
            said, cut = session.cell(cell.id, cell.source)
        except Died as error:
            self.run.stopped.add(cell.id)
            note = _NOTES[error.cause]
            if not own:
                self._flag(_FLAGS.get(error.cause, error.cause))
        except Fault as error:
            self.lacking |= error.types[0] == "NameError"
            said, cut = error.printed(self.run.limits)
            said += f"{error.types[0]}: {error.message}\n"
            raised = text("its cell raised {types}: {message}", types=error.types[0], message=error.message)
            note = Text((language, told[:200]) for language, told in raised.items())
        seconds = time.monotonic() - begin
        if own and not known:
            self.run.own_seconds -= seconds
        elif not own:
            self.left -= seconds
        if seconds > _SLOW and cell.role != "setup":
            self.run.slow.setdefault(cell.id, seconds)
        self.ran.add(cell.id)
        if not self.hidden:  # later a cell could tell by the clock what a hidden test put in
            self.run.saw(cell, said, cut=cut)
            if note is not None:
                self.bad[cell.id] = note
        return cell.id not in self.run.stopped

    # -- tests --

    def guard(self, ask: Callable[[], Any]) -> Any:
        """Ask the student's process; every failure becomes an exception that ``judge`` has a sentence for."""
        if self.deaths >= _DEATHS:
            raise StudentError(_NOTES["again"])
        if self.session is None:
            self.begin()
        if self.session is None or self.left <= 0:
            self._flag("time-limit")
            raise StudentError(_NOTES["budget"])
        begin = time.monotonic()
        self.session.seconds = min(self.run.limits.call_seconds, self.left)
        try:
            return ask()
        except Missing as error:
            self.lacking = True
            raise NotAnswered(str(error)) from None
        except Unsendable:
            raise StudentError(_NOTES["unsendable"]) from None
        except Died as error:
            self.deaths += 1
            self._flag(_FLAGS.get(error.cause, error.cause))
            self.close()
            raise StudentError(_NOTES[error.cause]) from None
        except Fault as error:
            self.lacking |= error.types[0] == "NameError"
            if error.types[0] == Forbidden.__name__:
                raise StudentError(_NOTES["forbidden"]) from None
            raise _builtin(error) from None
        finally:
            self.left -= time.monotonic() - begin

    def _flag(self, flag: str) -> None:
        """What hidden tests ended in is for the teacher: a submission could say with it what they put in."""
        self.run.flags.add(f"hidden:{flag}" if self.hidden else flag)

    @property
    def earned(self) -> float:
        """Points of the tests that were run."""
        return sum(test.earned for test in self.found.values())

    @property
    def perfect(self) -> bool:
        """Whether no answer's cell and no test that was run failed."""
        return not self.bad and all(tick.passed for test in self.found.values() for tick in test.ticks)

    def tests(self, *, hidden: bool) -> None:
        """Run the visible or the hidden tests of the question, in a process of their own."""
        assert self.question is not None
        self.hidden, self.left = hidden, self.run.limits.question_seconds
        try:
            if self.deaths < _DEATHS:
                self.begin()
            for test in self.question.tests:
                if test.hidden is hidden:
                    self.found[test.id] = self._test(test, self.question)
        finally:
            self.close()

    def result(self) -> QuestionResult:
        """What all tests gave, in the order of the question."""
        assert self.question is not None
        tests = tuple(self.found[test.id] for test in self.question.tests)
        return QuestionResult(self.question.id, self.question.points, self.earned, tests)

    def _test(self, test: Test, question: Question) -> TestResult:
        ticks: list[Tick] = []
        here = [cell for cell in question.answer_cells if cell in {source.id for source in self.run.sources}]
        bad = next((self.bad[cell] for cell in here if cell in self.bad), None)

        def check(label: str, ask: Callable[[], Any]) -> None:
            verdict = judge(label, ask, hidden=test.hidden)
            note = verdict.note
            if not here:
                note = _NOTES["missing"]
            elif bad is not None and not verdict.answered:
                note = bad
            elif test.hidden and not verdict.passed:  # nothing that depends on what the test put in
                note = _NOTES["hidden"]
            ticks.append(Tick(verdict.label, verdict.passed, said({k: _wire.plain(v, 300) for k, v in note.items()})))

        names: dict[str, Any] = {
            "student": _Student(self),
            "check": check,
            "rand": Rand("\0".join([self.run.seed, test.id])),
            "close": close,
            "floats": floats,
            "holds": holds,
            "torch": torch,
            "nn": nn,
            "F": functional,
            "np": np,
            "math": math,
        }
        whole = True
        try:
            with torch.random.fork_rng(devices=[]):
                exec(compile(test.source, f"<test {test.id}>", "exec"), names)
        except (NotAnswered, StudentError, Fault):
            whole = False
        except Exception as error:
            whole = False
            if not getattr(error, "from_student", False):
                self._flag(f"test-error:{test.id}")
        if not whole or not ticks:  # how many ticks are missing is not known
            note = bad or _NOTES["hidden" if test.hidden else "test"]
            ticks.append(Tick(text("the rest of this test"), False, said(note)))
            passed = 0
        else:
            passed = sum(tick.passed for tick in ticks)
        earned = test.points * passed / len(ticks)
        return TestResult(test.id, test.hidden, test.points, earned, tuple(ticks))


# Where a test asks from within map or iter, they would end its loop in silence.
_STEERING = (StopIteration, StopAsyncIteration)


def _builtin(fault: Fault) -> Exception:
    """The built-in exception that the student's code raised; its text is the student's."""
    for name in fault.types:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, _STEERING):
            break
    else:
        kind = RuntimeError
    try:
        error: Exception = kind(fault.message)
    except TypeError:  # UnicodeDecodeError wants more
        error = RuntimeError(fault.message)
    error.from_student = True  # type: ignore[attr-defined]
    return error


class _Student:
    """``student`` of a test."""

    def __init__(self, attempt: _Attempt, gate: Gate | None = None) -> None:
        self._attempt, self._gate = attempt, gate

    def without(self, *families: str, but: Iterable[str] = (), operations: int | None = None) -> _Student:
        """The same answer behind a gate; see ``coursecode.check.Student.without``."""
        return _Student(self._attempt, Gate(families, tuple(but), operations))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise NotAnswered(name)
        value = self._attempt.guard(lambda: self._session.get(name))
        if value is ...:
            raise NotAnswered(name)
        return _Named(self, name) if isinstance(value, Handle) else value

    @property
    def _session(self) -> Session:
        assert self._attempt.session is not None  # guard saw to it
        return self._attempt.session


class _Named:
    """An object of the student's by its name, so that it is found again in a process that replaced another."""

    def __init__(self, student: _Student, name: str) -> None:
        self._student, self._name = student, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        attempt, gate = self._student._attempt, self._student._gate
        return attempt.guard(lambda: self._student._session.call(self._name, args, kwargs, gate=gate))

    def _handle(self) -> Any:
        return self._student._attempt.guard(lambda: self._student._session.get(self._name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._handle(), name)

    def __getitem__(self, key: Any) -> Any:
        return self._handle()[key]

    def __len__(self) -> int:
        return len(self._handle())

    def __iter__(self) -> Any:
        return iter(self._handle())
