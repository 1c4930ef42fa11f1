"""The code cells of a page and their committed outputs: what nbval, a screen reader and another machine rely on."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from tools.rules import Problem
from tools.source.chapters import Chapter

_TAGS = re.compile(r"slide|claim-S\d+|nbval-ignore-output|raises-exception|hide-input|remove-input|remove-cell")
_NOT_COMPARED = "nbval-ignore-output"
DRAWS = re.compile(
    r"\b(?:grid|show_images|lines|bars|intervals|verdicts|draw_nets|draw_blocks|LiveCurve)\(|\bplt\.show\("
)
_MAY_DRAW = re.compile(r"\bfit\(")
NO_ALT = "the cell draws and has no description: say in mystnb.image.alt, in a full sentence, what the picture shows."
WIDTH = 88  # what fits a page without scrolling
_COMPARED = 0.8
_UNSTABLE = {
    "a memory address": r"\bat 0x[0-9a-f]{6,}|<[\w.]+ object at",
    "a path of one machine": r"(?<![\w.])/(?:home|root|tmp|usr|work|Users)/",
    "a device": r"device='?cuda",
}


def problems(page: Chapter) -> list[Problem]:
    """What is wrong with a page's cells and with its notebook."""
    return sources(page) + compared(page) + notebook(page)


def sources(page: Chapter) -> list[Problem]:
    """Tags, options, line width, and a description of every picture."""
    found = []
    for cell in page.cells:

        def add(text: str, line: int = cell.line) -> None:
            found.append(Problem(page.path, line, text))

        if not cell.source.strip():
            add("the cell is empty: remove it.")
        for tag in cell.tags:
            if not _TAGS.fullmatch(tag):
                add(f"nobody reads the tag {tag!r}: mend or remove it.")
        for key in cell.options.keys() - {"tags", "mystnb"}:
            add(f"nobody reads the cell option {key!r}: remove it.")
        draws = DRAWS.search(cell.source)
        if draws and len(cell.alt.split()) < (1 if re.search(r"[\u4e00-\u9fff]", cell.alt) else 4):
            add(NO_ALT)
        if cell.alt and not draws and not _MAY_DRAW.search(cell.source):
            add("mystnb.image.alt describes a picture that the cell does not draw: remove it.")
        if _NOT_COMPARED in cell.tags and "assert " not in cell.source:
            add(f"{_NOT_COMPARED} without an assert: assert the cell's claim inside it.")
        for line, text in enumerate(cell.source.splitlines(), cell.source_line):
            if len(text) > WIDTH:
                add(f"{len(text)} characters of code: break the line at {WIDTH}.", line)
    return found


def compared(page: Chapter) -> list[Problem]:
    """Too few cells whose outputs nbval compares."""
    count = sum(_NOT_COMPARED not in cell.tags for cell in page.cells)
    if count >= _COMPARED * len(page.cells):
        return []
    text = f"make at least {_COMPARED:.0%} exact and remove their {_NOT_COMPARED}."
    return [Problem(page.path, 1, f"nbval compares {count} of {len(page.cells)} cells: {text}")]


def notebook(page: Chapter) -> list[Problem]:
    """A missing notebook, cells that did not run, errors, output on stderr, a path of this machine."""
    path = page.path.with_suffix(".ipynb")
    if not page.cells:
        return []
    if not path.exists():
        return [Problem(page.path, 1, f"{path.name} does not exist: run make notebooks.")]
    found = []
    undescribed = {cell.source: cell.line for cell in page.cells if not cell.alt}
    for number, cell in enumerate(code_cells(path.read_text(encoding="utf-8")), 1):

        def add(text: str, number: int = number) -> None:
            found.append(Problem(path, 1, f"cell {number}: {text}"))

        source = "".join(cell["source"])
        if source in undescribed and any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            found.append(Problem(page.path, undescribed[source], NO_ALT))
        if cell.get("execution_count") is None:
            add("the cell was not run, so nbval compares nothing: run make notebooks.")
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                if "raises-exception" not in cell["metadata"].get("tags", []):
                    add(f"the cell raised {output['ename']}: mend it.")
            elif output.get("name") == "stderr":
                add(f"the cell wrote {''.join(output['text']).strip()[:60]!r} to stderr: mend what it warns of.")
            elif "image/png" in output.get("data", {}) and not output.get("metadata", {}).get("image/png"):
                add("a page cannot draw this picture in its colours and words: draw it with coursecode.plotting.")
            else:
                text = "\n".join("".join(part) for part in _texts(output))
                for what, pattern in _UNSTABLE.items():
                    if re.search(pattern, text):
                        add(f"the output shows {what}, which differs elsewhere: print something else.")
    return found


def _texts(output: dict[str, Any]) -> list[Any]:
    data = output.get("data", {})
    return [output.get("text", ""), *(value for kind, value in data.items() if kind.startswith("text/"))]


def code_cells(notebook: str) -> list[dict[str, Any]]:
    """The code cells of a notebook's text; none where there is no notebook."""
    cells = json.loads(notebook)["cells"] if notebook else []
    return [cell for cell in cells if cell["cell_type"] == "code"]


def outputs_of(notebook: str) -> dict[str, str]:
    """What each cell printed and showed as text, by the cell's source."""
    return {"".join(cell["source"]): "\n".join(map(text_of, cell["outputs"])) for cell in code_cells(notebook)}


def text_of(output: dict[str, Any]) -> str:
    """What a reader sees of an output, its markup taken out."""
    if output.get("name") == "stderr":
        return ""
    data = output.get("data", {})
    shown = ["".join(data[kind]) for kind in ("text/plain", "text/markdown") if kind in data]
    markup = re.sub(r"<style.*?</style>|<[^>]*>", " ", "".join(data.get("text/html", "")), flags=re.S)
    return "\n".join(["".join(output.get("text", "")), *shown, html.unescape(markup)])
