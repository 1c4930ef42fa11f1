"""Text for consoles that cannot write all of it: a sign becomes a plain one, and a line is never lost to a traceback.

A German Windows console has no tick, an old Chinese one neither; ``LC_ALL=C`` has ASCII alone.
"""

from __future__ import annotations

import codecs
import io
import sys

_PLAIN = {
    "✓": "ok", "✗": "wrong", "○": "open", "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->",
    "≤": "<=", "≥": ">=", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    if "\udc80" <= letter <= "\udcff":  # a byte of a path, as the system gave it
        return bytes([ord(letter) - 0xDC00]), error.start + 1
    return _PLAIN.get(letter, "?"), error.start + 1


codecs.register_error("coursecode.plain", _plain)


def forgive() -> None:
    """For a command's start: what it prints becomes plainer where the console cannot write it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="coursecode.plain")


def say(text: object) -> None:
    """Print one line in what the console can write; for functions, which leave ``sys.stdout`` as it is."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(str(text).encode(encoding, "coursecode.plain").decode(encoding, "replace"))
