"""What the parts of the grading kit hand to each other: a bundle goes in, results come out, both as JSON.

A *bundle* is the private side of one assignment: its questions, its tests and the cells as released.
A *result* is what grading one submission found. Both are data only, so that they can cross processes and machines.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

from coursecode._words import LANGUAGES, Text, Value, Words, every, same, tag
from coursegrade.sanitise import Said, Untrusted, said

__all__ = [
    "LANGUAGES",
    "Bundle",
    "Cell",
    "ContractError",
    "Limits",
    "Question",
    "QuestionResult",
    "Result",
    "Test",
    "TestResult",
    "Text",
    "Tick",
    "Value",
    "environment_digest",
    "every",
    "joined",
    "result_key",
    "same",
    "tag",
    "text",
]

Kind = Literal["code", "written"]
CellType = Literal["code", "markdown"]
Role = Literal["answer", "test", "text", "setup"]
Status = Literal["graded", "failed"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what nbformat allows as the id of a cell
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTS = 1e-6  # two sums of points are equal within this


class ContractError(ValueError):
    """A bundle or a result that does not say what it must; the message names the place."""


class _Count:
    """A number in a sentence, which decides between two forms: ``{n:| page| pages}`` is "1 page", "2 pages"."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        number, *forms = spec.split("|")
        return format(self.value, number) + (forms[self.value != 1] if forms else "")

    def __str__(self) -> str:
        return str(self.value)

    __repr__ = __str__


class _Counting(Words):
    """The sentences of the grading, in which a noun agrees with its number."""

    def say(self, language: str, sentence: str, /, **values: Any) -> str:
        """The sentence in one language.

        >>> text("{n:| page has| pages have} no title", n=1)["en"]
        '1 page has no title'
        """
        counts = {key: _Count(value) for key, value in values.items() if isinstance(value, int | float)}
        return super().say(language, sentence, **(values | counts))


text = _Counting(Path(__file__).resolve().parent / "words").text


def joined(between: Text, parts: Iterable[str | Text]) -> Text:
    """Parts in a row, in every language."""
    told = [same(part) if isinstance(part, str) else part for part in parts]
    return Text((language, between[language].join(part[language] for part in told)) for language in LANGUAGES)


@dataclass(frozen=True)
class _Record:
    """JSON in and out; every record checks itself when it is made."""

    def to_json(self) -> dict[str, Any]:
        """As plain lists, dictionaries, strings and numbers."""
        whole = json.dumps(asdict(self), ensure_ascii=False, allow_nan=False, default=Untrusted.stored)
        data: dict[str, Any] = json.loads(whole)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what ``to_json`` gave.

        Raises ``ContractError`` for a missing, unknown or wrong field.
        """
        name = cls.__name__
        if not isinstance(data, Mapping):
            raise ContractError(f"{name}: a JSON object is expected, given {type(data).__name__}")
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ContractError(f"{name}: unknown field {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        values = {key: _convert(cls, key, value) for key, value in data.items()}
        try:
            return cls(**values)
        except TypeError as error:  # a field without a default is missing
            raise ContractError(f"{name}: {str(error).partition(') ')[2] or error}") from None


def _convert(cls: type[_Record], key: str, value: Any) -> Any:
    inner = _INNER.get((cls.__name__, key))
    if inner is None:
        return tuple(value) if isinstance(value, list) else value
    if not isinstance(value, list | tuple):
        raise ContractError(f"{cls.__name__}.{key}: a list is expected, given {type(value).__name__}")
    return tuple(inner.from_json(item) for item in value)


def _text(where: str, value: object) -> Text:
    if not (isinstance(value, dict) and "en" in value and all(isinstance(v, str) for v in value.values())):
        shape = ", ".join(f'"{language}": text' for language in LANGUAGES)
        raise ContractError(f"{where}: {{{shape}}} is expected, given {value!r:.80}")
    return Text(value)


def _said(where: str, value: object) -> Said:
    """A sentence that may quote a student; from a file it comes as plain text."""
    if isinstance(value, dict) and any(isinstance(v, Untrusted) for v in value.values()):
        value = {key: v.stored() if isinstance(v, Untrusted) else v for key, v in value.items()}
    return said(_text(where, value))


def _check_id(where: str, value: object) -> None:
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise ContractError(f"{where}: 1 to 64 letters, digits, '-' or '_' are expected, given {value!r:.80}")


def _check_points(where: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and value >= 0):  # type: ignore[arg-type, operator]
        raise ContractError(f"{where}: points are a finite number, 0 or more; given {value!r:.80}")


def _check_one_of(where: str, value: object, allowed: object) -> None:
    if value not in get_args(allowed):
        raise ContractError(f"{where}: one of {', '.join(get_args(allowed))} is expected, given {value!r:.80}")


def _check_str(where: str, value: object) -> None:
    if not isinstance(value, str):
        raise ContractError(f"{where}: text is expected, given {type(value).__name__}")


def _check_unique(where: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise ContractError(f"{where}: the id {one} is there twice")
        seen.add(one)


@dataclass(frozen=True)
class Test(_Record):
    """A test of a question: Python that runs on the host, worth ``points``, split evenly over its ticks."""

    __test__ = False  # pytest: not a class of tests

    id: str
    points: float
    hidden: bool
    source: str

    def __post_init__(self) -> None:
        _check_id("Test.id", self.id)
        _check_points(f"test {self.id}", self.points)
        _check_str(f"test {self.id}: source", self.source)
        if not isinstance(self.hidden, bool):
            raise ContractError(f"test {self.id}: hidden is true or false, given {self.hidden!r:.80}")
        try:
            ast.parse(self.source)
        except (SyntaxError, ValueError) as error:
            raise ContractError(f"test {self.id}: its source is not Python: {error}") from None


@dataclass(frozen=True)
class Question(_Record):
    """A question: its answer cells and what decides its points (tests, or a person with the rubric)."""

    id: str
    title: Text
    kind: Kind
    points: float
    answer_cells: tuple[str, ...]
    tests: tuple[Test, ...] = ()
    rubric: Text | None = None

    def __post_init__(self) -> None:
        _check_id("Question.id", self.id)
        where = f"question {self.id}"
        object.__setattr__(self, "title", _text(f"{where}: title", self.title))
        _check_one_of(f"{where}: kind", self.kind, Kind)
        _check_points(where, self.points)
        if self.rubric is not None:
            object.__setattr__(self, "rubric", _text(f"{where}: rubric", self.rubric))
        if not self.answer_cells:
            raise ContractError(f"{where}: it has no answer cell")
        for cell in self.answer_cells:
            _check_id(f"{where}: answer cell", cell)
        total = sum(test.points for test in self.tests)
        if self.kind == "code" and abs(total - self.points) > _POINTS:
            raise ContractError(f"{where}: it is worth {self.points:g} points, its tests together {total:g}")
        if self.kind == "code" and not self.tests:
            raise ContractError(f"{where}: a code question needs a test")
        if self.kind == "written" and self.tests:
            raise ContractError(f"{where}: a written question has a rubric, no tests")


@dataclass(frozen=True)
class Cell(_Record):
    """A cell of the released notebook, its solution stripped; the id is the notebook's own cell id."""

    id: str
    type: CellType
    role: Role
    question: str | None
    source: str

    def __post_init__(self) -> None:
        _check_id("Cell.id", self.id)
        _check_one_of(f"cell {self.id}: type", self.type, CellType)
        _check_one_of(f"cell {self.id}: role", self.role, Role)
        _check_str(f"cell {self.id}: source", self.source)
        if self.question is not None:
            _check_id(f"cell {self.id}: question", self.question)


@dataclass(frozen=True)
class Bundle(_Record):
    """One assignment, as the instructor's side knows it: hidden tests included, so it never leaves that side.

    ``Bundle.make`` computes ``version``, the SHA-256 of everything else;
    a bundle whose version does not fit is refused.
    """

    assignment: str
    version: str
    questions: tuple[Question, ...]
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        _check_id("Bundle.assignment", self.assignment)
        where = f"bundle {self.assignment}"
        if not self.questions:
            raise ContractError(f"{where}: it has no question")
        _check_unique(f"{where}: questions", (q.id for q in self.questions))
        _check_unique(f"{where}: tests", (t.id for q in self.questions for t in q.tests))
        _check_unique(f"{where}: cells", (c.id for c in self.cells))
        _check_unique(f"{where}: answer cells", (c for q in self.questions for c in q.answer_cells))
        answers = {c.id: c for c in self.cells if c.role == "answer"}
        questions = {q.id for q in self.questions}
        for cell in self.cells:
            if cell.question is not None and cell.question not in questions:
                raise ContractError(f"{where}: cell {cell.id} belongs to {cell.question}, which is no question")
        for question in self.questions:
            for one in question.answer_cells:
                if one not in answers:
                    raise ContractError(f"{where}: question {question.id} names the answer cell {one}; there is none")
                if answers[one].question != question.id:
                    raise ContractError(
                        f"{where}: the answer cell {one} belongs to {answers[one].question}, not to {question.id}"
                    )
        if self.version != (right := self._digest()):
            raise ContractError(
                f"{where}: its version is {self.version!s:.12}…, its content has {right:.12}…; "
                "it was changed by hand: make the release again"
            )

    def _digest(self) -> str:
        content = [self.assignment, [q.to_json() for q in self.questions], [c.to_json() for c in self.cells]]
        return hashlib.sha256(json.dumps(content, ensure_ascii=True, sort_keys=True).encode()).hexdigest()

    @classmethod
    def make(cls, *, assignment: str, questions: Iterable[Question], cells: Iterable[Cell]) -> Bundle:
        """A bundle with its version."""
        draft = object.__new__(cls)
        for name, value in (("assignment", assignment), ("questions", tuple(questions)), ("cells", tuple(cells))):
            object.__setattr__(draft, name, value)
        return cls(assignment, draft._digest(), draft.questions, draft.cells)

    @property
    def max_score(self) -> float:
        """All points, those given by hand included."""
        return float(sum(q.points for q in self.questions))

    def question(self, identifier: str) -> Question:
        """The question with this id; raises ``KeyError``."""
        return {q.id: q for q in self.questions}[identifier]

    def cell(self, identifier: str) -> Cell | None:
        """The cell with this id, if there is one."""
        return next((c for c in self.cells if c.id == identifier), None)


@dataclass(frozen=True)
class Tick(_Record):
    """One ``check`` of a test: its label, whether it passed, and a sentence for the student (may be empty)."""

    label: Text
    passed: bool
    note: Said = field(default_factory=lambda: said(text("")))

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", _text("Tick.label", self.label))
        object.__setattr__(self, "note", _said("Tick.note", self.note))
        if not isinstance(self.passed, bool):
            raise ContractError(f"Tick.passed: true or false is expected, given {self.passed!r:.80}")


@dataclass(frozen=True)
class TestResult(_Record):
    """What a test gave."""

    __test__ = False

    id: str
    hidden: bool
    points: float
    earned: float
    ticks: tuple[Tick, ...] = ()

    def __post_init__(self) -> None:
        _check_id("TestResult.id", self.id)
        _check_points(f"test {self.id}", self.points)
        _check_points(f"test {self.id}: earned", self.earned)
        if self.earned > self.points + _POINTS:
            raise ContractError(f"test {self.id}: {self.earned:g} earned of {self.points:g} points")


@dataclass(frozen=True)
class QuestionResult(_Record):
    """What a question gave; ``earned`` is None where a person has to grade it."""

    id: str
    points: float
    earned: float | None
    tests: tuple[TestResult, ...] = ()

    def __post_init__(self) -> None:
        _check_id("QuestionResult.id", self.id)
        _check_points(f"question {self.id}", self.points)
        if self.earned is not None:
            _check_points(f"question {self.id}: earned", self.earned)
            if self.earned > self.points + _POINTS:
                raise ContractError(f"question {self.id}: {self.earned:g} earned of {self.points:g} points")


@dataclass(frozen=True)
class Result(_Record):
    """What grading one submission found.

    ``status`` is "failed" where nothing can be said about the submission; ``reason`` then says why, ``score`` is 0 and
    ``questions`` is empty, so that no older score can be mistaken for this one.
    """

    assignment: str
    student: str
    submission: str
    bundle: str
    environment: str
    status: Status
    reason: Said | None
    score: float
    max_score: float
    questions: tuple[QuestionResult, ...] = ()
    flags: tuple[str, ...] = ()
    outputs: dict[str, Untrusted] = field(default_factory=dict)  # what each cell printed
    seconds: float = 0.0
    key: str = ""  # what this result was computed from; see ``result_key``

    def __post_init__(self) -> None:
        _check_id("Result.assignment", self.assignment)
        _check_str("Result.student", self.student)
        where = f"result of {self.student}"
        _check_one_of(f"{where}: status", self.status, Status)
        _check_points(f"{where}: score", self.score)
        _check_points(f"{where}: max_score", self.max_score)
        if self.status == "failed":
            object.__setattr__(self, "reason", _said(f"{where}: reason", self.reason))
            if self.score or self.questions:
                raise ContractError(f"{where}: it failed, so it has no score and no questions")
        elif self.reason is not None:
            raise ContractError(f"{where}: it is graded, so it has no reason")
        total = sum(q.earned or 0.0 for q in self.questions)
        if abs(total - self.score) > _POINTS:
            raise ContractError(f"{where}: the score is {self.score:g}, the questions sum to {total:g}")
        if not all(isinstance(k, str) and isinstance(v, str | Untrusted) for k, v in self.outputs.items()):
            raise ContractError(f"{where}: outputs are text by cell id")
        object.__setattr__(self, "outputs", said(self.outputs))


@dataclass(frozen=True)
class Limits(_Record):
    """What a submission may use. Times in seconds of wall clock, sizes in bytes."""

    call_seconds: float = 10.0  # one call of a student's function, or one cell
    question_seconds: float = 20.0  # the answers and tests of one question
    own_seconds: float = 60.0  # cells that are no answers, in the whole submission
    memory: int = 4 << 30  # address space of the student's process
    processes: int = 64  # processes and threads
    files: int = 64 << 20  # all that is written, in memory
    open_files: int = 256
    output: int = 20_000  # characters kept of what one cell prints
    message: int = 16 << 20  # one answer to the host
    answers: int = 64 << 20  # all answers of one question to the host

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value > 0):
                raise ContractError(f"Limits.{f.name}: a number above 0 is expected, given {value!r:.80}")

    def bound(self, questions: int) -> float:
        """Seconds after which a submission with so many questions has ended: three goes each, and the start."""
        return 30.0 + self.own_seconds + 3 * questions * self.question_seconds


_INNER: dict[tuple[str, str], type[_Record]] = {
    ("Bundle", "questions"): Question,
    ("Bundle", "cells"): Cell,
    ("Question", "tests"): Test,
    ("Result", "questions"): QuestionResult,
    ("QuestionResult", "tests"): TestResult,
    ("TestResult", "ticks"): Tick,
}


def environment_digest(parts: Mapping[str, str]) -> str:
    """SHA-256 of what decides a result besides submission, bundle and seed: versions and limits."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


def result_key(*, submission: str, bundle: str, environment: str, seed: str) -> str:
    """What a result was computed from; a result file with the same key need not be computed again."""
    if not _SHA256.fullmatch(submission):
        raise ContractError(f"result_key: the submission's SHA-256 is expected, given {submission!r:.80}")
    return hashlib.sha256("\0".join([submission, bundle, environment, seed]).encode()).hexdigest()
