"""What the checks of the book share: each check returns a list of "file:line: problem: mend"."""

from __future__ import annotations

import ast
from pathlib import Path


def none(problems: list[str]) -> None:
    """Fail with one problem a line."""
    assert not problems, f"{len(problems)} found\n" + "\n".join(problems)


def marks(tests: Path, name: str) -> list[tuple[str, str]]:
    """(value, place) of each ``@name("value", …)`` on a test function or class below ``tests``."""
    found = []
    for file in sorted(tests.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.lower().startswith("test"):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _called(decorator.func) == name:
                    found += [
                        (argument.value, f"{file}:{decorator.lineno}")
                        for argument in decorator.args
                        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                    ]
    return found


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))
