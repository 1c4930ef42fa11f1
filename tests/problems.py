"""What the tests of the rules share: a rule gives a list of problems, each "file:line: problem: mend" as text."""

from __future__ import annotations

from collections.abc import Iterable


def none(problems: Iterable[object]) -> None:
    """Fail with one problem a line."""
    lines = told(problems)
    assert not lines, f"{len(lines)} found\n" + "\n".join(lines)


def told(problems: Iterable[object]) -> list[str]:
    """Each problem as its author reads it."""
    return [str(problem) for problem in problems]
