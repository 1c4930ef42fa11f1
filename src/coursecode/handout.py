"""Shared by all chapters: hand notebooks out, again and again, into a folder where people work, and lose none of it.

A class's hub calls it at each start of a learner's server, ``make lab`` in a clone:

    python -m coursecode.handout /srv/course/book ~/course/book

What nobody changed since it was handed out is brought up to date. What somebody changed stays, and the newer version is
put beside it as ``NAME (new).ipynb``, then ``NAME (new 2).ipynb``. Nothing is ever deleted.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from coursecode._words import LANGUAGES, later, text

__all__ = ["RECORD", "Handed", "hand_out"]

RECORD = ".handed-out.json"  # in the target: for each file the digest of what was put there last
_IGNORED = (".ipynb_checkpoints", "__pycache__")


class Handed(NamedTuple):
    """What happened to one file; ``path`` and ``put`` are relative to the target."""

    path: str
    what: Literal["new", "same", "updated", "kept", "beside"]
    put: str  # where the handed-out text lies now; the person's own file where it was kept

    def sentence(self, language: str = "en") -> str:
        """One sentence for the person whose folder it is."""
        return text(_SENTENCES[self.what], path=self.path, put=self.put)[language]


_SENTENCES = {
    "new": later("{path} is new."),
    "same": later("{path} is as it was."),
    "updated": later("{path} was brought up to date; you had not changed it."),
    "kept": later("{path} is yours and stays as it is."),
    "beside": later("{path} is yours and stays as it is; the newer version lies beside it: {put}"),
}


def hand_out(source: Path, target: Path, *, files: Iterable[str] | None = None) -> list[Handed]:
    """Bring ``files`` (default: all) of ``source`` into ``target``; what happened to each, in their order.

    Each file is written beside its place and then renamed to it, so that an interruption leaves it whole, old or new.
    Raises ``FileNotFoundError`` when there is no ``source``, ``NotADirectoryError`` when a file lies where a folder of
    ``target`` must be.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"hand_out: there is no folder {source}; name the one that holds the notebooks.")
    record = _read(target / RECORD)
    before = dict(record)
    handed = []
    try:
        for name in sorted(_all(source)) if files is None else files:
            handed.append(_one(source / name, target, Path(name).as_posix(), record))
    finally:
        if record != before:
            text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
            _write(target / RECORD, text.encode("utf-8"))
    return handed


def _all(source: Path) -> Iterator[str]:
    for path in source.rglob("*"):
        inside = path.relative_to(source)
        if path.is_file() and not any(part in _IGNORED for part in inside.parts):
            yield inside.as_posix()


def _one(source: Path, target: Path, name: str, record: dict[str, str]) -> Handed:
    content = source.read_bytes()
    digest = _digest(content)
    on_disk = _on_disk(target / name)
    if on_disk in ("", digest, record.get(name)):
        record[name] = digest
        if on_disk == digest:
            return Handed(name, "same", name)
        _write(target / name, content)
        return Handed(name, "updated" if on_disk else "new", name)
    if record.get(name) == digest:
        return Handed(name, "kept", name)
    for place in _beside(name):
        # a copy that was given once and taken away is not given again
        if record.get(place) == digest or _on_disk(target / place) == digest:
            record[place] = digest
            return Handed(name, "kept", name)
        if _on_disk(target / place) in ("", record.get(place)):
            _write(target / place, content)
            record[place] = digest
            return Handed(name, "beside", place)
    raise AssertionError("there is always one more name")


def _beside(name: str) -> Iterator[str]:
    path = Path(name)
    for number in itertools.count(1):
        mark = "new" if number == 1 else f"new {number}"
        yield path.with_name(f"{path.stem} ({mark}){path.suffix}").as_posix()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _on_disk(path: Path) -> str:
    """The digest of a file, nothing where there is none, and a word that is no digest for what is no plain file."""
    if not os.path.lexists(path):
        return ""
    return _digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else "no plain file"


def _read(record: Path) -> dict[str, str]:
    """The record; without a readable one every file that differs counts as changed by its owner."""
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(
            f"hand_out: {error.filename} is a file, but a folder of this name is needed; rename the file."
        ) from None
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """The command: what changed, one sentence each; the exit status."""
    parser = argparse.ArgumentParser(
        prog="coursecode.handout", description="Hand notebooks out and keep what is yours."
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    given = parser.parse_args(arguments)
    try:
        handed = hand_out(given.source, given.target)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    for one in handed:
        if one.what not in ("same", "kept"):
            print(one.sentence(given.language))
    return 0


if __name__ == "__main__":
    sys.exit(main())
