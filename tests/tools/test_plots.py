"""Plots on a page: drawn in its language and its colours; on paper with their words below."""

from __future__ import annotations

import base64
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from coursecode import plotting
from tools.site import colours

GROUND = np.array((17, 21, 28))  # --pst-color-background in the dark (course.css)


def lightness(colour) -> float:
    return float(colours.lightness(np.asarray(colour)[:3]))


def contrast(one, other) -> float:
    dark, light = sorted((lightness(one), lightness(other)))
    return (light + 0.05) / (dark + 0.05)


def test_light_and_dark_change_places_and_hues_stay():
    cells = plotting._colours(np.linspace(-1, 1, 41)[None], -1.0, 1.0)[0] * 255
    blues, oranges = cells[21:], cells[20::-1]
    for some in (blues, oranges):  # each from the page to its end
        lights = [lightness(colours.turned(cell)) for cell in some]
        assert np.all(np.diff([lightness(cell) for cell in some]) < 0)
        assert np.all(np.diff(lights) > 0)
    above, below = (colours.turned(tuple(bytes.fromhex(colour[1:]))) for colour in (plotting._ABOVE, plotting._BELOW))
    assert above[2] > above[1] > above[0]
    assert below[0] > below[1] > below[2]
    assert min(contrast(above, GROUND), contrast(below, GROUND)) >= 3


PAGE = """# One

:::::{container} cell
::::{container} cell_input
```python
lines(…)
```
::::
::::{container} cell_output
![what it shows](plot.png)
::::
:::::
"""


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
    Image.new("RGB", (30, 20), "white").save(source / "p.png")
    png = (source / "p.png").read_bytes()
    name = hashlib.sha256(png).hexdigest()
    (source / f"{name}.png").write_bytes(png)
    (source / "index.md").write_text("# The book\n\n```{toctree}\nchapter\n```\n")
    (source / "chapter.md").write_text(PAGE.replace("plot.png", f"{name}.png"))
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
