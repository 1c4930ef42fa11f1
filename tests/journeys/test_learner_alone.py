"""A learner alone with the book's exercises: a wrong answer is told so with a reason, a right one is told right.

She has the notebook of a chapter and nothing else: its cells are run in a fresh kernel, answers are typed into its
answer cells, and what its check cells print is what she reads.
"""

from __future__ import annotations

import ast
import dis
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from problems import none
from right_answers import KEEPS, RIGHT, TRAINS
from root import ROOT

from coursegrade.masters import master, release
from coursegrade.masters.master import Section

MASTERS = ROOT / "exercises"
NAMES = release.available(MASTERS)
EDITIONS = [(name, "en") for name in NAMES] + [("pooling", "zh")]
NONE = {"en": "it gave None; is a return missing?", "zh": "结果是 None；是不是忘了写 return？"}
CHINESE = re.compile("[\u4e00-\u9fff]")


@dataclass
class Exercise:
    """A question as its notebook shows it: the stub, the cells that check it, and the texts behind them."""

    question: Section
    stub: str
    checks: list[str]
    behind: str

    @property
    def solution(self) -> str:
        return "\n\n\n".join(master.reference(block.source) for block in self.question.of("answer"))

    @property
    def trains(self) -> bool:
        """Whether its right answer takes many seconds of a processor."""
        return self.question.id in TRAINS


class Learner:
    """A kernel in which the notebook's first cells have run."""

    def __init__(self, name: str, language: str, client: BlockingKernelClient) -> None:
        self.language, self.client = language, client
        self.heard: dict[tuple[str, str], str] = {}
        folder = ROOT / "book" if language == "en" else ROOT / "zh" / "book"
        self.cells = nbformat.read(folder / f"exercises-{name}.ipynb", as_version=4).cells
        self.task = release.assignment(name, MASTERS).masters[language]
        self.exercises = [self._exercise(question) for question in self.task.questions if not question.written]
        first = [cell.source for cell in self.cells if cell.cell_type == "code"][:2]
        assert [self.run(source) for source in first] == ["", ""]

    def _exercise(self, question: Section) -> Exercise:
        (answer,) = question.of("answer")
        stub = master.released(answer.source)
        at = next(i for i, cell in enumerate(self.cells) if cell.cell_type == "code" and cell.source == stub)
        end = next(i for i in range(at + 1, len(self.cells)) if self.cells[i].cell_type != "code")
        return Exercise(question, stub, [cell.source for cell in self.cells[at + 1 : end]], self.cells[end].source)

    def run(self, source: str) -> str:
        """What a cell prints; a traceback counts as printed."""
        printed: list[str] = []

        def keep(message: dict[str, dict[str, object]]) -> None:
            content = message["content"]
            printed.append(str(content.get("text") or "\n".join(map(str, content.get("traceback", [])))))  # type: ignore[call-overload]

        self.client.execute_interactive(source, output_hook=keep, timeout=120)
        return "".join(printed)

    def told(self, exercise: Exercise, answer: str, *, right: bool = False) -> str:
        """What the check cells print after an answer was typed over the stub.

        A ``right`` one that trains for long does so once: what it learned is kept for the ways to write the same.
        """
        key = exercise.stub, same(answer), right
        if key not in self.heard:
            self.run(exercise.stub)
            self.run(answer)
            if exercise.trains:
                self.run("rand.__init__('learner')" + KEEPS * right)  # every answer gets the same pictures
            self.heard[key] = "".join(self.run(source) for source in exercise.checks)
        return self.heard[key]


def same(answer: str) -> str:
    """What two answers have in common that differ in empty lines and comments alone."""
    try:
        return ast.dump(ast.parse(answer))
    except SyntaxError:  # a magic
        return answer


@pytest.fixture(scope="module", params=EDITIONS, ids="-".join)
def learner(request: pytest.FixtureRequest) -> Iterator[Learner]:
    manager, client = start_new_kernel(cwd=str(ROOT / "book"))
    try:
        yield Learner(*request.param, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def lines(told: str, sign: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith(sign)]


def is_right(told: str) -> bool:
    return bool(lines(told, "✓")) and not lines(told, "✗") and not lines(told, "○")


def test_the_blank_notebook_says_that_nothing_is_answered(learner):
    for exercise in learner.exercises:
        told = learner.told(exercise, exercise.stub).splitlines()
        names = set(re.findall(r"^(?:def )?(\w+)(?: = \.\.\.|\()", exercise.stub, re.MULTILINE))
        assert told
        assert {line.removeprefix("○ ") for line in told} <= names


def test_each_wrong_answer_is_told_so_with_a_reason(learner):
    problems, count = [], 0
    for exercise in learner.exercises:
        for wrong in exercise.question.of("wrong"):
            count += 1
            told = learner.told(exercise, wrong.source)
            if not lines(told, "✗") and not lines(told, "○"):
                problems.append(f"{wrong.id} is told right:\n{told}")
            colon = "：" if learner.language == "zh" else ": "
            problems += [f"{wrong.id} gets no reason: {line}" for line in lines(told, "✗") if colon not in line]
            if re.search("Traceback|not defined", told):
                problems.append(f"{wrong.id} gets a traceback:\n{told}")
    assert count >= 3 * len(learner.exercises)
    none(problems)


def test_a_wrong_value_is_shown_with_its_call_and_what_is_right(learner):
    gave, right = ("gave", "right") if learner.language == "en" else ("得到", "应为")
    called = 0
    for exercise in learner.exercises:
        for wrong in exercise.question.of("wrong"):
            told = learner.told(exercise, wrong.source)
            called += bool(re.search(rf"^    \w+\(.*\)\n    {gave} .*\n    {right} ", told, re.MULTILINE))
    assert called >= len(learner.exercises)


@pytest.mark.parametrize("constant", ["0", "None", "1"])
def test_a_constant_everywhere_is_told_wrong_in_every_exercise(learner, constant):
    problems = []
    for exercise in learner.exercises:
        answer = exercise.stub.replace("raise NotImplementedError", f"return {constant}").replace("...", constant)
        told = learner.told(exercise, answer)
        if not lines(told, "✗"):
            problems.append(f"{exercise.question.id}: return {constant} gets\n{told}")
    none(problems)


def forgotten(exercise: Exercise) -> str:
    """The right answer without the returns of what is asked for; a helper of one's own keeps its return."""
    asked = re.findall(r"^def (\w+)\(", exercise.stub, re.MULTILINE)
    solution = exercise.solution
    if exercise.trains:  # for an epoch: what it learned is lost
        whole, short = TRAINS[exercise.question.id]
        assert whole in solution
        solution = solution.replace(whole, short)
    parts = re.split(r"^(?=def )", solution, flags=re.MULTILINE)
    return "".join(
        part
        if (own := re.match(r"def (\w+)\(", part)) and own[1] not in asked
        else re.sub(r"^( +)return ", r"\1result = ", part, flags=re.MULTILINE)
        for part in parts
    )


def test_a_forgotten_return_is_named(learner):
    problems = []
    for exercise in learner.exercises:
        if "return" in exercise.solution:
            told = learner.told(exercise, forgotten(exercise))
            if NONE[learner.language] not in told:
                problems.append(f"{exercise.question.id} gets\n{told}")
    none(problems)


def variants(exercise: Exercise) -> dict[str, str]:
    """The right answer as people leave it in their cell."""
    right = exercise.solution
    found = {
        "as it is": right,
        "%%time": f"%%time\n{right}",
        "%matplotlib": f"%matplotlib inline\n{right}",
        "a comment and a print": f"# my answer\n{right}\nprint('done')",
        "an own helper": f"def helper(x):\n    return x\n\n\n{right}",
        "the stub as a comment": f"{right}\n# raise NotImplementedError",
        "in a condition": "if True:\n" + "".join(f"    {line}\n" if line else "\n" for line in right.split("\n")),
    }
    if (last := right.split("\n")[-1]).startswith("    return "):
        found["the stub below the return"] = f"{right}\n    raise NotImplementedError"
        name = re.findall(r"^def (\w+)\(", right, re.MULTILINE)[-1]
        found["a tuple for a list"] = (
            f"{right}\n\n\n_own = {name}\n\n\ndef {name}(*args):\n"
            "    found = _own(*args)\n    return tuple(found) if isinstance(found, list) else found"
        )
        assert last
    return found


def test_each_right_answer_is_told_right(learner):
    problems = []
    for exercise in learner.exercises:
        for how, answer in variants(exercise).items():
            told = learner.told(exercise, answer, right=True)
            if not is_right(told):
                problems.append(f"{exercise.question.id}, {how}:\n{told}")
    none(problems)


def test_right_answers_of_other_kinds_are_told_right(learner):
    problems = []
    for exercise in learner.exercises:
        (answer,) = exercise.question.of("answer")
        for way in RIGHT.get(answer.id, []):
            if not is_right(told := learner.told(exercise, way.strip())):
                problems.append(f"{answer.id}: {way}\n{told}")
    none(problems)


def test_a_right_answer_is_right_in_double_precision_too(learner):
    """She sets PyTorch's default type once, and what a check draws has it as well."""
    learner.run("torch.set_default_dtype(torch.float64)")
    try:
        problems = [
            f"{exercise.question.id}:\n{told}"
            for exercise in learner.exercises
            if not exercise.trains
            and ".float()" not in exercise.solution  # an answer that mixes types fails in her notebook, and says why
            and not is_right(told := learner.told(exercise, f"{exercise.solution}\ntwice_as_precise = True"))
        ]
    finally:
        learner.run("torch.set_default_dtype(torch.float32)")
    none(problems)


def stored(code: CodeType) -> set[str]:
    """Every name that the code binds, in its functions as well."""
    steps = [step for step in dis.get_instructions(code) if step.opname in {"STORE_NAME", "STORE_GLOBAL"}]
    own = {str(step.argval) for step in steps} | {*code.co_varnames, *code.co_cellvars}
    inside = [stored(part) for part in code.co_consts if isinstance(part, CodeType)]
    return {name for name in own.union(*inside) if name.isidentifier()}


def test_a_check_leaves_the_learner_s_own_names_alone(learner):
    """She has a value of her own under every name that a check gives to something."""
    problems, count = [], 0
    first = [cell.source for cell in learner.cells if cell.cell_type == "code"][:2]
    kept = stored(compile("\n".join(first), "first", "exec"))
    for exercise in learner.exercises:
        inside = stored(compile("\n".join(exercise.checks), "check", "exec"))
        names = sorted(inside - kept - stored(compile(exercise.solution, "answer", "exec")) - {"_tests"})
        count += len(names)
        told = learner.told(exercise, "".join(f"{name} = 'mine'\n" for name in names) + exercise.solution, right=True)
        lost = learner.run(f"print(*[name for name in {names} if globals().get(name) != 'mine'])").split()
        if not is_right(told) or lost:
            problems.append(f"{exercise.question.id} takes {lost}:\n{told}")
    assert count > len(learner.exercises)
    none(problems)


def test_the_checks_speak_the_language_of_the_notebook(learner):
    exercise = learner.exercises[0]
    for answer in (exercise.solution, exercise.question.of("wrong")[0].source):
        for line in re.findall(r"^[✓✗].*$", learner.told(exercise, answer), re.MULTILINE):
            assert bool(CHINESE.search(line)) == (learner.language == "zh"), line
            assert " / " not in line


def test_behind_every_exercise_stands_its_solution_folded(learner):
    for exercise in learner.exercises:
        assert exercise.behind.lstrip().startswith("<details>")
        code = re.findall(r"```python\n(.*?)\n```", exercise.behind, re.DOTALL)
        assert code
        assert is_right(learner.told(exercise, "\n\n\n".join(code), right=True))


def test_behind_every_written_answer_stand_a_model_answer_and_the_rubric(learner):
    texts = [cell.source for cell in learner.cells if cell.cell_type == "markdown"]
    written = [question for question in learner.task.questions if question.written]
    assert written
    for question in written:
        best = next(block.source for block in question.of("sample") if block.score == question.points)
        first = re.split("[.。，,]", best)[0]
        (shown,) = [text for text in texts if first in text]
        assert shown.lstrip().startswith("<details>")
        assert all(line in shown for line in question.of("rubric")[0].source.splitlines())
