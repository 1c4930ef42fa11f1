"""Keep the Chinese edition in step with the English one: what differs, and which sections are behind.

Every heading of level 1 or 2 has a label. Below the Chinese heading stands a comment with the digest of the English
section it renders (``% en 5f2a90c1``); when the English prose changes, the digests differ and the section is behind.
A README has no labels, since other readers than Sphinx show it: its sections count, its digests stand in HTML comments.

    python -m tools.rules.editions      every difference and every section that is behind
    python -m tools.rules.editions --stamp zh/book/pooling.md
                                        show what changed in the English text, ask whether this page says it, and
                                        record it (--yes: somebody has looked)
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from tools import ROOT
from tools.rules import Problem, meaning, skeleton, terms
from tools.source.chapters import Chapter, Directive, Label, parse, parsed
from tools.source.settings import read_yaml
from tools.source.words import is_han

_STAMP = re.compile(r"^(?:% en ([0-9a-f]{8})|<!-- en ([0-9a-f]{8}) -->)\s*$")


class Section(NamedTuple):
    """A section's label, the line of its heading, its text without code, and the digest below its heading.

    What a cell's picture shows (its alt text) is text.
    """

    label: str
    line: int
    text: str
    stamp: str

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of the section, but not with its line breaks."""
        return hashlib.sha256(" ".join(self.text.split()).encode()).hexdigest()[:8]


def twins(root: Path) -> Iterator[tuple[Path, Path]]:
    """Every path with prose and its Chinese twin: the README, the book's pages, the exercises."""
    for source in [root / "README.md", *sorted(root.glob("book/*.md")), *sorted(root.glob("exercises/*.md"))]:
        if source.exists():
            yield source, root / "zh" / source.relative_to(root)


def sections(path: Path) -> list[Section]:
    """The labelled sections of level 1 and 2 of a page in their order, without the part above the first."""
    return sections_of(path.read_text(encoding="utf-8"), path)


def sections_of(source: str, path: Path) -> list[Section]:
    """The labelled sections of the text that ``path`` holds, or is about to hold."""
    page, lines = parsed(path, source), source.splitlines()
    heads = [heading for heading in page.headings if heading.level <= 2]
    own = {heading.label for heading in heads}
    hidden = {number for cell in page.cells for number in range(cell.line, cell.end + 1)}
    hidden |= {label.line for label in page.labels if label.name in own}
    found = []
    for count, (head, after) in enumerate(zip_longest(heads, heads[1:]), 1):
        label = head.label or (f"section-{count}" if path.name == "README.md" else "")
        numbers = range(head.line, after.line if after else len(lines) + 1)
        stamps = {number: stamp for number in numbers if (stamp := _STAMP.match(lines[number - 1]))}
        written = [lines[number - 1] for number in numbers if number not in hidden | stamps.keys()]
        text = "\n".join([*written, *(cell.alt for cell in page.cells if cell.line in numbers and cell.alt)])
        recorded = next((stamp[1] or stamp[2] for stamp in reversed(stamps.values())), "")
        if label:
            found.append(Section(label, head.line, text, recorded))
    return found


def behind(root: Path = ROOT, pairs: Iterable[tuple[Path, Path]] | None = None) -> list[Problem]:
    """Chinese sections that do not render the English text as it is now."""
    found = []
    for source, twin in twins(root) if pairs is None else pairs:
        if not (source.exists() and twin.exists()):
            continue
        english, page = source.relative_to(root), twin.relative_to(root)
        now = {section.label: section for section in sections(source)}
        owners = {section.digest: section.label for section in now.values()}
        command = f"then: python -m tools.rules.editions --stamp {page}"
        for label, line, _, digest in sections(twin):
            if label not in now:
                text = f"{english} has no section {label!r} any more; take it out"
            elif not digest:
                text = f"section {label!r} records no digest of its English text; check it, {command}"
            elif owners.get(digest, label) != label:
                text = f"section {label!r} records the digest of section {owners[digest]!r}; check it, {command}"
            elif digest != now[label].digest:
                text = f"section {label!r} is behind {english}:{now[label].line}; bring it up to date, {command}"
            else:
                continue
            found.append(Problem(page, line, text))
    return found


def missing(root: Path = ROOT) -> list[Problem]:
    """Pages in one language only."""
    pairs = [(a.relative_to(root), b.relative_to(root)) for a, b in twins(root)]
    known = {twin for _, twin in pairs}
    found = [Problem(a, 1, f"there is no {b}; write it") for a, b in pairs if not (root / b).exists()]
    for path in [*sorted((root / "zh/book").glob("*.md")), *sorted((root / "zh/exercises").glob("*.md"))]:
        page = path.relative_to(root)
        if page not in known:
            found.append(Problem(page, 1, f"there is no {page.relative_to('zh')}; write it or delete this page"))
    return found


def _tables(chapter: Chapter) -> list[tuple[int, int]]:
    """Rows and columns of each pipe table."""
    shapes: list[tuple[int, int]] = []
    previous = -2
    for number, text in chapter.prose:
        if text.startswith("|"):
            columns = len(re.findall(r"(?<!\\)\|", text)) - 1
            if number == previous + 1:
                shapes[-1] = (shapes[-1][0] + 1, columns)
            else:
                shapes.append((1, columns))
            previous = number
    return shapes


def _other_labels(chapter: Chapter) -> list[Label]:
    """The labels that are no heading's."""
    heads = {heading.label for heading in chapter.headings}
    return [label for label in chapter.labels if label.name not in heads]


def differences(source: Path, twin: Path, root: Path = ROOT) -> list[Problem]:
    """What differs: headings, labels, formulas, cells, figures, tables, alt texts, and what ``skeleton`` compares."""
    a, b = parse(source), parse(twin)
    english, page = source.relative_to(root), twin.relative_to(root)
    found: list[Problem] = []

    def compare(what: str, items: tuple[list[Any], ...], form: Callable[[Any], object]) -> None:
        """Name the first place where two lists differ."""
        ours, theirs = items
        for i, (one, two) in enumerate(zip_longest(ours, theirs)):
            one, two = (form(x) if x is not None else "nothing" for x in (one, two))
            if one != two:
                there = f"{english}:{_line(ours, i)}"
                text = f"{what} {i + 1} is {two!s:.80}, but {there} has {one!s:.80}; make both the same"
                found.append(Problem(page, _line(theirs, i), text))
                return

    names = tuple([d for d in c.directives if d.name != "code-cell"] for c in (a, b))
    compare("heading (level, label)", (a.headings, b.headings), lambda x: (x.level, x.label))
    compare("label", tuple(_other_labels(c) for c in (a, b)), lambda x: (x.name,))
    compare("formula (label, LaTeX)", (a.equations, b.equations), lambda x: (x.label, x.latex))
    compare("code cell (source, tags)", (a.cells, b.cells), lambda x: (x.source, x.tags))
    compare("directive (name, label)", names, lambda x: (x.name, x.options.get("name", ""), *_figure(x)))
    compare("table (rows, columns)", (_tables(a), _tables(b)), lambda x: x)
    for cell, other in zip(a.cells, b.cells, strict=False):
        if cell.source != other.source:
            break  # named above; what follows does not pair
        if bool(cell.alt) != bool(other.alt):
            found.append(Problem(page, other.line, "a picture has its alt text in one language only; write both"))
    for i, j in (
        () if found else meaning.crossed([(x.text, y.text) for x, y in zip(a.headings, b.headings, strict=True)])
    ):
        one, two = b.headings[i], b.headings[j]
        text = f"{one.text!r} and {two.text!r} (line {two.line}) have changed places; each renders the other's heading"
        found.append(Problem(page, one.line, text))
    return found or skeleton.problems(source, twin, root)  # sections pair where the headings do


def _line(items: list[Any], i: int) -> int:
    """The line of an item, or of the last one, or the first of the page."""
    return getattr(items[min(i, len(items) - 1)], "line", 1) if items else 1


def _figure(directive: Directive) -> tuple[str, ...]:
    """Which interactive figure a directive places, and in which state."""
    return (directive.argument, directive.options.get("settings", "")) if directive.name == "interactive" else ()


def stops(root: Path = ROOT) -> list[Problem]:
    """What a build must not go on with: pages or terms in one language only, digests of sections that are gone."""
    gone = [problem for problem in behind(root) if "has no section" in problem.text]
    return missing(root) + gone + lacking(root)


def lacking(root: Path = ROOT) -> list[Problem]:
    """Terms in one language only, or with each other's meaning, and captions of the contents that nobody translated."""
    file = root / "glossary.yml"
    wrong = terms.lacking(file) or terms.exchanged(file)
    return [replace(problem, file=file.relative_to(root)) for problem in wrong] + captions(root)


def captions(root: Path = ROOT) -> list[Problem]:
    """Captions of the contents without a Chinese one."""
    contents, settings = root / "_toc.yml", root / "zh" / "_config.yml"
    if not (contents.exists() and settings.exists()):
        return []
    english = [part["caption"] for part in read_yaml(contents)["parts"]]
    own = read_yaml(settings).get("captions") or {}
    page = settings.relative_to(root)
    lines = settings.read_text(encoding="utf-8").splitlines()
    found = [Problem(page, 1, f"captions has no {name!r} of _toc.yml; add it") for name in english if name not in own]
    for name, shown in own.items():
        line = next((i for i, row in enumerate(lines, 1) if row.strip().startswith(f"{name}:")), 1)
        if name not in english:
            found.append(Problem(page, line, f"_toc.yml has no caption {name!r} any more; take it out"))
        elif not is_han(str(shown)):
            found.append(Problem(page, line, f"the caption {name!r} is not translated ({shown!r}); translate it"))
    return found


def problems(root: Path = ROOT, pairs: Iterable[tuple[Path, Path]] | None = None) -> list[Problem]:
    """In what the editions of these pages are out of step, or those of all."""
    pairs = list(twins(root) if pairs is None else pairs)
    both = [(source, twin) for source, twin in pairs if source.exists() and twin.exists()]
    return behind(root, both) + [problem for pair in both for problem in differences(*pair, root)]


def all_problems(root: Path = ROOT) -> list[Problem]:
    """Everything in which the editions are out of step."""
    return missing(root) + lacking(root) + problems(root)


def changes(twin: Path, root: Path = ROOT) -> list[str]:
    """What the English text says otherwise than when the Chinese sections were last recorded, as a diff."""
    source = root / twin.resolve().relative_to(root.resolve() / "zh")
    behind = {s.label: s.stamp for s in sections(twin)}
    now = [section for section in sections(source) if behind.get(section.label, section.digest) != section.digest]
    past = _past(source, root) if now else {}
    lines: list[str] = []
    for section in now:
        before = past.get(behind[section.label])
        then = before.text.splitlines() if before else []
        names = (f"{section.label}, as recorded" if before else f"{section.label}: in no earlier commit", "now")
        lines += difflib.unified_diff(then, section.text.splitlines(), *names, n=0, lineterm="")
    return lines


def _past(source: Path, root: Path) -> dict[str, Section]:
    """The sections of an English page in its last hundred commits, by digest."""
    name = source.relative_to(root).as_posix()

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    found: dict[str, Section] = {}
    for commit in git("log", "-100", "--format=%H", "--", name).split():
        with suppress(ValueError):  # a page that could not be read then
            found = {s.digest: s for s in sections_of(git("show", f"{commit}:{name}"), source)} | found
    return found


def _agreed(page: Path) -> bool:
    """Whether the person at the terminal says that the page says it; nobody there has not said so."""
    return sys.stdin.isatty() and input(f"Does {page} say all of this? [y/N] ").strip().lower() in ("y", "yes")


def stamp(twin: Path, root: Path = ROOT) -> int:
    """Write the digests of the English sections as they are now into a Chinese page; how many changed."""
    source = root / twin.resolve().relative_to(root.resolve() / "zh")
    text, changed = stamped(twin.read_text(encoding="utf-8"), sections(source), twin)
    twin.write_text(text, encoding="utf-8")
    return changed


def stamped(source: str, english: list[Section], twin: Path) -> tuple[str, int]:
    """The text of a Chinese page with the digests of the English sections, and how many changed."""
    now = {section.label: section.digest for section in english}
    lines, changed = source.splitlines(), 0
    for section in reversed(sections_of(source, twin)):
        if section.label in now:
            at = section.line
            old = lines[at] if at < len(lines) else ""
            new = f"<!-- en {now[section.label]} -->" if twin.name == "README.md" else f"% en {now[section.label]}"
            lines[at : at + bool(_STAMP.match(old))] = [new]
            changed += new != old
    return "\n".join(lines) + "\n", changed


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the two editions of the book.")
    parser.add_argument("--stamp", nargs="+", type=Path, default=[], metavar="PAGE", help="Chinese pages to record")
    parser.add_argument("--yes", action="store_true", help="with --stamp: the pages say it already, do not ask")
    arguments = parser.parse_args()
    for page in arguments.stamp:
        if not arguments.yes and (told := changes(page.resolve())):
            print("\n".join(told))
            if not _agreed(page):
                sys.exit(f"{page}: nothing is recorded; where the page says all of this, add --yes.")
        print(f"{page}: {stamp(page.resolve())} sections recorded")
    if arguments.stamp:
        return
    found = all_problems()
    print("\n".join(map(str, found)) or "Both editions are in step: 0 sections behind, 0 differences.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
