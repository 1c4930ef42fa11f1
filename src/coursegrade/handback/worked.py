"""The worked solutions of an assignment, and the chapter that it belongs to.

``release`` keeps them beside the bundle (``solutions.json``, which stays with the instructor). For a release that was
made before there is none; then the masters are read, as far as they still hold its questions.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursegrade.contract import Text, text
from coursegrade.course import Course
from coursegrade.files import read_json
from coursegrade.masters import master
from coursegrade.masters.master import MasterError, Section


@dataclass(frozen=True)
class Worked:
    """By question, in Markdown: the solution, and a model answer that earns all points; and the chapter."""

    solutions: dict[str, Text] = field(default_factory=dict)
    samples: dict[str, Text] = field(default_factory=dict)
    chapter: Text = field(default_factory=lambda: text(""))  # its title
    address: Text = field(default_factory=lambda: text(""))  # empty where the course is not published

    def to_json(self) -> dict[str, object]:
        """As plain dictionaries."""
        return asdict(self)


def worked(name: str, exercises: Path, *, overlay: Path | None = None) -> Worked:
    """What the masters say; raises ``MasterError``."""
    from coursegrade.masters.release import EDITIONS, _site, assignment

    task = assignment(name, exercises, overlay=overlay)
    solutions, samples = {}, {}
    for pair in task.pairs():
        sides = dict(zip(EDITIONS, pair, strict=True))
        identifier = pair[0].id
        solutions[identifier] = Text((k, _solution(side, k)) for k, side in sides.items())
        best = Text((k, next((b.source for b in s.of("sample") if b.score == s.points), "")) for k, s in sides.items())
        if any(best.values()):
            samples[identifier] = best
    sites = {language: _site(exercises, language) for language in EDITIONS}
    return Worked(
        solutions,
        samples,
        Text((k, titles.get(name, "")) for k, (_, titles) in sites.items()),
        Text((k, f"{base}/book/{name}.html" if base and name in titles else "") for k, (base, titles) in sites.items()),
    )


def _solution(section: Section, language: str) -> str:
    from coursegrade.masters.release import plain

    parts = [f"```python\n{master.reference(b.source)}\n```" for b in section.of("answer") if b.kind == "code"]
    for block in section.of("solution"):
        try:
            parts.append(plain(block.source, language, site="", titles={}))
        except MasterError:  # a directive without a plain form is shown as it is written
            parts.append(block.source)
    return "\n\n".join(parts)


def read_worked(course: Course, assignment: str) -> Worked:
    """The solutions that were released, else those of the masters, else none."""
    data = read_json(course.release(assignment) / "solutions.json")
    if isinstance(data, dict):
        solutions, samples = ({q: Text(words) for q, words in data[key].items()} for key in ("solutions", "samples"))
        return Worked(solutions, samples, Text(data["chapter"]), Text(data["address"]))
    try:
        return worked(assignment, course.root / course.exercises)
    except (MasterError, OSError):
        return Worked()


def opened(course: Course, assignment: str, now: datetime.datetime | None = None) -> bool:
    """Whether students may see solutions and rubrics.

    ``show_solutions`` of the assignment says so; where it says nothing, they may once nobody may hand in any more.
    """
    told = course.settings(assignment)
    if told.show_solutions is not None:
        return told.show_solutions
    due = told.until
    return due is not None and due <= (now or datetime.datetime.now(datetime.UTC))
