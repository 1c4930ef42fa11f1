"""The studies of neighbours and places: what each arm does to the images and to the weights."""

from __future__ import annotations

import doctest

import pytest
import torch
import torch.nn.functional as F
from registry import claim
from torch import Tensor

from coursecode.experiments import stored, symmetry
from coursecode.experiments.protocol import draw
from coursecode.experiments.symmetry import SIDE, BlurPool, in_window, least_squares

# -- shuffled pixels ----------------------------------------------------------------------------------------------


def test_shuffled_blocks_keep_every_block_and_blocks_come_back() -> None:
    x = torch.arange(2 * 784).reshape(2, 1, 28, 28)
    blocks = symmetry._to_blocks(x)
    assert torch.equal(blocks[0, 5], x[0, 0, 7:14, 7:14])
    assert torch.equal(symmetry._from_blocks(blocks), x)


@pytest.mark.parametrize("order", symmetry._ORDERS[1:])
def test_all_images_of_a_seed_are_shuffled_alike_and_lose_no_pixel(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(symmetry, "_train", lambda net, deal, **_: seen.append(deal) or {"valid_accuracy": 0.0})
    for seed in (0, 0, 1):
        settings = {"train": 30, "steps": 1, "batch_size": 10, "images": 0, "lr": 0.1}
        symmetry._read_shuffled(net="softmax", order=order, seed=seed, **settings)
    plain = draw(0, train=30)
    assert torch.equal(seen[0].test_x, seen[1].test_x)
    for part, shuffled in zip(plain[::2], seen[0][::2], strict=True):
        assert not torch.equal(part, shuffled)
        assert torch.equal(part.flatten(1).sort().values, shuffled.flatten(1).sort().values)
    ink = plain.train_x.float().flatten(1)
    there = seen[0].train_x.float().flatten(1)
    source = torch.cdist(there.T, ink.T).argmin(1)  # where each pixel came from, by what it holds in all images
    lively = ink.var(0) > 0
    assert torch.equal(there[:, lively[source]], ink[:, source[lively[source]]])


# -- pooling -------------------------------------------------------------------------------------------------------


def test_blurred_pooling_is_a_blur_and_every_second_place() -> None:
    x = torch.randn(2, 3, 8, 8)
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = torch.outer(line, line).reshape(1, 1, 3, 3)
    for channel in range(3):
        blurred = F.conv2d(x[:, channel : channel + 1], kernel, padding=1)
        torch.testing.assert_close(BlurPool()(x)[:, channel : channel + 1], blurred[..., ::2, ::2])


@pytest.mark.parametrize("name", symmetry.HALVINGS)
def test_every_halving_halves(name: str) -> None:
    assert symmetry.HALVINGS[name]()(torch.rand(2, 3, 28, 28)).shape == (2, 3, 14, 14)


@claim("S25")
def test_ink_keeps_more_than_edges_and_blurring_makes_maps_alike() -> None:
    result = stored("tolerance")
    where = {"halving": "maximum 2×2", "shift": 2}
    assert result.effect(value="kept", of="maps", high="ink", low="edges", **where).low > 0.2
    best, plain = "maximum, blur, every second", "maximum 2×2"
    where = {"maps": "trained", "shift": 1}
    assert result.effect(value="likeness", of="halving", high=best, low=plain, **where).low > 0


def test_maps_that_are_the_same_everywhere_are_like_nothing() -> None:
    one = torch.rand(4, 9)
    assert symmetry.alike(one, torch.ones(4, 9)) == 0
    assert symmetry.alike(one, 2 * one + 1) == pytest.approx(1)


# -- a dense layer learns a convolution ----------------------------------------------------------------------------


def true_weights(kernel: Tensor) -> Tensor:
    offset = in_window()
    return torch.where(offset >= 0, kernel[offset.clamp(min=0)], 0.0)


def test_the_weights_of_a_kernel_are_the_correlation_with_zero_padding() -> None:
    kernel = torch.randn(9, dtype=torch.float64)
    X = torch.randn(5, SIDE * SIDE, dtype=torch.float64)
    expected = F.conv2d(X.reshape(-1, 1, SIDE, SIDE), kernel.reshape(1, 1, 3, 3), padding=1).flatten(1)
    torch.testing.assert_close(X @ true_weights(kernel).T, expected)


@pytest.mark.parametrize(("student", "examples"), [("dense", 160), ("local", 12), ("shared", 1)])
def test_enough_examples_without_noise_give_every_student_the_kernel(student: str, examples: int) -> None:
    W = true_weights(torch.randn(9, dtype=torch.float64))
    X = torch.randn(examples, SIDE * SIDE, dtype=torch.float64)
    torch.testing.assert_close(least_squares(student, X, X @ W.T), W, atol=1e-8, rtol=0)


def test_too_few_examples_leave_the_dense_student_the_smallest_weights_that_fit() -> None:
    W = true_weights(torch.randn(9, dtype=torch.float64))
    X = torch.randn(40, SIDE * SIDE, dtype=torch.float64)
    found = least_squares("dense", X, X @ W.T)
    torch.testing.assert_close(X @ found.T, X @ W.T)
    assert found.norm() < W.norm()


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(symmetry).failed == 0
