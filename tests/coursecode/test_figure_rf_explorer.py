"""rf-explorer: its fields and jumps are geometry's, the pixels it marks are those with a gradient."""

from __future__ import annotations

import pytest
import torch
from browser import note, say

from coursecode import geometry
from coursecode.correlation import correlate

pytestmark = pytest.mark.slow
STACKS = {
    "plain": (15, [(3, 1, 0, 1)] * 3),
    "strides": (31, [(3, 2, 0, 1), (3, 2, 0, 1), (3, 1, 0, 1), (3, 1, 0, 1)]),
    "lenet": (28, [(5, 1, 4, 1), (2, 2, 0, 1), (5, 1, 0, 1), (2, 2, 0, 1)]),
    "dilated": (20, [(3, 1, 3, 2), (2, 3, 1, 3)]),
}


def settings(stack: str, at: int) -> str:
    size, layers = STACKS[stack]
    names = ("kernel", "stride", "padding", "dilation")
    parts = [f"size={size}", f"depth={len(layers)}"]
    parts += [f"{n}{i}={v}" for i, layer in enumerate(layers, 1) for n, v in zip(names, layer, strict=True)]
    return "&".join([*parts, f"at={at}"])


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_fields_are_geometrys_and_the_seen_pixels_those_with_a_gradient(figure_pages, stack, where):
    size, layers = STACKS[stack]
    x = torch.zeros(1, 1, size, dtype=torch.float64, requires_grad=True)
    H, sizes = x, [size]
    for k, s, p, d in layers:
        H = correlate(H, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=p, dilation=d)
        sizes.append(H.shape[-1])
    at = {"first": 0, "middle": sizes[-1] // 2, "last": sizes[-1] - 1}[where]
    page = figure_pages.open("rf-explorer", settings=settings(stack, at))
    (gradient,) = torch.autograd.grad(H[0, 0, at], x)
    pixels = gradient[0, 0].nonzero().flatten().tolist()
    field = geometry.receptive_field([geometry.Layer(*layer) for layer in layers])
    rows = page.locator(".fields tbody tr").evaluate_all(
        "all => all.map(r => [...r.cells].slice(2).map(c => +c.textContent))"
    )
    assert rows == [[size, 1, 1], *([n, f.jump, f.size] for n, f in zip(sizes[1:], field, strict=True))]
    assert f"= {field[-1].size} pixels" in say(page)
    assert f"It sees {len(pixels)} of the {size} pixels" in say(page)
    start = max(0, field[-1].start + at * field[-1].jump)
    end = min(size - 1, field[-1].start + at * field[-1].jump + field[-1].size - 1)
    assert f"between {start} and {end}" in say(page)
    assert start <= pixels[0] <= pixels[-1] <= end


def test_whole_stacks_can_be_taken(figure_pages):
    page = figure_pages.open("rf-explorer")
    for button, field in {"Four 3×3 layers": 9, "With strides": 23, "LeNet": 16}.items():
        page.get_by_role("button", name=button).click()
        assert f"= {field} pixels" in say(page)
        assert not note(page)


def test_only_the_layer_under_change_shows_its_settings(figure_pages):
    page = figure_pages.open("rf-explorer")
    assert page.locator("#kernel1").is_visible()
    assert page.locator("#kernel2").is_hidden()
    page.locator("#edit").press("ArrowRight")
    assert page.locator("#kernel2").is_visible()
    page.locator("#stride2").press("ArrowRight")
    assert "5 + (3 − 1)×2 = 9 pixels" in say(page)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "The input of layer 2 has size 2"), ("zh", "第 2 层只得到 2 个像素")]
)
def test_a_layer_that_does_not_fit_is_named(figure_pages, language, told):
    page = figure_pages.open("rf-explorer", language=language, address="size=6&kernel1=5&depth=2")
    assert told in say(page)
    page.locator("#kernel1").press("Home")
    assert told not in say(page)


@pytest.mark.parametrize("depth", [3, 5])
def test_a_stack_that_does_not_fit_is_told_however_many_layers_follow(figure_pages, depth):
    page = figure_pages.open("rf-explorer", settings=f"size=5&depth={depth}")
    assert "The input of layer 3 has size 1" in say(page)
    assert page.locator(".cone").count() == 0
