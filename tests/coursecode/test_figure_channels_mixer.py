"""channels-mixer: its maps are those of nn.Conv2d, its parts those of each input channel, its sentence their sum."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from browser import say, text

pytestmark = pytest.mark.slow


def tables(page) -> dict[str, torch.Tensor]:
    found = page.locator("table.matrix").evaluate_all(
        "all => all.map(t => [t.caption.textContent.replace('+ ', ''), [...t.rows].map(r => [...r.cells].map("
        "c => Number(c.textContent.replace('−', '-'))))])"
    )
    return {caption: torch.tensor(rows, dtype=torch.float64) for caption, rows in found}


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(3, 2, 3), (1, 1, 2), (3, 4, 1), (2, 3, 3)])
def test_the_maps_are_those_of_a_convolutional_layer(figure_pages, inputs, outputs, kernel):
    side = 4 - kernel + 1
    W, page = [], None
    for o in range(outputs):
        page = figure_pages.open(
            "channels-mixer", settings=f"inputs={inputs}&outputs={outputs}&kernel={kernel}&at={o * side**2}"
        )
        shown = tables(page)
        W.append(torch.stack([shown[f"W{o},{c}"] for c in range(inputs)]))
    X = torch.stack([shown[f"X{c}"] for c in range(inputs)])
    layer = eval(text(page, ".code code"), {"nn": torch.nn}).double()
    assert layer.weight.shape == torch.stack(W).shape
    bias = torch.tensor([1.0, 0.0, -2.0, 3.0][:outputs], dtype=torch.float64)
    Y = F.conv2d(X[None], torch.stack(W), bias)[0]
    assert all(torch.equal(shown[f"Y{o}"], Y[o]) for o in range(outputs))
    for c in range(inputs):
        assert torch.equal(shown[f"part {c}"], F.conv2d(X[None, c : c + 1], W[-1][None, c : c + 1])[0, 0])
    assert f"{outputs} × {inputs} × {kernel} × {kernel}: {layer.weight.numel()} weights" in text(page, ".shape")


@pytest.mark.parametrize(("inputs", "kernel"), [(3, 3), (2, 2), (3, 1)])
def test_depthwise_the_maps_are_those_of_as_many_groups_as_channels(figure_pages, inputs, kernel):
    page = figure_pages.open("channels-mixer", settings=f"depthwise=1&inputs={inputs}&kernel={kernel}&outputs=4")
    shown = tables(page)
    X, K = (torch.stack([shown[f"{name}{c}"] for c in range(inputs)]) for name in "XK")
    layer = eval(text(page, ".code code"), {"nn": torch.nn})
    assert layer.groups == inputs
    assert layer.weight.shape == K[:, None].shape
    Y = F.conv2d(X[None], K[:, None], torch.tensor([1.0, 0, -2][:inputs], dtype=torch.float64), groups=inputs)[0]
    assert all(torch.equal(shown[f"Y{c}"], Y[c]) for c in range(inputs))
    assert f"Y{inputs}" not in shown
    assert f"{inputs} × 1 × {kernel} × {kernel}: {K.numel()} weights" in text(page, ".shape")
    page.locator("table.matrix").last.locator("td").first.click()
    own = int(shown[f"part {inputs - 1}"][0, 0])
    assert page.locator(".say .term").all_inner_texts() == [f"({own})".replace("-", "−") if own < 0 else str(own)]
    assert page.locator(".stage > .matrix.off").count() == 3 * (inputs - 1)


def test_a_channel_that_is_switched_off_adds_nothing(figure_pages):
    total = {}
    for on in itertools.product((0, 1), repeat=3):
        page = figure_pages.open("channels-mixer", settings="&".join(f"use{c + 1}={v}" for c, v in enumerate(on)))
        total[on] = tables(page)["Y0"]
    bias = total[0, 0, 0]
    assert torch.equal(bias, torch.ones_like(bias))
    parts = (total[1, 0, 0] - bias) + (total[0, 1, 0] - bias) + (total[0, 0, 1] - bias)
    assert torch.equal(total[1, 1, 1], parts + bias)


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_sentence_adds_the_parts_and_the_bias(figure_pages, kernel):
    page = figure_pages.open("channels-mixer", settings=f"kernel={kernel}&at=1")
    shown = tables(page)
    parts = [int(shown[f"part {c}"][0, 1]) for c in (0, 1, 2)]
    written = [f"({p})".replace("-", "−") if p < 0 else str(p) for p in parts]
    value = str(int(shown["Y0"][0, 1])).replace("-", "−")
    assert f"{' + '.join(written)} + 1 = {value}" in say(page)
    assert ("one pixel" in say(page)) == (kernel == 1)
