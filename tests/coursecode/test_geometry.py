"""Sizes, receptive fields, parameters and operations are what torch makes of them."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, example, given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from coursecode import geometry
from coursecode.correlation import Conv2D
from coursecode.geometry import (
    Layer,
    ReceptiveField,
    Windows,
    conv_macs,
    conv_parameters,
    count_macs,
    dense_macs,
    dropped,
    gradient_field,
    max_depth,
    output_shape,
    output_size,
    pad_sides,
    per_axis,
    receptive_field,
    same_padding,
    shrink,
    summary,
    use_counts,
)
from coursecode.lenet import lenet_modern

integers = st.integers
CONV = [F.conv1d, F.conv2d, F.conv3d]
MODULE: list[Any] = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
GRID = list(itertools.product(range(1, 17), range(1, 6), range(1, 5)))  # n, k, s


def pad(X: Tensor, padding: tuple[int, ...]) -> Tensor:
    """Zeros around the last axes, the larger half of each total before."""
    return F.pad(X, [side for p in reversed(padding) for side in (p - p // 2, p // 2)])


@given(axes=integers(1, 4), value=integers(0, 9))
def test_one_number_serves_all_axes_and_several_are_taken_as_they_are(axes: int, value: int) -> None:
    assert per_axis(value, axes) == (value,) * axes
    assert per_axis(list(range(axes)), axes) == tuple(range(axes))


@st.composite
def windows(draw: st.DrawFn, largest: int = 8) -> dict[str, tuple[int, ...]]:
    """Sizes along 1 to 3 axes such that the kernel fits."""
    axes = draw(integers(1, 3))
    each = {
        "kernel": integers(1, 4),
        "padding": integers(0, 5),
        "stride": integers(1, 4),
        "dilation": integers(1, 3),
    }
    drawn = {name: tuple(draw(values) for _ in range(axes)) for name, values in each.items()}
    shape = tuple(
        draw(integers(max(1, d * (k - 1) + 1 - p), d * (k - 1) + largest))
        for k, p, d in zip(drawn["kernel"], drawn["padding"], drawn["dilation"], strict=True)
    )
    return {"shape": shape, **drawn}


@equation("eq-output-size")
@claim("S12")
@given(n=integers(1, 64), k=integers(1, 9), q=integers(0, 8), s=integers(1, 5), d=integers(1, 3))
def test_output_size_is_what_torch_makes(n: int, k: int, q: int, s: int, d: int) -> None:
    assume(n + 2 * q >= d * (k - 1) + 1)
    expected = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), padding=q, stride=s, dilation=d).shape[-1]
    assert output_size(n, kernel=k, padding=2 * q, stride=s, dilation=d) == expected


@equation("eq-output-size")
@given(case=windows())
def test_output_shape_is_what_torch_makes_of_a_padded_input(case: dict[str, tuple[int, ...]]) -> None:
    X = pad(torch.zeros(1, 1, *case["shape"]), case["padding"])
    K = torch.zeros(1, 1, *case["kernel"])
    expected = CONV[K.dim() - 3](X, K, stride=case["stride"], dilation=case["dilation"]).shape[2:]
    assert output_shape(**case) == tuple(expected)


def test_without_options_a_layer_has_stride_1_and_no_padding() -> None:
    assert output_shape((9, 12), kernel=3) == (7, 10)
    assert output_size(9, kernel=3) == 7
    assert use_counts((4,), kernel=2).tolist() == [1, 2, 2, 1]
    assert dropped(9, kernel=2) == 0
    assert Layer(3) == (3, 1, 0, 1)


def test_one_number_serves_all_axes() -> None:
    assert output_shape((9, 12), kernel=3, padding=1, stride=2, dilation=2) == (3, 5)


@equation("eq-output-size")
@claim("S12")
def test_output_size_counts_the_window_starts() -> None:
    for (n, k, s), p in itertools.product(GRID, range(7)):
        if n + p >= k:
            starts = range(0, n + p - k + 1, s)
            assert output_size(n, kernel=k, padding=p, stride=s) == math.floor((n - k + p + s) / s) == len(starts)


@equation("eq-output-size-same")
@claim("S12")
def test_same_padding_leaves_the_size_over_the_stride_rounded_up() -> None:
    for n, k, s in GRID:
        size = output_size(n, kernel=k, padding=same_padding(k), stride=s)
        assert size == (n + s - 1) // s == math.ceil(n / s)


@equation("eq-output-size-divisible")
@claim("S12")
def test_same_padding_divides_a_divisible_size_by_the_stride() -> None:
    divisible = [(n, k, s) for n, k, s in GRID if n % s == 0]
    assert len(divisible) > 100
    for n, k, s in divisible:
        assert output_size(n, kernel=k, padding=same_padding(k), stride=s) * s == n


@claim("S12")
def test_a_stride_of_3_by_2_is_per_axis() -> None:
    X, K = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 2, 2)
    assert output_shape((3, 3), kernel=2, padding=2, stride=(3, 2)) == (2, 2)
    assert F.conv2d(X, K, padding=1, stride=(3, 2)).shape == (1, 1, 2, 2)
    assert output_shape((3, 5), kernel=2, padding=2, stride=(3, 2)) == (2, 3)


# --- padding


@equation("eq-pad-sides")
@claim("S11")
@given(p=integers(0, 1000))
def test_the_larger_half_of_the_padding_comes_first(p: int) -> None:
    before, after = pad_sides(p)
    assert before + after == p
    assert before == math.ceil(p / 2)
    assert after == math.floor(p / 2)


@equation("eq-same-padding")
@claim("S11")
@given(n=integers(1, 64), k=integers(1, 9), d=integers(1, 4))
def test_same_padding_keeps_the_size_and_is_torchs_total(n: int, k: int, d: int) -> None:
    p = same_padding(k, dilation=d)
    assert output_size(n, kernel=k, padding=p, dilation=d) == n
    assert p == sum(nn.Conv1d(1, 1, k, dilation=d, padding="same")._reversed_padding_repeated_twice)
    assert same_padding(k) == k - 1


@claim("S11")
def test_odd_kernels_pad_both_sides_equally_and_even_ones_do_not() -> None:
    assert [pad_sides(same_padding(k)) for k in (1, 3, 5, 7)] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert [pad_sides(same_padding(k)) for k in (2, 4, 6)] == [(1, 0), (2, 1), (3, 2)]


@claim("S11")
def test_torchs_same_puts_the_odd_row_below() -> None:
    X = torch.tensor([[[1.0, 2.0, 3.0]]])
    K = torch.tensor([[[1.0, 10.0]]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch: the even kernel costs a padded copy
        assert F.conv1d(X, K, padding="same").tolist() == [[[21, 32, 3]]]
    assert pad_sides(1) == (1, 0)
    assert F.conv1d(pad(X, (1,)), K).tolist() == [[[10, 21, 32]]]


@claim("S11")
def test_a_total_taken_for_one_side_gives_another_size() -> None:
    assert output_size(32, kernel=5, padding=2) == 30
    assert F.conv1d(torch.zeros(1, 1, 32), torch.zeros(1, 1, 5), padding=2).shape[-1] == 32


# --- what is lost


@claim("S10")
@given(n=integers(1, 40), k=integers(2, 9))
def test_shrink_is_the_sizes_of_a_torch_net_without_padding(n: int, k: int) -> None:
    X, sizes = torch.zeros(1, 1, n), [n]
    while X.shape[-1] >= k:
        X = F.conv1d(X, torch.zeros(1, 1, k))
        sizes.append(X.shape[-1])
    assert shrink(n, kernel=k) == sizes
    assert max_depth(n, kernel=k) == len(sizes) - 1 == (n - 1) // (k - 1)


@claim("S10")
@given(n=integers(1, 200), k=integers(2, 20))
def test_a_larger_kernel_never_allows_more_layers(n: int, k: int) -> None:
    assert max_depth(n, kernel=k + 1) <= max_depth(n, kernel=k)


def windows_starts(n: int, k: int, p: int, s: int) -> range:
    return range(0, n + p - k + 1, s)


@claim("S12")
@given(n=integers(1, 30), k=integers(1, 6), p=integers(0, 6), s=integers(1, 6))
def test_dropped_is_what_lies_behind_the_last_window(n: int, k: int, p: int, s: int) -> None:
    assume(n + p >= k)
    assert dropped(n, kernel=k, padding=p, stride=s) == n + p - (windows_starts(n, k, p, s)[-1] + k)


@claim("S11")
@given(case=windows(largest=5))
def test_use_counts_is_a_count_by_hand(case: dict[str, tuple[int, ...]]) -> None:
    del case["dilation"]
    assume(all(n + p >= k for n, p, k in zip(case["shape"], case["padding"], case["kernel"], strict=True)))
    seen = torch.zeros(*(n + p for n, p in zip(case["shape"], case["padding"], strict=True)), dtype=torch.int64)
    starts = [
        windows_starts(n, k, p, s)
        for n, k, p, s in zip(case["shape"], case["kernel"], case["padding"], case["stride"], strict=True)
    ]
    for corner in itertools.product(*starts):
        seen[tuple(slice(i, i + k) for i, k in zip(corner, case["kernel"], strict=True))] += 1
    inside = tuple(slice(p - p // 2, p - p // 2 + n) for n, p in zip(case["shape"], case["padding"], strict=True))
    counts = use_counts(**case)
    assert counts.dtype == torch.int64
    assert torch.equal(counts, seen[inside])


@claim("S11")
@given(case=windows(largest=5))
def test_use_counts_is_the_gradient_of_a_correlation_with_ones(case: dict[str, tuple[int, ...]]) -> None:
    del case["dilation"]
    assume(all(n + p >= k for n, p, k in zip(case["shape"], case["padding"], case["kernel"], strict=True)))
    X = torch.zeros(1, 1, *case["shape"], requires_grad=True)
    K = torch.ones(1, 1, *case["kernel"])
    CONV[K.dim() - 3](pad(X, case["padding"]), K, stride=case["stride"]).sum().backward()
    assert X.grad is not None
    assert torch.equal(use_counts(**case), X.grad[0, 0].long())


@claim("S11")
def test_border_pixels_are_used_less_often_unless_the_padding_is_full() -> None:
    assert use_counts((3, 3), kernel=3, padding=2).tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    full = 2 * same_padding(3)
    assert use_counts((3, 3), kernel=3, padding=full).tolist() == [[9] * 3] * 3


# --- receptive fields


def net_of(layers: list[Layer]) -> nn.Sequential:
    """The layers as 1-D convolutions with positive weights, which cannot cancel."""
    net = nn.Sequential()
    for layer in layers:
        before, after = layer.padding - layer.padding // 2, layer.padding // 2
        conv = nn.Conv1d(1, 1, layer.kernel, stride=layer.stride, dilation=layer.dilation).double()
        nn.init.uniform_(conv.weight, 0.5, 1.0)
        net.append(nn.Sequential(nn.ConstantPad1d((before, after), 0.0), conv))
    return net


layer_lists = st.lists(
    st.builds(Layer, integers(1, 5), integers(1, 3), integers(0, 5), integers(1, 3)), min_size=1, max_size=4
)


@equation("eq-receptive-field", "eq-jump")
@claim("S15")
@given(layers=layer_lists, later=integers(0, 2))
def test_receptive_field_is_where_the_gradient_of_a_real_net_is(layers: list[Layer], later: int) -> None:
    net = net_of(layers)
    fields = receptive_field(layers)
    assert len(fields) == len(layers)
    for depth, field in enumerate(fields, start=1):
        i = math.ceil(-field.start / field.jump) + later  # its field begins inside the input
        first = field.start + i * field.jump
        n = first + field.size  # and ends with the input
        for extra in (0, 2):
            gradient = gradient_field(net[:depth], (1, n + extra), at=(i,))
            where = gradient.nonzero().flatten()
            assert (where[0], where[-1]) == (first, first + field.size - 1)


@equation("eq-receptive-field")
@claim("S15")
@given(kernels=st.lists(integers(1, 5), min_size=1, max_size=5))
def test_without_strides_the_field_is_full_and_grows_by_k_minus_1(kernels: list[int]) -> None:
    field = receptive_field([Layer(k) for k in kernels])[-1]
    assert field == (1 + sum(k - 1 for k in kernels), 1, 0)
    gradient = gradient_field(net_of([Layer(k) for k in kernels]), (1, field.size))
    assert (gradient > 0).all()


@equation("eq-jump")
@given(strides=st.lists(integers(1, 4), min_size=1, max_size=5))
def test_the_jump_is_the_product_of_the_strides(strides: list[int]) -> None:
    assert receptive_field([Layer(3, s) for s in strides])[-1].jump == math.prod(strides)


@claim("S15")
def test_enough_3_by_3_layers_see_the_whole_image() -> None:
    fields = receptive_field([Layer(3, padding=2)] * 14)
    assert [field.size for field in fields] == list(range(3, 30, 2))
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(4))).double()
    for depth in range(1, 5):
        seen = gradient_field(net[:depth], (1, 11, 11)) > 0
        assert seen.sum() == (2 * depth + 1) ** 2
        assert seen[5 - depth : 6 + depth, 5 - depth : 6 + depth].all()


def test_receptive_field_counts_holes_and_padding() -> None:
    assert receptive_field([Layer(3, dilation=2)]) == [ReceptiveField(5, 1, 0)]
    assert receptive_field([(3, 2, 3), (2, 2, 1)]) == [(3, 2, -2), (5, 4, -4)]
    assert receptive_field([]) == []


def test_gradient_field_takes_the_centre_unless_told() -> None:
    net = nn.Conv2d(2, 3, 3, padding=1)
    centre = gradient_field(net, (2, 4, 7))
    assert centre.shape == (4, 7)
    assert torch.equal(centre, gradient_field(net, (2, 4, 7), at=(2, 3)))
    corner = gradient_field(net, (2, 4, 7), at=(0, 6)) > 0
    assert corner.nonzero().tolist() == [[0, 5], [0, 6], [1, 5], [1, 6]]


def test_gradient_field_is_the_sum_of_absolute_weights_in_a_linear_net() -> None:
    net = nn.Conv1d(2, 3, 3).double()
    assert torch.allclose(gradient_field(net, (2, 3)), net.weight.abs().sum((0, 1)))
    assert torch.allclose(gradient_field(net, (2, 3), samples=5), 5 * net.weight.abs().sum((0, 1)))


def test_output_channels_do_not_cancel_in_the_gradient_field() -> None:
    net = nn.Conv1d(1, 2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([1.0, -1.0])[:, None, None])
    assert gradient_field(net, (1, 3)).tolist() == [0, 2, 0]


def test_more_samples_find_the_paths_that_a_relu_blocks() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 1, 2))
    field = receptive_field([Layer(3), Layer(2, 2), Layer(2)])[-1]
    one, many = (gradient_field(net, (1, field.size, field.size), samples=n) > 0 for n in (1, 200))
    assert field.size == 6
    assert not one.all()
    assert many.all()


def test_gradient_field_leaves_the_net_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(gradient_field(net, (1, 5, 5)), gradient_field(net, (1, 5, 5)))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert [module.training for module in net] == [True, False, True]
    assert gradient_field(nn.Identity(), (1, 3)).tolist() == [0, 1, 0]


# --- parameters and operations


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...], dict[str, Any]]:
    """A convolution of torch, a sample's shape and what it was made of."""
    axes, groups = draw(integers(1, 3)), draw(integers(1, 3))
    kernel = tuple(draw(integers(1, 3)) for _ in range(axes))
    given_ = {
        "c_in": groups * draw(integers(1, 3)),
        "c_out": groups * draw(integers(1, 3)),
        "kernel": kernel,
        "groups": groups,
    }
    q, s, bias = draw(integers(0, 2)), draw(integers(1, 2)), draw(st.booleans())
    net = MODULE[axes - 1](given_["c_in"], given_["c_out"], kernel, padding=q, stride=s, groups=groups, bias=bias)
    shape = (given_["c_in"], *(k + draw(integers(0, 3)) for k in kernel))
    return net, shape, given_


@equation("eq-conv-parameters")
@claim("S21")
@given(case=convolutions())
def test_conv_parameters_are_torchs(case: tuple[Any, tuple[int, ...], dict[str, Any]]) -> None:
    net, _, given_ = case
    count = sum(parameter.numel() for parameter in net.parameters())
    assert conv_parameters(**given_, bias=net.bias is not None) == count


@claim("S21")
def test_a_convolution_has_one_bias_per_output_channel() -> None:
    assert conv_parameters(3, 8, 5) - conv_parameters(3, 8, 5, bias=False) == 8
    assert nn.Conv2d(3, 8, 5).bias.shape == (8,)
    assert conv_parameters(3, 8, 5) == conv_parameters(3, 8, (5, 5)) == 8 * 3 * 25 + 8


@equation("eq-conv-macs")
@claim("S21")
@given(case=convolutions(), batch=integers(1, 3))
def test_conv_macs_are_the_hooks_count_and_half_of_torchs_flops(
    case: tuple[Any, tuple[int, ...], dict[str, Any]], batch: int
) -> None:
    net, shape, given_ = case
    X = torch.zeros(batch, *shape)
    macs = conv_macs(**given_, out_shape=tuple(net(X).shape[2:]))
    assert count_macs(net, X) == batch * macs
    with FlopCounterMode(display=False) as counter:
        net(X)
    assert counter.get_total_flops() == 2 * batch * macs
    assert summary(net, shape)[0].macs == macs


@equation("eq-conv-macs")
@claim("S21")
@given(n=integers(3, 8), k=integers(1, 3), s=integers(1, 3), c_i=integers(1, 4), c_o=integers(1, 4))
def test_conv_macs_add_up_how_often_each_input_is_used(n: int, k: int, s: int, c_i: int, c_o: int) -> None:
    used = use_counts((n, n + 1), kernel=k, stride=s).sum().item()
    assert conv_macs(c_i, c_o, k, output_shape((n, n + 1), kernel=k, stride=s)) == c_i * c_o * used


@claim("S21")
def test_the_example_of_the_notes_is_one_billion() -> None:
    assert conv_macs(100, 100, 5, (64, 64)) == 1_024_000_000
    net = nn.Conv2d(100, 100, 5, padding=2, device="meta")
    assert count_macs(net, torch.zeros(1, 100, 64, 64, device="meta")) == 1_024_000_000


@given(inputs=integers(1, 50), outputs=integers(1, 50), batch=integers(1, 4))
def test_dense_macs_are_the_hooks_count(inputs: int, outputs: int, batch: int) -> None:
    assert count_macs(nn.Linear(inputs, outputs), torch.zeros(batch, inputs)) == batch * dense_macs(inputs, outputs)


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def test_summary_lists_the_layers_and_adds_up() -> None:
    net = lenet()
    rows = summary(net, (1, 28, 28))
    assert [row.name for row in rows] == [f"{i} {type(module).__name__}" for i, module in enumerate(net)]
    assert [row.shape for row in rows][:7] == [
        (6, 28, 28), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 10, 10), (16, 5, 5), (400,),
    ]  # fmt: skip
    assert sum(row.parameters for row in rows) == 61_706
    assert sum(row.macs for row in rows) == count_macs(net, torch.zeros(1, 1, 28, 28)) == 416_520
    assert rows[7] == ("7 Linear", (120,), 48_120, dense_macs(400, 120))


def test_summary_uses_names_and_counts_a_shared_layer_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1, dtype=torch.float64)

        def forward(self, X: Tensor) -> Tensor:
            return self.conv(self.conv(X))

    assert summary(Twice(), (1, 4, 4)) == [("conv", (1, 4, 4), 10, 144), ("conv", (1, 4, 4), 0, 144)]
    assert count_macs(Twice(), torch.zeros(1, 1, 4, 4, dtype=torch.float64)) == 288
    assert summary(nn.Linear(2, 3), (2,)) == [("Linear", (3,), 9, 6)]


def test_windows_move_by_one_without_padding_unless_told_and_cut_what_their_slices_say() -> None:
    assert Windows.of((2, 3)) == Windows((2, 3), (1, 1), (0, 0), (1, 1))
    assert Windows.of((2, 3), None) == Windows((2, 3), (2, 3), (0, 0), (1, 1))
    windows = Windows.of((2, 2), (2, 3), 0, (3, 1))
    X = torch.arange(8 * 9).reshape(1, 1, 8, 9)
    cut = windows.cut(X)
    for (i, j), where in windows.places((8, 9)):
        assert torch.equal(cut[0, 0, i, j], X[0, 0][where])


def test_summary_counts_a_parts_own_weights_and_not_those_of_a_layer_that_does_not_run() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(2, 3), nn.Linear(5, 7)
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, X: Tensor) -> Tensor:
            return self.used(X) * self.scale

    assert summary(Scaled(), (2,)) == [("used", (3,), 9, 6), ("Scaled", (3,), 3, 0)]


def test_counting_leaves_the_net_as_it_was_also_after_an_error() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    summary(net, (1, 3, 3))  # one value per channel: batch norm refuses it in training mode
    with pytest.raises(ValueError, match=r"does not take images of size 3×5×5 \(X\): its layer 0, Conv2d"):
        count_macs(net, torch.zeros(1, 3, 5, 5))
    assert net[1].training
    assert net[1].num_batches_tracked == 0
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


@pytest.mark.parametrize(
    ("net", "X", "said"),
    [
        (torch.float32, torch.uint8, "X is uint8, but the net computes in float32; give X.float()."),
        (torch.float32, torch.float64, "X is float64, but the net computes in float32; give X.float()."),
        (torch.float64, torch.float32, "X is float32, but the net computes in float64; give X.double()."),
        (torch.bfloat16, torch.float32, "X is float32, but the net computes in bfloat16; give X.to(torch.bfloat16)."),
    ],
)
def test_counting_images_of_another_dtype_names_the_dtype_not_the_size(net, X, said) -> None:
    lenet = lenet_modern().to(net)
    hooks = [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in lenet.modules()]
    with pytest.raises(TypeError, match=re.escape(said)):
        count_macs(lenet, torch.zeros(2, 1, 28, 28, dtype=X))
    assert count_macs(lenet, torch.zeros(2, 1, 28, 28, dtype=net)) > 0
    assert hooks == [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in lenet.modules()]


def test_counting_images_without_an_axis_names_it() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    with pytest.raises(ValueError, match=r"X has no channel axis: give X\[:, None\]"):
        count_macs(net, torch.zeros(5, 4, 4))


def test_a_transposed_convolution_costs_its_weights_at_each_input() -> None:
    net = nn.ConvTranspose2d(3, 8, 4, stride=2)
    assert count_macs(net, torch.zeros(1, 3, 8, 8)) == 24_576 == 64 * 3 * 8 * 16
    assert summary(net, (3, 8, 8)) == [("ConvTranspose2d", (8, 18, 18), 392, 24_576)]


class Functional(nn.Module):
    """The work is in functions and in a weight of the part's own."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(8, 3, 5, 5))
        self.act = nn.ReLU()

    def forward(self, X: Tensor) -> Tensor:
        return self.act(F.conv2d(X, self.kernel))


def test_functions_are_counted_like_layers_and_have_a_row_of_their_own() -> None:
    macs = conv_macs(3, 8, 5, (4, 4))
    assert count_macs(Functional(), torch.zeros(2, 3, 8, 8)) == 2 * macs
    rows = summary(nn.Sequential(Functional(), nn.Flatten(), nn.Linear(128, 10)), (3, 8, 8))
    assert rows[:2] == [("0.act", (8, 4, 4), 0, 0), ("0 Functional", (8, 4, 4), 600, macs)]
    assert sum(row.macs for row in rows) == macs + 1_280
    assert sum(row.parameters for row in rows) == 600 + 1_290


def test_a_recurrent_layer_counts_as_much_on_cuda_as_on_a_cpu() -> None:
    """CUDA hands all weights and biases over at once; the biases are no products."""
    counts, aten = geometry._more_products(), torch.ops.aten
    x, W, U = (7, 2, 3), (20, 3), (20, 5)
    assert counts[aten._cudnn_rnn](x, [W, U, (20,), (20,)]) == counts[aten.mkldnn_rnn_layer](x, W, U)
    assert counts[aten.mkldnn_rnn_layer](x, W, U) == 2 * (7 * 2) * (20 * 3 + 20 * 5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_a_recurrent_layer_costs_its_matrices_at_each_step(kind: Any, gates: int, bidirectional: bool) -> None:
    net = kind(4, 5, batch_first=True, bidirectional=bidirectional)
    directions = 2 if bidirectional else 1
    assert count_macs(net, torch.zeros(2, 7, 4)) == 2 * 7 * directions * gates * 5 * (4 + 5)
    assert summary(net, (7, 4))[0].shape == (7, 5 * directions)  # of its two outputs the first


def test_attention_costs_its_projections_and_two_products() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, X: Tensor) -> Tensor:
            return self.inner(X, X, X)[0]

    assert count_macs(Attention(), torch.zeros(2, 5, 8)) == 2 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    "product",
    [
        lambda A, v: A @ v,
        lambda A, v: torch.addmv(torch.zeros(3), A, v),
        lambda A, v: A.flatten() @ v.repeat(3),
        lambda A, v: torch.einsum("ij,j->i", A, v),
        lambda A, v: F.linear(v, A),
    ],
)
def test_products_with_a_vector_are_counted(product: Any) -> None:
    class Product(nn.Module):
        def forward(self, v: Tensor) -> Tensor:
            return product(torch.ones(3, 4), v)

    assert count_macs(Product(), torch.ones(4)) == 12


class Paired(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pair = nn.Bilinear(6, 6, 2)

    def forward(self, X: Tensor) -> Tensor:
        return self.pair(X, X)


@pytest.mark.parametrize(
    ("net", "layer"), [(nn.Sequential(nn.Flatten(), Conv2D((2, 2))), "1, Conv2D"), (Paired(), "pair, Bilinear")]
)
def test_a_layer_whose_products_cannot_be_counted_is_named(net: nn.Module, layer: str) -> None:
    with pytest.raises(ValueError, match=f"count_macs: the layer {layer}.* has weights of .*Count this layer by hand"):
        count_macs(net, torch.zeros(4, 6))
    with pytest.raises(ValueError, match=f"summary: the .*layer {layer}"):
        summary(net, (6,))


def test_tables_and_scales_cost_no_products() -> None:
    net = nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm((3, 4)), nn.BatchNorm1d(3))
    assert count_macs(net, torch.zeros(2, 3, dtype=torch.int64)) == 0


def test_a_lazy_layer_is_asked_to_see_a_batch_first() -> None:
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    for call in (lambda: summary(net, (2, 2)), lambda: count_macs(net, torch.zeros(1, 2, 2))):
        with pytest.raises(ValueError, match=r"the net's layer 1, LazyLinear.* has no sizes yet; .*net\(x\)"):
            call()


def test_an_empty_batch_costs_nothing() -> None:
    assert count_macs(lenet(), torch.zeros(0, 1, 28, 28)) == 0


# --- bad input


@given(n=integers(1, 10), k=integers(1, 12), p=integers(0, 4), d=integers(1, 3))
@example(n=3, k=5, p=2, d=1)
@example(n=3, k=5, p=1, d=1)
def test_a_kernel_fits_or_the_error_says_so(n: int, k: int, p: int, d: int) -> None:
    if d * (k - 1) + 1 <= n + p:
        assert output_size(n, kernel=k, padding=p, dilation=d) >= 1
    else:
        with pytest.raises(ValueError, match=f"output_size: the {k} kernel.* does not fit the {n} input"):
            output_size(n, kernel=k, padding=p, dilation=d)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: output_size(0, kernel=1), ValueError, "output_size: size is 0, but it must be at least 1"),
        (lambda: output_size(5, kernel=0), ValueError, "output_size: kernel is 0, but it must be at least 1"),
        (lambda: output_size(5, kernel=2, stride=0), ValueError, "stride is 0, but it must be at least 1"),
        (
            lambda: output_size(5, kernel=2, padding=-1),
            ValueError,
            "padding is -1, but it must be at least 0",
        ),
        (
            lambda: output_size(5, kernel=2, dilation=0),
            ValueError,
            "dilation is 0, but it must be at least 1",
        ),
        (lambda: output_size(5.0, kernel=2), TypeError, "size must be a whole number, not 5.0"),
        (
            lambda: output_size(3, kernel=5),
            ValueError,
            r"would be \(3-5\+1\) = -1. Pad the input or use a smaller",
        ),
        (lambda: output_shape((3, 4), kernel=5), ValueError, "the 5×5 kernel does not fit the 3×4 input"),
        (
            lambda: output_shape((3, 4), kernel=(1, 2, 3)),
            ValueError,
            "but 2 axes need 2 numbers or one for all",
        ),
        (
            lambda: output_shape(3, kernel=2),
            TypeError,
            "output_shape: shape must be a sequence with one size per",
        ),
        (lambda: output_shape((3, 0), kernel=1), ValueError, "output_shape: shape is 0"),
        (lambda: pad_sides(-1), ValueError, "pad_sides: padding is -1"),
        (lambda: same_padding(0), ValueError, "same_padding: kernel is 0"),
        (lambda: same_padding(3, dilation=0), ValueError, "same_padding: dilation is 0"),
        (lambda: shrink(0, kernel=3), ValueError, "shrink: size is 0"),
        (lambda: shrink(5, kernel=0), ValueError, "shrink: kernel is 0"),
        (lambda: shrink(5, kernel=1), ValueError, r"shrink: kernel is 1, but n - k \+ 1 = n"),
        (lambda: max_depth(5, kernel=1), ValueError, "max_depth: kernel is 1"),
        (lambda: dropped(2, kernel=3), ValueError, "dropped: the 3 kernel does not fit the 2 input"),
        (lambda: dropped(0, kernel=3), ValueError, "dropped: size is 0"),
        (
            lambda: use_counts((2, 9), kernel=3),
            ValueError,
            "use_counts: the 3×3 kernel does not fit the 2×9 input",
        ),
        (lambda: use_counts((4, 4), kernel=3, stride=0), ValueError, "use_counts: stride is 0"),
        (lambda: receptive_field([3]), TypeError, "layer 0 must be a Layer.*not 3"),
        (lambda: receptive_field([Layer(1), Layer(0)]), ValueError, "receptive_field: layer 1: kernel is 0"),
        (lambda: receptive_field([Layer(3, 0)]), ValueError, "layer 0: stride is 0"),
        (lambda: receptive_field([Layer(3, 1, -1)]), ValueError, "layer 0: padding is -1"),
        (lambda: receptive_field([Layer(3, 1, 1, 0)]), ValueError, "layer 0: dilation is 0"),
        (lambda: gradient_field(nn.Flatten(), (1, 3, 3)), ValueError, r"must keep rank 4.*Leave out flatten"),
        (
            lambda: gradient_field(nn.Identity(), (1, 3), at=(3,)),
            ValueError,
            r"at is \(3,\).*position in the 3 out",
        ),
        (lambda: gradient_field(nn.Identity(), (1, 3), at=(-1,)), ValueError, r"at is \(-1,\)"),
        (lambda: gradient_field(nn.Identity(), (1, 3), at=(1, 1)), ValueError, r"at is \(1, 1\)"),
        (lambda: gradient_field(nn.Identity(), (1, 3), samples=0), ValueError, "samples is 0"),
        (lambda: gradient_field(nn.Identity(), 3), TypeError, "in_shape must be a sequence"),
        (lambda: conv_parameters(0, 1, 3), ValueError, "conv_parameters: c_in is 0"),
        (lambda: conv_parameters(1, 0, 3), ValueError, "conv_parameters: c_out is 0"),
        (lambda: conv_parameters(1, 1, (3, 0)), ValueError, "conv_parameters: kernel is 0"),
        (lambda: conv_parameters(4, 6, 3, groups=4), ValueError, "must divide c_in = 4 and c_out = 6"),
        (lambda: conv_parameters(6, 4, 3, groups=4), ValueError, "must divide c_in = 6 and c_out = 4"),
        (lambda: conv_parameters(4, 4, 3, groups=0), ValueError, "groups is 0"),
        (lambda: conv_macs(4, 4, 3, (2, 2), groups=0), ValueError, "^conv_macs: groups is 0, but it must be at least"),
        (lambda: conv_macs(1, 1, (3, 3), (5,)), ValueError, "but 1 axes need 1 numbers"),
        (lambda: conv_macs(1, 1, 3, 5), TypeError, "conv_macs: out_shape must be a sequence"),
        (lambda: conv_macs(1, 1, 3, (5, 0)), ValueError, "conv_macs: out_shape is 0"),
        (lambda: dense_macs(0, 1), ValueError, "dense_macs: inputs is 0"),
        (lambda: dense_macs(1, 0), ValueError, "dense_macs: outputs is 0"),
        (lambda: summary(nn.ReLU(), (0,)), ValueError, "summary: in_shape is 0"),
    ],
)
def test_errors_name_the_argument_the_value_and_the_rule(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
