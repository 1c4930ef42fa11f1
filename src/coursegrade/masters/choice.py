"""``coursecode grade release`` for a class: which questions, for how many points, due when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coursegrade import settings
from coursegrade.contract import Bundle, ContractError, Text, text
from coursegrade.course import Course
from coursegrade.files import Problem, read_json
from coursegrade.intake.encodings import decode


@dataclass(frozen=True)
class Released:
    """The folders that were written, and what there is to say."""

    folders: list[Path]
    notes: list[Text]


def release_chosen(
    course: Course,
    names: Sequence[str],
    *,
    exercises: Path | None = None,
    overlay: Path | None = None,
    questions: str | None = None,
    points: Sequence[str] = (),
    due: str | None = None,
) -> Released:
    """Release, with what was chosen now or before; a choice is kept for the next time once the release is written.

    Raises ``Problem`` for a choice that stands in ``grading.toml`` too, and ``MasterError`` as ``release`` does.
    """
    from coursegrade.masters import lint, release

    if (questions or points or due) and len(names) != 1:
        raise Problem("--questions, --points and --due are for one assignment; release each by itself.")
    masters = exercises or course.root / course.exercises
    told = _told(course, questions, points, due)
    for name in names:
        _only_here(course, name, told)
    wanted = {course.check_name(name): _with(course.settings(name), told) for name in names}
    private = {name: overlay or (Path(one.overlay) if one.overlay else None) for name, one in wanted.items()}
    before = {name: _version(course, name) for name in names}
    folders: list[Path] = []
    notes: list[Text] = []
    for name, one in wanted.items():
        where = private[name]
        folders += release.release([name], out=course.root / "release", exercises=masters, overlay=where,
                                   settings={name: one})  # fmt: skip
        kept: dict[str, Any] = dict(told)
        if "questions" in told or "points" in told:
            kept["points"] = {q: p for q, p in one.points.items() if q not in _written(course, name).get("points", {})}
        settings.remember(
            course.root, name, **kept, exercises=str(masters.resolve()), overlay=str(where.resolve()) if where else None
        )
        notes += [text("note: {w}", w=w) for w in lint.form_warnings(
            release.assignment(name, masters, overlay=where))]  # fmt: skip
        graded = sum(1 for _ in (course.root / "results" / name).glob("*.json"))
        if before[name] not in ("", _version(course, name)) and graded:
            notes.append(
                text(
                    "{name} changed, and {graded:| submission is| submissions are} graded by the version before. "
                    "coursecode grade run {name} grades them anew and says whose score changes before it is written.",
                    name=name,
                    graded=graded,
                )
            )
    return Released(folders, notes)


def _told(course: Course, questions: str | None, points: Sequence[str], due: str | None) -> dict[str, Any]:
    """What was chosen now, as ``grading.toml`` would say it."""
    from coursegrade.term import due_date

    told: dict[str, Any] = {}
    if questions is not None:
        chosen = [one.strip() for one in questions.split(",") if one.strip()]
        told["questions"] = [] if chosen == ["all"] else chosen
    if points:
        told["points"] = _points(points)
    if due is not None:
        told["due"] = due_date(due, course).isoformat()
    return told


def _points(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for one in given:
        question, _, value = one.partition("=")
        try:
            found[question.strip()] = number = float(value)
        except ValueError:
            number = -1.0
        if not (0 < number < 1000 and question.strip()):
            raise Problem(
                "--points {one}: write it as QUESTION=POINTS, with a number above 0, like --points pool-1d=6.", one=one
            )
    return found


def _written(course: Course, name: str) -> dict[str, Any]:
    path = course.root / "grading.toml"
    written = settings.Written.load(path, decode(path.read_bytes())[0])
    table = dict(written.table(("assignments",)).get(name, {}))
    if name in written.table(("due",)):
        table["due"] = written.table(("due",))[name]
    return table


def _only_here(course: Course, name: str, told: dict[str, Any]) -> None:
    if twice := sorted(set(told) & set(_written(course, name))):
        raise Problem(
            "grading.toml says {twice} of {name}; change it there, or take it out.", twice=twice[0], name=name
        )


def _with(base: settings.Settings, told: dict[str, Any]) -> settings.Settings:
    questions = tuple(told.get("questions", base.questions))
    points = {**base.points, **told.get("points", {})}
    if told.get("questions"):  # points that were chosen for others before are of no use any more
        points = {q: p for q, p in points.items() if q in questions or q in told.get("points", {})}
    due = settings.moment(told["due"], None) if "due" in told else base.due
    return replace(base, questions=questions, points=points, due=due)


def _version(course: Course, name: str) -> str:
    try:
        return Bundle.from_json(read_json(course.release(name) / "bundle.json")).version
    except ContractError:
        return ""
