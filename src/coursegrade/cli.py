"""``coursecode grade …``: parses and calls; the work is done by the module of each command."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from coursecode import _install
from coursecode._words import ByLanguage, later
from coursegrade import term
from coursegrade.console import (
    PATH,
    SHOWN,
    bar,
    command,
    course_option,
    coursecode,
    in_a_row,
    in_language,
    language,
    language_of,
    line,
    of,
    said,
    say,
    tell,
    typed,
    usage,
    yes_option,
)
from coursegrade.contract import LANGUAGES, Text, same, text
from coursegrade.course import Course, init, shield
from coursegrade.files import NO_ROOM, Problem, refusal


def load(root: Path) -> Course:
    """The course, guarded from nbgrader's own buttons."""
    course = Course.load(root)
    if shield(course):
        tell("nbgrader_config.py was changed: no button of nbgrader's pages can delete the release any more.")
    return course


@command(
    "init",
    later("Make a course folder."),
    [later("Make a course folder: settings, the class's secret seed, nbgrader's configuration.")],
    [later('coursecode grade init my-class --name "Deep Learning, autumn"')],
)
@click.argument("folder", type=PATH)
@click.option("--name", help=later("Name of the course."))
def init_command(folder: Path, name: str | None) -> None:
    written = init(folder, name=name or folder.resolve().name, language=language())
    for path in written:
        click.echo(f"  {path}")
    course = load(folder)
    masters = (course.root / course.exercises).resolve()
    if not any(masters.glob("*.md")):
        tell(
            "There are no exercises in {masters}. They lie in a clone of the course: make the clone, then "
            'write its folder exercises into {folder} (exercises = "…/exercises"), or give it to release '
            "with --exercises.",
            masters=masters,
            folder=folder / "grading.toml",
        )
    tell(
        "The course folder is {folder}. Put the list of students there as roster.csv; keep seed.txt to yourself.",
        folder=folder,
    )


@command(
    "doctor",
    later("Can this machine contain students' code?"),
    [later("Say whether this machine can contain what students hand in, and what is missing.")],
    ["coursecode grade doctor"],
)
@click.pass_context
def doctor(context: click.Context) -> None:
    from coursegrade.cage.doctor import main
    from coursegrade.contract import Limits

    limits = [Limits()]
    if Path("grading.toml").is_file():
        course = load(Path("."))
        limits = [course.default.limits, *(one.limits for one in course.chosen.values())]
    most = max(limits, key=lambda one: one.memory)
    context.exit(main(language=language(), limits=most))


@command(
    "release",
    later("Make what the students get."),
    [later("Make what students get (NAME-en.zip and NAME-zh.zip) and the private bundle that the grading needs.")],
    [
        "coursecode grade release pooling",
        "coursecode grade release pooling --questions pool-1d,choose-pooling --due 2026-10-01T23:59+08:00",
        "coursecode grade release pooling --overlay ../exam-questions",
    ],
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--exercises", type=PATH, help=later("Folder of the masters; else as in grading.toml."))
@click.option("--overlay", type=PATH, help=later("A private folder with questions of your own."))
@click.option("--questions", metavar="ID,ID", help=later("Only these, by id; all takes every one again."))
@click.option("--points", "points", multiple=True, metavar="ID=POINTS", help=later("Points of a question; repeatable."))
@click.option("--due", metavar="DATE", help=later("When it is due."))
@course_option
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
        click.echo(line(said(note), 400))
    for path in made.folders:
        tell(
            "{name}: give {path}-en.zip (English) or {name}-zh.zip (Chinese) to the students; "
            "{path_2}/bundle.json stays with you.",
            name=path.name,
            path=path / path.name,
            path_2=path,
        )


@command(
    "ingest",
    later("Take the submissions out of the LMS's zip."),
    [
        later("Take the submissions out of the LMS's zip: Canvas, Moodle or Gradescope."),
        later(
            "Damaged notebooks are repaired where that is possible; where not, the student is named with the "
            "reason. Of several notebooks of a student the one with most answers counts, of equals the latest. "
            "Several zips and several rosters (sections, groups) add up."
        ),
    ],
    [
        "coursecode grade ingest pooling submissions.zip --roster roster.csv",
        "coursecode grade ingest pooling submissions.zip --dry-run",
    ],
)
@click.argument("name")
@click.argument("zip_files", nargs=-1, required=True, type=PATH, metavar="ZIP...")
@click.option("--roster", type=PATH, help=later("Students as CSV, added to those of the course."))
@click.option("--replace-roster", is_flag=True, help=later("Take out who is not in it."))
@click.option("--dry-run", is_flag=True, help=later("Only show what would be taken in; write nothing."))
@course_option
def ingest_command(
    name: str, zip_files: tuple[Path, ...], roster: Path | None, replace_roster: bool, dry_run: bool, root: Path
) -> None:
    from coursegrade.intake.ingest import ingest

    with bar(say("taking in")) as progress:
        report = ingest(
            load(root), name, *zip_files, roster=roster, replace_roster=replace_roster, dry_run=dry_run,
            progress=progress,
        )  # fmt: skip
    labels = {
        "ready": say("ready"), "failed": say("not readable"), "unknown": say("unknown"),
        "missing": say("not handed in"), "kept": say("kept"),
    }  # fmt: skip
    if dry_run:
        for row in report.rows:
            if row.status in ("ready", "failed"):
                done = "–" if row.answered is None else f"{row.answered}/{row.answers}"
                when = row.when or say("time not known")
                click.echo(f"  {line(row.student, 20):<20}  {done:>5}  {when:<25}  {row.file.line(80)}")
    noted = [row for row in report.rows if row.notes and row.status != "missing"]
    for row in noted[:SHOWN]:
        click.echo(f"  [{labels[row.status]}] {line(row.student)} {row.name.line(80)}")
        for note in row.notes[:6]:
            click.echo(f"      {line(said(note), 300)}")
    if len(noted) > SHOWN:
        tell("  … and {n} more", n=len(noted) - SHOWN)
    for note in report.notes:
        click.echo(f"  {line(said(note), 300)}")
    if (changes := report.changes) is not None:
        for who, what in (
            (changes.added, text("added to the roster")),
            (changes.changed, text("changed on the roster")),
            (changes.removed, text("taken off the roster; their files stay")),
        ):
            if who:
                some = line(in_a_row(one.line(60) for one in who), 120)
                tell("  {n} {what}: {some}", n=len(who), what=what, some=some)
    counts = in_a_row(f"{labels[s]} {n}" for s in labels if (n := report.count(s)))
    if dry_run:
        tell("{lms}: {counts}. Nothing was written; without --dry-run it is.", lms=report.lms, counts=counts)
        return
    where = root / "submitted" / (name + ".ingest.json")
    tell("{lms}: {counts}. The whole list: {root}", lms=report.lms, counts=counts, root=where)
    if report.count("failed"):
        tell("Not readable: ask for the file again, then coursecode grade resubmit {name} STUDENT FILE", name=name)
    tell("Next: coursecode grade run {name}", name=name)


@command(
    "run",
    later("Grade in the sandbox, write the gradebook."),
    [
        later("Grade every submission in the sandbox, then write the gradebook."),
        later("A result that is there and still fits is not computed again; after a crash the same command goes on."),
    ],
    ["coursecode grade run pooling --jobs 4", "coursecode grade run pooling --cluster slurm.toml"],
)
@click.argument("name")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help=later("How many at once; else what doctor says."))
@click.option("--cluster", type=PATH, help=later("A Dask cluster instead (see the guide)."))
@click.option("--student", "students", multiple=True, help=later("Only this one; repeatable."))
@click.option("--only-merge", is_flag=True, help=later("Write the gradebook from the results that are there."))
@yes_option
@course_option
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

    course = load(root)
    course.bundle(name)
    if not only_merge:
        from coursegrade.cage.run import run_class

        with bar(say("grading")) as progress:
            run_class(
                course.root,
                name,
                seed=course.seed(),
                jobs=jobs or safe_jobs(course.settings(name).limits),
                cluster=cluster,
                students=list(students) or None,
                progress=progress,
            )
    term.ask_about_changes(course, name, yes=yes)
    with bar(say("writing the gradebook")) as progress:
        done = merge(course, name, progress=progress)
    for note in done.said:
        click.echo(line(said(note), 600))
    for who, reason in done.problems[:SHOWN]:
        click.echo("  " + of(line(who), said(reason).line(300)))
    tell(
        "Graded {graded}, without a grade {failed}, not handed in {missing}; {to_grade:| written answer "
        "waits| written answers wait} for you.",
        graded=done.graded,
        failed=done.failed,
        missing=done.missing,
        to_grade=done.to_grade,
    )
    if done.to_grade:
        tell("Written answers: coursecode grade mark {name}. Then: coursecode grade feedback {name}", name=name)


@command(
    "mark",
    later("Mark written answers in the browser."),
    [
        later("Mark written answers in the browser, one question at a time, names hidden."),
        later(
            "The page is for this machine only, and for whoever has its address. Ctrl+C ends it; every mark is saved."
        ),
    ],
    ["coursecode grade mark pooling"],
)
@click.argument("name")
@click.option("--question", help=later("Begin with this one."))
@click.option("--port", type=click.IntRange(1, 65535), help=later("Port of the page; else a free one."))
@course_option
def mark_command(name: str, question: str | None, port: int | None, root: Path) -> None:
    from coursegrade.records.marking import Marking
    from coursegrade.records.marking_server import serve

    def ready(address: str) -> None:
        tell("Open {address} in a browser on this machine. Ctrl+C ends it; what was saved stays.", address=address)

    serve(Marking(load(root), name, question=question), port=port or 0, ready=ready)


@command(
    "feedback",
    later("A page per student, a zip for the LMS."),
    [later("Write a page per student and the zip that the LMS takes back.")],
    ["coursecode grade feedback pooling", "coursecode grade feedback pooling --in both"],
)
@click.argument("name")
@click.option(
    "--in", "tongue", type=click.Choice([*LANGUAGES, "both"]), default=None,
    help=later("Language of the pages; else that of each notebook."),
)  # fmt: skip
@course_option
def feedback_command(name: str, tongue: str | None, root: Path) -> None:
    from coursegrade.handback.feedback import feedback

    with bar(say("feedback")) as progress:
        made = feedback(load(root), name, language=tongue, progress=progress)
    tell("{pages:| page| pages}.", pages=made.pages)
    for path in made.zips:
        click.echo(f"  {path}")
    if made.waiting:
        tell(
            "On {waiting:| page| pages} written answers are not graded yet; repeat the command when they are.",
            waiting=made.waiting,
        )
    if made.unscored:
        some = line(in_a_row(made.unscored), 160)
        tell(
            "{n_unscored:| submission has| submissions have} no grade: {some}. feedback-gradescope.zip "
            "holds no score for "
            "them, and Gradescope shows its own message that the autograder failed; enter their score "
            "there when you have decided. Their pages with the reason are in feedback.zip.",
            n_unscored=len(made.unscored),
            some=some,
        )


@command(
    "export",
    later("Grades for the LMS, and the class report."),
    [
        later("Write the grades as the LMS takes them, and the class report."),
        later("With the LMS's own file as --template its column names are used."),
    ],
    [
        "coursecode grade export pooling --format canvas --template gradebook.csv",
        "coursecode grade export pooling --format moodle --template worksheet.csv",
    ],
)
@click.argument("name")
@click.option(
    "--format", "form", type=click.Choice(["csv", "canvas", "moodle", "gradescope"]), default="csv",
    show_default=True, help=later("Which columns."),
)  # fmt: skip
@click.option("--template", type=PATH, help=later("The LMS's own file, to be filled in."))
@click.option("--title", help=later("The assignment's name in the LMS."))
@click.option("--section", help=later("Only this section of the class."))
@click.option("--missing-as-zero", is_flag=True, help=later("0 for who handed in nothing; else empty."))
@click.option("--failed-as-zero", is_flag=True, help=later("0 for what could not be read; else empty."))
@click.option("--so-far", is_flag=True, help=later("Points so far where written answers wait; else empty."))
@course_option
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
            "{waiting:| student has| students have} written answers that are not graded yet; their mark "
            "holds the rest only.",
            waiting=waiting,
        )
    elif waiting:
        tell(
            "{waiting:| student has| students have} written answers that are not graded yet: their mark is "
            "empty. Grade "
            "them and repeat, or give the points so far with --so-far.",
            waiting=waiting,
        )
    failed = [s.student.called.line(80) for s in everyone if s.status == "failed"]
    if failed and not failed_as_zero:
        some = line(in_a_row(failed), 160)
        tell(
            "{n_failed:| submission has| submissions have} no grade, and an empty mark: {some}. When you have decided, "
            "--failed-as-zero writes a 0.",
            n_failed=len(failed),
            some=some,
        )


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


def _system(failed: OSError) -> Text:
    """What the system refused, and what to do about it."""
    if failed.filename is None:  # the output itself, or a file that a library keeps for itself
        _mute()
        failed.filename = f"{tempfile.gettempdir()}, stdout"
    why = refusal(failed)
    if failed.errno not in NO_ROOM:
        return text("{why}.", why=why)
    if failed.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return text("{why}. Nothing is lost: make room and repeat the command; it goes on.", why=why)
    return text("{why}. Nothing is lost: mend that and repeat the command; it goes on.", why=why)


def run(arguments: Sequence[str]) -> int:
    """Parse, call, and say what went wrong in one sentence; returns the exit status."""
    language = language_of(arguments)

    def show(words: Text) -> None:
        safe = [line(one, 4000) for one in words[language].splitlines()]  # it may quote a name or a path
        click.echo("\n".join(safe), err=True)

    def error(words: Text) -> None:
        show(text("Error: {words}", words=words))

    try:
        with _private():
            status = in_language(coursecode, language).main(
                args=list(arguments), prog_name="coursecode", standalone_mode=False, obj=language
            )
            sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        return 0
    except click.UsageError as wrong:
        path = wrong.ctx.command_path if wrong.ctx else typed(arguments)[0]
        error(usage(wrong, arguments))
        show(text("See {path} --help", path=path))
        return 2
    except (click.Abort, KeyboardInterrupt):
        error(text("stopped; the same command goes on."))
        return 130
    except Problem as problem:
        error(problem.text)
        return 1
    except OSError as failed:
        if failed.errno == errno.EPIPE:  # who read the output has seen enough
            _mute()
            return 1
        error(_system(failed))
        return 3 if failed.errno in NO_ROOM else 1
    except ImportError as failed:
        error(text("{name} is missing. {advice}", name=failed.name or str(failed), advice=_install.advice("grade")))
        return 2
    except ValueError as failed:  # the masters and the bundles say what is wrong with them
        told = getattr(failed, "text", None)
        error(told if isinstance(told, ByLanguage) else same(str(failed)))
        return 1
