"""The course folder on the instructor's disk: its settings, its roster and where everything lies."""

from __future__ import annotations

import datetime
import re
import secrets
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursegrade.contract import LANGUAGES, Bundle, ContractError, Text, joined, text
from coursegrade.files import Problem, read_json, write_atomic
from coursegrade.intake.encodings import decode
from coursegrade.intake.roster import Student, Table, folder_name, read_table, students_of
from coursegrade.settings import Settings, Written, read

_ASSIGNMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

SETTINGS = """\
# The settings of one class. Paths are relative to this folder.
[course]
name = "{name}"
language = "{language}"          # en or zh: of the commands, the feedback and the reports
roster = "roster.csv"      # any CSV with names and ids; the LMS's own export will do
seed_file = "seed.txt"     # private: the hidden tests draw their inputs from it
exercises = "{exercises}"  # the masters, in a clone of the course
# timezone = "Asia/Shanghai"  # of the platform's times that name none; else that of the due date

[limits]                   # of what a submission may use
# call_seconds = 10        # one call of an answer, one cell
# question_seconds = 20    # the answers and tests of one question
# own_seconds = 60         # the student's own experiments, in the whole notebook
# memory_mb = 4096

# [assignments.pooling]    # of one assignment
# questions = ["pool-1d", "choose-pooling"]  # only these
# points = {{ pool-1d = 6 }}
# limits = {{ question_seconds = 60 }}

[assignments.lenet]
limits = {{ call_seconds = 60, question_seconds = 100 }}  # its last task trains a net

[due]                      # when each assignment is due, with its time zone
# pooling = 2026-12-01T23:59:00+01:00
"""

NBGRADER = """\
# Read by nbgrader (formgrader, late policies) when it starts in this folder.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "{name}"
{own}# Students' code runs in the sandbox only; nbgrader's own autograde would run it here.
c.Autograde.sanitize_preprocessors = ["coursegrade.cage.guard.SandboxOnly"]
# nbgrader's own late policies; "zero" gives no points to a late submission.
c.LateSubmissionPlugin.penalty_method = "none"
# c.AssignLatePenalties.plugin_class = "my_policy.PerDay"  # your own: a class in a file of this folder
"""

_OWN = """\
# nbgrader's own buttons and commands delete and write here; release/, submitted/ and feedback/ are not theirs.
c.CourseDirectory.release_directory = "nbgrader/release"
c.CourseDirectory.submitted_directory = "nbgrader/submitted"
c.CourseDirectory.feedback_directory = "nbgrader/feedback"
c.CourseDirectory.solution_directory = "nbgrader/solution"
c.GenerateAssignment.pre_convert_hook = "coursegrade.cage.guard.not_here"
"""

IGNORED = "# Names, marks and hidden tests: never in a public repository.\n*\n!.gitignore\n!grading.toml\n"


@dataclass(frozen=True)
class Course:
    """The settings and the paths of one class."""

    root: Path
    name: str = "course"
    language: str = "en"
    roster_file: str = "roster.csv"
    seed_file: str = "seed.txt"
    exercises: str = "exercises"
    due: dict[str, datetime.datetime] = field(default_factory=dict)
    timezone: str = ""
    chosen: dict[str, Settings] = field(default_factory=dict)
    default: Settings = field(default_factory=Settings)

    @classmethod
    def load(cls, root: Path) -> Course:
        """Read ``grading.toml`` of the folder; raises ``Problem`` where it is missing or wrong."""
        root = root.resolve()
        path = root / "grading.toml"
        if not path.is_file():
            raise Problem(
                "{root} is no course folder: it has no grading.toml. Make one: coursecode grade init "
                "FOLDER; then give it with --course FOLDER, or work in it.",
                root=root,
            )
        written = Written.load(path, decode(path.read_bytes())[0])
        table = written.table(("course",))
        language = table.get("language", "en")
        if language not in LANGUAGES:
            there = joined(text(" or "), [f'"{one}"' for one in LANGUAGES])
            raise written.wrong(
                ("course", "language"), "language is {language!r}, but it is {there}.", language=language, there=there
            )
        timezone = str(table.get("timezone", ""))
        zone = _zone(timezone, path) if timezone else None
        assignments, default = read(written, root, zone)
        return cls(
            root=root,
            name=str(table.get("name", "course")),
            language=language,
            roster_file=str(table.get("roster", "roster.csv")),
            seed_file=str(table.get("seed_file", "seed.txt")),
            exercises=str(table.get("exercises", "exercises")),
            due={name: one.due for name, one in assignments.items() if one.due is not None},
            timezone=timezone,
            chosen=assignments,
            default=default,
        )

    def settings(self, assignment: str) -> Settings:
        """What holds for an assignment: questions, points, limits, extensions, whether solutions are shown."""
        return self.chosen.get(assignment, self.default)

    def due_for(self, assignment: str, student: str) -> datetime.datetime | None:
        """When the assignment is due for a student, by key: the later of an extension and the date of the class."""
        dates = [self.settings(assignment).extensions.get(student), self.due.get(assignment)]
        return max((date for date in dates if date is not None), default=None)

    def zone(self, assignment: str) -> tuple[datetime.tzinfo, Text]:
        """The time zone of times that name none, and where it was taken from."""
        if self.timezone:
            return zoneinfo.ZoneInfo(self.timezone), text("{timezone}, as grading.toml says", timezone=self.timezone)
        due = self.due.get(assignment)
        if due is not None and due.tzinfo is not None:
            offset = due.isoformat()[-6:]
            return datetime.timezone(due.utcoffset() or datetime.timedelta()), text(
                "UTC{offset}, as the due date has it", offset=offset
            )
        here = datetime.datetime.now().astimezone()
        offset = here.isoformat()[-6:]
        return here.tzinfo or datetime.UTC, text(
            "UTC{offset}, that of this machine; write timezone into grading.toml if it is another", offset=offset
        )

    def check_name(self, assignment: str) -> str:
        """``assignment`` if it can be a name; raises ``Problem``."""
        if not _ASSIGNMENT.fullmatch(assignment):
            raise Problem(
                "{assignment!r} is no name of an assignment: letters, digits, '-' and '_'.", assignment=assignment
            )
        return assignment

    def release(self, assignment: str) -> Path:
        """The folder of the release."""
        return self.root / "release" / self.check_name(assignment)

    def release_notebook(self, assignment: str, language: str = "en") -> Path:
        """The students' notebook in one language."""
        return self.release(assignment) / ("" if language == "en" else language) / f"{assignment}.ipynb"

    def submitted(self, student: str, assignment: str) -> Path:
        """The folder of one submission."""
        return self.root / "submitted" / student / assignment

    def result(self, student: str, assignment: str) -> Path:
        """The file with the result of one submission."""
        return self.root / "results" / assignment / f"{student}.json"

    def roster(self, other: Path | None = None) -> list[Student]:
        """The students; ``other`` names another file than the settings do. Raises ``Problem``."""
        path = other or self.root / self.roster_file
        return students_of(self.table(other), name=path.name)

    def table(self, other: Path | None = None) -> Table:
        """The roster as it was read, with its columns; see ``roster``. Raises ``Problem``."""
        path = other or self.root / self.roster_file
        if not path.is_file():
            raise Problem(
                "There is no roster {path}. Save the list of students there as CSV (in Canvas: "
                "Gradebook, Export; in Moodle: Download grading worksheet; in Gradescope: Roster, "
                "Download), or give one with --roster.",
                path=path,
            )
        return read_table(path.read_bytes(), name=path.name, language=self.language)

    def bundle(self, assignment: str) -> Bundle:
        """The private side of a release; raises ``Problem`` where it is missing or damaged."""
        path = self.release(assignment) / "bundle.json"
        if not path.is_file():
            raise Problem(
                "{assignment} has not been released: there is no {path}. {there}"
                "Do: coursecode grade release {assignment}",
                assignment=assignment,
                path=path,
                there=text("Released: {names}. ", names=", ".join(others)) if (others := self.assignments()) else "",
            )
        try:
            return Bundle.from_json(read_json(path))
        except ContractError as error:
            raise Problem(
                "{path} cannot be used: {error}. Do again: coursecode grade release {assignment}",
                path=path,
                error=error,
                assignment=assignment,
            ) from None

    def seed(self) -> str:
        """The class's secret; raises ``Problem`` where there is none."""
        path = self.root / self.seed_file
        content = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        if not content:
            raise Problem("The class's seed is missing: {path} should hold one line that nobody can guess.", path=path)
        return content

    def assignments(self) -> list[str]:
        """The released assignments, by name."""
        return sorted(path.parent.name for path in self.root.glob("release/*/bundle.json"))

    def ingested(self, assignment: str) -> dict[str, dict[str, Any]]:
        """What ``ingest`` wrote, by student."""
        paths = sorted(self.root.glob(f"submitted/*/{self.check_name(assignment)}/ingest.json"))
        students = [path.parent.parent.name for path in paths]
        return {student: record for student in students if (record := self.record(student, assignment))}

    def record(self, student: str, assignment: str) -> dict[str, Any]:
        """What ``ingest`` wrote of one submission; empty where there is none."""
        value = read_json(self.submitted(student, assignment) / "ingest.json")
        return value if isinstance(value, dict) else {}

    def cells(self, student: str, assignment: str) -> dict[str, dict[str, Any]]:
        """The cells of one submission by id, as ``ingest`` planted them; empty where there is none."""
        value = read_json(self.submitted(student, assignment) / f"{assignment}.ipynb")
        cells = value.get("cells", []) if isinstance(value, dict) else []
        return {cell["id"]: cell for cell in cells if isinstance(cell, dict) and "id" in cell}


def _zone(name: str, path: Path) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(
            "{path}: there is no time zone {name!r}; write it like Asia/Shanghai, Europe/Berlin or America/New_York.",
            path=path,
            name=name,
        ) from None


def shield(course: Course) -> bool:
    """Keep nbgrader's own commands from the release, in a folder that was made before this was done.

    True where ``nbgrader_config.py`` had to be changed; what stands in it stays.
    """
    path = course.root / "nbgrader_config.py"
    if not path.is_file():
        write_atomic(path, NBGRADER.format(name=folder_name(course.name), own=_OWN))
        return True
    there = path.read_text(encoding="utf-8")
    if _OWN in there:
        return False
    write_atomic(path, f"{there.rstrip()}\n{_OWN}")
    return True


def init(root: Path, *, name: str, language: str = "en", exercises: Path = Path("exercises")) -> list[Path]:
    """Make a course folder that only its owner can open; files that are there stay as they are.

    Returns what was written.
    """
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    escaped, masters = (
        "".join(c for c in value if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
        for value in (name, exercises.resolve().as_posix())
    )
    files: Iterable[tuple[str, str]] = (
        ("grading.toml", SETTINGS.format(name=escaped, language=language, exercises=masters)),
        ("nbgrader_config.py", NBGRADER.format(name=folder_name(name), own=_OWN)),
        ("seed.txt", secrets.token_urlsafe(24) + "\n"),
        (".gitignore", IGNORED),
    )
    written = []
    for file, content in files:
        if not (root / file).exists():
            write_atomic(root / file, content)
            written.append(root / file)
    return written
