"""What was made of which files, so that nothing is made again of files that are as they were.

Files are known by their content, never by their time: a checkout, a copy or a clock makes nothing stale, and what
somebody changed or deleted among the results is noticed.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tools import ROOT

Answer = TypeVar("Answer")


def _files(place: Path) -> Iterator[Path]:
    """The files below a folder, without caches and what editors and systems hide."""
    if place.is_file():
        yield place
    elif place.is_dir():
        for path in place.iterdir():
            if path.name != "__pycache__" and not path.name.startswith("."):
                yield from _files(path)


def snapshot(root: Path, *names: str) -> dict[str, str]:
    """The digest of every file below ``root`` that ``names`` mean: files, folders with all in them, or patterns.

    >>> snapshot(Path(__file__).parent, "fresh.*").keys()
    dict_keys(['fresh.py'])
    """
    places = [place for name in names for place in root.glob(name)] if names else [root]
    found = {path for place in places for path in _files(place)}
    return {path.relative_to(root).as_posix(): digest(path) for path in sorted(found)}


def digest(path: Path) -> str:
    """The first half of the SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


class Record:
    """A file that remembers what a step read and what it wrote; an unreadable one remembers nothing."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.inputs, self.outputs = dict[str, str](), dict[str, str]()
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            self.inputs, self.outputs = dict(known["inputs"]), dict(known["outputs"])
        except (OSError, ValueError, KeyError, TypeError):
            pass

    def holds(self, inputs: dict[str, str], outputs: dict[str, str]) -> bool:
        """Whether the step has been done with these inputs, and its outputs are as it left them."""
        return bool(inputs) and (inputs, outputs) == (self.inputs, self.outputs)

    def write(self, *, inputs: dict[str, str], outputs: dict[str, str]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"inputs": inputs, "outputs": outputs}, indent=0, sort_keys=True)
        self.file.write_text(text, encoding="utf-8")


def remembered(read: Callable[[Path, str], Answer]) -> Callable[[Path, str], Answer]:
    """What ``read(path, text)`` made of each file of the course the last time, kept below ``_build``, by the content.

    A file is read again when its text, the function's module, Python or a pinned package is another.
    """
    made = f"{digest(Path(inspect.getfile(read)))} {digest(ROOT / 'requirements.txt')} {sys.version}"
    folder = ROOT / "_build" / "remembered" / f"{read.__module__}.{read.__name__}"

    @functools.lru_cache(maxsize=512)
    def answer(path: Path, text: str) -> Answer:
        if not path.is_relative_to(ROOT):
            return read(path, text)
        name = path.relative_to(ROOT).as_posix()
        file = folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        key = hashlib.sha256("\0".join((made, str(path), text)).encode()).digest()
        with suppress(OSError):
            kept = file.read_bytes()
            if kept.startswith(key):
                found: Answer = pickle.loads(kept[len(key) :])
                return found
        found = read(path, text)
        with suppress(OSError):  # nothing can be written here: it is read again next time
            folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(key + pickle.dumps(found))
            part.replace(file)
        return found

    return answer
