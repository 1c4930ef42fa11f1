"""conv-stepper: its sums are PyTorch's, its floor leaves out what geometry says, and nothing it is told breaks it."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from browser import note, say, text

from coursecode import geometry

pytestmark = pytest.mark.slow


def cells(page, caption: str) -> torch.Tensor:
    """The numbers of the table with this caption, those of the kernel's fields included."""
    rows = page.locator("table", has=page.locator("caption", has_text=caption)).first.evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Number(((c.querySelector('input') || {}).value"
        " || c.textContent).replace('−', '-').replace(',', ''))))"
    )
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(
    "settings",
    ["", "size=8&stride=3", "size=5&kernel=4&padding=3", "size=7&size_w=9&kernel_w=1&padding_w=4&stride_w=2&split=1",
     "image=band&weights=edge&kernel=2", "image=count&own=1,-2,0,4&weights=own&kernel=2",
     "size=8&dilation=2&stride=2&padding=3", "size=9&size_w=8&dilation_w=3&stride=3&padding_w=2&kernel=2&split=1"],
)  # fmt: skip
@pytest.mark.parametrize("flip", [0, 1])
def test_the_line_of_pytorch_gives_the_numbers_that_are_shown(figure_pages, settings, flip):
    page = figure_pages.open("conv-stepper", settings=f"{settings}&flip={flip}".strip("&"))
    shown = cells(page, "nput")
    kernel = cells(page, "ernel")
    code = text(page, ".code code")
    height, width = (int(page.locator(f"input#{s}").input_value()) for s in ("size", "size_w"))
    size = (height, width if "split" in settings else height)
    pads = [geometry.pad_sides(extra - n) for extra, n in zip(shown.shape, size, strict=True)]
    X = shown[pads[0][0] : pads[0][0] + size[0], pads[1][0] : pads[1][0] + size[1]][None, None]
    K = (kernel.flip(-2, -1) if flip else kernel)[None, None]  # the table shows the kernel as it lies on the input
    names = {"X": X, "K": K, "F": F}
    assert torch.equal(eval(code, names)[0, 0], cells(page, "Output"))
    assert ("flip" in code) == bool(flip)


@pytest.mark.parametrize("settings", ["", "dilation=2&padding=4", "kernel=4&padding=3&stride=2", "kernel=2&dilation=3"])
@pytest.mark.parametrize("flip", [0, 1])
def test_along_one_axis_the_line_of_pytorch_is_conv1d(figure_pages, settings, flip):
    page = figure_pages.open("conv-stepper", settings=f"line=1&size=9&{settings}&flip={flip}".replace("&&", "&"))
    shown, kernel, code = cells(page, "nput"), cells(page, "ernel"), text(page, ".code code")
    before = geometry.pad_sides(shown.shape[1] - 9)[0]
    names = {"X": shown[:, before : before + 9][None], "K": (kernel.flip(-1) if flip else kernel)[None], "F": F}
    assert shown.shape[0] == kernel.shape[0] == 1
    assert code.startswith("F.conv1d(")
    assert torch.equal(eval(code, names)[0], cells(page, "Output"))
    assert int(re.search(r"(\d+)$", text(page, ".formula").strip())[1]) == cells(page, "Output").shape[1]


@pytest.mark.parametrize(("k", "s", "d", "at"), [(3, 1, 2, 5), (2, 2, 3, 3), (3, 3, 2, 0)])
def test_a_dilated_window_is_framed_where_it_reads_and_hatched_is_what_none_reads(figure_pages, k, s, d, at):
    page = figure_pages.open("conv-stepper", settings=f"size=9&kernel={k}&stride={s}&dilation={d}&at={at}")
    X = torch.zeros(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
    Y = F.conv2d(X, torch.ones(1, 1, k, k, dtype=torch.float64), stride=s, dilation=d)[0, 0]
    place = "all => all.map(c => [c.parentNode.rowIndex, c.cellIndex])"
    inputs = page.locator("table.matrix").first
    (window,) = torch.autograd.grad(Y.flatten()[at], X, retain_graph=True)
    assert inputs.locator("td.window").evaluate_all(place) == window[0, 0].nonzero().tolist()
    (used,) = torch.autograd.grad(Y.sum(), X)
    assert inputs.locator("td.unread").evaluate_all(place) == (used[0, 0] == 0).nonzero().tolist()
    terms = [[int(n) for n in term.split("×")] for term in page.locator(".say .term").all_inner_texts()]
    shown, kernel = cells(page, "nput"), cells(page, "ernel")
    assert [x for x, _ in terms] == shown[window[0, 0] > 0].tolist()
    assert [w for _, w in terms] == kernel.flatten().tolist()


def test_a_pixel_names_the_dilated_windows_that_read_it(figure_pages):
    page = figure_pages.open("conv-stepper", settings="size=7&kernel=3&dilation=2&follow=pixel&at=24")
    X = torch.zeros(1, 1, 7, 7, requires_grad=True)
    Y = F.conv2d(X, torch.ones(1, 1, 3, 3), dilation=2)[0, 0]
    reading = [f"Y[{i},\u00a0{j}]" for i in range(3) for j in range(3)
               if torch.autograd.grad(Y[i, j], X, retain_graph=True)[0][0, 0, 3, 3]]  # fmt: skip
    assert say(page).split(". ", 1)[1] == ", ".join(reading)


@pytest.mark.parametrize(("n", "k", "d"), [(9, 3, 1), (9, 3, 2), (6, 2, 3)])
def test_causal_padding_stands_in_front_and_no_output_reads_what_comes_later(figure_pages, n, k, d):
    ahead = d * (k - 1)
    page = figure_pages.open(
        "conv-stepper", settings=f"line=1&causal=1&size={n}&kernel={k}&dilation={d}&padding={ahead}&at={n - 2}"
    )
    shown, kernel = cells(page, "nput")[0], cells(page, "ernel")[0]
    assert shown[:ahead].tolist() == [0] * ahead
    Y = F.conv1d(F.pad(shown[ahead:][None, None], (ahead, 0)), kernel[None, None], dilation=d)
    assert cells(page, "tput")[0].tolist() == Y.flatten().tolist()
    assert text(page, ".code code") == f"F.conv1d(F.pad(X, ({ahead}, 0)), K{f', dilation={d}' if d > 1 else ''})"
    window = page.locator("table.matrix").first.locator("td.window").evaluate_all("all => all.map(c => c.cellIndex)")
    assert window[-1] == n - 2 + ahead  # the output's own place, and nothing behind it


def test_the_sentence_says_the_sum(figure_pages):
    page = figure_pages.open("conv-stepper", settings="size=4&kernel=2&at=5&image=count")
    assert say(page).startswith("Output in row 1, column 2: 6×1 + 7×2 + 10×3 + 11×4 = 94.")
    page = figure_pages.open("conv-stepper", language="zh", settings="size=4&kernel=2&at=5&image=count")
    assert say(page).startswith("输出第 1 行第 2 列：6×1 + 7×2 + 10×3 + 11×4 = 94。")


@pytest.mark.parametrize(("n", "k", "p", "s"), [(8, 3, 0, 2), (7, 3, 0, 2), (9, 2, 1, 4), (5, 1, 0, 3)])
def test_hatched_pixels_are_those_in_no_window(figure_pages, n, k, p, s):
    page = figure_pages.open("conv-stepper", settings=f"size={n}&kernel={k}&padding={p}&stride={s}")
    counts = geometry.use_counts((n, n), kernel=k, padding=p, stride=s)
    place = "all => all.map(c => `${c.parentNode.rowIndex},${c.cellIndex}`)"
    unread = page.locator("td.unread:not(.frame)").evaluate_all(place)
    before = geometry.pad_sides(p)[0]
    expected = {f"{i + before},{j + before}" for i, j in (counts == 0).nonzero().tolist()}
    assert set(unread) == expected
    left = geometry.dropped(n, kernel=k, padding=p, stride=s)
    assert (f"below: {left}." in text(page, ".leftover")) == bool(left)
    assert int(re.search(r"(\d+)$", text(page, ".formula").strip())[1]) == geometry.output_size(
        n, kernel=k, padding=p, stride=s
    )


def test_a_pixel_names_the_windows_in_which_it_stands(figure_pages):
    page = figure_pages.open("conv-stepper", settings="size=5&kernel=3&stride=2&follow=pixel&at=12")
    names = "Y[0, 0], Y[0, 1], Y[1, 0], Y[1, 1]"
    assert say(page).replace("\u00a0", " ") == f"Windows that hold the pixel in row 2, column 2: 4. {names}"
    assert page.locator("td.hot").count() == 5
    page.locator("table.matrix td").first.click()
    assert say(page) == "Windows that hold the pixel in row 0, column 0: 1. Y[0,\u00a00]"
    page.locator("table").last.locator("td").last.click()
    assert say(page).startswith("Output in row 1, column 1")


@pytest.mark.parametrize(
    ("language", "told"), [("en", "The 5×5 kernel does not fit the 3×3 input"), ("zh", "5×5 的卷积核放不进 3×3 的输入")]
)
def test_a_kernel_larger_than_the_padded_input_is_explained(figure_pages, language, told):
    page = figure_pages.open("conv-stepper", language=language, address="size=2&kernel=5&padding=1")
    assert told in say(page)
    assert page.locator(".code").is_hidden()
    page.locator("#padding").press("End")
    assert told not in say(page)
    assert page.locator("table").count() == 3


def test_a_stride_of_0_is_refused(figure_pages):
    page = figure_pages.open("conv-stepper", address="stride=0&size=5")
    assert note(page) == "Stride s (stride) cannot be 0: allowed is 1 … 4. The figure goes on with 1."
    assert text(page, ".formula").strip().endswith("3")


def test_weights_can_be_written_and_nonsense_in_a_cell_is_told(figure_pages):
    page = figure_pages.open("conv-stepper", settings="size=3&kernel=2&image=count&weights=sum")
    first = page.locator("input[inputmode]").first
    first.fill("-2")
    assert say(page).startswith("Output in row 0, column 0: 0×(−2) + 1×1 + 3×1 + 4×1 = 8.")
    assert page.locator("#weights").input_value() == "own"
    first.fill("cat")
    assert "cannot be cat" in note(page)
    assert "goes on with −2" in note(page)
    assert "0×(−2)" in say(page)
    page.wait_for_timeout(500)
    page.reload()
    assert "0×(−2)" in say(page)


def test_a_term_of_the_sentence_lights_up_with_its_pixel_and_its_weight_and_they_with_it(figure_pages):
    page = figure_pages.open("conv-stepper", settings="size=4&kernel=2&at=5&image=count")
    lit = "all => all.map(e => (e.querySelector('input') || {}).value || e.textContent)"
    page.locator(".say .term").nth(2).hover()
    assert sorted(page.locator("[data-lit]").evaluate_all(lit)) == ["10", "10×3", "3"]
    page.locator(".kernel td").nth(1).hover()
    assert sorted(page.locator("[data-lit]").evaluate_all(lit)) == ["2", "7", "7×2"]
    page.mouse.move(0, 0)
    page.locator(".say .term").first.focus()
    page.keyboard.press("ArrowRight")
    assert sorted(page.locator("[data-lit]").evaluate_all(lit)) == ["2", "7", "7×2"]


def test_the_window_can_be_pulled_and_an_output_looked_at_without_losing_the_place(figure_pages):
    page = figure_pages.open("conv-stepper")
    assert say(page).startswith("Output in row 0, column 0")
    first, third = (page.locator(".grab td").nth(i).bounding_box() for i in (0, 6 * 2 + 1))
    page.mouse.move(first["x"] + 9, first["y"] + 9)
    page.mouse.down()
    page.mouse.move(third["x"] + 9, third["y"] + 9, steps=4)
    page.mouse.up()
    assert say(page).startswith("Output in row 2, column 1")
    page.locator("table").last.locator("td").last.hover()
    assert say(page).startswith("Output in row 3, column 3")
    page.mouse.move(0, 0)
    assert say(page).startswith("Output in row 2, column 1")
