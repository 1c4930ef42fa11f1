"""One self-contained page per student: every tick, every point, every comment; nothing of a hidden test's text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from coursegrade.cage.supervise import Broken, Caps, contained
from coursegrade.contract import LANGUAGES, Bundle, Question, QuestionResult, Text, Tick, same, tag, text
from coursegrade.course import Course
from coursegrade.files import write_atomic, zip_of
from coursegrade.handback import formulas
from coursegrade.handback.giveback import as_handed_in
from coursegrade.handback.worked import Worked, opened, read_worked
from coursegrade.masters.release import points_text
from coursegrade.records.gradebook import State, states
from coursegrade.records.marking import Marks, marks, rubric_items
from coursegrade.sanitise import Said, Untrusted, escape, prepare, said

MAX_BYTES = 300_000
_CAPS = Caps(seconds=30.0)  # of one student's page
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#5b6570;--line:#d5dbe1;--wash:#f5f7f9;--good:#116329;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--paper:#15181c;--soft:#a4adb7;--line:#3a424b;--wash:#1e2329;--good:#6fdd8b;--bad:#ff9492}}
body{margin:0 auto;max-width:50rem;padding:1rem;font:1rem/1.6 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:0 0 .5rem}h3{font-size:1rem;margin:1rem 0 .25rem}
header p,.soft{color:var(--soft);margin:.25rem 0}section{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}
.total{font-size:1.25rem;font-weight:600}.points{float:right;font-weight:600;margin:0}
ul.ticks{list-style:none;padding:0;margin:.25rem 0}ul.ticks li{padding:.15rem 0 .15rem 1.6rem;position:relative}
ul.ticks span.mark{position:absolute;left:0}ul.ticks li p{margin:0}.yes span.mark{color:var(--good)}.no span.mark{color:var(--bad)}
pre{background:var(--wash);padding:.6rem;overflow-x:auto;border-radius:.35rem;font:.85rem/1.45 ui-monospace,Consolas,monospace;white-space:pre-wrap}
blockquote,.comment{border-left:.25rem solid var(--line);margin:.5rem 0;padding:.1rem .8rem}.reason{color:var(--bad);font-weight:600}
table{border-collapse:collapse}td,th{border:1px solid var(--line);padding:.2rem .5rem}
@media print{section{break-inside:avoid}}
"""  # noqa: E501

_WORDS: dict[str, Text] = {
    "feedback": text("Feedback"),
    "points": text("points"),
    "total": text("Total"),
    "late": text("Taken off for lateness"),
    "open": text("still to be graded by a person"),
    "soFar": text("so far"),
    "answer": text("Your answer"),
    "printed": text("What your cell printed"),
    "comment": text("Comment"),
    "failed": text("This submission could not be graded"),
    "missing": text("Nothing was handed in."),
    "repaired": text("About the file"),
    "hidden": text("checked with inputs that are not shown"),
    "passed": text("passed"),
    "notPassed": text("not passed"),
    "cut": text("… (shortened)"),
    "rubric": text("What earns the points"),
    "solution": text("A worked solution"),
    "given": text("given"),
    "notGiven": text("not given"),
    "chapter": text("The chapter"),
    "flags": text("While running"),
    "long": text("the details are too long to be shown here; ask your teacher"),
}
_FLAGS: dict[str, Text] = {
    "kernel-died": text("the program ended before all cells had run"),
    "time-limit": text("the time limit was reached"),
    "output-cut": text("the output was too long and was cut"),
    "memory-limit": text("the memory limit was reached"),
}


@dataclass
class Feedback:
    """What was written."""

    pages: int
    zips: list[Path]
    waiting: int  # pages on which a person's points are still missing
    unscored: list[str]  # who has no score in the zip for Gradescope: nobody has graded what they handed in


def _number(value: float) -> str:
    return f"{value:g}" if value == round(value, 2) else f"{value:.2f}"


def _mark(said: str, sign: str) -> str:
    """A sign before a line of a list, which is said to who does not see it."""
    return f'<span class="mark" role="img" aria-label="{escape(said)}">{sign}</span> '


def _languages(language: str) -> list[str]:
    return list(LANGUAGES) if language == "both" else [language]


@dataclass(frozen=True)
class _Open:
    """What may be shown once the solutions are open: HTML by question, and of each written one the marked items."""

    solutions: dict[str, str]
    rubrics: dict[str, str]
    chapter: str = ""


def _opened(bundle: Bundle, known: Worked, languages: list[str]) -> _Open:
    """Solutions and the chapter's link, rendered once for the class."""

    def both(words: Text) -> str:
        chosen = list(dict.fromkeys(words[language] for language in languages))
        return "".join(f"<div>{formulas.rendered(one)}</div>" for one in chosen if one)

    solutions = {q.id: made for q in bundle.questions if (made := both(known.solutions.get(q.id, text(""))))}
    rubrics = {q.id: both(q.rubric) for q in bundle.questions if q.rubric}
    links = [
        f'<a href="{escape(known.address[k])}">{escape(known.chapter[k])}</a>' if known.address[k] else escape(title)
        for k in languages
        if (title := known.chapter[k])
    ]
    return _Open(solutions, rubrics, " · ".join(links))


class _Writer:
    """Writes a student's page in its languages: what they may see, and which items of a rubric a person gave."""

    def __init__(
        self,
        course: Course,
        bundle: Bundle,
        state: State,
        languages: list[str],
        openly: _Open | None = None,
        marked: dict[str, Marks] | None = None,
    ) -> None:
        self.course, self.bundle, self.state, self.languages = course, bundle, state, languages
        self.openly, self.marked = openly or _Open({}, {}), marked or {}
        self.cells = course.cells(state.student.key, bundle.assignment)
        self.results = {q.id: q for q in (state.result.questions if state.result else ())}
        self.colon = text(": ")[languages[0]] if len(languages) == 1 else ": "

    def say(self, words: Text, *, escaped: bool = False) -> str:
        """The words, escaped; each marked with its language where there are two."""
        shown = {language: words[language] if escaped else escape(words[language]) for language in self.languages}
        if len(set(shown.values())) == 1:
            return shown[self.languages[0]]
        return " · ".join(f'<span lang="{tag(language)}">{said}</span>' for language, said in shown.items())

    def theirs(self, words: Said) -> str:
        """``say`` for a sentence that may quote a student."""
        return self.say(Text((language, words[language].html(1000)) for language in self.languages), escaped=True)

    def word(self, key: str) -> str:
        """One of the page's own words."""
        return self.say(_WORDS[key])

    def part(self, key: str, html: str) -> str:
        """Something with its title."""
        return f"<h3>{self.word(key)}</h3>{html}"

    def code(self, source: Untrusted, limit: int) -> str:
        """What they wrote or printed, as it is, so many characters of it."""
        more = f"\n{self.word('cut')}" if len(source) > limit else ""
        return f"<pre>{source.cut(limit).html(limit)}{more}</pre>"

    def ticks(self, result: QuestionResult) -> str:
        """What the tests of a question gave."""
        parts = []
        for test in result.tests:
            hidden = f' <span class="soft">({self.word("hidden")})</span>' if test.hidden else ""
            earned = f"{_number(test.earned)} / {_number(test.points)}"
            rows = "".join(map(self.tick, test.ticks))
            parts.append(f'<p class="soft">{earned}{hidden}</p><ul class="ticks">{rows}</ul>')
        return "".join(parts)

    def tick(self, tick: Tick) -> str:
        """A line of a test."""
        note = self.theirs(tick.note)
        note = f'<br><span class="soft">{note}</span>' if note else ""
        kind, state, sign = ("yes", "passed", "✓") if tick.passed else ("no", "notPassed", "✗")
        return f'<li class="{kind}">{_mark(_WORDS[state][self.languages[0]], sign)}{self.say(tick.label)}{note}</li>'

    def rubric(self, question: Question) -> str:
        """The items of the rubric with their points; where a person marked them, which were given."""
        items = rubric_items(question.rubric) if question.rubric else []
        if not items:
            return self.openly.rubrics[question.id]
        marked = self.marked.get(question.id)
        rows = []
        for number, item in enumerate(items):
            given = marked is not None and number in marked.items
            kind, state, sign = ("yes", "given", "✓") if given else ("open", "notGiven", "–")
            mark = _mark(_WORDS[state][self.languages[0]], sign) if marked else ""
            worth = " · ".join(dict.fromkeys(points_text(item.points, k) for k in self.languages))
            words = "<br>".join(dict.fromkeys(formulas.rendered(item.words[k]) for k in self.languages))
            rows.append(f'<li class="{kind}">{mark}<strong>{worth}</strong> {words}</li>')
        return f'<ul class="ticks">{"".join(rows)}</ul>'

    def question(self, question: Question, limit: int) -> str:
        """A question with its points, ticks, answer and comment; ``limit`` characters of the answer."""
        earned = self.state.questions.get(question.id)
        if self.state.status == "failed":  # what nobody could grade is not 0, unless a person gave it points
            earned = earned or None
        shown = f"{'–' if earned is None else _number(earned)} / {_number(question.points)}"
        parts = [f'<section><p class="points">{shown}</p><h2>{self.say(question.title)}</h2>']
        if earned is None and self.state.status != "failed":
            parts.append(f'<p class="soft">{self.word("open")}</p>')
        if question.id in self.results:
            parts.append(self.ticks(self.results[question.id]))
        for identifier in question.answer_cells if limit else ():
            if (cell := self.cells.get(identifier)) is None:
                continue
            source = Untrusted(cell["source"])
            markdown = cell["cell_type"] == "markdown"
            parts.append(
                self.part("answer", f"<div>{source.rendered(limit)}</div>" if markdown else self.code(source, limit))
            )
            printed = self.state.result.outputs.get(identifier) if self.state.result else None
            if printed is not None and not printed.blank():
                parts.append(self.part("printed", self.code(printed, limit // 2)))
        if question.id in self.state.comments:
            comment = Untrusted(self.state.comments[question.id]).rendered()  # a person's words: they may hold Markdown
            parts.append(self.part("comment", f'<div class="comment">{comment}</div>'))
        if self.openly.rubrics.get(question.id):
            parts.append(self.part("rubric", self.rubric(question)))
        if solution := self.openly.solutions.get(question.id):
            parts.append(self.part("solution", solution))
        return "".join(parts) + "</section>"

    def page(self, limit: int) -> str:
        """The whole page, with ``limit`` characters of each answer."""
        course, bundle, state, colon = self.course, self.bundle, self.state, self.colon
        digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        title = f"{escape(_WORDS['feedback'][self.languages[0]])}{colon}{escape(bundle.assignment)}"
        parts = [
            f'<!doctype html>\n<html lang="{tag(self.languages[0])}"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            '<meta name="referrer" content="no-referrer">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main><header>"
            f"<p>{escape(course.name)}</p><h1>{self.word('feedback')}{colon}{escape(bundle.assignment)}</h1>"
            f"<p>{escape(state.student.called.line(200))}</p></header>"
        ]
        if state.status == "missing":
            parts.append(f'<p class="reason">{self.word("missing")}</p>')
        else:
            so_far = f" {self.word('soFar')}" if state.status == "partial" else ""
            score = "–" if state.status == "failed" and not state.raw else _number(state.score)
            total = f"{score} / {_number(state.max_score)} {self.word('points')}{so_far}"
            parts.append(f'<p class="total">{self.word("total")}{colon}{total}</p>')
            if state.penalty:
                parts.append(f'<p class="soft">{self.word("late")}{colon}{_number(state.penalty)}</p>')
        if state.reason:
            parts.append(f'<p class="reason">{self.word("failed")}{colon}{self.theirs(state.reason)}</p>')
        if flags := [f for f in (state.result.flags if state.result else ()) if not f.startswith("hidden:")]:
            known = "".join(f"<li>{self.say(_FLAGS.get(f, same(f)))}</li>" for f in flags[:20])
            parts.append(self.part("flags", f"<ul>{known}</ul>"))
        if notes := state.record.get("notes"):
            lines = "".join(f"<li>{self.theirs(said(note))}</li>" for note in notes[:20])
            parts.append(self.part("repaired", f"<ul>{lines}</ul>"))
        if state.status != "missing":
            parts += [self.question(question, limit) for question in bundle.questions]
        if self.openly.chapter:
            parts.append(f'<p class="soft">{self.word("chapter")}{colon}{self.openly.chapter}</p>')
        return "".join(parts) + "</main></body></html>\n"


def page(
    course: Course,
    bundle: Bundle,
    state: State,
    *,
    language: str,
    shown_openly: _Open | None = None,
    marked: dict[str, Marks] | None = None,
) -> str:
    """The HTML of one student, at most ``MAX_BYTES``; ``language`` is one of those there are, or ``both``.

    ``shown_openly``: solutions and rubrics, where students may see them; ``marked``: which of its items a person gave.

    Opens from a disk: styles inline, no script, no address of another host is fetched, and a policy that forbids both.
    """
    writer = _Writer(course, bundle, state, _languages(language), shown_openly, marked)
    documents = (writer.page(limit) for limit in (8000, 3000, 1000, 300, 0))
    small = (document for document in documents if len(document.encode()) <= MAX_BYTES)
    return next(small, None) or _short(course, bundle, state, language)


def _short(course: Course, bundle: Bundle, state: State, language: str) -> str:
    """The points alone: nobody's page stops the class's."""
    bare = replace(state, result=None, comments={}, record={**state.record, "notes": []}, reason=said(_WORDS["long"]))
    return _Writer(course, bundle, bare, _languages(language)).page(0)


_RUN = """#!/bin/sh
# Gives the result that was computed outside Gradescope; the submission itself is not run here.
id=$(python3 -c 'import json; print(json.load(open("/autograder/submission_metadata.json"))["id"])')
if [ ! -f "/autograder/source/results/$id.json" ]; then
  # Without results.json Gradescope shows no score: what nobody has graded is not 0.
  echo "{ungraded}"
  exit 1
fi
cp "/autograder/source/results/$id.json" /autograder/results/results.json
""".replace("{ungraded}", " ".join(text("Submission $id has not been graded, so it gets no score.").values()))
_SETUP = "#!/bin/sh\napt-get update && apt-get install -y python3\n"


def gradescope_results(state: State, bundle: Bundle, language: str) -> dict[str, object]:
    """One graded submission as Gradescope's ``results.json``; a test appears with its ticks, never its text.

    Gradescope wants a score there, of the whole or of each test: for a submission without a grade there is no file.
    """
    tests: list[dict[str, object]] = []
    results = {q.id: q for q in (state.result.questions if state.result else ())}
    for question in bundle.questions:
        earned = state.questions.get(question.id)
        lines = [
            f"{'✓' if tick.passed else '✗'} {tick.label[language]} {tick.note[language].line()}".rstrip()
            for test in (results[question.id].tests if question.id in results else ())
            for tick in test.ticks
        ]
        if earned is None:
            lines.append(_WORDS["open"][language])
        if question.id in state.comments:
            lines.append(state.comments[question.id])
        tests.append(
            {
                "name": question.title[language],
                "number": question.id,
                **({} if earned is None else {"score": earned}),  # what nobody has marked yet is not 0
                "max_score": question.points,
                "output": "\n".join(lines)[:8000],
                "output_format": "text",
                "visibility": "visible",
            }
        )
    told = [f"{_WORDS['late'][language]}: {_number(state.penalty)}"] if state.penalty else []
    told += [f"{_WORDS['open'][language]} {_WORDS['soFar'][language]}"] if state.status == "partial" else []
    return {
        "score": state.score,
        "output": "\n".join(told),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def tongue_of(course: Course, state: State) -> str:
    """The language of a student's notebook, else the course's."""
    language = state.record.get("language")
    return language if language in LANGUAGES else course.language


class _Pages:
    """The pages of a class: each made in a child with limits; what is the same for all of one language is made once."""

    def __init__(self, course: Course, bundle: Bundle) -> None:
        self.course, self.bundle = course, bundle
        self.known = read_worked(course, bundle.assignment) if opened(course, bundle.assignment) else None
        self.marks = marks(course, bundle) if self.known else {}
        self.by_language: dict[str, _Open] = {}

    def of(self, state: State, language: str) -> str:
        """One student's page; the points alone where the rest of it breaks its limits."""
        if self.known is not None and language not in self.by_language:
            self.by_language[language] = _opened(self.bundle, self.known, _languages(language))
        mine = {
            q: m for (s, q), m in self.marks.items() if s == state.student.key and m.score == state.questions.get(q)
        }
        made = contained(
            page, self.course, self.bundle, state,
            language=language, shown_openly=self.by_language.get(language), marked=mine, caps=_CAPS,
        )  # fmt: skip
        return _short(self.course, self.bundle, state, language) if isinstance(made, Broken) else made


def _back(bundle: Bundle, state: State, page: bytes, language: str) -> tuple[str, dict[str, bytes]] | None:
    """The platform's zip and what goes into it for a student: nothing for who has no score on Gradescope."""
    lms, origin = state.record.get("lms"), state.record.get("origin", {})
    if lms == "canvas" and origin.get("prefix"):
        name = Untrusted(origin.get("file") or f"{bundle.assignment}.ipynb").filename()
        if (back := as_handed_in(name, page.decode())) is not None:
            return "feedback-canvas.zip", {f"{Untrusted(origin['prefix']).filename(300)}_{name}": back}
    elif lms == "moodle" and origin.get("folder"):
        return "feedback-moodle.zip", {f"{Untrusted(origin['folder']).filename(300)}/feedback.html": page}
    elif lms == "gradescope" and origin.get("submission"):
        if state.status == "failed":
            return "feedback-gradescope.zip", {}
        raw = json.dumps(gradescope_results(state, bundle, language), ensure_ascii=False, indent=1).encode()
        return "feedback-gradescope.zip", {f"results/{Untrusted(origin['submission']).filename()}.json": raw}
    return None


def feedback(
    course: Course,
    assignment: str,
    *,
    language: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Feedback:
    """Write ``feedback/NAME/STUDENT.html`` and a zip for each LMS that the submissions came from.

    Canvas: ``feedback-canvas.zip`` for "Upload submissions", each file of the kind that was handed in; Moodle:
    ``feedback-moodle.zip`` for "Upload multiple feedback files in a zip"; Gradescope takes no feedback files, so
    ``feedback-gradescope.zip`` is an autograder that hands out the finished results, and none for who has no grade;
    ``feedback.zip`` holds a page per student for everybody else. Pages of who is no longer on the roster stay.
    """
    prepare()
    bundle = course.bundle(assignment)
    pages = _Pages(course, bundle)
    folder = course.root / "feedback" / course.check_name(assignment)
    everyone = states(course, assignment)
    zips: dict[str, dict[str, bytes]] = {}
    written = waiting = 0
    unscored: list[str] = []
    for number, state in enumerate(everyone, start=1):
        if state.status != "missing":
            tongue = language or tongue_of(course, state)
            data = pages.of(state, tongue).encode()
            name = f"{state.student.key}.html"
            write_atomic(folder / name, data)
            written += 1
            waiting += state.status == "partial"
            zips.setdefault("feedback.zip", {})[name] = data
            if (found := _back(bundle, state, data, tongue if tongue in LANGUAGES else course.language)) is not None:
                zips.setdefault(found[0], {}).update(found[1])
                if not found[1]:
                    unscored.append(state.student.called.line(80))
        if progress:
            progress(number, len(everyone))
    paths = []
    for name, files in sorted(zips.items()):
        if name == "feedback-gradescope.zip":
            files |= {"run_autograder": _RUN.encode(), "setup.sh": _SETUP.encode()}
        write_atomic(folder / name, zip_of(files, executable=("run_autograder", "setup.sh")))
        paths.append(folder / name)
    return Feedback(written, paths, waiting, unscored)
