"""Writing so that a killed process or a full disk leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coursegrade.contract import Text, Value, same, text

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


class Problem(Exception):
    """What stops a command, said in each language; ``str`` gives English."""

    def __init__(self, sentence: str, /, **values: Value) -> None:
        self.text: Text = text(sentence, **values)
        super().__init__(self.text["en"])


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """What the system refuses in here, it refuses at ``path``: writing tells no name, a draft has one of its own."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


_REFUSALS: dict[int, Text] = {
    errno.ENOSPC: text("the disk is full"),
    errno.EDQUOT: text("your share of the disk is used up"),
    errno.EFBIG: text("the file may not become so large"),
    errno.EROFS: text("the disk can only be read"),
    errno.EACCES: text("you have no permission for it"),
    errno.EPERM: text("the system does not permit it"),
    errno.EIO: text("the disk cannot be read or written"),
    errno.ENOENT: text("there is no such file or folder"),
    errno.EEXIST: text("there is a file of that name already"),
    errno.ENOTDIR: text("a part of the path is a file, no folder"),
    errno.EISDIR: text("that is a folder, not a file"),
}


def refused(error: OSError) -> Text:
    """Why the system refused."""
    return _REFUSALS.get(error.errno or 0, same(error.strerror or str(error)))


def refusal(error: OSError) -> Text:
    """What the system refused, with the path."""
    why = refused(error)
    return why if error.filename is None else text("{why} ({path})", why=why, path=error.filename)


def sha256(data: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write_atomic(path: Path, data: bytes | str) -> bool:
    """Write ``data`` to ``path`` in one step, readable by its owner only; False where the file already holds it.

    The data lie on the disk before the name points at them. Folders that are made on the way are private as well.

    Raises ``OSError`` (a full disk, for one); ``path`` is then what it was and nothing else is left behind.
    """
    raw = data.encode() if isinstance(data, str) else data
    with named(path):
        if path.is_file() and path.stat().st_size == len(raw) and path.read_bytes() == raw:
            if path.stat().st_mode & 0o177:
                path.chmod(0o600)
            return False
        private_folder(path.parent)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        return True


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner only."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def write_json(path: Path, value: Any) -> bool:
    """``value`` as JSON, the same bytes for the same value."""
    return write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in ``path``, or None where there is no file or it is damaged.

    Raises ``OSError`` for a file that is there and cannot be read: what it says is not to be written anew.
    """
    try:
        with named(path):
            return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return None


def zip_of(files: dict[str, bytes], *, executable: tuple[str, ...] = ()) -> bytes:
    """A zip whose bytes depend on its content only; names are UTF-8, as LMSs read them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()
