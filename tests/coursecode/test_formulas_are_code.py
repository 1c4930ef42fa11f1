"""The functions a reader meets are the formula: what a chapter prints is short, and its module mostly computes.

Counted are the lines of a module's definitions: without blank lines, comments, docstrings, imports and ``__all__``.
Of these, decorators, signatures (of functions and of classes), ``raise`` with the condition that leads to it, and
calls of checks do not compute.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from root import ROOT

import coursecode

SOURCE = Path(coursecode.__file__).parent
CHAPTERS = ("dense", "correlation", "geometry", "channels", "pooling", "lenet")
CHAPTERS += ("circular", "causal", "separable", "backward", "fast")
CHECKS = re.compile(r"check_\w+|comparable|position|explaining")  # each of them can only refuse what it is given


def lines(node: ast.AST) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))  # type: ignore[attr-defined]


def docstrings(tree: ast.AST) -> set[int]:
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    return {line for text in texts for line in lines(text)}


def signature(node: ast.AST) -> set[int]:
    """The lines of a definition before its body, decorators included."""
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return set(range(first, node.body[0].lineno)) or {first}


def refuses(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return any(isinstance(statement, ast.Raise) for statement in node.body)
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
        return isinstance(node.value.func, ast.Name) and CHECKS.fullmatch(node.value.func.id) is not None
    return isinstance(node, ast.Raise | ast.Assert)


def counted(text: str) -> tuple[int, int]:
    """How many lines compute, and of how many."""
    tree = ast.parse(text)
    apart = docstrings(tree)
    idle: set[int] = set()
    for node in ast.walk(tree):
        names = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        if names or isinstance(node, ast.Import | ast.ImportFrom):
            apart |= lines(node)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            idle |= signature(node)
        elif refuses(node):
            idle |= lines(node)
        elif isinstance(node, ast.With) and any(
            isinstance(call.func, ast.Name) and CHECKS.fullmatch(call.func.id)
            for item in node.items
            for call in ast.walk(item.context_expr)
            if isinstance(call, ast.Call)
        ):
            idle.add(node.lineno)
    written = {n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    written -= apart
    return len(written - idle), len(written)


def functions(text: str) -> Iterator[tuple[str, int]]:
    """Each function with its lines, the docstring, blank lines and comments apart."""
    tree, source = ast.parse(text), text.splitlines()
    apart = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            own = [n for n in sorted(lines(node) - apart) if source[n - 1].strip() and source[n - 1].strip()[0] != "#"]
            yield node.name, len(own)


@pytest.mark.parametrize("name", CHAPTERS)
def test_most_lines_of_a_chapters_module_compute(name: str) -> None:
    computing, written = counted((SOURCE / f"{name}.py").read_text(encoding="utf-8"))
    assert computing / written >= 0.6, f"{name}: {computing} of {written} lines compute"


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_function_of_a_chapters_module_is_longer_than_fifty_lines(name: str) -> None:
    text = (SOURCE / f"{name}.py").read_text(encoding="utf-8")
    assert {f: n for f, n in functions(text) if n > 50} == {}


def test_the_count_sees_what_does_not_compute() -> None:
    text = '''"""Module."""

import math

__all__ = [
    "f",
]


@declared(1)
def f(
    x,
):
    """Text."""
    # why
    if x < 0:
        raise ValueError(
            "negative"
        )
    check_int("f", "x", x)
    return math.sqrt(x)
'''
    assert counted(text) == (1, 10)
    assert list(functions(text)) == [("f", 9)]


# What chapters print


def shown() -> Iterator[tuple[str, str, str]]:
    """Page, call and source of everything that a cell of a chapter prints with ``show_source``."""
    for page in sorted((ROOT / "book").glob("*.md")):
        cells = re.findall(r"^```\{code-cell\}.*?^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        code = "\n".join(cells)
        calls = re.findall(r"^show_source\(.+\)$", code, re.MULTILINE)
        names: dict[str, object] = {}
        for line in re.findall(r"^from coursecode[\w.]* import (?:\([^)]*\)|.+)$", code, re.MULTILINE) if calls else []:
            exec(line, names)
        for call in calls:
            yield page.stem, call, repr(eval(call, names))


SHOWN = list(shown())


def test_chapters_print_sources() -> None:
    assert len(SHOWN) >= 9


@pytest.mark.parametrize(("page", "call", "source"), SHOWN, ids=[f"{page}-{call}" for page, call, _ in SHOWN])
def test_a_printed_source_fits_on_a_screen_and_can_be_copied(page: str, call: str, source: str) -> None:
    assert len(source.splitlines()) <= 12
    assert re.findall(r"(?<![\w.])_[a-z]\w*|\._[a-z]\w*|# type:", source) == []
