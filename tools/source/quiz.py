"""Quick questions: a choice or a number, with feedback for every option and a check that proves the right answer.

    :::{quiz} A map of 7×7 is pooled with a window of 2 and a stride of 2. How high is the output?
    :name: quiz-pooling-size
    :check: [7 // 2 == m for m in (3, 4)]

    - [x] 3
      Three windows fit.
    - [ ] 4
      The last one would leave the map.
    :::

With ``:kind: number`` the reader types a number: the options are answers that deserve a feedback of their own, ``*``
stands for any other, and ``check`` gives the right number. ``tools/site/quizzes.py`` shows a question on the
site and ``tools/notebooks/plain.py`` in a notebook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.source.chapters import parse_text
from tools.source.words import text

WORDS = {
    "right": text("Right."),
    "wrong": text("Not yet."),
    "answers": text("The answer, and why"),
    "check": text("Check"),
    "number": text("Your number"),
    "empty": text("Write a number into the field first."),
    "letter": text("Quick question."),
    "other": text("any other number"),
    "colon": text(": "),
    "gap": text(" ||between sentences"),
}
_OPTION = re.compile(r"^- \[([ x])\] (.+?)\s*$")


class QuizError(ValueError):
    """A question that does not say what it must."""


@dataclass(frozen=True)
class Option:
    """An answer, whether it is right, and what the reader is told who gives it."""

    text: str
    right: bool
    feedback: str


@dataclass(frozen=True)
class Quiz:
    """A question with its options; ``kind`` is "choice" or "number"."""

    name: str
    question: str
    kind: str
    check: str
    options: tuple[Option, ...]

    @property
    def right(self) -> int:
        """The index of the right option."""
        return next(i for i, option in enumerate(self.options) if option.right)


def parse(question: str, body: Sequence[str], settings: Mapping[str, str]) -> Quiz:
    """A question from the lines of its directive.

    Raises ``QuizError``.
    """
    name, kind = settings.get("name", ""), settings.get("kind", "choice")
    if not re.fullmatch(r"quiz-[a-z0-9-]+", name):
        raise QuizError(f"the question has the name {name!r}; give :name: quiz-CHAPTER-topic, in small letters")
    if kind not in {"choice", "number"}:
        raise QuizError(f"{name}: the kind is {kind!r}; it is choice or number")
    found: list[tuple[str, bool, list[str]]] = []
    for line in body:
        if match := _OPTION.match(line):
            found.append((match[2], match[1] == "x", []))
        elif line.strip() and line.startswith("  ") and found:
            found[-1][2].append(line.strip())
        elif line.strip():
            raise QuizError(f"{name}: {line.strip()!r} is neither an option '- [ ] …' nor its indented feedback")
    options = tuple(Option(text, right, "\n".join(told)) for text, right, told in found)
    if len(options) < 2 or sum(option.right for option in options) != 1:
        raise QuizError(f"{name}: {len(options)} options; write two or more, exactly one of them '- [x]'")
    if silent := [option.text for option in options if not option.feedback]:
        raise QuizError(f"{name}: the option {silent[0]!r} has no feedback; write it below, indented by two spaces")
    if kind == "number":
        for option in options:
            if option.text != "*" and not re.fullmatch(r"-?\d+(\.\d+)?", option.text):
                raise QuizError(f"{name}: {option.text!r} is no plain number and not *")
        if options[-1].text != "*":
            raise QuizError(f"{name}: the last option is {options[-1].text!r}; end with '- [ ] *' for any other number")
    return Quiz(name, question, kind, settings.get("check", ""), options)


def blocks(text: str) -> list[Quiz]:
    """All questions in a page's text."""
    found = (directive for directive in parse_text(text).directives if directive.name == "quiz")
    return [parse(directive.argument, directive.body, directive.options) for directive in found]


def wrong(quiz: Quiz, names: Mapping[str, Any]) -> str:
    """What the question's check says against its marked answer; empty where they agree."""
    if not quiz.check:
        return f"{quiz.name} has no :check:, so nothing proves its answer"
    found = eval(compile(quiz.check, quiz.name, "eval"), dict(names))
    if quiz.kind == "number":
        wanted: Any = float(quiz.options[quiz.right].text)
        return (
            "" if float(found) == wanted else f"{quiz.name}: its check gives {found}, the marked answer is {wanted:g}"
        )
    wanted = [option.right for option in quiz.options]
    given = [bool(value) for value in found]
    return "" if given == wanted else f"{quiz.name}: its check gives {given}, the marks are {wanted}"


def plain(quiz: Quiz, language: str) -> list[str]:
    """The question as lines of ordinary Markdown, the answer folded."""
    words = {key: said[language] for key, said in WORDS.items()}
    out = [f"**{words['letter']}** {quiz.question}", ""]
    marks = [chr(ord("A") + i) for i in range(len(quiz.options))]
    if quiz.kind == "choice":
        out += [
            *(f"- {mark}{words['colon']}{option.text}" for mark, option in zip(marks, quiz.options, strict=True)),
            "",
        ]
    else:
        marks = [option.text if option.text != "*" else words["other"] for option in quiz.options]
    out += ["<details>", f"<summary>{words['answers']}</summary>", ""]
    for mark, option in zip(marks, quiz.options, strict=True):
        verdict = words["right"] if option.right else words["wrong"]
        out.append(f"- **{mark}**{words['colon']}{verdict}{words['gap']}{' '.join(option.feedback.split())}")
    return [*out, "", "</details>"]
