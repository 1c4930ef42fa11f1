"""mlp-to-conv: counts as in the ladder, outputs of a dense layer, which move with the input where they must."""

from __future__ import annotations

import re

import pytest
import torch
from browser import say, text

pytestmark = pytest.mark.slow
STEPS = ("dense", "offset", "shared", "local")


def column(page, caption: str) -> list[int]:
    cells = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{caption}$"))).locator("td")
    return [int(cell.replace("−", "-")) for cell in cells.all_inner_texts()]


@pytest.mark.parametrize(("size", "delta"), [(8, 1), (5, 2), (10, 0), (5, 4)])
def test_the_ladder_counts_the_different_weights(figure_pages, size, delta):
    page = figure_pages.open("mlp-to-conv", settings=f"size={size}&delta={delta}")
    counts = [int(count) for count in page.locator(".ladder b").all_inner_texts()]
    assert counts == [size**2, size**2, 2 * size - 1, 2 * delta + 1]
    for step, count in zip(STEPS, counts, strict=True):
        page.locator(".ladder button").nth(STEPS.index(step)).click()
        names = page.locator(".weights td").all_inner_texts()
        assert len({name for name in names if name != "·"}) == count
        assert f"{count} different weights" in say(page)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("shift", [0, 2, 4])
def test_the_output_is_the_matrix_times_the_input(figure_pages, step, shift):
    page = figure_pages.open("mlp-to-conv", settings=f"size=9&shift={shift}&step={step}")
    weights = page.locator("mlp-to-conv").evaluate(
        "f => Array.from({length: 9}, (_, i) => Array.from({length: 9}, (_, k) => f.weight(f.state, i, k)))"
    )
    W, x = torch.tensor(weights), torch.tensor(column(page, "X"))
    assert column(page, "H") == (W @ x).tolist()
    if step in ("shared", "local"):
        assert torch.equal(W[:-1, :-1], W[1:, 1:])
    if step == "local":
        assert W.triu(2).count_nonzero() == W.tril(-2).count_nonzero() == 0


def test_naming_the_weights_by_offset_changes_no_output(figure_pages):
    outputs = [column(figure_pages.open("mlp-to-conv", settings=f"step={step}"), "H") for step in ("dense", "offset")]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("step", "all_moved"), [("dense", False), ("offset", False), ("shared", True), ("local", True)]
)
@pytest.mark.parametrize("shift", [1, 3])
def test_the_output_moves_with_the_input_where_the_weights_are_shared(figure_pages, step, all_moved, shift):
    still = column(figure_pages.open("mlp-to-conv", settings=f"step={step}"), "H")
    page = figure_pages.open("mlp-to-conv", settings=f"step={step}&shift={shift}")
    moved = column(page, "H")
    right = sum(a == b for a, b in zip(moved[shift:], still, strict=False))
    assert (right == 8 - shift) == all_moved
    assert text(page, ".stage").count("✓") == right
    assert ("all" in say(page).split(";")[1]) == all_moved


def test_the_sentence_says_the_sum(figure_pages):
    page = figure_pages.open("mlp-to-conv", settings="at=2")
    x, (value,) = column(page, "X"), [column(page, "H")[2]]
    weights = page.locator("mlp-to-conv").evaluate("f => [1, 2, 3].map(k => f.weight(f.state, 2, k))")
    assert sum(w * x[k] for w, k in zip(weights, (1, 2, 3), strict=True)) == value
    assert f"= {value};".replace("-", "−") in say(page)
