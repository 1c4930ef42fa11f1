"""The course folder on the instructor's disk: its settings, its roster and where everything lies."""

from __future__ import annotations

import csv
import datetime
import io
import re
import secrets
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursecode.grading.contract import Bundle, ContractError
from coursecode.grading.files import Problem, read_json, sha256, write_atomic

__all__ = ["Course", "Student", "decode", "folder_name", "init", "normal", "read_roster", "rows_of"]

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ASSIGNMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

SETTINGS = """\
# The settings of one class. Paths are relative to this folder.
[course]
name = "{name}"
language = "{language}"          # en or zh: of the commands, the feedback and the reports
roster = "roster.csv"      # any CSV with names and ids; the LMS's own export will do
seed_file = "seed.txt"     # private: the hidden tests draw their inputs from it
exercises = "{exercises}"  # the masters, in a clone of the course

[due]                      # when each assignment is due, with its time zone
# pooling = 2026-12-01T23:59:00+01:00
"""

NBGRADER = """\
# Read by nbgrader (formgrader, late policies) when it starts in this folder.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "{name}"
# Students' code runs in the sandbox only; nbgrader's own autograde would run it here.
c.Autograde.sanitize_preprocessors = ["coursecode.grading.guard.SandboxOnly"]
# nbgrader's own late policies; "zero" gives no points to a late submission.
c.LateSubmissionPlugin.penalty_method = "none"
# c.AssignLatePenalties.plugin_class = "my_policy.PerDay"  # your own: a class in a file of this folder
"""

IGNORED = "# Names, marks and hidden tests: never in a public repository.\n*\n!.gitignore\n!grading.toml\n"


@dataclass(frozen=True)
class Student:
    """One row of the roster. ``key`` is safe as a folder's name and is the student's id in the gradebook."""

    key: str
    id: str
    first: str = ""
    last: str = ""
    name: str = ""
    email: str = ""
    section: str = ""
    canvas: str = ""  # Canvas's number of the user
    sis: str = ""
    login: str = ""
    moodle: str = ""  # Moodle's number of the participant
    row: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def sortable(self) -> str:
        """``Last, First``, as Canvas writes it."""
        return f"{self.last}, {self.first}" if self.last and self.first else self.last or self.first or self.name


def folder_name(identifier: str) -> str:
    """``identifier`` where it is safe as a folder's name on every system, else a name made from it.

    >>> folder_name("s1234567")
    's1234567'
    >>> folder_name("../../etc")
    'etc-74ccf3c5'
    """
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", identifier)
    if _SAFE.fullmatch(identifier) and not identifier.endswith(".") and not reserved:
        return identifier
    plain = re.sub(r"[^A-Za-z0-9]+", "-", identifier).strip("-")[:40] or "student"
    return f"{plain}-{sha256(identifier.encode('utf-8', 'surrogatepass'))[:8]}"


def normal(name: str) -> str:
    """A name for comparing: letters and digits only, lower case (``O'Neil, Ann-Lee`` becomes ``oneilannlee``)."""
    return "".join(c for c in name.casefold() if c.isalnum())


def decode(data: bytes) -> str:
    """Text in the encodings in which LMSs, Excel and editors write: UTF-8, UTF-16 (with a mark), GB 18030, Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def rows_of(data: bytes) -> list[list[str]]:
    """The rows of a CSV, separated by comma, semicolon or tab, whichever its first line has most of."""
    content = decode(data).replace("\0", "")
    first = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(content), delimiter=delimiter)]


_COLUMNS = {  # the names the LMSs and people give their columns, as ``normal`` makes them
    "id": ("studentid", "学号", "student number", "studentno", "matriculationnumber"),
    "sid": ("sid",),
    "idnumber": ("idnumber", "学号工号"),
    "sis": ("sisuserid",),
    "login": ("sisloginid", "username", "login", "用户名"),
    "email": ("emailaddress", "email", "电子邮件", "邮箱", "电子邮件地址"),
    "canvas": ("id",),
    "moodle": ("identifier", "编号", "识别码"),
    "sortable": ("student",),
    "name": ("fullname", "name", "姓名", "全名"),
    "first": ("firstname", "名"),
    "last": ("lastname", "surname", "姓", "familyname"),
    "section": ("section", "sections", "sectionname"),
}
_ID_ORDER = ("id", "sid", "idnumber", "sis", "login", "email", "canvas", "moodle")


def read_roster(data: bytes, *, name: str = "the roster") -> list[Student]:
    """The students of a CSV: the LMS's own export (Canvas gradebook, Moodle worksheet, Gradescope roster) or any other.

    One column must identify a student (student id, SID, ID number, SIS id, login, e-mail …), one must name them.

    Raises ``Problem`` for a table without such columns or with one id twice.
    """
    rows = [row for row in rows_of(data) if any(row)]
    if not rows:
        raise Problem(f"{name} is empty.", f"名单 {name} 是空的。")
    header = [normal(cell) for cell in rows[0]]
    found = {
        key: next(i for i, c in enumerate(header) if c in names)
        for key, names in ((k, tuple(normal(n) for n in v)) for k, v in _COLUMNS.items())
        if any(c in names for c in header)
    }
    column = next((k for k in _ID_ORDER if k in found), None)
    if column is None or not {"sortable", "name", "first", "last"} & set(found):
        raise Problem(
            f"{name}: its first line is {', '.join(rows[0])[:200]!r}; a column with an id (student_id, SID, ID number, "
            "SIS User ID, Email) and one with a name (Name, Full name, Student, First name and Last name) are needed.",
            f"名单 {name} 的首行是 {', '.join(rows[0])[:200]!r}；需要一列标识（学号、student_id、SID、Email 等）"
            "和一列姓名（姓名、Name、Full name、Student 等）。",
        )
    students: list[Student] = []
    seen: dict[str, int] = {}
    keys: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):

        def get(key: str, row: list[str] = row) -> str:
            position = found.get(key)
            value = row[position] if position is not None and position < len(row) else ""
            return value[1:] if len(value) > 1 and value[0] == "'" and value[1] in "=+-@" else value

        sortable = get("sortable")
        if "sortable" in found and (sortable.lower() in ("points possible", "student, test") or not sortable):
            continue  # rows of Canvas's own
        identifier = next((get(k) for k in _ID_ORDER if k in found and get(k)), "")
        if not identifier:
            raise Problem(
                f"{name}, line {number}: no id; the line is {', '.join(row)[:120]!r}.",
                f"名单 {name} 第 {number} 行没有标识；该行是 {', '.join(row)[:120]!r}。",
            )
        if identifier in seen:
            raise Problem(
                f"{name}: the id {identifier!r} stands in line {seen[identifier]} and in line {number}; "
                "every student needs an id of their own.",
                f"名单 {name} 中标识 {identifier!r} 在第 {seen[identifier]}、{number} 行重复；每名学生须有不同的标识。",
            )
        seen[identifier] = number
        first, last, full = get("first"), get("last"), get("name")
        if sortable and not (first or last):
            last, _, first = (part.strip() for part in sortable.partition(","))
        if not full:
            full = f"{first} {last}".strip() if first.isascii() and last.isascii() else f"{last}{first}"
        if not (first or last):
            last = full
        key = folder_name(identifier)
        if key.lower() in keys:  # names that differ in case only are one folder on some systems
            key = f"{key[:50]}-{sha256(identifier.encode())[:8]}"
        keys.add(key.lower())
        students.append(
            Student(
                key=key,
                id=identifier,
                first=first,
                last=last,
                name=full,
                email=get("email"),
                section=get("section"),
                canvas=get("canvas") if "sortable" in found else "",
                sis=get("sis"),
                login=get("login"),
                moodle="".join(re.findall(r"\d+$", get("moodle"))),
                row=dict(zip(rows[0], row, strict=False)),
            )
        )
    if not students:
        raise Problem(f"{name} names no student.", f"名单 {name} 中没有学生。")
    return students


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

    @classmethod
    def load(cls, root: Path) -> Course:
        """Read ``grading.toml`` of the folder; raises ``Problem`` where it is missing or wrong."""
        root = root.resolve()
        path = root / "grading.toml"
        if not path.is_file():
            raise Problem(
                f"{root} is no course folder: it has no grading.toml. Make one: coursecode grade init FOLDER; "
                "then give it with --course FOLDER, or work in it.",
                f"{root} 不是课程文件夹：其中没有 grading.toml。请先新建：coursecode grade init 文件夹；"
                "然后用 --course 文件夹 指定，或在其中运行命令。",
            )
        try:
            settings = tomllib.loads(decode(path.read_bytes()))
        except tomllib.TOMLDecodeError as error:
            raise Problem(f"{path} is not TOML: {error}.", f"{path} 不是有效的 TOML：{error}。") from None
        table = settings.get("course", {})
        language = table.get("language", "en")
        if language not in ("en", "zh"):
            raise Problem(
                f'{path}: language is {language!r}, but it is "en" or "zh".',
                f'{path}：language 是 {language!r}，应为 "en" 或 "zh"。',
            )
        due = {}
        for assignment, when in settings.get("due", {}).items():
            if isinstance(when, str):
                try:
                    when = datetime.datetime.fromisoformat(when)
                except ValueError:
                    when = None
            if not isinstance(when, datetime.datetime):
                raise Problem(
                    f"{path}: due.{assignment} is no time; write it as 2026-12-01T23:59:00+01:00.",
                    f"{path}：due.{assignment} 不是时间；请写成 2026-12-01T23:59:00+08:00。",
                )
            due[assignment] = when if when.tzinfo else when.astimezone()
        return cls(
            root=root,
            name=str(table.get("name", "course")),
            language=language,
            roster_file=str(table.get("roster", "roster.csv")),
            seed_file=str(table.get("seed_file", "seed.txt")),
            exercises=str(table.get("exercises", "exercises")),
            due=due,
        )

    def check_name(self, assignment: str) -> str:
        """``assignment`` if it can be a name; raises ``Problem``."""
        if not _ASSIGNMENT.fullmatch(assignment):
            raise Problem(
                f"{assignment!r} is no name of an assignment: letters, digits, '-' and '_'.",
                f"{assignment!r} 不是作业名：只能有字母、数字、“-”和“_”。",
            )
        return assignment

    def release(self, assignment: str) -> Path:
        """The folder of the release."""
        return self.root / "release" / self.check_name(assignment)

    def submitted(self, student: str, assignment: str) -> Path:
        """The folder of one submission."""
        return self.root / "submitted" / student / assignment

    def result(self, student: str, assignment: str) -> Path:
        """The file with the result of one submission."""
        return self.root / "results" / assignment / f"{student}.json"

    def roster(self, other: Path | None = None) -> list[Student]:
        """The students; ``other`` names another file than the settings do. Raises ``Problem``."""
        path = other or self.root / self.roster_file
        if not path.is_file():
            raise Problem(
                f"There is no roster {path}. Save the list of students there as CSV (in Canvas: Gradebook, Export; "
                "in Moodle: Download grading worksheet; in Gradescope: Roster, Download), or give one with --roster.",
                f"没有名单 {path}。请把学生名单以 CSV 存于此处（Canvas：成绩册导出；Moodle：下载评分工作表；"
                "Gradescope：下载 Roster），或用 --roster 指定。",
            )
        return read_roster(path.read_bytes(), name=path.name)

    def bundle(self, assignment: str) -> Bundle:
        """The private side of a release; raises ``Problem`` where it is missing or damaged."""
        path = self.release(assignment) / "bundle.json"
        if not path.is_file():
            raise Problem(
                f"{assignment} has not been released: there is no {path}. Do: coursecode grade release {assignment}",
                f"{assignment} 还没有发布：没有 {path}。请运行：coursecode grade release {assignment}",
            )
        try:
            return Bundle.from_json(read_json(path))
        except ContractError as error:
            raise Problem(
                f"{path} cannot be used: {error}. Do again: coursecode grade release {assignment}",
                f"{path} 无法使用：{error}。请重新运行：coursecode grade release {assignment}",
            ) from None

    def seed(self) -> str:
        """The class's secret; raises ``Problem`` where there is none."""
        path = self.root / self.seed_file
        content = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        if not content:
            raise Problem(
                f"The class's seed is missing: {path} should hold one line that nobody can guess.",
                f"缺少班级种子：{path} 中应有一行无人能猜到的文字。",
            )
        return content

    def assignments(self) -> list[str]:
        """The released assignments, by name."""
        return sorted(path.parent.name for path in self.root.glob("release/*/bundle.json"))

    def ingested(self, assignment: str) -> dict[str, dict[str, Any]]:
        """What ``ingest`` wrote, by student."""
        found = {}
        for path in sorted(self.root.glob(f"submitted/*/{self.check_name(assignment)}/ingest.json")):
            value = read_json(path)
            if isinstance(value, dict):
                found[path.parent.parent.name] = value
        return found


def init(root: Path, *, name: str, language: str = "en", exercises: Path = Path("exercises")) -> list[Path]:
    """Make a course folder; files that are there stay as they are. Returns what was written."""
    escaped, masters = (
        "".join(c for c in value if c.isprintable()).replace("\\", "\\\\").replace('"', '\\"')
        for value in (name, exercises.resolve().as_posix())
    )
    files: Iterable[tuple[str, str, bool]] = (
        ("grading.toml", SETTINGS.format(name=escaped, language=language, exercises=masters), False),
        ("nbgrader_config.py", NBGRADER.format(name=folder_name(name)), False),
        ("seed.txt", secrets.token_urlsafe(24) + "\n", True),
        (".gitignore", IGNORED, False),
    )
    written = []
    for file, content, private in files:
        if not (root / file).exists():
            write_atomic(root / file, content, private=private)
            written.append(root / file)
    return written
