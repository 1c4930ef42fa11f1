"""Writing so that a killed process or a full disk leaves the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from coursecode.grading.contract import Text, text

__all__ = ["Problem", "private_folder", "read_json", "sha256", "write_atomic", "write_json"]


class Problem(Exception):
    """What stops a command, said once in each language; ``str`` gives English."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.text: Text = text(en, zh)

    def __reduce__(self) -> tuple[type[Problem], tuple[str, str]]:
        return type(self), (self.text["en"], self.text["zh"])  # it may come from another process


def sha256(data: bytes) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write_atomic(path: Path, data: bytes | str) -> bool:
    """Write ``data`` to ``path`` in one step, readable by its owner only; False where the file already holds it.

    The data lie on the disk before the name points at them. Folders that are made on the way are private as well.

    Raises ``OSError`` (a full disk, for one); ``path`` is then what it was and nothing else is left behind.
    """
    raw = data.encode() if isinstance(data, str) else data
    if path.is_file() and path.stat().st_size == len(raw) and path.read_bytes() == raw:
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
    """The JSON in ``path``, or None where there is no file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
