"""Sentences of the chapter *Channels* that no test of a module covers."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from coursecode.correlation import correlate
from coursecode.geometry import conv_macs


@claim("S19")
@given(top=integers(1, 5), left=integers(1, 5), height=integers(2, 5), width=integers(2, 5))
def test_two_layers_find_the_upper_left_corner_and_nothing_else(top: int, left: int, height: int, width: int) -> None:
    X = torch.zeros(1, 1, 12, 12)
    X[0, 0, top : top + height, left : left + width] = 1
    sides = torch.tensor([[[[-1.0, 1], [-1, 1]]], [[[-1, -1], [1, 1]]]])
    corner = torch.tensor([[[[0.0, 0], [1, 0]], [[0, 1], [0, 0]]]])
    Y = F.relu(correlate(F.relu(correlate(X, sides)), corner, torch.tensor([-3.0])))
    assert Y[0, 0].nonzero().tolist() == [[top - 1, left - 1]]


@claim("S20")
@given(k=integers(1, 3))
def test_only_a_one_by_one_layer_commutes_with_a_shuffle_of_the_pixels(k: int) -> None:
    torch.manual_seed(k)
    X, W = torch.randint(1, 9, (1, 3, 4, 4)), torch.randint(1, 9, (2, 3, k, k))
    order = torch.randperm(16)
    shuffled = X.flatten(2)[:, :, order].reshape(X.shape)
    Y, Z = (correlate(x, W, padding=k - 1).flatten(2) for x in (X, shuffled))
    assert torch.equal(Y[:, :, order], Z) == (k == 1)


@claim("S21")
def test_a_training_step_costs_three_forward_passes() -> None:
    layer, X = nn.Conv2d(3, 4, 5, padding=2), torch.zeros(2, 3, 8, 8, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        layer(X).sum().backward()
    assert counter.get_total_flops() == 3 * 2 * 2 * conv_macs(3, 4, 5, (8, 8))


@claim("S22")
@given(channels=integers(1, 64), half=integers(1, 32))
def test_doubling_the_channels_of_a_halved_map_keeps_the_macs_and_halves_the_activations(
    channels: int, half: int
) -> None:
    before = conv_macs(channels, channels, 3, (2 * half, 2 * half))
    after = conv_macs(2 * channels, 2 * channels, 3, (half, half))
    assert before == after
    assert channels * (2 * half) ** 2 == 2 * (2 * channels * half**2)


@claim("S23")
def test_four_branches_are_one_layer_whose_small_kernels_are_filled_with_zeros() -> None:
    torch.manual_seed(0)
    X = torch.randint(-9, 9, (2, 3, 9, 8))
    W = {k: torch.randint(-9, 9, (2, 3, k, k)) for k in (1, 3, 5, 7)}
    branches = torch.cat([correlate(X, w, padding=k - 1) for k, w in W.items()], dim=1)
    filled = torch.cat([F.pad(w, [(7 - k) // 2] * 4) for k, w in W.items()])
    assert torch.equal(branches, correlate(X, filled, padding=6))
