"""What a term needs besides the four commands: status, resubmit, regrade, extend, solutions."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from coursegrade import settings
from coursegrade.contract import Text, text
from coursegrade.course import Course, Student, normal
from coursegrade.files import Problem, write_atomic
from coursegrade.records.gradebook import Change, State, changes, merge, needed, states
from coursegrade.sanitise import Untrusted

__all__ = [
    "Standing",
    "agree",
    "due_date",
    "extend",
    "find",
    "listed",
    "register",
    "solutions",
    "standings",
    "worked_notebook",
]

_SHOWN = 40  # lines of a list on the screen
_LONGEST = datetime.timedelta(days=366)  # of an extension


def find(course: Course, who: str) -> Student:
    """The student of the roster with this id, number, e-mail address or name; raises ``Problem``."""
    everyone = course.roster()
    wanted = normal(who)
    marks = [{s.key, s.id, s.sis, s.login, s.email, s.canvas, s.moodle} - {""} for s in everyone]
    found = [s for s, own in zip(everyone, marks, strict=True) if who in own or wanted in map(normal, own)]
    found = found or [s for s in everyone if normal(s.name) == wanted]
    if len(found) != 1:
        some = ", ".join(f"{s.name} ({s.key})" for s in found[:5])
        raise Problem(
            f"{len(found)} students of the roster are {who!r}{': ' + some if some else ''}; give the id of one.",
            f"名单中有 {len(found)} 名学生对应 {who!r}{'：' + some if some else ''}；请给出一名学生的标识。",
        )
    return found[0]


def due_date(value: str, course: Course, *, base: datetime.datetime | None = None) -> datetime.datetime:
    """``2026-10-03T23:59+08:00``, or ``+2d`` and ``+12h`` after ``base``; raises ``Problem``."""
    step = re.fullmatch(r"([+−–-])\s?(\d+)\s?([dh])", value.strip())
    if step and base is not None:
        if step[1] != "+":
            raise Problem(
                f"{value} would be before the due date, and an extension gives more time: write +{step[2]}{step[3]}, "
                "or take an extension back with --remove.",
                f"{value} 早于截止时间，而延期只能延后：请写成 +{step[2]}{step[3]}，或用 --remove 取消延期。",
            )
        hours = int(step[2][:9]) * (24 if step[3] == "d" else 1)
        if hours > _LONGEST / datetime.timedelta(hours=1):
            raise _too_long(value, base)
        return base + datetime.timedelta(hours=hours)
    when = settings.moment(value, course.zone("")[0])
    if when is None:
        raise Problem(
            f"{value!r} is no date; write it as 2026-10-03T23:59+08:00"
            + (", or +2d and +12h for two days and twelve hours after the due date." if base else "."),
            f"{value!r} 不是时间；请写成 2026-10-03T23:59+08:00"
            + ("，或用 +2d、+12h 表示截止后再加两天、十二小时。" if base else "。"),
        )
    return when


def _too_long(value: str, due: datetime.datetime) -> Problem:
    most, last = _LONGEST.days, (due + _LONGEST).date().isoformat()
    return Problem(
        f"{value[:40]} is more than {most} days after the due date; an extension ends on {last} at the latest. "
        "If the whole class has longer, move its due date with release --due.",
        f"{value[:40]} 比截止时间晚了 {most} 天以上；延期最晚到 {last}。若全班都延后，请用 release --due 改截止时间。",
    )


# -- asking -------------------------------------------------------------------------------------------------------


def _points(value: float | None, language: str) -> str:
    return {"en": "no grade", "zh": "无成绩"}[language] if value is None else f"{value:g}"


def listed(course: Course, assignment: str, found: Sequence[Change], language: str, *, by_question: bool) -> list[str]:
    """Whose score changes, from what to what, a line each; names are those of the roster."""
    titles = {q.id: q.title[language] for q in course.bundle(assignment).questions}
    lines = []
    for change in found:
        who = f"{change.student.name} ({change.student.key})"
        lines.append(f"{who}: {_points(change.before, language)} → {_points(change.after, language)}")
        if by_question:
            for question, (old, new) in change.questions.items():
                pair = ["–" if value is None else f"{value:g}" for value in (old, new)]
                lines.append(f"    {titles.get(question, question)} ({question}): {pair[0]} → {pair[1]}")
    return lines


def agree(question: Text, *, yes: bool, language: str) -> None:
    """Go on only if a person says so, or ``--yes``; raises ``Problem``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem(
            f"{question['en']} Nothing was written, since there is no terminal to ask in: look at the list, then "
            "repeat the command with --yes.",
            f"{question['zh']} 没有终端可供询问，因此没有写入：请看过列表后加上 --yes 重新运行。",
        )
    if not click.confirm(Untrusted(question[language]).line(2000)):
        raise Problem(
            "Nothing was written: the gradebook is as it was. To keep the old scores, release the exercise again as it "
            "was, or put the limits back.",
            "没有写入：成绩册保持原样。若要保留原来的分数，请按原样重新发布习题，或恢复原来的上限。",
        )


# -- status -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Where one student stands: what was handed in, what became of it, and what they have been given back."""

    student: Student
    status: str  # missing, new (not graded yet), failed, partial, graded
    late: bool
    due: datetime.datetime | None  # an own due date
    feedback: bool  # there is a page


def standings(course: Course, assignment: str) -> list[Standing]:
    """Every student of the roster."""
    bundle = course.bundle(assignment)
    try:
        known: dict[str, State] = {s.student.key: s for s in states(course, assignment)}
    except Problem:
        if (course.root / "gradebook.db").is_file() and (course.root / "results" / assignment).is_dir():
            raise
        known = {}
    ingested = course.ingested(assignment)
    found = []
    for student in course.roster():
        record = ingested.get(student.key)
        state = known.get(student.key)
        status = "missing" if record is None else "new" if state is None else state.status
        if record is not None and record.get("status") != "ready":
            status = "failed"
        elif status == "failed":  # of what is submitted and released now, or only of what was
            result, _ = needed(course, student.key, assignment, bundle)
            status = "failed" if result is not None and result.status == "failed" else "new"
        due = course.due_for(assignment, student.key)
        when = record.get("submitted_at") if record else None
        late = bool(due and when and datetime.datetime.fromisoformat(when) > due)
        page = (course.root / "feedback" / assignment / f"{student.key}.html").is_file()
        found.append(Standing(student, status, late, course.settings(assignment).extensions.get(student.key), page))
    return found


_COLUMNS: tuple[tuple[str, Text], ...] = (
    ("section", text("section", "班级")),
    ("students", text("students", "学生")),
    ("handed in", text("handed in", "已提交")),
    ("late", text("late", "迟交")),
    ("new", text("to run", "待运行")),
    ("failed", text("unreadable", "无法评分")),
    ("partial", text("to mark", "待人工")),
    ("graded", text("graded", "已评")),
    ("feedback", text("feedback", "有反馈")),
)


def _counts(name: str, some: Sequence[Standing]) -> list[str]:
    handed = [s for s in some if s.status != "missing"]
    numbers = [len(some), len(handed), sum(s.late for s in handed)]
    numbers += [sum(s.status == status for s in some) for status in ("new", "failed", "partial", "graded")]
    return [name, *map(str, [*numbers, sum(s.feedback for s in some)])]


def status_lines(course: Course, names: Sequence[str], language: str) -> list[str]:
    """A table by assignment and section, and under one assignment who is concerned."""
    everything = {name: standings(course, name) for name in names}
    lines = []
    for name, everyone in everything.items():
        due = course.due.get(name)
        head = f"{name}" + (f" · {text('due', '截止')[language]} {due.isoformat(timespec='minutes')}" if due else "")
        rows = [[title[language] for _, title in _COLUMNS]]
        sections = sorted({s.student.section for s in everyone})
        if len(sections) > 1:
            none = text("(none)", "（无）")[language]
            rows += [_counts(one or none, [s for s in everyone if s.student.section == one]) for one in sections]
        rows.append(_counts(text("all", "全部")[language], everyone))
        wide = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines += [head, *("  " + "  ".join(_pad(cell, wide[i], i) for i, cell in enumerate(row)) for row in rows)]
        if len(names) == 1:
            lines += _concerned(everyone, language)
    return lines


def _width(value: str) -> int:
    return sum(2 if ord(c) > 0x2E7F else 1 for c in value)


def _pad(value: str, width: int, column: int) -> str:
    space = " " * (width - _width(value))
    return value + space if column == 0 else space + value


def _concerned(everyone: Sequence[Standing], language: str) -> list[str]:
    lines = []
    for status, title in (
        ("missing", text("not handed in", "未提交")),
        ("new", text("to run", "待运行")),
        ("failed", text("unreadable", "无法评分")),
        ("partial", text("to mark by hand", "待人工评阅")),
    ):
        some = [f"{s.student.name} ({s.student.key})" for s in everyone if s.status == status]
        if some:
            rest = f" … (+{len(some) - _SHOWN})" if len(some) > _SHOWN else ""
            lines.append(f"  {title[language]}: {', '.join(some[:_SHOWN])}{rest}")
    for s in everyone:
        if s.due is not None:
            until = text("may hand in until", "可交至")[language]
            lines.append(f"  {s.student.name} ({s.student.key}) {until} {s.due.isoformat(timespec='minutes')}")
    return lines


# -- extend -------------------------------------------------------------------------------------------------------


def extend(course: Course, assignment: str, who: str, date: str | None) -> tuple[Student, datetime.datetime | None]:
    """Give a student an own due date (None takes it back). The late policy reads it whenever scores are shown.

    Raises ``Problem`` where the assignment has no due date, or the own one would be earlier or a year later.
    """
    course.bundle(assignment)
    due = course.due.get(assignment)
    if due is None:
        raise Problem(
            f"{assignment} has no due date, so nothing is late. Give it one first: under [due] of grading.toml, or "
            f"with coursecode grade release {assignment} --due DATE.",
            f"{assignment} 没有截止时间，不会算迟交。请先给出：写在 grading.toml 的 [due] 中，或用 "
            f"coursecode grade release {assignment} --due 时间。",
        )
    student = find(course, who)
    until = due_date(date, course, base=due) if date is not None else None
    if until is not None and until <= due:
        raise Problem(
            f"{until.isoformat(timespec='minutes')} is not after the due date {due.isoformat(timespec='minutes')}; "
            "give a later one, or take an extension back with --remove.",
            f"{until.isoformat(timespec='minutes')} 不晚于截止时间 {due.isoformat(timespec='minutes')}；"
            "请给出更晚的时间，或用 --remove 取消延期。",
        )
    if until is not None and until - due > _LONGEST:
        raise _too_long(until.isoformat(timespec="minutes"), due)
    own = {key: value.isoformat() for key, value in course.settings(assignment).extensions.items()}
    own.pop(student.key, None)
    if until is not None:
        own[student.key] = until.isoformat()
    settings.remember(course.root, assignment, extensions=own)
    return student, until


# -- solutions ----------------------------------------------------------------------------------------------------


def worked_notebook(task: Any, language: str, exercises: Path) -> dict[str, Any]:
    """The released notebook with the solutions in place, model answers and rubrics; no hidden test."""
    from coursegrade.masters import master, release

    site, titles = release._site(exercises, language)
    made = release.notebook(task, language, exercises)
    sections = {section.id: section for section in task.masters[language].questions}
    by_cell = {block.id: (section, block) for section in sections.values() for block in section.of("answer")}
    hidden = {block.id for section in sections.values() for block in section.of("test") if block.hidden}
    words = {"en": ("Model answer", "Rubric", "Solution"), "zh": ("参考答案", "评分标准", "解答")}[language]
    cells: list[dict[str, Any]] = []

    def add(identifier: str, title: str, section: Any, role: str, best: float | None = None) -> None:
        blocks = [b for b in section.of(role) if best is None or b.score == best][: 1 if best is not None else None]
        sources = [
            release.plain(b.source, language, site=site, titles=titles, where=f"{section.path}:{b.line}")
            for b in blocks
            if b.source.strip()
        ]
        if sources:
            source = f"**{title}**\n\n" + "\n\n".join(sources)
            cells.append({"cell_type": "markdown", "id": identifier[:64], "metadata": {}, "source": source})

    for cell in made["cells"]:
        if cell["id"] in hidden:
            continue
        cell["metadata"] = {}
        section, block = by_cell.get(cell["id"], (None, None))
        if section is None:
            cells.append(cell)
            continue
        last = section.of("answer")[-1].id == cell["id"]
        if block.kind == "code":
            cells.append(cell | {"source": master.reference(block.source)})
        else:
            scores = [b.score for b in section.of("sample")]
            add(f"model-{cell['id']}", words[0], section, "sample", max(scores, default=0.0))
            add(f"rubric-{cell['id']}", words[1], section, "rubric")
        if last:
            add(f"solution-{cell['id']}", words[2], section, "solution")
    return made | {"cells": cells}


def solutions(course: Course, assignment: str, *, anyway: bool = False, overlay: Path | None = None) -> list[Path]:
    """Write ``solutions/NAME-LANGUAGE.ipynb`` and let the feedback show solutions from now on.

    Raises ``Problem`` before the last due date, extensions included, unless ``anyway``.
    """
    from coursegrade.masters import release

    bundle, told = course.bundle(assignment), course.settings(assignment)
    until = told.until
    now = datetime.datetime.now(datetime.UTC)
    if not anyway and (until is None or now <= until):
        when = text("it has no due date", "没有截止时间") if until is None else text(
            f"it may be handed in until {until.isoformat(timespec='minutes')}",
            f"可交至 {until.isoformat(timespec='minutes')}",
        )  # fmt: skip
        raise Problem(
            f"The solutions of {assignment} stay closed: {when['en']}, extensions included. --anyway opens them now.",
            f"{assignment} 的解答尚未公开：{when['zh']}（含延期）。用 --anyway 可立即公开。",
        )
    masters = Path(told.exercises or course.root / course.exercises)
    private = overlay or (Path(told.overlay) if told.overlay else None)
    task = release.assignment(assignment, masters, overlay=private)
    task = release.chosen(task, told.questions, told.points)
    if release.bundle(task, masters).version != bundle.version:
        raise Problem(
            f"The masters of {assignment} in {masters} are not those of the release any more; release it again first: "
            f"coursecode grade release {assignment}",
            f"{masters} 中 {assignment} 的母本与发布时不同；请先重新发布：coursecode grade release {assignment}",
        )
    written = []
    for language in release.LANGUAGES:
        content = json.dumps(worked_notebook(task, language, masters), ensure_ascii=False, indent=1) + "\n"
        path = course.root / "solutions" / f"{assignment}-{language}.ipynb"
        write_atomic(path, content)
        written.append(path)
    if not told.show_solutions:
        settings.remember(course.root, assignment, show_solutions=True)
    return written


# -- regrade ------------------------------------------------------------------------------------------------------


def _aside(paths: Sequence[Path]) -> dict[Path, Path]:
    """Second names for files that are about to be replaced, so that they can be put back on a full disk as well."""
    kept = {path: path.with_name(f".{path.stem}.before") for path in paths}
    for path, other in kept.items():
        other.unlink(missing_ok=True)  # of a run that was killed
        try:
            os.link(path, other)
        except OSError:  # a file system without second names
            write_atomic(other, path.read_bytes())
    return kept


def regrade(
    course: Course,
    assignment: str,
    students: Sequence[str] | None,
    *,
    jobs: int,
    ask: Callable[[list[Change]], None],
    progress: Callable[[int, int], None] | None = None,
) -> list[Change]:
    """Grade anew, ask with what changes, and write the gradebook; where the answer is no, all is as it was.

    ``ask`` raises ``Problem`` to refuse.
    """
    from coursegrade.cage.run import run_class

    who = list(students) if students is not None else sorted(course.ingested(assignment))
    before = _aside([path for key in who if (path := course.result(key, assignment)).is_file()])
    try:
        run_class(
            course.root, assignment, seed=course.seed(), jobs=jobs, students=students, anew=True, progress=progress
        )
        found = changes(course, assignment)
        if found:
            ask(found)
    except BaseException:
        for path, kept in before.items():
            os.replace(kept, path)  # needs no room
        raise
    finally:
        for kept in before.values():
            kept.unlink(missing_ok=True)
    merge(course, assignment)
    return found


# -- the commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """How ``cli.build`` makes commands."""

    language: str
    command_class: type[click.Command]
    course_option: Callable[[Any], Any]
    lang: Callable[[Any], Any]
    line: Callable[..., str]  # text for one line of a terminal
    bar: Callable[[str], Any]

    def say(self, en: str, zh: str) -> str:
        return zh if self.language == "zh" else en

    def tell(self, en: str, zh: str) -> None:
        click.echo(self.line(self.say(en, zh), 4000))

    def lines(self, some: Sequence[str], limit: int = _SHOWN) -> None:
        """Lines that hold names, made safe for the terminal."""
        for one in some[:limit]:
            click.echo(self.line(one, 300))
        if len(some) > limit:
            self.tell(f"  … and {len(some) - limit} more", f"  ……另有 {len(some) - limit} 条")

    def command(self, group: click.Group, name: str, short: Text, long: Text, **more: Any) -> Callable[[Any], Any]:
        return group.command(
            name, cls=self.command_class, short_help=short[self.language], help=long[self.language], **more
        )


def register(group: click.Group, words: Words) -> None:
    """Add the commands of this module to ``coursecode grade``."""
    for one in (_status_command, _resubmit_command, _regrade_command, _extend_command, _solutions_command):
        one(group, words)


def yes_option(words: Words) -> Callable[[Any], Any]:
    """``--yes``."""
    return click.option(
        "--yes", is_flag=True, help=words.say("Write changed scores without asking.", "分数有变时不询问，直接写入。")
    )


def _status_command(group: click.Group, words: Words) -> None:
    @words.command(
        group,
        "status",
        text("Who handed in, what waits for you.", "谁已提交，还有什么待处理。"),
        text(
            """Show by section who handed in, what is graded and what waits for you.

            \b
            Example:  coursecode grade status
            Example:  coursecode grade status pooling
            """,
            """按班级显示谁已提交、评了多少、还有什么等待处理。

            \b
            示例：coursecode grade status
            示例：coursecode grade status pooling
            """,
        ),
    )
    @click.argument("name", required=False)
    @words.course_option
    @words.lang
    def status(name: str | None, root: Path) -> None:
        course = Course.load(root)
        names = [name] if name else course.assignments()
        if not names:
            words.tell(
                "Nothing has been released yet. Do: coursecode grade release NAME",
                "还没有发布作业。请运行：coursecode grade release NAME",
            )
        words.lines(status_lines(course, names, words.language), 10_000)


def _resubmit_command(group: click.Group, words: Words) -> None:
    @words.command(
        group,
        "resubmit",
        text("Take one student's file in.", "收取一名学生的文件。"),
        text(
            """Take in one notebook or zip of one student, for an appeal or from an e-mail; the earlier one is kept.

            \b
            Example:  coursecode grade resubmit pooling s1234 mended.ipynb
            """,
            """收取一名学生的一个笔记本或 zip（申诉或邮件补交）；先前的提交会保留。

            \b
            示例：coursecode grade resubmit pooling s1234 mended.ipynb
            """,
        ),
    )
    @click.argument("name")
    @click.argument("student")
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option(
        "--at", default=None,
        help=words.say("When it was handed in; else as before.", "提交时间；默认沿用先前的时间。"),
    )  # fmt: skip
    @words.course_option
    @words.lang
    def resubmit(name: str, student: str, file: Path, at: str | None, root: Path) -> None:
        from coursegrade.intake.ingest import resubmit as take

        course = Course.load(root)
        who = find(course, student)
        row, titles = take(course, name, who, file, at=due_date(at, course) if at else None)
        click.echo(words.line(f"{who.name} ({who.key}): {row.file}", 300))
        for note in row.notes:
            click.echo(words.line(f"  {note[words.language]}", 300))
        if titles:
            click.echo(words.say("  changed: ", "  有改动：") + ", ".join(one[words.language] for one in titles))
        else:
            words.tell("  no answer changed", "  没有答案改动")
        if row.status == "ready":
            words.tell(f"Next: coursecode grade run {name}", f"下一步：coursecode grade run {name}")


def _regrade_command(group: click.Group, words: Words) -> None:
    @words.command(
        group,
        "regrade",
        text("Grade again, say what changes.", "重新评分并列出变化。"),
        text(
            """Grade again what is graded, show whose score changes, and ask before it is written.

            \b
            Example:  coursecode grade regrade pooling --diff
            Example:  coursecode grade regrade pooling --student s1234 --diff
            """,
            """对已评的提交重新评分，列出谁的分数有变，确认后才写入。

            \b
            示例：coursecode grade regrade pooling --diff
            示例：coursecode grade regrade pooling --student s1234 --diff
            """,
        ),
    )
    @click.argument("name")
    @click.option(
        "--student", "students", multiple=True, help=words.say("Only this one; repeatable.", "只评此学生；可重复。")
    )
    @click.option("--diff", is_flag=True, help=words.say("Before and after by question.", "逐题列出前后分数。"))
    @click.option("--jobs", "-j", type=click.IntRange(min=1), default=None, help=words.say("As for run.", "同 run。"))
    @yes_option(words)
    @words.course_option
    @words.lang
    def regrade_command(
        name: str, students: tuple[str, ...], diff: bool, jobs: int | None, yes: bool, root: Path
    ) -> None:
        from coursegrade.cage.jobs import safe_jobs

        course = Course.load(root)
        course.bundle(name)
        keys = [find(course, one).key for one in students] or None

        def ask(found: list[Change]) -> None:
            words.lines(listed(course, name, found, words.language, by_question=diff), 10_000)
            agree(_question(found), yes=yes, language=words.language)

        with words.bar(words.say("grading", "评分")) as progress:
            found = regrade(
                course, name, keys, jobs=jobs or safe_jobs(course.settings(name).limits), ask=ask, progress=progress
            )
        if not found:
            words.tell("No score changes.", "没有分数变化。")


def _question(found: Sequence[Change]) -> Text:
    return text(
        f"The scores of {len(found)} students change. Write them?", f"有 {len(found)} 名学生的分数会变化。是否写入？"
    )


def ask_about_changes(course: Course, name: str, words: Words, *, yes: bool) -> None:
    """Before ``run`` writes: whose score changes though they handed in nothing new; raises ``Problem``."""
    found = changes(course, name)
    if found:
        words.tell(
            "The exercise, the limits or the versions changed, and with them these scores:",
            "习题、上限或软件版本有变，以下分数随之变化：",
        )
        words.lines(["  " + line for line in listed(course, name, found, words.language, by_question=False)], 10_000)
        agree(_question(found), yes=yes, language=words.language)


def _extend_command(group: click.Group, words: Words) -> None:
    @words.command(
        group,
        "extend",
        text("Give a student more time.", "给一名学生延期。"),
        text(
            """Give one student an own due date, which the late policy honours.

            \b
            Example:  coursecode grade extend pooling s1234 2026-10-03T23:59+08:00
            Example:  coursecode grade extend pooling s1234 +2d
            Example:  coursecode grade extend pooling s1234 --remove
            """,
            """为一名学生设定自己的截止时间，迟交规则按它计算。

            \b
            示例：coursecode grade extend pooling s1234 2026-10-03T23:59+08:00
            示例：coursecode grade extend pooling s1234 +2d
            示例：coursecode grade extend pooling s1234 --remove
            """,
        ),
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("name")
    @click.argument("student")
    @click.argument("date", required=False)
    @click.option("--remove", is_flag=True, help=words.say("Take it back.", "取消延期。"))
    @words.course_option
    @words.lang
    def extend_command(name: str, student: str, date: str | None, remove: bool, root: Path) -> None:
        for given in (name, student, date or ""):
            if re.match(r"-[^\d\s]", given):  # "-5d" is a date that is wrong, "--remov" an option that is
                raise click.NoSuchOption(given)
        if (date is None) != remove:
            raise Problem("Give a date, or --remove.", "请给出时间，或用 --remove。")
        who, until = extend(Course.load(root), name, student, date)
        shown = words.line(f"{who.name} ({who.key})")
        if until is None:
            words.tell(f"{shown}: the due date of the class.", f"{shown}：按全班的截止时间。")
        else:
            at = until.isoformat(timespec="minutes")
            words.tell(
                f"{shown} may hand in {name} until {at}. Repeat feedback and export if they are out already.",
                f"{shown} 的 {name} 可交至 {at}。若反馈和成绩已发出，请重新运行 feedback 和 export。",
            )


def _solutions_command(group: click.Group, words: Words) -> None:
    @words.command(
        group,
        "solutions",
        text("Open the worked solutions.", "公开解答。"),
        text(
            """After the due date: write notebooks with worked solutions and rubrics, and let the feedback show them.

            \b
            Example:  coursecode grade solutions pooling
            """,
            """截止之后：写出含解答与评分标准的笔记本，此后反馈也会显示它们。

            \b
            示例：coursecode grade solutions pooling
            """,
        ),
    )
    @click.argument("name")
    @click.option("--anyway", is_flag=True, help=words.say("Before the due date as well.", "截止之前也公开。"))
    @click.option(
        "--overlay", type=click.Path(path_type=Path), default=None,
        help=words.say("As for release; else the one of the release.", "同 release；默认为发布时所用的文件夹。"),
    )  # fmt: skip
    @words.course_option
    @words.lang
    def solutions_command(name: str, anyway: bool, overlay: Path | None, root: Path) -> None:
        for path in solutions(Course.load(root), name, anyway=anyway, overlay=overlay):
            click.echo(f"  {path}")
        words.tell(
            f"Give them to the class; from now on coursecode grade feedback {name} shows the solutions as well.",
            f"请发给全班；此后 coursecode grade feedback {name} 也会显示解答。",
        )
