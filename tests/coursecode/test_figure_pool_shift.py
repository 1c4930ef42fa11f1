"""pool-shift: what it pools is PyTorch's, and it counts what stays as the package does."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from browser import say, text

from coursecode.pooling import shifted, unchanged_fraction

pytestmark = pytest.mark.slow


def table(page, caption: str) -> torch.Tensor:
    rows = page.locator("table", has=page.locator("caption", has_text=caption)).evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Number(c.textContent)))"
    )
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (4, 1), (1, 3)])
@pytest.mark.parametrize("mode", ["max", "avg"])
@pytest.mark.parametrize("shift", [0, 1, 2])
def test_maps_are_pytorchs_and_unchanged_values_are_counted_as_in_the_package(
    figure_pages, window, stride, mode, shift
):
    settings = f"window={window}&stride={stride}&mode={mode}&shift={shift}"
    page = figure_pages.open("pool-shift", settings=settings)
    X = table(figure_pages.open("pool-shift", settings="shift=0"), "Map")
    assert torch.equal(table(page, "Map"), shifted(X[None, None], shift=(0, shift))[0, 0])
    names = {"X": table(page, "Map")[None, None], "F": F}
    Y = eval(text(page, ".code code"), names)[0, 0]
    assert torch.allclose(table(page, "Pooled now"), Y, atol=0.005)  # shown with two places

    def pool(x: torch.Tensor) -> torch.Tensor:
        return getattr(F, f"{mode}_pool2d")(x, window, stride=stride)

    same = round(unchanged_fraction(pool, X[None, None], shift=(0, shift)) * Y.numel())
    assert text(page, ".share") == f"unchanged: {same} of {Y.numel()}"
    assert page.locator("td.hot").count() == Y.numel() - same
    assert f"Of {Y.numel()} pooled values {same} are unchanged" in say(page)


def test_an_even_shift_moves_the_pooled_map_and_an_odd_one_does_not(figure_pages):
    moves = {}
    for shift in (1, 2):
        page = figure_pages.open("pool-shift", settings=f"shift={shift}")
        now, before = table(page, "Pooled now"), table(page, "Pooled before")
        moves[shift] = torch.equal(now[:, 1:], before[:, :-1])
    assert moves == {1: False, 2: True}


def test_the_arrow_keys_shift_the_map(figure_pages):
    page = figure_pages.open("pool-shift", settings="shift=0")
    board = page.locator(".handle")
    for key, shift in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", 3),
        ("ArrowRight", 3),
        ("Home", 0),
    ):
        board.press(key)
        assert re.match(rf"The map moved {shift} ", say(page))
