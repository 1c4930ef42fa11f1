"""Drawings of nets show what ``summary`` counted, and blocks what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from coursecode.drawings import draw_blocks, draw_nets
from coursecode.geometry import Row, summary
from coursecode.lenet import lenet_modern


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The axes of what was drawn, before the figure is closed."""
    mpl.use("Agg")
    found: list[Any] = []
    monkeypatch.setattr(plt, "show", lambda: found.extend(plt.gcf().axes))
    yield found
    assert plt.get_fignums() == []


def test_a_box_for_each_layer_that_multiplies_as_high_as_its_map(drawn: list[Any]) -> None:
    draw_nets({"LeNet": summary(lenet_modern(), (1, 28, 28))})
    boxes = drawn[0].patches
    assert len(boxes) == 5
    assert len({box.get_facecolor() for box in boxes}) == 2
    heights = [box.get_height() for box in boxes]
    assert heights[0] > heights[1] > heights[2] == heights[3] == heights[4]
    assert {"LeNet", "6", "16", "28", "10", "120", "84"} <= {text.get_text() for text in drawn[0].texts}


def test_twice_the_channels_are_wider_and_labels_stand_where_something_changes(drawn: list[Any]) -> None:
    rows = [Row("a", (8, 4, 4), 1, 1), Row("b", (8, 4, 4), 1, 1), Row("c", (16, 4, 4), 1, 1)]
    draw_nets({"net": rows})
    a, b, c = (box.get_width() for box in drawn[0].patches)
    assert a == b < c
    assert [text.get_text() for text in drawn[0].texts] == ["net", "8", "4", "16"]


def test_a_block_has_its_boxes_and_its_join(drawn: list[Any]) -> None:
    draw_blocks({"one": ([["conv 3×3", "ReLU"]], ""), "two": ([["conv 1×1"], []], "+")})
    texts = [text.get_text() for text in drawn[0].texts]
    assert [text for text in texts if text] == ["one", "x", "conv 3×3", "ReLU", "two", "x", "conv 1×1", "+"]
    assert len(drawn[0].patches) == 3


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match="no layer of net multiplies"):
        draw_nets({"net": [Row("a", (8, 4, 4), 0, 0)]})
    with pytest.raises(ValueError, match="two has 2 branches; say what joins them"):
        draw_blocks({"two": ([["a"], []], "")})
