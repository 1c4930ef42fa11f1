"""The class as tables say it: rosters of any platform, spreadsheet or registrar, in any language of theirs.

A table stays a table (``Table``), so that sections can be added to it and its columns can go back to the platform.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coursegrade.contract import Text, text
from coursegrade.files import Problem, sha256
from coursegrade.intake.encodings import decode, is_cjk
from coursegrade.sanitise import NOTHING, Untrusted, guard

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a zip, which an .xlsx and an .ods are, and an old .xls
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Student:
    """One row of the roster. ``key`` is safe as a folder's name and is the student's id in the gradebook."""

    key: str
    id: str
    first: Untrusted = NOTHING
    last: Untrusted = NOTHING
    name: Untrusted = NOTHING
    email: Untrusted = NOTHING
    section: Untrusted = NOTHING
    canvas: str = ""  # Canvas's number of the user
    sis: str = ""
    login: Untrusted = NOTHING
    moodle: str = ""  # Moodle's number of the participant, another one in each assignment
    group: Untrusted = NOTHING  # of a group assignment
    by: str = field(default="id", compare=False)  # the column that identifies the student
    modified: str = field(default="", compare=False)  # when it was handed in, as Moodle's worksheet writes it

    @property
    def called(self) -> Untrusted:
        """The name to show, which they may have chosen themselves."""
        return self.name or Untrusted(self.key)

    @property
    def sortable(self) -> Untrusted:
        """``Last, First``, as Canvas writes it."""
        parts = [part.raw() for part in (self.last, self.first) if part]
        return Untrusted(", ".join(parts)) if parts else self.name

    @property
    def shown(self) -> str:
        """Name and key in one line."""
        return f"{self.called.line(120)} ({self.key})"


@dataclass
class Table:
    """A CSV as it was read: its first line, the others with their numbers, and what had to be assumed.

    ``raw`` holds all lines, the first one included, without any change; it is empty for a table that was put together.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: list[Text] = field(default_factory=list)
    raw: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Worksheet:
    """Where the columns of a Moodle grading worksheet are, whatever language its teacher works in."""

    identifier: int
    grade: int | None
    maximum: int | None
    submitted: int | None
    comments: int | None
    name: int | None
    email: int | None


@dataclass(frozen=True)
class Changes:
    """What a roster did to the one that was there: names of students."""

    added: tuple[Untrusted, ...] = ()
    changed: tuple[Untrusted, ...] = ()
    removed: tuple[Untrusted, ...] = ()


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


def normal(name: str | Untrusted) -> str:
    """A name for comparing: letters and digits only, lower case (``O'Neil, Ann-Lee`` becomes ``oneilannlee``)."""
    plain = name.raw() if isinstance(name, Untrusted) else name
    return "".join(c for c in plain.casefold() if c.isalnum())


# -- tables -------------------------------------------------------------------------------------------------------


def read_table(data: bytes, *, name: str, language: str = "en") -> Table:
    """A CSV in any encoding, with comma, semicolon or tab, as people and spreadsheets save it. Raises ``Problem``."""
    if data.startswith(_NO_TEXT):
        raise Problem(
            "{name} is a spreadsheet or a zip, no CSV. Open it, save it as “CSV UTF-8”, and give that.", name=name
        )
    content, assumed = decode(data, language=language)
    content = content.replace("\0", "")
    notes = []
    if assumed:
        notes.append(
            text(
                "{name} is not UTF-8; it was read as {assumed}. If names look wrong, save it as “CSV UTF-8”",
                name=name,
                assumed=assumed,
            )
        )
    skipped = 0
    if match := re.match(r"\s*\"?sep=(.)\"?\s*?(\r\n|\r|\n)", content):  # a line that tells Excel the separator
        delimiter, content, skipped = match[1], content[match.end() :], 1
    else:
        first = content.lstrip("\r\n").split("\n", 1)[0]
        delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
        raw = [(reader.line_num + skipped, row) for row in reader]
    except csv.Error as error:
        raise Problem(
            "{name} is no table that can be read ({error}). Save it as CSV.", name=name, error=error
        ) from None
    cleaned = [(line, [_cell(cell) for cell in row], row) for line, row in raw]
    read = [(line, row, as_is) for line, row, as_is in cleaned if any(row)]
    if not read:
        raise Problem("{name} is empty.", name=name)
    lines, rows, as_they_were = zip(*read, strict=True)
    return Table(rows[0], list(rows[1:]), list(lines[1:]), notes, list(as_they_were))


def _cell(value: str) -> str:
    """The content of a cell without what spreadsheets, and ``guard``, put around it: ``="00123"``, an apostrophe."""
    value = value.strip()
    if len(value) > 1 and value[0] == "'" and value[1] in "=+-@＝＋－＠":
        value = value[1:]
    match = re.fullmatch(r'="(.*)"', value, re.DOTALL)
    return match[1].strip() if match else value


# The names the platforms and people give their columns in many languages, as ``normal`` makes them. Those of Moodle's
# worksheet are from the language packs of mod_assign: "recordid", the core's "grade", "lastmodifiedsubmission".
_PLATFORMS = json.loads(Path(__file__).with_name("platforms.json").read_text(encoding="utf-8"))
_COLUMNS, _WORKSHEET, _STAFF = _PLATFORMS["columns"], _PLATFORMS["worksheet"], set(_PLATFORMS["staff"])
_ID_ORDER = ("id", "sid", "idnumber", "sis", "login", "email", "canvas", "moodle")
_NUMBERS = ("id", "sid", "idnumber", "sis", "canvas")  # what a spreadsheet takes for a number
_TIME = re.compile(rf"\d{{1,2}}\s?(?:[:：.h]|{'|'.join(_PLATFORMS['times']['hours'])})\s?\d{{2}}")


def worksheet(table: Table) -> Worksheet | None:
    """The columns of a Moodle grading worksheet, by their names and, in other languages, by what stands in them.

    Moodle writes its own columns in the teacher's language but always in one order: identifier, name, what identifies
    the person, status, grade, maximum, whether it may change, time of the submission, time of the grade, comments.
    The identifier is one word and the participant's number, the maximum the same number in every row.
    """
    header = [normal(cell) for cell in table.header]
    columns = [[row[i] for row in table.rows if i < len(row) and row[i]] for i in range(len(header))]

    def named(names: Iterable[str]) -> int | None:
        wanted = {normal(n) for n in names}
        return next((i for i, cell in enumerate(header) if cell in wanted), None)

    identifier = named(_COLUMNS["moodle"])
    known = identifier is not None
    if identifier is None:
        identifier = next((i for i, cells in enumerate(columns) if _participants(cells)), None)
    if identifier is None:
        return None
    maximum = named(_WORKSHEET["maximum"])
    if maximum is None:
        places = range(identifier + 2, len(header))
        maximum = next((i for i in places if _one_number(columns[i]) and _numbers(columns[i - 1])), None)
    times = [i for i in range((maximum or identifier) + 1, len(header)) if _is_time(columns[i])]
    if not known and (maximum is None or not times):
        return None
    return Worksheet(
        identifier,
        grade=maximum - 1 if maximum is not None else named(_WORKSHEET["grade"]),
        maximum=maximum,
        submitted=next(iter(times), named(_WORKSHEET["times"])),
        comments=times[-1] + 1 if len(times) > 1 and times[-1] + 1 < len(header) else named(_WORKSHEET["comments"]),
        name=named(_COLUMNS["name"]) or (identifier + 1 if maximum is not None else None),
        email=next((i for i, cells in enumerate(columns) if cells and all("@" in c for c in cells)), None),
    )


def _participants(cells: Sequence[str]) -> bool:
    """Whether the cells are one word, each with a number of its own: ``Participant 512``, ``Teilnehmer/in512``."""
    words = {re.sub(r"\d+$", "", cell) for cell in cells}
    numbers = {cell for cell in cells if cell[-1:].isdecimal()}
    return len(words) == 1 and any(c.isalpha() for c in min(words)) and len(numbers) == len(cells)


def _one_number(cells: Sequence[str]) -> bool:
    return len({_float(cell) for cell in cells}) == 1 and (_float(cells[0]) or 0) > 0


def _numbers(cells: Sequence[str]) -> bool:
    return all(cell == "-" or _float(cell) is not None for cell in cells)


def _float(cell: str) -> float | None:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return None


def _is_time(cells: Sequence[str]) -> bool:
    return bool(cells) and all(cell == "-" or _TIME.search(cell) for cell in cells)


def table_text(rows: Iterable[Sequence[str | float | None]], *, mark: bool = False) -> bytes:
    """Rows as CSV (RFC 4180): text is guarded, None is empty; ``mark``: with the mark by which Excel knows UTF-8.

    Characters that move a cursor or turn the direction of a line are left out, all others stay.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow(
            "" if cell is None else guard(_UNSEEN.sub("", cell)) if isinstance(cell, str) else f"{round(cell, 4):g}"
            for cell in row
        )
    return buffer.getvalue().encode("utf-8-sig" if mark else "utf-8")


# -- students -----------------------------------------------------------------------------------------------------


def read_roster(data: bytes, *, name: str = "the roster", language: str = "en") -> list[Student]:
    """The students of a CSV: the LMS's own export (Canvas gradebook, Moodle worksheet, Gradescope roster) or any other.

    One column must identify a student (student id, SID, ID number, SIS id, login, e-mail …), one must name them.

    Raises ``Problem`` for a table without such columns or with one id twice.
    """
    return students_of(read_table(data, name=name, language=language), name=name)


def _columns(table: Table) -> dict[str, list[int]]:
    header = [normal(cell) for cell in table.header]
    found = {
        key: [i for alias in names for i, cell in enumerate(header) if cell == normal(alias)]
        for key, names in _COLUMNS.items()
    }
    if moodle := worksheet(table):
        found["moodle"], found["canvas"] = [moodle.identifier], []
        for key, place in (("name", moodle.name), ("email", moodle.email)):
            if place is not None and not found[key]:
                found[key] = [place]
    elif "canvasuserid" not in header and not found["sortable"]:
        found["canvas"] = []  # a column "ID" of anybody else's
        if not any(found[k] for k in _ID_ORDER):
            found["id"] = [i for i, cell in enumerate(header) if cell == "id"]
    if "canvasuserid" not in header:  # "user_id" is an SIS id in Canvas's list of groups only
        found["sis"] = [i for i in found["sis"] if header[i] != "userid"]
        if not any(found[k] for k in _ID_ORDER):
            found["id"] = [i for i, cell in enumerate(header) if cell == "userid"]
    return {key: places for key, places in found.items() if places}


def _value(row: Sequence[str], places: Sequence[int]) -> str:
    return next((row[i] for i in places if i < len(row) and row[i]), "")


def students_of(table: Table, *, name: str) -> list[Student]:
    """The students of a table; see ``read_roster``."""
    found = _columns(table)
    if not any(k in found for k in _ID_ORDER) or not {"sortable", "name", "first", "last"} & set(found):
        raise Problem(
            "{name}: its first line is {header!r}; a column with an id (student_id, SID, ID number, SIS "
            "User ID, Email) and one with a name (Name, Full name, Student, First name and Last name) "
            "are needed.",
            name=name,
            header=", ".join(table.header)[:200],
        )
    times = worksheet(table)
    students: list[Student] = []
    seen, keys = dict[str, int](), set[str]()
    for line, row in zip(table.lines, table.rows, strict=True):
        if _is_other(row, found):
            continue
        values = {key: _value(row, places) for key, places in found.items()}
        values |= {key: _identifier(values[key], name=name, line=line) for key in _NUMBERS if key in values}
        by = next((k for k in _ID_ORDER if values.get(k)), "")
        identifier = values.get(by, "")
        if not identifier:
            raise Problem(
                "{name}, line {line}: no id; the line is {row!r}. Fill the id in, or delete the line if "
                "it is no student's.",
                name=name,
                line=line,
                row=", ".join(row)[:120],
            )
        if (before := seen.setdefault(identifier, line)) != line:
            raise Problem(
                "{name}: the id {identifier!r} stands in line {seen} and in line {line}; every student "
                "needs an id of their own.",
                name=name,
                identifier=identifier,
                seen=before,
                line=line,
            )
        key = folder_name(values.get("key") or identifier)
        if key.lower() in keys:  # names that differ in case only are one folder on some systems
            key = f"{key[:50]}-{sha256(identifier.encode())[:8]}"
        keys.add(key.lower())
        modified = _value(row, [times.submitted]) if times and times.submitted is not None else ""
        students.append(_student(key, identifier, values, by, "" if modified == "-" else modified))
    if not students:
        raise Problem(
            "{name} names no student. Export it again; its first line should be followed by one line per student.",
            name=name,
        )
    return students


def _is_other(row: Sequence[str], found: dict[str, list[int]]) -> bool:
    """Whether a row is Canvas's own (points, the test student), or a teacher's in Gradescope's roster."""
    if normal(_value(row, found.get("role", []))) in _STAFF:
        return True
    if "sortable" not in found:
        return False
    sortable = _value(row, found["sortable"]).lower()
    named_elsewhere = _value(row, [*found.get("name", []), *found.get("last", [])])
    return sortable in ("points possible", "student, test") or not (sortable or named_elsewhere)


def _identifier(value: str, *, name: str, line: int) -> str:
    """An id as it was before a spreadsheet took it for a number. Raises ``Problem`` where its digits are lost."""
    if re.fullmatch(r"\d+\.0+", value):
        return value.split(".")[0]
    if re.fullmatch(r"\d([.,]\d+)?E\+?\d+", value, re.IGNORECASE):
        raise Problem(
            "{name}, line {line}: the id {value!r} is what Excel makes of a long number; its last digits "
            "are lost. Export the roster again and do not save it in Excel, or format that column as "
            "text first.",
            name=name,
            line=line,
            value=value,
        )
    return value


def _student(key: str, identifier: str, values: dict[str, str], by: str, modified: str) -> Student:
    first, last, full, sortable = (values.get(k, "") for k in ("first", "last", "name", "sortable"))
    if not sortable and values.get("canvas") and not (first or last) and "," in full:
        sortable, full = full, ""  # Canvas's list of groups: "Last, First" in the column "name"
    if sortable and not (first or last):
        last, _, first = (part.strip() for part in sortable.partition(","))
    if not full:
        full = f"{last}{first}" if is_cjk(first + last) else f"{first} {last}".strip()
    if not (first or last):
        last = full
    return Student(
        key=key,
        id=identifier,
        first=Untrusted(first),
        last=Untrusted(last),
        name=Untrusted(full),
        email=Untrusted(values.get("email", "")),
        section=Untrusted(values.get("section", "")),
        canvas=values.get("canvas", ""),
        sis=values.get("sis", ""),
        login=Untrusted(values.get("login", "")),
        moodle="".join(re.findall(r"\d+$", values.get("moodle", ""))),
        group=Untrusted(values.get("group", "")),
        by=by,
        modified=modified,
    )


# -- several rosters ----------------------------------------------------------------------------------------------

_KEY = "grading_key"
_SHOWN = ("first", "last", "name", "email", "section", "canvas", "sis", "login", "group")


def add(old: Table, new: Table, *, name: str, replace_all: bool = False) -> tuple[Table, Changes]:
    """``old`` with the students of ``new``: theirs are updated, others added, and nobody is taken out.

    Students are the same where an id, a login or an e-mail is. ``replace_all``: who is not in ``new`` is taken out.
    The folder of a student stays the one it was, whatever ids the new table brings. Raises ``Problem``.
    """
    before, now = students_of(old, name=name), students_of(new, name=name)
    theirs = same(before, now)
    taken = {other.key for other in theirs.values() if other}
    header = [*new.header, *(h for h in old.header if h not in new.header)]
    if _KEY not in header:
        header.append(_KEY)
    result = Table(header, [], [], [*old.notes, *new.notes])
    rows_before, rows_now = _rows(old, before), _rows(new, now)
    changed, added = [], []

    def write(student: Student | None, *rows: dict[str, str]) -> None:
        joined: dict[str, str] = {}
        for row in rows:
            joined |= {column: value for column, value in row.items() if value or column not in joined}
        if student is not None:
            joined[_KEY] = student.key
        result.rows.append([joined.get(column, "") for column in header])
        result.lines.append(len(result.rows) + 1)

    for row in _others(new) or _others(old):
        write(None, row)
    updates = _updates(now, theirs, name)
    for student in before:
        if student.key in taken:
            update = updates[student.key]
            write(student, rows_before[student.key], rows_now[update.key])
            if any(getattr(update, f) not in ("", getattr(student, f)) for f in _SHOWN):
                changed.append(student.name)
        elif not replace_all:
            write(student, rows_before[student.key])
    for student in now:
        if theirs[student.key] is None:
            write(student, rows_now[student.key])
            added.append(student.name)
    removed = [s.name for s in before if replace_all and s.key not in taken]
    if all(s.key == row[header.index(_KEY)] for s, row in _keyed(result, header, name)):
        place = header.index(_KEY)  # the ids give the same folders: the column is not needed
        header.pop(place)
        for values in result.rows:
            values.pop(place)
    return result, Changes(tuple(added), tuple(changed), tuple(removed))


def _updates(now: Sequence[Student], theirs: dict[str, Student | None], name: str) -> dict[str, Student]:
    """By the key of a student that is there, the one of ``now`` who is the same. Raises ``Problem`` where two are."""
    updates: dict[str, Student] = {}
    for student in now:
        if (other := theirs[student.key]) and (twice := updates.setdefault(other.key, student)) is not student:
            raise Problem(
                "{name}: {name_2!r} and {name_3!r} have both an id or e-mail of {name_4!r} on the roster "
                "that is there; correct one of them.",
                name=name,
                name_2=twice.name.line(120),
                name_3=student.name.line(120),
                name_4=other.name.line(120),
            )
    return updates


def same(before: Sequence[Student], now: Sequence[Student], *, by_name: bool = False) -> dict[str, Student | None]:
    """For each student of ``now``, by key, the one of ``before`` who is the same person.

    Moodle's number does not tell, since it is another one in each assignment; who has nothing else is known by name,
    and with ``by_name`` everybody whose name nobody else has on either side.
    """
    known: dict[tuple[str, str], Student] = {}
    for student in before:
        for mark in _marks(student):
            known.setdefault(mark, student)
    names = Counter(normal(s.name) for s in before)
    named_so = {normal(s.name): s for s in before if names[normal(s.name)] == 1}
    alone = Counter(normal(s.name) for s in now)
    found: dict[str, Student | None] = {}
    for student in now:
        one = next((known[m] for m in _marks(student) if m in known), None)
        named = named_so.get(normal(student.name))
        if one is None and named is not None and "moodle" in (student.by, named.by):
            one = named
        if one is None and by_name and alone[normal(student.name)] == 1:
            one = named
        found[student.key] = one
    return found


def _marks(student: Student) -> list[tuple[str, str]]:
    """What identifies a student in any table."""
    ids = {"" if student.by == "moodle" else student.id, student.sis, student.login.raw()} - {""}
    marks = [("id", one.casefold()) for one in sorted(ids)]
    marks += [("canvas", student.canvas)] if student.canvas else []
    return [*marks, *([("email", student.email.raw().casefold())] if student.email else [])]


def _rows(table: Table, students: Sequence[Student]) -> dict[str, dict[str, str]]:
    found = _columns(table)
    rows = [row for row in table.rows if not _is_other(row, found)]
    return {s.key: _named(table, row) for s, row in zip(students, rows, strict=True)}


def _others(table: Table) -> list[dict[str, str]]:
    found = _columns(table)
    return [_named(table, row) for row in table.rows if _is_other(row, found)]


def _named(table: Table, row: Sequence[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for column, value in zip(table.header, row, strict=False):
        named.setdefault(column, value)
    return named


def _keyed(table: Table, header: list[str], name: str) -> list[tuple[Student, list[str]]]:
    """The students that the ids alone would give, each with its row."""
    place = header.index(_KEY)
    plain = Table(
        [h for i, h in enumerate(header) if i != place],
        [[c for i, c in enumerate(row) if i != place] for row in table.rows],
        table.lines,
    )
    found = _columns(table)
    rows = [row for row in table.rows if not _is_other(row, found)]
    return list(zip(students_of(plain, name=name), rows, strict=True))
