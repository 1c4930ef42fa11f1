"""conv-backward: its gradients are PyTorch's, its sentence is their sum, and what is lit takes part in it."""

from __future__ import annotations

import math
import re

import pytest
import torch
import torch.nn.functional as F
from browser import say, text

pytestmark = pytest.mark.slow


def tables(page) -> dict[str, torch.Tensor]:
    found = page.locator("table.matrix").evaluate_all(
        "all => all.map(t => [t.caption.textContent.replace(/ \\(.*/, ''), [...t.rows].map(r => [...r.cells].map("
        "c => Number(c.textContent.replace('−', '-'))))])"
    )
    return {caption: torch.tensor(rows, dtype=torch.float64) for caption, rows in found}


def products(sentence: str) -> list[int]:
    """The products that a sentence writes out, such as (−2)×(−1)."""
    plain = sentence.replace("−", "-")
    return [int(a) * int(b) for a, b in re.findall(r"(-?\d+)\)?×\(?(-?\d+)", plain)]


def cell(page, caption: str, i: int, j: int):
    table = page.locator("table.matrix").filter(has=page.locator("caption", has_text=re.compile(f"^{caption}$")))
    return table.locator("tr").nth(i).locator("td").nth(j)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(3, 2, 1), (3, 2, 2), (5, 3, 2), (6, 3, 1), (6, 2, 2)])
@pytest.mark.parametrize("upstream", ["numbers", "ones", "one"])
def test_the_gradients_are_pytorchs(figure_pages, size, kernel, stride, upstream):
    page = figure_pages.open(
        "conv-backward", settings=f"size={size}&kernel={kernel}&stride={stride}&upstream={upstream}"
    )
    shown = tables(page)
    X, K = (shown[name][None, None].requires_grad_() for name in "XK")
    assert torch.equal(F.conv2d(X, K, stride=stride)[0, 0], shown["Y"])
    names = {"torch": torch, "F": F, "X": X, "K": K, "G": shown["G"][None, None]}
    grad_X, grad_K = eval(text(page, ".code code"), names)
    assert torch.equal(grad_X[0, 0], shown["∂ℓ/∂X"])
    assert torch.equal(grad_K[0, 0], shown["∂ℓ/∂K"])


@pytest.mark.parametrize(("size", "kernel", "stride"), [(3, 2, 1), (5, 3, 2), (6, 2, 2)])
@pytest.mark.parametrize(("follow", "gradient"), [("pixel", "∂ℓ/∂X"), ("weight", "∂ℓ/∂K")])
def test_the_sentence_is_the_sum_of_each_entry(figure_pages, size, kernel, stride, follow, gradient):
    page = figure_pages.open("conv-backward", settings=f"size={size}&kernel={kernel}&stride={stride}&follow={follow}")
    handle = page.locator(".handle")
    for value in tables(page)[gradient].flatten().tolist():
        sentence = say(page)
        assert sum(products(sentence)) == value
        told = re.search(r"= (−?\d+)\.", sentence)
        assert (told and int(told[1].replace("−", "-"))) == (value if told else None)
        handle.press("ArrowRight")


def test_outputs_hand_on_their_gradients_one_after_the_other(figure_pages):
    page = figure_pages.open("conv-backward", settings="follow=output&size=4&kernel=3&stride=1")
    still = figure_pages.open("conv-backward", settings="size=4&kernel=3&stride=1")
    shown = tables(still)
    handle, before = page.locator(".handle"), (torch.zeros(4, 4).double(), torch.zeros(3, 3).double())
    for at in range(4):
        i, j = divmod(at, 2)
        now = tables(page)
        handed = torch.zeros(4, 4).double()
        handed[i : i + 3, j : j + 3] = shown["G"][i, j] * shown["K"]
        assert torch.equal(now["∂ℓ/∂X"] - before[0], handed)
        assert torch.equal(now["∂ℓ/∂K"] - before[1], shown["G"][i, j] * shown["X"][i : i + 3, j : j + 3])
        assert products(say(page)) == [
            *handed[i : i + 3, j : j + 3].flatten().tolist(),
            *(now["∂ℓ/∂K"] - before[1]).flatten().tolist(),
        ]
        assert f"{at + 1} of 4" in say(page)
        before = now["∂ℓ/∂X"], now["∂ℓ/∂K"]
        handle.press("ArrowRight")
    assert torch.equal(before[0], shown["∂ℓ/∂X"])
    assert torch.equal(before[1], shown["∂ℓ/∂K"])


@pytest.mark.parametrize(("size", "kernel", "stride"), [(3, 2, 1), (6, 3, 2), (5, 2, 2)])
def test_the_way_back_as_a_layer_is_the_transposed_convolution(figure_pages, size, kernel, stride):
    settings = f"view=layer&size={size}&kernel={kernel}&stride={stride}"
    page = figure_pages.open("conv-backward", settings=settings)
    shown = tables(page)
    names = {"F": F, "G": shown["Input"][None, None], "K": shown["K"][None, None]}
    up = eval(text(page, ".code code"), names)[0, 0]
    assert torch.equal(up, shown["Output"])
    page = figure_pages.open("conv-backward", settings=f"{settings}&follow=output")
    page.locator(".handle").press("End")
    assert torch.equal(tables(page)["Output"], up), "the last stamp completes it"


def test_a_term_lights_up_its_two_factors(figure_pages):
    page = figure_pages.open("conv-backward", settings="at=4")
    for term in page.locator(".say .term").all():
        term.hover()
        lit = page.locator("td[data-lit]").all_inner_texts()
        (value,) = products(term.inner_text())
        assert len(lit) == 3, "the gradient, its output, and the weight"
        numbers = [int(v.replace("−", "-")) for v in lit]
        assert math.prod([numbers[0], numbers[2]]) == value


def test_every_entry_can_be_looked_at(figure_pages):
    page = figure_pages.open("conv-backward")
    start = say(page)
    cell(page, "G", 1, 0).hover()
    assert say(page).startswith("The output in row 1, column 0 hands on its G = 3")
    page.mouse.move(2, 2)
    assert say(page) == start


def test_nothing_moves_away_under_the_mouse(figure_pages):
    """Who looks at an entry does not change the height of the board, or the entry would leave the mouse."""
    for width in (360, 768, 1280):
        page = figure_pages.open("conv-backward", settings="size=6&kernel=3&stride=2", width=width)
        places = []
        for caption in ("X", "K", "Y", "∂ℓ/∂K", "G"):
            cell(page, caption, 0, 1).hover()
            places.append(page.locator("table.matrix").last.bounding_box())
        assert all(place == places[0] for place in places)


def test_every_entry_can_be_pressed(figure_pages):
    page = figure_pages.open("conv-backward")
    for caption, beginning in (("K", "∂ℓ/∂K"), ("∂ℓ/∂K", "∂ℓ/∂K"), ("∂ℓ/∂X", "∂ℓ/∂X"), ("X", "∂ℓ/∂X")):
        cell(page, caption, 1, 1).click()
        assert say(page).startswith(f"{beginning} in row 1, column 1")
    cell(page, "Y", 1, 1).click()
    assert say(page).startswith("The output in row 1, column 1")


def test_a_pixel_that_the_stride_leaves_out_has_no_gradient(figure_pages):
    page = figure_pages.open("conv-backward", settings="size=6&kernel=3&stride=2&at=35")
    assert say(page).startswith("The pixel in row 5, column 5 is in 0 windows")
    assert tables(page)["∂ℓ/∂X"][5].tolist() == [0] * 6


@pytest.mark.parametrize("follow", ["pixel", "weight", "output"])
def test_a_negative_number_behind_a_plus_or_a_comma_stands_in_brackets(figure_pages, follow):
    page = figure_pages.open("conv-backward", settings=f"size=6&kernel=3&follow={follow}")
    said = set()
    for at in range(9):
        page.locator("conv-backward").evaluate("(figure, at) => figure.set({ at })", at)
        said.add(say(page))
        assert not re.search(r"[+,×] −", say(page).replace("×−", "× −")), say(page)
    assert len(said) == 9
