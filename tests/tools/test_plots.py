"""Plots on a page: their size, and their twins for the dark."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from coursecode import plotting
from tools.site import colours, plots

GROUND = np.array((17, 21, 28))  # --pst-color-background in the dark (course.css)


def lightness(colour) -> float:
    return float(colours.lightness(np.asarray(colour)[:3]))


def contrast(one, other) -> float:
    dark, light = sorted((lightness(one), lightness(other)))
    return (light + 0.05) / (dark + 0.05)


def cells(low: float) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The colours of a grid's cells from its smallest to its largest value, each with the ink of its number."""
    colours = plotting._colours(np.linspace(low, 1, 41)[None], low, 1.0)[0]
    inks = [(0, 0, 0) if plotting._luminance(c) > 0.179 else (255, 255, 255) for c in colours]
    return [(tuple(int(v) for v in np.round(c * 255)), ink) for c, ink in zip(colours, inks, strict=True)]


@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_a_number_in_a_cell_has_the_contrast_in_the_dark_that_it_has_in_the_light(low):
    some = cells(low)
    paper = Image.new("RGB", (40 * len(some), 60), "white")
    draw = ImageDraw.Draw(paper)
    for i, (colour, ink) in enumerate(some):
        draw.rectangle((40 * i + 2, 10, 40 * i + 37, 50), fill=colour, outline="black")
        draw.rectangle((40 * i + 18, 25, 40 * i + 21, 30), fill=ink)  # a letter
    twin = np.asarray(plots.dark_twin(paper, "drawing"))
    lights = []
    for i, (colour, ink) in enumerate(some):
        cell, letter = twin[45, 40 * i + 8], twin[27, 40 * i + 19]
        shown = cell if cell[3] else GROUND  # a white cell shows the page
        assert contrast(shown, letter) >= 0.85 * contrast(colour, ink)  # black paper would give all of it
        assert contrast(shown, letter) >= 4.5
        lights.append(lightness(shown))
    order = np.argsort([lightness(colour) for colour, _ in some])
    assert np.all(np.diff(np.array(lights)[order]) <= 1e-2)  # the lightest has become the darkest


def test_blue_stays_blue_and_orange_stays_orange_and_paper_is_clear():
    paper = Image.new("RGB", (120, 60), "white")
    draw = ImageDraw.Draw(paper)
    draw.rectangle((10, 10, 40, 50), fill=plotting._ABOVE)
    draw.rectangle((70, 10, 100, 50), fill=plotting._BELOW)
    twin = np.asarray(plots.dark_twin(paper, "drawing")).astype(int)
    blue, orange = twin[30, 20], twin[30, 80]
    assert blue[2] > blue[1] > blue[0]
    assert orange[0] > orange[1] > orange[2]
    assert min(contrast(blue, GROUND), contrast(orange, GROUND)) >= 3
    assert twin[5, 5, 3] == twin[30, 55, 3] == 0
    assert blue[3] == orange[3] == 255


def picture() -> Image.Image:
    """Two images in a row, white where photos may be white, a title above each that touches the first."""
    rng = np.random.default_rng(0)
    pixels = np.full((120, 220, 3), 255, dtype=np.uint8)
    for left in (5, 115):
        pixels[30:110, left : left + 100] = rng.integers(0, 240, (80, 100, 1))
        pixels[10:28, left + 40 : left + 43] = 0  # a letter
    pixels[10:30, 20:22] = 0  # one with a descender
    pixels[60:80, 30:70] = 255
    return Image.fromarray(pixels)


def test_the_images_of_a_picture_are_the_same_and_its_titles_light():
    before = np.asarray(picture())
    assert plots.kind("show_images([X])") == "picture"
    twin = np.asarray(plots.dark_twin(picture(), "picture"))
    for left in (5, 115):
        assert np.array_equal(twin[30:110, left : left + 100, :3], before[30:110, left : left + 100])
        assert (twin[30:110, left : left + 100, 3] == 255).all()
        assert tuple(twin[15, left + 41]) == (*plots._LIGHT, 255)
    assert tuple(twin[15, 20]) == (*plots._LIGHT, 255)
    assert twin[15, 5, 3] == twin[60, 110, 3] == 0


def test_a_photo_of_white_paper_keeps_its_paper():
    paper = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(paper).rectangle((120, 120, 160, 170), fill="black")
    assert np.array_equal(np.asarray(plots.dark_twin(paper, "picture"))[..., :3], np.asarray(paper))


PAGE = """# One

:::::{container} cell
::::{container} cell_input
```python
CODE
```
::::
::::{container} cell_output
![what it shows](plot.png)
::::
:::::
"""


@pytest.mark.parametrize("builder", ["html", "singlehtml"])
def test_a_page_has_a_plot_at_its_size_with_a_twin_and_paper_has_it_as_it_is(tmp_path, builder):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'tools.site.plots']\nmyst_enable_extensions = ['colon_fence']\nroot_doc = 'index'"
    )
    (source / "index.md").write_text(PAGE.replace("CODE", "show_images([X])"))
    picture().save(source / "plot.png")
    app = Sphinx(source, source, tmp_path / "out", tmp_path / "trees", builder, status=None, warning=None)
    app.build()
    images = re.findall(r"<img [^>]*>", (tmp_path / "out" / "index.html").read_text("utf-8"))
    if builder == "singlehtml":
        assert len(images) == 1
        assert "only-" not in images[0]
        return
    assert [set(re.search(r'class="([^"]*)"', image)[1].split()) for image in images] == [
        {"only-light", "no-scaled-link"},
        {"only-dark", "no-scaled-link"},
    ]
    for image in images:
        assert 'width="147" height="80"' in image  # 220 and 120 dots of 144 an inch, at 96
        assert 'alt="what it shows"' in image
        assert 'loading="lazy"' in image
        assert (tmp_path / "out" / re.search(r'src="([^"]*)"', image)[1]).exists()


@pytest.mark.parametrize("builder", ["html", "singlehtml"])
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_page_draws_in_its_language_and_paper_says_the_words_of_its_picture(tmp_path, builder, language):
    from sphinx.application import Sphinx

    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'tools.site.plots']\nmyst_enable_extensions = ['colon_fence']\n"
        f"root_doc = 'index'\nlanguage = {language!r}"
    )
    picture().save(source / "p.png")
    png = (source / "p.png").read_bytes()
    name = hashlib.sha256(png).hexdigest()
    (source / f"{name}.png").write_bytes(png)
    (source / "index.md").write_text("# The book\n\n```{toctree}\nchapter\n```\n")
    (source / "chapter.md").write_text(PAGE.replace("CODE", "lines(…)").replace("plot.png", f"{name}.png"))
    drawn = {"lines": [["loss", {"x": [1, 2], "y": [1, 2]}]], "xlabel": "step", "ylabel": "y"}
    output = {"data": {"image/png": base64.b64encode(png).decode()}, "metadata": {"image/png": {"drawn": drawn}}}
    (source / "chapter.ipynb").write_text(json.dumps({"cells": [{"outputs": [output]}]}))
    Sphinx(source, source, tmp_path / "out", tmp_path / "trees", builder, status=None, warning=None).build()
    page = "index.html" if builder == "singlehtml" else "chapter.html"
    html = (tmp_path / "out" / page).read_text("utf-8")
    chinese = language != "en"
    assert ("图中文字：loss 损失  ·  step 步数" in html) == (chinese and builder == "singlehtml")
    if builder == "singlehtml":
        assert html.count("<img") == 1
        return
    assert "<img" not in html
    assert '<div class="drawn lines" role="img" aria-label="what it shows">' in html
    assert ">步数<" in html if chinese else ">step<" in html
