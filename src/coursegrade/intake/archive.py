"""Reading a zip that strangers filled: nothing is unpacked, every name and every size is checked first."""

from __future__ import annotations

import datetime
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from coursegrade.contract import Text, text
from coursegrade.files import Problem
from coursegrade.sanitise import Untrusted

__all__ = ["ARCHIVES", "MAX_FILE", "Entry", "Reader", "Unreadable", "read_zip", "shown"]

MAX_FILE = 128 << 20  # bytes of one file, unpacked
MAX_TOTAL = 256 << 20  # bytes of all files of one student, unpacked
MAX_ENTRIES = 100_000
MAX_INNER = 2_000  # files of one student, those in zips included
MAX_DEPTH = 3  # a zip in a zip in a zip
MAX_NAME = 1_000  # characters of a path
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_NOISE = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\.git)(/|$)|(^|/)(\.DS_Store|Thumbs\.db|\._[^/]*)$")


class Unreadable(Exception):
    """Why a file of a submission cannot be used, in both languages."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason["en"])
        self.reason = reason


@dataclass(frozen=True)
class Entry:
    """A file in the zip: its path with ``/``, and a way to read it.

    ``refused`` says why it must not be read; its path still tells whose it is.
    """

    path: str
    size: int
    time: datetime.datetime | None
    refused: Text | None
    _read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    def read(self) -> bytes:
        """The content; raises ``Unreadable``."""
        if self.refused:
            raise Unreadable(self.refused)
        return self._read()


def shown(path: str, limit: int = 80) -> str:
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
        reason = text(
            f"the name {name} has {len(path)} characters; give the file a short one",
            f"文件名 {name} 有 {len(path)} 个字符；请改用较短的文件名",
        )
    elif "\0" in path or ".." in parts or plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        reason = text(
            f"the path {name} leaves the folder of the submission; the file was not read",
            f"路径 {name} 超出了提交文件夹，文件未读取",
        )
    elif stat.S_ISLNK(mode):
        reason = text(
            f"{name} is a link, not a file; hand in the notebook itself",
            f"{name} 是链接而不是文件；请提交笔记本本身",
        )
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = text(f"{name} is a special file", f"{name} 是特殊文件")
    elif info.flag_bits & 0x1:
        reason = text(f"{name} is locked with a password", f"{name} 设有密码")
    elif info.file_size > MAX_FILE:
        reason = text(
            f"{name} has {info.file_size >> 20} MB unpacked, at most {MAX_FILE >> 20} MB are read; "
            "clear the outputs (Kernel, Restart and Clear Outputs) and hand in again",
            f"{name} 解压后有 {info.file_size >> 20} MB，最多读取 {MAX_FILE >> 20} MB；请清除输出后重新提交",
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
                    text(
                        f"{shown(path)} is damaged inside the zip ({str(error)[:80]})",
                        f"{shown(path)} 在压缩包内已损坏（{str(error)[:80]}）",
                    )
                ) from None
            if len(data) > MAX_FILE:
                raise Unreadable(
                    text(
                        f"{shown(path)} unpacks to more than the zip says",
                        f"{shown(path)} 解压后比压缩包声明的更大",
                    )
                )
            return data

        found.append(Entry(path, info.file_size, time, refused, read))
    return found


def read_zip(path: Path) -> list[Entry]:
    """The files of the LMS's zip, in its order. The zip stays open until the entries are gone.

    Raises ``Problem`` where it is no zip or holds too many files.
    """
    if not path.is_file():
        raise Problem(f"There is no file {path}.", f"没有文件 {path}。")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Problem(
            f"{path} is no zip, or a damaged one ({error}). Download it again from the LMS.",
            f"{path} 不是 zip 文件或已损坏（{error}）。请从学习平台重新下载。",
        ) from None
    if len(archive.infolist()) > MAX_ENTRIES:
        raise Problem(
            f"{path} holds {len(archive.infolist())} files; at most {MAX_ENTRIES} are read.",
            f"{path} 含有 {len(archive.infolist())} 个文件；最多读取 {MAX_ENTRIES} 个。",
        )
    return _entries(archive)


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
                    f"the files unpack to more than {MAX_TOTAL >> 20} MB; hand in the notebook by itself",
                    f"文件解压后超过 {MAX_TOTAL >> 20} MB；请只提交笔记本本身",
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
                        f"more than {MAX_INNER} files were handed in; hand in the notebook by itself",
                        f"提交了超过 {MAX_INNER} 个文件；请只提交笔记本本身",
                    )
                )
            name = entry.name.lower()
            if entry.refused:
                problems.append(entry.refused)
            elif not name.endswith(ARCHIVES):
                found.append(entry)
            elif not name.endswith(".zip"):
                problems.append(
                    text(
                        f"{shown(entry.path)} is an archive that is not opened; hand in the notebook itself, or a zip",
                        f"{shown(entry.path)} 是无法打开的压缩格式；请直接提交笔记本，或用 zip 压缩",
                    )
                )
            elif depth >= MAX_DEPTH:
                problems.append(
                    text(
                        f"{shown(entry.path)} is a zip in {depth} others; hand in the notebook itself",
                        f"{shown(entry.path)} 外面套了 {depth} 层 zip；请直接提交笔记本",
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
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise Unreadable(
                text(
                    f"{shown(entry.path)} is no zip that can be read ({str(error)[:80]})",
                    f"{shown(entry.path)} 不是可读的 zip（{str(error)[:80]}）",
                )
            ) from None
        return [
            Entry(f"{entry.path}/{one.path}", one.size, one.time, one.refused, one._read) for one in _entries(archive)
        ]
