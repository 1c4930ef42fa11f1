"""What ``grading.toml`` says of limits and assignments, checked, with the line of what is wrong.

Commands write what they are told of an assignment (``release --due``, ``extend``, ``solutions``) into
``assignments.json``; what stands in ``grading.toml`` as well is refused there, so that one place decides.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coursegrade.contract import Limits, Value, joined, text
from coursegrade.files import Problem, read_json, write_json

_TABLES = ("course", "due", "limits", "assignments")
_COURSE = ("name", "language", "roster", "seed_file", "exercises", "timezone")
_LIMITS = ("call_seconds", "question_seconds", "own_seconds", "memory_mb")
_ASSIGNMENT = ("questions", "points", "due", "show_solutions", "limits")
_SECONDS = (0.1, 3_600)  # an hour for one call, one question or all experiments
_MEMORY = (256, 1_048_576)  # MB, to a terabyte: below it no student's code with torch runs
_YEARS = range(2000, 2200)  # of a due date
_MB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What holds for one assignment; ``questions`` empty means all, ``points`` those of the masters."""

    questions: tuple[str, ...] = ()
    points: Mapping[str, float] = field(default_factory=dict)  # by question
    due: datetime.datetime | None = None
    extensions: Mapping[str, datetime.datetime] = field(default_factory=dict)  # own due dates, by student's key
    show_solutions: bool | None = None  # None: once nobody may hand in any more
    limits: Limits = field(default_factory=Limits)
    exercises: str = ""  # the masters that the release was made from
    overlay: str = ""

    @property
    def until(self) -> datetime.datetime | None:
        """The last due date, extensions included."""
        return max([*self.extensions.values(), *([self.due] if self.due else [])], default=None)


@dataclass(frozen=True)
class Written:
    """The text of ``grading.toml``, to name lines of it."""

    path: Path
    content: str
    values: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path, content: str) -> Written:
        """Raises ``Problem`` where it is no TOML, or has a table that nobody reads."""
        try:
            values = tomllib.loads(content)
        except ValueError as error:  # tomllib's own, or a number of thousands of digits
            raise Problem("{path} is not TOML: {error}.", path=path, error=error) from None
        written = cls(path, content, values)
        written.known((), values, _TABLES)
        course = written.table(("course",))
        written.known(("course",), course, _COURSE)
        for key, value in course.items():
            if not isinstance(value, str):
                raise written.wrong(
                    ("course", key),
                    '{key} is {value}, but it is text: write it in quotes, like {key} = "…".',
                    key=key,
                    value=_shown(value),
                )
        return written

    def table(self, keys: tuple[str, ...]) -> Mapping[str, Any]:
        """The table under the keys, empty where there is none; raises ``Problem`` where it is something else."""
        value: Any = self.values
        for depth, key in enumerate(keys, start=1):
            value = value.get(key, {})
            if not isinstance(value, dict):
                name = ".".join(keys[:depth])
                raise self.wrong(keys[:depth], "{name} is a table: write [{name}]", name=name)
        table: Mapping[str, Any] = value
        return table

    def known(self, keys: tuple[str, ...], table: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        """Raises ``Problem`` for a key that nobody reads."""
        for key in table:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                place = ".".join(keys) or "grading.toml"
                there = joined(text(", ||between the items of a list"), allowed)
                hint = text("did you mean {near}?", near=near[0]) if near else text("there are {there}.", there=there)
                raise self.wrong((*keys, key), "nobody reads {key} in {place}; {hint}", key=key, place=place, hint=hint)

    def wrong(self, keys: tuple[str, ...], sentence: str, /, **values: Value) -> Problem:
        """A sentence with file and line."""
        where, what = f"{self.path}:{self._line(keys)}", text(sentence, **values)
        return Problem("{where}: {what}", where=where, what=what)

    def _line(self, keys: tuple[str, ...]) -> int:
        """The line of a key: of its own, else of the table or the key that holds it."""
        table: tuple[str, ...] = ()
        best, found = 0, 1
        for number, line in enumerate(self.content.splitlines(), start=1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            pair = None if header else re.match(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+)\s*=", line)
            if header:
                table = here = _parts(header[1])
            elif pair:
                here = (*table, *_parts(pair[1]))
            else:
                continue
            common = len(here) if here == keys[: len(here)] else 0
            if common > best:
                best, found = common, number
        return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted) if part.strip())


DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def moment(value: Any, zone: datetime.tzinfo | None) -> datetime.datetime | None:
    """A date with time and zone (``zone``, or this machine's, where it names none), or None where it is no such.

    A day alone means its last second. A year that no course can have is no date either: another zone may not have it.
    """
    if isinstance(value, str):
        day = DAY.fullmatch(value.strip())
        try:
            value = datetime.datetime.fromisoformat(f"{day[0]}T23:59:59" if day else value)
        except ValueError:
            return None
    if not isinstance(value, datetime.datetime) or value.year not in _YEARS:
        return None
    return value if value.tzinfo else value.replace(tzinfo=zone) if zone else value.astimezone()


def _file(root: Path) -> Path:
    return root / "assignments.json"


def _remembered(root: Path) -> dict[str, dict[str, Any]]:
    path = _file(root)
    if not path.exists():
        return {}
    value = read_json(path)
    if not (isinstance(value, dict) and all(isinstance(one, dict) for one in value.values())):
        raise Problem("{path} is damaged; move it away, then give due dates, extensions and choices again.", path=path)
    return value


def remember(root: Path, assignment: str, **changes: Any) -> None:
    """Keep what a command was told of an assignment; None forgets a key."""
    everything = _remembered(root)
    one = {**everything.get(assignment, {}), **changes}
    everything[assignment] = {key: value for key, value in one.items() if value is not None}
    write_json(_file(root), everything)


def read(written: Written, root: Path, zone: datetime.tzinfo | None) -> tuple[dict[str, Settings], Settings]:
    """The settings by assignment, and those of an assignment that is not named. Raises ``Problem``."""
    default = Settings(limits=_limits(written, ("limits",), Limits()))
    found: dict[str, Settings] = {}
    for name, when in written.table(("due",)).items():
        found[name] = replace(default, due=_due(written, ("due", name), when, zone))
    for name in written.table(("assignments",)):
        keys = ("assignments", name)
        table = written.table(keys)
        written.known(keys, table, _ASSIGNMENT)
        found[name] = _assignment(written, keys, table, found.get(name, default), zone)
    for name, told in _remembered(root).items():
        found[name] = _told(told, found.get(name, default), zone, written.table(("assignments",)).get(name, {}))
    return found, default


def _due(written: Written, keys: tuple[str, ...], value: Any, zone: datetime.tzinfo | None) -> datetime.datetime:
    when = moment(value, zone)
    if when is None:
        raise written.wrong(keys, "{keys} is no time; write it as 2026-12-01T23:59:00+01:00.", keys=".".join(keys))
    return when


def _number(value: Any, *, whole: bool = False) -> bool:
    """Whether it is a number; a comparison decides on inf, nan and whole numbers that are too long for a float."""
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value as TOML writes it, cut; a number of thousands of digits is one that Python does not print."""
    if isinstance(value, bool):
        return str(value).lower()
    shown = hex(value) if isinstance(value, int) and abs(value) >= 10**40 else repr(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def _limits(written: Written, keys: tuple[str, ...], base: Limits) -> Limits:
    table = written.table(keys)
    written.known(keys, table, _LIMITS)
    for key, value in table.items():
        memory = key == "memory_mb"
        least, most = _MEMORY if memory else _SECONDS
        if not (_number(value, whole=memory) and least <= value <= most):
            kind = text("a whole number of megabytes") if memory else text("a number of seconds")
            raise written.wrong(
                (*keys, key),
                "{key} is {value}; it is {kind}, from {least:g} to {most:,}.",
                key=key,
                value=_shown(value),
                kind=kind,
                least=least,
                most=most,
            )
    given: dict[str, Any] = {key: float(value) for key, value in table.items() if key != "memory_mb"}
    if "memory_mb" in table:
        given["memory"] = table["memory_mb"] * _MB
    return replace(base, **given)


def _assignment(
    written: Written, keys: tuple[str, ...], table: Mapping[str, Any], base: Settings, zone: datetime.tzinfo | None
) -> Settings:
    if "due" in table and base.due is not None:
        raise written.wrong((*keys, "due"), "the due date of {keys} stands in [due] as well; keep one.", keys=keys[1])
    due = _due(written, (*keys, "due"), table["due"], zone) if "due" in table else base.due
    questions = table.get("questions", [])
    if not (isinstance(questions, list) and all(isinstance(one, str) for one in questions)):
        raise written.wrong((*keys, "questions"), 'questions is a list of ids, like ["pool-1d", "pool-2d"].')
    points = written.table((*keys, "points"))
    for question, value in points.items():
        if not (_number(value) and 0 < value < 1000):
            raise written.wrong(
                (*keys, "points", question),
                "the points of {question} are {value}; they are a number above 0 and below 1000.",
                question=question,
                value=_shown(value),
            )
    shown = table.get("show_solutions", base.show_solutions)
    if shown is not None and not isinstance(shown, bool):
        raise written.wrong((*keys, "show_solutions"), "show_solutions is true or false.")
    return replace(
        base, due=due, questions=tuple(questions), points={k: float(v) for k, v in points.items()},
        show_solutions=shown, limits=_limits(written, (*keys, "limits"), base.limits),
    )  # fmt: skip


def _told(
    told: Mapping[str, Any], base: Settings, zone: datetime.tzinfo | None, written: Mapping[str, Any]
) -> Settings:
    """What commands were told, where ``grading.toml`` does not say it."""
    extensions = {key: moment(value, zone) for key, value in dict(told.get("extensions", {})).items()}
    return replace(
        base,
        questions=base.questions or tuple(told.get("questions", ())),
        points={**dict(told.get("points", {})), **base.points},
        due=base.due or moment(told.get("due"), zone),
        extensions={key: value for key, value in extensions.items() if value is not None},
        show_solutions=written.get("show_solutions", told.get("show_solutions")),
        exercises=str(told.get("exercises", "")),
        overlay=str(told.get("overlay", "")),
    )
