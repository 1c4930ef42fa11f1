"""Reading what students hand in, however damaged, and planting their answers into the released notebook.

Nothing of the student's notebook but the sources of answer cells and of cells of their own goes on: tests, text and
outputs are the release's.
"""

from __future__ import annotations

import ast
import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from coursegrade.contract import Bundle, Cell, Text, text
from coursegrade.files import sha256
from coursegrade.intake.archive import Unreadable
from coursegrade.intake.encodings import decode

MAX_CELLS = 5_000  # cells of a notebook
MAX_FREE = 400  # cells of the student's own that are kept
MAX_SOURCE = 200_000  # characters of one cell
MAX_CODE = 2_000_000  # of all code cells: what is parsed

_PICTURE = re.compile(r"!\[[^\[\]\n]*\]\(|<img\b", re.IGNORECASE)  # from one bracket on, each is looked at once
_MOVED = "# This answer stands in another cell.\n"


@dataclass
class Loose:
    """A cell as the student left it; ``ids`` are the released cells that it may be."""

    type: str
    source: str
    ids: tuple[str, ...]


@dataclass
class Planted:
    """The notebook to grade, and what had to be repaired."""

    notebook: dict[str, Any]
    language: str
    notes: list[Text] = field(default_factory=list)
    answered: int = 0  # answers that are not the stub

    def dump(self) -> str:
        """As text, the same for the same content."""
        return json.dumps(self.notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _salvage(content: str) -> list[Any]:
    """The complete cells at the start of a notebook that breaks off."""
    decoder = json.JSONDecoder()
    start = re.search(r'"cells"\s*:\s*\[', content)
    cells: list[Any] = []
    position = start.end() if start else len(content)
    while position < len(content):
        gap = re.compile(r"[\s,]*").match(content, position)
        position = gap.end() if gap else position
        try:
            cell, position = decoder.raw_decode(content, position)
        except (ValueError, RecursionError):
            break
        if not isinstance(cell, dict):
            break
        cells.append(cell)
    return cells


def broken_off(n_cells: int) -> Text:
    """What is said of a file of which only the beginning could be read."""
    return text(
        "the file breaks off or is damaged; {n_cells:| cell| cells} at its beginning could be read", n_cells=n_cells
    )


def _source(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return ""


def read_notebook(data: bytes, *, language: str = "en") -> tuple[list[Loose], list[Text]]:
    """The cells of a notebook and what was odd about the file.

    Reads nbformat 3 and 4, the encodings of ``decode`` and the complete cells of a file that breaks off.

    Raises ``Unreadable``, with a reason that can be shown, where there are no cells.
    """
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise Unreadable(text("the file is empty; save the notebook, download it anew and hand in again"))
    content, assumed = decode(data, language=language)
    notes = [text("the file was read as {assumed}", assumed=assumed)] if assumed else []
    found = [_loose(cell) for cell in _listed(_json(content.lstrip("\ufeff"), notes)) if isinstance(cell, dict)]
    if not any(cell.source.strip() for cell in found):
        if broken_off(len(found)) in notes:
            raise Unreadable(_cut())
        raise Unreadable(text("the notebook has no content: all its cells are empty; save yours and hand in again"))
    if any(len(cell.source) > MAX_SOURCE for cell in found):
        notes.append(
            text("a cell is longer than {max_source} characters; the rest of it was cut", max_source=MAX_SOURCE)
        )
        for cell in found:
            cell.source = cell.source[:MAX_SOURCE]
    if sum(len(cell.source) for cell in found if cell.type == "code") > MAX_CODE:
        raise Unreadable(text("the notebook has more than {code:,} characters of code", code=MAX_CODE))
    return found, notes


def _cut() -> Text:
    return text(
        "the file breaks off or is damaged before its first cell ends; save the notebook, download it "
        "anew and hand in again"
    )


def _json(content: str, notes: list[Text]) -> Any:
    """What the file holds, or the cells before the place where it is damaged. Raises ``Unreadable``."""
    try:
        return json.loads(content)
    except RecursionError:
        raise Unreadable(text("the file is nested too deeply for a notebook")) from None
    except ValueError:
        if re.search(r"^(<<<<<<<|>>>>>>>) ", content, re.MULTILINE):
            raise Unreadable(
                text("the notebook holds marks of an unresolved merge (<<<<<<<); resolve them and hand in again")
            ) from None
        cells = _salvage(content)
        if not cells:
            if re.match(r'\s*\{\s*("|$)', content):  # the beginning of what every notebook is
                raise Unreadable(_cut()) from None
            raise Unreadable(
                text("the file is no notebook, whatever its name; save yours, download it anew and hand in again")
            ) from None
        notes.append(broken_off(len(cells)))
        return {"cells": cells}


def _listed(notebook: Any) -> list[Any]:
    """The cells of nbformat 3 or 4. Raises ``Unreadable``."""
    if not isinstance(notebook, dict):
        raise Unreadable(text("the file is JSON but no notebook"))
    listed: Any = notebook.get("cells")
    if listed is None and isinstance(notebook.get("worksheets"), list):  # nbformat 3
        listed = [c for sheet in notebook["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    if not isinstance(listed, list):
        raise Unreadable(text("the file is JSON but no notebook: it has no cells"))
    if len(listed) > MAX_CELLS:
        raise Unreadable(
            text(
                "the notebook has {n_listed} cells, at most {max_cells} are read; delete those that are not needed",
                n_listed=len(listed),
                max_cells=MAX_CELLS,
            )
        )
    return listed


def _loose(cell: dict[str, Any]) -> Loose:
    metadata: Any = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    nbgrader: Any = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    ids = [v for v in (cell.get("id"), nbgrader.get("grade_id")) if isinstance(v, str)]
    source = _source(cell.get("source", cell.get("input", "")))
    source = source.encode("utf-8", "replace").decode().replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    kind = cell.get("cell_type")
    return Loose(kind if kind in ("code", "markdown") else "markdown", source, tuple(dict.fromkeys(ids)))


@functools.lru_cache(maxsize=2 * MAX_CELLS)
def _defined(source: str) -> frozenset[str]:
    """The names that a code cell defines at its top level; those of a stub say what an answer cell is for.

    Parses what a stranger wrote, so it runs under ``supervised`` only: a line can take gigabytes.
    """
    try:
        tree = ast.parse(_python(source))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(re.findall(r"^(?:def|class)\s+(\w+)", source, re.MULTILINE))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


def _open(source: str, wanted: Set[str]) -> Set[str]:
    """The names of ``wanted`` that a cell leaves open: not defined in it, ``...``, or a stub that only raises.

    >>> sorted(_open("def f(x):\\n    raise NotImplementedError\\na = ...\\nb = 1", {"a", "b", "c", "f"}))
    ['a', 'c', 'f']
    """
    return wanted - (_defined(source) - _stubs(source))


@functools.lru_cache(maxsize=2 * MAX_CELLS)
def _stubs(source: str) -> frozenset[str]:
    """The names that a code cell defines last as ``...`` or as a function that only raises."""
    try:
        tree = ast.parse(_python(source))
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    blank: dict[str, bool] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            body = [one for one in node.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
            blank[node.name] = all(isinstance(one, ast.Raise) for one in body[:1]) and len(body) < 2
        elif isinstance(node, ast.Assign):
            nothing = isinstance(node.value, ast.Constant) and node.value.value is ...
            blank |= {target.id: nothing for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(name for name, empty in blank.items() if empty)


def _python(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not line.lstrip().startswith(("%", "!")))


def _added(source: str, released: str) -> str:
    """The lines that a student typed into a cell of the release.

    >>> _added("f = 1\\ncheck(f)", "check(f)")
    'f = 1'
    """
    lines, before = _bare(source).split("\n"), _bare(released).split("\n")
    found = difflib.SequenceMatcher(None, before, lines, autojunk=False).get_opcodes()
    return "\n".join(line for what, _, _, a, b in found if what in ("insert", "replace") for line in lines[a:b])


def _typed(source: str, releases: Sequence[str]) -> str:
    """``_added`` to the release that the cell is nearest to."""
    return min((_added(source, one) for one in releases), key=len)


def _bare(source: str) -> str:
    """A text for comparing: without the line ends and the spaces before them, which editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.replace("\r\n", "\n").split("\n")).strip()


def matches(cells: Sequence[Loose], bundle: Bundle, releases: Mapping[str, Mapping[str, str]] | None = None) -> int:
    """How many cells of this assignment's questions the notebook has, by id or, where ids were lost, by content.

    Every assignment has an opening, a setup, and the same words in the place of a hidden test: they say nothing.
    """
    asked = [c for c in bundle.cells if c.question is not None]
    by_id = len({i for cell in cells for i in cell.ids} & {c.id for c in asked})
    if by_id:
        return by_id
    wanted = set().union(*(_defined(c.source) for c in asked if c.role == "answer" and c.type == "code"), set())
    texts = [c.id for c in asked if c.role == "text"]
    known = [{c.id: c.source for c in asked}, *(releases or {}).values()]
    sources = {one.strip() for texts_of in known for i in texts if len((one := texts_of.get(i, "")).strip()) > 20}
    given = set().union(*(_defined(c.source) for c in cells if c.type == "code"), set())
    return len(wanted & given) + len(sources & {c.source.strip() for c in cells})


def release_notebook(bundle: Bundle, cells: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The released notebook as the grading sees it: the cells of the bundle, or their text in another language."""
    cells = cells or {}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": [_cell(c.id, c.type, cells.get(c.id, c.source), c.role) for c in bundle.cells],
    }


def _cell(identifier: str, kind: str, source: str, role: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "id": identifier,
        "cell_type": kind,
        "metadata": {"coursecode": {"role": role}},
        "source": source,
    }
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _free_id(source: str, taken: set[str]) -> str:
    base = f"own-{sha256(source.encode())[:12]}"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


def _choose(cell: Cell, copies: list[Loose], notes: list[Text]) -> tuple[str, list[Loose]]:
    """The answer among several cells with one id, and the copies that are kept as cells of the student's own."""
    changed = [c for c in copies if c.source.strip() != cell.source.strip()]
    if len(copies) > 1:
        notes.append(text("the cell {id} was there {n_copies} times", id=cell.id, n_copies=len(copies)))
    if not changed:
        return cell.source, []
    if cell.type == "markdown":  # a written answer in parts: all of it
        return "\n\n".join(dict.fromkeys(c.source.strip() for c in changed)), []
    asked = _defined(cell.source)
    changed = [c for c in changed if not asked or _open(c.source, asked) != asked] or changed  # a copy left blank
    return changed[-1].source, changed[:-1]  # the last one counts, as it does in a kernel


def plant(
    cells: Sequence[Loose],
    bundle: Bundle,
    releases: Mapping[str, Mapping[str, str]],
    earlier: Mapping[str, Sequence[str]] | None = None,
) -> Planted:
    """The released notebook with the student's answers and cells of their own.

    ``releases``: by language, the text of each released cell by id; the language nearest to the student's is taken.
    ``earlier``: by id, what stood in earlier releases: who has one of those changed nothing either.

    Answers are found by id; where ids were lost (old formats, some editors drop them), code by the names it defines and
    written answers by their place between the released cells.
    """
    work = _Planting(cells, bundle, releases, earlier or {})
    for answer in work.asked:
        work.in_its_cell(answer)
    for answer in work.asked:
        work.elsewhere(answer)
    return work.planted()


class _Planting:
    """A student's cells beside those of the release: whose each is, and what of it is an answer."""

    def __init__(
        self,
        cells: Sequence[Loose],
        bundle: Bundle,
        releases: Mapping[str, Mapping[str, str]],
        earlier: Mapping[str, Sequence[str]],
    ) -> None:
        self.cells, self.bundle, self.once = cells, bundle, earlier
        self.notes: list[Text] = []
        self.by_id = {c.id: c for c in bundle.cells}
        self.asked = [c for c in bundle.cells if c.role == "answer"]
        texts = {language: dict(sources) for language, sources in releases.items()} or {"en": {}}
        theirs = {_bare(c.source) for c in cells}
        self.language = max(texts, key=lambda k: (sum(_bare(s) in theirs for s in texts[k].values()), k == "en"))
        self.released = {c.id: texts[self.language].get(c.id, c.source) for c in bundle.cells}
        self.everywhere: dict[str, set[str]] = {
            c.id: {
                _bare(one)
                for one in (c.source, *(t[c.id] for t in texts.values() if c.id in t), *self.once.get(c.id, ()))
            }
            for c in bundle.cells
        }
        self.owner = self._owners()
        self.answers: dict[str, str] = {}
        self.extra: dict[int, str] = {}  # copies of an answer that are kept as cells of the student's own
        self.used: set[int] = set()
        self.defined = {n: _defined(cell.source) for n, cell in enumerate(cells) if cell.type == "code"}

    def _owners(self) -> list[str | None]:
        """Which released cell each of the student's is: by id, then by the very text, in order."""
        owner: list[str | None] = [next((i for i in cell.ids if i in self.by_id), None) for cell in self.cells]
        known = {o for o in owner if o}
        if lost := [c.id for c in self.bundle.cells if c.id not in known]:
            free = [n for n, o in enumerate(owner) if o is None]
            matcher = difflib.SequenceMatcher(
                None,
                [min(self.everywhere[i]) for i in lost],
                [_canonical(self.cells[n].source, lost, self.everywhere) for n in free],
                autojunk=False,
            )
            for a, b, size in matcher.get_matching_blocks():
                for k in range(size):
                    owner[free[b + k]] = lost[a + k]
        self.lost = bool(self.cells and not known and any(owner))
        if self.lost:
            self.notes.append(text("the cells had lost their ids; they were found by their content"))
        return owner

    def unchanged(self, answer: Cell, source: str) -> bool:
        """Whether nothing was answered: the stub of any release, or nothing at all."""
        return _bare(source) in self.everywhere[answer.id] or not source.strip()

    def _free(self) -> list[int]:
        """The cells that belong to no released one and are no part of an answer yet."""
        return [n for n, o in enumerate(self.owner) if o is None and n not in self.used]

    # -- answers --

    def in_its_cell(self, answer: Cell) -> None:
        """The answer from the cells that have its id."""
        mine = [n for n, o in enumerate(self.owner) if o == answer.id]
        if not mine:
            return
        base = Cell(answer.id, answer.type, answer.role, answer.question, self.released[answer.id])
        if answer.type not in {self.cells[n].type for n in mine}:
            was, now = self.cells[mine[0]].type, answer.type
            self.notes.append(
                text("the cell {id} had become {was}; it was made {now} again", id=answer.id, was=was, now=now)
            )
        sources = [self.cells[n].source for n in mine]
        loose = [base.source if self.unchanged(answer, one) and one.strip() else one for one in sources]
        self.answers[answer.id], kept = _choose(base, [Loose(answer.type, one, ()) for one in loose], self.notes)
        keep = [c.source for c in kept]
        self.used.update(mine)
        self.extra |= {n: self.cells[n].source for n in mine if self.cells[n].source in keep}

    def elsewhere(self, answer: Cell) -> None:
        """What stands in other cells of an answer that its own cell holds in part or not at all."""
        given = self.answers.get(answer.id)
        if given is not None and not self.unchanged(answer, given):
            self._parts_below(answer, given)
        elif self._in_other_code(answer) or (given is None and self._at_its_place(answer)):
            pass
        elif given is None:
            self.answers[answer.id] = self.released[answer.id]
            self.notes.append(text("the answer cell {id} was deleted", id=answer.id))

    def _parts_below(self, answer: Cell, given: str) -> None:
        wanted = _defined(answer.source) if answer.type == "code" else set()  # a written answer is no program
        left = _open(given, wanted) if wanted else set()
        below = [
            n for n in self._free() if left & self.defined.get(n, set()) - _open(self.cells[n].source, left)
        ]  # fmt: skip
        if below:
            self.used.update(below)
            self.answers[answer.id] = "\n\n".join([given, *(self.cells[n].source for n in below)])
            self.notes.append(text("a part of the answer to {id} was found in another cell", id=answer.id))

    def _in_other_code(self, answer: Cell) -> bool:
        """Whether what the answer defines was found in a cell of the student's own, or in another of the release."""
        wanted = _defined(answer.source) if answer.type == "code" else set()
        if not wanted:
            return False
        own = [n for n in self._free() if wanted & self.defined.get(n, set())]
        if full := [n for n in own if wanted <= self.defined[n]] or own:
            self.used.add(full[-1])
            self.answers[answer.id] = self.cells[full[-1]].source
            if not self.lost:  # else each answer is in a cell without an id, which is said once
                self.notes.append(text("the answer to {id} was found in another cell", id=answer.id))
            return True
        others = [
            other
            for other, source in self.answers.items()
            if other != answer.id and self.by_id[other].type == "code"
            and not self.unchanged(self.by_id[other], source) and wanted <= _defined(source)
        ]  # fmt: skip
        if others:
            self.answers[answer.id] = _MOVED
            self.notes.append(
                text("the answer to {id} stands in the cell {elsewhere}", id=answer.id, elsewhere=others[0])
            )
            return True
        typed = [
            source
            for n, o in enumerate(self.owner)
            if o and self.by_id[o].role != "answer" and self.cells[n].type == "code"
            and wanted <= _defined(source := _typed(self.cells[n].source, [self.released[o], *self.once.get(o, ())]))
        ]  # fmt: skip
        if typed:
            self.answers[answer.id] = typed[-1]
            self.notes.append(
                text(
                    "the answer to {id} was typed into a cell of the release; write it into its own cell", id=answer.id
                )
            )
        return bool(typed)

    def _at_its_place(self, answer: Cell) -> bool:
        """Whether a written answer was found between the released cells around it."""
        if answer.type != "markdown":
            return False
        order = {c.id: n for n, c in enumerate(self.bundle.cells)}
        owned = [(n, order[o]) for n, o in enumerate(self.owner) if o]
        place = order[answer.id]
        before = max((n for n, at in owned if at < place), default=-1)
        after = min((n for n, at in owned if at > place), default=len(self.cells))
        between = [
            n
            for n in self._free()
            if before < n < after and self.cells[n].type == "markdown" and self.cells[n].source.strip()
        ]
        if between:
            self.used.update(between)
            self.answers[answer.id] = "\n\n".join(self.cells[n].source.strip() for n in between)
            self.notes.append(text("the written answer {id} was found by its place", id=answer.id))
        return bool(between)

    # -- the notebook --

    def _own(self) -> dict[str | None, list[tuple[str, str]]]:
        """The student's own cells, by the released cell that they follow."""
        placed: dict[str | None, list[tuple[str, str]]] = {}
        anchor: str | None = None
        number = 0
        for n, cell in enumerate(self.cells):
            owner = self.owner[n]
            source = self.extra.get(n) if n in self.used else (cell.source if owner is None else None)
            if owner is None and any(
                _bare(cell.source) == _bare(one) for i in cell.ids for one in self.once.get(i, ())
            ):
                continue  # of an earlier release, and asked no more
            if source is not None and source.strip():
                number += 1
                if number <= MAX_FREE:  # a copy of an answer runs before the answer that counts
                    after = anchor if n not in self.extra else _before(owner, self.bundle)
                    placed.setdefault(after, []).append((cell.type if n not in self.extra else "code", source))
            anchor = owner or anchor
        if number > MAX_FREE:
            self.notes.append(
                text(
                    "of {number} cells of the student's own the first {max_free} were kept",
                    number=number,
                    max_free=MAX_FREE,
                )
            )
        return placed

    def planted(self) -> Planted:
        """The released cells in their order with the answers, the student's own after the cell that they followed."""
        placed, taken = self._own(), set(self.by_id)
        notebook = release_notebook(self.bundle, self.released)
        cells = [_cell(_free_id(s, taken), kind, s, "own") for kind, s in placed.get(None, [])]
        for cell in notebook["cells"]:
            cell["source"] = self.answers.get(cell["id"], cell["source"])
            cells.append(cell)
            cells += [_cell(_free_id(s, taken), kind, s, "own") for kind, s in placed.get(cell["id"], [])]
        notebook["cells"] = cells
        notebook["metadata"]["coursecode"] = {"assignment": self.bundle.assignment, "language": self.language}
        tampered = sorted(
            {
                o
                for o, cell in zip(self.owner, self.cells, strict=True)
                if o and self.by_id[o].role != "answer" and _bare(cell.source) not in self.everywhere[o]
            }
        )
        if tampered:
            some = ", ".join(tampered[:5])
            self.notes.append(
                text("cells that are not for answers had been changed and were put back: {some}", some=some)
            )
        drawn = [c.id for c in self.asked if c.type == "markdown" and _PICTURE.search(self.answers.get(c.id, ""))]
        if drawn:
            self.notes.append(
                text(
                    "the answer to {drawn} holds a picture, which is not shown where it is marked: the notebook that "
                    "was handed in (original.ipynb) has it",
                    drawn=", ".join(drawn),
                )
            )
        done = sum(not self.unchanged(c, self.answers.get(c.id, "")) for c in self.asked)
        return Planted(notebook, self.language, self.notes, done)


def _canonical(source: str, ids: Sequence[str], everywhere: Mapping[str, set[str]]) -> str:
    """The released text that ``source`` is, in the form that all languages share."""
    plain = _bare(source)
    return next((min(everywhere[i]) for i in ids if plain in everywhere[i]), f"\0{plain}")


def _before(identifier: str | None, bundle: Bundle) -> str | None:
    ids = [c.id for c in bundle.cells]
    position = ids.index(identifier) if identifier in ids else 0
    return ids[position - 1] if position else None
