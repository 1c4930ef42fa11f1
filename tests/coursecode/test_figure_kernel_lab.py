"""kernel-lab: the book's photo pixel by pixel, PyTorch's outputs, own photo and camera; nothing leaves the page."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from browser import CHROMIUM, note, say, text, write_page
from left_out import need
from PIL import Image

from tools.pictures import photo

KERNELS = ("edges", "rows", "outline", "sharpen", "emboss", "blur", "gauss", "same")


def numbers(page, caption: str) -> torch.Tensor:
    rows = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{caption}$"))).evaluate(
        "t => [...t.rows].map(r => [...r.cells].map(c => Number(((c.querySelector('input') || {}).value"
        " || c.textContent).replace('−', '-').replace(',', ''))))"
    )
    return torch.tensor(rows, dtype=torch.float64)


# on a canvas of one's own: to read the page's again and again makes the browser say so
READ = """shown => {
  const own = document.createElement("canvas");
  [own.width, own.height] = [shown.width, shown.height];
  const pen = own.getContext("2d", {willReadFrequently: true});
  pen.drawImage(shown, 0, 0);
  return [...pen.getImageData(0, 0, own.width, own.height).data];
}"""


def dots(page) -> torch.Tensor:
    """Red, green, blue and opacity of each dot of the output: (dots, 4)."""
    return torch.tensor(page.locator("canvas").nth(1).evaluate(READ)).reshape(-1, 4)


def tensor(page, name: str) -> torch.Tensor:
    shape, data = page.locator("kernel-lab").evaluate(f"f => [f.{name}.shape, Array.from(f.{name}.data)]")
    return torch.tensor(data, dtype=torch.float64).reshape(shape)


def test_the_photo_in_the_file_is_the_chapters() -> None:
    assert torch.equal(photo.read(), photo.grey()), "run python -m tools.pictures.photo"


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("size", "border", "mean"), [(3, "valid", 0), (5, "zero", 1)])
def test_the_line_of_pytorch_gives_the_output_that_is_shown(figure_pages, kernel, size, border, mean):
    page = figure_pages.open("kernel-lab", settings=f"kernel={kernel}&size={size}&border={border}&mean={mean}")
    X = tensor(page, "image")
    assert torch.equal(X[0], photo.grey().double())
    names = {"X": X[None], "K": numbers(page, "weights")[None, None], "F": F}
    Y = eval(text(page, ".code code"), names)[0]
    assert (tensor(page, "output") - Y).abs().max() <= 1e-9
    i, j = (int(page.locator(f"#{name}").input_value()) for name in ("row", "column"))
    window = F.pad(X, [size // 2] * 4 if border == "zero" else [0] * 4)[0, i : i + size, j : j + size]
    assert torch.equal(numbers(page, "window"), window)
    products = window * names["K"][0, 0]
    assert torch.equal(numbers(page, "products"), products)
    assert float(text(page, ".total").replace("−", "-").replace(",", "")) == pytest.approx(Y[0, i, j].item(), abs=0.06)


@pytest.mark.slow
def test_the_sentence_adds_the_products_and_each_lights_up_with_its_three_cells(figure_pages):
    page = figure_pages.open("kernel-lab", settings="kernel=sharpen")
    terms = page.locator(".say .term").all_inner_texts()
    assert len(terms) == 5, "weights of 0 are left out"
    value = sum(eval(term.replace("×", "*").replace("−", "-")) for term in terms)
    assert f" = {value:,}.".replace("-", "−") in say(page)
    page.locator(".say .term").first.hover()
    assert page.locator("td[data-lit]").count() == 3


@pytest.mark.slow
def test_pointer_finger_and_keys_move_the_window(figure_pages):
    page = figure_pages.open("kernel-lab", has_touch=True, width=360)
    box = page.locator("canvas").first.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 20.5 / 128, box["y"] + box["height"] * 30.5 / 150)
    assert say(page).startswith("Output in row 29, column 19:"), "the window's middle is where the finger was"
    page.locator(".handle").press("ArrowRight")
    page.locator(".handle").press("Shift+ArrowDown")
    assert say(page).startswith("Output in row 37, column 20:")
    page.locator(".handle").press("End")
    assert say(page).startswith("Output in row 147, column 125:")
    page = figure_pages.open("kernel-lab", settings="border=zero")
    box = page.locator("canvas").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5 / 128, box["y"] + box["height"] * 0.5 / 150)
    assert say(page).startswith("Output in row 0, column 0:")
    assert numbers(page, "window")[0].tolist() == [0, 0, 0], "outside lie zeros"


@pytest.mark.slow
def test_weights_can_be_written_and_nonsense_is_told(figure_pages):
    page = figure_pages.open("kernel-lab", settings="kernel=same")
    before = tensor(page, "output")
    page.locator(".kernel input").nth(4).fill("-2")
    assert page.locator("#kernel").input_value() == "own"
    assert torch.equal(tensor(page, "output"), -2 * before)
    page.locator(".kernel input").first.fill("cat")
    assert "cannot be cat" in note(page)
    page.wait_for_timeout(500)
    page.reload()
    page.locator(".figure[aria-busy=true]").first.wait_for(state="detached")
    assert torch.equal(tensor(page, "output"), -2 * before)


@pytest.mark.slow
def test_ones_own_photo_is_shrunk_and_read_and_what_is_none_is_told(figure_pages, tmp_path):
    Image.new("RGB", (640, 320), (30, 60, 90)).save(tmp_path / "own.png")
    (tmp_path / "no.png").write_text("no image")
    page = figure_pages.open("kernel-lab")
    for name, told in (("no.png", "no image"), ("own.png", "")):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Own photo").click()
        chooser.value.set_files(tmp_path / name)
        page.wait_for_function(
            "told => { const n = document.querySelector('kernel-lab').noteLine; "
            "return told ? n.textContent.includes(told) : n.hidden; }",
            arg=told,
        )
    X = tensor(page, "image")
    assert X.shape == (1, 80, 160)
    assert (X == 60).all(), "the mean of red, green and blue"


@pytest.mark.slow
def test_the_camera_is_read_picture_by_picture_stops_and_nothing_leaves_the_page(browsers, tmp_path):
    need("chromium")
    browser = browsers(CHROMIUM, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(write_page(tmp_path, "kernel-lab").as_uri())
    page.locator(".figure[aria-busy=true]").first.wait_for(state="detached")
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("document.querySelector('kernel-lab').image.shape[1] === 120")
    first = tensor(page, "image")
    page.wait_for_timeout(700)
    assert not torch.equal(tensor(page, "image"), first)
    page.get_by_role("button", name="Camera").click()
    still = tensor(page, "image")
    page.wait_for_timeout(400)
    assert torch.equal(tensor(page, "image"), still)
    assert page.locator("kernel-lab").evaluate("f => f.stream") is None
    assert asked == []
    browser.close()


@pytest.mark.slow
def test_the_map_has_the_colours_of_the_theme_that_is_on(figure_pages):
    """A reader who turns the theme sees the map that a page in the other theme shows from the start."""
    pixels = "f => f.views[1].firstChild.toDataURL()"
    dark = figure_pages.open("kernel-lab", theme="dark").locator("kernel-lab").evaluate(pixels)
    page = figure_pages.open("kernel-lab")
    light = page.locator("kernel-lab").evaluate(pixels)
    assert light != dark
    for theme, expected in (("dark", dark), ("light", light)):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_timeout(100)
        assert page.locator("kernel-lab").evaluate(pixels) == expected


@pytest.mark.slow
def test_what_is_still_a_photo_is_shown_as_one_and_what_has_signs_in_their_colours(figure_pages):
    """A blurred photo in the colour of what is above zero would be its own negative."""
    page = figure_pages.open("kernel-lab")
    for kernel in KERNELS:
        page.locator("#kernel").select_option(kernel)
        photo_like = kernel in ("sharpen", "blur", "gauss", "same")
        assert page.locator("#show").input_value() == ("grey" if photo_like else "signed"), kernel
        assert page.get_by_label("Divide by the sum").is_checked() == (kernel in ("blur", "gauss"))
        red, green, blue, _ = dots(page).unbind(1)
        assert (torch.equal(red, green) and torch.equal(green, blue)) == photo_like, kernel
    first = page.locator(".kernel input").first
    first.fill("1")  # a weight of one's own changes neither
    assert page.locator("#kernel").input_value() == "own"
    assert page.locator("#show").input_value() == "grey"


@pytest.mark.slow
def test_forced_colours_keep_the_signs_apart(figure_pages):
    page = figure_pages.open("kernel-lab", forced_colors="active")
    found = dots(page)
    strong, signs = found[:, 3] > 128, tensor(page, "output").flatten() > 0
    hues = [found[strong & (signs == sign), :3].double().mean(0) for sign in (True, False)]
    assert (hues[0] - hues[1]).abs().max() > 60
