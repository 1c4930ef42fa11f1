"""What a page says about a stored result comes from its JSON: with other numbers in it, the page's outputs are other
ones, and its prose fails the check of numbers."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from IPython.core.formatters import DisplayFormatter
from problems import none
from root import ROOT

from coursecode.experiments import record, runner
from tools.rules import numbers, pages
from tools.rules.cells import outputs_of, text_of
from tools.source.chapters import Chapter, parse

STORED = re.compile(r'\bstored\("(\w+)"\)')
CASES = [
    (page.path, name)
    for page in pages(ROOT / "book").values()
    for name in dict.fromkeys(name for cell in page.cells for name in STORED.findall(cell.source))
]


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def defined(tree: ast.AST) -> set[str]:
    return names(tree, ast.Store) | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def needed(tree: ast.Module) -> set[str]:
    """The names that a cell uses before it gives them a value."""
    used: set[str] = set()
    given: set[str] = set()
    for statement in tree.body:
        used |= names(statement, ast.Load) - given
        given |= defined(statement)
    return used


def cells_that_show(page: Chapter) -> Iterator[tuple[str, ast.Module]]:
    """The cells that read a stored result, and those that use what they made of it, in order."""
    followed: set[str] = set()
    for cell in page.cells:
        tree = ast.parse(cell.source)
        if STORED.search(cell.source) or needed(tree) & followed:
            followed |= defined(tree)
            yield cell.source, tree
        else:
            followed -= defined(tree)


def shown(page: Chapter) -> dict[str, str]:
    """What those cells show, by their source, run with the page's imports and nothing else of it.

    A cell that needs something else, such as a trained net, is left out: more than the result decides what it shows.
    """
    namespace: dict[str, Any] = {}
    for cell in page.cells:
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([node], []), "page", "exec"), namespace)
    found = {}
    for source, tree in cells_that_show(page):
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(tree, "page", "exec"), namespace)
                value = eval(compile(ast.Expression(last.value), "page", "eval"), namespace) if last else None
        except NameError:
            continue
        data = DisplayFormatter().format(value)[0] if value is not None else {}
        found[source] = text_of({"text": printed.getvalue()}) + text_of({"data": data})
        plt.close("all")
    return found


def plain(text: str) -> list[str]:
    """The words of an output without the picture's size, which stands in it as text."""
    return re.sub(r"<Figure[^>]*>", "", text).split()


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the stored results, which ``stored`` reads instead."""
    copy = shutil.copytree(record.RESULTS, tmp_path / "results")
    monkeypatch.setattr(record, "RESULTS", copy)
    monkeypatch.setattr(plt, "show", lambda *_, **__: None)
    return copy


def change(file: Path) -> None:
    """Make every measured decimal a tenth smaller and every count larger; what was compared, such as a rate, stays."""
    result = json.loads(file.read_text(encoding="utf-8"))
    compared = {key for job in runner.plan_of(result["name"], "full").jobs for key in job}
    for row in result["rows"]:
        for key in row.keys() - compared:
            if isinstance(row[key], float):
                row[key] = round(0.9 * row[key], 6)
            elif key in ("MACs", "activations", "computed", "epochs", "parameters", "pruned", "updates"):
                row[key] += 3
    file.write_text(json.dumps(result), encoding="utf-8")


def copy_with(page: Chapter, outputs: dict[str, str], folder: Path) -> Chapter:
    """The page and its notebook in another folder, with other outputs for some cells."""
    notebook = json.loads(page.path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if (source := "".join(cell["source"])) in outputs:
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": outputs[source]}]
    copy = Path(shutil.copy(page.path, folder))
    copy.with_suffix(".ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return parse(copy)


def test_some_page_shows_every_stored_result() -> None:
    shown_somewhere = {name for _, name in CASES}
    none([f"{p}: no page shows it" for p in record.RESULTS.glob("*.json") if p.stem not in shown_somewhere])


@pytest.mark.slow
@pytest.mark.parametrize("path", list(dict.fromkeys(path for path, _ in CASES)), ids=lambda path: path.stem)
def test_other_results_change_every_output_that_shows_measurements(path: Path, results: Path) -> None:
    before = shown(parse(path))
    committed = outputs_of(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    for source, text in before.items():
        assert plain(text) == plain(committed[source]), source

    for file in [*results.glob("*.json"), *results.glob("sceptic/*.json")]:
        change(file)
    after = shown(parse(path))
    with_spread = [source for source, text in before.items() if "±" in text]
    assert with_spread
    assert [source for source in with_spread if after[source] == before[source]] == []


COUNTED = {"branch_algorithms"}  # what was counted has no spread


@pytest.mark.slow
@pytest.mark.parametrize(("path", "name"), CASES, ids=[f"{path.stem}-{name}" for path, name in CASES])
def test_another_result_changes_an_output_and_fails_the_prose(
    path: Path, name: str, results: Path, tmp_path: Path
) -> None:
    page = parse(path)
    before = shown(page)
    change(results / f"{name}.json")
    after = shown(page)
    changed = [text for source, text in before.items() if after[source] != text]
    assert changed
    assert name in COUNTED or any("±" in text for text in changed)

    for folder, outputs in (("as_it_was", before), ("changed", after)):
        (tmp_path / folder).mkdir()
        copy = copy_with(page, outputs, tmp_path / folder)
        problems = numbers.problems(copy, {copy.path.stem: copy})
        assert bool(problems) == (folder == "changed"), problems
