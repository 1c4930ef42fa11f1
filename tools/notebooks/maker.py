"""Make ``NAME.ipynb`` from ``NAME.md``: plain Markdown, code cells, the outputs of one execution for both languages.

A notebook is executed only when it is stale: its code cells, a module of ``coursecode`` that it imports (directly or
through another), a stored result that it shows, or the pinned environment changed. A change of prose rewrites the
text and keeps the outputs. A notebook that a person ran or changed is never written over: see ``tools.notebooks.kept``.

    python -m tools.notebooks            make what is stale
    python -m tools.notebooks --force    execute everything
    python -m tools.notebooks --check    say what is stale, change nothing (exit status 1 if anything is)
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import base64
import functools
import hashlib
import importlib
import mimetypes
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.myst import MystMetadataParsingError
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from coursecode import _install
from tools import ROOT, unwritable
from tools.machine.fresh import Record, digest, snapshot
from tools.notebooks.kept import BLANK, as_made, signed, write
from tools.notebooks.plain import Edition, PlainError, edition, plain_markdown, references
from tools.source.chapters import parse
from tools.source.settings import read_yaml
from tools.source.words import editions, folder

LANGUAGES = editions()


class NotebookError(RuntimeError):
    """A chapter that cannot become a notebook; the message names file, line and mend."""


@dataclass
class Page:
    """One chapter of one edition, as read from its source."""

    name: str
    language: str
    source: Path
    chapter: NotebookNode

    @property
    def path(self) -> Path:
        return self.source.with_suffix(".ipynb")

    @property
    def code(self) -> list[str]:
        return [cell.source for cell in self.chapter.cells if cell.cell_type == "code"]


# -- what a chapter depends on ------------------------------------------------------------------------------------


@functools.cache
def imported_modules(source: str) -> frozenset[str]:
    """Names ``coursecode.x`` that Python source imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "coursecode"}
        elif isinstance(node, ast.ImportFrom):
            base = "coursecode" if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            if module.split(".")[0] == "coursecode":
                found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def module_files(cells: Iterable[str], package: Path) -> dict[str, Path]:
    """The files of ``coursecode`` that the cells run, by module name: imports of imports included."""
    files: dict[str, Path] = {}
    queue = sorted(imported_modules("\n".join(cells)))
    while queue:
        name = queue.pop()
        parts = name.split(".")[1:]
        candidates = (package.joinpath(*parts).with_suffix(".py"), package.joinpath(*parts, "__init__.py"))
        path = next((c for c in candidates if c.is_file()), None)
        if path is None or name in files:
            continue
        files[name] = path
        queue += sorted({"coursecode", *imported_modules(path.read_text(encoding="utf-8"))} - set(files))
    return files


def result_files(cells: Iterable[str], package: Path) -> dict[str, Path]:
    """The stored results that the cells may read: those named in quotes, their re-runs, and the benchmarks."""
    source = "\n".join(cells)
    names = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    results = package / "experiments" / "results"
    found = [path for part in ("*.json", "sceptic/*.json") for path in sorted(results.glob(part)) if path.stem in names]
    if "coursecode.experiments.load" in imported_modules(source):
        found += sorted(results.glob("benchmarks/*.json"))
    return {path.relative_to(results).as_posix(): path for path in found}


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def inputs(page: Page, root: Path) -> dict[str, Any]:
    """Digests of everything the outputs of a chapter depend on; stored in its notebook."""
    package = root / "src" / "coursecode"
    files = module_files(page.code, package) | result_files(page.code, package)
    pins = [root / "requirements.txt"]
    if "coursecode.d2l_bridge" in files:
        pins.append(root / "requirements-d2l.txt")
    lines = [line.split("#")[0].strip() for path in pins for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        "cells": [_digest(source) for source in page.code],
        "modules": {name: _digest(path.read_text(encoding="utf-8")) for name, path in sorted(files.items())},
        "environment": _digest(*(line for line in lines if line)),
    }


def record(page: Page, root: Path) -> NotebookNode | None:
    """The notebook that holds the outputs of a chapter: as made, in the page's language or else in another one.

    Code cells and their outputs are the same in all languages, so a notebook that a person changed is made again from
    its twin, without a run.
    """
    mirror = {language: root / folder(language) / "book" for language in LANGUAGES}
    twins = [book / page.path.name for language, book in mirror.items() if language != page.language]
    first = None
    for path in filter(as_made, (page.path, *twins)):
        notebook = nbformat.read(path, as_version=4)
        if not _change(notebook, page, root):
            return notebook
        first = first or notebook
    return first


def why_stale(page: Page, root: Path) -> str:
    """The reason why a chapter must be executed; empty when its notebook, or that of its twin, is current."""
    notebook = record(page, root)
    if notebook is None:
        return "its notebook was changed since it was made" if page.path.exists() else "it has no notebook yet"
    return _change(notebook, page, root)


def _change(notebook: NotebookNode, page: Page, root: Path) -> str:
    before, now = notebook.metadata.get("coursecode", {}), inputs(page, root)
    if before.get("environment") != now["environment"]:
        return "the pinned environment changed"
    old, new = before.get("modules", {}), now["modules"]
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if changed:
        return f"{', '.join(changed)} changed"
    cells = [_digest(cell.source) for cell in chapter_cells(notebook)]
    if cells != now["cells"]:
        first = next((i for i, (a, b) in enumerate(zip(cells, now["cells"], strict=False)) if a != b), None)
        return f"code cell {first + 1} changed" if first is not None else "a code cell was added or removed"
    if any(cell.execution_count is None for cell in chapter_cells(notebook)):
        return "its cells were never executed"
    return ""


class Verified:
    """The chapters whose notebooks were found right in both languages, by all that they are made of."""

    def __init__(self, root: Path, books: dict[str, Edition]) -> None:
        self.books, self.record = books, Record(root / "_build" / "made-notebooks.json")
        files = snapshot(root, "_config.yml", "book/references.bib", "requirements*.txt", "src/coursecode",
                         "tools")  # fmt: skip
        tables = [(book.pages, book.titles, sorted(book.notebooks), book.targets) for book in books.values()]
        self.shared = _digest(repr(files), repr(tables))

    def _made_of(self, name: str) -> str:
        files = [book.folder / f"{name}{suffix}" for book in self.books.values() for suffix in (".md", ".ipynb")]
        return _digest(self.shared, *(digest(path) if path.is_file() else "" for path in files))

    def others(self) -> list[str]:
        """The chapters to look at."""
        names = sorted(self.books["en"].notebooks)
        return [name for name in names if self.record.inputs.get(name) != self._made_of(name)]

    def add(self, names: Iterable[str]) -> None:
        self.record.write(inputs=self.record.inputs | {name: self._made_of(name) for name in names}, outputs={})


# -- execution ----------------------------------------------------------------------------------------------------


def _kernel_environment() -> dict[str, str]:
    """One thread and no user settings, so that outputs do not depend on who runs the cells."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0",
            "IPYTHONDIR": tempfile.mkdtemp(prefix="ipython-")}  # fmt: skip


SHORT_OF_MEMORY = (
    "Most likely memory was short: a chapter takes up to 600 MB. Close other programs and run the same command again; "
    "what is finished is kept."
)


def execute(page: Page, *, on_cell: Callable[[], None] = lambda: None) -> list[NotebookNode]:
    """Run the code cells of a chapter in a fresh kernel; the executed cells, or a NotebookError."""
    cells = [
        nbformat.v4.new_code_cell(c.source, metadata=c.metadata) for c in page.chapter.cells if c.cell_type == "code"
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": page.chapter.metadata.kernelspec})
    client = NotebookClient(
        notebook,
        timeout=600,
        startup_timeout=180,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # how a kernel cuts what it prints depends on how busy the machine is
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(page.source.parent)}},
        on_cell_executed=lambda **_: on_cell(),
    )
    try:
        _finish(client.async_execute(env=_kernel_environment()))
    except CellExecutionError as error:
        failed = next(i for i, c in enumerate(cells) if any(o.output_type == "error" for o in c.outputs))
        short = error.ename == "MemoryError" or "allocate memory" in error.evalue
        told = f"{_where(page, failed)}: the cell raised {error.ename}: {error.evalue}"
        raise NotebookError(f"{told}\n{SHORT_OF_MEMORY}" if short else told) from None
    except (DeadKernelError, RuntimeError) as error:
        raise NotebookError(
            f"{page.source}: the kernel that runs its cells ended ({type(error).__name__}: {error}). {SHORT_OF_MEMORY}"
        ) from None
    for i, cell in enumerate(cells):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise NotebookError(f"{_where(page, i)}: the cell wrote to stderr:\n{output.text.strip()}")
    return cells


def _finish(work: Coroutine[Any, Any, Any]) -> None:
    """Run to its end, in a thread of its own where a loop runs already, as beside a browser; the loop is closed."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, work).result()


def _where(page: Page, index: int) -> str:
    """``file:line`` of a chapter's code cell."""
    cells = parse(page.source).cells
    return f"{page.source}:{cells[index].line if index < len(cells) else 1}"


# -- the notebook -------------------------------------------------------------------------------------------------


def setup_cell(page: Page, book: Edition) -> NotebookNode:
    """The first code cell of a notebook, which no page shows: it installs the course where that is not installed."""
    repository = read_yaml(book.root / "_config.yml")["repository"]
    d2l = "coursecode.d2l_bridge" in imported_modules("\n".join(page.code))
    checks = "coursecode.check" in imported_modules("\n".join(page.code))
    source = _install.cell(
        d2l=d2l,
        speak=page.language if checks else "",
        repository=repository["url"],
        branch=repository["branch"],
    )
    return nbformat.v4.new_code_cell(source, id="setup", metadata={"tags": ["setup"]}, execution_count=1)


def with_pictures(cell: NotebookNode, folder: Path) -> NotebookNode:
    """A cell of text with the pictures that it shows in it: a notebook is often opened without the files beside it."""
    attachments = {}

    def attach(match: re.Match[str]) -> str:
        path = folder / match[2]
        if not path.is_file():
            raise NotebookError(f"{folder}: a page shows the picture {match[2]}, but there is no such file")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        attachments[path.name] = {kind: base64.b64encode(path.read_bytes()).decode("ascii")}
        return f"{match[1]}(attachment:{path.name})"

    cell.source = re.sub(r"(!\[[^\]]*\])\((?![a-z]+:)([^)\s]+)\)", attach, cell.source)
    if attachments:
        cell.attachments = attachments
    return cell


def chapter_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells of a notebook that stand in its page: all but the one that installs the course."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.get("id") != "setup"]


def _circumstances() -> dict[str, str]:
    """When, on what and with which versions a chapter is executed now, for the status page."""
    from coursecode.device import describe, pick

    device = pick()
    return {
        "date": date.today().isoformat(),
        "device": "CPU" if device.type == "cpu" else describe(device),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "matplotlib")},
    }


def assemble(page: Page, executed: list[NotebookNode], book: Edition, state: dict[str, Any]) -> NotebookNode:
    """The plain notebook: the chapter's text without MyST, its cells with their outputs, and stable cell ids."""
    cited: list[str] = []
    cells: list[NotebookNode] = []
    seen: dict[str, int] = {}
    outputs = iter(executed)
    count = 0

    def stable_id(kind: str, source: str) -> str:
        key = f"{kind}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
        seen[key] = seen.get(key, 0) + 1
        return key if seen[key] == 1 else f"{key}-{seen[key]}"

    for cell in page.chapter.cells:
        if cell.cell_type == "code":
            if not count:
                count = 1
                cells.append(setup_cell(page, book))
            count += 1
            done = next(outputs)
            cells.append(
                nbformat.v4.new_code_cell(
                    cell.source,
                    id=stable_id("code", cell.source),
                    metadata=_folded(cell.metadata),
                    execution_count=count,
                    outputs=[_numbered(output, count) for output in done.outputs],
                )
            )
        else:
            text = plain_markdown(cell.source, book, page.name, line=_line_of(page, cell.source), cited=cited)
            if text:
                cells.append(
                    with_pictures(nbformat.v4.new_markdown_cell(text, id=stable_id("text", text)), book.folder)
                )
    if closing := references(book, cited):
        cells.append(nbformat.v4.new_markdown_cell(closing, id=stable_id("text", closing)))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        "coursecode": {**state, "written": BLANK},
    }
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(notebook)
    return notebook


def _folded(metadata: NotebookNode) -> NotebookNode:
    """Code that its page folds is folded in JupyterLab and in Colab, too."""
    if "hide-input" not in metadata.get("tags", []):
        return metadata
    return NotebookNode({**metadata, "jupyter": {"source_hidden": True}, "cellView": "form"})


def _numbered(output: NotebookNode, count: int) -> NotebookNode:
    if output.output_type == "execute_result":
        output = NotebookNode({**output, "execution_count": count})
    return output


def _line_of(page: Page, source: str) -> int:
    text = page.source.read_text(encoding="utf-8")
    at = text.find(source.split("\n")[0])
    return text[: max(at, 0)].count("\n") + 1


def pages(root: Path, language: str, book: Edition, only: list[str]) -> list[Page]:
    """The chapters of an edition that have code cells, in the order of the table of contents."""
    chosen = [name for name in book.pages if name in book.notebooks and name in only]
    found = []
    for name in chosen:
        source = book.folder / f"{name}.md"
        try:
            found.append(Page(name, language, source, jupytext.read(source, fmt="md:myst")))
        except MystMetadataParsingError as error:
            raise NotebookError(f"{source}: {error}; a text with a colon in it needs quotation marks") from None
    return found


def make(root: Path = ROOT, *, only: list[str] | None = None, force: bool = False, check: bool = False) -> int:
    """Bring the notebooks of both editions up to date; the exit status."""
    books = {language: edition(root, language) for language in LANGUAGES}
    english_book = books["en"]
    unknown = sorted(set(only or []) - english_book.notebooks)
    if unknown:
        raise NotebookError(f"no chapter {', '.join(unknown)}; there are: {', '.join(sorted(english_book.notebooks))}")
    verified = Verified(root, books)
    only = only or (sorted(english_book.notebooks) if force else verified.others())
    if not only:
        print(f"{len(english_book.notebooks)} notebooks are current; no cell was run.")
        return 0
    english = pages(root, "en", english_book, only)
    reasons = {page.name: "FORCE was given" if force else why_stale(page, root) for page in english}
    stale = [page for page in english if reasons[page.name]]
    for page in stale:
        print(f"{'stale' if check else 'execute'} {page.name}: {reasons[page.name]}")
    if check and stale:
        return 1

    executed, problems = _execute(stale, english_book, root)
    failed = {name for name in reasons if reasons[name]} - set(executed)
    changed: list[str] = []
    for book in books.values():
        kept = [page for page in pages(root, book.language, book, only) if page.name not in failed]
        for page in kept:
            original = next(p for p in english if p.name == page.name)
            try:
                current = _rewrite(page, original, executed.get(page.name), book, check=check)
            except (NotebookError, PlainError) as error:
                problems.append(str(error))
                continue
            if not current:
                changed.append(str(page.path.relative_to(root)))
    for path in changed:
        print(f"{'stale' if check else 'wrote'} {path}: the text changed")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems and not (check and changed):
        verified.add(only)
    if not (stale or changed or problems):
        print(f"{len(english_book.notebooks)} notebooks are current; no cell was run.")
    return 1 if problems or (check and changed) else 0


def _execute(stale: list[Page], book: Edition, root: Path) -> tuple[dict[str, NotebookNode], list[str]]:
    """Run the pages' cells, two pages at a time, and write each notebook; what was executed, and what went wrong."""
    executed: dict[str, NotebookNode] = {}
    problems: list[str] = []
    try:
        for page in list(stale):
            try:  # a text that cannot be converted is reported before its cells cost any time
                assemble(page, [NotebookNode(outputs=[]) for _ in page.code], book, {})
            except PlainError as error:
                problems.append(str(error))
                stale.remove(page)
        if stale:  # a kernel that had to look through the fonts would say so on stderr, which is a fault of its cell
            importlib.import_module("matplotlib.font_manager")
        total = sum(len(page.code) for page in stale)
        # not as a context: leaving one after an interruption waits for its jobs
        pool = ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1))
        with tqdm(total=total, unit="cell", disable=not stale or not sys.stderr.isatty()) as bar:

            def tick() -> None:
                bar.update()

            jobs = {pool.submit(execute, page, on_cell=tick): page for page in stale}
            for job in as_completed(jobs):
                page = jobs[job]
                try:
                    cells = job.result()
                    # written as soon as it is done: an interruption later loses nothing of it
                    state = {**inputs(page, root), "executed": _circumstances()}
                    _write(page, cells, book, state)
                    executed[page.name] = nbformat.v4.new_notebook(cells=cells, metadata={"coursecode": state})
                except (NotebookError, PlainError) as error:
                    problems.append(str(error))
        pool.shutdown()
    except KeyboardInterrupt:
        print("\nInterrupted: finished notebooks are kept, the others are as they were.", file=sys.stderr)
        os._exit(130)  # kernels end with their parent; waiting for the pool would not stop them
    return executed, problems


def _rewrite(page: Page, original: Page, executed: NotebookNode | None, book: Edition, *, check: bool) -> bool:
    """Bring a page's notebook up to its text, with the outputs of its English original; whether it was already."""
    _same_cells(original, page)
    done = executed or record(original, book.root)
    if done is None:
        raise NotebookError(f"{original.path} was changed just now: run the same command again")
    before = done.metadata.get("coursecode", {}).get("executed")
    state = {**inputs(page, book.root), **({"executed": before} if before else {})}
    return _write(page, chapter_cells(done), book, state, check=check)


def _write(page: Page, cells: list[NotebookNode], book: Edition, state: dict[str, Any], *, check: bool = False) -> bool:
    """Whether the notebook on disk was already right; it is (re)written unless ``check``."""
    text = signed(nbformat.writes(assemble(page, cells, book, state)) + "\n")
    if check:
        return as_made(page.path) and page.path.read_text(encoding="utf-8") == text
    return not write(page.path, text, book.root)


def _same_cells(english: Page, page: Page) -> None:
    for i, (a, b) in enumerate(zip(english.code, page.code, strict=False)):
        if a != b:
            raise NotebookError(
                f"{_where(page, i)}: code cell {i + 1} differs from {_where(english, i)}; make both the same"
            )
    if len(english.code) != len(page.code):
        raise NotebookError(
            f"{page.source}: {len(page.code)} code cells, but {english.source} has {len(english.code)}; "
            "make both the same"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the notebooks of the book from its Markdown sources.")
    parser.add_argument("names", nargs="*", help="chapters (default: all)")
    parser.add_argument("--force", action="store_true", help="execute every chapter, current or not")
    parser.add_argument("--check", action="store_true", help="say what is stale and change nothing")
    arguments = parser.parse_args()
    try:
        sys.exit(make(only=arguments.names, force=arguments.force, check=arguments.check))
    except (NotebookError, PlainError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(unwritable("notebooks", error))
