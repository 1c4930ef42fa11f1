"""Formulas and sentences of the chapter *Padding and stride* that no test of a module covers."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim, equation
from torch import nn

from coursecode.correlation import corr2d, correlate
from coursecode.geometry import Layer, gradient_field, output_size, receptive_field


@equation("eq-padded-size")
@claim("S11")
@given(n_h=integers(1, 9), n_w=integers(1, 9), k_h=integers(1, 5), k_w=integers(1, 5), p=integers(4, 8))
def test_padding_counts_once_for_both_sides_together(n_h: int, n_w: int, k_h: int, k_w: int, p: int) -> None:
    Y = correlate(torch.zeros(1, 1, n_h, n_w), torch.zeros(1, 1, k_h, k_w), padding=(p, p + 1))[0, 0]
    assert Y.shape == (n_h - k_h + p + 1, n_w - k_w + (p + 1) + 1)


@equation("eq-dilated-size")
@given(k=integers(1, 6), d=integers(1, 5), more=integers(0, 4))
def test_a_dilated_kernel_takes_the_room_of_its_span(k: int, d: int, more: int) -> None:
    span = d * (k - 1) + 1
    X = torch.zeros(1, 1, span + more)
    expected = F.conv1d(X, torch.zeros(1, 1, k), dilation=d).shape[-1]
    assert expected == more + 1 == output_size(span + more, kernel=span)
    assert receptive_field([Layer(k, dilation=d)])[0].size == span


@claim("S11")
@given(q=integers(0, 3), k=integers(1, 4))
def test_padding_adds_outputs_and_changes_none(q: int, k: int) -> None:
    torch.manual_seed(q)
    X, K = torch.randint(-9, 9, (6, 7)), torch.randint(-9, 9, (k, k))
    Y = corr2d(X, K)
    assert torch.equal(
        correlate(X[None, None], K[None, None], padding=2 * q)[0, 0, q : q + len(Y), q : q + Y.shape[1]], Y
    )


@claim("S12")
@given(s_h=integers(1, 4), s_w=integers(1, 4), p=integers(0, 5))
def test_a_stride_keeps_every_s_th_output(s_h: int, s_w: int, p: int) -> None:
    torch.manual_seed(p)
    X, W = torch.randint(-9, 9, (2, 3, 9, 8)), torch.randint(-9, 9, (4, 3, 3, 2))
    every = correlate(X, W, padding=p)[:, :, ::s_h, ::s_w]
    assert torch.equal(correlate(X, W, padding=p, stride=(s_h, s_w)), every)


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
