"""Make the exercise pages of the book from the masters in ``exercises/``: stubs, hints, all tests, folded solutions.

    python -m tools.source.exercises               make book/exercises-NAME.md and its Chinese twin where they are stale
    python -m tools.source.exercises --lint [NAME] check form and behaviour of the masters (runs their code)
    python -m tools.source.exercises --sync [NAME]  copy code cells and quiz checks of the English master into its twin

The pages of chapters that ``exercises/settings.yml`` calls graded hold neither hidden tests nor solutions, and say so.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from coursegrade.masters import lint, master, release
from coursegrade.masters.master import Master, MasterError, Section
from tools import ROOT
from tools.notebooks.kept import BLANK, as_made, signed, write
from tools.rules.editions import sections_of, stamp, stamped
from tools.source.chapters import parse
from tools.source.settings import read_yaml
from tools.source.words import text

_FRONT = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
_SOLUTION = text("Worked solution: open it after an attempt")
_MODEL = text("Model answer and rubric: open them after an attempt")
_PARTS = text("Why"), text("Rubric")
_WORDS = text(
    "Answer in the cells below, or in this page's notebook.\n"
    "Then run the two cells after your answer: the first shows what is asked, the second, folded, tries other cases.\n"
    "They need no network; where an answer is wrong, they show the call, what came out, and what is right.\n"
    "○ means that there is no answer yet.\n"
    "Each exercise ends with a folded solution."
)
_GRADED = text(
    "Answer in the cells below, or in this page's notebook.\n"
    "Then run the cell after your answer: it checks part of it at once, without a network.\n"
    "○ means that there is no answer yet.\n"
    "These exercises are graded: the other checks run when your work is handed in, and this book holds no solutions."
)
_WRITTEN = text("*Write your answer here, before you go on.*")
_BY_READER = text("Its points are given by a reader, with a rubric.")
_CHECK = re.compile(r"^:(check|kind): .*$", re.MULTILINE)


def graded(root: Path = ROOT) -> set[str]:
    """The chapters whose exercises are graded here: the book shows neither their hidden tests nor their solutions."""
    path = root / "exercises" / "settings.yml"
    if not path.exists():
        return set()
    settings = read_yaml(path) or {}
    known = release.available(root / "exercises")
    if strange := sorted(set(settings) - {"graded"}):
        raise MasterError(f"{path}:1: nobody reads {strange[0]}; the one setting is graded")
    wanted = settings.get("graded", [])
    if wanted == "all":
        return set(known)
    if not isinstance(wanted, list) or (strange := sorted(set(map(str, wanted)) - set(known))):
        given = strange[0] if isinstance(wanted, list) else wanted
        raise MasterError(f"{path}:1: graded names {given!r}; write all, or a list of: {', '.join(known) or 'none'}")
    return set(map(str, wanted))


def page(one: Master, language: str, *, graded: bool = False) -> str:
    """The source of the book's page: all that a learner alone needs or, where it is graded, what a class may see."""
    out = [_FRONT, f"(sec-exercises-{one.name})=", f"# {one.title}", ""]
    source = f"{'' if language == 'en' else f'{language}/'}exercises/{one.name}.md"
    out.insert(1, f"% Made from {source} by python -m tools.source.exercises; edit that file. written: {BLANK}")
    words = (_GRADED if graded else _WORDS)[language]
    for block in one.opening:
        out += [block.source, ""] if not block.role else [words, "", *_cell(block.source)]
    for section in one.sections:
        out += [f"({_label(section.label)})=", f"## {section.title}", ""]
        if section.is_question:
            out += [release.subtitle(section, language), ""]
        out += _section(section, language)
        if section.is_question and not graded:
            out += _for_the_learner(section, language)
    return _relabelled("\n".join(out)).rstrip() + "\n"


def _section(section: Section, language: str) -> list[str]:
    """What everybody may see: the text, the stub, the visible tests."""
    out: list[str] = []
    for block in section.blocks:
        if not block.role:
            out += [_CHECK_ONLY.sub("", block.source), ""]
        elif block.role == "answer" and block.kind == "code":
            out += _cell(master.released(block.source))
        elif block.role == "answer":
            out += [_BY_READER[language], "", "+++", "", _WRITTEN[language], ""]
        elif block.role == "test" and not block.hidden:
            out += _cell(block.source)
    return out


_CHECK_ONLY = re.compile(r"^:check: .*\n", re.MULTILINE)


def _for_the_learner(section: Section, language: str) -> list[str]:
    """The other tests, folded, and the solution, folded: of a written answer the model answer and the rubric."""
    why = "\n\n".join(block.source for block in section.of("solution"))
    if section.written:
        best = next(block.source for block in section.of("sample") if block.score == section.points)
        reasons, rubric = (part[language] for part in _PARTS)
        scale = "\n\n".join(block.source for block in section.of("rubric"))
        body = [best, "", f"**{reasons}**", "", why, "", f"**{rubric}**", "", scale]
        return ["+++", "", f"::::{{dropdown}} {_MODEL[language]}", *body, "::::", ""]
    tests = "\n\n\n".join(block.source for block in section.of("test") if block.hidden)
    code = []
    for answer in section.of("answer"):
        source = re.sub(r"^\w+ = \.\.\.\n", "", master.reference(answer.source), flags=re.MULTILINE)
        code += ["", "```python", source.strip("\n"), "```"]
    return [*_cell(tests, tags="hide-input"), f"::::{{dropdown}} {_SOLUTION[language]}", why, *code, "::::", ""]


def _cell(source: str, *, tags: str = "") -> list[str]:
    return ["```{code-cell} ipython3", *([f":tags: [{tags}]"] if tags else []), source, "```", ""]


def _label(label: str) -> str:
    return re.sub(r"^ex-", "sec-exercises-", label)


def _relabelled(text: str) -> str:
    return re.sub(r"(\{(?:ref|numref)\}`[^`]*?)\bex-", r"\1sec-exercises-", text)


def make(root: Path = ROOT, *, check: bool = False) -> list[str]:
    """Write what is stale; the paths, relative to ``root``, that were (or, with ``check``, would be) written."""
    changed = []
    closed = graded(root)
    for name in release.available(root / "exercises"):
        task = release.assignment(name, root / "exercises")
        if problems := lint.form_problems(task):
            raise MasterError("\n".join(problems))
        english = page(task.masters["en"], "en", graded=name in closed)
        chinese = page(task.masters["zh"], "zh", graded=name in closed)
        file = Path("book") / f"exercises-{name}.md"
        twin = Path("zh") / file
        chinese, _ = stamped(chinese, sections_of(english, file), twin)
        for target, content in ((root / file, signed(english)), (root / twin, signed(chinese))):
            if as_made(target) and target.read_text(encoding="utf-8") == content:
                continue
            changed.append(str(target.relative_to(root)))
            if not check:
                write(target, content, root)
    return changed


def sync(name: str, root: Path = ROOT) -> None:
    """Copy the code cells and the quiz options ``check`` and ``kind`` of the English master into its Chinese twin."""
    source, twin = root / "exercises" / f"{name}.md", root / "zh" / "exercises" / f"{name}.md"
    text, other = source.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8")
    cells, places = parse(source).cells, parse(twin).cells
    if len(cells) != len(places):
        raise MasterError(f"{twin}:1: {len(places)} code cells, but {source} has {len(cells)}; put in empty ones")
    lines, own = other.split("\n"), text.split("\n")
    for cell, place in reversed(list(zip(cells, places, strict=True))):
        lines[place.line - 1 : place.end] = own[cell.line - 1 : cell.end]
    other = "\n".join(lines)
    checks = [match[0] for match in _CHECK.finditer(text)]
    if len(checks) == len(_CHECK.findall(other)):
        parts = iter(checks)
        other = _CHECK.sub(lambda _: next(parts), other)
    twin.write_text(other, encoding="utf-8")
    stamp(twin, root)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="masters (default: all)")
    parser.add_argument("--lint", action="store_true", help="check the masters")
    parser.add_argument("--sync", action="store_true", help="copy code into the Chinese masters")
    arguments = parser.parse_args()
    names = arguments.names or release.available(ROOT / "exercises")
    try:
        if arguments.sync:
            for name in names:
                sync(name)
            return
        if arguments.lint:
            found = lint.problems(ROOT / "exercises", names)
            print("\n".join(found).replace(f"{ROOT}/", "") or f"{len(names)} masters: nothing to mend.")
            sys.exit(bool(found))
        for path in make():
            print(f"wrote {path}")
    except MasterError as error:
        sys.exit(str(error).replace(f"{ROOT}/", ""))


if __name__ == "__main__":
    main()
