"""param-calc: its counts are those of coursecode, exact, and its words are those of the chapter."""

from __future__ import annotations

import pytest
from browser import say, text

from coursecode import dense, geometry

pytestmark = pytest.mark.slow
IMAGES = [(28, 28, 1), (224, 224, 3), (640, 480, 3), (1920, 1080, 3), (4000, 3000, 3), (8000, 6000, 3)]


@pytest.mark.parametrize(("image", "units", "kernel"), [(4, 100, 5), (0, 1, 11), (5, 200, 1), (2, 45, 3)])
def test_both_layers_are_counted_as_in_the_package(figure_pages, image, units, kernel):
    page = figure_pages.open("param-calc", settings=f"image={image}&units={units}&kernel={kernel}")
    w, h, c = IMAGES[image]
    m = geometry.output_shape((h, w), kernel=kernel)
    weights = dense.dense_parameters(w * h * c, units), geometry.conv_parameters(c, units, kernel, bias=False)
    macs = geometry.dense_macs(w * h * c, units), geometry.conv_macs(c, units, kernel, m)
    table = text(page, "table")
    for count in (*weights, *macs):
        assert f"{count:,}" in table


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["3,600,000,000 weights, 14.4 GB", "2.25 for each cat and dog", "480,000 times as many", "7,500"]),
        ("zh", ["3,600,000,000 个权重，占 14.4 GB", "是 2.25 个", "480,000 倍", "7,500"]),
    ],
)
def test_the_first_look_tells_the_chapters_numbers(figure_pages, language, told):
    sentence = say(figure_pages.open("param-calc", language=language)).replace("\xa0", " ")
    assert [words for words in told if words not in sentence] == []


def test_the_chapters_turning_point_can_be_found(figure_pages):
    """With 44 units there are more cats and dogs, with 45 more weights."""
    for units, per_animal in ((44, "0.99"), (45, "1.01")):
        assert f"which is {per_animal} for each" in say(figure_pages.open("param-calc", settings=f"units={units}"))


def test_bytes_per_weight_change_the_memory_only(figure_pages):
    page = figure_pages.open("param-calc")
    page.locator("#bytes").select_option("1")
    assert "3.6 GB" in text(page, "table")
    assert "3,600,000,000" in text(page, "table")
