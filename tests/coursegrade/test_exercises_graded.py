"""Every exercise through the real engine: caged answers, tests outside; solutions, stubs, wrong answers, warnings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from right_answers import RIGHT, TRAINS
from root import ROOT

from coursegrade.cage.sandbox import ContainmentError, Sandbox, datasets
from coursegrade.cage.unit import grade
from coursegrade.contract import Bundle, Limits, Result
from coursegrade.course import Course, init
from coursegrade.masters import master, release
from coursegrade.masters.master import Section

MASTERS = ROOT / "exercises"
NAMES = release.available(MASTERS)
NOISE = "import sys, warnings\nwarnings.warn('a warning')\nprint('a line')\nprint('another', file=sys.stderr)\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(Sandbox(hidden=datasets()))  # no exercise needs to open them
        except ContainmentError as error:
            pytest.skip(f"nothing is run uncontained: {error}")
        yield opened


class Class:
    """A chapter's bundle, and submissions to it made from answers."""

    def __init__(self, name: str, sandbox: Sandbox, limits: Limits) -> None:
        self.limits = limits
        self.task = release.assignment(name, MASTERS)
        self.bundle: Bundle = release.bundle(self.task, MASTERS)
        self.sandbox = sandbox
        self.questions = [question for question in self.task.en.questions if not question.written]

    def graded(self, answers: dict[str, list[str]]) -> Result:
        """Grade a notebook in which the answer cells of each question hold ``answers[question.id]``."""
        notebook = release.notebook(self.task, "en", MASTERS)
        given = {
            block.id: text
            for question in self.questions
            for block, text in zip(question.of("answer"), answers[question.id], strict=True)
        }
        for cell, known in zip(notebook["cells"], self.bundle.cells, strict=True):
            cell["metadata"]["coursecode"] = {"role": known.role}
            if cell["id"] in given:
                cell["source"] = given[cell["id"]]
        data = json.dumps(notebook).encode()
        return grade(self.bundle, data, seed="secret", limits=self.limits, student="anna", sandbox=self.sandbox)

    def earned(self, answers: dict[str, list[str]]) -> dict[str, float | None]:
        result = self.graded(answers)
        assert result.status == "graded", result.reason
        return {question.id: question.earned for question in result.questions}


@pytest.fixture(scope="module", params=NAMES)
def course(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Class:
    folder = tmp_path_factory.mktemp("class")
    init(folder, name="class", exercises=MASTERS)
    (folder / "roster.csv").write_text("id,name\nanna,Anna\n")
    return Class(request.param, sandbox, Course.load(folder).settings(request.param).limits)


def solutions(question: Section) -> list[str]:
    return [master.reference(block.source) for block in question.of("answer")]


def beside(question: Section) -> list[str]:
    """The solution, where a test is about other questions; the stub, where the solution trains for many seconds."""
    return [master.released(b.source) for b in question.of("answer")] if question.id in TRAINS else solutions(question)


def test_solutions_get_all_points_and_written_answers_wait_for_a_person(course):
    earned = course.earned({q.id: solutions(q) for q in course.questions})
    for question in course.task.en.questions:
        wanted = None if question.written else pytest.approx(question.points)
        assert earned[question.id] == wanted, question.id


def test_stubs_get_nothing(course):
    stubs = {q.id: [master.released(block.source) for block in q.of("answer")] for q in course.questions}
    assert set(course.earned(stubs).values()) <= {0.0, None}


def test_right_answers_that_warn_and_print_get_all_points(course):
    earned = course.earned({q.id: [NOISE + text for text in solutions(q)] for q in course.questions})
    assert {q.id: earned[q.id] for q in course.questions} == pytest.approx({q.id: q.points for q in course.questions})


@pytest.mark.parametrize("number", range(6))
def test_wrong_answers_get_what_was_declared(course, number):
    """The n-th wrong answer of every question in one notebook."""
    chosen = {q.id: wrongs[number] for q in course.questions if len(wrongs := q.of("wrong")) > number}
    answers = {q.id: [chosen[q.id].source] if q.id in chosen else beside(q) for q in course.questions}
    earned = course.earned(answers)
    assert {one: earned[one] for one in chosen} == pytest.approx({one: block.score for one, block in chosen.items()})


@pytest.mark.parametrize("number", range(max(map(len, RIGHT.values()))))
def test_right_answers_of_other_kinds_get_all_points(course, number):
    """The n-th of every question in one notebook."""
    ways = {q.id: RIGHT.get(q.of("answer")[0].id, []) for q in course.questions}
    answers = {q.id: [ways[q.id][number]] if len(ways[q.id]) > number else beside(q) for q in course.questions}
    earned = course.earned(answers)
    right = {q.id: q.points for q in course.questions if len(ways[q.id]) > number or q.id not in TRAINS}
    assert {one: earned[one] for one in right} == pytest.approx(right)


def test_every_other_right_answer_belongs_to_an_exercise():
    tasks = [release.assignment(name, MASTERS) for name in NAMES]
    ids = {block.id for task in tasks for question in task.en.questions for block in question.of("answer")}
    assert set(RIGHT) <= ids


def test_feedback_of_a_wrong_answer_holds_no_hidden_line(course):
    answers = {q.id: [q.of("wrong")[0].source] for q in course.questions}
    told = json.dumps(course.graded(answers).to_json(), ensure_ascii=False)
    hidden = {line.strip() for b in course.task.en.blocks() if b.hidden for line in b.source.split("\n")}
    assert not [line for line in hidden if len(line) >= 12 and line in told]
