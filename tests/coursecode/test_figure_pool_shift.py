"""pool-shift: what it pools is PyTorch's, and it counts what stays as the chapter does."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from browser import say, text

from coursecode.pooling import shifted

pytestmark = pytest.mark.slow


def table(page, caption: str) -> torch.Tensor:
    rows = page.locator("table", has=page.locator("caption", has_text=caption)).evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Number(c.textContent)))"
    )
    return torch.tensor(rows, dtype=torch.float64)


def kept(before: torch.Tensor, after: torch.Tensor) -> str:
    """The chapter's count: what is unchanged, among what holds something before or after."""
    something = (before != 0) | (after != 0)
    return f"{int((before == after)[something].sum())} / {int(something.sum())}"


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (4, 1), (1, 3)])
@pytest.mark.parametrize("mode", ["max", "avg"])
def test_maps_are_pytorchs_and_what_stays_is_counted_as_in_the_chapter(figure_pages, window, stride, mode):
    settings = f"window={window}&stride={stride}&mode={mode}"
    still = table(figure_pages.open("pool-shift", settings=f"shift=0&{settings}"), "Map")

    def pooled(x: torch.Tensor) -> torch.Tensor:
        return eval(text(page, ".code code"), {"X": x[None, None], "F": F})[0, 0]

    for shift in (0, 1, 2, 4):
        page = figure_pages.open("pool-shift", settings=f"shift={shift}&{settings}")
        X = table(page, "Map")
        assert torch.equal(X, shifted(still[None, None], shift=(0, shift))[0, 0])
        assert torch.equal(X.sum(), still.sum()), "no part of the digit has left the map"
        now, before = pooled(X), pooled(still)
        assert torch.allclose(table(page, "Pooled now"), now, atol=0.005)  # shown with two places
        shares = page.locator(".shares > span").all_inner_texts()[1::2]
        assert shares == [kept(still, X), kept(before, now)]
        by = shift // stride
        along = shifted(before[None, None], shift=(0, by))[0, 0]
        assert text(page, ".verdict b") == str(int((now != along).sum()))
        told = f"Moved along by {by}, {int((now != along).sum())} of the {now.numel()} pooled values differ."
        assert told in say(page)
        assert page.locator("table").nth(1).locator("td.hot").count() == int((now != along).sum())
        page.locator("#compare").select_option("place")
        assert text(page, ".verdict b") == str(int((now != before).sum()))


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_the_framed_pixels_are_the_winners(figure_pages, shift):
    page = figure_pages.open("pool-shift", settings=f"shift={shift}")
    X = table(page, "Map")
    values, at = F.max_pool2d(X[None, None], 2, return_indices=True)
    framed = (
        page.locator("table")
        .first.locator("td.hot")
        .evaluate_all("all => all.map(c => 10 * c.parentNode.rowIndex + c.cellIndex)")
    )
    assert set(framed) == set(at[values > 0].tolist())


def test_a_pooled_value_lights_up_its_window(figure_pages):
    page = figure_pages.open("pool-shift", settings="shift=1")
    page.locator("table").nth(1).locator("td").nth(5 + 2).hover()
    lit = (
        page.locator("table")
        .first.locator("td[data-lit]")
        .evaluate_all("all => all.map(c => [c.parentNode.rowIndex, c.cellIndex])")
    )
    assert lit == [[2, 4], [2, 5], [3, 4], [3, 5]]


def test_the_arrow_keys_and_the_hand_shift_the_map(figure_pages):
    page = figure_pages.open("pool-shift", settings="shift=0")
    keys = {"ArrowRight": 1, "ArrowLeft": 0, "End": 4, "Home": 0}
    for key, shift in keys.items():
        page.locator(".handle").press(key)
        assert re.match(rf"A shift of {shift} ", say(page))
    box = page.locator("table").first.bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 30 + 0.3 * box["width"], box["y"] + 60, steps=3)
    page.mouse.up()
    assert say(page).startswith("A shift of 3 ")


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 2), (4, 4)])
def test_it_says_exactly_where_no_value_differs_and_names_the_columns_otherwise(figure_pages, window, stride):
    """A window that is larger than the stride reaches pixels at the edge that the moved map never had."""
    for shift in range(0, 5, stride):
        page = figure_pages.open("pool-shift", settings=f"shift={shift}&window={window}&stride={stride}")
        differing = page.locator("table").nth(1).locator("td.hot").evaluate_all("all => all.map(c => c.cellIndex)")
        assert ("exactly" in say(page)) == (differing == [])
        assert ("only in the first columns" in say(page)) == (differing != [])
        assert all(column < shift // stride for column in differing)
