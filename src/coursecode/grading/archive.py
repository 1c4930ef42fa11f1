"""Reading a zip that strangers filled: nothing is unpacked, every name and every size is checked first."""

from __future__ import annotations

import datetime
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coursecode.grading.contract import Text, text
from coursecode.grading.files import Problem

__all__ = ["MAX_FILE", "Entry", "Unreadable", "inner", "read_zip"]

MAX_FILE = 128 << 20  # bytes of one file, unpacked
MAX_ENTRIES = 100_000
MAX_INNER = 2_000  # files in a zip that a student handed in
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


def _shown(path: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in path)[:120]


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
    shown = _shown(path)
    mode = info.external_attr >> 16
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if "\0" in path or ".." in parts or plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        reason = text(
            f"the path {shown!r} leaves the folder of the submission; the file was not read",
            f"路径 {shown!r} 超出了提交文件夹，文件未读取",
        )
    elif stat.S_ISLNK(mode):
        reason = text(
            f"{shown!r} is a link, not a file; hand in the notebook itself",
            f"{shown!r} 是链接而不是文件；请提交笔记本本身",
        )
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = text(f"{shown!r} is a special file", f"{shown!r} 是特殊文件")
    elif info.flag_bits & 0x1:
        reason = text(f"{shown!r} is locked with a password", f"{shown!r} 设有密码")
    elif info.file_size > MAX_FILE:
        reason = text(
            f"{shown!r} has {info.file_size >> 20} MB unpacked, at most {MAX_FILE >> 20} MB are read; "
            "clear the outputs (Kernel, Restart and Clear Outputs) and hand in again",
            f"{shown!r} 解压后有 {info.file_size >> 20} MB，最多读取 {MAX_FILE >> 20} MB；请清除输出后重新提交",
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
                        f"{_shown(path)!r} is damaged inside the zip ({error})",
                        f"{_shown(path)!r} 在压缩包内已损坏（{error}）",
                    )
                ) from None
            if len(data) > MAX_FILE:
                raise Unreadable(
                    text(
                        f"{_shown(path)!r} unpacks to more than the zip says",
                        f"{_shown(path)!r} 解压后比压缩包声明的更大",
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


def inner(entry: Entry) -> list[Entry]:
    """The files of a zip that a student handed in; a zip in that zip is refused by name. Raises ``Unreadable``."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(entry.read()))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(
            text(
                f"{_shown(entry.path)!r} is no readable zip ({error})",
                f"{_shown(entry.path)!r} 不是可读的 zip（{error}）",
            )
        ) from None
    if len(archive.infolist()) > MAX_INNER:
        raise Unreadable(
            text(
                f"{_shown(entry.path)!r} holds {len(archive.infolist())} files, at most {MAX_INNER} are read",
                f"{_shown(entry.path)!r} 含有 {len(archive.infolist())} 个文件，最多读取 {MAX_INNER} 个",
            )
        )
    found = []
    for one in _entries(archive):
        refused = one.refused
        if one.name.lower().endswith((".zip", ".tar", ".gz", ".7z", ".rar")):
            refused = text(
                f"{_shown(one.path)!r} is an archive inside an archive; hand in the notebook itself",
                f"{_shown(one.path)!r} 是压缩包中的压缩包；请直接提交笔记本",
            )
        found.append(Entry(f"{entry.path}/{one.path}", one.size, one.time, refused, one._read))
    return found
