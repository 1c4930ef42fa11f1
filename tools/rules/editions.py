"""Keep the Chinese edition in step with the English one: what differs, and which sections are behind.

Every heading of level 1 or 2 has a label. Below the Chinese heading stands a comment with the digest of the English
section it renders (``% en 5f2a90c1``); when the English prose changes, the digests differ and the section is behind.
A README has no labels, since other readers than Sphinx show it: its sections count, its digests stand in HTML comments.

    python -m tools.rules.editions      every difference and every section that is behind
    python -m tools.rules.editions --stamp zh/book/pooling.md
                                        record that this page renders the English text as it is now
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from tools import ROOT
from tools.source.chapters import Chapter, Directive, parse

_STAMP = re.compile(r"^(?:% en ([0-9a-f]{8})|<!-- en ([0-9a-f]{8}) -->)\s*$")
_LABEL = re.compile(r"^\(([\w.-]+)\)=\s*$")
_HEADING = re.compile(r"^#{1,2} ")
_CELL = re.compile(r"^`{3,}\{code-cell\}")


class Section(NamedTuple):
    """A section's label, the line of its heading, and its text without code cells."""

    label: str
    line: int
    text: str

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
    """The labelled sections of a page in their order, without the part above the first."""
    return sections_of(path.read_text(encoding="utf-8"), path)


def sections_of(source: str, path: Path) -> list[Section]:
    """The labelled sections of the text that ``path`` holds, or is about to hold."""
    found: list[Section] = []
    label, line, body = "", 1, list[str]()
    pending, inside, count = "", False, 0
    for number, text in enumerate(source.splitlines(), 1):
        if inside:
            inside = text.strip() != "```"
            continue
        if _CELL.match(text):
            inside = True
        elif target := _LABEL.match(text):
            pending = target[1]
        elif _HEADING.match(text):
            if label or body:
                found.append(Section(label, line, "\n".join(body)))
            count += 1
            label, line, body, pending = pending or _numbered(path, count), number, [text], ""
        elif not _STAMP.match(text):
            body += [f"({pending})="] if pending else []
            pending = ""
            body.append(text)
    found.append(Section(label, line, "\n".join(body)))
    return [section for section in found if section.label]


def _numbered(path: Path, count: int) -> str:
    return f"section-{count}" if path.name == "README.md" else ""


def stamps(path: Path) -> dict[str, tuple[int, str]]:
    """The recorded digests of a Chinese page: label -> (line of the heading, digest or '')."""
    found: dict[str, tuple[int, str]] = {}
    pending = current = ""
    count = 0
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if target := _LABEL.match(text):
            pending = target[1]
        elif _HEADING.match(text):
            count += 1
            current, pending = pending or _numbered(path, count), ""
            if current:
                found[current] = (number, "")
        elif (stamp := _STAMP.match(text)) and current:
            found[current] = (found[current][0], stamp[1] or stamp[2])
    return found


def behind(root: Path = ROOT) -> list[str]:
    """Chinese sections that do not render the English text as it is now, as ``file:line: problem``."""
    problems = []
    for source, twin in twins(root):
        if not twin.exists():
            continue
        now = {section.label: section for section in sections(source)}
        for label, (line, digest) in stamps(twin).items():
            place = f"{twin.relative_to(root)}:{line}"
            command = f"then: python -m tools.rules.editions --stamp {twin.relative_to(root)}"
            if label not in now:
                problems.append(f"{place}: {source.relative_to(root)} has no section {label!r} any more; take it out")
            elif not digest:
                problems.append(
                    f"{place}: section {label!r} records no digest of its English text; check it, {command}"
                )
            elif digest != now[label].digest:
                english = f"{source.relative_to(root)}:{now[label].line}"
                problems.append(f"{place}: section {label!r} is behind {english}; bring it up to date, {command}")
    return problems


def missing(root: Path = ROOT) -> list[str]:
    """Pages in one language only."""
    pairs = list(twins(root))
    known = {twin for _, twin in pairs}
    problems = [
        f"{a.relative_to(root)}:1: there is no {b.relative_to(root)}; write it" for a, b in pairs if not b.exists()
    ]
    for path in [*sorted((root / "zh/book").glob("*.md")), *sorted((root / "zh/exercises").glob("*.md"))]:
        if path not in known:
            twin = path.relative_to(root / "zh")
            problems.append(f"{path.relative_to(root)}:1: there is no {twin}; write it or delete this page")
    return problems


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


def _citations(chapter: Chapter) -> Counter[str]:
    return Counter(key.strip() for r in chapter.roles if r.name.startswith("cite") for key in r.target.split(","))


def differences(source: Path, twin: Path) -> list[str]:
    """What differs: headings, labels, formulas, cells, figures, tables, citations, alt texts."""
    a, b = parse(source), parse(twin)
    problems: list[str] = []

    def compare(what: str, ours: list[object], theirs: list[object], lines: list[int], other: list[int]) -> None:
        """Name the first place where two lists differ."""
        for i in range(max(len(ours), len(theirs))):
            one = ours[i] if i < len(ours) else "nothing"
            two = theirs[i] if i < len(theirs) else "nothing"
            if one != two:
                here = f"{twin}:{other[i] if i < len(other) else (other[-1] if other else 1)}"
                there = f"{source}:{lines[i] if i < len(lines) else (lines[-1] if lines else 1)}"
                problems.append(
                    f"{here}: {what} {i + 1} is {two!s:.80}, but {there} has {one!s:.80}; make both the same"
                )
                return

    def column(items: list[object], key: str) -> list[object]:
        return [getattr(item, key) for item in items]

    def of(name: str, *keys: str) -> tuple[list[object], list[object], list[int], list[int]]:
        first, second = list(getattr(a, name)), list(getattr(b, name))
        rows = [[tuple(getattr(x, k) for k in keys) for x in items] for items in (first, second)]
        return rows[0], rows[1], [x.line for x in first], [x.line for x in second]  # type: ignore[return-value]

    compare("heading (level, label)", *of("headings", "level", "label"))
    compare("label", *of("labels", "name"))
    compare("formula (label, LaTeX)", *of("equations", "label", "latex"))
    compare("code cell (source, tags)", *of("cells", "source", "tags"))
    names = [[d for d in c.directives if d.name != "code-cell"] for c in (a, b)]
    rows = [[(d.name, d.options.get("name", ""), *_figure(d)) for d in items] for items in names]
    compare("directive (name, label)", rows[0], rows[1], *([d.line for d in items] for items in names))  # type: ignore[arg-type]
    compare("table (rows, columns)", _tables(a), _tables(b), [1], [1])  # type: ignore[arg-type]
    if a.path.parent.name == "book" and _citations(a) != _citations(b):
        only = ", ".join(sorted((_citations(a) - _citations(b)) + (_citations(b) - _citations(a))))
        problems.append(f"{twin}:1: the citations differ from {source}: {only}; cite the same works")
    for cell, other in zip(a.cells, b.cells, strict=False):
        alt, twin_alt = _alt(cell.options), _alt(other.options)
        if bool(alt) != bool(twin_alt):
            problems.append(f"{twin}:{other.line}: a picture has its alt text in one language only; write both")
        elif alt and alt == twin_alt:
            problems.append(f"{twin}:{other.line}: the alt text of a picture is not translated")
    for figure, translated in zip(*names, strict=False):
        if figure.options.get("alt") and figure.options["alt"] == translated.options.get("alt"):
            problems.append(f"{twin}:{translated.line}: the alt text of a figure is not translated")
    return problems


def _figure(directive: Directive) -> tuple[str, ...]:
    """Which interactive figure a directive places, and in which state."""
    return (directive.argument, directive.options.get("settings", "")) if directive.name == "interactive" else ()


def _alt(options: dict[str, object]) -> str:
    mystnb = options.get("mystnb")
    image = mystnb.get("image") if isinstance(mystnb, dict) else None
    return str(image.get("alt", "")) if isinstance(image, dict) else ""


def glossary_problems(root: Path = ROOT) -> list[str]:
    """Terms without a twin: an English or Chinese name or meaning that is missing. Or what stops YAML from reading."""
    path = root / "glossary.yml"
    text = path.read_text(encoding="utf-8")
    try:
        terms = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        mend = "a text with a colon, a dash or a number sign in it needs quotation marks"
        return [f"{path.relative_to(root)}:{line}: {error.problem}; {mend}"]
    problems = []
    for number, term in enumerate(terms, 1):
        name = term.get("en") or term.get("zh") or f"number {number}"
        line = next((i for i, row in enumerate(text.splitlines(), 1) if str(name) in row), 1)
        gone = [key for key in ("en", "zh", "meaning_en", "meaning_zh") if not term.get(key)]
        if gone:
            problems.append(f"{path.relative_to(root)}:{line}: the term {name!r} lacks {', '.join(gone)}; add it")
    return problems


def stops(root: Path = ROOT) -> list[str]:
    """What a build must not go on with: pages or terms in one language only, digests of sections that are gone."""
    gone = [problem for problem in behind(root) if "has no section" in problem]
    return missing(root) + gone + glossary_problems(root)


def all_problems(root: Path = ROOT) -> list[str]:
    """Everything in which the editions are out of step."""
    found = missing(root) + behind(root) + glossary_problems(root)
    for source, twin in twins(root):
        if twin.exists():
            found += [p.replace(f"{root}/", "") for p in differences(source, twin)]
    return found


def stamp(twin: Path, root: Path = ROOT) -> int:
    """Write the digests of the English sections as they are now into a Chinese page; how many changed."""
    source = root / twin.resolve().relative_to(root.resolve() / "zh")
    text, changed = stamped(twin.read_text(encoding="utf-8"), sections(source), twin)
    twin.write_text(text, encoding="utf-8")
    return changed


def stamped(source: str, english: list[Section], twin: Path) -> tuple[str, int]:
    """The text of a Chinese page with the digests of the English sections, and how many changed."""
    now = {section.label: section.digest for section in english}
    lines, out = source.splitlines(), list[str]()
    pending, changed, skip, count = "", 0, False, 0
    for i, text in enumerate(lines):
        if skip:
            skip = False
            continue
        out.append(text)
        if target := _LABEL.match(text):
            pending = target[1]
        elif _HEADING.match(text):
            count += 1
            pending = pending or _numbered(twin, count)
            if pending in now:
                old = lines[i + 1] if i + 1 < len(lines) else ""
                skip = bool(_STAMP.match(old))
                out.append(f"<!-- en {now[pending]} -->" if twin.name == "README.md" else f"% en {now[pending]}")
                changed += out[-1] != old
            pending = ""
    return "\n".join(out) + "\n", changed


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the two editions of the book.")
    parser.add_argument("--stamp", nargs="+", type=Path, default=[], metavar="PAGE", help="Chinese pages to record")
    arguments = parser.parse_args()
    for page in arguments.stamp:
        print(f"{page}: {stamp(page.resolve())} sections recorded")
    if arguments.stamp:
        return
    problems = all_problems()
    print("\n".join(problems) if problems else "Both editions are in step: 0 sections behind, 0 differences.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
