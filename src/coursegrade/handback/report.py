"""The class report: one self-contained page with the distribution of scores and how hard each question was."""

from __future__ import annotations

import base64
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from coursegrade.contract import Bundle, Text, tag, text
from coursegrade.course import Course
from coursegrade.files import write_atomic
from coursegrade.records.gradebook import State, states
from coursegrade.sanitise import escape

_STYLE = (
    "body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.6 system-ui,'Noto Sans CJK SC','PingFang SC',"
    "'Microsoft YaHei',sans-serif;color:#1b1f24;background:#fff}img{max-width:100%;height:auto}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d5dbe1;padding:.3rem .6rem;"
    "text-align:right}td:first-child,th:first-child{text-align:left}figure{margin:1.5rem 0}figcaption{color:#5b6570}"
    ".wide{overflow-x:auto}"
)


def summary(bundle: Bundle, everyone: list[State]) -> dict[str, Any]:
    """The numbers of the report: of the class, and by question the share of points and of full marks."""
    handed_in = [s for s in everyone if s.status != "missing"]
    scores = [s.score for s in handed_in if s.status == "graded"]  # what is not decided is not 0
    questions = []
    for question in bundle.questions:
        # How a question sorts the class: its correlation with the rest of the score, where both vary.
        pairs = [
            (v, s.raw - v) for s in handed_in if s.status != "failed" and (v := s.questions[question.id]) is not None
        ]
        earned = [v for v, _ in pairs]
        varied = len({a for a, _ in pairs}) > 1 and len({b for _, b in pairs}) > 1
        discrimination = statistics.correlation(*map(list, zip(*pairs, strict=True))) if varied else None
        questions.append(
            {
                "id": question.id,
                "title": question.title,
                "points": question.points,
                "graded": len(earned),
                "mean": statistics.fmean(earned) / question.points if earned and question.points else None,
                "full": sum(v >= question.points - 1e-6 for v in earned) / len(earned) if earned else None,
                "none": sum(v <= 1e-6 for v in earned) / len(earned) if earned else None,
                "discrimination": discrimination,
            }
        )
    return {
        "students": len(everyone),
        "handed_in": len(handed_in),
        "failed": sum(s.status == "failed" for s in everyone),
        "waiting": sum(s.status == "partial" for s in everyone),
        "max_score": bundle.max_score,
        "mean": statistics.fmean(scores) if scores else None,
        "median": statistics.median(scores) if scores else None,
        "sd": statistics.stdev(scores) if len(scores) > 1 else None,
        "questions": questions,
        "scores": scores,
    }


def _plots(numbers: dict[str, Any]) -> tuple[bytes, bytes]:
    """Two PNGs; their labels are symbols and English terms, so that they need no Chinese font."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    def png(figure: Figure) -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()

    most = numbers["max_score"] or 1
    first = Figure(figsize=(7, 3), dpi=144, layout="constrained")
    axes = first.add_subplot()
    axes.hist([100 * s / most for s in numbers["scores"]], bins=range(0, 101, 10), color="#3572b0", edgecolor="white")
    if numbers["mean"] is not None:
        axes.axvline(100 * numbers["mean"] / most, color="#b3400f", linestyle="--", label="mean")
        axes.axvline(100 * numbers["median"] / most, color="#1b1f24", linestyle=":", label="median")
        axes.legend()
    axes.set(xlabel="score / %", ylabel="students", xlim=(0, 100))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))

    questions = numbers["questions"]
    second = Figure(figsize=(7, 0.9 + 0.34 * len(questions)), dpi=144, layout="constrained")
    axes = second.add_subplot()
    names = [q["id"] for q in questions]
    known = [q for q in questions if q["mean"] is not None]  # an ungraded question has no bar
    axes.barh(names, [float("nan") if q["mean"] is None else 100 * q["mean"] for q in questions], color="#3572b0",
              label="mean points")  # fmt: skip
    axes.plot(
        [100 * q["full"] for q in known], [q["id"] for q in known], "D", color="#b3400f", label="full points",
        clip_on=False,
    )  # fmt: skip
    axes.set(xlabel="%", xlim=(0, 100))
    axes.invert_yaxis()
    second.legend(loc="outside upper center", ncols=2, frameon=False)
    return png(first), png(second)


_STATES: dict[str, Text] = {
    "missing": text("not handed in"),
    "failed": text("could not be graded"),
    "partial": text("waits for a person"),
    "graded": text("graded"),
}
_FLAGS: dict[str, Text] = {
    "kernel-died": text("program ended"),
    "time-limit": text("time limit"),
    "memory-limit": text("memory limit"),
    "output-cut": text("long output"),
}


def _student(course: Course, bundle: Bundle, state: State) -> list[str]:
    """One line of the table of students; a question that nobody has graded yet shows a dash."""
    language = course.language
    gone = state.status in ("missing", "failed")
    points = ["" if gone else _points(state.questions[q.id]) for q in bundle.questions]
    told = dict.fromkeys(f.removeprefix("hidden:") for f in (state.result.flags if state.result else ()))
    flags = [_FLAGS[f][language] if f in _FLAGS else f for f in told]
    if state.penalty:
        flags.append(text("late: −{penalty:g}", penalty=state.penalty)[language])
    if state.student.key in course.settings(bundle.assignment).extensions:
        flags.append(text("extended")[language])
    flags += [text("see its notes")[language]] if state.record.get("notes") else []
    score = "" if gone else _points(state.score)
    theirs = [state.student.called.line(200), state.student.section.line(200)]
    about = [*theirs, _STATES[state.status][language]]
    return [*about, score, *points, ", ".join(flags)]


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _table(header: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain texts that may be wider than the page."""
    head = "".join(f"<th>{escape(one)}</th>" for one in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _facts(numbers: dict[str, Any], say: Callable[[str], str]) -> str:
    facts = [
        (say("On the roster"), str(numbers["students"])),
        (say("Handed in"), str(numbers["handed_in"])),
        (say("Could not be graded"), str(numbers["failed"])),
        (say("Waiting for a person"), str(numbers["waiting"])),
        (say("Mean||of the scores"), f"{_number(numbers['mean'])} / {numbers['max_score']:g}"),
        (say("Median"), _number(numbers["median"])),
        (say("Standard deviation"), _number(numbers["sd"])),
    ]
    rows = (f"<tr><th scope='row'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts)
    return f"<table>{''.join(rows)}</table>"


def _figures(numbers: dict[str, Any], say: Callable[[str], str]) -> str:
    alts = (
        say("Histogram of the scores in percent"),
        say("Bars: mean points of each question in percent; diamonds: share of full points"),
    )
    captions = (
        say("Scores of the submissions that are graded to the end; dashed the mean, dotted the median."),
        say("How hard each question was: bars show the mean share of points, diamonds the share of full marks."),
    )
    return "".join(
        f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(image).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for alt, image, caption in zip(alts, _plots(numbers), captions, strict=True)
    )


def _by_question(numbers: dict[str, Any], say: Callable[[str], str], language: str) -> str:
    header = [
        say("Question"), say("Points"), say("Graded"), say("Mean"),
        say("Full marks"), say("No points"), say("With the rest"),
    ]  # fmt: skip
    rows = [
        [
            q["title"][language], f"{q['points']:g}", str(q["graded"]), _percent(q["mean"]),
            _percent(q["full"]), _percent(q["none"]), _number(q["discrimination"]),
        ]
        for q in numbers["questions"]
    ]  # fmt: skip
    return _table(header, rows)


def report(course: Course, assignment: str, everyone: list[State] | None = None) -> Path:
    """Write ``export/NAME-report.html`` in the course's language."""
    bundle, language = course.bundle(assignment), course.language
    if everyone is None:
        everyone = states(course, assignment)
    numbers = summary(bundle, everyone)

    def say(sentence: str) -> str:
        return text(sentence)[language]

    marks = [say("Student"), say("Section"), say("State"), say("Points||that a student got")]
    parts = [
        f'<!doctype html>\n<html lang="{tag(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(assignment)}: {say('class report')}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<h1>{escape(course.name)} · {escape(assignment)}</h1>",
        _facts(numbers, say),
        _figures(numbers, say),
        _by_question(numbers, say, language),
        f"<h2>{say('Students')}</h2>",
        _table(
            [*marks, *(q.id for q in bundle.questions), say("Flags")], [_student(course, bundle, s) for s in everyone]
        ),
    ]
    if failed := [s for s in everyone if s.status == "failed"]:
        rows = [
            f"<li>{escape(s.student.called.line(200))}: {s.reason[language].html(1000)}</li>"
            for s in failed
            if s.reason
        ]
        parts.append(f"<h2>{say('Could not be graded')}</h2><ul>{''.join(rows)}</ul>")
    path = course.root / "export" / f"{course.check_name(assignment)}-report.html"
    write_atomic(path, "".join(parts) + "</main></body></html>\n")
    return path
