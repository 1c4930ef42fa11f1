"""The grader is read by who trusts it with marks: no function of it is longer than a screen."""

import ast

from root import ROOT


def long_functions(source: str, lines: int) -> list[str]:
    """The functions of a module that have more lines than this, inner ones too."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [node.name for node in found if (node.end_lineno or 0) - node.lineno >= lines]


def test_no_function_is_longer_than_a_screen():
    modules = sorted((ROOT / "src" / "coursegrade").rglob("*.py"))
    assert len(modules) > 50
    long = {path.name: names for path in modules if (names := long_functions(path.read_text(encoding="utf-8"), 50))}
    assert long == {}


def test_a_long_function_is_found():
    body = "".join(f"    x = {n}\n" for n in range(50))
    assert long_functions(f"def f():\n{body}", 50) == ["f"]
    assert long_functions(f"def f():\n{body[: body.rindex('    x')]}", 50) == []
