"""Words: each sentence that the code says stands in the file of every language, and nothing else stands there.

python -m tools.rules.words          what is missing, left over, or filled in with other names
python -m tools.rules.words --fix    add what is missing, to be translated, take out what is left over, and sort
"""

from __future__ import annotations

import ast
import json
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT
from tools.rules import Problem

PACKAGES = ("src/coursecode", "src/coursegrade", "tools")
# What says its first text, or the second after a language or a place, in the language of who reads.
SPEAKERS = {
    "text",
    "say",
    "said",
    "tell",
    "later",
    "Problem",
    "ContainmentError",
    "Unreadable",
    "Conflict",
    "_own",
    "wrong",
}
_SCRIPT = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')
_TEMPLATE = re.compile(r"""\bsay(?:_there)?\((["'])(.*?)\1\)""")
_HAN = re.compile("[\u4e00-\u9fff]")
CHINESE = {f"tools/rules/{name}.py" for name in ("chinese", "manner", "meaning", "skeleton")}  # what reads Chinese text


def code(package: Path) -> list[Path]:
    """The Python, scripts and templates of a package."""
    return sorted(path for path in package.rglob("*") if path.suffix in (".py", ".js", ".html"))


def sentences(package: Path) -> dict[str, tuple[Path, int]]:
    """What a package says, in English, and where first: Python, scripts and templates."""
    found: dict[str, tuple[Path, int]] = {}
    for path in code(package):
        if path.parent.name != "figures":  # each figure has its texts by keys
            for line, sentence in _of(path):
                found.setdefault(sentence, (path, line))
    return found


def _of(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in SPEAKERS:
                texts = [a.value for a in call.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from ((call.lineno, one) for one in texts[:1] if one)
        return
    for match in (_SCRIPT if path.suffix == ".js" else _TEMPLATE).finditer(source):
        yield source.count("\n", 0, match.start()) + 1, match[1] if path.suffix == ".js" else match[2]


def problems(root: Path = ROOT) -> list[Problem]:
    """What is wrong with the files of words, and sentences of two languages inside code."""
    found = []
    for package in PACKAGES:
        said = sentences(root / package)
        for path in sorted((root / package / "words").glob("*.json")):
            found += [Problem(path, line, text) for line, text in _wrong(path, said, root)]
        for path in code(root / package):
            if path.relative_to(root).as_posix() not in CHINESE:
                for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                    if _HAN.search(line):
                        found.append(Problem(path, number, f"Chinese inside code: move it to {package}/words/zh.json."))
    return found


def _wrong(path: Path, said: dict[str, tuple[Path, int]], root: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    pairs: list[tuple[str, str]] = json.loads(text, object_pairs_hook=list)
    line = {sentence: number for number, (sentence, _) in enumerate(pairs, start=2)}
    words = dict(pairs)
    for sentence, (where, at) in said.items():
        if sentence not in words:
            yield 1, f"{sentence!r} ({where.relative_to(root)}:{at}) is missing: add it (--fix does)."
    for sentence, translated in words.items():
        if sentence not in said:
            yield line[sentence], f"nothing says {sentence!r}: take it out (--fix does)."
        elif not translated and "||" not in sentence:
            yield line[sentence], f"{sentence!r} is not translated."
        elif names(sentence) != names(translated):
            yield line[sentence], f"{translated!r} fills in other names than {sentence!r}: use the same."
    if text != written(words):
        yield 1, "a sentence stands twice, or they are not sorted: --fix mends it."


def names(sentence: str) -> set[str]:
    """The names that are filled in.

    >>> sorted(names("{n:,} of {all!r}"))
    ['all', 'n']
    """
    try:
        return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
    except ValueError:  # a sentence with braces of its own, which fills in nothing
        return set()


def written(words: dict[str, str]) -> str:
    """A file of words: sorted, one a line."""
    return json.dumps(dict(sorted(words.items())), ensure_ascii=False, indent=0) + "\n"


def fix(root: Path = ROOT) -> None:
    for package in PACKAGES:
        said = sentences(root / package)
        for path in (root / package / "words").glob("*.json"):
            words = json.loads(path.read_text(encoding="utf-8"))
            path.write_text(written({sentence: words.get(sentence, "") for sentence in said}), encoding="utf-8")


def main() -> None:
    if sys.argv[1:] == ["--fix"]:
        fix()
    found = problems()
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
