"""Read the marks that tie a test to the book, ``@equation`` and ``@claim``, from the source of the tests."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.machine.fresh import remembered


def marks(tests: Path, name: str) -> list[tuple[str, Path, int]]:
    """(value, file, line) of each ``@name("value", …)`` on a test function or class below ``tests``."""
    return [
        (value, file, line)
        for file in sorted(tests.rglob("*.py"))
        for called, value, line in _marks(file, file.read_text(encoding="utf-8"))
        if called == name
    ]


@remembered
def _marks(file: Path, text: str) -> list[tuple[str, str, int]]:
    """The name of each mark with a text, the text and the line."""
    return [
        (_called(decorator.func), argument.value, decorator.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name.lower().startswith("test")
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))
