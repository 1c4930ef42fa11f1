"""What Canvas, Moodle and Gradescope put into the zip of a class's submissions, and who handed in what.

The layouts are those of the LMSs' own code (Canvas ``lib/content_zipper.rb``, Moodle ``mod/assign``) and of
Gradescope's export; an upload remembers what the LMS needs to take the feedback back.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from coursecode.grading.archive import Entry, Unreadable
from coursecode.grading.contract import Text, text
from coursecode.grading.course import Student, normal
from coursecode.grading.files import Problem

__all__ = ["LMS", "Upload", "detect", "find_student", "uploads"]

LMS = Literal["canvas", "moodle", "gradescope"]

_CANVAS = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file_id>\d+)_(?P<file>.+)", re.DOTALL)
_CANVAS_TEXT = re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<kind>text|link)\.html")
_CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<user>[0-9A-Za-z]+)_(?P<file_id>\d+)_(?P<file>.+)")
_MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
_METADATA = "submission_metadata.yml"


@dataclass
class Upload:
    """What one person handed in at one time."""

    lms: LMS
    name: str  # as the LMS writes it
    user: str  # the LMS's own number or id
    entries: list[Entry] = field(default_factory=list)
    order: tuple[Any, ...] = ()  # the later of two uploads has the greater one
    time: datetime.datetime | None = None  # when it was handed in, where the LMS says
    late: bool = False
    email: str = ""
    origin: dict[str, str] = field(default_factory=dict)  # what the LMS needs to take feedback back
    reason: Text | None = None  # why there is nothing to grade


def detect(entries: Sequence[Entry]) -> LMS:
    """Which LMS made the zip; raises ``Problem`` where none did."""
    if any(entry.name == _METADATA for entry in entries):
        return "gradescope"
    if any(_MOODLE.fullmatch(part) for entry in entries for part in entry.path.split("/")):
        return "moodle"
    if any(p.fullmatch(entry.name) for entry in entries for p in (_CANVAS, _CANVAS_TEXT, _CANVAS_ANONYMOUS)):
        return "canvas"
    some = ", ".join(repr(entry.path[:80]) for entry in entries[:3]) or "nothing"
    raise Problem(
        f"The zip is none of the three known layouts; it starts with {some}. "
        "Canvas: Download submissions (name_number_number_file.ipynb). "
        "Moodle: Download all submissions (Name_number_assignsubmission_file/file.ipynb). "
        "Gradescope: Export submissions (submission_metadata.yml beside submission_NUMBER/).",
        f"该 zip 不属于已知的三种布局；开头是 {some}。Canvas：下载提交；Moodle：下载全部提交；"
        "Gradescope：导出提交（含 submission_metadata.yml）。",
    )


def uploads(entries: Sequence[Entry], lms: LMS) -> tuple[list[Upload], list[Entry]]:
    """The uploads, one per person and time, and the files that belong to nobody."""
    return {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope}[lms](entries)


def _canvas(entries: Sequence[Entry]) -> tuple[list[Upload], list[Entry]]:
    found: dict[str, Upload] = {}
    nobody = []
    for entry in entries:
        anonymous = _CANVAS_ANONYMOUS.fullmatch(entry.name)
        match = anonymous or _CANVAS.fullmatch(entry.name) or _CANVAS_TEXT.fullmatch(entry.name)
        if match is None:
            nobody.append(entry)
            continue
        parts = match.groupdict()
        user = f"anon_{parts['user']}" if anonymous else parts["user"]
        name = parts.get("name") or user
        upload = found.setdefault(user, Upload("canvas", name, user))
        upload.late = upload.late or bool(parts["late"])
        if anonymous:
            upload.reason = text(
                "Canvas hides the names of this assignment; turn anonymous grading off and download again",
                "Canvas 隐藏了该作业的姓名；请关闭匿名评分后重新下载",
            )
        if number := parts.get("file_id"):
            upload.entries.append(entry)
            order = (int(number),)
            if order >= upload.order:  # Canvas numbers its files upwards: the greatest is the latest
                upload.order = order
                late = "LATE_" if parts["late"] else ""
                upload.origin = {"prefix": f"{name}_{late}{user}_{number}"}
        elif not upload.entries:
            upload.reason = text(
                "the answer was typed into Canvas's text box or handed in as an address; no file is in the zip",
                "作业是在 Canvas 文本框中填写或以网址提交的；压缩包中没有文件",
            )
    for upload in found.values():
        if upload.entries and not upload.user.startswith("anon_"):
            upload.reason = None
    return list(found.values()), nobody


def _moodle(entries: Sequence[Entry]) -> tuple[list[Upload], list[Entry]]:
    found: dict[tuple[str, str], Upload] = {}
    nobody = []
    for entry in entries:
        parts = entry.path.split("/")
        match = next((m for m in map(_MOODLE.fullmatch, parts) if m), None)
        if match is None:
            nobody.append(entry)
            continue
        name, user = match["name"], match["user"]
        # One number is one person in Moodle; two folders with the same one are two uploads of that person.
        upload = found.setdefault((user, match[0] if len(parts) > 1 else user), Upload("moodle", name, user))
        upload.origin = {"folder": f"{name}_{user}_assignfeedback_file_"}
        if match["kind"] == "file":
            upload.entries.append(entry)
            upload.order = max(upload.order, (entry.time or datetime.datetime.min,))
        elif not upload.entries:
            upload.reason = text(
                "the answer was typed into Moodle's text box; no file is in the zip",
                "作业是在 Moodle 文本框中填写的；压缩包中没有文件",
            )
    for upload in found.values():
        if upload.entries:
            upload.reason = None
    return list(found.values()), nobody


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
    import yaml

    metadata = next(entry for entry in entries if entry.name == _METADATA)
    root = metadata.path.rpartition("/")[0]
    try:
        table = _load_yaml(metadata.read())
        if not isinstance(table, dict):
            raise ValueError("it is no table")
    except (yaml.YAMLError, Unreadable, ValueError, RecursionError) as error:
        raise Problem(
            f"{metadata.path} in the zip cannot be read ({str(error)[:200]}). Export the submissions again.",
            f"压缩包中的 {metadata.path} 无法读取（{str(error)[:200]}）。请重新导出提交。",
        ) from None
    by_folder: dict[str, list[Entry]] = {str(key): [] for key in table}
    nobody = []
    for entry in entries:
        if entry is metadata:
            continue
        inside = entry.path[len(root) + 1 :] if root and entry.path.startswith(root + "/") else entry.path
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
            upload = Upload(
                "gradescope", name, str(person.get(":sid") or ""), by_folder[str(key)], email=email, time=time
            )
            upload.order = (time or datetime.datetime.min.replace(tzinfo=datetime.UTC), int(number or 0))
            upload.origin = {"submission": number}
            if not upload.entries:
                upload.reason = text("the submission has no file in the zip", "该提交在压缩包中没有文件")
            found.append(upload)
    return found, nobody


def _names(student: Student) -> set[str]:
    both = (student.first + student.last, student.last + student.first)
    return {normal(n) for n in (student.sortable, student.name, *both)} - {""}


def find_student(upload: Upload, roster: Iterable[Student]) -> tuple[Student | None, Text | None]:
    """The student of an upload: by the LMS's own number or id, then by e-mail, then by name if only one has it."""
    roster = list(roster)
    if upload.lms == "canvas":
        exact = [s for s in roster if upload.user and upload.user in (s.canvas, s.sis, s.login)]
        exact = [s for s in exact if s.canvas == upload.user] or exact
    elif upload.lms == "moodle":
        exact = [s for s in roster if s.moodle and s.moodle == upload.user]
    else:
        exact = [s for s in roster if upload.user and upload.user in (s.id, s.sis, s.login)]
        exact = exact or [s for s in roster if upload.email and s.email.casefold() == upload.email.casefold()]
    if len(exact) == 1:
        return exact[0], None
    name = normal(upload.name)
    numbers = {s.key: {"canvas": s.canvas, "moodle": s.moodle}.get(upload.lms, "") for s in roster}
    names = [s for s in roster if name and name in _names(s) and numbers[s.key] in ("", upload.user)]
    if len(names) == 1:
        return names[0], None
    who = f"{upload.name!r} ({upload.user or upload.email or 'no id'})"
    if len(names) > 1:
        return None, text(
            f"{who}: {len(names)} students have this name; the roster that the LMS exports has its numbers",
            f"{who}：名单中有 {len(names)} 名学生同名；请使用从学习平台导出、含编号的名单",
        )
    return None, text(f"{who} is not on the roster", f"{who} 不在名单中")
