"""Labels and what refers to them: sections, figures, pages and formulas; every labelled formula has a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools.rules import Problem, shown
from tools.source.chapters import Chapter
from tools.source.marks import marks

_FORMULA = re.compile(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*")
_ENTRY = re.compile(r"^@\w+\{([^,\s]+),", re.MULTILINE)
_LINKED = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")  # in this repository
Book = Mapping[str, Chapter]


def problems(book: Book) -> list[Problem]:
    """Labels used twice or badly named, and references to labels, pages and formulas that do not exist."""
    return targets(book) + equations(book)


def targets(book: Book) -> list[Problem]:
    """Labels used twice, and references to labels and pages that do not exist."""
    found = []
    known: dict[str, str] = {}
    for page in book.values():
        for label in page.labels:
            if label.name in known:
                text = f"the label {label.name} stands at {known[label.name]} already: rename it."
                found.append(Problem(page.path, label.line, text))
            known.setdefault(label.name, f"{shown(page.path)}:{label.line}")
        known |= {
            str(d.options["name"]): f"{shown(page.path)}:{d.line}" for d in page.directives if "name" in d.options
        }
    for page in book.values():
        for role in page.roles:
            target = role.aim
            lost = (role.name in {"ref", "numref"} and target not in known) or (
                role.name == "doc" and target not in book
            )
            if lost:
                text = f"{{{role.name}}}`{target}` leads nowhere: mend the name."
                found.append(Problem(page.path, role.line, text))
    return found


def sources(book: Book, bibliography: Path) -> list[Problem]:
    """Citations of what the bibliography does not have, and links to files that are not there."""
    known = set(_ENTRY.findall(bibliography.read_text(encoding="utf-8"))) if bibliography.exists() else set()
    found = []
    for page in book.values():
        for role in page.roles:
            if role.name.startswith("cite:"):
                found += [
                    Problem(page.path, role.line, f"{key} is not in {bibliography.name}: add it or mend the name.")
                    for key in map(str.strip, role.target.split(","))
                    if key not in known
                ]
        for line, text in page.prose:
            found += [
                Problem(page.path, line, f"the link to {target} leads nowhere: mend it.")
                for target in _LINKED.findall(re.sub(r"`[^`]*`", "", text))
                if not (page.path.parent / target.partition("#")[0]).exists()
            ]
    return found


def formulas(book: Book) -> dict[str, tuple[Path, int]]:
    """Each label of a display formula and where it stands; the last place where one is used twice."""
    return {
        formula.label: (page.path, formula.line)
        for page in book.values()
        for formula in page.equations
        if formula.label
    }


def equations(book: Book) -> list[Problem]:
    """Labels of formulas that are used twice, are badly named, or are referred to and do not exist."""
    found = []
    seen: dict[str, str] = {}
    known = formulas(book)
    for page in book.values():
        for formula in page.equations:
            if not formula.label:
                continue
            if formula.label in seen:
                text = f"the label {formula.label} stands at {seen[formula.label]} already: rename one."
                found.append(Problem(page.path, formula.line, text))
            if not _FORMULA.fullmatch(formula.label):
                text = f"{formula.label} is not of the form eq-name: rename it."
                found.append(Problem(page.path, formula.line, text))
            seen.setdefault(formula.label, f"{shown(page.path)}:{formula.line}")
        found += [
            Problem(page.path, role.line, f"{{eq}}`{role.target}` names no formula: label it or mend this.")
            for role in page.roles
            if role.name == "eq" and role.target not in known
        ]
    return found


def untested(book: Book, tests: Path) -> list[Problem]:
    """Formulas without a test, and marks without a formula."""
    known = formulas(book)
    marked = marks(tests, "equation")
    labels = {label for label, *_ in marked}
    return [
        Problem(*place, f'the formula {label} has no test: write one and mark it @equation("{label}").')
        for label, place in known.items()
        if label not in labels
    ] + [
        Problem(
            file, line, f"no formula of the book is labelled {label}: label it `$$ … $$ ({label})` or mend the mark."
        )
        for label, file, line in marked
        if label not in known
    ]


def named_in_source(book: Book, source: Path) -> list[Problem]:
    """Labels that a module's text names and the book does not have."""
    known = formulas(book)
    return [
        Problem(file, number, f"{label} is named here, but no formula has it: label the formula or mend this.")
        for file in sorted(source.rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for label in _FORMULA.findall(line)
        if label not in known
    ]
