"""``{course-status}``: when each chapter was last executed, how long it takes, and which tests guard it.

Everything comes from files of the repository: the notebooks (date, device, versions), the stored benchmarks (time and
memory), the marks of the tests and ``tests/coverage.yml``. The same files give the same page.
"""

from __future__ import annotations

import ast
import json
import statistics
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from tools import ROOT
from tools.machine.fresh import remembered
from tools.source.chapters import parse
from tools.source.marks import marks
from tools.source.settings import listed, read_yaml
from tools.source.words import later, spoken, words

WORDS = {
    "chapter": later("chapter"),
    "date": later("executed"),
    "device": later("on"),
    "seconds": later("seconds"),
    "gpu": later("seconds, GPU"),
    "memory": later("memory, MiB"),
    "formulas": later("formulas tested"),
    "promises": later("claims shown"),
    "cells": later("cells compared"),
    "tests": later("tests of its helpers"),
    "unknown": later("not yet measured"),
    "never": later("not recorded"),
    "made": later("Executed with Python {python}, torch {torch}, numpy {numpy} and matplotlib {matplotlib}."),
    "measured": later(
        "Time and memory: medians of {rounds} runs, measured on {date} with {threads} thread; {machine}."
    ),
    "gpu_measured": later("On a GPU: medians of {rounds} runs, measured on {date}; {machine}."),
    "gpu_unknown": later("On a GPU nothing was measured yet."),
}


def chapters(root: Path) -> list[str]:
    """The pages with a notebook, in the order of the table of contents."""
    return [name for name in listed(root) if (root / "book" / f"{name}.ipynb").exists()]


def sizes(root: Path) -> dict[str, int]:
    """How many tests each file holds."""
    files = (root / "tests").rglob("test_*.py")
    return {file.name: _size(file, file.read_text(encoding="utf-8")) for file in files}


@remembered
def _size(file: Path, text: str) -> int:
    return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.parse(text).body)


def benchmark(root: Path, part: str) -> dict[str, Any] | None:
    file = root / "src" / "coursecode" / "experiments" / "results" / "benchmarks" / f"{part}.json"
    found: dict[str, Any] | None = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    return found


def _median(measured: dict[str, Any] | None, name: str, column: str) -> str:
    rows = [row[column] for row in (measured or {}).get("rows", []) if row["case"] == name]
    return f"{statistics.median(rows):.0f}" if rows else ""


def facts(
    root: Path, name: str, count: dict[str, int], tested: set[str], promises: list[dict[str, Any]]
) -> dict[str, Any]:
    """What is known of one chapter."""
    notebook = json.loads((root / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))
    state = notebook["metadata"].get("coursecode", {})
    labels = {formula.label for formula in parse(root / "book" / f"{name}.md").equations}
    modules = sorted(module.removeprefix("coursecode.") for module in state.get("modules", {}))
    files = [file for module in modules if (file := f"test_{module.strip('_')}.py") in count]
    compared = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        and cell.get("id") != "setup"
        and "nbval-ignore-output" not in cell["metadata"].get("tags", [])
    ]
    return {
        "executed": state.get("executed", {}),
        "formulas": len(labels & tested),
        "promises": [row["row"] for row in promises if row["pages"][0] == name],
        "cells": len(compared),
        "tests": {file: count[file] for file in files},
    }


def status_lines(root: Path, language: str) -> list[str]:
    """The two tables as Markdown, with what holds for all chapters above them."""

    def told(key: str, **values: Any) -> str:
        return words.say(spoken(language), WORDS[key], **values)

    count, tested = sizes(root), {label for label, *_ in marks(root / "tests", "equation")}
    cpu, gpu = benchmark(root, "pages"), benchmark(root, "pages_cuda")
    promises = read_yaml(root / "tests" / "coverage.yml")
    known = {name: facts(root, name, count, tested, promises) for name in chapters(root)}
    lines = []
    versions = {json.dumps(k["executed"], sort_keys=True): k["executed"] for k in known.values() if k["executed"]}
    made = {told("made", **executed): None for executed in versions.values()}
    lines += [*made, ""]
    for part, text in ((cpu, "measured"), (gpu, "gpu_measured")):
        if part:
            rounds = max(row["round"] for row in part["rows"])
            lines += [
                told(text, rounds=rounds, date=part["date"], threads=part["threads"], machine=part["machine"]),
                "",
            ]
    if not gpu:
        lines += [told("gpu_unknown"), ""]
    lines += [_row(told(k) for k in ("chapter", "date", "device", "seconds", "gpu", "memory")), "|" + " --- |" * 6]
    for name, fact in known.items():
        executed = fact["executed"]
        cells = [f"{{doc}}`{name}`", executed.get("date", told("never")), executed.get("device", told("never"))]
        cells += [_median(cpu, name, "seconds"), _median(gpu, name, "seconds"), _median(cpu, name, "peak_mib")]
        lines.append(_row(cell or told("unknown") for cell in cells))
    lines += ["", _row(told(k) for k in ("chapter", "formulas", "promises", "cells", "tests")), "|" + " --- |" * 5]
    for name, fact in known.items():
        tests = ", ".join(f"`{file[5:-3]}` {count}" for file, count in fact["tests"].items())
        shown = str(len(fact["promises"]))
        lines.append(_row([f"{{doc}}`{name}`", str(fact["formulas"]), shown, str(fact["cells"]), tests]))
    return lines


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


class CourseStatus(Directive):  # type: ignore[misc]
    """``{course-status}``, without content."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        environment: BuildEnvironment = self.state.document.settings.env
        lines = _lines(environment.app)
        environment.course_status = lines
        container = nodes.container(classes=["course-status"])
        self.state.nested_parse(StringList(lines, source=str(Path(__file__))), self.content_offset, container)
        return list(container.children)


def _lines(app: Sphinx) -> list[str]:
    """The lines of this build."""
    if not hasattr(app, "course_status"):
        app.course_status = status_lines(ROOT, app.config.language or "en")
    found: list[str] = app.course_status
    return found


def read_again(
    app: Sphinx, environment: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The status page depends on every notebook and test: it is read again when they say something else."""
    shown = getattr(environment, "course_status", None)
    if shown == _lines(app):
        return []
    return [name for name in environment.all_docs if name.endswith("/status")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("course-status", CourseStatus)
    app.connect("env-get-outdated", read_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
