"""Reading a zip that strangers filled: nothing is unpacked, every name and every size is checked first."""

from __future__ import annotations

import datetime
import io
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from coursegrade.contract import Text, text
from coursegrade.files import Problem
from coursegrade.sanitise import Untrusted

MAX_FILE = 128 << 20  # bytes of one file, unpacked
MAX_TOTAL = 256 << 20  # bytes of all files of one student, unpacked
MAX_ENTRIES = 100_000  # files of a class
MAX_LISTED = 400_000  # names in its zip, those of one student beyond MAX_INNER included
MAX_INNER = 2_000  # files of one student, those in zips included
MAX_DEPTH = 3  # a zip in a zip in a zip
MAX_NAME = 1_000  # characters of a path
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_NOISE = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\.git)(/|$)|(^|/)(\.DS_Store|Thumbs\.db|\._[^/]*)$")


class Unreadable(Exception):
    """Why a file of a submission cannot be used, in every language."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason["en"])
        self.reason = reason


@dataclass(frozen=True)
class Entry:
    """A file in the zip: its path with ``/``, and a way to read it.

    ``refused`` says why it must not be read; its path still tells whose it is.
    """

    path: Untrusted
    size: int
    time: datetime.datetime | None
    refused: Text | None
    _read: Callable[[], bytes]

    @property
    def name(self) -> Untrusted:
        """The last part of the path."""
        return Untrusted(self.parts[-1])

    @property
    def parts(self) -> list[str]:
        """The folders and the name, to look into."""
        return self.path.raw().split("/")

    def read(self) -> bytes:
        """The content; raises ``Unreadable``."""
        if self.refused:
            raise Unreadable(self.refused)
        return self._read()


def shown(path: str | Untrusted, limit: int = 80) -> str:
    """A name that a stranger chose, for a message: quoted, printable, and cut in the middle, where its end stays.

    >>> shown("a" * 200 + ".ipynb", 20)
    "'aaaaaa…aaaaaaa.ipynb'"
    """
    plain = Untrusted(path).line(2 * limit + len(path))
    if len(plain) > limit:
        plain = f"{plain[: (limit - 1) // 3]}…{plain[-(limit - 1 - (limit - 1) // 3) :]}"
    return repr(plain)


def _name(info: zipfile.ZipInfo) -> str:
    """The name as the zip's maker meant it: zips made on Chinese Windows hold GBK without saying so."""
    if info.flag_bits & 0x800 or info.orig_filename.isascii():
        return info.orig_filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.orig_filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _check(path: str, info: zipfile.ZipInfo) -> tuple[str, Text | None]:
    """The path with ``/``, and why it is refused, if it is."""
    plain = path.replace("\\", "/")
    name = shown(path)
    mode = info.external_attr >> 16
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if len(path) > MAX_NAME:
        reason = text("the name {name} has {n_path} characters; give the file a short one", name=name, n_path=len(path))
    elif "\0" in path or ".." in parts or plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        reason = text("the path {name} leaves the folder of the submission; the file was not read", name=name)
    elif stat.S_ISLNK(mode):
        reason = text("{name} is a link, not a file; hand in the notebook itself", name=name)
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = text("{name} is a special file", name=name)
    elif info.flag_bits & 0x1:
        reason = text("{name} is locked with a password", name=name)
    elif info.file_size > MAX_FILE:
        reason = text(
            "{name} has {file_size} MB unpacked, at most {max_file} MB are read; clear the outputs "
            "(Kernel, Restart and Clear Outputs) and hand in again",
            name=name,
            file_size=info.file_size >> 20,
            max_file=MAX_FILE >> 20,
        )
    else:
        return "/".join(parts), None
    return "/".join(part for part in parts if part != "..").replace("\0", ""), reason


def _entries(archive: zipfile.ZipFile) -> list[Entry]:
    found = []
    for info in archive.infolist():
        if info.is_dir() or info.orig_filename.endswith(("/", "\\")):
            continue
        path, refused = _check(_name(info), info)
        if _NOISE.search(path):
            continue
        try:
            time = datetime.datetime(*info.date_time)
        except ValueError:
            time = None

        def read(info: zipfile.ZipInfo = info, path: str = path) -> bytes:
            try:
                with archive.open(info) as file:
                    data = file.read(MAX_FILE + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
                raise Unreadable(
                    text("{path} is damaged inside the zip ({error})", path=shown(path), error=str(error)[:80])
                ) from None
            if len(data) > MAX_FILE:
                raise Unreadable(text("{path} unpacks to more than the zip says", path=shown(path)))
            return data

        found.append(Entry(Untrusted(path), info.file_size, time, refused, read))
    return found


def read_zip(path: Path) -> list[Entry]:
    """The files of the LMS's zip, in its order. The zip stays open until the entries are gone.

    Raises ``Problem`` where it is no zip or holds too many files.
    """
    if not path.is_file():
        raise Problem("There is no file {path}.", path=path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Problem(
            "{path} is no zip, or a damaged one ({error}). Download it again from the LMS.", path=path, error=error
        ) from None
    listed = len(archive.infolist())
    found = _few_of_each(_entries(archive)) if listed <= MAX_LISTED else []
    if listed > MAX_LISTED or len(found) > MAX_ENTRIES:
        raise Problem(
            "{path} holds {n_archive} files; at most {max_entries} are read.",
            path=path,
            n_archive=listed,
            max_entries=MAX_ENTRIES,
        )
    return found


def _few_of_each(entries: list[Entry]) -> list[Entry]:
    """No more files of a submission's folder than are refused as too many of one student: they stop nobody else."""
    if len(entries) <= MAX_ENTRIES:
        return entries
    counts: Counter[tuple[str, ...]] = Counter()
    found = []
    for entry in entries:
        place = tuple(entry.parts[:-1][:2])
        counts[place] += 1
        if len(place) == 0 or counts[place] <= MAX_INNER + 1:
            found.append(entry)
    return found


class Reader:
    """The files of one student, those in zips included; counts what is unpacked, so that a bomb ends there."""

    def __init__(self) -> None:
        self.bytes = 0
        self.files = 0

    def read(self, entry: Entry) -> bytes:
        """The content of a file. Raises ``Unreadable``, also where all files together are too large."""
        if not entry.refused and self.bytes + entry.size > MAX_TOTAL:
            raise Unreadable(
                text(
                    "the files unpack to more than {max_total} MB; hand in the notebook by itself",
                    max_total=MAX_TOTAL >> 20,
                )
            )
        data = entry.read()
        self.bytes += len(data)
        return data

    def files_of(self, entries: Iterable[Entry], *, depth: int = 0) -> tuple[list[Entry], list[Text]]:
        """The files, with those of zips in place of the zip, and why some could not be opened."""
        found: list[Entry] = []
        problems: list[Text] = []
        for entry in entries:
            self.files += 1
            if self.files > MAX_INNER:
                raise Unreadable(
                    text(
                        "more than {max_inner} files were handed in; hand in the notebook by itself",
                        max_inner=MAX_INNER,
                    )
                )
            name = entry.name.raw().lower()
            if entry.refused:
                problems.append(entry.refused)
            elif not name.endswith(ARCHIVES):
                found.append(entry)
            elif not name.endswith(".zip"):
                problems.append(
                    text(
                        "{path} is an archive that is not opened; hand in the notebook itself, or a zip",
                        path=shown(entry.path),
                    )
                )
            elif depth >= MAX_DEPTH:
                problems.append(
                    text(
                        "{path} is a zip in {depth} others; hand in the notebook itself",
                        path=shown(entry.path),
                        depth=depth,
                    )
                )
            else:
                try:
                    inner, more = self.files_of(self._inner(entry), depth=depth + 1)
                except Unreadable as error:
                    inner, more = [], [error.reason]
                found += inner
                problems += more
        return found, problems

    def _inner(self, entry: Entry) -> list[Entry]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(self.read(entry)))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise Unreadable(
                text(
                    "{path} breaks off or is no zip; zip it anew, or hand in the notebook itself",
                    path=shown(entry.path),
                )
            ) from None
        return [replace(one, path=Untrusted(f"{entry.path.raw()}/{one.path.raw()}")) for one in _entries(archive)]
