"""mlp-to-conv: counts as in the ladder, outputs of a dense layer, which move with the input where they must."""

from __future__ import annotations

import re

import pytest
import torch
from browser import say, text

from coursecode import dense

pytestmark = pytest.mark.slow
STEPS = ("dense", "offset", "shared", "local", "conv")


def column(page, caption: str) -> list[int]:
    cells = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{caption}$"))).locator("td")
    return [int(cell.replace("−", "-")) for cell in cells.all_inner_texts()]


def weights(page) -> torch.Tensor:
    rows = page.locator(".weights").evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Number(c.textContent.replace('−', '-'))))"
    )
    return torch.tensor(rows)


@pytest.mark.parametrize(("size", "delta"), [(6, 1), (5, 2), (8, 0), (7, 3)])
def test_the_ladder_counts_the_weights_as_the_package_does(figure_pages, size, delta):
    page = figure_pages.open("mlp-to-conv", settings=f"size={size}&delta={delta}", reduced_motion="reduce")
    counts = [int(count) for count in page.locator(".ladder b").all_inner_texts()]
    ladder = dense.parameter_ladder(size, 1, delta=delta)  # along one axis
    assert counts == [size**2, ladder["dense"], ladder["shared"], 2 * delta + 1, 2 * delta + 1]
    for step, count in enumerate(counts):
        page.locator(".ladder button").nth(step).click()
        assert f"weights to learn: {count}." in say(page)
        W = weights(page)
        diagonals = [W.diagonal(a) for a in range(1 - size, size)]
        if step >= 2:
            assert all((values == values[0]).all() for values in diagonals)
        if step >= 3:
            assert all((values == 0).all() for a, values in enumerate(diagonals, 1 - size) if abs(a) > delta)


@pytest.mark.parametrize("morph", [0, 0.5, 1, 1.98, 2.4, 3, 3.7, 4])
@pytest.mark.parametrize("shift", [0, 2])
def test_the_output_is_the_matrix_that_is_shown_times_the_input(figure_pages, morph, shift):
    page = figure_pages.open("mlp-to-conv", settings=f"size=7&shift={shift}&morph={morph}")
    assert column(page, "H") == (weights(page) @ torch.tensor(column(page, "X"))).tolist()


def places(page) -> list[list[float]]:
    return page.locator(".weights").evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Math.round(c.getBoundingClientRect().x)))"
    )


def test_rows_slide_until_equal_offsets_stand_below_each_other_and_back(figure_pages):
    at = {m: places(figure_pages.open("mlp-to-conv", settings=f"morph={m}")) for m in (0, 1, 2, 3, 4)}
    for m in (0, 4):  # pixel below pixel
        assert all(max(xs) - min(xs) <= 1 for xs in zip(*at[m], strict=True))
    for m in (1, 2, 3):  # offset below offset
        for i, row in enumerate(at[m][1:], 1):
            assert all(abs(x - y) <= 1 for x, y in zip(row[1:], at[m][i - 1], strict=False))


def test_naming_the_weights_by_offset_changes_no_output(figure_pages):
    outputs = [column(figure_pages.open("mlp-to-conv", settings=f"morph={m}"), "H") for m in (0, 1)]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(("morph", "all_moved"), [(0, False), (1, False), (2, True), (3, True), (4, True)])
@pytest.mark.parametrize("shift", [1, 2, 4])
def test_the_output_moves_with_the_input_where_the_weights_are_shared(figure_pages, morph, all_moved, shift):
    still = column(figure_pages.open("mlp-to-conv", settings=f"size=8&morph={morph}"), "H")
    page = figure_pages.open("mlp-to-conv", settings=f"size=8&morph={morph}&shift={shift}")
    moved = column(page, "H")
    right = sum(a == b for a, b in zip(moved[shift:], still, strict=False))
    assert (right == 8 - shift) == all_moved
    assert text(page, ".stage").count("✓") == right
    assert ("all" in say(page).split("The input moved")[1]) == all_moved


def test_the_sentence_says_the_sum_and_lights_up_its_terms(figure_pages):
    page = figure_pages.open("mlp-to-conv", settings="at=2")
    x, (value,) = column(page, "X"), [column(page, "H")[2]]
    row = weights(page)[2].tolist()
    assert sum(w * v for w, v in zip(row, x, strict=True)) == value
    assert f"= {value};".replace("-", "−") in say(page)
    term = page.locator(".say .term").first
    w, v = (int(part.strip("()").replace("−", "-")) for part in term.inner_text().split("×"))
    term.hover()
    lit = page.locator("td[data-lit]").all_inner_texts()
    assert [int(cell.replace("−", "-")) for cell in lit] == [w, v]


def test_it_changes_before_the_readers_eyes_and_ends_as_a_convolution(figure_pages):
    page = figure_pages.open("mlp-to-conv", settings="morph=4", clock=True)
    page.get_by_role("button", name="Watch it change").click()
    page.clock.run_for(1200)
    seen = float(page.locator("#morph").input_value())
    assert 0 < seen < 4
    page.clock.run_for(6000)
    assert page.locator("#morph").input_value() == "4"
    assert page.locator(".say").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("size", [5, 6, 7, 8])
def test_a_dense_layer_looks_like_one(figure_pages, size):
    """No row and no diagonal of it looks as if weights were shared."""
    W = weights(figure_pages.open("mlp-to-conv", settings=f"size={size}&morph=0"))
    assert min(len(row.unique()) for row in W) > 2
    assert all(len(W.diagonal(a).unique()) > 1 for a in range(3 - size, size - 2))  # of three and more
    assert len({tuple(row.tolist()) for row in W}) >= size - 1
