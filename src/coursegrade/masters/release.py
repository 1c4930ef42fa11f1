"""From masters to what students get: plain notebooks in both languages, and the bundle that grades them.

The notebooks hold stubs, visible tests and nbgrader's metadata. Solutions, hidden tests, wrong answers and rubrics
stay behind: hidden tests and rubrics in ``bundle.json``, which never leaves the instructor's side.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from coursecode import _install
from coursegrade.contract import Bundle, Cell, Question, Test, Text, every, text
from coursegrade.files import read_json, write_atomic, zip_of
from coursegrade.masters import master
from coursegrade.masters.master import Block, Master, MasterError, Section
from coursegrade.settings import Settings

EDITIONS = ("en", "zh")  # in which the masters are written
HIDDEN = "# " + every(text("Hidden tests run here when your work is graded."))
_LEVELS = dict(zip(master.LEVELS, (text("Warm-up"), text("Core"), text("Hard")), strict=True))
_HOW = text(
    "Write your answers where a cell says `raise NotImplementedError` or `...`, then run the cell below "
    "it: it checks part of your answer at once. The other checks run when your work is graded. Keep "
    "every cell."
)
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_DROPDOWN = re.compile(r"^(:{3,})\{dropdown\} (.+?)\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
_DOC = re.compile(r"\{doc\}`(?:([^`<>]+?)\s*<([\w-]+)>|([\w-]+))`")
_SYNTAX = re.compile(r"^:{3,}|^`{3,}\{|\{[a-z:]+\}`", re.MULTILINE)


class NotThere(MasterError):
    """What an instructor named is not there; ``text`` says so in every language."""

    def __init__(self, words: Text) -> None:
        self.text = words
        super().__init__(words["en"])


class Assignment:
    """A chapter's exercises in both languages, with an overlay's questions added or put in place."""

    def __init__(self, en: Master, zh: Master) -> None:
        self.masters = {"en": en, "zh": zh}
        self.name = en.name
        if problems := differences(en, zh):
            raise MasterError("\n".join(problems))

    @property
    def en(self) -> Master:
        return self.masters["en"]

    def pairs(self) -> Iterable[tuple[Section, Section]]:
        """The questions, English and Chinese."""
        return zip(self.en.questions, self.masters["zh"].questions, strict=True)


def differences(en: Master, zh: Master) -> list[str]:
    """Where the two masters of a chapter are out of step, as ``file:line: problem``."""
    problems: list[str] = []
    if [s.label for s in en.sections] != [s.label for s in zh.sections]:
        pairs = zip([*en.sections, None], [*zh.sections, None], strict=False)
        first = next(
            (pair for pair in pairs if getattr(pair[0], "label", 0) != getattr(pair[1], "label", 0)), (None,) * 2
        )
        labels = [getattr(section, "label", "nothing") for section in first]
        line = getattr(first[1], "line", 1)
        return [f"{zh.path}:{line}: here is {labels[1]}, but {en.path} has {labels[0]}; both need the same questions"]
    paths = [(en.path, zh.path), *((a.path, b.path) for a, b in zip(en.sections, zh.sections, strict=True))]
    parts = [("", en.opening, zh.opening)]
    parts += [(a.label, a.blocks, b.blocks) for a, b in zip(en.sections, zh.sections, strict=True)]
    for a, b in zip(en.sections, zh.sections, strict=True):
        if a.level != b.level:
            problems.append(f"{b.path}:{b.line}: the level is {b.level!r}, but {a.path}:{a.line} has {a.level!r}")
    for (label, ours, theirs), (here, there) in zip(parts, paths, strict=True):
        form = [[(x.kind, x.role, x.id, x.points, x.score, x.hidden) for x in blocks] for blocks in (ours, theirs)]
        if form[0] != form[1]:
            at = next((i for i, (x, y) in enumerate(zip(*form, strict=False)) if x != y), min(map(len, form)) - 1)
            line = theirs[at].line if 0 <= at < len(theirs) else 1
            where = f"{here}:{ours[at].line}" if 0 <= at < len(ours) else str(here)
            problems.append(f"{there}:{line}: the cells of {label or 'the opening'} are not those of {where}")
            continue
        for x, y in zip(ours, theirs, strict=True):
            if x.kind == "code" and x.source != y.source:
                problems.append(f"{there}:{y.line}: the code differs from {here}:{x.line}; make both the same")
    return problems


def available(exercises: Path) -> list[str]:
    """The names of the masters in a folder."""
    return sorted(path.stem for path in exercises.glob("*.md"))


def assignment(name: str, exercises: Path, *, overlay: Path | None = None) -> Assignment:
    """The exercises ``name`` from ``exercises/NAME.md`` and ``zh/exercises/NAME.md`` beside it.

    ``overlay`` is a private folder with ``NAME.md``, ``zh/NAME.md`` or both: a section with the label of a published
    one takes its place, any other is added at the end. A question that stands in one of the two files only is asked as
    it is in both languages. An overlay may also hold assignments of its own.
    """
    public = {"en": exercises / f"{name}.md", "zh": exercises.parent / "zh" / "exercises" / f"{name}.md"}
    private = {"en": overlay / f"{name}.md", "zh": overlay / "zh" / f"{name}.md"} if overlay else {}
    own = {language: _own(path) for language, path in private.items() if path.exists()}
    if not public["en"].exists() and not own:
        known = ", ".join(sorted({*available(exercises), *(available(overlay) if overlay else [])})) or "none"
        looked = ", ".join(str(folder.resolve()) for folder in (exercises, overlay) if folder)
        raise NotThere(
            text(
                "There are no exercises {name!r} in {looked}; there are: {known}. The exercises lie in a clone of the "
                "course: give its folder with --exercises, or as exercises in grading.toml.",
                name=name,
                looked=looked,
                known=known,
            )
        )
    if not public["en"].exists():
        only = next(iter(own.values()))
        masters = {language: _overlaid(own.get(language, only), own) for language in EDITIONS}
    else:
        masters = {language: _overlaid(master.read(path), own, language) for language, path in public.items()}
    return Assignment(masters["en"], masters["zh"])


def _own(path: Path) -> Master:
    found = master.read(path)
    for section in found.sections:
        section.own = True
    return found


def _overlaid(base: Master, own: dict[str, Master], language: str = "") -> Master:
    """The master with the overlay's questions, those of ``language`` where it has them."""
    first = [own[language]] if language in own else [base] if base in own.values() else []
    others = [*first, *(one for one in own.values() if one not in first)]
    sections: dict[str, Section] = {}
    for one in reversed(others):
        sections |= {section.label: section for section in one.sections}
    order = [s.label for one in own.values() for s in one.sections]
    left = {label: sections[label] for label in dict.fromkeys(order)}
    if base in own.values():
        return Master(base.path, base.title, base.label, base.opening, list(left.values()))
    kept = [left.pop(section.label, section) for section in base.sections]
    setup = [block for one in others[:1] for block in one.opening if block.role == "setup"]
    return Master(base.path, base.title, base.label, [*base.opening, *setup], [*kept, *left.values()])


def chosen(task: Assignment, questions: Sequence[str] = (), points: Mapping[str, float] | None = None) -> Assignment:
    """The assignment with these questions only (all if none is named), worth these points.

    The points of a question are shared by its tests as its author shared them. Sections without a question stay.

    Raises ``MasterError`` for a question that is not there.
    """
    points = points or {}
    there = [section.id for section in task.en.questions]
    if unknown := sorted({*questions, *points} - set(there)):
        raise NotThere(
            text(
                "{assignment} has no question {question!r}; there are: {there}.",
                assignment=task.name,
                question=unknown[0],
                there=", ".join(there),
            )
        )
    wanted = set(questions or there)
    if left := sorted(set(points) - wanted):
        raise NotThere(
            text(
                "{question} has points, but is not among the questions of {assignment}; add it, or leave both.",
                question=left[0],
                assignment=task.name,
            )
        )
    masters = {
        language: replace(
            one,
            sections=[_worth(s, points) for s in one.sections if not s.is_question or s.id in wanted],
        )
        for language, one in task.masters.items()
    }
    return Assignment(masters["en"], masters["zh"])


def _worth(section: Section, points: Mapping[str, float]) -> Section:
    if not section.is_question or section.id not in points or not section.points:
        return section
    factor = points[section.id] / section.points
    blocks = [replace(b, points=b.points * factor, score=b.score * factor) for b in section.blocks]
    return replace(section, blocks=blocks)


# -- text ---------------------------------------------------------------------------------------------------------


def points_text(points: float, language: str) -> str:
    """``3 points``."""
    return text("{points:g| point| points}", points=points)[language]


def subtitle(section: Section, language: str) -> str:
    """The line below a question's title: level and points."""
    level = _LEVELS[section.level][language] if section.level in _LEVELS else ""
    return f"*{' · '.join(filter(None, [level, points_text(section.points, language)]))}*"


def when(due: datetime.datetime, language: str) -> str:
    """``1 October 2026, 23:59 (UTC+08:00)``."""
    offset = due.isoformat()[-6:] if due.utcoffset() else "+00:00"
    month = text("January|February|March|April|May|June|July|August|September|October|November|December")
    return text(
        "{due.day} {month} {due.year}, {due:%H:%M} (UTC{offset})",
        due=due,
        month=month[language].split("|")[due.month - 1],
        offset=offset,
    )[language]


def plain(source: str, language: str, *, site: str, titles: dict[str, str], where: str = "") -> str:
    """The Markdown of a master without MyST: hints fold with ``<details>``, links lead to the site if it has one."""

    def fold(match: re.Match[str]) -> str:
        return f"<details>\n<summary>{match[2]}</summary>\n\n{match[3].strip()}\n\n</details>"

    def link(match: re.Match[str]) -> str:
        page = match[2] or match[3]
        if not site:
            return match[1] or titles.get(page, page)
        return f"[{match[1] or titles.get(page, page)}]({site}/book/{page}.html)"

    result = _DOC.sub(link, _DROPDOWN.sub(fold, source))
    if left := _SYNTAX.search(re.sub(r"(?<!\})`[^`\n]*`", "", result)):
        raise MasterError(f"{where}: {left[0]!r} has no plain form; use {{dropdown}} and {{doc}} only")
    # after a full-width mark a line break of the source would be shown as a space
    return re.sub(r"(?<=[，。；：？！、）》”])\n(?=[^\s|>#*<$-])(?!\d+\. )", "", result)


def _site(exercises: Path, language: str) -> tuple[str, dict[str, str]]:
    """Address of the site, empty where it has none, and the titles of its pages, where the folder is the course's."""
    config = exercises.parent / "_config.yml"
    if not config.exists():
        return "", {}
    base = (yaml.safe_load(config.read_text(encoding="utf-8"))["html"].get("baseurl") or "").rstrip("/")
    folder = exercises.parent / ("book" if language == "en" else "zh/book")
    titles = {}
    for page in folder.glob("*.md"):
        found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        titles[page.stem] = found[1] if found else page.stem
    return base and base + ("" if language == "en" else "/zh"), titles


# -- notebook and bundle ------------------------------------------------------------------------------------------


def _cells(
    task: Assignment, language: str, exercises: Path, due: datetime.datetime | None = None
) -> list[tuple[Cell, dict[str, Any]]]:
    """The cells of the released notebook, each with nbgrader's metadata."""
    site, titles = _site(exercises, language)
    found: list[tuple[Cell, dict[str, Any]]] = []
    here = task.masters[language]

    def add(cell: Cell, **marks: Any) -> None:
        base = {"grade": False, "locked": True, "solution": False, "task": False, "schema_version": 3}
        kind = {"points": None} | marks
        if kind["points"] is None:
            del kind["points"]
        found.append((cell, base | kind | {"grade_id": cell.id, "cell_type": cell.type}))

    def written(block: Block, path: Path = here.path) -> str:
        return plain(block.source, language, site=site, titles=titles, where=f"{path}:{block.line}")

    opening = [written(block) for block in here.opening if not block.role]
    total = points_text(sum(section.points for section in here.questions), language)
    about = [total] if due is None else [total, text("due {when}", when=when(due, language))[language]]
    head = "\n\n".join([f"# {here.title}", *opening, " · ".join(about), _HOW[language]])
    add(Cell("opening", "markdown", "text", None, head))
    add(Cell("install", "code", "setup", None, _install.cell(speak=language)))
    add(Cell("setup", "code", "setup", None, here.setup))
    for section in here.questions:
        texts = 0
        head = f"## {section.title}\n\n{subtitle(section, language)}"
        for block in section.blocks:
            if block.role == "":
                texts += 1
                shown = written(block, section.path)
                body = f"{head}\n\n{shown}" if head else shown
                add(Cell(f"{section.id}-text-{texts}", "markdown", "text", section.id, body))
                head = ""
            elif block.role == "answer" and block.kind == "code":
                add(Cell(block.id, "code", "answer", section.id, master.released(block.source)),
                    locked=False, solution=True)  # fmt: skip
            elif block.role == "answer":
                source = text("*Write your answer here.*")[language]
                add(Cell(block.id, "markdown", "answer", section.id, source),
                    locked=False, solution=True, grade=True, points=block.points)  # fmt: skip
            elif block.role == "test":
                source = HIDDEN if block.hidden else block.source
                add(Cell(block.id, "code", "test", section.id, source), grade=True, points=block.points)
    return found


def notebook(
    task: Assignment, language: str, exercises: Path, *, due: datetime.datetime | None = None
) -> dict[str, Any]:
    """The students' notebook in nbformat 4.5, cell ids and nbgrader's grade ids alike in both languages."""
    cells = []
    for cell, marks in _cells(task, language, exercises, due):
        one: dict[str, Any] = {"cell_type": cell.type, "id": cell.id, "metadata": {"nbgrader": marks}}
        if cell.type == "code":
            one |= {"execution_count": None, "outputs": []}
        lines = cell.source.split("\n")
        one["source"] = [line + "\n" for line in lines[:-1]] + lines[-1:]
        cells.append(one)
    metadata = _KERNEL | {"coursecode": {"assignment": task.name, "language": language}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def bundle(task: Assignment, exercises: Path) -> Bundle:
    """What grades the assignment: tests, points, rubrics, and the cells as released."""
    questions = []
    for en, zh in task.pairs():
        rubric = None
        if en.written:
            rubric = Text(
                zip(EDITIONS, ("\n\n".join(b.source for b in side.of("rubric")) for side in (en, zh)), strict=True)
            )
        tests = [Test(b.id, b.points, b.hidden, b.source) for b in en.of("test")]
        questions.append(
            Question(
                id=en.id,
                title=Text(en=en.title, zh=zh.title),
                kind="written" if en.written else "code",
                points=en.points,
                answer_cells=tuple(block.id for block in en.of("answer")),
                tests=tuple(tests),
                rubric=rubric,
            )
        )
    cells = [cell for cell, _ in _cells(task, "en", exercises)]
    return Bundle.make(assignment=task.name, questions=questions, cells=cells)


def leaks(public: str, task: Assignment) -> list[str]:
    """Lines of a solution, hidden test, wrong answer, rubric or sample that stand in ``public`` text.

    A line that a stub, a visible test or the text shows as well is no secret.
    """
    masters = task.masters.values()
    shown = "\n".join(line for one in masters for line in _shown_lines(one))
    secret = {line for one in masters for line in secret_lines(one)}
    return sorted(line for line in secret if line in public and line not in shown)


def _shown_lines(one: Master) -> Iterable[str]:
    for block in one.blocks():
        if block.role in {"", "setup"} or (block.role == "test" and not block.hidden):
            yield from block.source.split("\n")
        elif block.role == "answer" and block.kind == "code":
            yield from master.released(block.source).split("\n")


def secret_lines(one: Master) -> set[str]:
    """The lines of a master that no student may see, those of at least 12 characters."""
    lines: list[str] = []
    for block in one.blocks():
        if block.role == "answer" and block.kind == "code":
            lines += master.solution_lines(block.source)
        elif block.role in {"wrong", "sample", "solution", "rubric"} or block.hidden:
            lines += block.source.split("\n")
    return {line.strip() for line in lines if len(line.strip()) >= 12}


# -- the command --------------------------------------------------------------------------------------------------


def release(
    names: Sequence[str],
    *,
    out: Path,
    exercises: Path = Path("exercises"),
    overlay: Path | None = None,
    settings: Mapping[str, Settings] | None = None,
) -> list[Path]:
    """Write ``out/NAME/`` for each name: NAME.ipynb, zh/NAME.ipynb, bundle.json (private), NAME-en.zip and NAME-zh.zip.

    ``settings`` says by name which questions are asked, for how many points, and when they are due. A zip holds one
    notebook: who zips its folder again hands in nothing else beside it. Nothing is written unless every master passes
    ``lint``'s fast checks. Releasing again replaces the folder's five files; the bundle's version, and with it every
    stored result, changes only when a question changed. No seed goes into a release: the class's secret seed decides
    the inputs of the tests when work is graded.

    Raises ``MasterError`` with file and line for a master that cannot be released.
    """
    from coursegrade.handback.worked import worked
    from coursegrade.masters.lint import form_problems

    if not names:
        raise MasterError(f"name what to release; there are: {', '.join(available(exercises)) or 'none'}")
    choices = settings or {}
    tasks = []
    for name in dict.fromkeys(names):
        choice = choices.get(name, Settings())
        tasks.append(chosen(assignment(name, exercises, overlay=overlay), choice.questions, choice.points))
    if problems := [problem for task in tasks for problem in form_problems(task)]:
        raise MasterError("\n".join(problems))
    made = []
    for task in tasks:
        folder = out / task.name
        _write(folder, task, exercises, choices.get(task.name, Settings()).due)
        write_atomic(folder / "solutions.json", _json(worked(task.name, exercises, overlay=overlay).to_json()))
        write_atomic(folder / "bundle.json", _json(bundle(task, exercises).to_json()))
        made.append(folder)
    return made


def _write(folder: Path, task: Assignment, exercises: Path, due: datetime.datetime | None) -> None:
    """What students get: the notebooks, and a zip of each. Raises ``MasterError`` where they would show a secret."""
    files = {
        f"{task.name}.ipynb": _json(notebook(task, "en", exercises, due=due)),
        f"zh/{task.name}.ipynb": _json(notebook(task, "zh", exercises, due=due)),
    }
    public = "\n".join(cell.source for language in EDITIONS for cell, _ in _cells(task, language, exercises))
    if found := leaks(public, task):
        raise MasterError(f"{task.en.path}: the release would show {found[0]!r}; mend the marks around it")
    _keep_earlier(folder, files)
    for name, content in files.items():
        write_atomic(folder / name, content)
    for language, content in zip(EDITIONS, files.values(), strict=True):
        path = folder / f"{task.name}-{language}.zip"
        write_atomic(path, zip_of({f"{task.name}/{task.name}.ipynb": content.encode()}))


EARLIER = "earlier.json"


def _keep_earlier(folder: Path, files: Mapping[str, str]) -> None:
    """Add to ``earlier.json`` the texts of the release that is there which the new one does not have.

    A student may hand in a notebook of any release of the assignment; what stood in it is no change of theirs.
    """
    new = _texts(files.values())
    there = (folder / name for name in files)
    old = _texts(path.read_text(encoding="utf-8") for path in there if path.is_file())
    path = folder / EARLIER
    kept: dict[str, list[str]] = read_json(path) or {}
    for cell, texts in old.items():
        gone = [one for one in texts if one not in new.get(cell, []) and one not in kept.get(cell, [])]
        if gone:
            kept[cell] = [*kept.get(cell, []), *gone]
    if kept:
        write_atomic(path, _json(kept))


def _texts(notebooks: Iterable[str]) -> dict[str, list[str]]:
    """By id, the texts of the cells of released notebooks."""
    found: dict[str, list[str]] = {}
    for one in notebooks:
        try:
            cells = json.loads(one)["cells"]
        except (ValueError, KeyError):  # damaged: it is replaced
            continue
        for cell in cells:
            source = "".join(cell["source"])
            if source not in found.setdefault(cell["id"], []):
                found[cell["id"]].append(source)
    return found


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
