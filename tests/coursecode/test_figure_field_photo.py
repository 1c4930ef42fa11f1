"""field-photo: what it draws over the photo is PyTorch's gradient, its squares are geometry's and what was measured."""

from __future__ import annotations

import json
import re

import pytest
import torch
import torch.nn.functional as F
from browser import note, say, text

from coursecode import figures, geometry
from tools.pictures import photo

pytestmark = pytest.mark.slow
PALE = 0.14
STACKS = ["", "layers=4&kernel=4", "layers=3&kernel=5&stride=2", "layers=5&dilation=2", "stack=strides", "stack=lenet",
          "stack=doubling", "stack=holes"]  # fmt: skip


def state(page) -> tuple[list[geometry.Layer], list[torch.Tensor], tuple[int, int]]:
    """The layers, their kernels and the output that the figure has."""
    layers, weights, at = json.loads(
        page.locator("field-photo").evaluate(
            "f => JSON.stringify([f.layers(f.state), f.stack.map((w) => [...w]), [f.state.row, f.state.column]])"
        )
    )
    stack = [geometry.Layer(*(one.get(name, default) for name, default in
             zip(geometry.Layer._fields, (None, 1, 0, 1), strict=True))) for one in layers]  # fmt: skip
    return stack, [torch.tensor(w, dtype=torch.float64) for w in weights], tuple(at)


def gradient(page) -> torch.Tensor:
    """That of the chosen output with respect to the photo, by PyTorch."""
    layers, weights, (i, j) = state(page)
    X = torch.zeros(1, 1, 150, 128, dtype=torch.float64, requires_grad=True)
    H = X
    for (k, s, p, d), w in zip(layers, weights, strict=True):
        before, after = geometry.pad_sides(p)
        H = F.conv2d(F.pad(H, (before, after, before, after)), w.reshape(1, 1, k, k), stride=s, dilation=d)
    return torch.autograd.grad(H[0, 0, i, j], X)[0][0, 0]


def pixels(page, at: int) -> torch.Tensor:
    """A canvas as the browser holds it: (height, width, 4)."""
    shape, data = (
        page.locator("canvas")
        .nth(at)
        .evaluate("c => [[c.height, c.width, 4], [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]")
    )
    return torch.tensor(data, dtype=torch.float64).reshape(shape)


def squares(page) -> list[list[float]]:
    """Top, left and side of the squares on the photo, in pixels."""
    found = page.locator(".whole .spot").evaluate_all(
        "all => all.map(s => [s.style.top, s.style.left, s.style.height, s.style.width].map(parseFloat))"
    )
    for *_, height, width in found:
        assert height * 1.5 == pytest.approx(width * 1.28, abs=0.01)
    return [[top * 1.5, left * 1.28, height * 1.5] for top, left, height, _ in found]


@pytest.mark.parametrize("settings", STACKS)
@pytest.mark.parametrize("weights", ["average", "random"])
def test_the_patch_is_the_field_and_its_strength_the_gradient(figure_pages, settings, weights):
    for place in ("", "row=1&column=4"):
        page = figure_pages.open(
            "field-photo", settings="&".join(filter(None, [settings, f"weights={weights}", place]))
        )
        layers, _, (i, j) = state(page)
        g = gradient(page).abs()
        field = geometry.receptive_field(layers)[-1]
        top, left = field.start + i * field.jump, field.start + j * field.jump
        rows, columns = (slice(max(0, at), min(n, at + field.size)) for at, n in ((top, 150), (left, 128)))
        assert torch.equal(g.nonzero().amin(0) >= torch.tensor([rows.start, columns.start]), torch.tensor([True, True]))
        assert g.count_nonzero() == g[rows, columns].count_nonzero() > 0, "nothing outside the field"
        # what is drawn: each pixel of the field, the stronger the larger its gradient
        drawn = pixels(page, 1)
        expected = 255 * (PALE + (1 - PALE) * g[rows, columns] / g.max())
        assert drawn.shape[:2] == expected.shape
        assert (drawn[..., 3] - expected).abs().max() <= 1
        strong = drawn[..., 3] == 255
        assert torch.equal(drawn[..., 0][strong], photo.grey().double()[rows, columns][strong])
        # the two squares and what the sentence says of them
        theory, heart = squares(page)
        assert theory == pytest.approx([top, left, field.size], abs=0.01)
        side = next(
            s for s in range(2 - field.size % 2, field.size + 1, 2) if inside(g, top, left, field.size, s) >= 0.9
        )
        assert heart == pytest.approx([top + (field.size - side) / 2, left + (field.size - side) / 2, side], abs=0.01)
        told = say(page)
        assert f"after {len(layers)} layers can see {field.size}×{field.size} pixels" in told
        held = round(100 * inside(g, top, left, field.size, side))
        if side < field.size:
            assert re.search(rf"{held}(\.\d+)? % lie in the middle {side}×{side}", told)
        assert page.locator(".facts b").all_inner_texts() == [f"{n} × {n}" for n in (field.size, side)]
        read, there = int(g.count_nonzero()), expected.numel()
        assert (f"It reads {read} of the {there} pixels" in told) == (read < there)
        assert ("outside the photo" in told) == (there < field.size**2)


def inside(g: torch.Tensor, top: int, left: int, size: int, side: int) -> float:
    """The share of g in the middle square of a field."""
    y, x = top + (size - side) // 2, left + (size - side) // 2
    return float(g[max(0, y) : y + side, max(0, x) : x + side].sum() / g.sum())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_the_photo_blue_is_above_zero_and_orange_below(figure_pages, theme):
    page = figure_pages.open("field-photo", settings="weights=random&layers=3", theme=theme)
    g, grey, drawn = gradient(page), photo.grey().double(), pixels(page, 0)
    coloured = (drawn[..., 0] != drawn[..., 2]).nonzero().tolist()
    assert len(coloured) > 20
    for sign, name in ((1, "above"), (-1, "below")):
        at = (sign * g).flatten().argmax()
        share = min(1, 1.1 * float(sign * g.flatten()[at] / g.abs().max()))
        colour = figures.COLOURS[name][theme]
        rgb = torch.tensor([int(colour[c : c + 2], 16) for c in (1, 3, 5)], dtype=torch.float64)
        expected = grey.flatten()[at] + share * (rgb - grey.flatten()[at])
        assert (drawn.reshape(-1, 4)[at, :3] - expected).abs().max() <= 1
    untouched = g == 0
    assert torch.equal(drawn[..., 0][untouched], grey[untouched])


def test_pointer_finger_and_keys_choose_the_output(figure_pages):
    page = figure_pages.open("field-photo", settings="stack=strides")
    box = page.locator(".whole canvas").bounding_box()

    def at(y: float, x: float) -> tuple[float, float]:
        return box["x"] + box["width"] * (x + 0.5) / 128, box["y"] + box["height"] * (y + 0.5) / 150

    page.mouse.move(*at(60, 40))
    top, left, size = squares(page)[0]
    for middle, pixel in ((top + size / 2, 60.5), (left + size / 2, 40.5)):
        assert abs(middle - pixel) <= 2, "no other output, four pixels on, is nearer"
    before = squares(page)[0]
    page.locator(".handle").press("ArrowRight")
    assert squares(page)[0] == pytest.approx([before[0], before[1] + 4, before[2]], abs=0.01)
    page.locator(".handle").press("Shift+ArrowDown")
    assert squares(page)[0] == pytest.approx([before[0] + 32, before[1] + 4, before[2]], abs=0.01)
    page.locator(".handle").press("End")
    assert "row 37, column 31" in say(page)
    page.locator(".handle").press("ArrowDown")
    assert "row 37, column 31" in say(page)
    page = figure_pages.open("field-photo", width=360, has_touch=True)
    box = page.locator(".whole canvas").bounding_box()
    page.touchscreen.tap(*at(20, 100))
    assert say(page).startswith("The output in row 20, column 100 ")


def test_another_stack_looks_at_the_same_place(figure_pages):
    page = figure_pages.open("field-photo", settings="row=60&column=80")
    for stack, off in (("lenet", 2), ("own", 0.5), ("strides", 2), ("doubling", 0.5)):
        before = squares(page)[0]
        page.get_by_label("Layers").select_option(stack)
        after = squares(page)[0]
        for axis in (0, 1):
            assert abs(after[axis] + after[2] / 2 - before[axis] - before[2] / 2) <= off + 0.01, stack


def test_a_reader_who_predicts_sees_the_field_and_not_where_the_weight_lies(figure_pages):
    page = figure_pages.open("field-photo", settings="predict=1")
    assert len(squares(page)) == 1
    assert page.locator(".facts b").all_inner_texts() == ["21 × 21", "?"]
    assert (pixels(page, 1)[..., 3] == 255).all()
    assert (pixels(page, 0)[..., 0] == photo.grey()).all()
    page.get_by_role("button", name="Reveal").click()
    assert len(squares(page)) == 2


def test_a_photo_that_does_not_come_is_told(figure_pages, tmp_path):
    page = figure_pages.open("field-photo")
    (tmp_path / "figures" / "photo.data.js").write_text("throw 0;", encoding="utf-8")
    page.reload(wait_until="load")
    assert say(page) == figures.words("field-photo")["missing"]
    assert not note(page)
    figure_pages.faults.clear()  # the browser says so, too
    assert text(page, ".board") == ""
