"""``coursecode grade …``: parses and calls; the work is done by the module of each command."""

from __future__ import annotations

import errno
import importlib
import locale
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from coursecode import _install
from coursecode._progress import progress_bar
from coursegrade.contract import Text
from coursegrade.course import Course, init, shield
from coursegrade.files import NO_ROOM, Problem, refusal
from coursegrade.intake.encodings import decode
from coursegrade.sanitise import Untrusted
from coursegrade.term import Words, register, yes_option

__all__ = ["build", "run"]

_SHOWN = 40  # lines of a table on the screen; all of them are in the report file


def _language(arguments: Sequence[str]) -> str:
    """``--lang``, else the course's language, else that of the system."""
    for number, argument in enumerate(arguments):
        value = arguments[number + 1] if argument == "--lang" and number + 1 < len(arguments) else None
        value = argument.removeprefix("--lang=") if argument.startswith("--lang=") else value
        if value in ("en", "zh"):
            return value
    root = Path(".")
    for number, argument in enumerate(arguments):
        if argument in ("--course", "-C") and number + 1 < len(arguments):
            root = Path(arguments[number + 1])
        elif argument.startswith("--course="):
            root = Path(argument.removeprefix("--course="))
    try:
        given = tomllib.loads(decode((root / "grading.toml").read_bytes())[0]).get("course", {}).get("language")
    except (OSError, ValueError, AttributeError):
        given = None
    if given in ("en", "zh"):
        return str(given)
    system = next((v for v in map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")) if v), None)
    return "zh" if (system or locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"


_CLICK_ZH = {  # the words that Click itself writes
    "Usage:": "用法：",
    "Options:": "选项：",
    "Commands:": "命令：",
    "[OPTIONS]": "[选项]",
    "COMMAND [ARGS]...": "命令 [参数]...",
    "Show this message and exit.": "显示本说明。",
    "[required]": "[必需]",
    "[default: ": "[默认：",
}


class _Translated(click.Command):
    """A command whose help has Click's own words in Chinese."""

    def get_help(self, ctx: click.Context) -> str:
        shown = super().get_help(ctx)
        for english, chinese in _CLICK_ZH.items():
            shown = shown.replace(english, chinese)
        return shown


class _TranslatedGroup(_Translated, click.Group):
    """A group with such a help."""


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    bar = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = progress_bar(total=total, desc=what)
        if bar is not None:
            bar.total = total
            bar.update(done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def build(language: str) -> click.Command:
    """The command tree with its help in ``language``."""

    def say(en: str, zh: str) -> str:
        return zh if language == "zh" else en

    def words(value: Text) -> str:
        return value[language]

    def tell(en: str, zh: str) -> None:
        click.echo(_line(say(en, zh), 4000))

    command_class: type[click.Command] = _Translated if language == "zh" else click.Command
    group_class: type[click.Group] = _TranslatedGroup if language == "zh" else click.Group
    lang = click.option(
        "--lang", type=click.Choice(["en", "zh"]), expose_value=False, help=say("Language of the words.", "界面语言。")
    )
    course_option = click.option(
        "--course", "-C", "root", type=click.Path(path_type=Path), default=Path("."),
        help=say("The course folder; the current one if not given.", "课程文件夹；默认为当前文件夹。"),
    )  # fmt: skip

    def load(root: Path) -> Course:
        course = Course.load(root)
        if shield(course):
            tell(
                "nbgrader_config.py was changed: no button of nbgrader's pages can delete the release any more.",
                "已修改 nbgrader_config.py：nbgrader 页面上的按钮不会再删除发布的作业。",
            )
        return course

    term = term_words(language, command_class, course_option, lang)

    @click.group(
        cls=group_class,
        help=say("From Dense to Convolution: the course's tools.", "《从全连接到卷积》的课程工具。"),
    )
    @lang
    def coursecode() -> None:
        pass

    @coursecode.group(
        cls=group_class,
        help=say(
            """Assign the exercises and grade them, safely.

            Once: init, doctor. For each assignment: release, then, when the LMS's zip is there, four commands:

            \b
              coursecode grade ingest pooling submissions.zip --roster roster.csv
              coursecode grade run pooling
              coursecode grade feedback pooling
              coursecode grade export pooling --format canvas

            Every command can be repeated; it goes on where it stopped.
            """,
            """布置习题并安全地评分。

            只需一次：init、doctor。每份作业：先 release；收到学习平台的 zip 之后，四条命令：

            \b
              coursecode grade ingest pooling submissions.zip --roster roster.csv
              coursecode grade run pooling
              coursecode grade feedback pooling
              coursecode grade export pooling --format canvas

            每条命令都可以重复运行，会从中断处继续。
            """,
        ),
    )
    @lang
    def grade() -> None:
        pass

    @grade.command(
        "init",
        cls=command_class,
        short_help=say("Make a course folder.", "新建课程文件夹。"),
        help=say(
            """Make a course folder: settings, the class's secret seed, nbgrader's configuration.

            \b
            Example:  coursecode grade init my-class --name "Deep Learning, autumn"
            """,
            """新建课程文件夹：设置、班级的秘密种子、nbgrader 配置。

            \b
            示例：coursecode grade init my-class --name "深度学习 秋季"
            """,
        ),
    )
    @click.argument("folder", type=click.Path(path_type=Path))
    @click.option("--name", default=None, help=say("Name of the course.", "课程名称。"))
    @lang
    def init_command(folder: Path, name: str | None) -> None:
        written = init(folder, name=name or folder.resolve().name, language=language)
        for path in written:
            click.echo(f"  {path}")
        course = load(folder)
        masters = (course.root / course.exercises).resolve()
        if not any(masters.glob("*.md")):
            tell(
                f"There are no exercises in {masters}. They lie in a clone of the course: make the clone, then write "
                f'its folder exercises into {folder / "grading.toml"} (exercises = "…/exercises"), '
                "or give it to release with --exercises.",
                f"{masters} 中没有习题。习题在课程的克隆目录里：请先克隆，再把其中的 exercises 文件夹写入 "
                f'{folder / "grading.toml"}（exercises = "…/exercises"），或在 release 时用 --exercises 指定。',
            )
        tell(
            f"The course folder is {folder}. Put the list of students there as roster.csv; keep seed.txt to yourself.",
            f"课程文件夹为 {folder}。请将学生名单存为其中的 roster.csv；seed.txt 请勿外传。",
        )

    @grade.command(
        "doctor",
        cls=command_class,
        short_help=say("Can this machine contain students' code?", "检查本机能否隔离学生代码。"),
        help=say(
            """Say whether this machine can contain what students hand in, and what is missing.

            \b
            Example:  coursecode grade doctor
            """,
            """检查本机能否隔离学生代码，并指出缺少什么。

            \b
            示例：coursecode grade doctor
            """,
        ),
    )
    @lang
    @click.pass_context
    def doctor(context: click.Context) -> None:
        from coursegrade.contract import Limits

        limits = [Limits()]
        if Path("grading.toml").is_file():
            course = load(Path("."))
            limits = [course.default.limits, *(one.limits for one in course.chosen.values())]
        most = max(limits, key=lambda one: one.memory)
        context.exit(int(importlib.import_module("coursegrade.cage.doctor").main(language=language, limits=most)))

    @grade.command(
        "release",
        cls=command_class,
        short_help=say("Make what the students get.", "生成发给学生的文件。"),
        help=say(
            """Make what students get (NAME-en.zip and NAME-zh.zip) and the private bundle that the grading needs.

            \b
            Example:  coursecode grade release pooling
            Example:  coursecode grade release pooling --questions pool-1d,choose-pooling --due 2026-10-01T23:59+08:00
            Example:  coursecode grade release pooling --overlay ../exam-questions
            """,
            """生成发给学生的文件（英文 NAME-en.zip、中文 NAME-zh.zip）以及评分所需的私有文件。

            \b
            示例：coursecode grade release pooling
            示例：coursecode grade release pooling --questions pool-1d,choose-pooling --due 2026-10-01T23:59+08:00
            示例：coursecode grade release pooling --overlay ../exam-questions
            """,
        ),
    )
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @click.option(
        "--exercises", type=click.Path(path_type=Path), default=None,
        help=say("Folder of the masters; else as in grading.toml.", "习题母本文件夹；默认见 grading.toml。"),
    )  # fmt: skip
    @click.option(
        "--overlay", type=click.Path(path_type=Path), default=None,
        help=say("A private folder with questions of your own.", "存放自有试题的私有文件夹。"),
    )  # fmt: skip
    @click.option(
        "--questions", default=None, metavar="ID,ID",
        help=say("Only these, by id; all takes every one again.", "只出这些题（标识）；all 恢复全部。"),
    )  # fmt: skip
    @click.option(
        "--points", "points", multiple=True, metavar="ID=POINTS",
        help=say("Points of a question; repeatable.", "某题的分值；可重复。"),
    )  # fmt: skip
    @click.option("--due", default=None, metavar="DATE", help=say("When it is due.", "截止时间。"))
    @course_option
    @lang
    def release(
        names: tuple[str, ...],
        exercises: Path | None,
        overlay: Path | None,
        questions: str | None,
        points: tuple[str, ...],
        due: str | None,
        root: Path,
    ) -> None:
        from coursegrade.masters.choice import release_chosen

        made = release_chosen(
            load(root), names, exercises=exercises, overlay=overlay, questions=questions, points=points, due=due
        )
        for note in made.notes:
            click.echo(_line(words(note), 400))
        for path in made.folders:
            tell(
                f"{path.name}: give {path / path.name}-en.zip (English) or {path.name}-zh.zip (Chinese) to the "
                f"students; {path}/bundle.json stays with you.",
                f"{path.name}：将 {path / path.name}-zh.zip（中文）或 {path.name}-en.zip（英文）发给学生；"
                f"{path}/bundle.json 请自行保管。",
            )

    @grade.command(
        "ingest",
        cls=command_class,
        short_help=say("Take the submissions out of the LMS's zip.", "从平台的 zip 中收取提交。"),
        help=say(
            """Take the submissions out of the LMS's zip: Canvas, Moodle or Gradescope.

            Damaged notebooks are repaired where that is possible; where not, the student is named with the reason.
            Of several notebooks of a student the one with most answers counts, of equals the latest.
            Several zips and several rosters (sections, groups) add up.

            \b
            Example:  coursecode grade ingest pooling submissions.zip --roster roster.csv
            Example:  coursecode grade ingest pooling submissions.zip --dry-run
            """,
            """从学习平台（Canvas、Moodle、Gradescope）的 zip 中收取提交。

            能修复的损坏笔记本会被修复；无法修复的，按姓名列出原因。
            一名学生有多份笔记本时，以作答最多者为准，其次取最新者。
            可多次加入 zip 和名单（班级、小组），结果会累加。

            \b
            示例：coursecode grade ingest pooling submissions.zip --roster roster.csv
            示例：coursecode grade ingest pooling submissions.zip --dry-run
            """,
        ),
    )
    @click.argument("name")
    @click.argument("zip_files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ZIP...")
    @click.option(
        "--roster", type=click.Path(path_type=Path), default=None,
        help=say("Students as CSV, added to those of the course.", "学生名单 CSV，加入课程已有的名单。"),
    )  # fmt: skip
    @click.option(
        "--replace-roster",
        is_flag=True,
        help=say("Take out who is not in it.", "移除不在该名单中的学生。"),
    )
    @click.option(
        "--dry-run",
        is_flag=True,
        help=say("Only show what would be taken in; write nothing.", "只显示将收取什么，不写入任何文件。"),
    )
    @course_option
    @lang
    def ingest_command(
        name: str, zip_files: tuple[Path, ...], roster: Path | None, replace_roster: bool, dry_run: bool, root: Path
    ) -> None:
        from coursegrade.intake.ingest import ingest

        with _bar(say("taking in", "收取")) as progress:
            report = ingest(
                load(root), name, *zip_files, roster=roster, replace_roster=replace_roster, dry_run=dry_run,
                progress=progress,
            )  # fmt: skip
        labels = {
            "ready": say("ready", "就绪"), "failed": say("not readable", "无法读取"), "unknown": say("unknown", "未知"),
            "missing": say("not handed in", "未提交"), "kept": say("kept", "保留"),
        }  # fmt: skip
        if dry_run:
            for row in report.rows:
                if row.status in ("ready", "failed"):
                    done = "–" if row.answered is None else f"{row.answered}/{row.answers}"
                    when = row.when or say("time not known", "时间未知")
                    click.echo(f"  {_line(row.student, 20):<20}  {done:>5}  {when:<25}  {_line(row.file)}")
        noted = [row for row in report.rows if row.notes and row.status != "missing"]
        for row in noted[:_SHOWN]:
            click.echo(f"  [{labels[row.status]}] {_line(row.student)} {_line(row.name)}")
            for note in row.notes[:6]:
                click.echo(f"      {_line(words(note), 300)}")
        if len(noted) > _SHOWN:
            tell(f"  … and {len(noted) - _SHOWN} more", f"  ……另有 {len(noted) - _SHOWN} 条")
        for note in report.notes:
            click.echo(f"  {_line(words(note), 300)}")
        if report.changes is not None:
            for who, en, zh in (
                (report.changes.added, "added to the roster", "加入名单"),
                (report.changes.changed, "changed on the roster", "名单中有更新"),
                (report.changes.removed, "taken off the roster; their files stay", "移出名单（其文件保留）"),
            ):
                if who:
                    some = _line(", ".join(who), 120)
                    tell(f"  {len(who)} {en}: {some}", f"  {len(who)} 人{zh}：{some}")
        counts = ", ".join(f"{labels[s]} {n}" for s in labels if (n := report.count(s)))
        if dry_run:
            tell(
                f"{report.lms}: {counts}. Nothing was written; without --dry-run it is.",
                f"{report.lms}：{counts}。未写入任何文件；去掉 --dry-run 才会写入。",
            )
            return
        tell(
            f"{report.lms}: {counts}. The whole list: {root / 'submitted' / (name + '.ingest.json')}",
            f"{report.lms}：{counts}。完整列表：{root / 'submitted' / (name + '.ingest.json')}",
        )
        tell(f"Next: coursecode grade run {name}", f"下一步：coursecode grade run {name}")

    @grade.command(
        "run",
        cls=command_class,
        short_help=say("Grade in the sandbox, write the gradebook.", "在沙箱中评分并写入成绩册。"),
        help=say(
            """Grade every submission in the sandbox, then write the gradebook.

            A result that is there and still fits is not computed again; after a crash the same command goes on.

            \b
            Example:  coursecode grade run pooling --jobs 4
            Example:  coursecode grade run pooling --cluster slurm.toml
            """,
            """在沙箱中为所有提交评分，然后写入成绩册。

            已有且仍然有效的结果不会重算；中断后运行同一命令即可继续。

            \b
            示例：coursecode grade run pooling --jobs 4
            示例：coursecode grade run pooling --cluster slurm.toml
            """,
        ),
    )
    @click.argument("name")
    @click.option(
        "--jobs", "-j", type=click.IntRange(min=1), default=None,
        help=say("How many at once; else what doctor says.", "同时评几份；默认为 doctor 所示的份数。"),
    )  # fmt: skip
    @click.option(
        "--cluster", type=click.Path(path_type=Path), default=None,
        help=say("A Dask cluster instead (see the guide).", "改用 Dask 集群（见指南）。"),
    )  # fmt: skip
    @click.option(
        "--student", "students", multiple=True, help=say("Only this one; repeatable.", "只评此学生；可重复。")
    )
    @click.option(
        "--only-merge",
        is_flag=True,
        help=say("Write the gradebook from the results that are there.", "只由已有结果写成绩册。"),
    )
    @yes_option(term)
    @course_option
    @lang
    def run_command(
        name: str,
        jobs: int | None,
        cluster: Path | None,
        students: tuple[str, ...],
        only_merge: bool,
        yes: bool,
        root: Path,
    ) -> None:
        from coursegrade.cage.jobs import safe_jobs
        from coursegrade.records.gradebook import merge
        from coursegrade.term import ask_about_changes

        course = load(root)
        course.bundle(name)
        if not only_merge:
            module = importlib.import_module("coursegrade.cage.run")
            with _bar(say("grading", "评分")) as progress:
                module.run_class(
                    course.root,
                    name,
                    seed=course.seed(),
                    jobs=jobs or safe_jobs(course.settings(name).limits),
                    cluster=cluster,
                    students=list(students) or None,
                    progress=progress,
                )
        ask_about_changes(course, name, term, yes=yes)
        with _bar(say("writing the gradebook", "写入成绩册")) as progress:
            done = merge(course, name, progress=progress)
        for note in done.said:
            click.echo(_line(words(note), 600))
        for who, reason in done.problems[:_SHOWN]:
            click.echo(f"  {_line(who)}: {reason[language].line(300)}")
        tell(
            f"Graded {done.graded}, without a grade {done.failed}, not handed in {done.missing}; "
            f"{done.to_grade} written answers wait for you.",
            f"已评 {done.graded} 份，无法评分 {done.failed} 份，未提交 {done.missing} 份；"
            f"有 {done.to_grade} 道文字题等待人工评阅。",
        )
        if done.to_grade:
            tell(
                f"Written answers: coursecode grade mark {name}. Then: coursecode grade feedback {name}",
                f"文字题：coursecode grade mark {name}。之后：coursecode grade feedback {name}",
            )

    @grade.command(
        "mark",
        cls=command_class,
        short_help=say("Mark written answers in the browser.", "在浏览器中评阅文字题。"),
        help=say(
            """Mark written answers in the browser, one question at a time, names hidden.

            The page is for this machine only, and for whoever has its address. Ctrl+C ends it; every mark is saved.

            \b
            Example:  coursecode grade mark pooling
            """,
            """在浏览器中逐题评阅文字题，不显示姓名。

            页面只在本机可用，且须知道网址。按 Ctrl+C 结束；每次评分均已保存。

            \b
            示例：coursecode grade mark pooling
            """,
        ),
    )
    @click.argument("name")
    @click.option("--question", default=None, help=say("Begin with this one.", "从此题开始。"))
    @click.option(
        "--port", type=click.IntRange(1, 65535), default=None,
        help=say("Port of the page; else a free one.", "页面端口；默认自动选择。"),
    )  # fmt: skip
    @course_option
    @lang
    def mark_command(name: str, question: str | None, port: int | None, root: Path) -> None:
        from coursegrade.records.marking import Marking
        from coursegrade.records.marking_server import serve

        def ready(address: str) -> None:
            tell(
                f"Open {address} in a browser on this machine. Ctrl+C ends it; what was saved stays.",
                f"请在本机浏览器中打开 {address} 。按 Ctrl+C 结束；已保存的评分不会丢失。",
            )

        serve(Marking(load(root), name, question=question), port=port or 0, ready=ready)

    @grade.command(
        "feedback",
        cls=command_class,
        short_help=say("A page per student, a zip for the LMS.", "每名学生一页反馈，打包成 zip。"),
        help=say(
            """Write a page per student and the zip that the LMS takes back.

            \b
            Example:  coursecode grade feedback pooling
            Example:  coursecode grade feedback pooling --in both
            """,
            """为每名学生生成反馈页面，以及可传回学习平台的 zip。

            \b
            示例：coursecode grade feedback pooling
            示例：coursecode grade feedback pooling --in both
            """,
        ),
    )
    @click.argument("name")
    @click.option(
        "--in", "tongue", type=click.Choice(["en", "zh", "both"]), default=None,
        help=say("Language of the pages; else that of each notebook.", "页面语言；默认与学生所用笔记本相同。"),
    )  # fmt: skip
    @course_option
    @lang
    def feedback_command(name: str, tongue: str | None, root: Path) -> None:
        from coursegrade.handback.feedback import feedback

        with _bar(say("feedback", "反馈")) as progress:
            made = feedback(load(root), name, language=tongue, progress=progress)
        tell(f"{made.pages} pages.", f"共 {made.pages} 页。")
        for path in made.zips:
            click.echo(f"  {path}")
        if made.waiting:
            tell(
                f"On {made.waiting} pages written answers are not graded yet; repeat the command when they are.",
                f"其中 {made.waiting} 页的文字题尚未评阅；评完后请再次运行。",
            )
        if made.unscored:
            some = _line(", ".join(made.unscored), 160)
            tell(
                f"{len(made.unscored)} submissions have no grade: {some}. feedback-gradescope.zip holds no score for "
                "them, and Gradescope shows its own message that the autograder failed; enter their score there when "
                "you have decided. Their pages with the reason are in feedback.zip.",
                f"{len(made.unscored)} 份提交未能评分：{some}。feedback-gradescope.zip 中没有它们的分数，"
                "Gradescope 会提示 autograder 运行失败；决定后请在那里填写分数。写有原因的反馈页在 feedback.zip 中。",
            )

    @grade.command(
        "export",
        cls=command_class,
        short_help=say("Grades for the LMS, and the class report.", "导出成绩与班级报告。"),
        help=say(
            """Write the grades as the LMS takes them, and the class report.

            With the LMS's own file as --template its column names are used.

            \b
            Example:  coursecode grade export pooling --format canvas --template gradebook.csv
            Example:  coursecode grade export pooling --format moodle --template worksheet.csv
            """,
            """按学习平台的格式导出成绩，并生成班级报告。

            用 --template 给出平台自己的文件时，沿用其列名。

            \b
            示例：coursecode grade export pooling --format canvas --template gradebook.csv
            示例：coursecode grade export pooling --format moodle --template worksheet.csv
            """,
        ),
    )
    @click.argument("name")
    @click.option(
        "--format", "form", type=click.Choice(["csv", "canvas", "moodle", "gradescope"]), default="csv",
        show_default=True, help=say("Which columns.", "列的格式。"),
    )  # fmt: skip
    @click.option(
        "--template", type=click.Path(path_type=Path), default=None,
        help=say("The LMS's own file, to be filled in.", "待填写的平台文件。"),
    )  # fmt: skip
    @click.option("--title", default=None, help=say("The assignment's name in the LMS.", "作业在平台上的名称。"))
    @click.option("--section", default=None, help=say("Only this section of the class.", "只导出该班级。"))
    @click.option(
        "--missing-as-zero",
        is_flag=True,
        help=say("0 for who handed in nothing; else empty.", "未提交记 0 分；默认留空。"),
    )
    @click.option(
        "--failed-as-zero",
        is_flag=True,
        help=say("0 for what could not be read; else empty.", "无法读取的提交记 0 分；默认留空。"),
    )
    @click.option(
        "--so-far",
        is_flag=True,
        help=say("Points so far where written answers wait; else empty.", "文字题未评完时给出已有分数；默认留空。"),
    )
    @course_option
    @lang
    def export_command(
        name: str,
        form: str,
        template: Path | None,
        title: str | None,
        section: str | None,
        missing_as_zero: bool,
        failed_as_zero: bool,
        so_far: bool,
        root: Path,
    ) -> None:
        from coursegrade.handback.export import Rules, export
        from coursegrade.handback.report import report

        course = load(root)
        rules = Rules(missing_as_zero=missing_as_zero, failed_as_zero=failed_as_zero, so_far=so_far)
        path, everyone = export(course, name, form, template=template, title=title, section=section, rules=rules)
        click.echo(f"  {path}")
        click.echo(f"  {report(course, name, everyone)}")
        waiting = sum(s.status == "partial" for s in everyone)
        if waiting and so_far:
            tell(
                f"{waiting} students have written answers that are not graded yet; their mark holds the rest only.",
                f"{waiting} 名学生有尚未评阅的文字题；其成绩只含其余部分。",
            )
        elif waiting:
            tell(
                f"{waiting} students have written answers that are not graded yet: their mark is empty. "
                "Grade them and repeat, or give the points so far with --so-far.",
                f"{waiting} 名学生有尚未评阅的文字题，成绩留空。请评完后重新导出，或用 --so-far 给出已有分数。",
            )
        failed = [s.student.name or s.student.key for s in everyone if s.status == "failed"]
        if failed and not failed_as_zero:
            some = _line(", ".join(failed), 160)
            tell(
                f"{len(failed)} submissions have no grade, and their mark is empty: {some}. "
                "When you have decided, --failed-as-zero writes a 0.",
                f"{len(failed)} 份提交未能评分，成绩留空：{some}。决定后可用 --failed-as-zero 记 0 分。",
            )

    register(grade, term)
    return coursecode


def term_words(language: str, command_class: type[click.Command], course_option: Any, lang: Any) -> Words:
    """What the commands of ``term`` are made with."""
    return Words(language, command_class, course_option, lang, _line, _bar)


def _line(value: str, limit: int = 80) -> str:
    """One line for a terminal: nothing that moves the cursor, nothing long."""
    return Untrusted(value).line(limit)


@contextmanager
def _private() -> Iterator[None]:
    """Marks, names and hidden tests are the instructor's, whatever library writes the file."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _mute() -> None:
    """Nothing more goes to an output that cannot take it, not even when Python ends."""
    if sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def run(arguments: Sequence[str]) -> int:
    """Parse, call, and say what went wrong in one sentence; returns the exit status."""
    language = _language(arguments)
    zh = language == "zh"

    def error(message: str) -> None:
        safe = "\n".join(_line(one, 4000) for one in message.splitlines())  # it may quote a name or a path
        click.echo(("错误：" if zh else "Error: ") + safe, err=True)

    try:
        with _private():
            status = build(language).main(args=list(arguments), prog_name="coursecode", standalone_mode=False)
            sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        return 0
    except click.UsageError as wrong:
        path = wrong.ctx.command_path if wrong.ctx else "coursecode"
        error(wrong.format_message())
        click.echo(f"请看 {path} --help" if zh else f"See {path} --help", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        error("已中断；运行同一命令即可继续。" if zh else "stopped; the same command goes on.")
        return 130
    except Problem as problem:
        error(problem.text[language])
        return 1
    except OSError as failed:
        if failed.errno == errno.EPIPE:  # who read the output has seen enough
            _mute()
            return 1
        if failed.filename is None:  # the output itself, or a file that a library keeps for itself
            _mute()
            failed.filename = f"{tempfile.gettempdir()}, stdout"
        why = refusal(failed)[language]
        if failed.errno not in NO_ROOM:
            error(f"{why}。" if zh else f"{why}.")
            return 1
        room = failed.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if zh:
            mend = "腾出空间" if room else "解决后"
            error(f"{why}。没有丢失任何内容：{mend}{'后' if room else ''}运行同一命令即可继续。")
        else:
            error(f"{why}. Nothing is lost: {'make room' if room else 'mend that'} and repeat the command; it goes on.")
        return 3
    except ImportError as failed:
        name = failed.name or str(failed)
        english, chinese = _install.advice("grade")
        error(f"缺少 {name}。{chinese}" if zh else f"{name} is missing. {english}")
        return 2
    except ValueError as failed:  # the masters and the bundles say what is wrong with them
        error(str(failed))
        return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
