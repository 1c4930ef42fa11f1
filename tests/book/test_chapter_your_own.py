"""The steps of the page *Your own*, from a photo to 28 by 28, are those of the figure and of ``prepare_digit``."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from py_mini_racer import MiniRacer
from registry import claim
from torch import Tensor

from coursecode import figures
from coursecode.data import prepare_digit
from tests.drawn_digits import Drawing, drawings
from tools.source.chapters import parse

ROOT = Path(__file__).resolve().parents[2]
DRAWINGS = drawings()


@pytest.fixture(scope="module")
def js() -> MiniRacer:
    engine = MiniRacer()
    engine.eval("\n".join(map(figures.script, ["core", *figures.ordered("core.drawing")])))
    engine.eval(
        "var prepared = (strokes, width) => { const ink = CourseMath.paint(JSON.parse(strokes), width);"
        " return JSON.stringify([ink, CourseMath.centre(ink).image].map((t) => Array.from(t.data))); }"
    )
    return engine


@pytest.fixture(scope="module")
def full() -> Callable[[Tensor], Tensor]:
    """The page's own functions, read out of its cells."""
    space: dict[str, Any] = {"torch": torch}
    for cell in parse(ROOT / "book" / "your-own.md").cells:
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.FunctionDef) and statement.name in ("crop", "means", "scale", "middle"):
                exec(compile(ast.Module([statement], []), "your-own", "exec"), space)
    return lambda ink: space["middle"](space["scale"](space["crop"](ink)))


@claim("S39")
@pytest.mark.parametrize("drawing", DRAWINGS, ids=[f"{d.shape}, {d.hand}" for d in DRAWINGS])
def test_the_page_prepares_a_drawing_as_the_figure_does(
    js: MiniRacer, full: Callable[[Tensor], Tensor], drawing: Drawing
) -> None:
    ink, image = json.loads(js.call("prepared", json.dumps(drawing.strokes), drawing.pen))
    drawn = torch.tensor(ink, dtype=torch.float64).reshape(112, 112)
    expected = torch.tensor(image, dtype=torch.float64).reshape(28, 28)
    found = full(drawn)
    assert (found - expected).abs().max() < 1e-6
    assert (255 * found - prepare_digit(1 - drawn)[0, 0]).abs().max() <= 0.51


@claim("S39")
def test_a_matrix_of_means_keeps_a_constant_and_covers_each_pixel_once(full: Callable[[Tensor], Tensor]) -> None:
    space: dict[str, Any] = {"torch": torch}
    cells = parse(ROOT / "book" / "your-own.md").cells
    source = next(cell.source for cell in cells if "def means" in cell.source)
    exec(compile(ast.Module(ast.parse(source).body[:1], []), "your-own", "exec"), space)
    for count, length in ((20, 37), (20, 20), (7, 112), (20, 5)):
        matrix = space["means"](count, length)
        torch.testing.assert_close(matrix.sum(1), torch.ones(count, dtype=torch.float64))
        torch.testing.assert_close(matrix.sum(0), torch.full((length,), count / length, dtype=torch.float64))
