"""Marking written answers: one question at a time, its answers in an order that hides who wrote them.

nbgrader's gradebook holds the points and the comment. Beside it, ``marking/NAME.json`` holds which items of the rubric
were given, and ``marking/NAME.log`` every mark that was ever saved, one a line, so that none is lost.
"""

from __future__ import annotations

import datetime
import errno
import hashlib
import hmac
import json
import os
import re
from dataclasses import dataclass, field
from typing import Any

from coursegrade.cage.supervise import Broken, Caps, contained
from coursegrade.contract import Bundle, Question, Text, text
from coursegrade.course import Course
from coursegrade.files import Problem, named, private_folder, read_json, write_json
from coursegrade.handback import formulas
from coursegrade.handback.worked import read_worked
from coursegrade.intake.ingest import earlier_texts, release_texts
from coursegrade.records.gradebook import database, states
from coursegrade.sanitise import Untrusted, prepare

MAX_COMMENT = 10_000  # characters
_UNIT = "|".join(text("points?\\b||how an item of a rubric writes its points: a pattern").values())
_ITEM = re.compile(rf"^(?:[-*] +)?(\d+(?:\.\d+)?) ?(?:{_UNIT}) ?[:：] ?(.*)$", re.IGNORECASE)
_CAPS = Caps(seconds=10.0)  # of showing one answer


@dataclass(frozen=True)
class Item:
    """A line of a rubric: its points and, in both languages, what earns them (Markdown)."""

    points: float
    words: Text


@dataclass(frozen=True)
class Marks:
    """Which items of a rubric a person gave (their numbers, from 0), and the points that came of it."""

    items: tuple[int, ...]
    score: float


@dataclass(frozen=True)
class Mark:
    """What a person gave an answer; ``score`` is None where nobody has marked it."""

    score: float | None = None
    comment: str = ""
    items: tuple[int, ...] = ()

    @property
    def version(self) -> str:
        """What tells whether somebody else changed it meanwhile."""
        return hashlib.sha256(json.dumps([self.score, self.comment]).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """As the page reads it."""
        return {"score": self.score, "comment": self.comment, "items": list(self.items), "version": self.version}


class Conflict(Problem):
    """The mark was changed elsewhere since it was shown; ``now`` is what it is."""

    def __init__(self, sentence: str, /, now: Mark) -> None:
        super().__init__(sentence)
        self.now = now


def rubric_items(rubric: Text) -> list[Item]:
    """The items of a rubric; none where a line is no item (``- 2 points: …``) or the languages differ.

    >>> [(i.points, i.words["en"]) for i in rubric_items(Text(en="- 1 point: a\\n- 2 points: b"))]
    [(1.0, 'a'), (2.0, 'b')]
    """
    sides = {language: _items(words) for language, words in rubric.items()}
    if any([points for points, _ in one] != [points for points, _ in sides["en"]] for one in sides.values()):
        return []
    return [
        Item(p, Text((language, items[n][1]) for language, items in sides.items()))
        for n, (p, _) in enumerate(sides["en"])
    ]


def _items(words: str) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for line in filter(str.strip, words.splitlines()):
        if match := _ITEM.match(line.strip()):
            found.append((float(match[1]), match[2]))
        elif found and line[0].isspace():  # the item goes on
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        else:
            return []
    return found


def marks(course: Course, bundle: Bundle) -> dict[tuple[str, str], Marks]:
    """The items that were given, by student and question."""
    data = read_json(course.root / "marking" / f"{bundle.assignment}.json")
    return {
        (student, question): Marks(tuple(one["items"]), float(one["score"]))
        for question, by_student in (data if isinstance(data, dict) else {}).items()
        for student, one in by_student.items()
    }


@dataclass
class _Answers:
    """The answers to one question: by their reference, which says nothing of the student, whose they are."""

    question: Question
    students: dict[str, str] = field(default_factory=dict)  # in the order in which they are shown
    marked: set[str] = field(default_factory=set)


class Marking:
    """The written answers of an assignment that wait for a person, or were marked already.

    Raises ``Problem`` where nothing was graded yet, where the assignment has no written question, or no such one.
    """

    def __init__(self, course: Course, assignment: str, *, question: str | None = None) -> None:
        self.course, self.bundle = course, course.bundle(assignment)
        self.name = assignment
        written = [q for q in self.bundle.questions if q.kind == "written"]
        if not written:
            raise Problem(
                "{assignment} has no written question: there is nothing to mark by hand.", assignment=assignment
            )
        if question is not None and question not in {q.id for q in written}:
            there = ", ".join(q.id for q in written)
            raise Problem(
                "{assignment} has no written question {question!r}; there are: {there}.",
                assignment=assignment,
                question=question,
                there=there,
            )
        self.first = question or written[0].id
        prepare()
        everyone = [s for s in states(course, assignment) if s.status in ("partial", "graded")]
        secret = course.seed().encode()
        self.names = {s.student.key: (s.student.called, Untrusted(s.student.id)) for s in everyone}
        self.answers: dict[str, _Answers] = {}
        for one in written:
            found = _Answers(one)
            keyed = {self._reference(secret, one.id, s.student.key): s for s in everyone}
            for reference, state in sorted(keyed.items()):
                found.students[reference] = state.student.key
                if state.questions[one.id] is not None:
                    found.marked.add(reference)
            self.answers[one.id] = found
        self.worked = read_worked(course, assignment)
        self.texts, self.earlier = release_texts(course, assignment), earlier_texts(course, assignment)

    def _reference(self, secret: bytes, question: str, student: str) -> str:
        """The same in every run, another one in each question, and from no name: the seed is in it."""
        words = "\0".join(["marking", self.name, question, student]).encode()
        return hmac.new(secret, words, hashlib.sha256).hexdigest()[:16]

    def of(self, question: str, reference: str) -> tuple[Question, str]:
        """The question and the student of a reference; raises ``KeyError``."""
        found = self.answers[question]
        return found.question, found.students[reference]

    # -- what the page shows --

    def overview(self) -> dict[str, Any]:
        """All questions with their rubrics and model answers as HTML, and the references of their answers."""
        return {
            "assignment": self.name,
            "first": self.first,
            "questions": [self._question(found) for found in self.answers.values()],
        }

    def _question(self, found: _Answers) -> dict[str, Any]:
        question, language = found.question, self.course.language

        def html(words: str) -> str:
            return formulas.rendered(words) if words else ""

        task = [
            self.texts.get(language, {}).get(cell.id, cell.source)
            for cell in self.bundle.cells
            if cell.role == "text" and cell.question == question.id
        ]
        none = text("")
        return {
            "id": question.id,
            "title": question.title[language],
            "points": question.points,
            "task": html("\n\n".join(task)),
            "items": [
                {"points": item.points, "html": html(item.words[language])}
                for item in (rubric_items(question.rubric) if question.rubric else [])
            ],
            "rubric": html(question.rubric[language]) if question.rubric else "",
            "model": html(self.worked.samples.get(question.id, none)[language]),
            "solution": html(self.worked.solutions.get(question.id, none)[language]),
            "answers": [{"ref": ref, "marked": ref in found.marked} for ref in found.students],
        }

    def answer(self, question: str, reference: str) -> dict[str, Any]:
        """One answer as harmless HTML, and its mark. Raises ``KeyError``."""
        one, student = self.of(question, reference)
        cell = one.answer_cells[0]
        written = Untrusted(self.course.cells(student, self.name).get(cell, {}).get("source"))
        made = contained(written.rendered, caps=_CAPS)
        stubs = {
            words.strip() for words in (*(t.get(cell, "") for t in self.texts.values()), *self.earlier.get(cell, ()))
        }
        return {
            "html": f"<pre>{written.html()}</pre>" if isinstance(made, Broken) else made,
            "blank": written.blank() or any(written == s for s in stubs),
            "submission": self._submission(student),
            **self.mark(question, reference).to_json(),
        }

    def key(self, question: str, reference: str) -> dict[str, str]:
        """Whose answer it is. Raises ``KeyError``."""
        name, number = self.names[self.of(question, reference)[1]]
        return {"name": name.line(200), "id": number.line(80)}

    def mark(self, question: str, reference: str) -> Mark:
        """What was given so far. Raises ``KeyError``."""
        one, student = self.of(question, reference)
        with database(self.course) as gradebook:
            return self._mark(gradebook, one, student)

    def _mark(self, gradebook: Any, question: Question, student: str) -> Mark:
        where = (question.answer_cells[0], self.name, self.name, student)
        score = gradebook.find_grade(*where).manual_score
        comment = gradebook.find_comment(*where).manual_comment or ""
        known = marks(self.course, self.bundle).get((student, question.id))
        items = known.items if known is not None and score is not None and known.score == score else ()
        return Mark(None if score is None else float(score), comment, items)

    def _submission(self, student: str) -> str:
        return str(self.course.record(student, self.name).get("notebook") or "")

    # -- what it saves --

    def save(self, question: str, reference: str, given: Any) -> Mark:
        """Save a mark: ``score``, ``comment``, ``items``, and what was shown (``version``, ``submission``).

        Raises ``KeyError`` for an unknown answer, ``Conflict`` where the mark was changed elsewhere, and ``Problem``
        for anything that is no mark or cannot be written; then nothing has changed.
        """
        one, student = self.of(question, reference)
        new = _read(given, one)
        if self.course.bundle(self.name).version != self.bundle.version:
            raise Problem(
                "The exercise was released again since this page was opened. Repeat run, then start mark "
                "again; your points and words are still in the page."
            )
        if given.get("submission") != self._submission(student):
            raise Problem(
                "The student has handed in again since this page was opened. Repeat run, then start mark "
                "again; your points and words are still in the page."
            )
        with database(self.course) as gradebook:
            old = self._mark(gradebook, one, student)
            if old.version not in (given.get("version"), new.version):
                raise Conflict(
                    "This answer was marked in another window since it was shown here. Look at what is "
                    "there now; saving again puts yours in its place.",
                    now=old,
                )
            self._log(one, student, old, new)
            where = (one.answer_cells[0], self.name, self.name, student)
            grade, comment = gradebook.find_grade(*where), gradebook.find_comment(*where)
            grade.manual_score, grade.needs_manual_grade = new.score, False
            comment.manual_comment = new.comment or None
            gradebook.db.commit()
        self._keep(one, student, new)
        self.answers[question].marked.add(reference)
        return new

    def _log(self, question: Question, student: str, old: Mark, new: Mark) -> None:
        """Before the gradebook changes: what stood there and what will."""
        path = self.course.root / "marking" / f"{self.name}.log"
        private_folder(path.parent)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        entry = {"time": now, "student": student, "question": question.id, "old": old.to_json(), "new": new.to_json()}
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        with named(path), open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:  # no half line, to which the next one would be added
                file.truncate(end)
                raise

    def _keep(self, question: Question, student: str, new: Mark) -> None:
        path = self.course.root / "marking" / f"{self.name}.json"
        data = read_json(path)
        known: dict[str, Any] = data if isinstance(data, dict) else {}
        known.setdefault(question.id, {})[student] = {"items": list(new.items), "score": new.score}
        write_json(path, known)


def _read(given: Any, question: Question) -> Mark:
    """The mark that a page sent; raises ``Problem`` for what is none."""
    score = given.get("score") if isinstance(given, dict) else None
    number = isinstance(score, int | float) and not isinstance(score, bool)
    if not number or not 0 <= score <= question.points:  # type: ignore[operator]  # NaN is in no range
        raise Problem(
            "Give 0 to {points:g| point| points}; 0 is a mark as well. Nothing was saved.", points=question.points
        )
    comment, items = given.get("comment", ""), given.get("items", [])
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT:
        raise Problem(
            "A comment has at most {max_comment:,} characters; shorten it. Nothing was saved.", max_comment=MAX_COMMENT
        )
    there = range(len(rubric_items(question.rubric)) if question.rubric else 0)
    if not isinstance(items, list) or not all(type(i) is int and i in there for i in items):
        raise Problem("That is no item of this question's rubric; load the page again. Nothing was saved.")
    words = comment.encode("utf-8", "replace").decode().strip()
    return Mark(float(score), words, tuple(sorted(set(items))))  # type: ignore[arg-type]
