"""Formulas and sentences of the chapter *What an output sees* that no test of a module covers."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim, equation
from torch import nn

from coursecode.correlation import correlate
from coursecode.geometry import Layer, gradient_field, output_size, receptive_field


@equation("eq-dilated-size")
@given(k=integers(1, 6), d=integers(1, 5), more=integers(0, 4))
def test_a_dilated_kernel_takes_the_room_of_its_span(k: int, d: int, more: int) -> None:
    span = d * (k - 1) + 1
    X = torch.zeros(1, 1, span + more)
    expected = F.conv1d(X, torch.zeros(1, 1, k), dilation=d).shape[-1]
    assert expected == more + 1 == output_size(span + more, kernel=span)
    assert receptive_field([Layer(k, dilation=d)])[0].size == span


@claim("S15")
def test_a_stack_of_small_kernels_sees_what_one_large_kernel_sees() -> None:
    for depth in range(1, 5):
        stack = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(depth)])
        large = nn.Conv2d(1, 1, 2 * depth + 1, padding=depth)
        fields = [gradient_field(net, (1, 13, 13)) > 0 for net in (stack, large)]
        assert torch.equal(*fields)


@claim("S15")
def test_the_middle_of_the_field_holds_most_paths_and_its_share_of_the_width_falls() -> None:
    shares = []
    for depth in (4, 16, 64):
        paths = torch.ones(1, 1, 1, dtype=torch.float64)
        for _ in range(depth):
            paths = correlate(paths, torch.ones(1, 1, 3, dtype=torch.float64) / 3, padding=4)
        paths = paths.flatten()
        width = next(m for m in range(depth + 1) if paths[depth - m : depth + m + 1].sum() >= 0.95)
        shares.append((2 * width + 1) / (2 * depth + 1))
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 2
