"""Read the marks that tie a test to the book, ``@equation`` and ``@claim``, from the source of the tests."""

from __future__ import annotations

import ast
from pathlib import Path


def marks(tests: Path, name: str) -> list[tuple[str, Path, int]]:
    """(value, file, line) of each ``@name("value", …)`` on a test function or class below ``tests``."""
    found = []
    for file in sorted(tests.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if f"{name}(" in text else ():
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.lower().startswith("test"):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _called(decorator.func) == name:
                    found += [
                        (argument.value, file, decorator.lineno)
                        for argument in decorator.args
                        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                    ]
    return found


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))
