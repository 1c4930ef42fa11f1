"""The form of a page: headings, directives and roles, closing sections, front matter, and its place in the contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.rules import Problem
from tools.source.chapters import Chapter
from tools.source.settings import read_yaml

FRONT_MATTER = {
    "jupytext": {"text_representation": {"extension": ".md", "format_name": "myst"}},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
_DIRECTIVES = {
    "admonition",
    "code-cell",
    "dropdown",
    "figure",
    "important",
    "interactive",
    "list-table",
    "note",
    "quiz",
    "tip",
    "warning",
}
_DIRECTIVES_OF = {
    "index": {"container"},
    "references": {"bibliography"},
    "glossary": {"course-glossary"},
    "status": {"course-status"},
    "api": {"course-api"},
}
_ROLES = {"eq", "ref", "doc", "numref", "cite:t", "cite:p", "term"}


def problems(page: Chapter) -> list[Problem]:
    """What is wrong with the form of a page of the book."""
    return headings(page) + syntax(page)


def headings(page: Chapter) -> list[Problem]:
    """One heading of level 1, which opens the page; no level skipped; a label on levels 1 and 2."""
    found = []
    tops = [heading.line for heading in page.headings if heading.level == 1]
    if len(tops) != 1 or page.headings[0].level != 1:
        found.append(Problem(page.path, 1, f"{len(tops)} headings of level 1: open the page with exactly one."))
    level = 0
    for heading in page.headings:

        def say(text: str, line: int = heading.line) -> None:
            found.append(Problem(page.path, line, text))

        if heading.level > level + 1:
            say(f"{heading.text!r} jumps from level {level} to {heading.level}: use level {level + 1}.")
        level = heading.level
        wanted = f"sec-{page.name}" + ("" if level == 1 else "-topic")
        stem = wanted.removesuffix("topic")
        if level <= 2 and not (heading.label or "").startswith(stem):
            say(f"{heading.text!r} has no label ({wanted})= above it: add one.")
        if level == 1 and heading.label and heading.label != wanted:
            say(f"the page's label is {heading.label}: name it {wanted}.")
    return found


def syntax(page: Chapter) -> list[Problem]:
    """Constructs that the converter to plain notebooks does not know, and a wrong front matter."""
    allowed = _DIRECTIVES | _DIRECTIVES_OF.get(page.name, set())
    found = [
        Problem(page.path, item.line, f"the {what} {{{item.name}}} is not one of {', '.join(sorted(known))}: "
                "use one of these.")
        for what, items, known in (("directive", page.directives, allowed), ("role", page.roles, _ROLES))
        for item in items
        if item.name not in known
    ]  # fmt: skip
    lines = page.path.read_text(encoding="utf-8").splitlines()
    found += [
        Problem(page.path, formula.line, f"the formula {formula.label} does not stand on lines of its own: "
                "put $$ alone on the line above it.")
        for formula in page.equations
        if formula.label and lines[formula.line - 1].strip() != "$$"
    ]  # fmt: skip
    if page.cells and page.front_matter != FRONT_MATTER:
        found.append(Problem(page.path, 1, "the front matter is not the one of every chapter: copy another chapter's."))
    return found


def closing(page: Chapter) -> list[Problem]:
    """What each chapter ends with; answers stand where there are exercises that practise them."""
    titles = [heading.text for heading in page.headings if heading.level == 2]
    asked = ["Questions and answers"] if (page.path.parent / f"exercises-{page.name}.md").exists() else []
    return [
        Problem(page.path, 1, f"the chapter has no section '## {wanted}': add it.")
        for wanted in ("Summary", *asked, "Further reading")
        if wanted not in titles
    ]


def chapters(toc: Path) -> list[str]:
    """The names of the numbered pages."""
    parts = [part for part in _read(toc)["parts"] if part.get("numbered")]
    return [Path(chapter["file"]).name for part in parts for chapter in part["chapters"]]


def contents(root: Path) -> list[Problem]:
    """Entries of the table of contents with no page, pages with no entry."""
    toc = root / "_toc.yml"
    tree = _read(toc)
    listed = [tree["root"], *(chapter["file"] for part in tree["parts"] for chapter in part["chapters"])]
    pages = [f"book/{path.stem}" for path in sorted((root / "book").glob("*.md"))]
    return (
        [Problem(toc, 1, f"{name} is listed, but {name}.md does not exist: write it or remove it.")
         for name in listed if name not in pages]
        + [Problem(root / f"{name}.md", 1, f"the page is not in {toc.name}: list it.")
           for name in pages if name not in listed]
        + [Problem(toc, 1, f"{name} is listed twice: remove one.")
           for name in sorted(set(listed)) if listed.count(name) > 1]
    )  # fmt: skip


def _read(toc: Path) -> dict[str, Any]:
    tree: dict[str, Any] = read_yaml(toc)
    return tree
