"""shift-lab: its halvings are those of the study, its distances those of its pictures, even shifts lose nothing."""

from __future__ import annotations

import math
import re

import pytest
import torch
from browser import say, text

from coursecode import plotting
from coursecode.experiments import stored
from coursecode.experiments.symmetry import HALVINGS
from coursecode.pooling import shifted

pytestmark = pytest.mark.slow
WAYS = ["every second", "maximum 2×2", "average 2×2", "blur, every second"]


def pictures(page) -> list[torch.Tensor]:
    """What the canvases hold: the image, then for each way the two maps; from 0 to 1, as far as 237 greys tell."""
    found = page.locator("canvas").evaluate_all(
        "all => all.map(c => [c.width, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        ".filter((_, i) => i % 4 === 0)])"
    )
    return [(torch.tensor(grey, dtype=torch.float64).reshape(side, side) - 18) / 237 for side, grey in found]


def percents(page) -> list[int]:
    return [int(re.sub(r"\D", "", t)) for t in page.locator(".ways td:last-child").all_inner_texts()]


def half_shifted(X: torch.Tensor, places: float) -> torch.Tensor:
    low, high = math.floor(places), math.ceil(places)
    return (shifted(X, shift=(0, low)) + shifted(X, shift=(0, high))) / 2


@pytest.mark.parametrize("image", ["line", "ink", "stripes"])
@pytest.mark.parametrize("shift", [0, 1, 4, 5])
def test_the_maps_are_those_of_the_study_and_so_are_their_distances(figure_pages, image, shift):
    (still, *_) = pictures(figure_pages.open("shift-lab", settings=f"shift=0&image={image}"))
    page = figure_pages.open("shift-lab", settings=f"shift={shift}&image={image}")
    X, *maps = pictures(page)
    assert torch.allclose(X, shifted(still[None, None], shift=(0, shift))[0, 0])
    for way, first, later, told in zip(WAYS, maps[::2], maps[1::2], percents(page), strict=True):
        halve = HALVINGS[way]()
        a, b = halve(X[None, None]), half_shifted(halve(still[None, None]), shift / 2)
        assert torch.allclose(first, a[0, 0], atol=0.005)
        assert torch.allclose(later, b[0, 0], atol=0.005)
        size = max(a.norm(), b.norm())
        assert told == pytest.approx(100 * float((a - b).norm() / size) if size else 0, abs=1)


@pytest.mark.parametrize("image", ["line", "ink", "stripes"])
def test_even_shifts_lose_nothing_and_odd_ones_least_where_it_is_blurred(figure_pages, image):
    for shift in range(7):
        page = figure_pages.open("shift-lab", settings=f"shift={shift}&image={image}")
        far = percents(page)
        if shift % 2:
            assert far.index(max(far)) == 0
            assert min(far) == far[3] < far[2]
        else:
            assert far == [0, 0, 0, 0]
        for way, percent in zip(WAYS, far, strict=True):
            assert f"{way} {percent} %" in say(page).replace("\xa0", " ")


def test_every_second_stripe_is_all_or_nothing(figure_pages):
    """The fastest wave becomes a flat map, which one is a matter of one pixel: that is aliasing."""
    page = figure_pages.open("shift-lab", settings="shift=0&image=stripes")
    assert pictures(page)[1].max() == 0
    page.locator(".handle").press("ArrowRight")
    assert pictures(page)[1].unique().tolist() == [0, 1]
    assert percents(page)[0] == 100


def test_the_arrow_keys_and_the_hand_shift_the_image(figure_pages):
    page = figure_pages.open("shift-lab", settings="shift=0")
    for key, shift in {"ArrowRight": 1, "ArrowLeft": 0, "End": 6, "Home": 0}.items():
        page.locator(".handle").press(key)
        assert say(page).startswith(f"A shift of {shift} ")
    box = page.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 30 + 3 * box["width"] / 28, box["y"] + 60, steps=3)
    page.mouse.up()
    assert say(page).startswith("A shift of 3 ")


def test_the_chart_has_a_line_for_each_way(figure_pages):
    page = figure_pages.open("shift-lab", settings="shift=3")
    heights = page.locator("polyline").evaluate_all(
        "all => all.map(l => l.getAttribute('points').split(' ').map(p => Number(p.split(',')[1])))"
    )
    ground = heights[0][0]
    assert [h[::2] for h in heights] == [[ground] * 4] * 4
    risen = [ground - h[3] for h in heights]
    for one, percent in zip(risen, percents(page), strict=True):
        assert one / risen[0] == pytest.approx(percent / percents(page)[0], abs=0.02)
    page.get_by_label("Predict first").check()
    assert page.locator("polyline").count() == 0
    assert "?" in text(page, ".ways")


def test_a_way_has_the_colour_that_it_has_in_the_plot_on_its_page(figure_pages):
    _, means, _ = stored("tolerance").curves(x="shift", by="halving", value="likeness", maps="trained")
    colours = dict(zip(means, plotting._COLOURS, strict=False))
    shown = (
        figure_pages.open("shift-lab")
        .locator(".ways i")
        .evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number))")
    )
    for way, colour in zip(WAYS, shown, strict=True):
        asked = [int(colours[way][i : i + 2], 16) for i in (1, 3, 5)]
        assert max(abs(a - b) for a, b in zip(asked, colour, strict=True)) <= 16, way
