"""What Canvas, Moodle and Gradescope put into the zip of a class's submissions, and who handed in what.

The layouts are those of the LMSs' own code (Canvas ``lib/content_zipper.rb``, Moodle ``mod/assign/locallib.php``) and
of Gradescope's export; an upload remembers what the LMS needs to take the feedback back.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from coursegrade.cage.supervise import Broken, Caps, supervised
from coursegrade.contract import Text, text
from coursegrade.files import Problem
from coursegrade.intake.archive import Entry, Unreadable, shown
from coursegrade.intake.encodings import is_cjk
from coursegrade.intake.roster import Student, normal
from coursegrade.sanitise import NOTHING, Untrusted

LMS = Literal["canvas", "moodle", "gradescope"]

# Canvas: sortable name in lower case, LATE, number of the user, number of the file, the student's own file name. It
# takes "_70001_" out of names, but only once; so a name can still hold what looks like numbers, and a file's name too.
_CANVAS = re.compile(r"(?=_(?P<late>LATE_)?(?P<user>\d+)_(?P<file_id>\d+)_.)", re.DOTALL)
_CANVAS_TEXT = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<kind>text|link)\.html", re.DOTALL)
_CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<user>[0-9A-Za-z]+)_(?P<file_id>\d+)_(?P<file>.+)", re.DOTALL)
# Moodle: full name without "_" (a group's name and "-" before it), number of the participant, the plugin, the file.
_MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
_LONG, _WAYS = 1_000, 50  # characters of a name from Canvas that are looked into, and ways to read it
_METADATA = "submission_metadata.yml"
_METADATA_CAPS = Caps(memory=400 << 20, seconds=120.0)


@dataclass
class Upload:
    """What one person handed in at one time."""

    lms: LMS
    name: Untrusted  # as the LMS writes it
    user: str  # the LMS's own number or id
    entries: list[Entry] = field(default_factory=list)
    order: tuple[Any, ...] = ()  # the later of two uploads has the greater one
    time: datetime.datetime | None = None  # when it was handed in, where the LMS says
    late: bool = False
    email: Untrusted = NOTHING
    origin: dict[str, str] = field(default_factory=dict)  # what the LMS needs to take feedback back
    reason: Text | None = None  # why there is nothing to grade
    doubt: Text | None = None  # why it cannot be said whose it is
    zip: str = ""  # name of the zip

    @property
    def who(self) -> str:
        """Name and number for a message."""
        return f"{shown(self.name, 60)} ({shown(self.user or self.email.raw() or 'no id', 40)[1:-1]})"


def _upload(lms: LMS, name: str, user: str) -> Upload:
    return Upload(lms, Untrusted(name), user)


def detect(entries: Sequence[Entry]) -> LMS:
    """Which LMS made the zip; raises ``Problem`` where none did.

    A name that a student chose can look like another LMS's: what most of the files are decides.
    """
    moodle = sum(any(map(_MOODLE.fullmatch, entry.parts[:2])) for entry in entries)
    canvas = sum(bool(_canvas_parts(e.name.raw()) or _other_canvas(e.name.raw())) for e in entries)
    if _metadata(entries) is not None and 2 * moodle <= len(entries):
        return "gradescope"
    if moodle and moodle >= canvas:
        return "moodle"
    if canvas:
        return "canvas"
    some = ", ".join(shown(entry.path) for entry in entries[:3]) or "nothing"
    raise Problem(
        "The zip is none of the three known layouts; it starts with {some}. Canvas: Download submissions "
        "(name_number_number_file.ipynb). Moodle: Download all submissions "
        "(Name_number_assignsubmission_file/file.ipynb). Gradescope: Export submissions "
        "(submission_metadata.yml beside submission_NUMBER/).",
        some=some,
    )


def _metadata(entries: Sequence[Entry]) -> Entry | None:
    """Gradescope's own file: it lies above the submissions' folders, where no student's file does."""
    found = [entry for entry in entries if entry.name == _METADATA and len(entry.parts) <= 2]
    return min(found, key=lambda entry: len(entry.parts), default=None)


def uploads(
    entries: Sequence[Entry], lms: LMS, roster: Sequence[Student] = ()
) -> tuple[list[Upload], list[Entry]]:  # fmt: skip
    """The uploads, one per person and time, and the files that belong to nobody."""
    if lms == "canvas":
        return _canvas(entries, roster)
    return _moodle(entries) if lms == "moodle" else _gradescope(entries)


@dataclass(frozen=True)
class _Part:
    """One way to read the name of a file from Canvas."""

    name: str
    late: bool
    user: str
    file_id: str


def _canvas_parts(file: str) -> list[_Part]:
    """The ways to read it, the one with the shortest name first; Canvas writes no name that has many."""
    found = []
    for match in islice(_CANVAS.finditer(file[:_LONG]), _WAYS):
        if match.start() and not (match["late"] is None and file[: match.start()].endswith("_LATE")):
            found.append(_Part(file[: match.start()], bool(match["late"]), match["user"], match["file_id"]))
    return found


def _other_canvas(file: str) -> re.Match[str] | None:
    return _CANVAS_ANONYMOUS.fullmatch(file) or _CANVAS_TEXT.fullmatch(file)


def _canvas(entries: Sequence[Entry], roster: Sequence[Student]) -> tuple[list[Upload], list[Entry]]:
    found: dict[tuple[str, str], Upload] = {}
    nobody = []
    known = {number for s in roster for number in _canvas_numbers(s)}
    readings = [{p.user for p in _canvas_parts(entry.name.raw())} & known for entry in entries]
    there = {user for users in readings if len(users) == 1 for user in users}
    for entry, users in zip(entries, readings, strict=True):
        other, parts = _other_canvas(entry.name.raw()), _canvas_parts(entry.name.raw())
        if other is None and not parts:
            nobody.append(entry)
        elif other is not None and other.re is _CANVAS_ANONYMOUS:
            upload = found.setdefault((other["user"], ""), _upload("canvas", f"anon_{other['user']}", other["user"]))
            upload.entries.append(entry)
            upload.reason = text(
                "Canvas hides the names of this assignment; turn anonymous grading off and download again"
            )
        elif parts:
            _canvas_file(entry, parts, roster, found, users - there)
        elif other is not None:
            key = (other["user"], normal(other["name"]))
            upload = found.setdefault(key, _upload("canvas", other["name"], other["user"]))
            upload.late = upload.late or bool(other["late"])
            if not upload.entries:
                upload.reason = text(
                    "the answer was typed into Canvas's text box or handed in as an address; no file is in the zip"
                )
    for upload in found.values():
        upload.entries.sort(key=lambda entry, user=upload.user: _file_id(entry, user))  # type: ignore[misc]
    return list(found.values()), nobody


def _canvas_file(
    entry: Entry,
    parts: list[_Part],
    roster: Sequence[Student],
    found: dict[tuple[str, str], Upload],
    absent: set[str],
) -> None:
    """Put a file with its student: the one whose number and name both stand in the file's name.

    ``absent``: the numbers in its name of students who have no other file. One of them may have taken the name of
    somebody else since the roster was made, and that student's number with it.
    """
    good = [p for p in parts if any(p.user in _canvas_numbers(s) and agrees(p.name, s) for s in roster)]
    part = (good or parts)[0]
    numbered = any(s.canvas for s in roster)
    good += [p for p in parts if good and p.user in absent]
    doubtful = len({p.user for p in good}) > 1 or (not good and not numbered and len(parts) > 1)
    key = (part.user, normal(part.name) if not doubtful else entry.path.raw())
    upload = found.setdefault(key, _upload("canvas", part.name, part.user))
    if doubtful:
        numbers = ", ".join(dict.fromkeys(p.user for p in good or parts))
        upload.doubt = text(
            "{name} can be read as the file of several students ({numbers}); look it up in "
            "Canvas, take Canvas's own gradebook as the roster, or rename the file in the zip",
            name=shown(entry.name),
            numbers=numbers[:80],
        )
    upload.late = upload.late or part.late
    upload.reason = None
    upload.entries.append(entry)
    order = (int(part.file_id),)
    if order >= upload.order:  # Canvas numbers its files upwards: the greatest is the latest
        upload.order = order


def _file_id(entry: Entry, user: str) -> int:
    return next((int(part.file_id) for part in _canvas_parts(entry.name.raw()) if part.user == user), 0)


def canvas_return(entry: Entry, upload: Upload) -> dict[str, str]:
    """What Canvas needs to take the feedback on this file back: its numbers, and the name it will show."""
    for name in entry.parts:
        for part in _canvas_parts(name):
            if part.user == upload.user:
                prefix = f"{part.name}_{'LATE_' if part.late else ''}{part.user}_{part.file_id}"
                return {"prefix": prefix, "file": name[len(prefix) + 1 :]}
    return {}


def _moodle(entries: Sequence[Entry]) -> tuple[list[Upload], list[Entry]]:
    found: dict[tuple[str, str], Upload] = {}
    nobody = []
    for entry in entries:
        match = next((m for m in map(_MOODLE.fullmatch, entry.parts) if m), None)
        if match is None:
            nobody.append(entry)
            continue
        name, user = match["name"], match["user"]
        # One number is one person in Moodle; two folders with the same one are two uploads of that person.
        upload = found.setdefault((user, match[0] if len(entry.parts) > 1 else user), _upload("moodle", name, user))
        upload.origin = {"folder": f"{name}_{user}_assignfeedback_file_"}
        if match["kind"] == "file":
            upload.entries.append(entry)
            upload.order = max(upload.order, (entry.time or datetime.datetime.min,))
        elif not upload.entries:
            upload.reason = text("the answer was typed into Moodle's text box; no file is in the zip")
    names = Counter(normal(upload.name) for upload in found.values())
    for upload in found.values():
        if upload.entries:
            upload.reason = None
        if len(found) > 2 and len(names) == 1:  # "Participant", in whatever language: the names are hidden
            upload.doubt = text(
                "Moodle hides the names of this assignment; reveal student identities and download again"
            )
    return list(found.values()), nobody


def _read_metadata(entry: Entry) -> Any:
    """The table, or the sentence that says why there is none; runs in a child, since students chose what it names."""
    import yaml

    try:
        table = _load_yaml(entry.read())
    except (yaml.YAMLError, Unreadable, ValueError, RecursionError) as error:
        return str(error)[:200]
    return table if isinstance(table, dict) else "it is no table"


def _load_yaml(data: bytes) -> Any:
    """Gradescope's metadata: Ruby wrote it, so its keys start with a colon and unknown tags occur."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def unknown(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("!", unknown)
    return yaml.load(data, Loader=Loader)


def _gradescope(entries: Sequence[Entry]) -> tuple[list[Upload], list[Entry]]:
    metadata = _metadata(entries)
    assert metadata is not None, "detect() found it"
    root = metadata.path.raw().rpartition("/")[0]
    table = supervised(_read_metadata, metadata, caps=_METADATA_CAPS)
    if isinstance(table, Broken):
        table = table.reason["en"]
    if not isinstance(table, dict):
        name, why = shown(metadata.path), Untrusted(table).line(200)
        raise Problem("{name} in the zip cannot be read ({why}). Export the submissions again.", name=name, why=why)
    by_folder: dict[str, list[Entry]] = {str(key): [] for key in table}
    nobody = []
    for entry in entries:
        if entry is metadata:
            continue
        path = entry.path.raw()
        inside = path[len(root) + 1 :] if root and path.startswith(root + "/") else path
        folder = next((part for part in inside.split("/") if part in by_folder), None)
        if folder is None:
            nobody.append(entry)
        else:
            by_folder[folder].append(entry)
    found = []
    for key, record in table.items():
        record = record if isinstance(record, dict) else {}
        time = record.get(":created_at")
        if isinstance(time, str):
            try:
                time = datetime.datetime.fromisoformat(time.replace(" UTC", "+00:00").replace("Z", "+00:00"))
            except ValueError:
                time = None
        if not isinstance(time, datetime.datetime):
            time = None
        elif time.tzinfo is None:
            time = time.replace(tzinfo=datetime.UTC)
        people = record.get(":submitters")
        number = "".join(re.findall(r"\d+", str(key))[-1:])
        for person in people if isinstance(people, list) else [{}]:
            person = person if isinstance(person, dict) else {}
            name, email = str(person.get(":name") or key), str(person.get(":email") or "")
            upload = _upload("gradescope", name, str(person.get(":sid") or ""))
            upload.entries, upload.email, upload.time = by_folder[str(key)], Untrusted(email), time
            upload.order = (time or datetime.datetime.min.replace(tzinfo=datetime.UTC), int(number or 0))
            upload.origin = {"submission": number}
            if not upload.entries:
                upload.reason = text("the submission has no file in the zip")
            found.append(upload)
    return found, nobody


# -- whose is it? -------------------------------------------------------------------------------------------------


def _names(student: Student) -> set[str]:
    first, last = normal(student.first), normal(student.last)
    return {normal(student.sortable), normal(student.name), first + last, last + first} - {""}


def _fold(name: str | Untrusted) -> str:
    """For comparing names as two systems write them: no accents, no spaces, no case."""
    plain = unicodedata.normalize("NFKD", Untrusted(name).raw().casefold().translate(str.maketrans("øłđı", "oldi")))
    return "".join(c for c in plain if c.isalnum())


def _address(email: Untrusted) -> str:
    return email.raw().casefold()


def agrees(name: str | Untrusted, student: Student) -> bool:
    """Whether a name that the LMS wrote can be this student's: a part of their name, or their group's, is in it."""
    given = _fold(name)
    first, last, whole = student.first.raw(), student.last.raw(), student.name.raw()
    parts = {_fold(part) for text in (first, last, whole) for part in re.split(r"[\W_]+", text)}
    if is_cjk(first + last):  # a family name of one character says little
        parts = {_fold(first), _fold(last + first), _fold(whole)}
    long = {part for part in parts if len(part) > 1} or parts - {""}
    if student.group and _fold(student.group) and _fold(student.group) in given:
        return True
    return not long or not given or any(part in given for part in long)


def _canvas_numbers(student: Student) -> set[str]:
    return {student.canvas} if student.canvas else {student.sis, student.login.raw()} - {""}


def of_other_assignment(found: Sequence[Upload], roster: Sequence[Student]) -> bool:
    """Whether Moodle's numbers on the roster are another assignment's: it gives each participant one per assignment."""
    numbers = {s.moodle for s in roster} - {""}
    given = {upload.user for upload in found if upload.lms == "moodle"}
    return bool(numbers and given) and not numbers & given


def find_students(
    upload: Upload, roster: Iterable[Student], *, by_name: bool = False
) -> tuple[list[Student], Text | None]:  # fmt: skip
    """Whose an upload is, or why nobody's: by the LMS's number or id, then by e-mail, then by a name that only one has.

    A number and a name that contradict each other are nobody's. A file of a group counts for each of its members.
    ``by_name``: the numbers on the roster are not those of this assignment.
    """
    if upload.doubt:
        return [], upload.doubt
    roster = list(roster)
    exact = [] if by_name else _by_number(upload, roster)
    if len(exact) == 1:
        student = exact[0]
        sure = upload.email and _address(upload.email) == _address(student.email)
        if not (sure or agrees(upload.name, student)):
            return [], _contradiction(upload, student)
        if upload.lms == "canvas" and student.group and _fold(student.group) == _fold(upload.name):
            return [s for s in roster if s.group == student.group], None
        return exact, None
    name = normal(upload.name)
    numbers = {s.key: {"canvas": s.canvas, "moodle": "" if by_name else s.moodle}.get(upload.lms, "") for s in roster}
    names = [s for s in roster if name and name in _names(s) and numbers[s.key] in ("", upload.user)]
    if len(names) == 1:
        return names, None
    who = upload.who
    if len(names) > 1:
        return [], text(
            "{who}: {n_names:| student has| students have} this name; the roster that the LMS exports has its numbers",
            who=who,
            n_names=len(names),
        )
    return [], text("{who} is not on the roster; add the roster that has them with --roster", who=who)


def _by_number(upload: Upload, roster: list[Student]) -> list[Student]:
    if upload.lms == "canvas":
        return [s for s in roster if upload.user and upload.user in _canvas_numbers(s)]
    if upload.lms == "moodle":
        return [s for s in roster if s.moodle and s.moodle == upload.user]
    exact = [s for s in roster if upload.user and upload.user in (s.id, s.sis, s.login.raw())]
    return exact or [s for s in roster if upload.email and _address(s.email) == _address(upload.email)]


def _contradiction(upload: Upload, student: Student) -> Text:
    hint = {
        "canvas": text(
            "if it is a group's name, add Canvas's list of groups with --roster (People, Groups, Download Roster)"
        ),
        "moodle": text("give this assignment's own grading worksheet with --roster"),
        "gradescope": text("correct the roster, or the id in Gradescope"),
    }[upload.lms]
    return text(
        "{who}: the number is that of {name}, and the names differ; {hint}",
        who=upload.who,
        name=shown(student.name, 60),
        hint=hint,
    )
