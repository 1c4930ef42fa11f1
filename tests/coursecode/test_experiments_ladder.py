"""The studies of the rungs and of a net's layers: which weights are free, and how maps are moved."""

from __future__ import annotations

import doctest

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coursecode.experiments import ladder

SIDE, MAPS = ladder._SIDE, ladder._MAPS


def matrix(rung: str) -> torch.Tensor:
    """The weights of a rung's first layer, read off its answers to single pixels: (maps, places, places)."""
    first = ladder._rung(rung)[0]
    pixels = torch.eye(SIDE * SIDE).reshape(-1, 1, SIDE, SIDE)
    with torch.no_grad():
        answers = first(pixels) - first(torch.zeros(1, 1, SIDE, SIDE))
    return answers.flatten(2).permute(1, 2, 0)


@pytest.mark.parametrize("rung", ladder._RUNGS)
def test_a_local_rung_sees_its_window_and_a_shared_one_is_the_same_everywhere(rung: str) -> None:
    W = matrix(rung)
    place = torch.arange(SIDE * SIDE)
    down, right = place[None] // SIDE - place[:, None] // SIDE, place[None] % SIDE - place[:, None] % SIDE
    near = (down.abs() <= 2) & (right.abs() <= 2)
    assert (W[:, ~near].abs().max() < 1e-6) == rung.startswith("local")
    centre, beside = SIDE * 7 + 6, SIDE * 7 + 7  # one step to the right moves the weights, if they are shared
    rows = [W[:, p].reshape(MAPS, SIDE, SIDE)[..., 3:9] for p in (centre, beside)]
    moved = torch.allclose(W[:, beside].reshape(MAPS, SIDE, SIDE)[..., 4:10], rows[0], atol=1e-5)
    assert moved == (rung in ("shared, not local", "local and shared"))


def test_the_wide_kernel_is_a_convolution() -> None:
    layer = ladder._Wide()
    x = torch.randn(1, 1, SIDE, SIDE)
    kernel = layer.weight.reshape(MAPS, 1, 2 * SIDE - 1, 2 * SIDE - 1)
    expected = F.conv2d(x, kernel, layer.bias.flatten(), padding=SIDE - 1)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_weights_beyond_the_window_do_not_learn() -> None:
    layer = ladder._Untied()
    layer(torch.rand(4, 1, SIDE, SIDE)).square().sum().backward()
    held = layer.get_buffer("window") == 0
    assert layer.weight.grad is not None
    assert not layer.weight.grad[held].any()
    assert layer.weight.grad[~held].any()


def test_what_follows_the_first_layer_is_equal_in_all_nets() -> None:
    assert len({str(ladder._rung(rung)[1]) for rung in ladder._RUNGS}) == 1
    assert all(isinstance(ladder._rung(rung)[1], nn.Sequential) for rung in ladder._RUNGS)


def test_a_moved_image_is_the_image_and_the_moves_differ() -> None:
    x = torch.zeros(50, 1, SIDE, SIDE)
    x[:, :, 7, 7] = 1
    moved = ladder._moved(x, 2, torch.Generator().manual_seed(0))
    places = moved.flatten(1).argmax(1)
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(50))
    assert {int(abs(p // SIDE - 7)) for p in places} == {int(abs(p % SIDE - 7)) for p in places} == {0, 1, 2}


def test_a_move_by_half_a_pixel_lies_between_two_moves() -> None:
    maps = torch.zeros(1, 1, 1, 6)
    maps[..., 2] = 1
    assert ladder._moved_by(maps, 1.5).flatten().tolist() == [0, 0, 0, 0.5, 0.5, 0]
    assert ladder._moved_by(maps, 2.0).flatten().tolist() == [0, 0, 0, 0, 1, 0]


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(ladder).failed == 0
