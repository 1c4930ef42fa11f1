"""Checks for the exercises: the same lines run in the reader's notebook and when answers are graded.

A test asks for the reader's names through ``student`` and makes one tick per ``check``:

    check("the book's example / its Chinese", lambda: close(student.pool1d(x, 2), [3.0, 5.0]))

``student.without("pooling")`` is the same answer behind a gate: a call that uses a pooling function of a library fails,
and says so. Every call gets copies of its arguments, so that an answer that writes into them changes no test; where a
test computes with what an answer gave, ``floats`` makes one tensor of it. In a notebook each check prints what it
found, in the language that ``speak`` set, and never raises; when a check fails, it shows the call, what came out and
what is right. A grader uses ``judge`` and ``Rand`` with its own ``student``, whose values are data that came out of the
reader's process.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from coursecode._compare import (
    NOTHING,
    RETURNED_NONE,
    Comparison,
    NotAnswered,
    StudentError,
    close,
    compact,
    copied,
    floats,
    holds,
    split_label,
)
from coursecode._console import say
from coursecode._gate import Forbidden, Gate, drained
from coursecode._words import LANGUAGES, Text, every, same, text

__all__ = [
    "Comparison",
    "NotAnswered",
    "Rand",
    "Student",
    "StudentError",
    "Verdict",
    "check",
    "close",
    "floats",
    "forbidden",
    "holds",
    "judge",
    "rand",
    "speak",
    "split_label",
    "student",
]

_NOT_YET = text("not answered yet")
_CALLS = 3  # that are shown where a check fails


@dataclass(frozen=True)
class Verdict:
    """One tick: its label, whether it passed, a sentence for the reader, and whether there was an answer at all.

    ``shown`` are lines that show what happened: calls, what came out, what is right; ``missing`` is the name for which
    there is no answer.
    """

    label: Text
    passed: bool
    note: Text
    answered: bool = True
    shown: tuple[Text, ...] = ()
    missing: str = ""

    def told(self, language: str = "") -> str:
        """The tick as a reader sees it, in one language or in all."""
        sign = "✓" if self.passed else "✗" if self.answered else "○"
        first = _in(self.label, language)
        if note := _in(self.note, language):
            first += (text(": ")[language] if language else ": ") + note
        return "\n".join([f"{sign} {first}", *(f"    {_in(line, language)}" for line in self.shown)])

    def __str__(self) -> str:
        return self.told()


def _in(words: Text, language: str) -> str:
    return words[language] if language else every(words)


# -- drawing and reading ------------------------------------------------------------------------------------------


class Rand:
    """Random inputs that are the same for the same seed.

    ``rand(2, 3)`` is a float32 tensor of normal numbers, ``rand(2, 3, low=0, high=9)`` one of whole numbers from low
    to high, both included; without a shape they are a Python float and a Python int.
    """

    def __init__(self, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def __call__(self, *shape: int, low: int | None = None, high: int | None = None) -> Any:
        if (low is None) != (high is None):
            raise TypeError("rand: give both low and high, or neither")
        if low is None or high is None:
            drawn = torch.randn(shape, generator=self._generator)
            return drawn if shape else float(drawn)
        whole = torch.randint(low, high + 1, shape, generator=self._generator)
        return whole.float() if shape else int(whole)


@dataclass
class Call:
    """A call of an answer's function: how it reads, and what came of it; ``...`` while it runs."""

    name: str
    function: Callable[..., Any]
    reads: str
    gave: Any = ...
    raised: Exception | None = None


class Student:
    """The names of an answer as attributes: ``student.pool1d(x, 2)``.

    ``calls`` are those made since the last check began.
    """

    def __init__(self, names: Callable[[], Mapping[str, Any]]) -> None:
        self._names = names
        self._gate: Gate | None = None
        self.calls: list[Call] = []

    def without(self, *families: str, but: Iterable[str] = (), operations: int | None = None) -> Student:
        """The same answer, whose functions must do without "convolution", "pooling" or "autograd" of a library.

        Or without the "padding" of a library's convolution, or "changes" of its arguments. ``but`` names functions
        that are allowed all the same; ``operations`` is the largest number of PyTorch's operations, or of runs of a
        line, in a call, which a loop over pixels or channels exceeds.
        """
        other: Student = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._gate = Gate(families, tuple(but), operations)
        return other

    def __getattr__(self, name: str) -> Any:
        names = self._names()
        if name.startswith("__") or name not in names or names[name] is ...:
            raise NotAnswered(name)
        value = names[name]
        if inspect.isroutine(value):
            return functools.partial(self._call, name, value)
        return _Callable(self, name, value) if callable(value) else value

    def _call(self, name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        call = Call(name, function, _reads(name, function, args, kwargs))
        self.calls.append(call)
        args, kwargs = copied((args, kwargs))
        try:
            gate = self._gate
            call.gave = gate.run(function, args, kwargs) if gate else drained(function(*args, **kwargs))
        except Forbidden as error:
            raise StudentError(forbidden(str(error))) from None
        except Exception as error:
            call.raised = error
            raise
        return call.gave


class _Callable:
    """A callable of the answer that is no function: a ``partial``, a scripted function, a module, a class.

    Its calls are those of the answer; everything else is asked of the object itself.
    """

    def __init__(self, student: Student, name: str, value: Any) -> None:
        self._student, self._name, self._value = student, name, value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._student._call(self._name, self._value, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)

    def __getitem__(self, key: Any) -> Any:
        return self._value[key]

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Any:
        return iter(self._value)


def forbidden(name: str) -> Text:
    """What is said of an answer that did not pass the gate: it called ``name``, or took too many operations."""
    if not name:
        return text("it took far too many operations: is there a loop? This task is to do without one")
    if name == "changes":
        return text("it changed an argument that is to stay as it is: work on a copy")
    name = name.strip("_")
    return text("it used {name} of a library; here the task is to write that out yourself", name=name)


def _reads(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    try:
        named = inspect.signature(function).bind(*args, **kwargs).arguments
        parts = [f"{key}={compact(value)}" for key, value in named.items()]
    except (TypeError, ValueError):  # the call will say what is wrong with it
        parts = [*map(compact, args), *(f"{key}={compact(value)}" for key, value in kwargs.items())]
    return f"{name}({', '.join(parts)})"


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _own_names() -> Mapping[str, Any]:
    shell = _shell()
    if shell is not None:
        names: Mapping[str, Any] = shell.user_ns
        return names
    import __main__

    return vars(__main__)


# -- checking -----------------------------------------------------------------------------------------------------


def judge(label: str, test: Callable[[], Any], *, hidden: bool = False, student: Student | None = None) -> Verdict:
    """Run one check. It passes where ``test`` returns ``True`` or a true ``close``.

    Whatever the answer does, no exception leaves this function. Where ``hidden``, the note tells neither values nor
    what an exception says, since both could hold what the test put in. With ``student`` the calls are shown.
    """
    where = split_label(label)
    calls = student.calls if student is not None else []
    calls.clear()
    found: Any = None
    try:
        found = test()
    except (NotAnswered, NotImplementedError) as error:
        missing = str(error) if isinstance(error, NotAnswered) else calls[-1].name if calls else ""
        return Verdict(where, False, _NOT_YET, answered=False, missing=missing)
    except StudentError as error:
        note = error.note
    except Exception as error:
        note = _raised(error, calls, hidden=hidden)
    else:
        if isinstance(found, Comparison):
            passed, note = found.passed, found.hint if hidden else found.detail
        else:
            passed = found is True or (isinstance(found, np.bool_) and bool(found))
            note = NOTHING if passed else RETURNED_NONE if found is None else text("this does not hold")
        if found is ...:
            return Verdict(where, False, _NOT_YET, answered=False)
        if passed:
            return Verdict(where, True, NOTHING)
    return Verdict(where, False, note, shown=() if hidden else tuple(_shown(calls, found)))


def _raised(error: Exception, calls: list[Call], *, hidden: bool) -> Text:
    """What is said of an exception, of the answer or of a test that can do nothing with what the answer gave."""
    own = calls[-1].raised is not None if calls else getattr(error, "from_student", False)
    if not own and "NoneType" in str(error):
        return RETURNED_NONE
    if hidden:
        kind = type(error).__name__
        kind = f" ({kind})" if getattr(builtins, kind, None) is type(error) else ""
        return text("it raised an exception{kind}", kind=kind)
    what = str(error).strip()
    told = f"{type(error).__name__}{': ' * bool(what)}{what}"[:200].replace("\n", " ")
    if not own:
        return text("this is not the kind of value that is asked for ({told})", told=told)
    line = _line(error, calls[-1].function) if calls else ""
    if line:
        return text("it raised {told}, at the line: {line}", told=told, line=line)
    return text("it raised {told}", told=told)


def _line(error: Exception, function: Callable[..., Any]) -> str:
    """The last line of the answer's own cell that ran."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return (lines[-1] or "") if lines else ""


def _shown(calls: list[Call], found: Any) -> Iterable[Text]:
    for call in calls[-_CALLS:]:
        yield same(call.reads)
        if call.gave is not ...:
            gave = compact(call.gave)
            yield text("gave  {gave}", gave=gave)
    if calls and isinstance(found, Comparison) and found.given is not None and found.given is calls[-1].gave:
        right = compact(found.wanted)
        yield text("right {right}", right=right)


def _running_cell() -> object:
    """What tells a run of a cell from every other: the number in its brackets stays where no history is kept."""
    shell = _shell()
    if shell is None:
        return object()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return request.get("header", {}).get("msg_id") or shell.execution_count


class _Notebook:
    """What the checks of this notebook have said below the running cell.

    Checks with one label are one line: the first that fails, or that all pass.
    """

    def __init__(self) -> None:
        self.language = ""
        self.cell: object = None
        self.said: dict[str, bool] = {}  # label -> whether it failed

    def say(self, label: str, line: str, *, failed: bool) -> None:
        cell = _running_cell()
        if cell != self.cell:
            self.cell = cell
            self.said.clear()
        if label not in self.said or (failed and not self.said[label]):
            self.said[label] = failed
            say(line)


student = Student(_own_names)
rand = Rand("at home")
_notebook = _Notebook()


def speak(language: str) -> None:
    """Set the language of this notebook's checks, such as "en"; before that they speak all."""
    if language not in LANGUAGES:
        raise ValueError(f"speak: the language is {language!r}; the checks speak {' and '.join(LANGUAGES)}.")
    _notebook.language = language


def check(label: str, test: Callable[[], Any]) -> None:
    """Run one check on the answers of this notebook and print what it found.

    Where there is no answer yet, ○ and the name that is missing stand for all checks of it.
    """
    verdict = judge(label, test, student=student)
    if verdict.answered:
        _notebook.say(label, verdict.told(_notebook.language), failed=not verdict.passed)
    else:
        _notebook.say(verdict.missing, f"○ {verdict.missing}".rstrip(), failed=False)
