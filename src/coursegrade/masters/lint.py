"""Find what is wrong with a master before a student does.

The form: ids, points, tests, hints, twins. The behaviour: the solution earns all points, the stub none, each wrong
answer exactly what its author declared. Answers run in this process, so this is for authors' own code only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from coursecode.check import Rand, Student, Verdict, close, floats, holds, judge
from coursegrade.contract import Bundle, text
from coursegrade.masters import master, release
from coursegrade.masters.master import Block, Section
from coursegrade.masters.release import Assignment

WRONG = 3  # seeded wrong answers, or graded samples of a written answer
HINTS = 2
_HINT = {
    language: re.compile(rf"^:{{3,}}\{{dropdown\}} {word}(?![a-z])", re.M)
    for language, word in text("Hint||with which the title of a hint begins").items()
}


# -- the form -----------------------------------------------------------------------------------------------------


def form_problems(task: Assignment) -> list[str]:
    """What the form of a chapter's exercises lacks, as ``file:line: problem``; nothing is run.

    What only makes a question of an overlay better is in ``form_warnings``.
    """
    hard, soft = _form(task)
    return [*hard, *(problem for section, problem in soft if not section.own)]


def form_warnings(task: Assignment) -> list[str]:
    """What the published questions have and a question of an overlay lacks: it can be released without."""
    found = [problem for section, problem in _form(task)[1] if section.own]
    once = [a for a, b in task.pairs() if a is b]
    found += [f"{a.path}:{a.line}: {a.id} is asked in one language only; its twin is missing" for a in once]
    return found


def _form(task: Assignment) -> tuple[list[str], list[tuple[Section, str]]]:
    hard: list[str] = []
    soft: list[tuple[Section, str]] = []
    seen: dict[str, str] = {}
    path = task.en.path
    if not task.en.questions:
        return [f"{path}:1: there is no question; a question is a ## section with an answer cell"], []
    blocks = [(path, block) for block in task.en.opening]
    blocks += [(section.path, block) for section in task.en.sections for block in section.blocks]
    for where, block in blocks:
        if not block.id or (block.role in {"wrong", "sample"}):
            continue
        here = f"{where}:{block.line}"
        if block.id in seen:
            hard.append(f"{here}: the id {block.id} stands at {seen[block.id]} already; rename one")
        seen.setdefault(block.id, here)
    for en, zh in task.pairs():
        more, less = _question_problems(task, en)
        hard += more
        soft += [(en, problem) for problem in less]
        for language, side in (("en", en), ("zh", zh)):
            here = f"{side.path}:{side.line}"
            hints = (
                max(len(pattern.findall(side.text)) for pattern in _HINT.values())
                if side.own
                else (len(_HINT[language].findall(side.text)))
            )
            if hints < HINTS:
                soft.append((side, f"{here}: {hints} hints; write {HINTS} or more, each in a :::{{dropdown}} Hint …"))
            if not any(block.source.strip() for block in side.of("solution")):
                soft.append((side, f'{here}: no worked solution; explain it below +++ {{"tags": ["solution"]}}'))
            if side is zh and en is zh:
                break
    try:
        for language in release.EDITIONS:
            release.notebook(task, language, path.parent)
        release.bundle(task, path.parent)
    except ValueError as error:
        named = ":" in str(error).partition(" ")[0]
        hard += [str(error)] if named else [] if hard else [f"{path}:1: {error}"]
    return hard, soft


def _question_problems(task: Assignment, section: Section) -> tuple[list[str], list[str]]:
    """What forbids to release a question, and what a published one must have besides."""
    hard: list[str] = []
    soft: list[str] = []

    def add(line: int, problem: str, found: list[str] = hard) -> None:
        found.append(f"{section.path}:{line}: {problem}")

    if not section.label.startswith(f"ex-{task.name}-"):
        add(section.line, f"the label is {section.label}; begin it with ex-{task.name}-", soft)
    if not section.level:
        add(section.line, f"no level; write '% level: ' and one of {', '.join(master.LEVELS)} below the title", soft)
    if section.points <= 0:
        add(section.line, "the question is worth no points; give its tests points=")
    ids = [block.id for block in [*section.of("wrong"), *section.of("sample")]]
    if twice := {one for one in ids if ids.count(one) > 1}:
        add(section.line, f"two wrong answers are called {min(twice)}; rename one")
    if section.written:
        if not any(block.source.strip() for block in section.of("rubric")):
            add(section.line, 'no rubric; write it below +++ {"tags": ["rubric"]}', soft)
        if len(section.of("sample")) < WRONG:
            few = len(section.of("sample"))
            add(section.line, f"{few} sample answers; write {WRONG} or more, with their scores", soft)
    else:
        hidden = [block.hidden for block in section.of("test")]
        for kind, present in (("visible", False in hidden), ("hidden", True in hidden)):
            if not present:
                tags = f"{'hidden, ' * (kind == 'hidden')}id=…, points=…"
                add(section.line, f"no {kind} test; add a cell [test, {tags}]", soft)
        if len(section.of("wrong")) < WRONG:
            few = len(section.of("wrong"))
            add(section.line, f"{few} wrong answers; write {WRONG} or more, with their scores", soft)
        for block in section.of("answer"):
            try:
                if not master.solution_lines(block.source):
                    add(block.line, "no solution; put it between ### BEGIN SOLUTION and ### END SOLUTION")
                compile(master.released(block.source), "stub", "exec")
            except (master.MasterError, SyntaxError) as error:
                add(block.line, str(error))
    for block in [*section.of("wrong"), *section.of("sample")]:
        too_much = block.score > section.points + 1e-9
        if too_much or (block.role == "wrong" and abs(block.score - section.points) < 1e-9):
            add(block.line, f"score={block.score:g}, but the question is worth {section.points:g}; declare less")
    return hard, soft


# -- the behaviour ------------------------------------------------------------------------------------------------


def run_tests(tests: Iterable[Any], answer: Student, *, seed: str) -> dict[str, list[Verdict]]:
    """The ticks of each test by its id; a test is anything with ``id``, ``source`` and ``hidden``."""
    found: dict[str, list[Verdict]] = {}
    for test in tests:
        ticks: list[Verdict] = []

        def check(label: str, thunk: Any, test: Any = test, ticks: list[Verdict] = ticks) -> None:
            ticks.append(judge(label, thunk, hidden=test.hidden))

        names = {
            "student": answer,
            "check": check,
            "close": close,
            "floats": floats,
            "holds": holds,
            "torch": torch,
            "F": F,
        }
        exec(compile(test.source, test.id, "exec"), names | {"rand": Rand(f"{seed} {test.id}")})
        found[test.id] = ticks
    return found


def earned(tests: Iterable[Any], answers: Iterable[str], *, setup: str, seed: str = "lint") -> float:
    """The points that answer cells earn from ``tests`` (of a master or of a bundle)."""
    names: dict[str, Any] = {"__name__": "answer"}
    exec(compile(setup, "setup", "exec"), names)
    for answer in answers:
        try:
            exec(compile(answer, "answer", "exec"), names)
        except Exception:  # what a student's notebook does as well: the next cells run
            continue
    tests = list(tests)
    ticks = run_tests(tests, Student(lambda: names), seed=seed)
    total = 0.0
    for test in tests:
        passed = [tick.passed for tick in ticks[test.id]]
        total += test.points * sum(passed) / max(len(passed), 1)
    return total


def behaviour_problems(task: Assignment, *, seed: str = "lint") -> list[str]:
    """Solutions below 100 %, stubs above 0, and wrong answers that do not get what their author declared."""
    found = []
    made: Bundle = release.bundle(task, task.en.path.parent)
    for section in task.en.questions:
        if section.written:
            continue
        tests = made.question(section.id).tests
        cells = section.of("answer")

        def add(block: Block | Section, what: str, wanted: float, got: float) -> None:
            if abs(wanted - got) > 1e-6:
                found.append(
                    f"{section.path}:{block.line}: {what} earns {got:g} points of {section.points:g}, "  # noqa: B023
                    f"but it deserves {wanted:g}; mend the tests or the score"
                )

        def earns(answers: list[str]) -> float:
            return earned(tests, answers, setup=task.en.setup, seed=seed)  # noqa: B023

        add(section, "the solution", section.points, earns([master.reference(b.source) for b in cells]))
        add(section, "the stub", 0.0, earns([master.released(b.source) for b in cells]))
        for wrong in section.of("wrong"):
            add(wrong, f"the wrong answer {wrong.id}", wrong.score, earns([wrong.source]))
    return found


def problems(exercises: Path, names: Iterable[str] = ()) -> list[str]:
    """Everything that is wrong with these masters of a folder, or with all of them."""
    found = []
    for name in names or release.available(exercises):
        try:
            task = release.assignment(name, exercises)
        except master.MasterError as error:
            found.append(str(error))
            continue
        found += form_problems(task) or behaviour_problems(task)
    return found
